r"""Population kernel density: every generation blurs its data by h.

Generation i samples exactly from q_i blurred by Gaussian noise of variance h^2 and
diffused to noise time t0. Its law is a mixture over ages k (generations since the data
were fresh) of p blurred k times. With ``t0 = 0`` samples are reused at the level they
have; ``t0 > 0`` treats them as clean and noises them again ("re-noise").
"""

import sympy as sp

from theory.error_propagation.statements.notation import (
    alpha,
    declare,
    dim,
    h2,
    mean_square,
    mode,
    n,
    sigma2,
    t0,
    u2,
    v_0,
)

__all__ = [
    "hermite_factor",
    "kde_drift_limit",
    "kde_mean_factor",
    "kde_mean_square_factor",
    "kde_relative_drift",
    "kde_tail_rate",
    "kde_transform_factor",
    "kde_variance",
    "kde_variance_limit",
    "kde_variance_renoised",
    "kde_variance_renoised_limit",
    "truncation_variance",
]

rho = 1 - alpha
GMM, STOP = "GMM experiment", "early stopping"


def _affine(start: sp.Expr, factor: sp.Expr, gain: sp.Expr) -> sp.Expr:
    r"""x_n of x_{k+1} = factor x_k + gain, x_0 = start."""
    limit = gain / (1 - factor)
    return limit + (start - limit) * factor**n


kde_variance = declare(
    "kde_variance", "Mean variance of a mode", GMM, "reproduction",
    "v_n", "=", sigma2 + h2 * (1 - rho**n) / alpha, (alpha, sigma2, h2, n),
    "alpha > 0, t0 = 0; means do not move.",
)  # fmt: skip
kde_variance_limit = declare(
    "kde_variance_limit", "Mean variance of a mode, limit", GMM, "derived",
    r"v_\infty", "=", sigma2 + h2 / alpha, (alpha, sigma2, h2), "alpha > 0, t0 = 0.",
)  # fmt: skip
kde_relative_drift = declare(
    "kde_relative_drift", "Relative drift of the second moment", GMM, "derived",
    r"\frac{E|X_n|^2}{E|X_0|^2} - 1", "=",
    dim * (kde_variance.expression - sigma2) / (mean_square + dim * sigma2),
    (alpha, sigma2, h2, n, mean_square, dim), "As kde_variance.",
)  # fmt: skip
kde_drift_limit = declare(
    "kde_drift_limit", "Relative drift of the second moment, limit", GMM, "derived",
    r"\lim_n \frac{E|X_n|^2}{E|X_0|^2} - 1", "=",
    dim * h2 / alpha / (mean_square + dim * sigma2),
    (alpha, sigma2, h2, mean_square, dim), "As kde_variance_limit.",
)  # fmt: skip

keep = sp.exp(-t0)  # share of a variance that survives one more noising
kde_variance_renoised = declare(
    "kde_variance_renoised", "Mean variance of a mode, re-noised", GMM, "derived",
    "v_n", "=", _affine(sigma2, rho * keep, keep * (alpha * sigma2 + h2) + 1 - keep),
    (alpha, sigma2, h2, t0, n),
    "alpha > 0 or t0 > 0. One generation: v -> e^{-t0}(v + h^2) + 1 - e^{-t0}, after "
    "mixing v with sigma^2. Reduces to kde_variance at t0 = 0.",
)  # fmt: skip
kde_variance_renoised_limit = declare(
    "kde_variance_renoised_limit", "Mean variance of a mode, re-noised, limit", GMM,
    "derived", r"v_\infty", "=",
    (keep * (alpha * sigma2 + h2) + 1 - keep) / (1 - rho * keep),
    (alpha, sigma2, h2, t0), "As kde_variance_renoised.",
)  # fmt: skip
kde_mean_factor = declare(
    "kde_mean_factor", "Shrinkage of the means, re-noised", GMM, "derived",
    "m_n", "=", _affine(sp.Integer(1), rho * sp.sqrt(keep), alpha * sp.sqrt(keep)),
    (alpha, t0, n), "As kde_variance_renoised: m -> e^{-t0/2} m after mixing with 1.",
)  # fmt: skip
kde_mean_square_factor = declare(
    "kde_mean_square_factor", "Shrinkage of the squared means, re-noised", GMM,
    "derived", r"\overline{m_n^2}", "=",
    _affine(sp.Integer(1), rho * keep, alpha * keep), (alpha, t0, n),
    "As kde_mean_factor, averaged over ages after squaring.",
)  # fmt: skip

# Limit law
blur = sp.exp(-h2 * u2 / 2)
kde_transform_factor = declare(
    "kde_transform_factor", "Limit law, Fourier transform over that of p", GMM,
    "derived", r"\varphi_\infty(u)/\varphi_p(u)", "=", alpha * blur / (1 - rho * blur),
    (alpha, h2, u2), "alpha > 0, t0 = 0: sum over ages of alpha rho^{k-1} G^k.",
)  # fmt: skip
kde_tail_rate = declare(
    "kde_tail_rate", "Exponential tail rate of the limit law", GMM, "derived",
    r"\lambda", "=", sp.sqrt(2 * sp.log(1 / rho) / h2), (alpha, h2),
    "0 < alpha < 1: the pole of kde_transform_factor. Hence chi2(p_inf || p) is "
    "infinite for every Gaussian-tailed p.",
)  # fmt: skip
hermite_factor = declare(
    "hermite_factor", "Pure truncation: factor on a Hermite mode", STOP, "derived",
    r"\lambda_j", "=",
    alpha * keep ** (mode / 2) / (1 - rho * keep ** (mode / 2)), (alpha, t0, mode),
    "h = 0, perfect score: P_{t0} scales mode j by e^{-j t0/2}, summed over ages.",
)  # fmt: skip
truncation_variance = declare(
    "truncation_variance", "Pure truncation: Gaussian variance", STOP, "derived",
    r"v_\infty", "=", 1 + (v_0 - 1) * hermite_factor.expression.subs(mode, 2),
    (alpha, t0, v_0), "Mean zero data of variance v_0; mode j = 2.",
)  # fmt: skip
