"""The loops of sc8: what is squared and averaged of kernel densities and of Gaussians."""

from dataclasses import replace

import numpy as np
import xarray as xr

from figures.self_consuming.loops import (
    Loop,
    covering_grid,
    gaussian_loop,
    kernel_loop,
    simulate_loop,
)
from figures.self_consuming.presets.phases import Phases
from sim.grid import Grid
from sim.measures.moments import Mean
from sim.measures.tabulated import SquaredError
from sim.store import Group
from theory.mixing import Schedule, fixed_mixture

__all__ = ["PROTOCOLS", "squared_errors"]

PROTOCOLS = {"gaussian-iid": ("iid", "V1"), "gaussian-reused": ("reused", "V2")}
"""Of the Gaussians: how points are drawn, and what model 1 sees."""
UNUSED = Grid(1.0, 2)
"""Gaussians are measured by their parameters."""


def squared_errors(settings: Phases, group: Group, progress) -> xr.Dataset:
    """Excess second moment of kernel densities, mu^2 of Gaussians (mean over copies)."""
    trace = simulate_loop(
        _kernels(settings), group.part("kernel"), settings.seed, {"kernel_lam": settings.lams},
        progress,
    )  # fmt: skip
    found = {"kernel": trace["law_second_moment"] - 1.0}
    labels = {"copy": range(settings.copies), "gaussian_lam": settings.gaussian_lams}
    for lot, (name, (protocol, first)) in enumerate(PROTOCOLS.items(), start=1):
        schedules = _schedules(settings, settings.gaussian_lams, first)
        loop = gaussian_loop(schedules * settings.copies, protocol, UNUSED)
        recursion = replace(loop.recursion, measures=(Mean(),))
        trace = simulate_loop(
            replace(loop, recursion=recursion), group.part(name), settings.seed, labels,
            progress, "vmap", lot=lot,
        )  # fmt: skip
        mean = trace["law_mean"].isel(coordinate=0, drop=True)
        found[name] = (mean**2).mean("copy")
    return xr.Dataset(found)


def _schedules(settings: Phases, lams, first: str) -> list[Schedule]:
    n, G = settings.n, settings.models
    return [fixed_mixture(n, round(n * lam), G, first) for lam in lams]


def _kernels(settings: Phases) -> Loop:
    schedules = _schedules(settings, settings.lams, "V1")
    h = settings.constant * np.stack([np.asarray(s.sizes) for s in schedules]) ** -0.2
    grid, _ = covering_grid(settings.half_width, schedules, h)
    loop = kernel_loop(schedules, "iid", h, grid)
    measures = (SquaredError(grid),)
    return replace(loop, recursion=replace(loop.recursion, measures=measures))
