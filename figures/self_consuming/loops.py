r"""Self-consuming loops of density learners: many schedules and seeds at once.

A loop is a recursion of the generational loop whose learner returns a law. All conditions
of one loop share learner, protocol and number of generations; they differ in schedule,
sizes and bandwidths, which are arrays.
"""

import functools
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import xarray as xr

from figures.replication import replica_keys, spread_over
from sim.composition import Counts, Mixing, Summary, scheduled
from sim.grid import Grid, grid_for_kernels
from sim.learners.density import Frequencies, GaussianMLE, GridKernel
from sim.measures.tabulated import SquaredError, TotalVariation
from sim.recursion import Recursion
from sim.recursion import run as recurse
from sim.replicas import folded
from sim.sampling import EndpointDraw
from sim.store import Group
from sim.targets import Mixture, Tabulated, categories, tabulated
from theory.mixing import Schedule
from theory.mixtures import GaussianMixture, gaussian_mixture
from theory.processes import OU, ou
from theory.self_consuming.kernel_density.loop import only_latest
from theory.self_consuming.weights import accumulated_bound
from theory.validation import require, require_positive

__all__ = [
    "Loop",
    "by_reach",
    "standard",
    "covering_grid",
    "density_loop",
    "frequency_loop",
    "gaussian_loop",
    "kernel_loop",
    "measured_bound",
    "simulate_loop",
    "simulate_lots",
]

WIDTHS = 6.0
"""Standard deviations of the widest law that a grid reaches."""

STILL = ou(1.0, 0.0)
"""For learners that noise nothing: laws are compared as they are."""


@dataclass(frozen=True)
class Loop:
    """A recursion and what its conditions differ in."""

    recursion: Recursion
    parameters: Mapping[str, np.ndarray]
    """(conditions, generations, ...)"""
    schedules: tuple[Schedule, ...]
    """one a condition"""


@functools.cache
def standard() -> GaussianMixture:
    """The law N(0, 1); made when it is first asked for, which may be while tracing."""
    with jax.ensure_compile_time_eval():
        return gaussian_mixture([1.0], [0.0], 1.0)


def covering_grid(
    half_width: float, schedules: Sequence[Schedule], bandwidths, law=None
) -> tuple[Grid, str]:
    r"""A grid for kernel densities that is wide and fine enough, and a note if widened.

    The mean law of a model has variance :math:`\sigma_0^2 + \sum_s A_s h_s^2` (derived), and
    the real one :math:`\sigma_0^2`; the widest model need not be the last.
    """
    h, law = _bandwidths(bandwidths, schedules), law or standard()
    sigma2 = float(law.second_moment()[0, 0] - law.mean()[0] ** 2)
    spread = [
        float(jnp.max(accumulated_bound(s, jnp.asarray(row**2))))
        for s, row in zip(schedules, h, strict=True)
    ]
    centre = float(jnp.max(jnp.abs(law.means)))
    needed = centre + WIDTHS * float(np.sqrt(sigma2 + max(spread)))
    reach = max(half_width, needed)
    note = ""
    if reach > half_width:
        note = f"grid widened from +-{half_width:g} to +-{reach:.3g} to hold all models"
        logging.getLogger("driftlab").warning("note: %s", note)
    return grid_for_kernels(reach, float(h.min())), note


def kernel_loop(
    schedules: Sequence[Schedule],
    protocol: str,
    bandwidths,
    grid: Grid,
    law: GaussianMixture | None = None,
    scaled: bool = False,
) -> Loop:
    """Kernel densities in 1-D; bandwidths (conditions, generations), or one number each."""
    h = _bandwidths(bandwidths, schedules)
    return density_loop(
        schedules,
        protocol,
        lambda at: GridKernel(grid, at["bandwidth"], scaled),
        tabulated(law or standard(), grid),
        Counts(),
        (TotalVariation(grid), SquaredError(grid)),
        bandwidth=h,
    )


def gaussian_loop(schedules: Sequence[Schedule], protocol: str, grid: Grid) -> Loop:
    """Maximum likelihood of a Gaussian, real law N(0, 1)."""
    learner = GaussianMLE()
    measures = (TotalVariation(grid), SquaredError(grid))
    return density_loop(
        schedules,
        protocol,
        lambda at: learner,
        Mixture(standard()),
        Summary(),
        measures,
    )


def frequency_loop(
    schedules: Sequence[Schedule], protocol: str, probabilities, pseudo_counts=0.0
) -> Loop:
    """Frequencies of categories; pseudo-counts (conditions, generations) or one number."""
    shape = (len(schedules), schedules[0].stages)
    kappa = np.broadcast_to(np.asarray(pseudo_counts, dtype=np.float64), shape)
    return density_loop(
        schedules,
        protocol,
        lambda at: Frequencies(at["pseudo_count"]),
        categories(probabilities),
        Counts(),
        (TotalVariation(None),),
        pseudo_count=kappa,
    )


