"""The picture of sc4."""

from collections.abc import Mapping

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, FuncFormatter

from figures import style
from figures.replication import interval

__all__ = ["picture"]

NAMES = {
    "gaussian": "Gaussian, ML",
    "categorical": "frequencies",
    "minimax": "frequencies, minimax",
    "kernel": "kernel, one-sample $h$",
    "kernel-loop": "kernel, loop-optimal $h$",
    "smooth": "kernel, $h$ doubled",
}
COLOURS = dict(zip(NAMES, style.SERIES, strict=False))
AMOUNT = r"synthetic amount $\lambda = m/n$"
POSITION = "quadrature (0) to coherent (1)"
BOUND = "bound, measured one-step errors"


def picture(
    settings, trace: xr.Dataset, curves: xr.Dataset, sums: Mapping[str, Mapping]
) -> Figure:
    """Three panels of TV against the amount, two of positions, one of growth."""
    fig, axes = style.panels(2, 3, height=2.75)
    titles = ("(a) Gaussian ML", "(b) Frequencies", "(c) Kernel")
    shown = (("gaussian",), ("categorical",), ("kernel", "kernel-loop"))
    for ax, title, learners in zip(axes[0], titles, shown, strict=True):
        style.panel(ax, f"{title}: iid, V1", AMOUNT, "mean TV")
        for learner in learners:
            _against_amount(ax, learner, trace, curves, sums[learner]["bound"])
        _amounts(ax, settings.lams)
    _named(axes[0])
    _positions(axes[1, 0], settings, sums)
    _positions_of_models(axes[1, 1], settings, sums)
    _growth(axes[1, 2], settings, trace, curves, sums)
    return fig


def _against_amount(ax: Axes, learner: str, trace, curves, bound) -> None:
    colour = COLOURS[learner]
    last = {"generation": -1, "lam": slice(None, -1)}
    tv = trace["tv"].sel(learner=learner).isel(last)
    lam = tv["lam"].values
    name = NAMES[learner].replace("kernel, ", "")
    many = learner.startswith("kernel")
    mean, low, high = interval(tv)
    style.bound(ax, lam, bound[:-1, -1], "", forbids="above", colour=colour)
    prediction = curves["prediction"].sel(learner=learner).isel(last)
    style.theory(ax, lam, prediction, "" if many else "prediction", colour)
    label = name if many else "simulation"
    style.simulation(ax, lam, mean, label, low=low, high=high, colour=colour)


def _named(row) -> None:
    """Room above for the name of the bound; a legend in the corner that is free."""
    for ax in row:
        ax.set_ylim(0.0, 1.22 * ax.get_ylim()[1])
        ax.text(
            0.04, 0.93, BOUND, transform=ax.transAxes, fontsize=6.5, color="#444444"
        )
        style.legend(
            ax, loc="upper left", bbox_to_anchor=(0.0, 0.93), fontsize="x-small"
        )


def _amounts(ax: Axes, lams) -> None:
    """Zero and the powers on one axis."""
    ax.set_xscale("symlog", linthresh=1.0, linscale=0.6)
    _ticks(ax, lams)


def _ticks(ax: Axes, at) -> None:
    """Ticks at these values alone."""
    ax.xaxis.set_major_locator(FixedLocator(list(at)))
    ax.xaxis.set_minor_locator(FixedLocator([]))
    ax.xaxis.set_major_formatter(FuncFormatter(lambda v, _: f"{v:g}"))


def _positions(ax: Axes, settings, sums) -> None:
    style.panel(ax, f"(d) Model {settings.models}: iid, V1", AMOUNT, POSITION)
    for learner, found in sums.items():
        y, error = found["position"][1:-1, -1], found["position_error"][1:-1, -1]
        _marks(ax, settings.lams[1:], y, error, learner)
    _levels(ax)
    ax.set_xscale("log")
    _ticks(ax, settings.lams[1:])


def _positions_of_models(ax: Axes, settings, sums) -> None:
    style.panel(ax, "(e) Fully synthetic", "model", POSITION, whole="x")
    model = np.arange(2, settings.models + 1)
    for learner, found in sums.items():
        _marks(ax, model, found["position"][-1, 1:], found["position_error"][-1, 1:],
               learner)  # fmt: skip
    _levels(ax)


def _marks(ax: Axes, x, y, error, learner: str) -> None:
    low, high = y - 1.96 * error, y + 1.96 * error
    style.simulation(
        ax, x, y, NAMES[learner], low=low, high=high, colour=COLOURS[learner]
    )
    ax.plot(x, y, ":", color=COLOURS[learner], linewidth=0.8)


def _levels(ax: Axes) -> None:
    style.reference(ax, 0.0)
    style.reference(ax, 1.0)
    low, high = ax.get_ylim()
    ax.set_ylim(low, max(high, 1.08))


def _growth(ax: Axes, settings, trace, curves, sums) -> None:
    style.panel(ax, "(f) Fully synthetic", "model", "mean TV", log="xy")
    for learner, found in sums.items():
        tv = trace["tv"].sel(learner=learner).isel(lam=-1)
        model = tv["generation"].values + 1
        mean, low, high = interval(tv)
        slope = rf"${found['slope']:.3f} \pm {found['slope_error']:.3f}$"
        label = f"{NAMES[learner]}: {slope}"
        colour = COLOURS[learner]
        prediction = curves["prediction"].sel(learner=learner).isel(lam=-1)
        style.theory(ax, model, prediction, "", colour)
        style.simulation(ax, model, mean, label, low=low, high=high, colour=colour)
    _ticks(ax, [1, 2, 5, 10, 20, 50])
    low, high = ax.get_ylim()
    ax.set_ylim(low / 6.0, high)
    title = f"exponent, models 1 to {settings.early}"
    style.legend(ax, loc="lower right", fontsize=5.5, title=title, title_fontsize=6)
