"""Contours and phases of sc8, simulated against predicted."""

from typing import NamedTuple

import numpy as np
import xarray as xr

from figures.contours import contour, first_crossing, on_boundary
from figures.replication import with_error
from figures.self_consuming.presets.phases import Phases
from theory.claims import Evidence

__all__ = ["LINES", "Line", "contours", "evidence"]

MARGIN = 0.1
"""Decades of the amount."""
AWAY = 1.5
"""Factor of the amount from which a cell is not close to a boundary."""
SHIFTED = 3.0


class Line(NamedTuple):
    """A contour of a learner's error over that without synthetic data."""

    learner: str
    level: float
    last: bool = True
    """the largest amount at which it is reached, else the least"""


LINES = (
    Line("kernel", 1.0),
    Line("gaussian-iid", 0.75),
    Line("gaussian-iid", 0.25),
    Line("gaussian-reused", 1.15, last=False),
    Line("gaussian-reused", 1.15),
)


def along_of(learner: str) -> str:
    """The coordinate of its amounts."""
    return "kernel_lam" if learner == "kernel" else "gaussian_lam"


def with_and_without(
    trace: xr.Dataset, learner: str
) -> tuple[xr.DataArray, xr.DataArray]:
    """Errors of models 2, 3, ... with synthetic data, and of models that saw none.

    Of reused data that is model 1 of the same run (V2). In the others it sees n + m points
    (V1), but without synthetic data every model is one of n points: their mean is taken.
    """
    values, along = trace[learner], along_of(learner)
    some = values.isel(generation=slice(1, None), **{along: slice(1, None)})
    if learner == "gaussian-reused":
        return some, values.isel(generation=0, drop=True, **{along: slice(1, None)})
    return some, values.sel({along: 0.0}, drop=True).mean("generation")


def contours(trace: xr.Dataset) -> dict[Line, xr.Dataset]:
    """Every line's place in every model: (generation,)."""
    found = {}
    for line in LINES:
        some, without = with_and_without(trace, line.learner)
        along = along_of(line.learner)
        found[line] = contour(some, along, line.level, over=without, last=line.last)
    return found


def predicted(curves: xr.Dataset, line: Line) -> xr.DataArray:
    """The amount on the line, for models 2, 3, ...; from the map where no formula has it."""
    at = curves.sel(compared=line.learner).isel(generation=slice(1, None))
    if line.level == 1.0:
        return at["evens"]
    way = slice(None, None, -1 if line.last else 1)
    relative = at["relative"].transpose("generation", "lam").values[:, way]
    place = first_crossing(np.log10(at["lam"].values[way]), relative, line.level)
    return at["evens"].copy(data=10.0**place)


def evidence(settings: Phases, trace: xr.Dataset, curves: xr.Dataset) -> list[Evidence]:
    """Contours against boundaries; cells against phases; what is true of the bound alone."""
    found, lines = [], contours(trace)
    learners = f"n = {settings.n}, models 2 to {settings.models}"
    for line, at in lines.items():
        branch = "largest" if line.last else "least"
        where = f"{line.learner}, {learners}, {branch} m/n at ratio {line.level:g}"
        edge = predicted(curves, line)
        if line.learner == "kernel":
            bound = (
                curves["evens"].sel(compared="bound").isel(generation=slice(1, None))
            )
            found.append(on_boundary("sc-phase-even", where, at, edge, MARGIN))
            found.append(on_boundary("sc-phase-even-bound", where, at, bound, MARGIN))
        else:
            found.append(on_boundary("sc-phase-contour", where, at, edge, MARGIN))
            found.append(
                on_boundary(
                    "sc-phase-contour-shifted", where, at, SHIFTED * edge, MARGIN
                )
            )
    for learner in ("kernel", "gaussian-iid", "gaussian-reused"):
        evens = curves["evens"].sel(compared=learner)
        found.append(sides("sc-phase-sides", learner, learners, trace, evens))
    evens = curves["evens"].sel(compared="bound")
    found.append(sides("sc-phase-bound-sides", "gaussian-iid", learners, trace, evens))
    return found


def sides(
    claim: str, learner: str, said: str, trace: xr.Dataset, evens: xr.DataArray
) -> Evidence:
    """Every cell is worse than none before the break-even, better beyond it."""
    some, without = with_and_without(trace, learner)
    along = along_of(learner)
    some = some.transpose("seed", "generation", along)
    edge = evens.isel(generation=slice(1, None)).values[:, None]
    lam = some[along].values[None]
    sign = np.where(lam * AWAY < edge, 1.0, np.where(lam > AWAY * edge, -1.0, 0.0))
    without = without.broadcast_like(some).transpose(*some.dims)
    gap = lambda a, b: sign * (a / b - 1.0)
    slack, error = with_error(gap, some, without)
    far, seeds = sign != 0, some.sizes["seed"]
    return Evidence(
        claim,
        f"{learner}, {said}, {far.sum()} of {far.size} cells",
        "<=",
        slack[far],
        standard_error=error[far],
        dof=seeds - 1,
        seeds=seeds,
    )
