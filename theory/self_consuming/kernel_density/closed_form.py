r"""Kernel loops in closed form: the latest model, equal stages, independent draws (derived).

Every stage draws N points from :math:`\alpha p_0+\beta\hat p` and smooths with the same h. A
point of the training law of stage s has been through k models with probability

.. math:: Q_s(k) = \alpha\beta^k\ (k<s),\quad Q_s(s)=\beta^s ,

so that :math:`\bar q_s=\sum_kQ_s(k)\,p_0*N(0,kh^2)` and model i has the mean
:math:`m_i=\bar q_{i-1}*N(0,h^2)` and the variance (0^0 = 1)

.. math:: v_i(x) = \sum_{j=0}^{i-1}\frac1N\Big(\big(1-\tfrac1N\big)\beta^2\Big)^j\Big\{
    \frac{[\bar q_{i-1-j}*N(0,\tfrac{j+1}2h^2)](x)}{2\sqrt{\pi(j+1)}\,h}
    - [m_{i-j}*N(0,jh^2)](x)^2\Big\} .

Laws are evaluated at points, without a grid; `loop` and `mise` reach the same numbers by
other means.
"""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
from jax.scipy.special import ndtr
from jaxtyping import Array, Complex, Float
from scipy.optimize import minimize_scalar

from theory.mixing import Schedule
from theory.mixtures import GaussianMixture, gaussian_mixture
from theory.roots import bisect
from theory.self_consuming.kernel_density.protocols import per_stage
from theory.self_consuming.kernel_density.total_variation import (
    TvPrediction,
    mean_absolute_normal,
)
from theory.self_consuming.weights import stage_weights
from theory.validation import require, require_positive

__all__ = [
    "limit_characteristic",
    "mean_density",
    "second_moment",
    "smoothing_ages",
    "standard_normal_tv",
    "tv_threshold",
    "variance_density",
]

NODES, WEIGHTS = np.polynomial.legendre.leggauss(16)
HALVINGS = 2.0 ** -np.arange(12.0)
"""Panels of the quadrature halve towards the point where mean and real density cross."""


def smoothing_ages(synthetic: float, stages: int) -> Float[Array, "stages stages"]:
    r""":math:`Q_s(k)` in row s, column k; row i - 1 read from k = 1 on is the age law P of model i.

    Args:
        synthetic: beta in [0, 1].
        stages: models trained.
    """
    s, k = jnp.arange(stages)[:, None], jnp.arange(stages)[None, :]
    power = jnp.asarray(synthetic, jnp.float64) ** k
    return jnp.where(k < s, (1.0 - synthetic) * power, jnp.where(k == s, power, 0.0))


def mean_density(
    real: GaussianMixture, synthetic, bandwidth, models: int, x: Float[Array, " p"]
) -> Float[Array, " p"]:
    """Mean density of model i = `models` at x."""
    ages = smoothing_ages(synthetic, models)[-1]
    return ages @ _smoothed(real, (jnp.arange(models) + 1.0) * bandwidth**2, x)


def variance_density(
    real: GaussianMixture,
    synthetic,
    bandwidth,
    size,
    models: int,
    x: Float[Array, " p"],
) -> Float[Array, " p"]:
    """Pointwise variance of model i = `models` at x, N = `size` points a stage."""
    k, h2 = jnp.arange(models), bandwidth**2
    of_stage = smoothing_ages(synthetic, models)[::-1]  # row j: stage i - 1 - j
    passed = (1.0 / size) * ((1.0 - 1.0 / size) * synthetic**2) ** k

    def term(j):
        squared = of_stage[j] @ _smoothed(real, (k + 0.5 * (j + 1.0)) * h2, x)
        mean = of_stage[j] @ _smoothed(real, (k + j + 1.0) * h2, x)
        return squared / (2.0 * jnp.sqrt(jnp.pi * (j + 1.0) * h2)) - mean**2

    return passed @ jax.lax.map(term, k)


def second_moment(
    schedule: Schedule, bandwidths, variance: float = 1.0, kernel: float = 1.0
) -> Float[Array, ""]:
    r""":math:`E\int(x-\mu_0)^2\hat p_{i+1}=\sigma_0^2+\mu_2\sum_sA_sh_s^2`, any schedule.

    The last model's, under any protocol but rounding of fixed counts; for bandwidths
    :math:`cN^{-1/5}` the bound of rate 2/5 is an identity for this functional.

    Args:
        schedule: mixing schedule.
        bandwidths: a number or (S,).
        variance: of the real law.
        kernel: second moment of the kernel at h = 1.
    """
    h = per_stage("bandwidths", bandwidths, schedule.stages)
    return variance + kernel * stage_weights(schedule) @ h**2


