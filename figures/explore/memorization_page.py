"""The page of `memorization`: samples beside what they were learned from, and four gauges."""

from collections.abc import Sequence

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from figures import style
from figures.explore.memorization import DATA, RULES, Settings, Theory, points
from figures.explore.memorization_runs import (
    BATCH,
    DEPTH,
    LEVELS,
    POOL,
    STEPS,
    Simulated,
)
from figures.explore.page import Number, Shown, numbers, picture, sentence
from figures.memorization.pictures import PAIRS, ROWS, draw_images, draw_points
from sim.measures.spread import singular_plane

__all__ = ["memory_picture", "memory_sentence", "memory_table", "samples_picture"]

COLOURS = style.SERIES[:2]
MARKERS = ("o", "s")


def _names(settings: Settings) -> tuple[str, str]:
    chosen = RULES[settings.rule]
    return "at random", "at random, second run" if chosen == "at random" else chosen


def samples_picture(settings: Settings, simulated: Simulated) -> Shown:
    """Samples of the first and the last model, each with its nearest training point."""
    return picture(
        lambda: _gallery(settings, simulated),
        f"Samples of model 1 and of model {settings.models}, which trains on points chosen "
        f"{RULES[settings.rule]}; under each, the nearest point of the training set.",
    )


def _gallery(settings: Settings, simulated: Simulated) -> Figure:
    fig, (axes,) = style.panels(1, 2, height=2.1)
    of = points(settings.data)
    for ax, g in zip(axes, (0, settings.models - 1), strict=True):
        ax.set_title(f"model {g + 1}: samples, nearest training points")
        pairs = {
            name: (("point", "coordinate"), values[1, g, : PAIRS * ROWS])
            for name, values in (
                ("points", simulated.samples), ("neighbour", simulated.nearest)
            )
        }  # fmt: skip
        if of.frame is not None:
            side = int(np.sqrt(of.frame.axes.shape[1]))
            decode = lambda x: of.frame.decode(x).reshape(-1, side, side)
            draw_images(ax, decode, xr.Dataset(pairs), np.array(of.ends))
        else:
            plane = singular_plane(of.train, 0, 1)
            flat = {k: (dims, plane.project(v)) for k, (dims, v) in pairs.items()}
            draw_points(ax, xr.Dataset(flat))
            ax.set_xlabel("first principal axis of the data")
            ax.set_ylabel("second principal axis")
    if of.frame is None:
        style.legend(axes[0], fontsize=7.5)
    return fig


def memory_picture(
    settings: Settings, theory: Theory, simulated: Simulated | None
) -> Shown:
    """Score, comparison with a twin, entropy, and lines of descent over the models."""
    kept = theory.survivors[-1]
    found = ""
    if simulated is not None:
        share = (simulated.score / simulated.held_out)[1, -1]
        found = (
            f" Chosen {RULES[settings.rule]}, the last model's score is {share:.2f} of that "
            "of real points."
        )
    return picture(
        lambda: _gauges(settings, theory, simulated),
        "Four panels over the models: generalisation score, share nearer to the training "
        "set than to its twin, entropy, and lines of descent, of which a loop that only "
        f"copies keeps {kept:.0%} at the last.{found}",
    )


def _gauges(settings: Settings, theory: Theory, simulated: Simulated | None) -> Figure:
    fig, axes = style.panels(2, 2, height=2.1, sharex=True)
    (score, twin), (entropy, lines) = axes
    style.panel(
        score, "Score over that of real points", "", "GS / GS of held-out", whole="x"
    )
    style.panel(
        twin, "Nearer to the training set than to its twin", "", "share", whole="x"
    )
    style.panel(
        entropy, "Entropy of the training set", "model", "$H(D)$ (nats)", whole="x"
    )
    style.panel(
        lines, "First points with descendants", "model", "share of $N$", whole="x"
    )
    models = np.arange(1, settings.models + 1)
    style.reference(score, 1.0)
    style.reference(twin, 0.5)
    style.theory(lines, models, theory.survivors, "a loop that only copies, at random")
    if simulated is not None:
        _measured(axes, models, _names(settings), simulated)
    score.set_ylim(bottom=0.0)
    twin.set_ylim(0.4, 1.0)
    lines.set_ylim(0.0, 1.05)
    lines.legend(loc="best", fontsize=7.5)
    return fig


def _measured(axes, models, names: Sequence[str], simulated: Simulated) -> None:
    (score, twin), (entropy, lines) = axes
    for k, (name, colour, marker) in enumerate(
        zip(names, COLOURS, MARKERS, strict=True)
    ):
        look = {"colour": colour, "marker": marker}
        ratio, error = (
            v[k] / simulated.held_out[k]
            for v in (simulated.score, simulated.score_error)
        )
        _points(score, models, ratio, 1.96 * error, name, **look)
        style.simulation(entropy, models, simulated.entropy[k], name, **look)
        style.simulation(lines, models, simulated.survivors[k], name, **look)
    half = 1.96 * simulated.closer_error
    _points(
        twin, models, simulated.closer, half, names[0], colour=COLOURS[0],
        marker=MARKERS[0],
    )  # fmt: skip
    score.legend(loc="best", fontsize=7.5)


def _points(ax: Axes, x, y, half, label: str, **look) -> None:
    style.simulation(ax, x, y, label, low=y - half, high=y + half, **look)


def memory_table(
    settings: Settings, theory: Theory, simulated: Simulated | None
) -> Shown:
    """First and last model in numbers, and what was run."""
    last = f"model {settings.models}"
    rows = [Number("kept", f"lines left in {last}, only copying", theory.survivors[-1])]
    if simulated is not None:
        ratio = simulated.score / simulated.held_out
        rows += [
            Number("first", "score of model 1 over that of real points", ratio[1, 0]),
            Number("random", f"the same of {last}, chosen at random", ratio[0, -1]),
            Number("chosen", f"the same of {last}, {_names(settings)[1]}", ratio[1, -1]),
            Number("copied", "samples of model 1 that are copies", simulated.copied[1, 0]),
            Number("closer", "samples of model 1 nearer to the training set", simulated.closer[0]),
            Number("lines", f"lines left in {last}, {_names(settings)[1]}", simulated.survivors[1, -1]),
        ]  # fmt: skip
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
