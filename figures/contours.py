r"""Contours read off simulated cells, and how far they lie from a predicted boundary.

On every line of a grid of cells the mean over runs is followed along one positive
coordinate, and interpolated linearly in its logarithm to where it reaches a level. The
standard error of that place is a bootstrap over whole runs, so cells may depend on each
other. Distances between a place and a boundary are in decades of the coordinate.
"""

from collections.abc import Callable

import numpy as np
import xarray as xr
from jaxtyping import Float
from matplotlib.axes import Axes
from scipy.special import stdtrit

from figures import style
from figures.replication import LEVEL, with_error
from theory.claims import Evidence

__all__ = ["contour", "draw_contour", "first_crossing", "on_boundary"]


def first_crossing(
    place: Float[np.ndarray, " n"], values: Float[np.ndarray, "*batch n"], level: float
) -> Float[np.ndarray, "*batch"]:
    """Where values first rise from below the level to it, linearly; NaN if nowhere.

    A line that starts above the level has its crossing outside.
    """
    below, above = values[..., :-1] < level, values[..., 1:] >= level
    k = np.argmax(below & above, axis=-1)[..., None]
    at = lambda a, j: np.take_along_axis(a, j, axis=-1)[..., 0]
    found = at(below & above, k)
    low, high = at(values, k), at(values, k + 1)
    share = np.where(found, (level - low) / np.where(found, high - low, 1.0), np.nan)
    left, right = place[k[..., 0]], place[k[..., 0] + 1]
    return left + share * (right - left)


def contour(
    values: xr.DataArray,
    along: str,
    level: float,
    *,
    over: xr.DataArray | None = None,
    of: Callable[[np.ndarray], np.ndarray] = lambda mean: mean,
    last: bool = False,
) -> xr.Dataset:
    """Contour of means over "seed": `place`, log10 of `along`, and its standard `error`.

    Args:
        values: over "seed", `along` (positive, increasing) and other dimensions.
        along: the coordinate that is followed.
        level: of the contour.
        over: what means are divided by, the mean over the same runs of this.
        of: what is followed, a function of the means.
        last: follow it from the far end: the last place at which it falls to the level.

    Returns:
        Dataset over the other dimensions, NaN where there is no crossing, or where some
        resamples of the runs have none.
    """
    values = values.transpose("seed", ..., along)
    place, way = np.log10(values[along].values), slice(None, None, -1 if last else 1)
    unit = xr.ones_like(values) if over is None else over.broadcast_like(values)

    def crossing(mean: np.ndarray, unit: np.ndarray) -> np.ndarray:
        return first_crossing(place[way], of(mean / unit)[..., way], level)

    found, error = with_error(crossing, values, unit.transpose(*values.dims))
    others = values.dims[1:-1]
    coordinates = {name: values[name] for name in others}
    return xr.Dataset(
        {"place": (others, np.where(np.isnan(error), np.nan, found)),
         "error": (others, error)},
        coords=coordinates, attrs={"seeds": values.sizes["seed"]},
    )  # fmt: skip


def on_boundary(
    claim: str,
    setting: str,
    found: xr.Dataset,
    boundary: xr.DataArray,
    margin: float,
    **more,
) -> Evidence:
    """The contour lies within `margin` decades of the boundary, wherever both exist.

    Args:
        claim: id.
        setting: named in the verdict.
        found: from `contour`.
        boundary: predicted, in the units of the coordinate; NaN or infinite where none.
        margin: decades.
        more: of the evidence.
    """
    edge = np.asarray(boundary.transpose(*found["place"].dims), float)
    decades = np.log10(np.where(edge > 0, edge, np.nan))
    gap, error = found["place"].values - decades, found["error"].values
    both = np.isfinite(gap)
    seeds = found.attrs["seeds"]
    return Evidence(
        claim,
        f"{setting}, {both.sum()} of {both.size} places",
        "==",
        gap[both],
        standard_error=error[both],
        dof=max(seeds - 1, 1),
        margin=margin,
        not_measurable=None if both.any() else "no contour inside the simulated cells",
        seeds=seeds,
        **more,
    )


def draw_contour(
    ax: Axes, x, found: xr.Dataset, label: str, colour=style.SIMULATION, marker="o"
) -> None:
    """The contour at x, where it exists: points with 95 % intervals, joined by dashes."""
    dof = max(found.attrs["seeds"] - 1, 1)
    there = np.isfinite(found["place"].values)
    x, place, error = (
        np.asarray(v)[there] for v in (x, found["place"], found["error"])
    )
    half = stdtrit(dof, 0.5 + LEVEL / 2) * error
    y, low, high = (10.0**v for v in (place, place - half, place + half))
    ax.plot(x, y, "--", color=colour, linewidth=0.9, gid=style.DECORATION, zorder=2.5)
    style.simulation(
        ax, x, y, label, low=low, high=high, colour=colour, marker=marker
    )  # fmt: skip
