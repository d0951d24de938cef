r"""Accumulated divergence after n generations, alpha constant, Prop 4.1 and Thm 4.2.

Sums run over the generation i that made the error, 0 the first one counted. For a
schedule alpha_i read powers of 1 - alpha as products of 1 - alpha_j over the
generations in between: `theory.error_propagation.accumulation` does.
"""

import sympy as sp

from theory.error_propagation.statements.notation import (
    D_0,
    D_hist,
    J,
    J_hist,
    alpha,
    bias,
    cosine,
    declare,
    eps_hat2_hist,
    eps_star2_hist,
    eta,
    floor_eps2,
    i,
    n,
    tail,
    tv_0,
)

__all__ = [
    "aligned_memory",
    "aligned_ratio",
    "delayed_left",
    "delayed_right",
    "displayed_constant",
    "displayed_right",
    "drift_limsup_lower",
    "drift_limsup_upper",
    "efolding",
    "floor_clean",
    "floor_paper",
    "floor_sharp",
    "good_set_bias",
    "memory",
    "stationary_aligned",
    "stationary_cancelling",
    "stationary_cosine",
    "stationary_unbiased",
    "tv_drift",
    "unrolled_linear",
    "unrolled_root",
    "unrolled_unbiased",
    "unrolled_weighted",
]

rho = 1 - alpha
age = n - 1 - i  # generations elapsed since error i


def _discounted(term: sp.Expr) -> sp.Sum:
    return sp.Sum(term, (i, 0, n - 1))


# Unrolled bounds
history = (alpha, n, D_0, J_hist)
unrolled_root = declare(
    "unrolled_root", "Accumulated drift (U1)", "replaces Thm 4.2", "derived",
    r"\sqrt{D_n}", r"\le",
    rho**n * sp.sqrt(D_0) + _discounted(rho**age * sp.sqrt(J_hist[i])), history,
    "step_upper unrolled; equality for aligned innovations.",
)  # fmt: skip
unrolled_linear = declare(
    "unrolled_linear", "Accumulated drift (U2)", "replaces Thm 4.2", "derived",
    "D_n", r"\le", rho**n * D_0 + _discounted(rho**age * J_hist[i]) / alpha, history,
    "alpha > 0; step_linear unrolled.",
)  # fmt: skip
unrolled_weighted = declare(
    "unrolled_weighted", "Accumulated drift (U3)", "replaces Thm 4.2", "derived",
    "D_n", r"\le",
    2 * rho ** (2 * n) * D_0
    + sp.pi**2 / 3 * _discounted((age + 1) ** 2 * rho ** (2 * age) * J_hist[i]),
    history,
    "(x + y)^2 <= 2x^2 + 2y^2 on U1, then Cauchy-Schwarz with weights (m+1)^2, whose "
    "inverses sum to pi^2/6. No constant can replace (m+1)^2.",
)  # fmt: skip
unrolled_unbiased = declare(
    "unrolled_unbiased", "Accumulated drift (X), unbiased innovations",
    "replaces Thm 4.2", "derived", r"\mathbb{E} D_n", "=",
    rho ** (2 * n) * D_0 + _discounted(rho ** (2 * age) * J_hist[i]), history,
    "E[C_i | past] = 0 in every generation; J is E J_i, D_0 is E D_0. one_step.",
)  # fmt: skip
delayed_left = declare(
    "delayed_left", "Accumulated drift (L1), left side", "replaces Thm 4.2", "derived",
    "L_n", "=",
    D_hist[n]
    + 2 * sp.Sum(rho ** (n - i) * D_hist[i], (i, 1, n - 1))
    + rho**n * D_hist[0],
    (alpha, n, D_hist),
    "n >= 1. delayed_lower summed with weights (1 - alpha)^{n-1-i}.",
)  # fmt: skip
delayed_right = declare(
    "delayed_right", "Accumulated drift (L1), right side", "replaces Thm 4.2",
    "derived", "L_n", r"\ge", _discounted(rho**age * J_hist[i]) / (1 + rho),
    (alpha, n, J_hist),
    "Always; equality when every innovation flips the sign of delta.",
)  # fmt: skip
tv_drift = declare(
    "tv_drift", "Accumulated drift in total variation", "from Prop 3.1", "derived",
    r"\mathrm{TV}(\hat p^n, p)", r"\le",
    rho**n * tv_0 + _discounted(rho**age * sp.sqrt(eps_hat2_hist[i])) / 2,
    (alpha, n, tv_0, eps_hat2_hist),
    "A1, A2 alone: step_tv unrolled. No tails, no smallness.",
)  # fmt: skip

