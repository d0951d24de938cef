"""What happens in the loops of `phase_transition`: many runs in one program, laws exact.

A run goes through all simulated amounts; each loop carries its law and counts of draws, and
measures TV from the real law and from the law of its training data.
"""

from dataclasses import dataclass
from functools import cache, partial

import jax
import jax.numpy as jnp
import jax.random as jr
import numpy as np
import xarray as xr
from jaxtyping import Array, Float

from figures.autoencoder.chains import QUICK_TO_COMPILE
from figures.explore.phase_transition import (
    EVERY,
    LEARNERS,
    MOST,
    Settings,
    stacked,
)
from figures.replication import interval, replica_keys
from figures.self_consuming.loops import STILL, standard
from sim.composition import Counts, Mixing, Real, State, Summary, scheduled
from sim.grid import Grid
from sim.learners.density import Frequencies, GaussianMLE, GridKernel
from sim.measures.scene import Scene
from sim.measures.tabulated import TotalVariation
from sim.replicas import replicated
from sim.targets import Mixture, categories, tabulated
from theory.self_consuming.weights import accumulated_bound

__all__ = ["GRID", "RUNS", "Interval", "Simulated", "simulate"]

RUNS = {"kernel": 48, "gaussian": 256, "frequencies": 256, "minimax": 256}
"""Independent runs of each learner."""
GRID = Grid(9.0, 720)
"""Holds every kernel density that can be set, and resolves every bandwidth."""
GAUSSIAN_GRID = Grid(8.0, 128)
"""The trapezoidal rule is spectral for Gaussians."""


@dataclass(frozen=True)
class Interval:
    """Means over runs with their 95 % intervals."""

    mean: Float[np.ndarray, " amounts"]
    low: Float[np.ndarray, " amounts"]
    high: Float[np.ndarray, " amounts"]


@dataclass(frozen=True)
class Simulated:
    """What the runs did, at every simulated amount."""

    lam: Float[np.ndarray, " amounts"]
    """m/n"""
    tv: Interval
    """of model G from the real law"""
    bound: Interval
    """the bound on it from each run's own one-step errors; first, without synthetic data,
    the error of one step"""
    runs: int


def simulate(settings: Settings, seed: int = 0) -> Simulated:
    """`RUNS` loops of G models at every simulated amount."""
    chosen = settings.schedules[::EVERY]
    schedules = stacked(chosen)
    at, _ = scheduled(chosen, settings.protocol)
    at["bandwidth"] = settings.bandwidths(schedules)
    at["pseudo_count"] = settings.pseudo_counts(schedules)
    runs = RUNS[settings.learner]
    each = lambda a: np.broadcast_to(a, (runs, *np.shape(a)))
    tv, steps = _program(settings.learner, settings.protocol)(
        replica_keys(seed, range(runs)),
        {name: each(values) for name, values in at.items()},
        each(settings.models),
    )
    bound = _bounds(schedules, steps)[:, :, settings.models - 1]
    lam = settings.synthetic[::EVERY] / settings.n
    return Simulated(lam, _over_runs(tv), _over_runs(bound), runs)


_bounds = jax.jit(
    jax.vmap(jax.vmap(accumulated_bound), in_axes=(None, 0))
)  # (amounts,), (runs, amounts, stages)


def _over_runs(values: Float[Array, "runs amounts"]) -> Interval:
    found = interval(xr.DataArray(np.asarray(values), dims=("seed", "lam")))
    return Interval(*(part.values for part in found))


@cache
def _program(learner: str, protocol: str):
    """The runs of a learner: compiled once, whatever else the sliders set."""
    run = partial(_run, _parts(learner), protocol)
    return replicated(run, compiler_options=QUICK_TO_COMPILE)


def _run(parts: tuple, protocol: str, key: Array, at: dict, models: Array):
    """One run: TV (amounts,) of model `models`, one-step errors (amounts, stages)."""

    def loop(part):
        k, own = part
        return _loop(parts, protocol, jr.fold_in(key, k), own, models)

    return jax.lax.map(loop, (jnp.arange(len(at["alpha"])), at))


def _loop(parts: tuple, protocol: str, key: Array, at: dict, models: Array):
    """The models of one loop, one after the other."""
    data, target, fit, measure = parts
    policy, real = Mixing(data, protocol), Real(target.law, None, 0)
    stage = lambda s: {name: values[s] for name, values in at.items()}
    none = jnp.zeros((1, 1), jnp.float32)
    before = jr.split(jr.fold_in(key, MOST))
    memory = policy.start(before, stage(0), real, none, target.law)

    def train(s, carry):
        state, steps, _ = carry
        now, keys = stage(s), jr.split(jr.fold_in(key, s))
        batch, memory = policy.compose(keys, now, real, state)
        state = state._replace(memory=memory)
        q = policy.law(now, real, state)
        after = fit(now).init(key, batch, q, STILL).law
        scene = Scene(target.law, q, after, None, STILL, none, none, none)
        found = measure(key, scene)
        memory = policy.after(now, memory, state, after)
        steps = steps.at[s].set(found["tv_step"])
        return State(none, after, memory), steps, found["tv"]

    start = State(none, target.law, memory), jnp.zeros((MOST,)), jnp.zeros(())
    _, steps, tv = jax.lax.fori_loop(0, models, train, start)
    return tv, steps


def _parts(learner: str):
    """How data are held, the real law, the learner at a stage, the measure."""
    if learner == "kernel":
        fit = lambda at: GridKernel(GRID, at["bandwidth"])
        return Counts(), tabulated(standard(), GRID), fit, TotalVariation(GRID)
    if learner == "gaussian":
        measure = TotalVariation(GAUSSIAN_GRID)
        return Summary(), Mixture(standard()), lambda at: GaussianMLE(), measure
    p = LEARNERS[learner].probability
    fit = lambda at: Frequencies(at["pseudo_count"])
    return Counts(), categories((p, 1.0 - p)), fit, TotalVariation(None)
