"""How runs are drawn, and the evidence that several of these figures give in the same way."""

from collections.abc import Callable, Sequence

import matplotlib as mpl
import numpy as np
import xarray as xr
from matplotlib.axes import Axes

from figures import style
from figures.memorization.presets.common import FAITHFUL, NO_WORSE, Learning
from theory.claims import Evidence

__all__ = [
    "RUNS",
    "faithful",
    "in_every_run",
    "in_the_mean",
    "jackknife",
    "no_worse",
    "over_runs",
    "size_colour",
    "trained",
]

NEAR = 0.15  # excess distance to real points that a faithful model may have
RUNS = "Points: mean over runs; bars: from the lowest to the highest run."


def size_colour(k: int, count: int) -> tuple[float, float, float, float]:
    """Colour of the k-th of `count` sizes: dark for few points, light for many."""
    return mpl.colormaps["viridis"](0.85 * k / max(count - 1, 1))


def over_runs(ax: Axes, values: xr.DataArray, label: str, **marks) -> None:
    """Mean over seeds at each model, with the range of the runs."""
    style.simulation(
        ax,
        1 + values["generation"].values,
        values.mean("seed"),
        label,
        low=values.min("seed"),
        high=values.max("seed"),
        **marks,
    )


def in_every_run(
    claim: str,
    setting: str,
    slack: xr.DataArray,
    *errors: xr.DataArray,
    scale: xr.DataArray | float = 1.0,
    **more,
) -> Evidence:
    """A statement about every run by itself: slack >= 0 up to the errors of its estimates.

    Standard errors are those over the samples of a run, given its models; they are
    independent and add up in squares.
    """
    squared = sum((e**2 for e in errors), xr.zeros_like(slack))
    alike = lambda values: (values + xr.zeros_like(slack)).transpose(*slack.dims)
    error, size = np.sqrt(alike(squared)), alike(scale)
    return Evidence(
        claim,
        setting,
        "<=",
        slack.values,
        standard_error=error.values,
        scale=abs(size).values,
        seeds=slack.sizes.get("seed", 1),
        **more,
    )


def in_the_mean(
    claim: str, setting: str, values: xr.DataArray, margin: float, **more
) -> Evidence:
    """The mean over runs is 0 to `margin`; one slack for each entry without its "seed"."""
    runs = values.sizes["seed"]
    return Evidence(
        claim,
        setting,
        "==",
        values.mean("seed").values,
        standard_error=values.std("seed", ddof=1).values / np.sqrt(runs),
        dof=runs - 1,
        margin=margin,
        seeds=runs,
        **more,
    )


def no_worse(trace: xr.Dataset) -> tuple[tuple[str, bool, str], ...]:
    """Whether the first model is trained: GS_1 <= GS_ref in every run."""
    first = trace.isel(generation=0)
    worst = float((first["score"] / first["held_out_score"]).max())
    return ((NO_WORSE, worst <= 1.0, f"GS is {worst:.2f} of it"),)


def faithful(trace: xr.Dataset) -> tuple[tuple[str, bool, str], ...]:
    """Whether the first model is: its samples are near real points, in every run."""
    first = trace.isel(generation=0)
    worst = float((first["distance_to_real"] / first["data_to_held_out"]).max())
    return ((FAITHFUL, worst <= 1.0 + NEAR, f"{worst:.2f} times as far"),)


def jackknife(
    statistic: Callable[..., float], *runs: Sequence[np.ndarray]
) -> tuple[float, float, int]:
    """A statistic of many runs, its standard error and degrees of freedom.

    Runs are left out one at a time, so points of one run may depend on each other.

    Args:
        statistic: of the joined points of all runs, one array for each of `runs`.
        runs: arrays, one for each run.
    """
    count = len(runs[0])
    joined = lambda kept: statistic(
        *(np.concatenate([r[k] for k in kept]) for r in runs)
    )
    everything = range(count)
    without = [joined([k for k in everything if k != out]) for out in everything]
    spread = np.sum((without - np.mean(without)) ** 2)
    return (
        float(joined(everything)),
        float(np.sqrt((count - 1) / count * spread)),
        count - 1,
    )


def trained(settings: Learning, trace: xr.Dataset) -> str:
    """The part of a caption that says what is learned, and how."""
    network = f"{settings.depth} layers of {settings.width}"
    if settings.channels:
        network = f"a U-Net of {settings.channels} channels"
    return (
        f"Data: {trace.attrs['data']}. Every model is new: EDM-preconditioned, "
        f"{network}, {settings.steps:,} steps of "
        f"{settings.batch} points whatever the size of the training set; Heun's sampler, "
        f"{settings.levels} levels. "
    )
