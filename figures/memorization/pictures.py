"""gm6: generated images beside the nearest image of the training set."""

import math

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from figures import style
from figures.memorization.marks import trained
from figures.memorization.presets.sizes import Sizes
from figures.memorization.score import simulate
from sim.targets import PrincipalFrame
from theory.claims import Evidence

__all__ = ["PAIRS", "ROWS", "caption", "draw", "draw_images", "draw_points", "judge"]
__all__ += ["predict", "simulate"]

PAIRS = 5  # columns of a panel; above the samples, below their nearest neighbours
ROWS = 2


def predict(settings: Sizes, trace: xr.Dataset) -> xr.Dataset:
    """Nothing: these are pictures."""
    return xr.Dataset()


def draw(settings: Sizes, trace: xr.Dataset, curves: xr.Dataset) -> Figure:
    """A row for the first and the last model, a column for each size."""
    models = (0, settings.generations - 1)
    fig, axes = style.panels(len(models), len(settings.sizes), height=2.0)
    decode = _decoder(trace)
    of_run = trace.isel(seed=0)
    for row, g in zip(axes, models, strict=True):
        for ax, n in zip(row, settings.sizes, strict=True):
            ax.set_title(f"$N = {n}$, model {g + 1}")
            at = of_run.sel(size=n).isel(generation=g)
            if decode is None:
                draw_points(ax, at)
            else:
                draw_images(ax, decode, at, trace["frame_ends"].values)
    return fig


def _decoder(trace: xr.Dataset):
    """From points to square images; None for data that are none."""
    if "frame_axes" not in trace:
        return None
    side = math.isqrt(trace.sizes["pixel"])
    frame = PrincipalFrame(
        *(trace[f"frame_{name}"].values for name in ("mean", "axes", "factor"))
    )
    return lambda points: frame.decode(points).reshape(-1, side, side)


def draw_images(ax: Axes, decode, at: xr.Dataset, ends: np.ndarray) -> None:
    """`ROWS` times a row of samples and, right under it, their neighbours."""
    rows, (points, nearest) = [], (at[n].values for n in ("points", "neighbour"))
    for k in range(ROWS):
        part = slice(PAIRS * k, PAIRS * (k + 1))
        rows += [_row(decode(of[part])) for of in (points, nearest)]
        rows.append(np.full((3, rows[0].shape[1]), np.nan))
    tiles = np.concatenate(rows[:-1])
    ax.imshow(tiles, cmap="gray_r", vmin=ends[0], vmax=ends[1], interpolation="nearest")
    ax.set_axis_off()


def _row(images: np.ndarray) -> np.ndarray:
    """Images side by side, a blank column after each, a blank line below; `PAIRS` wide."""
    blank = ((0, PAIRS - len(images)), (0, 1), (0, 1))
    padded = np.pad(images, blank, constant_values=np.nan)
    return np.concatenate(list(padded), axis=1)


def draw_points(ax: Axes, at: xr.Dataset) -> None:
    """Data that are no images: samples joined to their neighbours, first two axes."""
    x, z = at["points"].values[:, :2], at["neighbour"].values[:, :2]
    ax.plot(*np.stack([x, z], axis=1).T, "-", color=style.BOUND, linewidth=0.6)
    style.cloud(ax, z, "nearest training points", style.THEORY, size=8.0)
    style.cloud(ax, x, "samples", style.SIMULATION, size=8.0)
    ax.set_aspect("equal")


def judge(settings: Sizes, trace: xr.Dataset, curves: xr.Dataset) -> list[Evidence]:
    """Nothing is claimed of pictures."""
    return []


def caption(settings: Sizes, trace: xr.Dataset) -> str:
    """What is shown, with every setting needed to repeat it."""
    return (
        "Samples of the first and of the last model of one run (upper rows) and the nearest "
        "point of the training set each model saw (rows under them), not chosen: the first "
        f"{ROWS * PAIRS} of each. Images are drawn from their principal components. "
        + trained(settings, trace)
    )
