r"""gm7: training sets chosen at random, greedily or by the threshold decay filter.

From the 2N latest samples (a random choice needs N), or, accumulating, from N samples of
each model so far and the N original points.
"""

import numpy as np
import xarray as xr
from matplotlib.figure import Figure

from figures import style
from figures.memorization.data import described
from figures.memorization.loops import Loop, run_loop
from figures.memorization.marks import RUNS, faithful, in_every_run, over_runs, trained
from figures.memorization.presets.selection import Selecting
from figures.replication import over_seeds
from sim.composition import Greedy, Random, ThresholdDecay
from sim.store import Group, Run
from theory.claims import Evidence

__all__ = ["caption", "draw", "judge", "predict", "simulate"]

PARADIGMS = {"replace": "replace", "accumulate": "accumulate-subsample"}
RULES = {"random": "random", "greedy": "greedy", "decay": "threshold decay"}
COLOURS = dict(zip(RULES, style.SERIES, strict=False))
MARKERS = dict(zip(RULES, "os^", strict=True))


def loops(settings: Selecting) -> dict[tuple[str, str], Loop]:
    """By paradigm and rule."""
    n = settings.n
    rules = {
        "random": Random(),
        "greedy": Greedy(),
        "decay": ThresholdDecay(settings.threshold, settings.decay),
    }
    return {
        (paradigm, name): Loop(
            n,
            rule,
            accumulates=paradigm == "accumulate",
            generate=2 * n if paradigm == "replace" and name != "random" else n,
        )
        for paradigm in PARADIGMS
        for name, rule in rules.items()
    }


def simulate(settings: Selecting, run: Run, progress) -> xr.Dataset:
    """All six loops of every seed."""

    def one_group(group: Group) -> xr.Dataset:
        traces = []
        for k, ((paradigm, rule), loop) in enumerate(loops(settings).items()):
            with progress.stage(f"{paradigm}, {rule}"):
                part = group.part(f"{paradigm}-{rule}")
                trace = run_loop(settings, loop, k, part, progress)
                traces.append(trace.assign_coords(paradigm=paradigm, rule=rule))
        rows = [
            xr.concat(traces[k : k + len(RULES)], "rule", combine_attrs="drop")
            for k in (0, len(RULES))
        ]
        return xr.concat(rows, "paradigm", join="outer", combine_attrs="drop")

    trace = over_seeds(run, settings.seeds, one_group)
    return trace.assign_attrs(data=described(settings))


def predict(settings: Selecting, trace: xr.Dataset) -> xr.Dataset:
    """Nothing: what is claimed here are orders."""
    return xr.Dataset()


def draw(settings: Selecting, trace: xr.Dataset, curves: xr.Dataset) -> Figure:
    """A column for each paradigm, a line for each rule."""
    fig, axes = style.panels(3, 2, height=2.1, sharex=True, sharey="row")
    rows = (
        ("score", "GS (data units)"),
        ("frechet", "Frechet distance"),
        ("data_entropy", "$H(D_n)$ (nats)"),
    )
    for row, (name, label) in zip(axes, rows, strict=True):
        for ax, (paradigm, title) in zip(row, PARADIGMS.items(), strict=True):
            style.panel(ax, title if ax in axes[0] else "", "", "", whole="x")
            for rule, called in RULES.items():
                of = trace[name].sel(paradigm=paradigm, rule=rule)
                over_runs(ax, of, called, colour=COLOURS[rule], marker=MARKERS[rule])
        row[0].set_ylabel(label)
    for ax in axes[-1]:
        ax.set_xlabel("model $n$")
    axes[0, 0].set_ylim(bottom=0)
    axes[1, 0].set_ylim(bottom=0)
    style.legend(axes[0, 1], loc="lower left")
    return fig


def judge(settings: Selecting, trace: xr.Dataset, curves: xr.Dataset) -> list[Evidence]:
    """The last model's values of one loop against those of another, run by run."""
    first, last = (trace.isel(generation=g) for g in (0, -1))
    models = f"n = {settings.n}, model {settings.generations}"
    random = {"rule": "random"}
    kept = (last["score"] / first["score"]).sel(random)
    part = np.hypot(
        last["score_se"] / last["score"], first["score_se"] / first["score"]
    ).sel(random)
    slack = kept.sel(paradigm="accumulate") - kept.sel(paradigm="replace")
    errors = [(kept * part).sel(paradigm=p) for p in PARADIGMS]
    found = [
        in_every_run(
            "gm-accumulating-slows",
            f"{settings.data}, random choice, {models}",
            slack,
            *errors,
            hypotheses=faithful(trace.sel(rule="random")),
            n=settings.n,
        )
    ]
    compared = (
        ("gm-selection-slows", "score", 1.0),
        ("gm-selection-entropy", "data_entropy", 1.0),
        ("gm-selection-frechet", "frechet", -1.0),
    )
    for paradigm in PARADIGMS:
        base = last.sel(paradigm=paradigm, rule="random")
        for rule in ("greedy", "decay"):
            of = last.sel(paradigm=paradigm, rule=rule)
            setting = f"{settings.data}, {paradigm}, {RULES[rule]}, {models}"
            found += [
                in_every_run(
                    claim,
                    setting,
                    sign * (of[name] - base[name]),
                    of[f"{name}_se"],
                    base[f"{name}_se"],
                    scale=base[name],
                    hypotheses=faithful(trace.sel(paradigm=paradigm)),
                    n=settings.n,
                )
                for claim, name, sign in compared
            ]
    return found


def caption(settings: Selecting, trace: xr.Dataset) -> str:
    """What is shown, with every setting needed to repeat it."""
    return (
        f"Training sets of N = {settings.n} points. Replace: from the latest model's 2N samples "
        "(N for the random choice); accumulate: from the original points and N samples of each "
        "model so far. Greedy: farthest-point traversal; threshold decay: from "
        f"{settings.threshold:g} mean spacings of the first training set, factor "
        f"{settings.decay:g}. Distances in the space of the data, where the score is measured "
        "too. Frechet distance between Gaussians fitted to the samples and to held-out real "
        f"points, same space. {RUNS} {trace.sizes['seed']} runs. "
        + trained(settings, trace)
    )
