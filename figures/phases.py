"""How a plane divided into phases is drawn: a tint for each, its name well inside it."""

from collections.abc import Mapping

import numpy as np
from jaxtyping import Int
from matplotlib.axes import Axes
from matplotlib.colors import BoundaryNorm, ListedColormap
from scipy.ndimage import distance_transform_edt

__all__ = ["draw_phases"]

TINTS = ("#cfe3f2", "#f4ead2", "#f2d3c6", "#d5e8d4")
RIM = 0.08
"""Share of the panel, on each side, in which no name is centred."""
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
    for value, name in names.items():
        depth = distance_transform_edt((phase == value) & ~rim)
        row, column = np.unravel_index(np.argmax(depth), depth.shape)
        if depth[row, column] >= SMALLEST * min(phase.shape):
            ax.text(x[column], y[row], name, ha="center", va="center", fontsize=7.5)
