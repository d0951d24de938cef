r"""Gaussian maximum likelihood in a self-consuming loop, exactly (derived, Sec. 6.2).

One dimension, real law N(0, 1), maximum likelihood (variance divisor n). To first order
the loop's noises add in quadrature, :math:`E\,TV = C_G\sqrt{w/n}` with the weights squared;
whether real data are fresh or reused changes the sign of the effect of synthetic data.
"""

import jax.numpy as jnp
import numpy as np
from jax.scipy.special import ndtr
from jaxtyping import Array, Float
from scipy.optimize import brentq

from theory.mixing import Schedule
from theory.validation import require, require_in, require_positive

__all__ = [
    "SMALL_ERROR",
    "gaussian_tv",
    "mean_square_fixed_mixture",
    "mean_square_iid",
    "mirror",
    "mirror_threshold",
    "optimal_real_weight",
]

SMALL_ERROR = 0.4542791969359081
r""":math:`C_G = E\sqrt{1+Z^4}/(2\sqrt\pi)`, of :math:`E\,TV\approx C_G\sqrt{w/n}`."""


def gaussian_tv(mean: Float[Array, "*n"], deviation: Float[Array, "*n"]) -> Array:
    r"""TV(N(mean, s^2), N(0, 1)), exact; stable near s = 1.

    The densities cross where :math:`(1-s^2)x^2 - 2\mu x + \mu^2 + 2s^2\log s = 0`.
    """
    mu, s = jnp.abs(jnp.asarray(mean, jnp.float64)), jnp.asarray(deviation, jnp.float64)
    same = jnp.abs(s - 1.0) < 1e-9
    safe = jnp.where(same, 2.0, s)
    log_s = jnp.log(safe)
    root = safe * jnp.sqrt(mu**2 + 2.0 * (safe**2 - 1.0) * log_s)
    t = mu + root
    x1 = t / (1.0 - safe**2)
    x2 = (mu**2 + 2.0 * safe**2 * log_s) / t
    inside = lambda x: ndtr(x) - ndtr((x - mu) / safe)
    return jnp.where(same, 2.0 * ndtr(0.5 * mu) - 1.0, jnp.abs(inside(x1) - inside(x2)))


def mean_square_iid(schedule: Schedule) -> Float[Array, " stages"]:
    r""":math:`E\mu_{i+1}^2 = \sum_t (A^{(i)}_t)^2\tau_t^2` for iid draws, every model, exact.

    :math:`\tau_s^2 = (1-\sum_{t<s}(A^{(s)}_t)^2\tau_t^2)/n_s`; and :math:`E\sigma^2` is 1 minus it.
    With :math:`(A^{(s)})` the weights of model s + 1 without its own stage.
    """
    S = schedule.stages
    weights = jnp.linalg.inv(jnp.eye(S) - schedule.beta)  # row i: weights of model i+1
    tau2 = jnp.zeros((S,), jnp.float64)
    for s in range(S):
        # the data of stage s have the law p_s, whose weights on earlier noises are
        # those of the mixture of models
        past = schedule.beta[s] @ weights
        tau2 = tau2.at[s].set((1.0 - jnp.sum(past**2 * tau2)) / schedule.sizes[s])
    return weights**2 @ tau2


def mean_square_fixed_mixture(
    n, m, models: int, protocol: str
) -> Float[Array, " models"]:
    r""":math:`E\mu_1^2\dots E\mu_G^2` with n real and m synthetic points of fixed counts.

    Model 1 from the n real points (V2); "fresh" real data each stage, or "reused":

    .. math:: e_{i+1} = \tfrac1N + (\beta^2-\tfrac{m}{N^2})e_i \ \text{(fresh)},\quad
        e_i = \tfrac1n + W_i,\ W_{i+1} = (\beta^2-\tfrac m{N^2})W_i + \tfrac m{N^2}(1-\tfrac1n)
        \ \text{(reused)} .
    """
    require_positive("n", n)
    require_in("m", m, 0.0, np.finfo(float).max)
    require(models >= 1, "models", ">= 1", models)
    ok = protocol in ("fresh", "reused")
    require(ok, "protocol", "'fresh' or 'reused'", protocol)
    N = n + m
    factor = (m / N) ** 2 - m / N**2
    i = jnp.arange(models, dtype=jnp.float64)
    geometric = (
        -jnp.expm1(i * jnp.log(factor)) if factor > 0 else jnp.where(i > 0, 1.0, 0.0)
    )
    series = geometric / (1.0 - factor)  # sum of factor^k, k < i
    if protocol == "fresh":
        return (1.0 - geometric) / n + series / N
    return 1.0 / n + (m / N**2) * (1.0 - 1.0 / n) * series


def mirror(lam: Float[Array, "*n"], recursive_stages: int) -> Array:
    r"""X of the mirror identity: :math:`nE\mu^2 = 1-X` (fresh), :math:`1+X` (reused).

    .. math:: X = \frac{\lambda}{1+2\lambda}(1-\beta^{2g}),\quad 0\le X<\tfrac12

    To leading order in 1/n; rises from 0, one maximum, returns to 0.
    """
    lam = jnp.asarray(lam, jnp.float64)
    log_beta = -jnp.log1p(1.0 / jnp.where(lam > 0, lam, 1.0))
    rest = jnp.where(lam > 0, -jnp.expm1(2.0 * recursive_stages * log_beta), 1.0)
    return lam / (1.0 + 2.0 * lam) * rest


def mirror_threshold(recursive_stages: int) -> float:
    r"""Where X is largest: root of :math:`\beta^{-2g}-1 = 2g(1+2\lambda)/(1+\lambda)`."""
    g = recursive_stages
    require(g >= 1, "recursive_stages", ">= 1", g)

    def gap(log_lam: float) -> float:
        lam = np.exp(log_lam)
        power = 2.0 * g * np.log1p(1.0 / lam)
        right = 2.0 * g * (1.0 + 2.0 * lam) / (1.0 + lam)
        return power - np.log1p(right)

    return float(np.exp(brentq(gap, -20.0, np.log(100.0 * g), xtol=1e-14)))


def optimal_real_weight(k: float) -> float:
    r"""Weight w of fresh real data against k times as many synthetic points, and n V_inf.

    :math:`w = (\sqrt{1+4k}-1)/(2k)` minimises the stationary variance, which is then w/n.
    """
    require_positive("k", k)
    return float((np.sqrt(1.0 + 4.0 * k) - 1.0) / (2.0 * k))
