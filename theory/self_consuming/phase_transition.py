r"""Phase transition of the bound in the synthetic amount (derived; after Fu et al. 2024).

n real points and m = lambda n from the latest model, :math:`\beta=\lambda/(1+\lambda)`, rate
:math:`n^{-r}`, q = 1 - r. The bound on the G-th model is :math:`C n^{-r} f(\lambda)` with

.. math:: f_1 &= (1+\lambda)^q(1-\beta^G) &&\text{V1: every stage has n + m points},\\
    f_2 &= (1+\lambda)^q(1-\beta^g)+\beta^g,\ g=G-1 &&\text{V2: model 1 has the n real points}.

It rises with the synthetic amount up to one threshold and falls beyond; the threshold of
this bound is not that of any particular model.
"""

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float
from scipy.optimize import brentq
from scipy.special import lambertw

from theory.roots import bisect
from theory.validation import require, require_in

__all__ = [
    "asymptotic_threshold",
    "break_even",
    "break_evens",
    "shape_v1",
    "shape_v2",
    "threshold_v1",
    "threshold_v2",
    "thresholds_v1",
]

Scalar = Float[Array, "*n"] | float


def _synthetic_powers(lam: Scalar, power: Scalar) -> tuple[Array, Array]:
    r""":math:`\beta^G` and :math:`1-\beta^G` without cancellation for huge lambda or G."""
    lam = jnp.asarray(lam, jnp.float64)
    log_beta = -jnp.log1p(1.0 / jnp.where(lam > 0, lam, 1.0))
    exponent = jnp.where(lam > 0, power * log_beta, -jnp.inf)
    return jnp.exp(exponent), -jnp.expm1(exponent)


def shape_v1(lam: Scalar, models: Scalar, rate: Scalar) -> Array:
    r""":math:`f_1(\lambda)`, >= 0; lambda = 0 gives 1."""
    _, rest = _synthetic_powers(lam, models)
    return jnp.exp((1.0 - rate) * jnp.log1p(jnp.asarray(lam, jnp.float64))) * rest


def shape_v2(lam: Scalar, models: Scalar, rate: float) -> Array:
    r""":math:`f_2(\lambda)`; above 1 for every lambda > 0."""
    kept, rest = _synthetic_powers(lam, jnp.asarray(models) - 1.0)
    return (
        jnp.exp((1.0 - rate) * jnp.log1p(jnp.asarray(lam, jnp.float64))) * rest + kept
    )


def _checked(models: int, rate: float, least: int) -> None:
    require(models >= least, "models", f">= {least}", models)
    require_in("rate", rate, 1e-6, 1.0 - 1e-6)


def threshold_v1(models: int, rate: float) -> float:
    r"""Where :math:`f_1` peaks: root of :math:`G/\sum_{j<G}\beta^{-j} = q`, unique for G >= 2."""
    _checked(models, rate, 2)
    return float(thresholds_v1(models, rate))


@jax.jit
def thresholds_v1(models: Scalar, rate: Scalar) -> Array:
    """`threshold_v1` of any real G > 1, elementwise; 0 where f_1 falls from the start."""
    G = jnp.asarray(models, jnp.float64)

    def beyond(log_lam: Array) -> Array:
        # with x = -log beta: G (1-beta) beta^(G-1) / (1-beta^G), free of overflow
        x = jnp.log1p(jnp.exp(-log_lam))
        return G * jnp.expm1(x) / jnp.expm1(jnp.minimum(G * x, 700.0)) > 1.0 - rate

    high = jnp.log(10.0 * G / jnp.minimum(rate, 1.0 - rate))
    found = jnp.exp(bisect(beyond, jnp.full_like(high, -40.0), high))
    return jnp.where(G > 1.0, found, 0.0)


def threshold_v2(models: int, rate: float) -> float:
    r"""Where :math:`f_2` peaks, unique for G >= 2 (one recursive stage or more)."""
    _checked(models, rate, 2)
    q, g = 1.0 - rate, models - 1

    def gap(log_lam: float) -> float:
        x = np.log1p(np.exp(-log_lam))
        left = g * np.expm1(x) / np.expm1(min(g * x, 700.0))
        log_u = np.log1p(np.exp(log_lam))
        return left - q / -np.expm1(-q * log_u)

    high = np.log(50.0 * models) / rate
    return float(np.exp(brentq(gap, -30.0, high, xtol=1e-14, rtol=8.9e-16)))


def asymptotic_threshold(models: int, rate: float) -> tuple[float, float, float]:
    r"""(:math:`G/c_r - d_r`, c_r, d_r): the V1 threshold is linear in the generations.

    :math:`c_r = -q - W_{-1}(-q e^{-q})`, :math:`d_r = s/(2(s-1))`, s = c_r + q.
    """
    require_in("rate", rate, 1e-6, 1.0 - 1e-6)
    q = 1.0 - rate
    c = float(-q - lambertw(-q * np.exp(-q), -1).real)
    s = c + q
    d = s / (2.0 * (s - 1.0))
    return models / c - d, c, d


def break_even(models: int, rate: float) -> float:
    r"""The lambda > 0 at which :math:`f_1` is back at 1: more than :math:`nG^{1/r}` points."""
    _checked(models, rate, 2)
    return float(break_evens(models, rate))


@jax.jit
def break_evens(models: Scalar, rate: Scalar) -> Array:
    r"""`break_even` of any real G > 1, elementwise; 0 where f_1 falls from the start.

    Between the peak and :math:`G^{1/r}-1`, since :math:`f_1\le G(1+\lambda)^{-r}`.
    """
    G = jnp.asarray(models, jnp.float64)
    peak = jnp.maximum(thresholds_v1(G, rate), 1e-30)
    most = jnp.maximum(jnp.expm1(jnp.log(G) / rate), peak)
    below = lambda log_lam: shape_v1(jnp.exp(log_lam), G, rate) < 1.0
    found = jnp.exp(bisect(below, jnp.log(peak), jnp.log(most)))
    return jnp.where(G > 1.0, found, 0.0)
