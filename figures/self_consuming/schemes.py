r"""The schemes of a loop: which data each model sees, and the closed form of its bound.

All draw from :math:`p_s = \alpha_s p_0 + \sum_j\beta_s^j\hat p_j` (after Fu et al. 2024,
recalled); a scheme is a schedule for any number of models and first points n, and the
factor :math:`S_i` by which its rate bound exceeds that of one model.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from theory import mixing
from theory.mixing import Schedule
from theory.self_consuming import sample_size
from theory.self_consuming.sample_size import Factor

__all__ = ["Scheme", "bandwidths", "schemes"]


@dataclass(frozen=True)
class Scheme:
    """One way to mix."""

    id: str
    title: str
    """with its parameters, as a panel's title"""
    schedule: Callable[[int, float], Schedule]
    """from models trained and points n to the schedule"""
    factor: Callable[[int, float], Factor]
    """from models trained and rate r to S_i, in units of the first stage's error"""
    controlled: bool = False
    """whether sizes grow or a fixed fraction is real"""


def schemes(settings: Any) -> tuple[Scheme, ...]:
    """The nine schemes, from `presets.growth.Schemes`."""
    alpha, c, a = settings.alpha, settings.vanishing, settings.exponent
    k, b, lam = settings.batch, settings.past, settings.lam
    sizes = sample_size
    return (
        Scheme(
            "synthetic",
            r"fully synthetic, $n_s = n$",
            mixing.fully_synthetic,
            lambda G, r: sizes.fully_synthetic_factor(G),
        ),
        Scheme(
            "growing",
            rf"fully synthetic, $n_s = n(s+1)^{{{a}}}$",
            lambda G, n: mixing.fully_synthetic(G, n * (1.0 + np.arange(G)) ** a),
            lambda G, r: sizes.growing_sizes_factor(G, r, float(a)),
            controlled=True,
        ),
        Scheme(
            "latest",
            rf"latest model, $\alpha = {alpha:g}$",
            lambda G, n: mixing.latest(alpha, G, n),
            lambda G, r: sizes.latest_factor(G, alpha),
            controlled=True,
        ),
        Scheme(
            "vanishing",
            rf"latest model, $\alpha_t = {c:g}/t$",
            lambda G, n: mixing.latest(_vanishing(c, G), G, n),
            lambda G, r: sizes.vanishing_fraction_factor(G, c),
        ),
        Scheme(
            "equal",
            r"equal shares of all, $n_s = n$",
            mixing.accumulate,
            lambda G, r: sizes.accumulate_factor(G),
        ),
        Scheme(
            "all",
            r"all the data, $n_s = (s+1)n$",
            lambda G, n: mixing.accumulate(G, n * (1.0 + np.arange(G))),
            sizes.all_data_factor,
            controlled=True,
        ),
        Scheme(
            "batches",
            rf"$n$ real, ${k:g}\,n$ of each past model",
            lambda G, n: mixing.accumulate_batches(n, k * n, G),
            lambda G, r: sizes.batches(G, r, k),
            controlled=True,
        ),
        Scheme(
            "past",
            rf"real {1 - b:g}, the rest all past models",
            lambda G, n: mixing.uniform_past(b, G, n),
            lambda G, r: sizes.uniform_past_factor(G, b),
            controlled=True,
        ),
        Scheme(
            "mixture",
            rf"$n$ real, ${lam:g}\,n$ of the latest (V1)",
            lambda G, n: mixing.fixed_mixture(n, lam * n, G),
            lambda G, r: sizes.latest_factor(G, 1.0 / (1.0 + lam)),
            controlled=True,
        ),
    )


def bandwidths(schedule: Schedule, constant: float, dim: int = 1) -> np.ndarray:
    r""":math:`c\,n_s^{-1/(4+d)}`, for each stage of its own size."""
    return constant * np.asarray(schedule.sizes) ** (-1.0 / (4.0 + dim))


def _vanishing(c: float, models: int) -> np.ndarray:
    return np.minimum(1.0, c / np.maximum(np.arange(models), 1))
