"""How figures look, and what their marks mean.

The form says where a number comes from, everywhere: theory is a solid line, simulation
is points with intervals, a bound is an edge shaded on the side it forbids. Colour says
which case it is; `fresh_colour` gives a fresh fraction the same colour in every figure.
The palettes stay apart under the common colour-vision deficiencies.
"""

import contextlib
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import matplotlib as mpl
import matplotlib.style
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from matplotlib.transforms import ScaledTranslation

from theory.claims import Outcome

__all__ = [
    "BOUND",
    "OUTCOMES",
    "SERIES",
    "SIMULATION",
    "THEORY",
    "UNEXPECTED",
    "Mark",
    "applied",
    "bound",
    "cloud",
    "fresh_colour",
    "heat",
    "joint_legend",
    "legend",
    "legend_below",
    "panel",
    "panels",
    "reference",
    "simulation",
    "spread",
    "theory",
]

THEORY = "#0b4f8a"
SIMULATION = "#c4501b"
BOUND = "#5f6670"
"""Colours of the three roles where a panel has one case only."""

SERIES = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#444444")
"""Cases without an order (families, learners): Okabe and Ito's colours."""


class Mark(NamedTuple):
    """How an outcome is shown."""

    sign: str
    colour: str


OUTCOMES = {
    Outcome.HOLDS: Mark("✓", "#0b5d57"),
    Outcome.VIOLATED: Mark("✗", "#a1260d"),
    Outcome.INCONCLUSIVE: Mark("?", "#6b5300"),
    Outcome.VACUOUS: Mark("∅", "#6b5300"),
    Outcome.HYPOTHESES_NOT_MET: Mark("–", "#5a626d"),
    Outcome.NOT_MEASURABLE: Mark("–", "#5a626d"),
}
"""Signs and colours of verdicts, in the report and in the map of a sweep."""

UNEXPECTED = OUTCOMES[Outcome.VIOLATED].colour
"""Ground of a verdict that was not expected, whatever it is."""

PAGE = 6.9
"""Width of a full-page figure, in inches."""

_MINOR = (2, 5)
"""Minor ticks of a logarithmic decade: enough to read by, quick to draw."""

DECORATION = "decoration"
"""Artist group id of marks that carry no numbers of their own."""


def applied() -> contextlib.AbstractContextManager[None]:
    """The workbench style, for a `with` block around drawing and saving."""
    return matplotlib.style.context(Path(__file__).with_name("workbench.mplstyle"))


def fresh_colour(alpha: float) -> tuple[float, float, float, float]:
    """Colour of a fresh fraction in [0, 1]: dark violet for none, orange for all."""
    return mpl.colormaps["inferno"](0.18 + 0.57 * alpha)


def panels(
    rows: int = 1,
    columns: int = 1,
    *,
    width: float = PAGE,
    height: float = 2.7,
    layout: str = "constrained",
    **share,
) -> tuple[Figure, np.ndarray]:
    """A figure and its axes as a (rows, columns) array; `height` is that of one row.

    `share` takes `sharex`, `sharey` and so on, as `Figure.subplots` does.
    """
    fig = Figure(figsize=(width, height * rows), layout=layout)
    return fig, fig.subplots(rows, columns, squeeze=False, **share)


def panel(
    ax: Axes, title: str, x: str, y: str, *, log: str = "", whole: str = ""
) -> None:
    """Title and axis labels (symbol and unit).

    `log` names the logarithmic axes, "xy" for both; `whole` those that count (ticks at
    whole numbers). The title also names the panel in the table of plotted numbers.
    """
    ax.set_title(title)
    ax.set_xlabel(x)
    ax.set_ylabel(y)
    if "x" in log:
        ax.set_xscale("log", subs=_MINOR)
    if "y" in log:
        ax.set_yscale("log", subs=_MINOR)
    if "x" in whole:
        ax.xaxis.set_major_locator(MaxNLocator(integer=True))
    if "y" in whole:
        ax.yaxis.set_major_locator(MaxNLocator(integer=True))


def theory(ax: Axes, x: Any, y: Any, label: str, colour: Any = THEORY, **line) -> None:
    """A predicted curve: a solid line."""
    ax.plot(np.asarray(x), np.asarray(y), "-", color=colour, label=label, **line)


