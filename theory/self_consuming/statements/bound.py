r"""The bound in the synthetic amount, its threshold, and the two ways errors add up.

n real and m = lambda n synthetic points of the latest model, beta = lambda/(1 + lambda),
q = 1 - r. The shapes stand in units of the bound or error of one model on n real points.
"""

import sympy as sp

from theory.self_consuming.statements.notation import (
    C,
    G,
    beta,
    c,
    declare,
    dim,
    error,
    g,
    i,
    lam,
    n,
    r,
    s,
    variance,
    weight,
)

__all__ = [
    "break_even",
    "coherent",
    "kde_rate",
    "quadrature",
    "quadrature_shape",
    "quadrature_slope",
    "quadrature_threshold",
    "shape_v1",
    "shape_v2",
    "step_rate",
    "tail_v2",
    "threshold_offset",
    "threshold_slope",
    "threshold_v1",
    "threshold_v1_height",
    "threshold_v1_large",
    "threshold_v1_two",
    "threshold_v2",
    "threshold_v2_two",
]

q = 1 - r
share = lam / (1 + lam)

step_rate = declare(
    "step_rate", "Error of one step", r"\varepsilon_s", C * n**-r, (n, C, r),
    "Up to constants and logarithms; r = 1/4 for diffusion as recalled, 1/2 regular "
    "parametric, kde_rate for kernel densities.", r"\lesssim",
)  # fmt: skip
kde_rate = declare(
    "kde_rate", "Rate of kernel densities", "r", 2 / (4 + dim), (dim,),
    "Second-order kernel; h^2 and (N h^d)^{-1/2} balance at h ~ N^{-1/(4+d)}.",
)  # fmt: skip

# The first stage has n + m real points (V1)
shape_v1 = declare(
    "shape_v1", "Bound in the synthetic amount, V1", "f_1(\\lambda)",
    (1 + lam) ** q * (1 - share**G), (lam, G, r),
    "Every stage has n + m points, the first all real; step_rate, latest_length.",
)  # fmt: skip
threshold_v1 = declare(
    "threshold_v1", "Threshold of the bound, V1", "1 - r",
    G * (1 - beta) * beta ** (G - 1) / (1 - beta**G), (beta, G),
    "G >= 2: d f_1/d lambda = 0; the right side rises from 0 to 1, so there is one root, "
    "and lambda = beta/(1 - beta).",
)  # fmt: skip
threshold_v1_two = declare(
    "threshold_v1_two", "Threshold of the bound, V1, two models", r"\lambda^\ast",
    (1 - r) / (2 * r), (r,), "G = 2 in threshold_v1.",
)  # fmt: skip
threshold_slope = declare(
    "threshold_slope", "Slope of the threshold", "1 - r", c / (sp.exp(c) - 1), (c,),
    "Large G in threshold_v1, c = -G log beta fixed: lambda* = G/c to leading order; "
    "c = -q - W_{-1}(-q e^{-q}).",
)  # fmt: skip
threshold_offset = declare(
    "threshold_offset", "Offset of the threshold", "d_r",
    (c + q) / (2 * (c + q - 1)), (c, r), "Next order of threshold_v1 in 1/G.",
)  # fmt: skip
threshold_v1_large = declare(
    "threshold_v1_large", "Threshold of the bound, V1, many models", r"\lambda^\ast",
    G / c - threshold_offset.expression, (G, c, r),
    "c from threshold_slope; up to O(1/G).", r"\approx",
)  # fmt: skip
threshold_v1_height = declare(
    "threshold_v1_height", "Height of the bound, V1, many models", r"f_1(\lambda^\ast)",
    G**q * c**r / (c + q), (G, c, r), "c from threshold_slope; leading order in 1/G.",
    r"\approx",
)  # fmt: skip
break_even = declare(
    "break_even", "Break-even of the bound, V1", "1 + \\lambda",
    G ** (1 / r) - (G - 1) / (2 * r), (G, r),
    "The larger root of f_1 = 1, up to O(G^{2 - 1/r}), for large G^{1/r}.", r"\approx",
)  # fmt: skip

# Model 1 has the n real points alone (V2)
shape_v2 = declare(
    "shape_v2", "Bound in the synthetic amount, V2", "f_2(\\lambda)",
    (1 + lam) ** q * (1 - share**g) + share**g, (lam, g, r),
    "Model 1 from the n real points, g recursive stages from n + m. Above 1 for "
    "every lambda > 0: this bound never beats m = 0.",
)  # fmt: skip
threshold_v2 = declare(
    "threshold_v2", "Threshold of the bound, V2", "1 - r",
    g * (1 - beta) * beta ** (g - 1) / (1 - beta**g) * (1 - (1 - beta) ** q),
    (beta, g, r), "d f_2/d lambda = 0, one root; lambda = beta/(1 - beta).",
)  # fmt: skip
threshold_v2_two = declare(
    "threshold_v2_two", "Threshold of the bound, V2, two models", r"\lambda^\ast",
    r ** (-1 / q) - 1, (r,), "g = 1 in threshold_v2.",
)  # fmt: skip
tail_v2 = declare(
    "tail_v2", "Tail of the bound, V2", r"f_2(\lambda) - 1", g * (1 + lam) ** -r,
    (lam, g, r), "lambda to infinity.", r"\sim",
)  # fmt: skip

# Biases add up, noises add up in quadrature
coherent = declare(
    "coherent", "Biases of one sign", r"\mathrm{bias}_{i+1}",
    sp.Sum(weight[s] * error[s], (s, 0, i)), (i, weight, error),
    "First order in the steps' biases; the weights of weight_recursion.",
)  # fmt: skip
quadrature = declare(
    "quadrature", "Noises, centred given the past", r"\mathrm{noise}_{i+1}",
    sp.sqrt(sp.Sum(weight[s] ** 2 * variance[s], (s, 0, i))), (i, weight, variance),
    "Martingale differences do not correlate; the weights of weight_recursion.",
)  # fmt: skip
quadrature_shape = declare(
    "quadrature_shape", "Noise in the synthetic amount", r"f_{\mathrm{noise}}(\lambda)",
    (1 + lam) ** q * sp.sqrt((1 - share ** (2 * G)) / (1 + 2 * lam)), (lam, G, r),
    "As shape_v1 with noise of size N^{-r}; (1 - beta^{2G})/(1 - beta^2) is the sum of "
    "the squared weights.",
)  # fmt: skip
quadrature_slope = declare(
    "quadrature_slope", "Extrema of the noise", "r",
    beta / (1 + beta) - G * (1 - beta) * beta ** (2 * G - 1) / (1 - beta ** (2 * G)),
    (beta, G),
    "d f_noise/d lambda = 0; f_noise rises where the right side exceeds r. That is 0 at "
    "both ends and below 1/2: f_noise falls first, rises only if its maximum exceeds "
    "r, then falls; at r = 1/2 it falls everywhere.",
)  # fmt: skip
quadrature_threshold = declare(
    "quadrature_threshold", "Slope of the threshold of the noise", "1 - 2 r",
    2 * c / (sp.exp(2 * c) - 1), (c,),
    "Large G in quadrature_slope: lambda* = G/c; exists iff r < 1/2.",
)  # fmt: skip
