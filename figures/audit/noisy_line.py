r"""A line seen through noise, the run's own and that of measuring: its fit, what comes next.

.. math:: y = X b + \sqrt q\,R\,\xi + \tau\,\xi',\qquad \xi,\xi'\sim N(0, I) ,

X two columns (start and gain), R how the noise of every generation lasts, :math:`\tau` the known
standard errors, q the unknown noise of the one run there is. The coefficients b are
integrated over exactly (flat); q, and where there are several the X and R themselves, on a
grid, flat in :math:`\sqrt q`, weighted by the likelihood that is left. Predictions are
quantiles of that mixture: few generations leave them wide.

`recursion` is :math:`x_{g+1} = f x_g + c + e_g`: with x = D the drift of unbiased errors,
:math:`f=(1-\alpha)^2`; with :math:`x=\sqrt D` that of systematic ones, :math:`f=1-\alpha`; with
f = 1 and x an entropy a steady loss. `power_law` is :math:`\log D = b_0+b_1\log g`
with noise that is Brownian in :math:`\log g`, as that of any self-similar drift.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from jaxtyping import Float
from scipy.optimize import brentq
from scipy.stats import chi2, norm

from theory.validation import require

__all__ = [
    "LEAST_GENERATIONS",
    "LEVEL",
    "Fitted",
    "Interval",
    "Line",
    "fit",
    "power_law",
    "recursion",
]

LEAST_GENERATIONS = 4
"""Two of them fix the line; the others say how far to trust it."""
LEVEL = 0.95
NOISES = 25
"""Values of the run's own noise that are tried."""
MOST_NOISE = 2.0
"""The largest, in standard deviations of the increments that were seen."""


class Interval(NamedTuple):
    """A value and the ends of its interval."""

    value: Float[np.ndarray, "*n"]
    low: Float[np.ndarray, "*n"]
    high: Float[np.ndarray, "*n"]


class Line(NamedTuple):
    """What G measured and then the next generations follow."""

    design: Float[np.ndarray, "g 2"]
    response: Float[np.ndarray, "g r"]


def recursion(factor: float, generations: int, growing: bool = False) -> Line:
    """x_1 and c of a linear recursion; what is left of every noise e_j, f^(g - 1 - j).

    Args:
        factor: f, >= 0.
        generations: G and those ahead.
        growing: noise in proportion to the root of what has gathered so far, as the chance
            overlap of a step with a drift D is.
    """
    g = np.arange(generations)
    powers = float(factor) ** g
    gathered = np.cumsum(powers)
    lag = g[:, None] - 1 - g[None]
    response = np.where(lag >= 0, float(factor) ** np.maximum(lag, 0), 0.0)
    if growing:
        response = response * np.sqrt(gathered / np.mean(gathered))
    gained = np.concatenate([[0.0], gathered[:-1]])
    return Line(np.stack([powers, gained], axis=1), response)


def power_law(generation: Float[np.ndarray, " g"]) -> Line:
    """Logarithm of a power of the generation, those of increasing numbers g >= 1."""
    t = np.log(np.asarray(generation, dtype=np.float64))
    steps = np.sqrt(np.diff(t, prepend=t[0]))
    response = np.tril(np.broadcast_to(steps, (len(t), len(t))))
    return Line(np.stack([np.ones_like(t), t], axis=1), response)


@dataclass(frozen=True)
class Fitted:
    """What a fit leaves: a mixture of Gaussians, one for each line and noise."""

    log_likelihood: Float[np.ndarray, "lines q"]
    gain: Float[np.ndarray, "lines q"]
    gain_error: Float[np.ndarray, "lines q"]
    next: Float[np.ndarray, "lines q ahead"]
    """means of the next measured values"""
    next_error: Float[np.ndarray, "lines q ahead"]

    @property
    def of_line(self) -> Float[np.ndarray, " lines"]:
        """Log likelihood of each line, the noise averaged over, the best one at 0."""
        of_line = np.logaddexp.reduce(self.log_likelihood, axis=1)
        return of_line - of_line.max()

    def gains(self, level: float = LEVEL) -> Interval:
        """The second coefficient: gain of a generation, or exponent."""
        return _mixed(
            self._weight, self.gain[..., None], self.gain_error[..., None], level
        )

    def predictions(self, level: float = LEVEL) -> Interval:
        """What the next generations show if they are measured alike."""
        return _mixed(self._weight, self.next, self.next_error, level)

    def likely(self, level: float = LEVEL) -> np.ndarray:
        """Which lines a likelihood-ratio test at 1 - level leaves."""
        return self.of_line >= -0.5 * chi2.ppf(level, 1)

    @property
    def _weight(self) -> Float[np.ndarray, " w"]:
        weight = np.exp(self.log_likelihood - self.log_likelihood.max()).ravel()
        return weight / weight.sum()


