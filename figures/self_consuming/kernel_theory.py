"""Exact predictions for many loops of kernel densities, with few compilations."""

from collections.abc import Sequence
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import xarray as xr
from jaxtyping import Array

from figures.self_consuming.loops import standard
from theory.mixing import Schedule
from theory.self_consuming.kernel_density.grid import Grid, fitted_grid
from theory.self_consuming.kernel_density.latest import latest_kernel_loop
from theory.self_consuming.kernel_density.loop import any_kernel_loop, only_latest
from theory.self_consuming.kernel_density.total_variation import predicted_tv
from theory.self_consuming.weights import stage_weights

__all__ = ["predictions"]

NAMES = ("lower", "prediction", "upper")


def predictions(
    schedules: Sequence[Schedule], bandwidths, protocol: str = "iid"
) -> xr.Dataset:
    """Mean TV of every model, `lower` <= it <= `upper`: (schedule, generation).

    Real law N(0, 1). Schedules of the latest model alone run together, and so do the
    others, each lot on a grid that fits all of it.

    Args:
        schedules: of equally many stages.
        bandwidths: (schedules, stages).
        protocol: how points are drawn.
    """
    h = np.asarray(bandwidths, dtype=np.float64)
    latest = np.array([only_latest(s) for s in schedules])
    found = np.zeros((3, *h.shape))
    for kind, path in ((True, latest_kernel_loop), (False, any_kernel_loop)):
        at = np.flatnonzero(latest == kind)
        if len(at):
            found[:, at] = _lot([schedules[k] for k in at], h[at], path, protocol)
    return xr.Dataset(
        {k: (("schedule", "generation"), v) for k, v in zip(NAMES, found, strict=True)}
    )


def _lot(schedules: list[Schedule], h: np.ndarray, path, protocol: str) -> np.ndarray:
    """(3, schedules, stages) of schedules that `path` allows."""
    added = [
        float(stage_weights(s) @ row**2) for s, row in zip(schedules, h, strict=True)
    ]
    # the longest lineage smooths more than the mean one, but little mass takes it
    grid = fitted_grid(standard(), float(h.min()), 2.0 * max(added))

    stacked = jax.tree.map(lambda *leaves: jnp.stack(leaves), *schedules)
    found = _predicted(stacked, jnp.asarray(h), grid, path, protocol)
    return np.moveaxis(np.asarray(found), 1, 0)


@partial(jax.jit, static_argnames=("path", "protocol"))
def _predicted(stacked: Schedule, h, grid: Grid, path, protocol: str) -> Array:
    """(schedules, 3, stages); compiled once for grids of equally many points."""

    def one(part):
        mean, variance = path(*part, standard(), grid, protocol)
        tv = predicted_tv(mean, variance, standard(), grid)
        return jnp.stack([getattr(tv, name) for name in NAMES])

    return jax.lax.map(one, (stacked, h))
