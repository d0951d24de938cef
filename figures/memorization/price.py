"""gm9: what selection costs: samples leave the data, training sets outgrow them."""

import xarray as xr
from matplotlib.figure import Figure

from figures import style
from figures.memorization.marks import RUNS, in_every_run, over_runs, trained
from figures.memorization.presets.selection import Selecting
from figures.memorization.selected import COLOURS, MARKERS, PARADIGMS, RULES, simulate
from theory.claims import Evidence

__all__ = ["caption", "draw", "judge", "predict", "simulate"]


def predict(settings: Selecting, trace: xr.Dataset) -> xr.Dataset:
    """What real points have: distance to each other's set, and entropy."""
    first = trace.isel(generation=0).sel(paradigm="replace", rule="random")
    return xr.Dataset(
        {
            "entropy": first["data_entropy"].mean("seed"),
            "held_out": first["held_out_score"].mean("seed"),
        }
    )


def draw(settings: Selecting, trace: xr.Dataset, curves: xr.Dataset) -> Figure:
    """Distance to real, and entropy of the training sets relative to the first."""
    fig, axes = style.panels(2, 2, height=2.2, sharex=True, sharey="row")
    excess = trace["data_entropy"] - trace["data_entropy"].isel(generation=0)
    rows = (
        (trace["distance_to_real"], "distance to real points", None),
        (excess, "$H(D_n) - H(D_1)$ (nats)", 0.0),
    )
    for row, (values, label, level) in zip(axes, rows, strict=True):
        for ax, (paradigm, title) in zip(row, PARADIGMS.items(), strict=True):
            style.panel(ax, title if ax in axes[0] else "", "", "", whole="x")
            for rule, called in RULES.items():
                of = values.sel(paradigm=paradigm, rule=rule)
                over_runs(ax, of, called, colour=COLOURS[rule], marker=MARKERS[rule])
            if level is not None:
                style.reference(ax, level)
        row[0].set_ylabel(label)
    for ax in axes[-1]:
        ax.set_xlabel("model $n$")
    style.legend(axes[0, 1], loc="upper left")
    return fig


def judge(settings: Selecting, trace: xr.Dataset, curves: xr.Dataset) -> list[Evidence]:
    """Distance of the last samples to real points, against a random choice's."""
    last = trace.isel(generation=-1)
    name, found = "distance_to_real", []
    for paradigm in PARADIGMS:
        base = last.sel(paradigm=paradigm, rule="random")
        for rule in ("greedy", "decay"):
            of = last.sel(paradigm=paradigm, rule=rule)
            found.append(
                in_every_run(
                    "gm-selection-price",
                    f"{settings.data}, {paradigm}, {RULES[rule]}, n = {settings.n}, "
                    f"model {settings.generations}",
                    of[name] - base[name],
                    of[f"{name}_se"],
                    base[f"{name}_se"],
                    scale=base[name],
                    n=settings.n,
                )
            )
    return found


def caption(settings: Selecting, trace: xr.Dataset) -> str:
    """What is shown, with every setting needed to repeat it."""
    return (
        "Above: mean distance of samples to the nearest held-out real point. Below: entropy of "
        "the training sets over that of the first; above 0 a set is more spread out than real "
        f"data. Loops as in gm7, N = {settings.n}. {RUNS} {trace.sizes['seed']} runs. "
        + trained(settings, trace)
    )