# Theorem 4.2 as displayed
displayed_right = declare(
    "displayed_right", "Right side of the paper's two-sided law", "Thm 4.2", "paper",
    r"D_n + C_{\mathrm{bias}}", r"\asymp",
    _discounted(rho ** (2 * age) * eps_star2_hist[i]) + rho ** (2 * n) * D_0,
    (alpha, n, D_0, eps_star2_hist),
    "A1-A5, eta bounded below, eps_star2 small and summable. Fails as displayed: see "
    "displayed_constant.",
)  # fmt: skip
displayed_constant = declare(
    "displayed_constant", "Upper constant the two-sided law would need", "Thm 4.2",
    "reproduction", r"C_{\mathrm{upper}}", r"\ge",
    bias / displayed_right.expression, (alpha, n, D_0, eps_star2_hist, bias),
    "D_n >= 0. Summable energies send the denominator to 0: no constant serves all n.",
)  # fmt: skip
good_set_bias = declare(
    "good_set_bias", "Additive bias of the good-set form", "replaces A5", "derived",
    r"C_{\mathrm{bias}}", "=", tail / alpha**2, (alpha, tail),
    "tail = sup tau_i: innovation_good_set in U2, weights summing to 1/alpha.",
)  # fmt: skip

# Stationary drift and memory
stationary_cosine = declare(
    "stationary_cosine", "Stationary drift at a constant cosine", "from one_step",
    "derived", r"D_\infty", "=",
    J * ((rho * cosine + sp.sqrt(rho**2 * cosine**2 + 1 - rho**2)) / (1 - rho**2)) ** 2,
    (alpha, J, cosine),
    "alpha > 0, J constant, C = cosine sqrt(D J): positive root of one_step with "
    "D_{i+1} = D_i. Increases with the cosine.",
)  # fmt: skip
stationary_aligned = declare(
    "stationary_aligned", "Stationary drift, aligned", "from one_step", "derived",
    r"D_\infty", "=", J / alpha**2, (alpha, J), "cosine = 1: systematic errors.",
)  # fmt: skip
stationary_unbiased = declare(
    "stationary_unbiased", "Stationary drift, unbiased", "from one_step", "derived",
    r"\mathbb{E} D_\infty", "=", J / (alpha * (2 - alpha)), (alpha, J), "cosine = 0.",
)  # fmt: skip
stationary_cancelling = declare(
    "stationary_cancelling", "Stationary drift, cancelling", "from one_step", "derived",
    r"D_\infty", "=", J / (2 - alpha) ** 2, (alpha, J), "cosine = -1.",
)  # fmt: skip
aligned_ratio = declare(
    "aligned_ratio", "Aligned against unbiased stationary drift", "from one_step",
    "derived", r"D_{\mathrm{aligned}}/D_{\mathrm{unbiased}}", "=",
    (2 - alpha) / alpha, (alpha,), "alpha > 0.",
)  # fmt: skip
drift_limsup_lower = declare(
    "drift_limsup_lower", "Drift from below", "from (a)", "derived",
    r"\limsup D_i", r"\ge", J / (2 - alpha) ** 2, (alpha, J), "J = limsup J_i.",
)  # fmt: skip
drift_limsup_upper = declare(
    "drift_limsup_upper", "Drift from above", "from (a)", "derived",
    r"\limsup D_i", r"\le", J / alpha**2, (alpha, J), "alpha > 0, J = limsup J_i.",
)  # fmt: skip
memory = declare(
    "memory", "Effective memory, unbiased errors", "effective memory", "derived",
    r"\sum_{m\ge 0} (1-\alpha)^{2m}", "=", 1 / (alpha * (2 - alpha)), (alpha,),
    "Generations. The paper is reported to quote about 1/alpha.",
)  # fmt: skip
aligned_memory = declare(
    "aligned_memory", "Effective memory, aligned errors", "effective memory", "derived",
    r"\sum_{m\ge 0} (1-\alpha)^{m}", "=", 1 / alpha, (alpha,), "Generations.",
)  # fmt: skip
efolding = declare(
    "efolding", "E-folding of a past error's energy", "effective memory", "derived",
    r"m_e", "=", -1 / (2 * sp.log(1 - alpha)), (alpha,),
    "Generations; (1 - alpha)^{2 m_e} = 1/e, about 1/(2 alpha).",
)  # fmt: skip

# Floors
floor_arguments = (alpha, eta, floor_eps2)
FLOOR = (r"\limsup D_i", r"\ge")
floor_paper = declare(
    "floor_paper", "Drift floor", "Prop 4.1(ii)", "paper",
    *FLOOR, alpha * eta * floor_eps2 / 16 / (1 + rho**2), floor_arguments,
    "Clean regime, eta_i >= eta and eps_star2 >= the floor from some generation on.",
)  # fmt: skip
floor_clean = declare(
    "floor_clean", "Drift floor, from the triangle inequality", "from Prop 4.1(ii)",
    "derived", *FLOOR, alpha * eta * floor_eps2 / 8 / (2 - alpha) ** 2, floor_arguments,
    "As floor_paper, and never below it: J >= alpha I, I >= eta eps_star2/8 in "
    "drift_limsup_lower.",
)  # fmt: skip
floor_sharp = declare(
    "floor_sharp", "Drift floor for small errors", "from Prop 4.1(ii)", "derived",
    *FLOOR, alpha * eta * floor_eps2 / (2 - alpha) ** 2, floor_arguments,
    "Up to a factor 1 - o(1) as the errors shrink: I = eta eps_star2 (1 + O(eps)).",
)  # fmt: skip
