r"""gm4: spacing and variance of the training sets, and the score relative to either.

The spiky quotient :math:`S_n=(MNND_n/MNND_1)/\sqrt{tr_n/tr_1}` is 1 where data merely shrink.
"""

import numpy as np
import xarray as xr
from matplotlib.figure import Figure

from figures import style
from figures.memorization.marks import (
    RUNS,
    in_every_run,
    no_worse,
    over_runs,
    size_colour,
    trained,
)
from figures.memorization.presets.sizes import Sizes
from figures.memorization.score import relative_score, simulate
from theory.claims import Evidence

__all__ = ["caption", "draw", "judge", "predict", "simulate"]

TRACE = style.SERIES[4]


def predict(settings: Sizes, trace: xr.Dataset) -> xr.Dataset:
    """Nothing: the quotient is measured."""
    return xr.Dataset()


def spikiness(trace: xr.Dataset) -> xr.DataArray:
    """S_n of the training sets."""
    of = lambda name: trace[name] / trace[name].isel(generation=0)
    return of("spacing_data") / np.sqrt(of("data_trace"))


def draw(settings: Sizes, trace: xr.Dataset, curves: xr.Dataset) -> Figure:
    """Spacing with trace; their quotient; the score against two references."""
    fig, axes = style.panels(2, 2, height=2.5)
    n = settings.sizes[0]
    of = trace.sel(size=n)
    ax = axes[0, 0]
    style.panel(ax, f"training sets, $N = {n}$", "model $n$", "MNND", whole="x")
    over_runs(ax, of["spacing_data"], "spacing (left)")
    other = ax.twinx()
    over_runs(other, of["data_trace"], "trace (right)", colour=TRACE, marker="s")
    other.set_ylabel("trace of the covariance")
    other.grid(visible=False)
    for one in (ax, other):
        one.set_ylim(bottom=0)
    style.joint_legend((ax, other), loc="lower left")
    panels = (
        (axes[0, 1], "clumping", r"$S_n$", spikiness(trace)),
        (axes[1, 0], "score over held-out real points'", r"GS / GS$_{\rm ref}$",
         relative_score(trace)),
        (axes[1, 1], "score over the set's own spacing", r"GS / MNND$(D_n)$",
         trace["score"] / trace["spacing_data"]),
    )  # fmt: skip
    for ax, title, label, values in panels:
        style.panel(ax, title, "model $n$", label, whole="x")
        for k, size in enumerate(settings.sizes):
            colour = size_colour(k, len(settings.sizes))
            over_runs(ax, values.sel(size=size), f"$N = {size}$", colour=colour)
        style.reference(ax, 1.0)
        ax.set_ylim(bottom=0)
    style.legend(axes[0, 1], loc="lower left")
    return fig


def judge(settings: Sizes, trace: xr.Dataset, curves: xr.Dataset) -> list[Evidence]:
    """S of the last training set against 1, in every run."""
    last = spikiness(trace).isel(generation=-1)
    error = (trace["spacing_data_se"] / trace["spacing_data"]).isel(generation=-1)
    first = (trace["spacing_data_se"] / trace["spacing_data"]).isel(generation=0)
    found = []
    for n in settings.sizes:
        setting = (
            f"{settings.data}, replace, N = {n}, training set {settings.generations}"
        )
        parts = ((last * part).sel(size=n) for part in (error, first))
        slack = (1.0 - last).sel(size=n)
        met = {"hypotheses": no_worse(trace.sel(size=n)), "n": n}
        found.append(in_every_run("gm-clumping", setting, slack, *parts, **met))
    return found


def caption(settings: Sizes, trace: xr.Dataset) -> str:
    """What is shown, with every setting needed to repeat it."""
    return (
        "Above left: mean distance to the nearest other point of the training set (MNND), and "
        "trace of its covariance. Above right: S_n = (MNND_n/MNND_1)/sqrt(tr_n/tr_1), 1 where "
        "data merely shrink. Below: the score relative to the first training set (it falls) "
        "and relative to the spacing of the set itself: both views of the same runs. "
        f"{RUNS} {trace.sizes['seed']} runs. " + trained(settings, trace)
    )
