"""A drawn figure as files: .pdf, .png, and a .csv of the numbers that it shows."""

import csv
import io
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import (
    Collection,
    LineCollection,
    PathCollection,
    PolyCollection,
    QuadMesh,
)
from matplotlib.container import BarContainer, ErrorbarContainer
from matplotlib.contour import ContourSet
from matplotlib.figure import Figure
from matplotlib.image import AxesImage
from matplotlib.lines import Line2D
from matplotlib.patches import StepPatch

from figures.style import DECORATION
from sim.store.archive import write_atomic

__all__ = ["Row", "plotted", "save", "save_picture"]

_PNG_DPI = 220  # twice the 110 pixels per inch of a common screen


class Row(NamedTuple):
    """One plotted number; what does not apply is NaN (empty in the file)."""

    panel: str
    series: str
    x: float
    y: float
    y_low: float = np.nan
    y_high: float = np.nan
    value: float = np.nan
    """Colour of a heat map or level of a contour."""


def save(fig: Figure, stem: Path) -> dict[str, Path]:
    """Write ``stem.pdf``, ``stem.png``, ``stem.csv``: equal bytes for equal figures."""
    paths = save_picture(fig, stem) | {"csv": stem.with_name(f"{stem.name}.csv")}
    write_atomic(paths["csv"], _table(plotted(fig)))
    return paths


def save_picture(fig: Figure, stem: Path) -> dict[str, Path]:
    """Write ``stem.pdf`` and ``stem.png`` alone."""
    metadata = {"pdf": {"CreationDate": None}, "png": {"Software": None}}
    paths = {kind: stem.with_name(f"{stem.name}.{kind}") for kind in metadata}
    for kind, path in paths.items():
        write_atomic(path, _rendered(fig, kind, metadata[kind]))
    return paths


def plotted(fig: Figure) -> list[Row]:
    """Every number shown in the data coordinates of a panel, read off the artists.

    Nothing depends on how a figure was drawn: lines, points, error bars, bands, bars,
    steps, heat maps and contours are all found.
    """
    panels = [ax for ax in fig.axes if ax.get_label() != "<colorbar>"]
    return [
        row
        for k, ax in enumerate(panels, start=1)
        for row in _of_axes(ax, _title(ax) or f"panel {k}")
    ]


def _of_axes(ax: Axes, panel: str) -> Iterator[Row]:
    grouped = set()
    for container in ax.containers:
        parts = [part for part in _flat(container) if part is not None]
        grouped |= set(map(id, parts))
        series = _series(container.get_label())
        if isinstance(container, ErrorbarContainer):
            yield from (Row(panel, series, *row) for row in _error_bars(container))
        elif isinstance(container, BarContainer):
            yield from (
                Row(panel, series, b.get_x() + b.get_width() / 2, *_ends(b))
                for b in parts
            )
    for artist in ax.get_children():
        shown = artist.get_visible() and artist.get_gid() != DECORATION
        if id(artist) not in grouped and shown:
            series = _series(str(artist.get_label()))
            yield from (Row(panel, series, *row) for row in _of_artist(ax, artist))


def _of_artist(ax: Axes, artist) -> Iterator[tuple]:
    if isinstance(artist, Line2D):
        x, y = (np.asarray(a, dtype=float) for a in artist.get_data(orig=False))
        in_x, in_y = artist.get_transform().contains_branch_seperately(ax.transData)
        if not (in_x and in_y):  # axhline, axvline: one number, drawn twice
            x, y = x[:1], y[:1]
        if in_x or in_y:
            yield from zip(
                x if in_x else x * np.nan, y if in_y else y * np.nan, strict=True
            )
    elif isinstance(artist, StepPatch):
        values, edges, _ = artist.get_data()
        yield from zip((edges[1:] + edges[:-1]) / 2, values, strict=True)
    elif isinstance(artist, AxesImage):
        left, right, bottom, top = artist.get_extent()
        table = np.ma.filled(artist.get_array().astype(float), np.nan)
        if table.ndim == 2:  # a photograph has no numbers to list
            rows, columns = table.shape
            x = left + (right - left) * (np.arange(columns) + 0.5) / columns
            y = top + (bottom - top) * (np.arange(rows) + 0.5) / rows
            if artist.origin == "lower":
                y = y[::-1]
            yield from _grid(*np.meshgrid(x, y), table)
    elif isinstance(artist, Collection):
        yield from _of_collection(artist)


def _of_collection(artist: Collection) -> Iterator[tuple]:
    if isinstance(artist, QuadMesh):
        corners = artist.get_coordinates()
        centres = (corners[1:, 1:] + corners[:-1, :-1]) / 2
        values = np.ma.filled(artist.get_array().astype(float), np.nan)
        yield from _grid(
            centres[..., 0], centres[..., 1], values.reshape(centres.shape[:2])
        )
    elif isinstance(artist, ContourSet):
        for level, path in zip(artist.levels, artist.get_paths(), strict=False):
            yield from ((*v, np.nan, np.nan, level) for v in path.vertices)
    elif isinstance(artist, PathCollection):
        yield from np.ma.filled(artist.get_offsets(), np.nan)
    elif isinstance(
        artist, PolyCollection
    ):  # a band: its lowest and highest y at each x
        for path in artist.get_paths():
            x, y = path.vertices.T
            for at in np.unique(x):
                here = y[x == at]
                yield at, np.nan, here.min(), here.max()
    elif isinstance(artist, LineCollection):
        yield from (v for path in artist.get_paths() for v in path.vertices)


def _error_bars(container: ErrorbarContainer) -> Iterator[tuple]:
    line, _, bars = container
    if not container.has_yerr:
        yield from zip(*line.get_data(orig=False), strict=True)
        return
    ends = np.array([path.vertices for path in bars[-1].get_paths()])
    low, high = ends[:, 0, 1], ends[:, 1, 1]
    x, y = (ends[:, 0, 0], low * np.nan) if line is None else line.get_data(orig=False)
    yield from zip(x, y, low, high, strict=True)


def _ends(bar) -> tuple[float, float, float]:
    base, tip = bar.get_y(), bar.get_y() + bar.get_height()
    return tip, min(base, tip), max(base, tip)


def _grid(x: np.ndarray, y: np.ndarray, values: np.ndarray) -> Iterator[tuple]:
    for at_x, at_y, value in zip(x.flat, y.flat, values.flat, strict=True):
        yield at_x, at_y, np.nan, np.nan, value


def _flat(container) -> Iterator:
    for part in container:
        yield from _flat(part) if isinstance(part, (tuple, list)) else (part,)


def _title(ax: Axes) -> str:
    return next(
        filter(None, (ax.get_title(loc) for loc in ("left", "center", "right"))), ""
    )


def _series(label: str) -> str:
    return "" if label.startswith("_") else label


def _table(rows: list[Row]) -> bytes:
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(Row._fields)
    for row in rows:
        numbers = ("" if np.isnan(v) else repr(float(v)) for v in row[2:])
        writer.writerow((row.panel, row.series, *numbers))
    return out.getvalue().encode()


def _rendered(fig: Figure, kind: str, metadata: dict) -> bytes:
    if fig.get_layout_engine() is not None:  # laid out once, not once for every format
        fig.draw_without_rendering()
        fig.set_layout_engine("none")
    out = io.BytesIO()
    fig.savefig(out, format=kind, metadata=metadata, dpi=_PNG_DPI)
    return out.getvalue()