def density_loop(
    schedules: Sequence[Schedule],
    protocol: str,
    learner: Any,
    target: Mixture | Tabulated,
    data: Any,
    measures: tuple,
    process: OU = STILL,
    convention: str = "level-t0",
    n: int = 0,
    **parameters: np.ndarray,
) -> Loop:
    """A loop of any density learner.

    Args:
        schedules: one a condition, of equally many stages.
        protocol: how points are drawn (`theory.mixing.PROTOCOLS`).
        learner: from a replica's parameters at one generation to its learner.
        target: the real law.
        data: how data are held (`sim.composition`).
        measures: what is measured of each generation.
        process: noising process of a learner that needs one, and its
        convention: at which level laws are compared (`sim.recursion.Recursion`).
        n: points that a model generates, where measures or `data` ask for them.
        parameters: what the learner asks for, (conditions, generations).
    """
    shares, reach = scheduled(schedules, protocol)
    recursion = Recursion(
        target=target,
        learner=learner,
        sampler=EndpointDraw(),
        process=process,
        n=n,
        generations=schedules[0].stages,
        composition=Mixing(data, protocol, reach),
        measures=measures,
        convention=convention,
    )
    return Loop(recursion, shares | parameters, tuple(schedules))


def simulate_loop(
    loop: Loop,
    group: Group,
    seed: int,
    labels: Mapping[str, Sequence],
    progress: Any,
    batching: str = "map",
    of_seed: Mapping[str, np.ndarray] | None = None,
    lot: int = 0,
) -> xr.Dataset:
    """All seeds of a group under all conditions: (seed, *labels, generation).

    Args:
        loop: what is run.
        group: where it is stored, and its seeds.
        seed: from which all randomness follows.
        labels: coordinates of the conditions, in C order.
        progress: reports generations.
        batching: "map", or "vmap" where one replica costs next to nothing.
        of_seed: parameters that differ between seeds alone, (seeds,) each.
        lot: loops of different lots share no random numbers.
    """
    conditions, seeds = len(loop.schedules), len(group.seeds)
    axes = {"seed": np.array(group.seeds)}
    axes |= {name: np.asarray(values) for name, values in labels.items()}
    parameters = {name: spread_over(v, seeds) for name, v in loop.parameters.items()}
    for name, values in (of_seed or {}).items():
        rows = np.repeat(values, conditions)[:, None]
        parameters[name] = np.tile(rows, loop.recursion.generations)
    keys = replica_keys(seed, group.seeds, conditions)
    if lot:
        keys = folded(keys, lot)
    return recurse(
        loop.recursion,
        keys,
        parameters,
        axes,
        group,
        progress,
        batching,
    )


def simulate_lots(
    lots: Mapping[tuple[str, ...], Loop],
    group: Group,
    seed: int,
    along: str,
    others: Mapping[str, Sequence],
    progress: Any,
    vmapped: Sequence[str] = (),
) -> xr.Dataset:
    """Loops of one kind each, joined along a dimension whose names they share out.

    What reaches far back, or needs a fine or a wide grid, does not burden the others then.

    Args:
        lots: loops by the names along `along` whose conditions they hold, outermost.
        group: where they are stored, each in a part of its own.
        seed: from which all randomness follows.
        along: the dimension.
        others: further coordinates of the conditions, inside each name.
        progress: reports generations.
        vmapped: first names of the lots of which one replica costs next to nothing.
    """
    found = []
    for k, (names, loop) in enumerate(lots.items()):
        batching = "vmap" if names[0] in vmapped else "map"
        labels = {along: list(names), **others}
        part = group.part(names[0])
        trace = simulate_loop(loop, part, seed, labels, progress, batching, lot=k)
        measured = [v for m in loop.recursion.measures for v in m.names]
        found.append(trace[measured])
    shared = set.intersection(*(set(trace) for trace in found))
    found = [trace[sorted(shared)] for trace in found]
    joined = xr.concat(found, along, join="exact", compat="equals")
    return joined.transpose("seed", ...)


def by_reach(schedules: Sequence[Schedule]) -> list[list[int]]:
    """Indices of the schedules of the latest model alone, and of the others."""
    late = [only_latest(s) for s in schedules]
    lots = [[k for k, of in enumerate(late) if of is kind] for kind in (True, False)]
    return [lot for lot in lots if lot]


def measured_bound(schedule: Schedule, tv_step: xr.DataArray) -> xr.DataArray:
    r"""Bound :math:`\sum_s A_s\varepsilon_s` of every run from its own one-step errors."""
    order = tv_step.transpose(..., "generation")
    rows = order.values.reshape(-1, order.sizes["generation"])
    return order.copy(data=np.asarray(_bounds(schedule, rows)).reshape(order.shape))


_bounds = jax.jit(jax.vmap(accumulated_bound, in_axes=(None, 0)))
"""Compiled once for all schedules of equally many stages."""


def _bandwidths(bandwidths, schedules: Sequence[Schedule]) -> np.ndarray:
    require_positive("bandwidths", bandwidths)
    h = np.asarray(bandwidths, dtype=np.float64)
    shape = (len(schedules), schedules[0].stages)
    fits = h.shape in ((), shape, (shape[0], 1))
    allowed = f"one number, one a schedule {(shape[0], 1)}, or of shape {shape}"
    require(fits, "bandwidths", allowed, h.shape)
    return np.broadcast_to(h, shape)
