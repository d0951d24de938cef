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
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int

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
    seen = _Seen.of(drift, found.alpha or 0.0)
    mixed = "" if found.latest_only else "training sets mix older generations"
    share = f"fresh fraction {seen.alpha:.3g}"
    share += "" if found.alpha_from else ", which is assumed"
    few = LEAST_GENERATIONS
    listed = (
        ("triangle inequality", Kind.GUARANTEE, seen.triangle, 2,
         "no later step is longer than the longest so far"),
        ("unbiased errors", Kind.EXACT, seen.unbiased, few,
         "steps are unbiased given the past and of one mean square"),
        ("systematic errors", Kind.EXACT, seen.systematic, few,
         "all steps have one direction and length"),
        ("rate bound", Kind.RATE, seen.rate, 2,
         "steps are at most C n^-r, as they were in the mean"),
    )  # fmt: skip
    laws = [
        Law(name, kind, f"{assumes}; {share}", predict, least, mixed)
        for name, kind, predict, least, assumes in listed
    ]
    go_on = "growth goes on as it was"
    return [*laws, Law("power law", Kind.EXTRAPOLATION, go_on, seen.power_law, few)]


@dataclass(frozen=True)
class _Seen:
    """Distances D and steps J of a loop in one geometry; what each law makes of them."""

    D: Float[np.ndarray, " G"]
    error: Float[np.ndarray, " G"]
    J: Float[np.ndarray, " G"]
    J_error: Float[np.ndarray, " G"]
    hidden: Float[np.ndarray, " G"]
    telling: Int[np.ndarray, " g"]
    """generations whose distance is beyond noise"""
    alpha: float

    @classmethod
    def of(cls, drift: Drift, alpha: float) -> "_Seen":
        D, error = (np.asarray(x)[1:] for x in drift.distance)
        J, J_error = (np.asarray(x) for x in drift.step)
        return cls(D, error, J, J_error, drift.hidden, above_noise(drift), alpha)

    @property
    def rho(self) -> float:
        return 1.0 - self.alpha

    def triangle(self, G: int, k: int) -> Interval:
        most = np.maximum(self.J + self.hidden, 0.0) + Z * self.J_error
        kept = self.rho ** np.arange(1, k + 1)
        further = np.cumsum(self.rho ** np.arange(k)) * np.sqrt(np.max(most[1:G]))
        reach = Z * self.error[G - 1]
        ends = (self.D[G - 1] + side * reach for side in (-1, 1))
        near, far = (np.sqrt(max(end, 0.0)) for end in ends)
        noise = self._noise(G)
        high = (kept * far + further) ** 2 + noise
        low = np.maximum(kept * near - further, 0.0) ** 2 - noise
        return Interval(np.full(k, np.nan), low, high)

    def unbiased(self, G: int, k: int) -> Interval:
        line = recursion(self.rho**2, G + k, growing=True)
        return fit(self.D[:G], self.error[:G], [line]).predictions()

    def systematic(self, G: int, k: int) -> Interval:
        rooted_D = rooted(self.D[:G], self.error[:G])
        d = fit(*rooted_D, [recursion(self.rho, G + k)]).predictions()
        # a distance that may vanish is measured down to minus its noise
        low = np.where(d.low > 0, d.low**2, -self._noise(G))
        return Interval(np.maximum(d.value, 0.0) ** 2, low, d.high**2)

    def rate(self, G: int, k: int) -> Interval:
        spread = np.sqrt(np.sum(self.J_error[1:G] ** 2)) / (G - 1)
        over = Z * spread + np.mean(self.hidden[1:G])
        S = np.array([latest_factor(G + i, self.alpha).value for i in range(1, k + 1)])
        ends = np.mean(self.J[1:G]) + np.array([0.0, over])
        value, high = (np.maximum(J, 0.0) * S**2 for J in ends)
        return Interval(value, np.full(k, -np.inf), high + self._noise(G))

    def power_law(self, G: int, k: int) -> Interval:
        g = self.telling[self.telling <= G]
        if len(g) < LEAST_GENERATIONS:
            raise Lacking(f"needs {LEAST_GENERATIONS} generations beyond noise")
        D, error = self.D[g - 1], self.error[g - 1]
        at = np.concatenate([g, np.arange(G + 1, G + k + 1)])
        logs = fit(np.log(D), error / D, [power_law(at)]).predictions()
        return Interval(*(np.exp(x) for x in logs))

    def _noise(self, G: int) -> float:
        """Of measuring one more distance."""
        return Z * float(np.mean(self.error[:G]))
