"""The page of `phase_transition`: a picture, a table, and what more synthetic data do."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from figures import style
from figures.explore.page import (
    Number,
    Shown,
    legend_below,
    numbers,
    panels,
    picture,
    sentence,
)
from figures.explore.phase_transition import LEARNERS, QUARTER, Settings, Theory
from figures.explore.phase_transition_runs import Simulated
from theory.self_consuming.phase_transition import break_even

__all__ = ["transition_picture", "transition_sentence", "transition_table"]

COLOURS = (style.SERIES[2], style.SERIES[3])
"""Of the bound's shape at the learner's rate, and at 1/4."""


def transition_picture(
    settings: Settings, theory: Theory, simulated: Simulated | None
) -> Shown:
    """Total variation and its bound against the synthetic amount."""
    found = ""
    if simulated is not None:
        found = (
            f", simulated {simulated.tv.mean[0]:.3g} and {simulated.tv.mean[-1]:.3g}"
        )
    return picture(
        lambda: _drawn(settings, theory, simulated),
        f"Left: total variation of model {settings.models} against synthetic over real "
        f"points; predicted {theory.tv[0]:.3g} without synthetic data and "
        f"{theory.tv[-1]:.3g} with {settings.most} times as many{found}. "
        "Right: the bound, in errors of one step, with the amounts at which it turns.",
    )


def _drawn(settings: Settings, theory: Theory, simulated: Simulated | None) -> Figure:
    fig, (left, right) = panels(2)
    amount = "synthetic over real points m/n"
    said = LEARNERS[settings.learner].said
    style.panel(
        left, f"Model {settings.models}: {said}", amount, "mean total variation E TV"
    )
    style.panel(
        right, "The bound on it", amount, "in errors of one step on n real points"
    )
    _tv(left, theory, simulated)
    _bound(right, theory, simulated)
    for ax in (left, right):
        _amounts(ax, settings.most)
        ax.set_ylim(bottom=0.0)
        legend_below(ax)
    return fig


def _tv(ax: Axes, theory: Theory, simulated: Simulated | None) -> None:
    if np.isfinite(theory.lower).all():
        style.bound(ax, theory.lam, theory.upper, "rigorous bounds", forbids="above")
        style.bound(ax, theory.lam, theory.lower, "", forbids="below")
    style.theory(ax, theory.lam, theory.tv, "prediction, no free parameter")
    if simulated is not None:
        _points(ax, simulated.lam, simulated.tv, f"{simulated.runs} runs, 95 %")
    style.reference(ax, theory.tv[0])
    word, at = theory.turn
    if word:
        _mark(ax, at, f"{word} at {at:.3g}", style.THEORY)


def _bound(ax: Axes, theory: Theory, simulated: Simulated | None) -> None:
    if simulated is not None:
        _points(
            ax, simulated.lam, simulated.bound, "from measured errors, 95 %",
            1.0 / simulated.bound.mean[0],
        )  # fmt: skip
    for (rate, shape), colour in zip(theory.shapes.items(), COLOURS, strict=True):
        style.theory(ax, theory.lam, shape, f"shape, rate r = {rate:g}", colour)
        turn = theory.thresholds[rate]
        if turn <= theory.lam[-1]:
            _mark(ax, turn, f"turns at {turn:.3g}", colour)


def _points(ax: Axes, lam, found, label: str, scale: float = 1.0) -> None:
    mean, low, high = (scale * v for v in (found.mean, found.low, found.high))
    style.simulation(ax, lam, mean, label, low=low, high=high)


def _mark(ax: Axes, at: float, label: str, colour) -> None:
    ax.axvline(at, color=colour, linewidth=1.0, linestyle=(0, (4, 2)), label=label)


def _amounts(ax: Axes, most: float) -> None:
    """An axis that starts at 0 and is logarithmic beyond 1."""
    ax.set_xscale("symlog", linthresh=1.0, linscale=0.5)
    ticks = [0, *(t for t in (1, 4, 16, 64) if t < most), most]
    ax.set_xticks(ticks, [str(t) for t in ticks])
    ax.set_xlim(-0.06, 1.1 * most)


def transition_table(
    settings: Settings, theory: Theory, simulated: Simulated | None
) -> Shown:
    """Total variation at both ends, and the amounts at which it and its bound turn."""
    own, G = LEARNERS[settings.learner].rate, settings.models
    word, at = theory.turn
    rows = [
        Number("none", "TV without synthetic data, predicted", theory.tv[0]),
        Number("most", f"TV at m/n = {settings.most}, predicted", theory.tv[-1]),
        Number(
            "turn",
            f"{word or 'highest or lowest'} TV at m/n",
            at if word else "no turn",
        ),
        Number("own", f"bound turns at m/n, r = {own:g}", theory.thresholds[own]),
        Number("quarter", "bound turns at m/n, r = 1/4", theory.thresholds[QUARTER]),
        Number("even", f"bound is back at m/n, r = {own:g}", _back(settings, own)),
    ]
    if simulated is not None:
        tv = simulated.tv
        rows += [
            Number(
                "none-simulated", "TV without synthetic data, simulated", tv.mean[0]
            ),
            Number(
                "most-simulated", f"TV at m/n = {settings.most}, simulated", tv.mean[-1]
            ),
            Number("runs", "independent runs", f"{simulated.runs}"),
        ]
    return numbers(rows, f"Model {G}, n = {settings.n} real points")


def _back(settings: Settings, rate: float) -> float | str:
    """Where more synthetic data bring the bound back to its value without any."""
    if settings.first == "V2":
        return "never: model 1 has n points"
    return break_even(settings.models, rate)


def transition_sentence(settings: Settings, theory: Theory) -> Shown:
    """What more synthetic data do to the model, and what they do to its bound."""
    return sentence("transition", _said(settings, theory))


def _said(settings: Settings, theory: Theory) -> str:
    start, end = theory.tv[0], theory.tv[-1]
    r = LEARNERS[settings.learner].rate
    bound = (
        f"The shape of the bound at this learner's rate, r = {r:g}, turns at "
        f"m/n = {theory.thresholds[r]:.3g}: a threshold of the bound, not of the model."
    )
    after = "below" if end < start else "above"
    word, at = theory.turn
    if word == "highest":
        return (
            f"More synthetic data first hurt and then help: TV rises to "
            f"{theory.tv.max():.3g} at m/n = {at:.3g} and is {end:.3g} at the end, "
            f"{after} the {start:.3g} without any. {bound}"
        )
    if word == "lowest":
        return (
            f"Synthetic data help at first: TV falls to {theory.tv.min():.3g} at m/n = "
            f"{at:.3g} and is {end:.3g} at the end, {after} the {start:.3g} without any, "
            f"although the bound rises from the start. {bound}"
        )
    if end < start:
        return (
            f"Synthetic data never hurt in this range: TV falls from {start:.3g} to "
            f"{end:.3g}, although the bound first rises. {bound}"
        )
    return (
        f"Synthetic data hurt in this range, the more the more there are: TV rises from "
        f"{start:.3g} to {end:.3g}. {bound}"
    )
