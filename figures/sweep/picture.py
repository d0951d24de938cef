"""The verdicts of a sweep at a glance: a map over its points for every claim."""

import itertools
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.colors import ListedColormap, to_rgb
from matplotlib.figure import Figure
from matplotlib.patches import Patch

from figures import style
from figures.overrides import as_text
from figures.sweep.points import Axis
from figures.sweep.run import Sweep
from theory.claims import Outcome

__all__ = ["headlines", "verdict_map"]

_ORDER = (
    Outcome.VIOLATED,
    Outcome.INCONCLUSIVE,
    Outcome.NOT_MEASURABLE,
    Outcome.HYPOTHESES_NOT_MET,
    Outcome.VACUOUS,
    Outcome.HOLDS,
)
"""Of several verdicts on a claim at one point, the first of these is shown."""

_COLUMNS = 3
_ROW = 0.27
"""Height of a row of cells, in inches."""
_NUMBER, _SIGN, _LETTER = 0.52, 0.16, 0.07
"""Width that sign and number need in a cell, the sign alone, and a letter below it."""
_MARGIN = 0.7
"""Width of a panel beside its cells."""
_SIGNS = ["STIXGeneral", "DejaVu Sans"]
"""The second has the signs that the first lacks."""
_SOFT = "#888888"


class Cell(NamedTuple):
    """What a point says about a claim."""

    sign: str
    number: str
    ink: str
    ground: tuple[float, float, float]


def headlines(verdicts: pd.DataFrame) -> pd.DataFrame:
    """One row for each claim and point: the verdict that matters most.

    That is one against expectation, then one early in the order violated, inconclusive,
    not measurable, hypotheses not met, vacuous, holds, then that of the least slack.

    Args:
        verdicts: a `verdict_frame`; its column "point" tells the points apart.
    """
    rank = verdicts["outcome"].map({o.value: k for k, o in enumerate(_ORDER)})
    ranked = verdicts.assign(rank=rank).sort_values(
        ["as_expected", "rank", "relative_slack"], kind="stable"
    )
    first = ranked.drop_duplicates(["claim", "point"])
    return first.drop(columns="rank").sort_index()


