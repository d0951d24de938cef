r"""What laws of drift say of the next generations, from any first few.

With the distance of a loop from the data, :math:`d=\sqrt D`, and the fresh fraction
:math:`\alpha=1-\rho`:

guarantee
    :math:`|d_{G+k} - \rho^kd_G| \le \frac{1-\rho^k}{1-\rho}\sqrt{J_{\max}}`, the triangle
    inequality, as long as no step is longer than the longest so far.
unbiased, systematic
    :math:`E D_{g+1} = \rho^2D_g + J` and :math:`d_{g+1} = \rho d_g + \sqrt J`, exact if
    errors are, in the mean over runs; the interval is that of one run.
rate
    :math:`d_i \le C n^{-r} S_i`, with the constant of the steps that were measured.
power law
    what was seen, continued.

All intervals are of what would be measured: they hold the noise of measuring as well.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from figures.audit.composition import Composition
from figures.audit.drift import Drift
from figures.audit.fitting import Z
from figures.audit.growth import above_noise, rooted
from figures.audit.noisy_line import (
    LEAST_GENERATIONS,
    Interval,
    fit,
    power_law,
    recursion,
)
from theory.claims import Kind
from theory.self_consuming.sample_size import latest_factor

__all__ = ["Lacking", "Law", "laws_of_drift"]


class Lacking(ValueError):
    """A law has too little to go by; why."""


class Law(NamedTuple):
    """A law and what it is worth."""

    name: str
    kind: Kind
    assumes: str
    predict: Callable[[int, int], Interval]
    """from the first G generations to the k next ones"""
    least: int
    """fewest generations that it needs"""
    missing: str = ""
    """why it says nothing here, if so"""


def laws_of_drift(drift: Drift, found: Composition) -> list[Law]:
    """All of them in one geometry."""
    D, error = (np.asarray(x)[1:] for x in drift.distance)
    J, J_error = (np.asarray(x) for x in drift.step)
    alpha = found.alpha or 0.0
    rho = 1.0 - alpha
    mixed = "" if found.latest_only else "training sets mix older generations"
    share = f"fresh fraction {alpha:.3g}"
    share += "" if found.alpha_from else ", which is assumed"

    def triangle(G: int, k: int) -> Interval:
        longest = np.max(np.maximum(J + drift.hidden, 0.0)[1:G] + Z * J_error[1:G])
        kept = rho ** np.arange(1, k + 1)
        further = np.cumsum(rho ** np.arange(k)) * np.sqrt(longest)
        reach = Z * error[G - 1]
        near, far = (np.sqrt(max(D[G - 1] + side * reach, 0.0)) for side in (-1, 1))
        noise = Z * np.mean(error[:G])
        high = (kept * far + further) ** 2 + noise
        low = np.maximum(kept * near - further, 0.0) ** 2 - noise
        return Interval(np.full(k, np.nan), low, high)

    def unbiased(G: int, k: int) -> Interval:
        line = recursion(rho**2, G + k, growing=True)
        return fit(D[:G], error[:G], [line]).predictions()

    def systematic(G: int, k: int) -> Interval:
        d = fit(*rooted(D[:G], error[:G]), [recursion(rho, G + k)]).predictions()
        return _squared(d, float(np.mean(error[:G])))

    def rate(G: int, k: int) -> Interval:
        step, spread = np.mean(J[1:G]), np.sqrt(np.sum(J_error[1:G] ** 2)) / (G - 1)
        S = np.array([latest_factor(G + i, alpha).value for i in range(1, k + 1)])
        ends = step + np.array([0.0, Z * spread + np.mean(drift.hidden[1:G])])
        value, high = (np.maximum(J_0, 0.0) * S**2 for J_0 in ends)
        return Interval(value, np.full(k, -np.inf), high + Z * np.mean(error[:G]))

    def power(G: int, k: int) -> Interval:
        g = above_noise(drift)
        g = g[g <= G]
        if len(g) < LEAST_GENERATIONS:
            raise Lacking(f"needs {LEAST_GENERATIONS} generations beyond noise")
        at = np.concatenate([g, np.arange(G + 1, G + k + 1)])
        logs = fit(np.log(D[g - 1]), error[g - 1] / D[g - 1], [power_law(at)])
        return Interval(*(np.exp(x) for x in logs.predictions()))

    few = LEAST_GENERATIONS
    return [
        Law(
            "triangle inequality",
            Kind.GUARANTEE,
            f"no later step is longer than the longest so far; {share}",
            triangle,
            2,
            mixed,
        ),
        Law(
            "unbiased errors",
            Kind.EXACT,
            f"steps are unbiased given the past and of one mean square; {share}",
            unbiased,
            few,
            mixed,
        ),
        Law(
            "systematic errors",
            Kind.EXACT,
            f"all steps have one direction and length; {share}",
            systematic,
            few,
            mixed,
        ),
        Law(
            "rate bound",
            Kind.RATE,
            f"steps are at most C n^-r, as they were in the mean; {share}",
            rate,
            2,
            mixed,
        ),
        Law("power law", Kind.EXTRAPOLATION, "growth goes on as it was", power, few),
    ]


def _squared(d: Interval, noise: float) -> Interval:
    """Squares of distances; one that may vanish is measured down to minus its noise."""
    low = np.where(d.low > 0, d.low**2, -Z * noise)
    return Interval(np.maximum(d.value, 0.0) ** 2, low, d.high**2)
