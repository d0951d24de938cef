"""What a notebook puts on its page: pictures one can also read, numbers with units.

Sessions are threads of one process while Matplotlib's style is the process's own, so
pictures are drawn one at a time.
"""

import base64
import functools
import gc
import html
import io
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, MaxNLocator

from figures import style

__all__ = [
    "Number",
    "Shown",
    "legend_below",
    "numbers",
    "panels",
    "picture",
    "sentence",
]

WIDTH = 9.2
"""Of a picture as wide as the page, in inches."""
MARGINS = {"left": 0.72, "right": 0.12, "bottom": 1.05, "top": 0.32, "between": 0.72}
"""Around and between panels, in inches: finding the best ones takes as long as drawing.
Below there is room for three rows of a legend."""
DPI = 117  # a picture as wide as the page is drawn pixel by pixel
TICKS = 5
"""On an axis, at most."""
PLAIN = {
    "axes.formatter.use_mathtext": False,
    "axes.titley": 1.0,
    "text.hinting": "none",
}
"""Typesetting every tick's number as a formula, looking for what a title might touch and
fitting every letter to the pixels take half of the time of a picture."""

_DRAWING = threading.Lock()


@dataclass(frozen=True)
class Shown:
    """HTML that a notebook displays where it is the value of a cell."""

    html: str

    def _repr_html_(self) -> str:
        return self.html


class Number(NamedTuple):
    """One row of a table of numbers."""

    id: str
    """what tests find it by"""
    label: str
    """what it is, with its symbol"""
    value: float | str
    unit: str = ""
    """empty for pure numbers"""


def panels(columns: int, width: float = WIDTH, height: float = 3.7, **share):
    """A figure and the axes of its one row of panels, quick to draw; see `style.panels`."""
    fig, (row,) = style.panels(
        1, columns, width=width, height=height, layout="none", **share
    )
    at = MARGINS
    panel = (width - at["left"] - at["right"] - (columns - 1) * at["between"]) / columns
    fig.subplots_adjust(
        left=at["left"] / width,
        right=1.0 - at["right"] / width,
        bottom=at["bottom"] / height,
        top=1.0 - at["top"] / height,
        wspace=at["between"] / panel,
    )
    return fig, row


def legend_below(ax: Axes, columns: int = 2) -> None:
    """A legend under the axis, out of the way of curves that a slider moves about."""
    drop = -0.5 / (ax.get_position().height * ax.figure.get_figheight())
    ax.legend(
        loc="upper left", bbox_to_anchor=(-0.08, drop), ncols=columns, borderpad=0
    )


def picture(draw: Callable[[], Figure], alternative: str) -> Shown:
    """The figure that `draw` makes, in the style of the figures.

    Args:
        draw: makes the figure, best with `panels`; called with the style applied.
        alternative: what the picture shows, for those who cannot see it.
    """
    file = io.BytesIO()
    with _DRAWING, style.applied(), mpl.rc_context(PLAIN):
        figure = draw()
        for ax in figure.axes:
            _few_ticks(ax)
        figure.savefig(file, dpi=DPI, pil_kwargs={"compress_level": 1})
    _keep_what_stands()
    data = base64.b64encode(file.getvalue()).decode("ascii")
    return Shown(
        f'<img width="{DPI * figure.get_figwidth():.0f}" style="max-width: 100%" '
        f'alt="{html.escape(alternative)}" src="data:image/png;base64,{data}">'
    )


@functools.cache
def _keep_what_stands() -> None:
    """Set apart what was imported and compiled up to the first picture, for good.

    Looking through all of it for garbage takes as long as two pictures, at every tenth.
    """
    gc.collect()
    gc.freeze()


def _few_ticks(ax: Axes) -> None:
    """Each costs as much as a word."""
    ax.minorticks_off()
    for axis in (ax.xaxis, ax.yaxis):
        locator = axis.get_major_locator()
        if isinstance(locator, MaxNLocator):
            locator.set_params(nbins=TICKS)
        elif isinstance(locator, LogLocator):
            locator.set_params(numticks=TICKS)


def numbers(rows: Sequence[Number], caption: str) -> Shown:
    """A table of numbers, four significant digits each."""
    body = "".join(
        f'<tr><th scope="row" style="text-align: left; font-weight: normal">'
        f"{html.escape(row.label)}</th>"
        f'<td data-number="{row.id}" style="text-align: right; padding: 0 0.5em 0 2em">'
        f"{_text(row.value)}</td><td>{html.escape(row.unit)}</td></tr>"
        for row in rows
    )
    return Shown(
        '<table style="width: fit-content; min-width: 0">'
        '<caption style="text-align: left; font-weight: bold">'
        f"{html.escape(caption)}</caption>{body}</table>"
    )


def sentence(id: str, text: str) -> Shown:
    """A sentence that tests find by `id`, and that screen readers announce."""
    return Shown(f'<p role="status" data-number="{id}">{html.escape(text)}</p>')


def _text(value: float | str) -> str:
    return html.escape(value) if isinstance(value, str) else f"{value:.4g}"
