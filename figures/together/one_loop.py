r"""all1: one loop judged by all theories, in one currency.

Three recursions are measured as far as their laws allow; every statement of the four
theories is asked whether it speaks of them, its hypotheses are checked on the run, and its
curve is carried, where a standard inequality leads there, into total variation.
"""

import xarray as xr

from figures.replication import over_seeds
from figures.together.cases import cases
from figures.together.evaluation import evaluate
from figures.together.evidence import judgements
from figures.together.loops import simulate_case
from figures.together.picture import draw
from figures.together.presets import Together
from sim.store import Group, Run
from theory.claims import Evidence

__all__ = ["caption", "draw", "judge", "predict", "simulate"]


def simulate(settings: Together, run: Run, progress) -> xr.Dataset:
    """Every loop and seed: (learner, seed, generation)."""
    loops = cases(settings)

    def one_group(group: Group) -> xr.Dataset:
        traces = []
        for learner, case in loops.items():
            with progress.stage(learner):
                traces.append(simulate_case(case, group.part(learner), progress))
        learner = xr.DataArray(list(loops), dims="learner", name="learner")
        return xr.concat(traces, learner, join="outer", combine_attrs="drop")

    return over_seeds(run, settings.seeds, one_group)


def predict(settings: Together, trace: xr.Dataset) -> xr.Dataset:
    """Every statement's curve, see `figures.together.evaluation.evaluate`."""
    return evaluate(settings, trace)


def judge(settings: Together, trace: xr.Dataset, curves: xr.Dataset) -> list[Evidence]:
    """Guarantees in every run, predictions in the mean, and controls that must fail."""
    return judgements(settings, trace, curves)


def caption(settings: Together, trace: xr.Dataset) -> str:
    """What is shown, with every setting needed to repeat it."""
    alpha = ", ".join(f"{a:g}" for a in settings.alpha)
    data = {"gaussian": "N(0, 1)", "two-modes": "modes N(-2, 1/4) and N(2, 1/4)"}
    learners = {
        "kernel": f"a kernel density of bandwidth {settings.bandwidth:g} n^(-1/5)",
        "gaussian": "a Gaussian by maximum likelihood",
        "shift": (
            f"a score that is that of its data moved by about {settings.shift:g} "
            f"({settings.errors} errors), its law carried through {settings.steps} reverse "
            f"steps on {settings.nodes} nodes"
        ),
    }
    loops = "; ".join(learners[name] for name in settings.learner)
    return (
        f"One loop, all theories: {loops}. Data {data[settings.target]}, fresh fraction "
        f"{alpha}, n = {settings.n} points of independent draws from the mixture where the "
        f"learner needs any, {settings.generations} models, horizon T = {settings.T:g}. "
        f"Points: total variation of the generated law from the data law, by quadrature of "
        f"laws that are known, mean over {trace.sizes['seed']} runs with 95 % intervals. "
        "Lines, left: every statement that can be carried into total variation; solid: "
        "guarantees whose hypotheses hold on the run, in the mean over runs; dashed: exact "
        "predictions; dotted: rates, and the theorem as displayed, with constants of our own. "
        "(U1) to (U3), (X): discounted sums of the measured innovations, a chi-square standing "
        "for the largest total variation that it allows; path energy: Prop 3.1 unrolled; "
        "sandwich: from energies and observability; sum of A_s eps_s, and the reverse triangle "
        "from below: measured one-step errors; mean, variance, and TV of the mean: exact moments "
        "of the kernel density. Strips: the tightest upper and lower guarantee of each model, in "
        "its line's colour. Right: each line over the measured mean; beyond the thin grey line "
        "it says nothing. What does not appear is silent or not about total variation: "
        "`driftlab compare` lists it, with the reason."
    )
