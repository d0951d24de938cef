"""How all1 is drawn: a row for each loop, its bounds, the tightest of them, their ratios."""

from collections.abc import Sequence

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter, NullFormatter

from figures import style
from figures.replication import interval
from figures.together.evaluation import STATEMENTS
from figures.together.presets import Together
from figures.together.statements import Side
from figures.together.tightest import measured_tv, tightest
from theory.claims import Kind

__all__ = ["draw"]

TITLES = {
    "kernel": "kernel density",
    "gaussian": "Gaussian, maximum likelihood",
    "shift": "score moved by a shift",
}
SHORT = {"kernel": "kernel", "gaussian": "Gaussian", "shift": "shift"}
LINES = {Kind.GUARANTEE: "-", Kind.EXACT: (0, (4, 2)), Kind.RATE: (0, (1, 1.2))}
COLOURS = {
    "U1": "#009E73",
    "U2": "#54b795",
    "U3": "#8ecdb4",
    "X": "#00664a",
    "energy": "#E69F00",
    "sandwich+": "#CC79A7",
    "thm-4.2+": "#b00020",
    "measured": "#0072B2",
    "floor": "#444444",
    "rate": "#7f8fa0",
    "kernel+": "#3aa3dd",
    "kernel-": "#3aa3dd",
    "kernel": style.THEORY,
    "gaussian": style.THEORY,
    "shifts": style.THEORY,
}
"""Of the statements that reach total variation: greens for U1 to U3, blues for sums of errors."""

GAP = 0.072
"""Least distance of two labels, over the height of a panel."""
MARKS = {
    Kind.GUARANTEE: "guarantee, hypotheses met",
    Kind.EXACT: "exact prediction",
    Kind.RATE: "rate or display, constant of our own",
}


def draw(settings: Together, trace: xr.Dataset, curves: xr.Dataset) -> Figure:
    """Total variation with its bounds, the tightest of them, and the ratios."""
    loops = list(settings.learner)
    fig = Figure(figsize=(style.PAGE, 0.3 + 2.75 * len(loops)), layout="constrained")
    layout = [
        row for name in loops for row in ([name, f"{name}/"], [f"{name}:", f"{name}/"])
    ]
    axes = fig.subplot_mosaic(
        layout, height_ratios=[1.0, 0.17] * len(loops), width_ratios=[1.1, 1.0]
    )
    best = tightest(curves)
    for name in loops:
        at = {"learner": name}
        _bounds(axes[name], name, trace.sel(at), curves.sel(at))
        _strip(axes[f"{name}:"], best.sel(at))
        _ratios(axes[f"{name}/"], name, trace.sel(at), curves.sel(at))
    axes[f"{loops[-1]}:"].set_xlabel("model $i$")
    axes[f"{loops[-1]}/"].set_xlabel("model $i$")
    marks = [Line2D([], [], ls=LINES[kind], color="#222222") for kind in MARKS]
    marks.append(Line2D([], [], ls="", marker="o", color=style.SIMULATION))
    names = [*MARKS.values(), "measured, 95 %"]
    fig.legend(marks, names, loc="outside lower center", ncols=4)
    return fig


def _lines(curves: xr.Dataset) -> dict[str, np.ndarray]:
    """Mean over runs of every curve in total variation that can be relied on."""
    mean = curves["tv"].mean("seed")
    found = {id: mean.sel(statement=id).values for id in COLOURS}
    shown = {id: bool(curves["met"].sel(statement=id)) for id in COLOURS}
    return {
        id: np.where(values > 0, values, np.nan)
        for id, values in found.items()
        if shown[id] and (values > 0).any()
    }


def _bounds(ax: Axes, name: str, trace: xr.Dataset, curves: xr.Dataset) -> None:
    """Measured total variation under every statement that reaches it."""
    style.panel(ax, TITLES[name], "", r"TV$(\hat p_i, p)$", log="y", whole="x")
    lines = _lines(curves)
    mean, low, high = interval(trace["drift_tv"])
    lowest = min(np.nanmin(low), *(np.nanmin(v) for v in lines.values()))
    _frame(ax, len(mean), 0.8 * max(lowest, 0.1 * float(mean.min())), 1.3)
    style.reference(ax, 1.0)
    _draw(ax, lines)
    models = 1 + np.arange(len(mean))
    style.simulation(ax, models, mean, "measured", low=low, high=high)


def _ratios(ax: Axes, name: str, trace: xr.Dataset, curves: xr.Dataset) -> None:
    """The same lines over the measured mean."""
    style.panel(
        ax, f"{SHORT[name]}: over the measured value", "", "", log="y", whole="x"
    )
    mean, _ = measured_tv(trace)
    lines = {id: values / mean.values for id, values in _lines(curves).items()}
    within = [v for v in lines.values() if np.nanmin(v) < 1.0 / mean.values.max()]
    lowest, highest = (end([end(v) for v in within]) for end in (np.nanmin, np.nanmax))
    _frame(ax, len(mean), 0.9 * np.clip(lowest, 0.2, 0.8), 1.15 * max(highest, 1.2))
    style.reference(ax, 1.0)
    models = 1 + np.arange(len(mean))
    ax.plot(models, 1.0 / mean, color=style.BOUND, lw=0.8, label="vacuous from here on")
    _draw(ax, lines)