def simulation(
    ax: Axes,
    x: Any,
    y: Any,
    label: str,
    *,
    low: Any = None,
    high: Any = None,
    colour: Any = SIMULATION,
    marker: str = "o",
) -> None:
    """Simulated values: points, with intervals [low, high] where they are given."""
    x, y = np.asarray(x, dtype=float), np.asarray(y, dtype=float)
    error = None
    if low is not None and high is not None:
        # Rounding may put an exact value a hair outside its own interval.
        error = np.maximum([y - np.asarray(low), np.asarray(high) - y], 0.0)
    ax.errorbar(
        x,
        y,
        yerr=error,
        fmt=marker,
        color=colour,
        label=label,
        elinewidth=1.1,
        markeredgecolor="white",
        markeredgewidth=0.4,
        zorder=3,
    )


def bound(
    ax: Axes, x: Any, y: Any, label: str, *, forbids: str, colour: Any = BOUND
) -> None:
    """A bound: an edge shaded on the side it forbids, "above" or "below"."""
    if forbids not in ("above", "below"):
        raise ValueError(f'forbids must be "above" or "below", got {forbids!r}.')
    x, y = np.asarray(x, dtype=float), np.asarray(y, dtype=float)
    (edge,) = ax.plot(x, y, "-", color=colour, linewidth=0.9, label=label)
    step = 1.2 if forbids == "above" else -1.2
    for k in range(1, 7):  # copies shifted by points, so any axis scale will do
        shift = ScaledTranslation(0, k * step / 72, ax.figure.dpi_scale_trans)
        ax.plot(
            x,
            y,
            color=colour,
            linewidth=1.4,
            alpha=0.30 * (1 - k / 7),
            solid_capstyle="butt",
            transform=edge.get_transform() + shift,
            gid=DECORATION,
            zorder=edge.get_zorder() - 0.5,
        )


def spread(ax: Axes, x: Any, low: Any, high: Any, label: str, colour: Any) -> None:
    """A band between two simulated quantiles."""
    ax.fill_between(
        np.asarray(x),
        np.asarray(low),
        np.asarray(high),
        color=colour,
        alpha=0.16,
        linewidth=0,
        label=label,
    )


def cloud(ax: Axes, points: Any, label: str, colour: Any, size: float = 2.0) -> None:
    """Samples in the plane, (n, 2); drawn as pixels so that files stay small."""
    points = np.asarray(points)
    ax.scatter(
        points[:, 0],
        points[:, 1],
        s=size,
        color=colour,
        alpha=0.5,
        linewidths=0,
        label=label,
        rasterized=True,
    )


def heat(ax: Axes, x: Any, y: Any, values: Any, label: str, **scale) -> None:
    """Values over a grid, (len(y), len(x)), with their colour bar."""
    mesh = ax.pcolormesh(
        np.asarray(x), np.asarray(y), np.asarray(values), shading="nearest", **scale
    )
    mesh.set_label(label)
    ax.grid(visible=False)
    ax.figure.colorbar(mesh, ax=ax, label=label)


def reference(
    ax: Axes, level: float, label: str = "", axis: str = "y", colour: Any = "#888888"
) -> None:
    """A thin dotted line at a value to compare with (0, 1, a nominal level)."""
    draw = ax.axhline if axis == "y" else ax.axvline
    draw(level, color=colour, linewidth=0.8, linestyle=(0, (1, 2)), label=label)


def joint_legend(axes: Sequence[Axes], **where) -> None:
    """One legend, in the first, of axes that lie on top of each other."""
    marks = [ax.get_legend_handles_labels() for ax in axes]
    handles, labels = (sum(parts, []) for parts in zip(*marks, strict=True))
    axes[0].legend(handles, labels, **where)


def legend_below(fig: Figure, *axes: Axes, columns: int = 4) -> None:
    """A legend of the labelled series of some of its axes, under the whole figure."""
    with warnings.catch_warnings():  # maps have a bar of colours instead
        warnings.filterwarnings(
            "ignore", "Legend does not support handles for QuadMesh"
        )
        marks = [ax.get_legend_handles_labels() for ax in axes]
    of = {label: h for each in marks for h, label in zip(*each, strict=True)}
    fig.legend(
        of.values(), of, loc="outside lower center", ncols=columns, fontsize="small"
    )


def legend(ax: Axes, marks: Sequence[str] | None = None, **where) -> None:
    """A legend of the labelled series, only those in `marks` if it is given."""
    handles, labels = ax.get_legend_handles_labels()
    handle_of = dict(zip(labels, handles, strict=True))
    chosen = [label for label in marks or handle_of if label in handle_of]
    if chosen:
        ax.legend([handle_of[label] for label in chosen], chosen, **where)
