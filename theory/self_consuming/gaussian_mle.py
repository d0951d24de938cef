r"""Gaussian maximum likelihood in a self-consuming loop, exactly (derived, Sec. 6.2).

One dimension, real law N(0, 1), maximum likelihood (variance divisor n). To first order
the loop's noises add in quadrature, :math:`E\,TV = C_G\sqrt{w/n}` with the weights squared;
whether real data are fresh or reused changes the sign of the effect of synthetic data.
"""

import jax
import jax.numpy as jnp
import numpy as np
from jax.scipy.special import gammaln
from jaxtyping import Array, Float

from theory.divergence import tv_gaussian_1d
from theory.mixing import Schedule
from theory.roots import bisect
from theory.self_consuming.accumulation_modes import all_weights
from theory.self_consuming.statements import optimal_weight, small_error
from theory.validation import require, require_in, require_positive

__all__ = [
    "SMALL_ERROR",
    "SMALL_ERROR_MEAN",
    "SMALL_ERROR_SCALE",
    "entropy_loss",
    "first_generation_tv",
    "mean_square_fixed_mixture",
    "mean_square_iid",
    "mean_square_latest",
    "mirror",
    "mirror_threshold",
    "mirror_thresholds",
    "noise_weight",
    "optimal_real_weight",
    "predicted_tv",
]

SMALL_ERROR = 0.4542791969359081
r""":math:`C_G = E\sqrt{1+Z^4}/(2\sqrt\pi)`, of :math:`E\,TV\approx C_G\sqrt{w/n}`."""
SMALL_ERROR_MEAN = 1.0 / np.pi
"""The same with an error of the mean alone."""
SMALL_ERROR_SCALE = np.sqrt(2.0 / np.e) / np.pi
"""The same with an error of the scale alone."""


def predicted_tv(mean_square) -> Array:
    r""":math:`C_G\sqrt{w/n}` for :math:`E\mu^2 = w/n`, when the variance errs by w/(2n) too.

    Holds for iid, fresh and reused data while the total variation is small, up to O(1/n).
    """
    return small_error(jnp.asarray(mean_square, jnp.float64), 1.0)


def entropy_loss(mean_square) -> Array:
    r""":math:`H(p_0)-E\,H(\hat p) = w/n` for :math:`E\mu^2 = w/n`, nats, up to O(1/n^2).

    :math:`E\sigma^2 = 1 - w/n`, and the variance :math:`2w/n` of :math:`\sigma^2` takes as
    much again from :math:`\tfrac12 E\log\sigma^2`.
    """
    return jnp.asarray(mean_square, jnp.float64)


def noise_weight(schedule: Schedule) -> Float[Array, " models"]:
    r""":math:`w/n = \sum_t A_t^2/n_t` of every model: `mean_square_iid` to leading order."""
    return all_weights(schedule) ** 2 @ (1.0 / schedule.sizes)


def first_generation_tv(n: int, divisor: int | None = None) -> float:
    r"""Exact E TV of one Gaussian fitted to n standard normals, to about 1e-9.

    The mean is N(0, 1/n) and `divisor` :math:`s^2` chi-square with n - 1 degrees of freedom,
    independent. In :math:`(\mu,\sqrt2\log s)=\rho(\cos\theta,\sin\theta)` the total variation,
    a cone at the exact fit, is smooth on each side of s = 1: Gauss-Legendre in both.

    Args:
        n: points, >= 3.
        divisor: of the variance; n (maximum likelihood, the default) or n - 1.
    """
    require(n >= 3, "n", ">= 3", n)
    divisor = n if divisor is None else divisor
    require(divisor in (n, n - 1), "divisor", f"{n} or {n - 1}", divisor)
    reach = 10.0 / np.sqrt(n) + np.sqrt(2.0) * 40.0 / (n - 1.0)
    inner = np.linspace(0.0, 10.0 / np.sqrt(n), 9)
    rho, w_rho = _panels(np.append(inner, np.geomspace(inner[-1], reach, 4)[1:]), 16)
    theta, w_theta = _panels(np.linspace(-np.pi / 2, np.pi / 2, 9), 16)
    mean = np.outer(rho, np.cos(theta)).ravel()
    log_s = np.outer(rho, np.sin(theta)).ravel() / np.sqrt(2.0)
    measure = np.outer(w_rho * rho, w_theta).ravel() / np.sqrt(2.0)
    half = 0.5 * (n - 1.0)
    log_chi2 = np.log(divisor) + 2.0 * log_s
    # densities of the mean, folded to mean > 0, and of log s
    log_density = 0.5 * np.log(2.0 * n / np.pi) - 0.5 * n * mean**2 + np.log(2.0)
    log_density += half * (log_chi2 - np.log(2.0)) - 0.5 * np.exp(log_chi2)
    log_density -= float(gammaln(half))
    tv = jax.vmap(lambda mu, v: tv_gaussian_1d(mu, v, 0.0, 1.0))
    # a point mass differs by 1 from N(0, 1); beyond e^-60 that is what is left
    values = tv(jnp.asarray(mean), jnp.exp(jnp.maximum(2.0 * log_s, -60.0)))
    return float(np.sum(measure * np.exp(log_density) * np.asarray(values)))


