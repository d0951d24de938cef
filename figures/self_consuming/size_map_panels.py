"""The six panels of sc7."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import xarray as xr
from matplotlib.colors import LogNorm
from matplotlib.figure import Figure
from matplotlib.ticker import NullFormatter

from figures import style
from figures.replication import interval

__all__ = ["panels"]

COLOURS = dict(
    zip(
        ("synthetic", "latest", "all", "equal", "vanishing", "growing", "batches"),
        style.SERIES,
        strict=True,
    )
)
MARKS = {
    "prediction": ("o", "by prediction"),
    "upper": ("s", "by companion"),
    "one": ("^", "by one model"),
}
SHORT = {
    "synthetic": "fully synthetic", "latest": "latest model", "all": "all the data"
}  # fmt: skip
TICKS = (0.7, 1.0, 1.5, 2.0, 3.0, 5.0)
BAND = 0.05


def panels(
    settings: Any, trace: xr.Dataset, curves: xr.Dataset, titles: Mapping[str, str]
) -> Figure:
    """From `size_map.simulate` and `predict`; `titles` by scheme."""
    fig = Figure(figsize=(style.PAGE, 7.6), layout="constrained")
    laws, maps, points = fig.subfigures(3, 1)
    axes = laws.subplots(1, 2)
    for ax, rate in zip(axes, curves["rate"].values, strict=True):
        _laws(ax, curves["multiplier"].sel(rate=rate), float(rate), titles)
    marks = axes[0].get_legend_handles_labels()
    laws.legend(*marks, loc="outside right center", fontsize=8)
    bound, exact = maps.subplots(1, 2)
    _map(
        bound, curves["map_bound"], "Bound, $r = 1/4$, latest model",
        "times one model's points",
    )  # fmt: skip
    _map(
        exact, curves["map_exact"],
        f"Kernel density, exact, TV = {settings.target:g}", "points per stage $n$",
    )  # fmt: skip
    needs, check = points.subplots(1, 2)
    _needs(needs, settings, curves)
    _check(check, settings, trace)
    marks = needs.get_legend_handles_labels()
    points.legend(*marks, loc="outside right center", fontsize=8)
    return fig


def _laws(ax, multiplier: xr.DataArray, rate: float, titles: Mapping) -> None:
    named = "1/4 (diffusion)" if rate == 0.25 else "2/5 (kernels)"
    label = "times one model's points"
    style.panel(ax, f"Bound, $r = $ {named}", "models $G$", label, log="xy")
    for id in multiplier["bounded"].values:
        at = multiplier.sel(bounded=id)
        style.theory(ax, at["length"], at, titles[str(id)], COLOURS[str(id)])


def _map(ax, values: xr.DataArray, title: str, label: str) -> None:
    style.panel(ax, title, "models $G$", r"real fraction $\alpha$", whole="x")
    style.heat(ax, values["models"], values["alpha"], values, label, norm=LogNorm())


def _needs(ax, settings: Any, curves: xr.Dataset) -> None:
    style.panel(
        ax, f"Points for TV = {settings.target:g}", "models $G$",
        "points $n$ of the first stage", log="xy",
    )  # fmt: skip
    models = curves["models"].values
    for id in curves["scheme"].values:
        at, colour = curves.sel(scheme=id), COLOURS[str(id)]
        ax.plot(models, at["need_bound"], "--", color=colour, lw=1.0)
        ax.plot(models, at["need_upper"], ":", color=colour, lw=1.2)
        style.theory(ax, models, at["need_prediction"], SHORT[str(id)], colour)
    exact = curves["need_prediction"].sel(scheme="synthetic").values
    half = len(models) // 2
    slope = np.log(exact[-1] / exact[half - 1]) / np.log(models[-1] / models[half - 1])
    for form, label in (
        ("-", f"exact prediction,\nlast slope {slope:.2f} (blue)"),
        (":", "rigorous companion"),
        ("--", "rate bound, constant\nfrom one model,\nslope 2.5 (blue)"),
    ):
        ax.plot([], [], form, color=style.BOUND, lw=1.2, label=label)


def _check(ax, settings: Any, trace: xr.Dataset) -> None:
    style.panel(
        ax, f"Simulated there, model {settings.generations}", "",
        f"mean TV over target {settings.target:g}", log="y",
    )  # fmt: skip
    last = trace["tv"].isel(generation=-1) / settings.target
    places = np.arange(trace.sizes["scheme"])
    ends = np.array([-0.5, len(places) - 0.5])
    style.spread(ax, ends, [1 - BAND] * 2, [1 + BAND] * 2, "within 5 %", style.BOUND)
    style.reference(ax, 1.0)
    for k, (by, (marker, label)) in enumerate(MARKS.items()):
        mean, low, high = interval(last.sel(by=by))
        style.simulation(
            ax, places + 0.18 * (k - 1), mean, label, low=low, high=high,
            colour=style.SERIES[(1, 0, 6)[k]], marker=marker,
        )  # fmt: skip
    ax.set_xlim(*ends)
    names = {
        "synthetic": "fully synthetic",
        "latest": "latest model",
        "all": "all the data",
    }
    ax.set_xticks(places, [names[str(s)] for s in trace["scheme"].values])
    ax.set_yticks(TICKS, [f"{v:g}" for v in TICKS])
    ax.yaxis.set_minor_formatter(NullFormatter())
    style.legend(ax, loc="upper right", fontsize=7)
