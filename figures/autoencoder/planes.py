r"""Laws in the plane: densities, the levels that hold a share of the mass, their drawing.

Simulated samples are a cloud, the theory contours around shares of its mass on top, the
target the same in grey.
"""

import numpy as np
import xarray as xr
from jaxtyping import Float
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from figures import style
from theory.autoencoder.sampling import Projection

__all__ = [
    "SHARES",
    "TARGET",
    "density",
    "draw_plane",
    "gaussian_mixture_density",
    "grid_line",
    "marks",
    "shown",
]

SHARES = (0.9, 0.6, 0.3)
"""Share of the mass in the panel inside the contours drawn, from the outermost to the innermost."""

TARGET = "#8a8f98"
DOTS = 2_000
"""Samples drawn at most."""


def shown(samples: int) -> int:
    """How many of them are drawn."""
    return min(samples, DOTS)


def grid_line(half_width: float, n: int = 161) -> np.ndarray:
    """Centres of n equal cells on [-half_width, half_width]."""
    return half_width * ((2 * np.arange(n) + 1) / n - 1.0)


def density(
    law: Projection, line: Float[np.ndarray, " n"], blur: float
) -> Float[np.ndarray, "n n"]:
    r"""Density over (y, x) of a planar law plus N(0, blur^2).

    Nodes are put into cells, and the Gaussian around them applied by its Fourier transform
    :math:`e^{-k^\top C k/2}` (twice the window, so that nothing comes back around).
    """
    n, h = len(line), line[1] - line[0]
    edges = np.concatenate([line - h / 2, [line[-1] + h / 2]])
    centres, weights = np.asarray(law.centres), np.asarray(law.weights)
    counts, _, _ = np.histogram2d(
        centres[:, 1], centres[:, 0], bins=(edges, edges), weights=weights
    )
    C = np.asarray(law.covariance) + blur**2 * np.eye(2)
    k = 2.0 * np.pi * np.fft.fftfreq(2 * n, h)
    ky, kx = k[:, None], k[None, :]
    form = C[1, 1] * ky**2 + 2.0 * C[0, 1] * ky * kx + C[0, 0] * kx**2
    smooth = np.fft.ifft2(
        np.fft.fft2(counts, s=(2 * n, 2 * n)) * np.exp(-0.5 * np.maximum(form, 0.0))
    )
    return np.maximum(smooth.real[:n, :n], 0.0) / h**2


def gaussian_mixture_density(
    weights, means, covariance, line: Float[np.ndarray, " n"]
) -> Float[np.ndarray, "n n"]:
    """Density over (y, x) of a planar mixture with one covariance."""
    P = np.linalg.inv(covariance)
    y, x = np.meshgrid(line, line, indexing="ij")
    scale = np.sqrt(np.linalg.det(P)) / (2.0 * np.pi)
    total = np.zeros_like(x)
    for w, mean in zip(weights, means, strict=True):
        u, v = x - mean[0], y - mean[1]
        form = P[0, 0] * u**2 + 2.0 * P[0, 1] * u * v + P[1, 1] * v**2
        total += w * scale * np.exp(-0.5 * form)
    return total


def _levels(table: np.ndarray) -> list[float]:
    """Densities above which lies each share of the mass, increasing."""
    ordered = np.sort(table.ravel())[::-1]
    inside = np.cumsum(ordered) / ordered.sum()
    return [float(ordered[np.searchsorted(inside, share)]) for share in SHARES]


def draw_plane(
    ax: Axes,
    samples: Float[np.ndarray, "n e"],
    theory: xr.DataArray,
    target: np.ndarray | None = None,
    width: float = 1.1,
) -> None:
    """Samples, if any, as a cloud, theory over ("y", "x") as contours, the target in grey."""
    line = theory["x"].values
    if len(samples):
        style.cloud(ax, samples[:DOTS], "simulated samples", style.SIMULATION, size=2.5)
    if target is not None:
        _contours(ax, line, target, TARGET, 0.8 * width)
    _contours(ax, line, theory.values, style.THEORY, width)
    ax.set_xlim(line[0], line[-1])
    ax.set_ylim(line[0], line[-1])
    ax.set_box_aspect(1.0)
    ax.grid(visible=False)
    for axis in (ax.xaxis, ax.yaxis):
        axis.set_major_locator(MaxNLocator(4, steps=[1, 2, 5, 10]))


def marks() -> list[Line2D]:
    """What stands for samples, theory and target in a legend."""
    dot = {"marker": "o", "linestyle": "", "markersize": 3}
    return [
        Line2D([], [], color=style.SIMULATION, label="simulated", **dot),
        Line2D([], [], color=style.THEORY, label="theory"),
        Line2D([], [], color=TARGET, label="data"),
    ]


def _contours(ax: Axes, line, table, colour: str, width: float) -> None:
    levels = _levels(np.asarray(table))
    distinct = [a for k, a in enumerate(levels) if a > 0 and a not in levels[:k]]
    if distinct:
        ax.contour(
            line, line, table, sorted(distinct), colors=[colour], linewidths=width
        )