def fit(
    y: Float[np.ndarray, " G"], error: Float[np.ndarray, " G"], lines: Sequence[Line]
) -> Fitted:
    """Fit lines of G + ahead generations to the first G of them.

    Args:
        y: measured values.
        error: their standard errors, >= 0; the next ones have the same in the mean.
        lines: all of one length; they are equally likely beforehand.

    Raises:
        InputError: on fewer than `LEAST_GENERATIONS` values.
    """
    y, error = (np.asarray(a, dtype=np.float64) for a in (y, error))
    least = f"at least {LEAST_GENERATIONS} generations"
    require(len(y) >= LEAST_GENERATIONS, "y", least, len(y))
    top = MOST_NOISE * max(float(np.std(np.diff(y))), float(np.mean(error)))
    noises = np.linspace(0.0, top, NOISES) ** 2
    members = [[_member(y, error, line, q) for q in noises] for line in lines]
    parts = zip(*(zip(*row, strict=True) for row in members), strict=True)
    return Fitted(*(np.array(part) for part in parts))


def _member(y, error, line: Line, q: float) -> tuple:
    """Likelihood without the coefficients, the gain, predictions; of one line and noise."""
    (X, R), G = line, len(y)
    own = np.append(error**2, np.full(len(X) - G, np.mean(error**2)))
    floor = 1e-12 * (np.var(y) + np.mean(error**2)) + 1e-300  # exact data, no noise
    cov = q * R @ R.T + np.diag(own + floor)
    L = np.linalg.cholesky(cov[:G, :G])
    whiten = lambda a: np.linalg.solve(L, a)
    X_w, y_w, cov_w = whiten(X[:G]), whiten(y), whiten(cov[:G, G:])
    spread = np.linalg.inv(X_w.T @ X_w)
    b = spread @ X_w.T @ y_w
    rest = y_w - X_w @ b
    log_det = np.sum(np.log(np.diag(L))) - 0.5 * np.linalg.slogdet(spread)[1]
    further = X[G:] - cov_w.T @ X_w
    variance = np.diag(cov)[G:] - np.sum(cov_w**2, axis=0)
    variance = variance + np.einsum("ai,ij,aj->a", further, spread, further)
    return (
        -log_det - 0.5 * rest @ rest,
        b[1],
        np.sqrt(spread[1, 1]),
        X[G:] @ b + cov_w.T @ rest,
        np.sqrt(np.maximum(variance, 0.0)),
    )


def _mixed(weight, means, errors, level: float) -> Interval:
    """Mean and central quantiles of a mixture of Gaussians, for each of its numbers."""
    means, errors = (a.reshape(len(weight), -1) for a in (means, errors))
    tails = (0.5 - 0.5 * level, 0.5 + 0.5 * level)
    ends = [
        [_quantile(weight, mean, error, share) for share in tails]
        for mean, error in zip(means.T, errors.T, strict=True)
    ]
    low, high = np.array(ends).reshape(-1, 2).T
    return Interval(weight @ means, low, high)


def _quantile(weight, mean, error, share: float) -> float:
    error = np.maximum(error, 1e-300)
    low, high = np.min(mean - 12.0 * error), np.max(mean + 12.0 * error)
    above = lambda x: float(weight @ norm.cdf((x - mean) / error)) - share
    return float(brentq(above, low, high, xtol=1e-12 * (high - low)))
