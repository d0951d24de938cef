r"""Gaussian maximum likelihood (variance divisor n), d = 1, real law N(0, 1)."""

import sympy as sp

from theory.self_consuming.statements.notation import (
    a,
    bias,
    declare,
    e,
    g,
    i,
    k,
    lam,
    m,
    n,
    s,
    t,
    v,
    variance,
    w,
    weight,
)
from theory.self_consuming.statements.special import Erf, GammaQuotient

__all__ = [
    "SMALL_ERROR_INTEGRAL",
    "folded_normal",
    "innovation_iid",
    "mean_square_full_synthetic",
    "mean_square_iid",
    "mean_square_step_fresh",
    "mean_square_step_reused",
    "mirror",
    "mirror_maximum",
    "optimal_weight",
    "scale_full_synthetic",
    "scale_moment",
    "small_error",
    "small_error_mean",
    "small_error_scale",
    "weighted_stationary",
    "weighted_step",
]

# How a small error of the parameters shows in total variation
_Z = sp.Symbol("Z", real=True)
_density = sp.exp(-(_Z**2) / 2) / sp.sqrt(2 * sp.pi)
SMALL_ERROR_INTEGRAL = sp.Integral(
    sp.sqrt(1 + _Z**4) * _density / (2 * sp.sqrt(sp.pi)), (_Z, -sp.oo, sp.oo)
)
r""":math:`C_G = E\sqrt{1+Z^4}/(2\sqrt\pi)`."""

small_error = declare(
    "small_error", "Total variation of small Gaussian errors", r"\mathbb{E}\,\mathrm{TV}",
    SMALL_ERROR_INTEGRAL.evalf(16) * sp.sqrt(w / n), (w, n),
    "TV ~ E|a Z + g (Z^2 - 1)|/2 with a = mu ~ N(0, w/n), g = log sigma ~ N(0, w/(2n)), "
    "independent; the constant is E sqrt(1 + Z^4)/(2 sqrt(pi)).", r"\approx",
)  # fmt: skip
small_error_mean = declare(
    "small_error_mean", "Total variation of a small error of the mean",
    r"\mathbb{E}\,\mathrm{TV}", sp.sqrt(w / n) / sp.pi, (w, n),
    "small_error with g = 0.", r"\approx",
)  # fmt: skip
small_error_scale = declare(
    "small_error_scale", "Total variation of a small error of the scale",
    r"\mathbb{E}\,\mathrm{TV}", sp.sqrt(2) * sp.exp(-sp.Rational(1, 2)) / sp.pi
    * sp.sqrt(w / n), (w, n), "small_error with a = 0; E|Z^2 - 1| = 4 phi(1).",
    r"\approx",
)  # fmt: skip
folded_normal = declare(
    "folded_normal", "Absolute error of a Gaussian estimate",
    r"\mathbb{E}\,|\mathcal{N}(b, v)|",
    sp.sqrt(2 * v / sp.pi) * sp.exp(-(bias**2) / (2 * v))
    + bias * Erf(bias / sp.sqrt(2 * v)), (bias, v), "v > 0.",
)  # fmt: skip

# Any schedule, iid draws
innovation_iid = declare(
    "innovation_iid", "Noise of a stage's mean", r"\tau_s^2",
    (1 - sp.Sum(weight[t] ** 2 * variance[t], (t, 0, s - 1))) / n,
    (s, weight, variance, n),
    "n points of p_s drawn iid; the weights of the stage's data law on earlier noises. "
    "E(mu^2 + sigma^2) = 1 for every model.",
)  # fmt: skip
mean_square_iid = declare(
    "mean_square_iid", "Squared error of the mean", r"\mathbb{E}\,\mu_{i+1}^2",
    sp.Sum(weight[s] ** 2 * variance[s], (s, 0, i)), (i, weight, variance),
    "innovation_iid, weight_recursion; E sigma^2 is 1 minus this.",
)  # fmt: skip