def limit_characteristic(
    real: Complex[Array, "*n"], alpha: float, bandwidth: float, w: Float[Array, "*n"]
) -> Complex[Array, "*n"]:
    r"""Characteristic function of the mean density after many generations.

    :math:`\alpha\varphi_0\kappa/(1-\beta\kappa)`, :math:`\kappa=e^{-h^2\omega^2/2}`, alpha in
    (0, 1]: p_0 smoothed a geometric number of times.

    Args:
        real: characteristic function of the real law at w.
        alpha: real fraction.
        bandwidth: h.
        w: frequencies.
    """
    exponent = -0.5 * (bandwidth * w) ** 2
    # 1 - beta kappa = alpha + beta (1 - kappa)
    rest = alpha - (1.0 - alpha) * jnp.expm1(exponent)
    return alpha * real * jnp.exp(exponent) / rest


@partial(jax.jit, static_argnames="models")
def standard_normal_tv(synthetic, bandwidth, size, models: int) -> TvPrediction:
    r"""Expected total variation of model i = `models` from :math:`p_0=N(0,1)`.

    The mean density is below p_0 up to one point x_0 and above beyond it; its distance is
    a difference of normal probabilities, the rest Gauss quadrature on both sides of x_0.
    `jit` and `vmap` over all but `models`.
    """
    real = gaussian_mixture([1.0], [0.0], 1.0)
    ages = smoothing_ages(synthetic, models)[-1]
    widths = jnp.sqrt(1.0 + (jnp.arange(models) + 1.0) * bandwidth**2)

    def excess(x):  # log of (mean / real) is increasing in x > 0
        return jnp.log(ages @ (jnp.exp(0.5 * x**2 * (1.0 - widths**-2)) / widths))

    ends = jnp.zeros(()), jnp.full((), 12.0)
    x0 = bisect(lambda x: excess(x) > 0, *ends)
    lower = 2.0 * (ndtr(x0) - ages @ ndtr(x0 / widths))
    far = 9.0 * widths[-1]
    x, weights = _towards(x0, jnp.zeros(()), far)
    b = mean_density(real, synthetic, bandwidth, models, x) - _smoothed(
        real, jnp.zeros((1,)), x
    ).sum(axis=0)
    v = variance_density(real, synthetic, bandwidth, size, models, x)
    v = jnp.maximum(v, 0.0)
    return TvPrediction(
        lower, weights @ mean_absolute_normal(b, v), weights @ jnp.sqrt(b**2 + v)
    )


def tv_threshold(
    n: float, models: int, constant: float = 1.06, curve: str = "prediction"
) -> tuple[float, float]:
    r"""Synthetic amount :math:`\lambda=m/n` of the largest total variation, and that value.

    p_0 = N(0, 1), n + m points at every stage (V1), :math:`h=c(n+m)^{-1/5}`. This is the
    threshold of the model, not that of the bound.

    Args:
        n: real points > 0.
        models: models trained, >= 2.
        constant: c > 0.
        curve: "lower" (the mean density), "prediction" or "upper".

    Raises:
        InputError: if an argument is out of range, or no peak lies below lambda = 1000 G.
    """
    require_positive("n", n)
    require_positive("constant", constant)
    require(models >= 2, "models", ">= 2", models)
    known = curve in ("lower", "prediction", "upper")
    require(known, "curve", "'lower', 'prediction' or 'upper'", curve)

    @jax.jit
    def height(log_lam):
        N = n * (1.0 + jnp.exp(log_lam))
        beta = 1.0 / (1.0 + jnp.exp(-log_lam))
        tv = standard_normal_tv(beta, constant * N**-0.2, N, models)
        return getattr(tv, curve)

    tried = np.linspace(np.log(1e-2), np.log(1e3 * models), 60)
    best = int(np.argmax([float(height(t)) for t in tried]))
    inside = 0 < best < len(tried) - 1
    require(inside, "models", "enough for a peak of this curve", models)
    found = minimize_scalar(
        lambda t: -float(height(t)),
        bounds=(tried[best - 1], tried[best + 1]),
        method="bounded",
        options={"xatol": 1e-9},
    )
    return float(np.exp(found.x)), float(-found.fun)


def _smoothed(
    real: GaussianMixture, H: Float[Array, " k"], x: Float[Array, " p"]
) -> Float[Array, "k p"]:
    """Density of real * N(0, H) at x."""
    variance = real.covariances[:, 0, 0][:, None, None] + H[None, :, None]
    gap = x[None, None, :] - real.means[:, 0][:, None, None]
    parts = jnp.exp(-0.5 * gap**2 / variance) / jnp.sqrt(2.0 * jnp.pi * variance)
    return jnp.tensordot(real.weights, parts, 1)


def _towards(x0, low, high) -> tuple[Array, Array]:
    """Gauss nodes and weights on panels of [low, high] that halve towards x0 from both sides."""
    ends = [x0 + (side - x0) * jnp.append(HALVINGS, 0.0) for side in (low, high)]
    a = jnp.concatenate([ends[0][:-1], ends[1][1:]])
    b = jnp.concatenate([ends[0][1:], ends[1][:-1]])
    half = 0.5 * (b - a)[:, None]
    x = 0.5 * (a + b)[:, None] + half * NODES[None, :]
    return x.reshape(-1), (half * WEIGHTS[None, :]).reshape(-1)
