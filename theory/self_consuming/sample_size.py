r"""How many points a stage needs for the bound to stay below a target (Sec. 4).

With one-step errors :math:`C n_s^{-r}` and sizes that grow together, the bound on the last model
is :math:`C n^{-r} S_i`, so that

.. math:: n \ge (C S_i/\epsilon)^{1/r} .

What differs between schedules is the factor :math:`S_i` and how it grows with i. Every
function takes the models trained, i + 1, and gives the factor; `required` turns it into
points.
"""

from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float
from scipy.optimize import brentq
from scipy.special import zeta

from theory.mixing import Schedule
from theory.self_consuming.phase_transition import shape_v1, shape_v2
from theory.self_consuming.statements import (
    accumulate_length,
    batches_factor,
    full_data_factor,
    growing_factor,
    latest_length,
    required_points,
    uniform_past_length,
)
from theory.self_consuming.weights import rate_errors, stage_weights
from theory.validation import require, require_in, require_positive

__all__ = [
    "Factor",
    "accumulate_factor",
    "accumulation_constant",
    "all_data_factor",
    "batches",
    "fixed_mixture_factor",
    "fully_synthetic_factor",
    "growing_sizes_factor",
    "latest_factor",
    "required",
    "schedule_factor",
    "size_multiplier",
    "uniform_past_factor",
    "vanishing_fraction_factor",
]


@dataclass(frozen=True)
class Factor:
    """S_i of a schedule: the bound on the last model is C n^-r times it."""

    value: float
    limit: float
    """as the models grow without end; inf where it is not bounded"""
    growth: str
    """LaTeX of the leading growth in i"""


def required(factor: Factor | float, target, rate: float, constant=1.0) -> Array:
    r"""Points n of a stage (of the first, where they grow) for a bound of `target`.

    Args:
        factor: S_i, or its `Factor`.
        target: epsilon > 0.
        rate: r in (0, 1).
        constant: C > 0 of one step.
    """
    S = factor.value if isinstance(factor, Factor) else factor
    for name, value in (("factor", S), ("target", target), ("constant", constant)):
        require_positive(name, value)
    require_in("rate", rate, 1e-6, 1.0 - 1e-6)
    S, target = jnp.asarray(S, jnp.float64), jnp.asarray(target, jnp.float64)
    return required_points(S, target, constant, rate)


def _last(models: int) -> int:
    whole = isinstance(models, (int, np.integer)) and models >= 1
    require(whole, "models", "an integer >= 1", models)
    return int(models) - 1


def fully_synthetic_factor(models: int) -> Factor:
    r""":math:`i+1`: the points grow like :math:`i^{1/r}`, fourth power at r = 1/4."""
    return Factor(float(_last(models) + 1), np.inf, "i")


def growing_sizes_factor(models: int, rate: float, exponent: float) -> Factor:
    r"""Fully synthetic, :math:`n_s=n(s+1)^a`: bounded, by :math:`\zeta(ra)`, iff a > 1/r."""
    i, power = _last(models), rate * exponent
    require_in("exponent", exponent, 0.0, np.finfo(float).max)
    growth = "1" if power > 1 else r"\log i" if power == 1 else rf"i^{{{1 - power:g}}}"
    limit = float(zeta(power)) if power > 1 else np.inf
    return Factor(float(growing_factor(i, rate, exponent)), limit, growth)


def latest_factor(models: int, alpha: float) -> Factor:
    r"""Real fraction alpha and the latest model: :math:`(1-\beta^{i+1})/\alpha`."""
    i = _last(models)
    require_in("alpha", alpha, 0.0, 1.0)
    if alpha == 0.0:
        return fully_synthetic_factor(models)
    return Factor(float(latest_length(1.0 - alpha, i)), 1.0 / alpha, "1")


def vanishing_fraction_factor(models: int, c: float) -> Factor:
    r"""Real fraction :math:`\alpha_t=\min(1,c/t)`: :math:`\sim i/(c+1)`, still linear."""
    i = _last(models)
    require_in("c", c, 0.0, np.finfo(float).max)
    alpha = np.minimum(1.0, c / np.maximum(np.arange(i + 1), 1))
    S = 1.0
    for a in alpha[1:]:  # S_t = 1 + (1 - alpha_t) S_{t-1}
        S = 1.0 + (1.0 - a) * S
    return Factor(float(S), np.inf, r"i/(c+1)")


