"""The picture of sc5: colour says which bandwidth, the mark which loop."""

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FixedLocator, FuncFormatter, NullFormatter

from figures import style
from figures.replication import interval
from figures.self_consuming.loops import measured_bound
from theory.mixing import Schedule

__all__ = ["picture"]

COLOURS = {
    "one-sample": style.SERIES[1],
    "loop": style.SERIES[0],
    "driven": style.SERIES[2],
}
RULES = {"one-sample": "one-sample $h$", "loop": "loop-optimal $h$"}
MARKS = {"synthetic": "o", "mixed": "D", "fresh": "s", "reused": "^"}
NAMES = {"mixed": "iid", "fresh": "fresh", "reused": "reused"}


def picture(
    settings, trace: xr.Dataset, curves: xr.Dataset, synthetic: Schedule
) -> Figure:
    """Simulation and theory above and left below; leading order beside exact."""
    fig, axes = style.panels(2, 3, height=2.75)
    alone, mixed, tv, moment, best, error = axes.ravel()
    model, mise = "model", "mean integrated squared error"
    N, n, m = settings.n_synthetic, settings.n, settings.m
    style.panel(alone, f"(a) Fully synthetic, $N={N}$, iid", model, mise, log="y")
    style.panel(mixed, "(b) With real data", model, mise, log="y")
    style.panel(tv, "(c) Total variation, iid", model, "mean TV", log="y")
    title = "(d) Fully synthetic, iid"
    style.panel(moment, title, model, "mean second moment", log="y")
    for ax in (alone, mixed, tv, moment):
        ax.xaxis.set_major_locator(FixedLocator([1, 5, 10, 15, 20, 30, 40]))
    _curves(alone, trace["ise"], curves["mise"], ["synthetic"], RULES)
    style.legend(alone, loc="lower right", fontsize="x-small")
    _plain(alone, [0.003, 0.005, 0.01, 0.02, 0.03, 0.05])
    _curves(mixed, trace["ise"], curves["mise"], list(NAMES), {})
    _schemes(mixed, list(NAMES), f"{n} + {m} (V2)", settings)
    _bounds(tv, trace, synthetic)
    _curves(tv, trace["tv"], curves["prediction"], ["synthetic", "mixed"], {})
    _marks(
        tv, {"synthetic": "fully synthetic", "mixed": rf"$\alpha={settings.alpha:g}$"}
    )
    _moments(moment, trace, curves)
    _leading(best, error, curves)
    return fig


def _curves(ax: Axes, runs, exact, schemes: list[str], labels) -> None:
    model = runs["generation"].values + 1
    for scheme in schemes:
        for rule in RULES:
            at = {"scheme": scheme, "rule": rule}
            colour = COLOURS[rule]
            mean, low, high = interval(runs.sel(at))
            style.theory(ax, model, exact.sel(at), "", colour, linewidth=1.1)
            style.simulation(
                ax, model, mean, labels.get(rule, ""), low=low, high=high,
                colour=colour, marker=MARKS[scheme],
            )  # fmt: skip
    for collection in ax.lines:
        collection.set_markersize(3.6)


def _marks(ax: Axes, names: dict[str, str], **where) -> None:
    """A legend of marks, without colour."""
    handles = [
        Line2D([], [], marker=MARKS[k], color="#444444", linestyle="", markersize=3.6)
        for k in names
    ]
    place = {"loc": "lower right", "fontsize": "x-small"} | where
    ax.legend(handles, list(names.values()), **place)


def _schemes(ax: Axes, schemes: list[str], counts: str, settings) -> None:
    names = {
        "mixed": rf"iid, $N={settings.n_mixed}$, $\alpha={settings.alpha:g}$ (V1)",
        "fresh": f"fresh, {counts}",
        "reused": f"reused, {counts}",
    }
    low, high = ax.get_ylim()
    ax.set_ylim(low / 1.7, high)
    _plain(ax, [0.001, 0.002, 0.003, 0.005, 0.01])
    _marks(ax, {k: names[k] for k in schemes})


