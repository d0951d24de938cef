"""gm8: the sources of selected training sets, when data accumulate."""

import numpy as np
import xarray as xr
from matplotlib import colormaps
from matplotlib.figure import Figure

from figures import style
from figures.memorization.marks import faithful, in_every_run, trained
from figures.memorization.presets.selection import Selecting
from figures.memorization.selected import RULES, simulate
from theory.claims import Evidence

__all__ = ["caption", "draw", "judge", "predict", "simulate"]

EQUAL = 0.05  # difference of shares that is called none


def predict(settings: Selecting, trace: xr.Dataset) -> xr.Dataset:
    """The share of each source under a random choice: 1/n at model n."""
    models = 1 + trace["generation"].values
    return xr.Dataset({"random": ("generation", 1.0 / models)})


def draw(settings: Selecting, trace: xr.Dataset, curves: xr.Dataset) -> Figure:
    """Stacked bars over models, a panel for each rule, and the curve 1/n."""
    fig, (axes,) = style.panels(1, len(RULES), height=2.6, sharey=True)
    models = 1 + trace["generation"].values
    for ax, (rule, title) in zip(axes, RULES.items(), strict=True):
        style.panel(ax, title, "model $n$", "", whole="x")
        share = trace["source_share"].sel(paradigm="accumulate", rule=rule).mean("seed")
        share = share.transpose("generation", ...).values
        below = np.zeros(len(models))
        for k in range(share.shape[1]):
            colour = (
                style.THEORY
                if k == 0
                else colormaps["YlOrBr"](0.15 + 0.6 * k / share.shape[1])
            )
            name = "original points" if k == 0 else "models' samples" if k == 1 else ""
            ax.bar(
                models, share[:, k], bottom=below, color=colour, width=0.9, label=name
            )
            below += share[:, k]
        line = ax.plot(models, curves["random"], "--", color="black", label="$1/n$")
        line[0].set_zorder(4)
        ax.set_ylim(0, 1)
        ax.grid(visible=False)
    axes[0].set_ylabel("share of the training set")
    marks = axes[0].get_legend_handles_labels()
    fig.legend(*marks, loc="outside lower center", ncols=3)
    return fig


def judge(settings: Selecting, trace: xr.Dataset, curves: xr.Dataset) -> list[Evidence]:
    """The last model's share of original points, against 1/n."""
    expected = float(curves["random"][-1])
    last = (
        trace["source_share"].isel(generation=-1, source=0).sel(paradigm="accumulate")
    )
    # a random choice from n batches of N scatters like this
    chance = np.sqrt(expected * (1 - expected) ** 2 / settings.n)
    models = f"n = {settings.n}, model {settings.generations}"
    found = []
    for rule in ("greedy", "decay"):
        slack = last.sel(rule=rule) - expected
        setting = f"{settings.data}, accumulate, {RULES[rule]}, {models}"
        error = xr.full_like(slack, chance)
        met = {"hypotheses": faithful(trace.sel(paradigm="accumulate", rule=rule))}
        found.append(
            in_every_run("gm-real-share", setting, slack, error, n=settings.n, **met)
        )
    gap = last.sel(rule="random") - expected
    found.append(
        Evidence(
            "gm-random-share",
            f"{settings.data}, accumulate, random, {models}",
            "==",
            gap.values,
            standard_error=chance,
            margin=EQUAL,
            seeds=trace.sizes["seed"],
            n=settings.n,
        )
    )
    return found


def caption(settings: Selecting, trace: xr.Dataset) -> str:
    """What is shown, with every setting needed to repeat it."""
    return (
        "Share of the original points (blue) and of each model's samples (light to dark) in "
        f"the training sets, N = {settings.n}, mean over {trace.sizes['seed']} runs; dashed: "
        "1/n, the share of each source under a random choice. In the features of a large "
        "network the paper finds larger shares of real images; raw coordinates do not "
        "separate real from generated points as those do. " + trained(settings, trace)
    )
