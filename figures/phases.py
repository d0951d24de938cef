"""How a plane divided into phases is drawn: a tint for each, its name well inside it."""

from collections.abc import Mapping

import numpy as np
from jaxtyping import Int
from matplotlib.axes import Axes
from matplotlib.colors import BoundaryNorm, ListedColormap
from scipy.ndimage import distance_transform_edt

__all__ = ["draw_phases", "write_name"]

TINTS = ("#cfe3f2", "#f4ead2", "#f2d3c6", "#d5e8d4")
RIM = 0.08
"""Share of the panel, on each side, in which no name is centred."""
DEEP = 0.9
"""Of the cells at least this share as far from the border as any, the most central is taken."""
SMALLEST = 0.03
"""Share of the panel from a name to the border of its phase; nearer, it is not written."""


def draw_phases(
    ax: Axes, x, y, phase: Int[np.ndarray, "y x"], names: Mapping[int, str]
) -> None:
    """Phases over a grid of cells.

    Args:
        ax: where.
        x: coordinates of the columns.
        y: of the rows.
        phase: of each cell, a key of `names`.
        names: at most four phases, numbered from 0.
    """
    count = len(names)
    mesh = ax.pcolormesh(
        x, y, phase, shading="nearest", rasterized=True,
        cmap=ListedColormap(TINTS[:count]),
        norm=BoundaryNorm(np.arange(count + 1) - 0.5, count),
    )  # fmt: skip
    mesh.set_label("_phase")
    ax.grid(visible=False)
    rows, columns = (round(RIM * size) for size in phase.shape)
    rim = np.ones(phase.shape, bool)
    rim[rows : phase.shape[0] - rows, columns : phase.shape[1] - columns] = False
    from_centre = [abs(np.arange(size) / size - 0.5) for size in phase.shape]
    for value, name in names.items():
        depth = distance_transform_edt((phase == value) & ~rim)
        if depth.max() < SMALLEST * min(phase.shape):
            continue
        deep = np.where(depth >= DEEP * depth.max(), np.add.outer(*from_centre), np.inf)
        row, column = np.unravel_index(np.argmin(deep), deep.shape)
        write_name(ax, x[column], y[row], name)


def write_name(ax: Axes, x: float, y: float, name: str) -> None:
    """The name of a phase, legible over any colour, under the lines."""
    ax.text(
        x, y, name, ha="center", va="center", fontsize=7.5, zorder=1.5,
        bbox={"facecolor": "white", "alpha": 0.5, "linewidth": 0, "pad": 1.0},
    )  # fmt: skip