def _bounds(ax: Axes, trace: xr.Dataset, schedule: Schedule) -> None:
    """Of the fully synthetic loop."""
    model = trace["generation"].values + 1
    for rule in RULES:
        errors = trace["tv_step"].sel(scheme="synthetic", rule=rule).mean("seed")
        bound = measured_bound(schedule, errors)
        style.bound(ax, model, bound, "", forbids="above", colour=COLOURS[rule])
    ax.text(
        0.04, 0.93, "bound, measured one-step errors", transform=ax.transAxes,
        fontsize=6.5, color="#444444",
    )  # fmt: skip
    low, high = ax.get_ylim()
    ax.set_ylim(low / 2.5, high * 1.8)


def _moments(ax: Axes, trace: xr.Dataset, curves: xr.Dataset) -> None:
    """The second moment of the fully synthetic loop by all three rules."""
    runs, exact = trace["law_second_moment"], curves["second_moment"]
    _curves(ax, runs, exact, ["synthetic"], RULES)
    driven = trace["driven_law_second_moment"].sel(driven="synthetic")
    model = driven["generation"].values + 1
    mean, low, high = interval(driven)
    colour = COLOURS["driven"]
    exact = curves["driven_second_moment"].sel(driven="synthetic")
    style.theory(ax, model, exact, "", colour, linewidth=1.1)
    style.simulation(
        ax, model, mean, "data-driven $h$", low=low, high=high, colour=colour
    )
    for line in ax.lines:
        line.set_markersize(3.6)
    style.legend(ax, loc="upper left", fontsize="x-small")
    _plain(ax, [1, 2, 5, 10, 20, 50, 100])


def _plain(ax: Axes, levels: list[float]) -> None:
    """Levels of a logarithmic axis by their values."""
    ax.yaxis.set_major_locator(FixedLocator(levels))
    ax.yaxis.set_major_formatter(FuncFormatter(lambda v, _: f"{v:g}"))
    ax.yaxis.set_minor_formatter(NullFormatter())


def _leading(best: Axes, error: Axes, curves: xr.Dataset) -> None:
    """Exact factors for every size, and their leading order."""
    depth = curves["depth"].values
    models = "models trained, fully synthetic"
    style.panel(
        best, "(e) Best bandwidth", models, r"$h^\ast/h_{\mathrm{AMISE}}$", log="x"
    )
    style.panel(error, "(f) Error of the last model", models, "MISE over one model's",
                log="xy")  # fmt: skip
    shades = np.linspace(0.35, 1.0, curves.sizes["size"])
    for N, alpha in zip(curves["size"].values, shades, strict=True):
        label = rf"$N=10^{{{np.log10(N):g}}}$" if np.log10(N) % 1 == 0 else f"$N={N}$"
        one = curves.sel(size=N)
        style.theory(best, depth, one["factor"], label, COLOURS["loop"], alpha=alpha)
        style.theory(error, depth, one["best"], "", COLOURS["loop"], alpha=alpha)
        style.theory(
            error, depth, one["one_sample"], "", COLOURS["one-sample"], alpha=alpha
        )
    dotted = {"color": "#222222", "linestyle": (0, (1, 1.5)), "linewidth": 1.2}
    best.plot(depth, curves["leading_factor"], label=r"$(V/S^2)^{1/5}$", **dotted)
    error.plot(depth, curves["leading_one_sample"], label=r"$(S^2+4V)/5$", **dotted)
    error.plot(depth, curves["leading_best"], label=r"$(S^2V^4)^{1/5}$", **dotted)
    i = len(depth) // 2
    for name, text, place in (
        ("leading_one_sample", r"$(S^2+4V)/5$", "right"),
        ("leading_best", r"$(S^2V^4)^{1/5}$", "left"),
    ):
        shift = (-4, 4) if place == "right" else (6, -10)
        error.annotate(
            text, (depth[i], float(curves[name][i])), textcoords="offset points",
            xytext=shift, ha=place, fontsize=7,
        )  # fmt: skip
    style.legend(best, loc="upper right", fontsize="x-small")
    for ax in (best, error):
        ax.xaxis.set_major_locator(FixedLocator([1, 2, 5, 10, 20, 40, 80]))
        ax.xaxis.set_major_formatter(FuncFormatter(lambda v, _: f"{v:g}"))
        ax.xaxis.set_minor_locator(FixedLocator([]))
