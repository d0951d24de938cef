"""The recursions of all1: a kernel density, a Gaussian, and a score moved by a shift.

The kernel's points remember their lines; all three generate laws that are known, exactly or
on a grid, so that every divergence, energy and entropy is measured without samples.
"""

from typing import Any

import numpy as np
import xarray as xr

from figures.error_propagation.accumulation import shifts
from figures.replication import replica_keys
from figures.self_consuming.loops import covering_grid, density_loop, simulate_loop
from figures.together.cases import Case
from figures.together.presets import LEARNERS
from sim.composition import Points, Traced
from sim.grid import uniform_grid
from sim.learners.density import GaussianFit, TracedKernel
from sim.learners.perturbed import Perturbed, Shift
from sim.measures.diffused import DiffusedEnergies
from sim.measures.drift import Drift
from sim.measures.lineage import Ancestry
from sim.measures.memorisation import Score
from sim.recursion import Recursion
from sim.recursion import run as recurse
from sim.sampling import ReverseSDE
from sim.store import Group
from sim.targets import Mixture
from theory.processes import ou

__all__ = ["MEASURED", "simulate_case"]

MEASURED = (
    *(name for m in (Drift, DiffusedEnergies, Ancestry, Score) for name in m.names),
    "chi2_step",
    "observability",
    "chi2_path",
    "step_tv",
    "shift",
    "finite",
)
"""What a trace holds of a loop, where the loop allows it."""

HALF_WIDTH = 8.0
SMOOTHEST = 0.3
"""Kernel bandwidth whose grid the Gaussians use."""


def simulate_case(case: Case, group: Group, progress: Any) -> xr.Dataset:
    """All generations of every seed of the group: (seed, generation)."""
    simulate = _shifted if case.learner == "shift" else _estimated
    trace = simulate(case, group, progress)
    # A chain in steps is judged against the ideal chain's end, an exact diffusion against q_i.
    ideal = ("kl", "chi2") if case.learner == "shift" else ("kl_step", "intra")
    steps = zip(("kl_step", "chi2_step"), ideal, strict=True)
    trace = trace.assign({name: trace[of] for name, of in steps})
    return trace[[name for name in MEASURED if name in trace]]


def _estimated(case: Case, group: Group, progress: Any) -> xr.Dataset:
    n, kernel = case.settings.n, case.learner == "kernel"
    h = case.bandwidth if kernel else SMOOTHEST
    grid, _ = covering_grid(HALF_WIDTH, [case.schedule], h, case.law)
    measures = [Drift(grid), DiffusedEnergies(grid, case.settings.T), Score()]
    loop = density_loop(
        [case.schedule],
        "iid",
        (lambda at: TracedKernel(h))
        if kernel
        else (lambda at: GaussianFit(unbiased=False)),
        Mixture(case.law),
        Traced(n) if kernel else Points(n),
        (*measures, Ancestry()) if kernel else tuple(measures),
        n=n,
    )
    lot = LEARNERS.index(case.learner)
    return simulate_loop(loop, group, case.settings.seed, {}, progress, lot=lot)


def _shifted(case: Case, group: Group, progress: Any) -> xr.Dataset:
    of = case.settings
    process = ou(of.T, 0.0)
    grid = uniform_grid(HALF_WIDTH, of.nodes, 1, of.T / of.steps)
    recursion = Recursion(
        target=Mixture(case.law),
        learner=lambda at: Perturbed(Shift(at["shift"][None])),
        sampler=ReverseSDE(of.steps),
        process=process,
        n=0,
        generations=of.generations,
        grid=grid,
        measures=(Drift(grid),),
    )
    rows = [
        shifts(
            of.errors,
            case.alpha,
            of.shift,
            of.generations,
            np.random.default_rng([of.seed, seed]),
        )
        for seed in group.seeds
    ]
    trace = recurse(
        recursion,
        replica_keys(of.seed, group.seeds),
        {"alpha": np.tile(case.alpha, (len(rows), 1)), "shift": np.stack(rows)},
        {"seed": np.array(group.seeds)},
        group,
        progress,
    )
    return trace.assign(shift=(("seed", "generation"), np.stack(rows)))
