"""How a plane divided into phases is drawn: a tint for each, its name where it fits."""

from collections.abc import Mapping, Sequence

import numpy as np
from jaxtyping import Bool, Float, Int
from matplotlib.axes import Axes
from matplotlib.colors import BoundaryNorm, ListedColormap
from matplotlib.contour import ContourSet
from matplotlib.patheffects import withStroke
from scipy.ndimage import distance_transform_edt, maximum_filter, minimum_filter

__all__ = ["draw_phases", "name_lines", "write_name"]

TINTS = ("#cfe3f2", "#f4ead2", "#f2d3c6", "#d5e8d4")
SIZE = 7.5
"""Of the letters, in points."""
RIM = "#555555"
"""Around white letters."""
LETTER, LINE, MARGIN = 0.5, 1.3, 0.5
"""Width of a letter, height of a line and room on each side, in sizes."""
DEEP = 0.8
"""Of the places with at least this share of the most room, the most central is taken."""
SLIVER = 0.03
"""A phase nowhere farther from others than this share of the panel has no name."""


def draw_phases(
    ax: Axes,
    x,
    y,
    phase: Int[np.ndarray, "y x"],
    names: Mapping[int, str],
    beside: Sequence[tuple[np.ndarray, np.ndarray]] = (),
) -> None:
    """Phases over a grid of cells, with their names: inside, or next to it with a line to it.

    Args:
        ax: where; its size and scales are settled.
        x: coordinates of the columns, to the ends of the panel.
        y: of the rows.
        phase: of each cell, a key of `names`.
        names: at most four phases, numbered from 0.
        beside: points and lines, (x, y) each, that no name shall cover.
    """
    count = len(names)
    mesh = ax.pcolormesh(
        x, y, phase, shading="nearest", rasterized=True,
        cmap=ListedColormap(TINTS[:count]),
        norm=BoundaryNorm(np.arange(count + 1) - 0.5, count),
    )  # fmt: skip
    mesh.set_label("_phase")
    ax.grid(visible=False)
    free = ~_covered(x, y, beside)
    coordinates = lambda at: (x[at[1]], y[at[0]])
    boxes = {name: _box(ax, phase.shape, name) for name in names.values()}
    outside = {}
    for value, name in names.items():
        mine = (phase == value) & free
        depth = _depth(mine)
        if depth.max() - 0.5 < SLIVER * min(phase.shape):
            continue
        fits = minimum_filter(mine, boxes[name], mode="constant")
        if not fits.any():
            outside[name] = np.unravel_index(np.argmax(depth), depth.shape)
            continue
        at = _central(_depth(fits))
        write_name(ax, *coordinates(at), name)
        free &= ~_around(at, boxes[name], free.shape)
    for name, target in outside.items():
        fits = minimum_filter(free, boxes[name], mode="constant")
        fits &= maximum_filter(phase, boxes[name]) == minimum_filter(phase, boxes[name])
        at = _nearest(fits, target)
        write_name(ax, *coordinates(at), name, of=coordinates(target))
        free &= ~_around(at, boxes[name], free.shape)


def write_name(
    ax: Axes, x: float, y: float, name: str, of: tuple[float, float] | None = None
) -> None:
    """The name of a phase, legible over any colour, under the lines; a line to it at `of`."""
    ax.annotate(
        name, of or (x, y), (x, y), ha="center", va="center", fontsize=SIZE, zorder=1.5,
        bbox={"facecolor": "white", "alpha": 0.5, "linewidth": 0, "pad": 1.0},
        arrowprops={"arrowstyle": "-", "linewidth": 0.6} if of else None,
    )  # fmt: skip


def name_lines(ax: Axes, lines: ContourSet, x: float, form: str) -> None:
    """The level of each white contour near x, legible over points and dashes."""
    paths = [path.vertices for path in lines.get_paths() if len(path.vertices)]
    near = [tuple(v[np.argmin(abs(v[:, 0] - x))]) for v in paths]
    rim = [withStroke(linewidth=1.6, foreground=RIM)]
    for text in ax.clabel(lines, fmt=form, fontsize=7, manual=near):
        text.set(zorder=4, path_effects=rim)


def _box(ax: Axes, shape: tuple[int, ...], name: str) -> tuple[int, int]:
    """Cells that a name takes."""
    panel = ax.get_window_extent()
    points = np.array([panel.height, panel.width]) * 72.0 / ax.figure.dpi
    lines = name.split("\n")
    room = np.array([LINE * len(lines), LETTER * max(map(len, lines))])
    rows, columns = np.ceil(SIZE * (room + 2.0 * MARGIN) / points * shape)
    return int(rows), int(columns)


def _depth(cells: Bool[np.ndarray, "y x"]) -> Float[np.ndarray, "y x"]:
    """Distance to what is not one of these cells, beyond the panel too."""
    return distance_transform_edt(np.pad(cells, 1))[1:-1, 1:-1]


def _central(depth: Float[np.ndarray, "y x"]) -> tuple[int, int]:
    """Of the deepest cells the most central one."""
    from_centre = [abs(np.arange(size) / size - 0.5) for size in depth.shape]
    deep = depth >= DEEP * depth.max()
    best = np.argmin(np.where(deep, np.add.outer(*from_centre), np.inf))
    return np.unravel_index(best, depth.shape)


def _nearest(cells: Bool[np.ndarray, "y x"], to: tuple[int, int]) -> tuple[int, int]:
    """The nearest of these cells, or that place itself where there is none."""
    if not cells.any():
        return to
    at = np.argwhere(cells)
    return tuple(at[np.argmin(np.sum((at - np.array(to)) ** 2, axis=1))])


def _around(at: tuple[int, int], box: tuple[int, int], shape: tuple[int, ...]):
    """The cells of a box."""
    here = np.zeros(shape, bool)
    rows, columns = (
        slice(max(k - n // 2, 0), k + n // 2 + 1) for k, n in zip(at, box, strict=True)
    )
    here[rows, columns] = True
    return here


def _covered(x, y, beside) -> Bool[np.ndarray, "y x"]:
    """Cells in which a point of these lies."""
    covered = np.zeros((len(y), len(x)), bool)
    for at in beside:
        at_x, at_y = (np.asarray(v, float) for v in at)
        there = np.isfinite(at_x) & np.isfinite(at_y)
        row, column = (
            np.abs(np.subtract.outer(a[there], grid)).argmin(1)
            for a, grid in ((at_y, y), (at_x, x))
        )
        covered[row, column] = True
    return covered