# Fully synthetic
mean_square_full_synthetic = declare(
    "mean_square_full_synthetic", "Squared error of the mean, fully synthetic",
    r"\mathbb{E}\,\mu_i^2", 1 - (1 - 1 / n) ** i, (n, i),
    "n points in every stage, i models.",
)  # fmt: skip
scale_full_synthetic = declare(
    "scale_full_synthetic", "Variance of the model, fully synthetic",
    r"\mathbb{E}\,\sigma_i^2", (1 - 1 / n) ** i, (n, i), "As above: collapse.",
)  # fmt: skip
scale_moment = declare(
    "scale_moment", "Moments of the scale, fully synthetic",
    r"\mathbb{E}\,\sigma_i^{2a}",
    ((2 / n) ** a * GammaQuotient(((n - 1) / 2 + a,), ((n - 1) / 2,))) ** i, (a, n, i),
    "n sigma'^2/sigma^2 is chi-square with n - 1 degrees of freedom; a > -(n - 1)/2. So "
    "E log sigma_i^2 is i (digamma((n - 1)/2) - log(n/2)), variance i trigamma.",
)  # fmt: skip

# n real and m synthetic points, fixed counts, model 1 from the n real points
_N = n + m
_factor = (m / _N) ** 2 - m / _N**2
mean_square_step_fresh = declare(
    "mean_square_step_fresh", "Step of the mean, fresh real data",
    r"\mathbb{E}\,\mu_{i+1}^2", 1 / _N + _factor * e, (e, n, m),
    "e = E mu_i^2; new real points in every stage.",
)  # fmt: skip
mean_square_step_reused = declare(
    "mean_square_step_reused", "Step of the mean, reused real data",
    r"\mathbb{E}\,\mu_{i+1}^2 - \frac{1}{n}", _factor * e + m / _N**2 * (1 - 1 / n),
    (e, n, m), "e = E mu_i^2 - 1/n; the same real points in every stage.",
)  # fmt: skip

# Fresh against reused real data, leading order
mirror = declare(
    "mirror", "Mirror of fresh and reused real data", r"|n\,\mathbb{E}\,\mu^2 - 1|",
    lam / (1 + 2 * lam) * (1 - (lam / (1 + lam)) ** (2 * g)), (lam, g),
    "n E mu^2 is 1 minus this with fresh, 1 plus this with reused real data, to leading "
    "order in 1/n; g recursive stages.",
)  # fmt: skip
mirror_maximum = declare(
    "mirror_maximum", "Where fresh and reused differ most", "0",
    (lam / (1 + lam)) ** (-2 * g) - 1 - 2 * g * (1 + 2 * lam) / (1 + lam), (lam, g),
    "d mirror/d lambda = 0; the power falls, the rest rises: one root.",
)  # fmt: skip

# Weighted mean of fresh real data and k times as many synthetic points
weighted_step = declare(
    "weighted_step", "Step of a weighted mean", "v_{i+1}",
    (w**2 + (1 - w) ** 2 / k) / n + (1 - w) ** 2 * v, (v, w, k, n),
    "mu' = w (mean of n real) + (1 - w) (mean of k n synthetic); first order in 1/n.",
)  # fmt: skip
weighted_stationary = declare(
    "weighted_stationary", "Stationary variance of a weighted mean", r"v_\infty",
    (w**2 + (1 - w) ** 2 / k) / (1 - (1 - w) ** 2) / n, (w, k, n),
    "Fixed point of weighted_step, 0 < w <= 1.",
)  # fmt: skip
optimal_weight = declare(
    "optimal_weight", "Best weight of real data", r"w^\ast",
    (sp.sqrt(1 + 4 * k) - 1) / (2 * k), (k,),
    "Minimises weighted_stationary, which is then w*/n; k = 1: the golden ratio's "
    "inverse.",
)  # fmt: skip
