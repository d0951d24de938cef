r"""How the errors of the stages add up: biases coherently, noises in quadrature (Sec. 6.1).

Write one stage as :math:`\hat p_{s+1} = p_s + b_s + \xi_s`, :math:`b_s` systematic,
:math:`\xi_s` centred given the past. To first order the error of model i + 1 is
:math:`\sum_s A_s b_s + \sum_s A_s\xi_s`: biases of one sign add with the weights, the noises
are martingale differences and add with their squares. The bound has the first order only.
"""

from typing import Any

import jax.numpy as jnp
import numpy as np
from jax.scipy.linalg import solve_triangular
from jaxtyping import Array, Float
from scipy.optimize import brentq, minimize_scalar
from scipy.special import lambertw

from theory.mixing import Schedule
from theory.self_consuming.statements import quadrature_slope
from theory.self_consuming.weights import accumulated_bound
from theory.validation import require, require_in

__all__ = [
    "all_weights",
    "asymptotic_quadrature_slope",
    "coherent_error",
    "quadrature_error",
    "quadrature_shape",
    "quadrature_thresholds",
]


def all_weights(schedule: Schedule) -> Float[Array, "models stages"]:
    r""":math:`A^{(i)}_s` of every model, row i for model i + 1: :math:`(I-B)^{-1}`."""
    eye = jnp.eye(schedule.stages, dtype=jnp.float64)
    return solve_triangular(eye - schedule.beta, eye, lower=True, unit_diagonal=True)


def coherent_error(schedule: Schedule, biases) -> Float[Array, " models"]:
    r""":math:`\sum_s A_s b_s` of every model; biases (stages,), signed."""
    return accumulated_bound(schedule, jnp.asarray(biases, jnp.float64))


def quadrature_error(schedule: Schedule, variances) -> Float[Array, " models"]:
    r""":math:`\sqrt{\sum_s A_s^2 v_s}` of every model; variances (stages,) of the noises."""
    return jnp.sqrt(all_weights(schedule) ** 2 @ jnp.asarray(variances, jnp.float64))


def quadrature_shape(lam, models, rate: float) -> Array:
    r"""Noise of size :math:`N^{-r}` in every stage of n + m points, over :math:`n^{-r}`.

    .. math:: (1+\lambda)^{-r}\sqrt{\frac{1-\beta^{2G}}{1-\beta^2}},\qquad
        1-\beta^2 = \frac{1+2\lambda}{(1+\lambda)^2}

    Args:
        lam: m/n >= 0.
        models: G >= 1.
        rate: r.
    """
    lam = jnp.asarray(lam, jnp.float64)
    log_beta = -jnp.log1p(1.0 / jnp.where(lam > 0, lam, 1.0))
    rest = jnp.where(lam > 0, -jnp.expm1(2.0 * models * log_beta), 1.0)
    power = jnp.exp((1.0 - rate) * jnp.log1p(lam))
    return power * jnp.sqrt(rest / (1.0 + 2.0 * lam))


def quadrature_thresholds(models: int, rate: float) -> tuple[float, float] | None:
    r"""Where `quadrature_shape` turns up and where it turns down again; None if it only falls.

    It falls from lambda = 0 on, like the noise of more points, and rises between the two
    roots of `quadrature_slope` - if there are any: r < 1/2 and enough models.
    """
    require(models >= 1, "models", ">= 1", models)
    require_in("rate", rate, 1e-6, 1.0 - 1e-6)
    # in x = log lambda; (1 - beta) / (1 - beta^2G) stays exact as beta -> 1
    gap = lambda x: _slope(np.exp(x), models) - rate
    high = np.log(50.0 * models / min(rate, 1.0 - rate)) + 5.0
    grid = np.linspace(-15.0, high, 400)
    top = int(np.argmax([gap(x) for x in grid]))
    if not 0 < top < len(grid) - 1:
        return None
    best: Any = minimize_scalar(
        lambda x: -gap(x), bounds=(grid[top - 1], grid[top + 1]), method="bounded"
    )
    if best.fun >= 0:
        return None
    roots = (
        brentq(gap, a, b, xtol=1e-13) for a, b in ((-15.0, best.x), (best.x, high))
    )
    low, peak = (float(np.exp(root)) for root in roots)
    return low, peak


def _slope(lam: float, models: int) -> float:
    r"""`quadrature_slope` at :math:`\beta=\lambda/(1+\lambda)`, for any lambda."""
    if lam < 1e3:
        return float(quadrature_slope(lam / (1.0 + lam), float(models)))
    x = np.log1p(1.0 / lam)  # beta = e^-x
    second = models * np.expm1(x) / np.expm1(min(2.0 * models * x, 700.0))
    return lam / (1.0 + 2.0 * lam) - second


def asymptotic_quadrature_slope(rate: float) -> float:
    r"""c of :math:`\lambda^\ast\approx G/c`, r < 1/2: :math:`2c/(e^{2c}-1)=1-2r`, c > 0."""
    require_in("rate", rate, 1e-6, 0.5 - 1e-6)
    q = 1.0 - 2.0 * rate
    return float(0.5 * (-q - lambertw(-q * np.exp(-q), -1).real))
