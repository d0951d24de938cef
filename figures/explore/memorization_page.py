"""The page of `memorization`: samples beside what they were learned from, and four gauges."""

import math
from collections.abc import Sequence

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from figures import style
from figures.explore.memorization import (
    DATA,
    RULES,
    Points,
    Settings,
    Theory,
    points,
)
from figures.explore.memorization_runs import (
    BATCH,
    DEPTH,
    LEVELS,
    POOL,
    STEPS,
    Simulated,
)
from figures.explore.page import (
    Number,
    Shown,
    legend_below,
    numbers,
    panels,
    picture,
    sentence,
)
from figures.memorization.pictures import PAIRS, ROWS, draw_images, draw_points
from sim.measures.spread import singular_plane

__all__ = [
    "lines_picture",
    "memory_sentence",
    "memory_table",
    "samples_picture",
    "score_picture",
]

LOOKS = (
    {"colour": style.SERIES[0], "marker": "o"},
    {"colour": style.SERIES[1], "marker": "s"},
)
"""Of the loop that chooses at random, and of the other."""
AXES = ("point", "coordinate")
DOTS = 60
"""Samples drawn of points that are no images."""


def _names(settings: Settings) -> tuple[str, str]:
    chosen, random = RULES[settings.rule], RULES["random"]
    return random, f"{random}, another run" if chosen == random else chosen


def samples_picture(settings: Settings, simulated: Simulated) -> Shown:
    """Samples of the first and the last model, each with its nearest training point."""
    return picture(
        lambda: _gallery(settings, simulated),
        f"Samples of model 1 and of model {settings.models}, which trains on points chosen "
        f"{RULES[settings.rule]}; under each, the nearest point of the training set.",
    )


def _gallery(settings: Settings, simulated: Simulated) -> Figure:
    images = points(settings.data).frame is not None
    fig, axes = panels(2, height=2.8 if images else 3.9)
    if images:
        fig.subplots_adjust(left=0.01, bottom=0.02)
    for ax, g in zip(axes, (0, settings.models - 1), strict=True):
        where = "above" if images else "joined to"
        ax.set_title(f"Model {g + 1}: samples, each {where} its nearest training point")
        rows = slice(PAIRS * ROWS if images else DOTS)
        of = (values[1, g, rows] for values in (simulated.samples, simulated.nearest))
        _pairs(ax, points(settings.data), *of)
    return fig


def _pairs(ax: Axes, of: Points, samples: np.ndarray, nearest: np.ndarray) -> None:
    """Images, or points in the plane of the two leading axes of the data."""
    named = lambda a, b: xr.Dataset({"points": (AXES, a), "neighbour": (AXES, b)})
    if of.frame is not None:
        side = math.isqrt(of.frame.axes.shape[1])
        decode = lambda x: of.frame.decode(x).reshape(-1, side, side)
        draw_images(ax, decode, named(samples, nearest), np.array(of.ends))
        ax.set_anchor("NW")
        return
    plane = singular_plane(of.train, 0, 1)
    draw_points(ax, named(*map(plane.project, (samples, nearest))))
    ax.set_xlabel("first principal axis of the data")
    ax.set_ylabel("second principal axis")
    legend_below(ax)


def score_picture(settings: Settings, simulated: Simulated | None) -> Shown:
    """Generalisation score, and what it cannot say: the comparison with a twin."""
    found = "Nothing is simulated yet."
    if simulated is not None:
        share = (simulated.score / simulated.held_out)[:, -1]
        found = (
            f"At the last model the score is {share[0]:.2f} of that of real points where "
            f"training points are chosen at random, {share[1]:.2f} where they are chosen "
            f"{_names(settings)[1]}."
        )
    return picture(
        lambda: _scores(settings, simulated),
        "Over the models: generalisation score, and share of samples nearer to the training "
        f"set than to its twin. {found}",
    )


def _scores(settings: Settings, simulated: Simulated | None) -> Figure:
    fig, (score, twin) = panels(2)
    style.panel(
        score, "Generalisation score", "model", "GS over that of real points", whole="x"
    )
    title = "Samples nearer to the training set than to its twin"
    style.panel(twin, title, "model", "share", whole="x")
    style.reference(score, 1.0, "real points that no model saw")
    style.reference(twin, 0.5, "no memory of single points")
    models = np.arange(1, settings.models + 1)
    names = _names(settings)
    if simulated is not None:
        for k, look in enumerate(LOOKS):
            ratio, error = (
                of[k] / simulated.held_out[k]
                for of in (simulated.score, simulated.score_error)
            )
            _points(score, models, ratio, error, names[k], look)
        closer = simulated.closer, simulated.closer_error
        _points(twin, models, *closer, names[0], LOOKS[0])
    score.set_ylim(bottom=0.0)
    twin.set_ylim(0.4, 1.02)
    _framed((score, twin), settings.models)
    return fig


