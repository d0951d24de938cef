"""The picture of an audit: six panels over generations."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from figures import style
from figures.audit.audited import Audit
from figures.audit.fitting import Z
from figures.audit.records import Prediction, Series
from theory.memorization.genealogy import fresh_shared_ancestor

__all__ = ["caption", "draw"]

LAWS = {
    "unbiased errors": style.SERIES[0],
    "systematic errors": style.SERIES[2],
    "one Gaussian refitted": style.SERIES[0],
    "steady trend": style.SERIES[2],
}
"""Predictions that are drawn, and their colours."""


def draw(audit: Audit) -> Figure:
    """Distances and entropy with predictions; steps, distances to points, copies."""
    fig, axes = style.panels(2, 3, height=2.55)
    geometry = "moments" if "moments" in audit.drifts else "energy"
    _predicted(
        axes[0, 0], audit, "energy", "Energy distance", "$D_g$ (mean distance = 1)"
    )
    if geometry == "moments":
        label = r"$D_g$ (chi-square, 2nd order)"
        _predicted(axes[0, 1], audit, "moments", "First two moments", label)
    else:
        _measured(axes[0, 1], audit, "sliced", "Sliced $W_2^2$", "squared, data units")
    _predicted(axes[0, 2], audit, "entropy", "Entropy", "$H$ (nats)")
    _steps(axes[1, 0], audit, geometry)
    _nearness(axes[1, 1], audit)
    _copies(axes[1, 2], audit)
    return fig


def caption(audit: Audit) -> str:
    """What is drawn, in words."""
    return (
        f"{audit.clouds.points} points of each set, in {audit.clouds.space.name}. Points: "
        "measured, with intervals at 95 %; band: real points compared likewise, the floor. Lines: "
        "predictions of the next generations with intervals (shaded), and of the last ones "
        "from those before (dotted)."
    )


def _predicted(ax: Axes, audit: Audit, name: str, title: str, y: str) -> None:
    """A measure, its floor, and what laws say of it, past and future."""
    series = audit.series[name]
    style.panel(ax, title, "generation", y, whole="x")
    _floor(ax, series, audit)
    for p in audit.predictions:
        if p.quantity == name and p.law in LAWS and not p.missing:
            _law(ax, p, LAWS[p.law], series)
    _points(ax, series)
    style.legend(ax, loc="best", fontsize=7)


def _law(ax: Axes, p: Prediction, colour: str, series: Series) -> None:
    """The last measured generation joins what is predicted."""
    start = p.generation[0] - 1
    now = float(series.value[start])
    at = [start, *p.generation]
    label = f"{p.law} ({p.kind.value.split()[0]})"
    label += ", fails" if p.failed else ""
    style.theory(ax, at, [now, *p.value], label, colour)
    style.spread(ax, at, [now, *p.low], [now, *p.high], "_", colour)
    if p.past is not None:
        ax.plot(p.held_back, p.past.value, ":", color=colour, label="_")


def _measured(ax: Axes, audit: Audit, name: str, title: str, y: str) -> None:
    series = audit.series[name]
    style.panel(ax, title, "generation", y, whole="x")
    _floor(ax, series, audit)
    _points(ax, series)
    style.legend(ax, loc="best", fontsize=7)


def _points(ax: Axes, series: Series, label: str = "measured", **marks) -> None:
    g = np.arange(1, len(series.value))
    value, error = series.value[1:], np.nan_to_num(series.error[1:])
    low, high = value - Z * error, value + Z * error
    style.simulation(ax, g, value, label, low=low, high=high, **marks)


def _floor(ax: Axes, series: Series, audit: Audit) -> None:
    value, error = float(series.value[0]), float(np.nan_to_num(series.error[0]))
    if not np.isfinite(value):
        return
    ends = np.array([0.5, audit.clouds.generations + 0.5])
    level = np.full(2, value)
    style.spread(ax, ends, level - Z * error, level + Z * error, "real", style.BOUND)


def _steps(ax: Axes, audit: Audit, geometry: str) -> None:
    """Squared lengths of steps, and what they hide."""
    drift = audit.drifts[geometry]
    cosine = float(drift.cosine.value)
    named = "moments" if geometry == "moments" else "energy distance"
    title = f"Steps ({named})"
    if np.isfinite(cosine):
        title += f", cosine {np.clip(cosine, -1.0, 1.0):.2f}"
    style.panel(ax, title, "generation", "squared step $J_g$", whole="x")
    J, error = (np.asarray(x) for x in drift.step)
    g = np.arange(1, len(J) + 1)
    style.simulation(ax, g, J, "measured", low=J - Z * error, high=J + Z * error)
    if np.any(drift.hidden > 0):
        style.spread(
            ax, g, J, J + drift.hidden, "hidden by reuse, at most", style.BOUND
        )
    style.reference(ax, 0.0)
    style.legend(ax, loc="best", fontsize=7)


def _nearness(ax: Axes, audit: Audit) -> None:
    """Mean distances to real points and to training points, over those of real points."""
    style.panel(
        ax, "Nearest points", "generation", "mean distance, real points = 1", whole="x"
    )
    real = audit.series["to_real"]
    scale = float(real.value[0])
    marks = ("o", "s", "^")
    names = ("to_real", "to_source", "spacing")
    for name, marker, colour in zip(names, marks, style.SERIES, strict=False):
        s = audit.series[name]
        scaled = Series(s.name, s.label, s.says, s.value / scale, s.error / scale)
        _points(ax, scaled, s.label, marker=marker, colour=colour)
    style.reference(ax, 1.0)
    style.legend(ax, loc="best", fontsize=7)


def _copies(ax: Axes, audit: Audit) -> None:
    """Pairs of one ancestor against a pure copier's genealogy."""
    series = audit.series["shared"]
    style.panel(ax, "Copies", "generation", "pairs with one ancestor", whole="x")
    _floor(ax, series, audit)
    alpha = audit.composition.alpha or 0.0
    G = audit.clouds.generations + audit.setup.ahead
    if alpha < 0.99:
        N = round(audit.composition.size)
        copier = np.asarray(fresh_shared_ancestor(N, alpha, G)) / (1.0 - alpha) ** 2
        g = np.arange(1, G + 1)
        style.theory(
            ax, g, copier + series.value[0], "a loop that copies", style.THEORY
        )
    _points(ax, series)
    style.legend(ax, loc="best", fontsize=7)