def accumulate_factor(models: int) -> Factor:
    r"""Equal shares of everything, a constant number of points: :math:`H_{i+1}`."""
    return Factor(float(accumulate_length(_last(models))), np.inf, r"\log i")


def all_data_factor(models: int, rate: float) -> Factor:
    r"""Equal shares, all the data ever seen (n points a stage): to :math:`C_{acc}(r)`."""
    value = float(full_data_factor(_last(models), rate))
    return Factor(value, accumulation_constant(rate), "1")


def batches(models: int, rate: float, synthetic: float) -> Factor:
    r"""n real points and m = `synthetic` n from each past model: bounded for any r > 0.

    The limit is :math:`x^r\sum_{l\ge0}(l+x)^{-r}/(l+x+1)`, x = n/m.
    """
    i, x = _last(models), 1.0 / synthetic if synthetic > 0 else np.inf
    require_positive("synthetic", synthetic)
    value = float(batches_factor(i, 1.0, float(synthetic), rate))
    return Factor(value, float(x**rate * accumulation_constant(rate, x)), "1")


def uniform_past_factor(models: int, synthetic: float) -> Factor:
    r"""Share b = `synthetic` spread over past models: to :math:`1/(1-b)`; log i at b = 1."""
    i = _last(models)
    require_in("synthetic", synthetic, 0.0, 1.0)
    if synthetic == 1.0:
        return Factor(1.0 + float(np.sum(1.0 / np.arange(1, i + 1))), np.inf, r"\log i")
    value = float(uniform_past_length(synthetic, i)) if synthetic > 0 else 1.0
    return Factor(value, 1.0 / (1.0 - synthetic), "1")


def fixed_mixture_factor(models: int, rate: float, lam: float, first="V1") -> Factor:
    r"""n real and lambda n synthetic points: :math:`f_1` or :math:`f_2`; n counts the real."""
    require(first in ("V1", "V2"), "first", "'V1' or 'V2'", first)
    shape = shape_v1 if first == "V1" else shape_v2
    return Factor(
        float(shape(lam, _last(models) + 1, rate)), (1.0 + lam) ** (1.0 - rate), "1"
    )


def accumulation_constant(rate: float, start: float = 1.0) -> float:
    r""":math:`\sum_{l\ge0}(l+x)^{-r}/(l+x+1)`; :math:`C_{acc}(r)` at x = 1. Accurate to 1e-14.

    Terms below l + x = 24 as they are; beyond, :math:`1/(y+1)=\sum_k(-1)^k y^{-k-1}` gives
    Hurwitz zeta functions.
    """
    require_positive("rate", rate)
    require_positive("start", start)
    direct = max(0, int(np.ceil(24.0 - start)))
    y = start + np.arange(direct)
    head = np.sum(y**-rate / (y + 1.0))
    k = np.arange(14)
    return float(head + np.sum((-1.0) ** k * zeta(1.0 + rate + k, start + direct)))


@jax.jit
def schedule_factor(schedule: Schedule, rate: float) -> Float[Array, ""]:
    r"""Any schedule, in units of the first stage: :math:`\sum_s A_s(n_s/n_0)^{-r}`."""
    sizes = schedule.sizes / schedule.sizes[0]
    return stage_weights(schedule) @ rate_errors(sizes, rate)


def size_multiplier(schedule: Schedule, target: float, rate: float, **errors) -> float:
    r"""k such that sizes :math:`k n_s` give a bound of exactly `target`.

    Without logarithm and mismatch the bound is homogeneous, :math:`k^{-r}B`; otherwise k is
    the largest root.

    Args:
        schedule: any.
        target: epsilon > 0.
        rate: r in (0, 1).
        errors: constant, mismatch, dim, delta of `rate_errors`.

    Raises:
        InputError: if the mismatch alone exceeds the target.
    """
    require_positive("target", target)
    A, n = stage_weights(schedule), schedule.sizes
    bound = lambda k: float(A @ rate_errors(k * n, rate, **errors))
    floor = errors.get("mismatch", 0.0) * float(jnp.sum(A))
    require(target > floor, "target", f"above the mismatch's {floor:g}", target)
    if floor == 0.0 and errors.get("dim") is None:
        return (bound(1.0) / target) ** (1.0 / rate)
    gap = lambda x: np.log((bound(np.exp(x)) - floor) / (target - floor))
    high = 1.0
    while gap(high) > 0:
        high += 5.0
    low = high - 5.0
    while gap(low) < 0:
        low -= 1.0
    root: Any = brentq(gap, low, high, xtol=1e-13)
    return float(np.exp(root))