def _frame(ax: Axes, models: int, low: float, high: float) -> None:
    """Ticks at models, plain numbers on a logarithmic axis."""
    ax.set_ylim(low, high)
    ax.set_xlim(0.6, models + 0.4)
    plain = FuncFormatter(lambda v, _: f"{v:g}")
    ax.yaxis.set_major_formatter(plain)
    ax.yaxis.set_minor_formatter(plain if high / low < 150.0 else NullFormatter())
    ax.tick_params(axis="y", which="minor", labelsize=7.5)


def _draw(ax: Axes, lines: dict[str, np.ndarray]) -> None:
    """Lines by kind, each with its label at its last value that is in sight."""
    low, high = ax.get_ylim()
    ends = []
    for id, values in lines.items():
        statement, colour = STATEMENTS[id], COLOURS[id]
        models = 1 + np.arange(len(values))
        width = 1.0 if statement.kind is Kind.RATE else 1.4
        ax.plot(models, values, ls=LINES[statement.kind], lw=width, color=colour,
                label=statement.label)  # fmt: skip
        seen = np.flatnonzero((values <= high) & (values >= low))
        if not len(seen):
            continue
        at, text = seen[-1], (statement.label, colour)
        if at == len(values) - 1:
            ends.append((models[at], values[at], *text))
        else:
            _inside(ax, models[at], values[at : at + 2], *text)
    _labels(ax, ends)


def _inside(ax: Axes, model: int, values: np.ndarray, text: str, colour: str) -> None:
    """A label where a line leaves the panel, or ends within it."""
    here, after = values
    edge = ax.get_ylim()[int(after > here)]
    share = np.log(edge / here) / np.log(after / here)  # NaN where the line ends
    beyond = 0.0 if np.isnan(share) else float(share)
    y = here if np.isnan(share) else edge * (1.04 if after < here else 0.96)
    ax.annotate(text, (model + beyond, y), (5, 0), textcoords="offset points",
                color=colour, fontsize=7.5, va="top" if after > here else "bottom")  # fmt: skip


def _labels(ax: Axes, ends: Sequence[tuple[float, float, str, str]]) -> None:
    """Labels right of the panel, apart from each other, with a line to their curves."""
    low, high = np.log(ax.get_ylim())
    ends = sorted(ends, key=lambda end: end[1])
    heights = _apart([(np.log(y) - low) / (high - low) for _, y, _, _ in ends])
    for (x, y, text, colour), height in zip(ends, heights, strict=True):
        ax.annotate(
            text, (x, y), (1.06, height), textcoords="axes fraction", va="center",
            color=colour, fontsize=7.5, annotation_clip=False,
            arrowprops={"arrowstyle": "-", "color": colour, "lw": 0.5, "alpha": 0.6,
                        "shrinkA": 0, "shrinkB": 0, "relpos": (0, 0.5)},
        )  # fmt: skip


def _apart(heights: Sequence[float]) -> list[float]:
    """Sorted heights in [0, 1], moved as little as a least distance of `GAP` asks for."""
    placed: list[float] = []
    for height in heights:
        placed.append(max(height, placed[-1] + GAP) if placed else max(height, 0.03))
    top = 1.0 - GAP / 2
    for k in range(len(placed) - 1, -1, -1):
        placed[k] = min(placed[k], top)
        top = placed[k] - GAP
    return placed


def _strip(ax: Axes, best: xr.Dataset) -> None:
    """The tightest upper and the tightest lower guarantee of each model, by colour."""
    models = 1 + np.arange(best.sizes["generation"])
    for row, side in enumerate((Side.LOWER, Side.UPPER)):
        names = best[side.value].values
        for id in dict.fromkeys(filter(None, names)):
            at = models[names == id]
            label = f"tightest {side.value}: {STATEMENTS[id].label}"
            ax.bar(at, 0.86, 0.96, bottom=row + 0.07, color=COLOURS[id], label=label)
        if names[-1]:
            text, colour = STATEMENTS[names[-1]].label, COLOURS[names[-1]]
            ax.annotate(text, (1.06, row + 0.5), xycoords=ax.get_yaxis_transform(),
                        va="center", color=colour, fontsize=7.5)  # fmt: skip
    ax.set_xlim(0.6, models[-1] + 0.4)
    ax.set_ylim(0, 2)
    ax.set_yticks([0.5, 1.5], ["lower", "upper"], fontsize=7.5)
    ax.set_xticks([])
    ax.tick_params(length=0)
    ax.grid(visible=False)
    for spine in ax.spines.values():
        spine.set_visible(False)