def _panels(edges, order: int) -> tuple[np.ndarray, np.ndarray]:
    """Gauss-Legendre nodes and weights on consecutive panels."""
    x, w = np.polynomial.legendre.leggauss(order)
    half = 0.5 * np.diff(edges)[:, None]
    middle = 0.5 * (edges[1:] + edges[:-1])[:, None]
    return (middle + half * x).ravel(), (half * w).ravel()


def mean_square_iid(schedule: Schedule) -> Float[Array, " stages"]:
    r""":math:`E\mu_{i+1}^2 = \sum_t (A^{(i)}_t)^2\tau_t^2` for iid draws, every model, exact.

    :math:`\tau_s^2 = (1-\sum_{t<s}(A^{(s)}_t)^2\tau_t^2)/n_s`; and :math:`E\sigma^2` is 1 minus it.
    With :math:`(A^{(s)})` the weights of model s + 1 without its own stage.
    """
    weights = all_weights(schedule)  # row i: weights of model i+1

    def stage(s, tau2):
        # the data of stage s have the law p_s, whose weights on earlier noises are
        # those of the mixture of models
        past = schedule.beta[s] @ weights
        return tau2.at[s].set((1.0 - jnp.sum(past**2 * tau2)) / schedule.sizes[s])

    start = jnp.zeros((schedule.stages,), jnp.float64)
    return weights**2 @ jax.lax.fori_loop(0, schedule.stages, stage, start)


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
    i = jnp.arange(models, dtype=jnp.float64)
    return mean_square_latest(n, m, 1.0 + i, protocol)


def mean_square_latest(n, m, models, protocol: str) -> Array:
    r""":math:`E\mu_G^2` of model G = `models`, elementwise: real data and the latest model.

    "iid": n + m independent draws at every stage (V1), :math:`e_0=0` and

    .. math:: e_{i+1} = \tfrac1N + \big(1-\tfrac1N\big)\beta^2e_i ;

    "fresh" and "reused": `mean_square_fixed_mixture`. Geometric sums, for any real G >= 1
    and m = 0 or m >= 1; `jit` and `vmap` over all but the protocol.
    """
    N = n + m
    beta2 = (m / N) ** 2
    ratio = (1.0 - 1.0 / N) * beta2 if protocol == "iid" else beta2 - m / N**2
    terms = models if protocol == "iid" else models - 1.0
    log_ratio = jnp.log(jnp.where(ratio > 0, ratio, 1.0))
    none_left = jnp.where(terms > 0, 1.0, 0.0)
    gone = jnp.where(ratio > 0, -jnp.expm1(terms * log_ratio), none_left)
    series = gone / (1.0 - ratio)  # sum of ratio^k, k < terms
    if protocol == "iid":
        return series / N
    if protocol == "fresh":
        return (1.0 - gone) / n + series / N
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
    require(recursive_stages >= 1, "recursive_stages", ">= 1", recursive_stages)
    return float(mirror_thresholds(recursive_stages))


@jax.jit
def mirror_thresholds(recursive_stages) -> Array:
    """`mirror_threshold` of any real g > 0, elementwise; 0 without a recursive stage."""
    g = jnp.asarray(recursive_stages, jnp.float64)

    def beyond(log_lam: Array) -> Array:
        lam = jnp.exp(log_lam)
        power = 2.0 * g * jnp.log1p(1.0 / lam)
        return power < jnp.log1p(2.0 * g * (1.0 + 2.0 * lam) / (1.0 + lam))

    high = jnp.log(100.0 * jnp.maximum(g, 1.0))
    found = jnp.exp(bisect(beyond, jnp.full_like(high, -20.0), high))
    return jnp.where(g > 0, found, 0.0)


def optimal_real_weight(k: float) -> float:
    r"""Weight w of fresh real data against k times as many synthetic points, and n V_inf.

    :math:`w = (\sqrt{1+4k}-1)/(2k)` minimises the stationary variance, which is then w/n.
    """
    require_positive("k", k)
    return float(optimal_weight(float(k)))