def lines_picture(
    settings: Settings, theory: Theory, simulated: Simulated | None
) -> Shown:
    """Entropy of the training set, and lines of descent against theory."""
    kept = theory.survivors[-1]
    return picture(
        lambda: _lines(settings, theory, simulated),
        "Over the models: entropy of the training set, and share of the first training "
        f"points with descendants, of which a loop that only copies keeps {kept:.0%}.",
    )


def _lines(settings: Settings, theory: Theory, simulated: Simulated | None) -> Figure:
    fig, (entropy, lines) = panels(2)
    style.panel(entropy, "Entropy of the training set", "model", "H (nats)", whole="x")
    title = "First training points that still have descendants"
    style.panel(lines, title, "model", "share of N", whole="x")
    models = np.arange(1, settings.models + 1)
    style.theory(lines, models, theory.survivors, "theory: only copying, at random")
    if simulated is not None:
        for k, (name, look) in enumerate(zip(_names(settings), LOOKS, strict=True)):
            style.simulation(entropy, models, simulated.entropy[k], name, **look)
            style.simulation(lines, models, simulated.survivors[k], name, **look)
    lines.set_ylim(0.0, 1.05)
    _framed((entropy, lines), settings.models)
    return fig


def _framed(axes: Sequence[Axes], models: int) -> None:
    for ax in axes:
        ax.set_xlim(0.8, models + 0.2)
        if ax.get_legend_handles_labels()[0]:
            legend_below(ax)


def _points(ax: Axes, x, y, error, label: str, look: dict) -> None:
    """Estimates with the 95 % interval of their standard errors."""
    half = 1.96 * error
    style.simulation(ax, x, y, label, low=y - half, high=y + half, **look)


def memory_table(
    settings: Settings, theory: Theory, simulated: Simulated | None
) -> Shown:
    """First and last model in numbers, and what was run."""
    last, chosen = f"model {settings.models}", _names(settings)[1]
    rows = [Number("kept", f"lines left in {last}, only copying", theory.survivors[-1])]
    if simulated is not None:
        ratio, closer = simulated.score / simulated.held_out, simulated.closer
        lines = simulated.survivors[1, -1]
        rows += [
            Number("first", "score of model 1 over that of real points", ratio[1, 0]),
            Number("random", f"the same of {last}, chosen at random", ratio[0, -1]),
            Number("chosen", f"the same of {last}, chosen {chosen}", ratio[1, -1]),
            Number(
                "closer", "samples of model 1 nearer to its training set", closer[0]
            ),
            Number(
                "copied", "samples of model 1 that are copies", simulated.copied[1, 0]
            ),
            Number("lines", f"lines left in {last}, chosen {chosen}", lines),
        ]
    return numbers(rows, f"{DATA[settings.data]}, N = {settings.size}")


def memory_sentence(settings: Settings, simulated: Simulated | None) -> Shown:
    """What was run, and what came of it."""
    ran = (
        f"A run trains 2 x {settings.models} new networks of {DEPTH} layers of "
        f"{settings.width} units, {STEPS} steps of {BATCH} points each, and draws "
        f"{POOL} samples of each in {LEVELS} noise levels: far less than the figures "
        "gm1 to gm13, a sketch of them."
    )
    if simulated is None:
        return sentence("memory", ran)
    return sentence("memory", f"{_said(settings, simulated)} {ran}")


def _said(settings: Settings, simulated: Simulated) -> str:
    closer, error = simulated.closer[0], simulated.closer_error[0]
    knows = closer - 1.96 * error > 0.5
    ratio = simulated.score / simulated.held_out
    first = (
        "Model 1 remembers single training points"
        if knows
        else "Model 1 shows no memory of single training points"
    )
    first += (
        f": {closer:.0%} of its samples are nearer to them than to points it never saw."
    )
    if ratio[1, 0] > 1.0:
        first += (
            " Yet its samples lie farther from the training set than real points do: it is "
            "not fully trained at this size."
        )
    moved = ratio[:, -1] / ratio[:, 0]
    return (
        f"{first} From the first to the last model the score changes by a factor "
        f"{moved[0]:.2f} where points are chosen at random, {moved[1]:.2f} where they are "
        f"chosen {_names(settings)[1]}."
    )
