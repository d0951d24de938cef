"""The page of `drift_regimes`: a picture, a table, and the regime with its reason."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from figures import style
from figures.explore.drift_regimes import Settings, Simulated, Theory
from figures.explore.page import (
    Number,
    Shown,
    legend_below,
    numbers,
    panels,
    picture,
    sentence,
)
from theory.error_propagation.regimes import Regime

__all__ = ["drift_picture", "drift_table", "regime_sentence"]

CUT = 0.5
"""Cosine from which `classify` calls errors aligned, below its negative cancelling."""
DISPLAYED = "#b00020"
INHERITED = style.SERIES[2]


def drift_picture(
    settings: Settings, theory: Theory, simulated: Simulated | None
) -> Shown:
    """Drift with its bounds, and what decides the regime, over the generations."""
    D = theory.D[-1]
    found = "" if simulated is None else f", simulated {simulated.D[-1]:.3g}"
    return picture(
        lambda: _drawn(settings, theory, simulated),
        f"Left: drift over {settings.generations} generations on a logarithmic axis; "
        f"exact {D:.3g} at the last{found}, bound {theory.bounds.root[-1]:.3g}. "
        "Right: cosine of each new error with the drift it meets, and inherited share.",
    )


def _drawn(settings: Settings, theory: Theory, simulated: Simulated | None) -> Figure:
    fig, (left, right) = panels(2)
    laws = np.arange(1, settings.generations + 1)
    style.panel(
        left,
        f"Drift, {settings.kind} errors",
        "generation N",
        "drift D (chi-square, a pure number)",
        log="y",
        whole="x",
    )
    if theory.D[-1] > 0:
        _drift(left, laws, theory, settings.kind)
    if simulated is not None:
        spread = 2.0 * simulated.error
        low = np.maximum(simulated.D - spread, 0.3 * simulated.D)  # keep the log axis
        style.simulation(
            left, laws, simulated.D, "simulated", low=low, high=simulated.D + spread
        )
    style.panel(
        right, "What decides the regime", "generation N", "cosine, share", whole="x"
    )
    right.set_ylim(-1.05, 1.05)
    _decides(right, laws, theory, None if settings.kind == "unbiased" else simulated)
    for ax in (left, right):
        ax.set_xlim(0.5, settings.generations + 0.5)
        legend_below(ax)
    return fig


def _drift(ax: Axes, laws: np.ndarray, theory: Theory, kind: str) -> None:
    bounds = theory.bounds
    style.bound(ax, laws, bounds.root[1:], "(U1): bound", forbids="above")
    style.theory(ax, laws, theory.D[1:], "exact recursion")
    ax.plot(
        laws, theory.displayed[1:], "--", color=DISPLAYED, label="Thm 4.2 as displayed"
    )
    if kind == "unbiased":
        style.spread(
            ax,
            laws,
            theory.low[1:],
            theory.high[1:],
            "80 % of sign sequences",
            style.THEORY,
        )
        style.theory(ax, laws, bounds.unbiased[1:], "(X): mean over signs", INHERITED)


def _decides(ax: Axes, laws, theory: Theory, simulated: Simulated | None) -> None:
    for level in (-CUT, CUT):
        style.reference(ax, level)
    style.theory(ax, laws, theory.cosine, "cosine of new error with drift")
    style.theory(ax, laws, theory.inherited, "inherited share of drift", INHERITED)
    if simulated is not None:
        style.simulation(ax, laws, simulated.cosine, "simulated cosine")
        style.simulation(ax, laws, simulated.inherited, "simulated share", marker="s")


def drift_table(
    settings: Settings, theory: Theory, simulated: Simulated | None
) -> Shown:
    """The last law in numbers."""
    N = settings.generations
    rows = [
        Number("drift", f"drift D of law {N}, exact", theory.D[-1]),
        Number("bound", "its bound (U1)", theory.bounds.root[-1]),
        Number("displayed", "right side of Thm 4.2 as displayed", theory.displayed[-1]),
        Number("settled", "where the drift settles", _settled(settings, theory)),
        Number("fresh", "fresh data in all", settings.fresh[:N].sum(), "generations"),
    ]
    if simulated is not None:
        rows += [
            Number(
                "simulated", f"drift D of law {N}, simulated", _or_lost(simulated.D[-1])
            ),
            Number(
                "same", "the same, exact for the simulated signs", theory.of_runs[-1]
            ),
            Number(
                "energy",
                "error energy as simulated, mean",
                simulated.energy.mean(),
                "nats",
            ),
            Number(
                "observability",
                "observability as simulated, mean",
                simulated.observability.mean(),
            ),
        ]
    return numbers(rows, f"After {N} generations")


def _settled(settings: Settings, theory: Theory) -> float | str:
    if settings.schedule != "constant":
        return "follows the schedule"
    value = float(theory.settled[-1])
    return value if np.isfinite(value) else "never"


def _or_lost(value: float) -> float | str:
    return value if np.isfinite(value) else "outside the grid"


def regime_sentence(settings: Settings, theory: Theory) -> Shown:
    """The regime of the last generation, and the reason."""
    return sentence("regime", _regime(settings, theory))


def _regime(settings: Settings, theory: Theory) -> str:
    last, cosine, share = theory.regime[-1], theory.cosine[-1], theory.inherited[-1]
    if theory.D.max() == 0:
        return "No drift: nothing of these errors shows in the generated law."
    met = f"the last error meets the drift it inherits at cosine {cosine:.2f}"
    met = met.replace("-", "−")
    reason = {
        Regime.MEMORYLESS: (
            f"Memoryless: the last law inherits {100 * share:.0f} % of its drift, no more than "
            "10 %; of earlier errors too little is left to matter."
        ),
        Regime.UNBIASED: (
            f"Unbiased: {met}, between −{CUT:g} and {CUT:g}; errors add in square, "
            "and at a constant share α the drift tends to J/(α(2−α))."
        ),
        Regime.ALIGNED: (
            f"Aligned: {met}, at least {CUT:g}; errors add in size, "
            "and at a constant share α the drift tends to J/α²."
        ),
        Regime.CANCELLING: (
            f"Cancelling: {met}, at most −{CUT:g}; each error undoes the past, "
            "and the drift stays near that of one generation."
        ),
        Regime.HEAVY_TAILED: (
            "Heavy-tailed: the drift or the innovation is infinite; no bound applies."
        ),
    }[Regime(int(last))]
    same = int(np.sum(theory.regime == last))
    return f"{reason} So it is in {same} of {settings.generations} generations."
