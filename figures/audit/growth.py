r"""How drift grows over generations: its exponent, and the fresh fraction that it shows.

Read as unbiased errors, :math:`D_{g+1}=(1-\alpha)^2D_g+J`, or as aligned ones,
:math:`\sqrt{D_{g+1}}=(1-\alpha)\sqrt{D_g}+\sqrt J`, drift levels off as fresh data say; without
any it grows like the root of the generation, or like the generation. Only distances to
real points enter, so that reuse of samples does not matter. Intervals are those of one
single run (`figures.audit.noisy_line`).
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from figures.audit.composition import Composition
from figures.audit.drift import Drift
from figures.audit.noisy_line import (
    LEAST_GENERATIONS,
    Fitted,
    Interval,
    fit,
    power_law,
    recursion,
)
from figures.audit.records import Fit

__all__ = ["FEW", "FRACTIONS", "Growth", "above_noise", "growth", "rooted"]

FRACTIONS = np.concatenate([np.linspace(-0.5, -0.1, 5), np.linspace(0.0, 0.95, 20)])
"""Fresh fractions that are tried; a negative one is growth faster than such errors have."""
SMALL = 1.0
"""Squared distance in moments below which growth is read off them."""
FEW = f"needs {LEAST_GENERATIONS} generations"


@dataclass(frozen=True)
class Growth:
    """Fits of growth, and two tests of it with errors read as unbiased and as aligned."""

    fits: tuple[Fit, ...]
    levels_off: dict[str, float]
    """Bayes factor of some fresh fraction against none, by reading"""
    agrees: dict[str, bool]
    """whether the known fresh fraction is among the likely ones; empty where none is known"""


def growth(drifts: dict[str, Drift], found: Composition) -> Growth:
    """Exponent in each geometry; fresh fraction in the more telling one."""
    exponents = [_exponent(drift) for drift in drifts.values()]
    fractions, evidence, agrees = _fresh_fraction(drifts, found)
    return Growth((*exponents, *fractions), evidence, agrees)


def above_noise(drift: Drift) -> Float[np.ndarray, " g"]:
    """Generations, from 1, whose distance exceeds twice its standard error."""
    D, error = (np.asarray(x)[1:] for x in drift.distance)
    return np.flatnonzero(2.0 * error < D) + 1


def rooted(
    D: Float[np.ndarray, " g"], error: Float[np.ndarray, " g"]
) -> tuple[Float[np.ndarray, " g"], Float[np.ndarray, " g"]]:
    """Distances of squared ones, with errors that stay finite where they vanish."""
    return np.sqrt(np.maximum(D, 0.0)), 0.5 * error / np.sqrt(np.maximum(D, error))


def _exponent(drift: Drift) -> Fit:
    name = f"exponent_{drift.geometry}"
    says = f"exponent of growth of the distance over generations ({drift.geometry})"
    g = above_noise(drift)
    if len(g) < LEAST_GENERATIONS:
        seen = f"needs {LEAST_GENERATIONS} generations beyond noise, {len(g)} are"
        return Fit.none(name, says, seen)
    D, error = (np.asarray(x)[g] for x in drift.distance)
    gains = fit(np.log(D), error / D, [power_law(g)]).gains()
    halved = Interval(*(0.5 * x for x in gains))  # of D to that of the distance
    return Fit.of(
        name,
        says,
        halved,
        assumes="a power law from generation 1 on",
        against="1: systematic errors; 1/2: unbiased ones; 0: levelled off",
    )


def _fresh_fraction(
    drifts: dict[str, Drift], found: Composition
) -> tuple[list[Fit], dict[str, float], dict[str, bool]]:
    """Alpha from how drift levels off."""
    drift = _perturbative(drifts)
    D, error = (np.asarray(x)[1:] for x in drift.distance)
    known = found.alpha
    given = "" if known is None else f"{known:.3g}, given by {found.alpha_from}"
    listed, evidence, agrees = [], {}, {}
    for reading in ("unbiased", "aligned"):
        name = f"fresh_{reading}"
        says = f"fresh fraction, from how drift levels off, {reading} errors"
        if len(D) < LEAST_GENERATIONS:
            listed.append(Fit.none(name, says, FEW))
            continue
        fitted = _recursions(D, error, reading)
        likely = FRACTIONS[fitted.likely()]
        best = FRACTIONS[int(np.argmax(fitted.of_line))]
        weight = np.exp(fitted.of_line)
        none = int(np.flatnonzero(FRACTIONS == 0.0)[0])
        evidence[reading] = float(np.mean(weight[none + 1 :]) / weight[none])
        if known is not None:
            agrees[reading] = bool(likely.min() - 0.05 < known < likely.max() + 0.05)
        listed.append(
            Fit(
                name,
                says,
                float(best),
                float(likely.min()),
                float(likely.max()),
                assumes=f"{reading} errors of one size ({drift.geometry}); below 0: growth "
                "is faster than theirs; tried from -0.5 to 0.95",
                against=given,
            )
        )
    return listed, evidence, agrees


def _perturbative(drifts: dict[str, Drift]) -> Drift:
    """Moments while they are of second order: they show most, but grow faster beyond."""
    moments = drifts.get("moments")
    small = moments is not None and float(np.max(moments.distance.value)) < SMALL
    return moments if small else drifts["energy"]


def _recursions(D: np.ndarray, error: np.ndarray, reading: str) -> Fitted:
    G = len(D)
    if reading == "unbiased":
        lines = [recursion((1.0 - a) ** 2, G, growing=True) for a in FRACTIONS]
        return fit(D, error, lines)
    return fit(*rooted(D, error), [recursion(1.0 - a, G) for a in FRACTIONS])
