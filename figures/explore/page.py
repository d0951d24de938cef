"""What a notebook puts on its page: pictures one can also read, numbers with units.

Sessions are threads of one process while Matplotlib's style is the process's own, so
pictures are drawn one at a time.
"""

import base64
import html
import io
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from matplotlib.figure import Figure

from figures import style

__all__ = ["Number", "Shown", "numbers", "panels", "picture", "sentence"]

WIDTH = 9.2
"""Of a picture as wide as the page, in inches."""
MARGINS = {"left": 0.72, "right": 0.12, "bottom": 0.5, "top": 0.32, "between": 0.72}
"""Around and between panels, in inches: finding the best ones takes as long as drawing."""
DPI = 110

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


def panels(columns: int, width: float = WIDTH, height: float = 3.2, **share):
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


def picture(draw: Callable[[], Figure], alternative: str) -> Shown:
    """The figure that `draw` makes, in the style of the figures.

    Args:
        draw: makes the figure, best with `panels`; called with the style applied.
        alternative: what the picture shows, for those who cannot see it.
    """
    file = io.BytesIO()
    with _DRAWING, style.applied():
        draw().savefig(file, format="png", dpi=DPI)
    data = base64.b64encode(file.getvalue()).decode("ascii")
    return Shown(
        f'<img style="width: 100%" alt="{html.escape(alternative)}" '
        f'src="data:image/png;base64,{data}">'
    )


def numbers(rows: Sequence[Number], caption: str) -> Shown:
    """A table of numbers, four significant digits each."""
    body = "".join(
        f'<tr><th scope="row" style="text-align: left; font-weight: normal">'
        f"{html.escape(row.label)}</th>"
        f'<td data-number="{row.id}" style="text-align: right">{_text(row.value)}</td>'
        f"<td>{html.escape(row.unit)}</td></tr>"
        for row in rows
    )
    return Shown(f"<table><caption>{html.escape(caption)}</caption>{body}</table>")


def sentence(id: str, text: str) -> Shown:
    """A sentence that tests find by `id`, and that screen readers announce."""
    return Shown(f'<p role="status" data-number="{id}">{html.escape(text)}</p>')


def _text(value: float | str) -> str:
    return html.escape(value) if isinstance(value, str) else f"{value:.4g}"