def verdict_map(sweep: Sweep, verdicts: pd.DataFrame) -> Figure:
    """Headline of every claim and point: colour and sign of its outcome, and its slack.

    The number is the slack over its scale, at the worst interval. One axis, or lists side
    by side, make one panel of claims by points; a grid makes a panel for every claim, its
    last axis across.

    Args:
        sweep: what was swept.
        verdicts: its `verdict_frame`, with a column "point": places in the design.
    """
    design, top = sweep.design, headlines(verdicts)
    cells = {claim: _cells(sweep, of) for claim, of in top.groupby("claim", sort=False)}
    if design.zipped or len(design.axes) == 1:
        names = ["; ".join(map(as_text, p.at.values())) for p in design.points]
        room = style.PAGE - _MARGIN - _LETTER * max(map(len, cells))
        frame = _Frame(names, list(cells), room / len(names))
        fig, axes = style.panels(height=frame.height)
        style.panel(axes[0, 0], design.figure.title, ", ".join(design.fields), "")
        _map(axes[0, 0], list(cells.values()), frame)
    else:
        *down, across = design.axes
        wide = len(across.values)
        fitting = int(style.PAGE / (_MARGIN + wide * _NUMBER))
        columns = max(1, min(fitting, _COLUMNS, len(cells)))
        room = style.PAGE / columns - _MARGIN
        frame = _Frame(_labels([across]), _labels(down), room / wide)
        fig, axes = style.panels(
            -(-len(cells) // columns), columns, height=frame.height
        )
        for ax in axes.flat[len(cells) :]:
            ax.set_axis_off()
        for ax, (claim, row) in zip(axes.flat, cells.items(), strict=False):
            table = [row[k : k + wide] for k in range(0, len(row), wide)]
            style.panel(ax, claim, across.field, ", ".join(a.field for a in down))
            _map(ax, table, frame)
    _key(fig, top, numbers=frame.room >= _NUMBER)
    return fig


class _Frame(NamedTuple):
    """Labels of the columns and rows of a map, and the width of a cell in inches."""

    across: Sequence[str]
    down: Sequence[str]
    room: float

    @property
    def turned(self) -> bool:
        """Whether the labels below are too long to stand side by side."""
        return _LETTER * (max(map(len, self.across)) + 1) > self.room

    @property
    def height(self) -> float:
        """Of a panel, in inches."""
        below = _LETTER * max(map(len, self.across)) if self.turned else 0.0
        return 0.9 + below + _ROW * len(self.down)


def _cells(sweep: Sweep, of_claim: pd.DataFrame) -> list[Cell]:
    """Of one claim, at every point."""
    found = of_claim.set_index("point").to_dict("index")
    blank = (_SOFT, (1.0, 1.0, 1.0))
    return [
        _cell(found[k])
        if k in found
        else Cell("", "refused" if k in sweep.refusals else "not judged", *blank)
        for k in range(len(sweep.results))
    ]


def _cell(verdict: dict) -> Cell:
    sign, colour = style.OUTCOMES[Outcome(verdict["outcome"])]
    slack = verdict["relative_slack"]
    number = "" if np.isnan(slack) else f" {_two_digits(slack)}"
    if verdict["as_expected"]:
        return Cell(sign, number, colour, _tint(colour))
    return Cell(sign, number, "white", to_rgb(style.UNEXPECTED))


def _two_digits(value: float) -> str:
    mantissa, _, power = f"{float(f'{value:.2g}'):g}".partition("e")
    ten = rf"$\times 10^{{{int(power)}}}$" if power else ""
    return mantissa.replace("-", "−") + ten


def _map(ax: Axes, table: Sequence[Sequence[Cell]], frame: _Frame) -> None:
    """Cells with as much text as there is room for."""
    across, down, room = frame
    rows, columns = len(down), len(across)
    ax.pcolormesh(
        np.arange(columns + 1) - 0.5,
        np.arange(rows + 1) - 0.5,
        np.arange(rows * columns).reshape(rows, columns),
        cmap=ListedColormap([cell.ground for row in table for cell in row]),
        edgecolors="white",
        linewidth=min(1.5, 6 * room),
    )
    middle = {"ha": "center", "va": "center"}
    for y, row in enumerate(table):
        for x, cell in enumerate(row):
            text = cell.sign * (room >= _SIGN) + cell.number * (room >= _NUMBER)
            ax.text(x, y, text, color=cell.ink, size=8, family=_SIGNS, **middle)
    ax.grid(visible=False)
    ax.invert_yaxis()
    every = max(1, round(2 * _LETTER / room))  # a label for each, or as many as fit
    shown = range(0, columns, every)
    ax.set_xticks(shown, across[::every], rotation=90 if frame.turned else 0)
    ax.set_yticks(range(rows), down)
    ax.tick_params(length=0)
    ax.spines[:].set_visible(False)


def _labels(axes: Sequence[Axis]) -> list[str]:
    values = itertools.product(*(axis.values for axis in axes))
    return ["; ".join(map(as_text, at)) for at in values]


def _tint(colour: str) -> tuple[float, float, float]:
    """A ground on which `colour` stands out."""
    r, g, b = to_rgb(colour)
    return 0.82 + 0.18 * r, 0.82 + 0.18 * g, 0.82 + 0.18 * b


def _key(fig: Figure, top: pd.DataFrame, numbers: bool) -> None:
    """What the signs mean, of those that are there."""
    marks = {o: style.OUTCOMES[o] for o in Outcome if o.value in set(top["outcome"])}
    patches = [
        Patch(color=_tint(mark.colour), label=f"{mark.sign} {outcome}")
        for outcome, mark in marks.items()
    ]
    if not top["as_expected"].all():
        patches.append(Patch(color=style.UNEXPECTED, label="not expected"))
    fig.legend(
        handles=patches,
        loc="outside lower center",
        ncols=len(patches),
        prop={"family": _SIGNS, "size": 8.5},
        title="number: slack over its scale, at the worst interval"
        if numbers
        else None,
        title_fontsize=8.5,
    )
