"""The recursion of total variation, its weights and the lengths of lineages."""

import sympy as sp

from theory.self_consuming.statements.notation import (
    b,
    beta,
    c,
    declare,
    drift,
    error,
    i,
    j,
    m,
    n,
    s,
    share,
    t,
    weight,
)
from theory.self_consuming.statements.special import GammaQuotient

__all__ = [
    "accumulate_length",
    "accumulate_weight",
    "batches_length",
    "batches_weight",
    "latest_length",
    "latest_weight",
    "recursion",
    "uniform_past_length",
    "uniform_past_weight",
    "unrolled",
    "vanishing_length",
    "weight_recursion",
]

_RECALLED = "after Fu et al. 2024 (recalled)"

# Any schedule
recursion = declare(
    "recursion", "One step of total variation", "D_{s+1}",
    error[s] + sp.Sum(share[s, t] * drift[t], (t, 0, s - 1)), (s, error, share, drift),
    "TV is convex and obeys the triangle inequality: every realisation, protocol and "
    "learner. Entry t of D and of the shares is the model that stage t trained.",
    r"\le", _RECALLED,
)  # fmt: skip
unrolled = declare(
    "unrolled", "Accumulated total variation", "D_{i+1}",
    sp.Sum(weight[s] * error[s], (s, 0, i)), (i, weight, error),
    "recursion unrolled, with the weights of weight_recursion.", r"\le", _RECALLED,
)  # fmt: skip
weight_recursion = declare(
    "weight_recursion", "Weight of the error of a stage", "A_s",
    sp.Sum(weight[t] * share[t, s], (t, s + 1, i)), (s, i, weight, share),
    "s < i, A_i = 1. The probability that a lineage of stage i visits stage s.",
    source=_RECALLED,
)  # fmt: skip

# Real data and the latest model
latest_weight = declare(
    "latest_weight", "Weight, latest model", "A_s", beta ** (i - s), (beta, i, s),
    "A fixed share beta of every stage's data is of the latest model.",
)  # fmt: skip
latest_length = declare(
    "latest_length", "Lineage, latest model", r"\sum_s A_s",
    (1 - beta ** (i + 1)) / (1 - beta), (beta, i), "latest_weight summed; beta < 1.",
)  # fmt: skip
vanishing_length = declare(
    "vanishing_length", "Lineage, vanishing real fraction", r"\sum_s A_s",
    (i + 1 + c * GammaQuotient((i + 1 - c,), (i + 1, 1 - c))) / (1 + c), (c, i),
    "Latest model, alpha_t = c/t, c <= 1. A_s is the product of 1 - c/t over s < t <= i "
    "and Gamma(s+1)/Gamma(s+1-c) a difference of Gamma(s+1)/Gamma(s-c), over 1 + c.",
)  # fmt: skip

# Every past model
accumulate_weight = declare(
    "accumulate_weight", "Weight, equal shares", "A_s", 1 / (s + 2), (s,),
    "Shares 1/(t+1) of the real data and of each past model; s < i.",
)  # fmt: skip
accumulate_length = declare(
    "accumulate_length", "Lineage, equal shares", r"\sum_s A_s",
    sp.Sum(1 / j, (j, 1, i + 1)), (i,), "accumulate_weight summed; A_i = 1.",
)  # fmt: skip
batches_weight = declare(
    "batches_weight", "Weight, a batch of every model", "A_s",
    m / (n + (s + 1) * m), (n, m, s), "n real points and m from each past model; s < i.",
)  # fmt: skip
batches_length = declare(
    "batches_length", "Lineage, a batch of every model", r"\sum_s A_s",
    1 + sp.Sum(m / (n + j * m), (j, 1, i)), (n, m, i), "batches_weight summed.",
)  # fmt: skip
uniform_past_weight = declare(
    "uniform_past_weight", "Weight, uniform over past models", "A_s",
    b * GammaQuotient((i + b, s + 1), (i + 1, s + 1 + b)), (b, i, s),
    "Share b/t of every past model at stage t, 1 - b real; s < i.",
)  # fmt: skip
uniform_past_length = declare(
    "uniform_past_length", "Lineage, uniform over past models", r"\sum_s A_s",
    1 + b / (1 - b) * (1 - GammaQuotient((i + b,), (i + 1, b))), (b, i),
    "b < 1; to 1/(1 - b) as i grows. Gamma(s+1)/Gamma(s+1+b) is a difference of "
    "Gamma(s+1)/Gamma(s+b), over 1 - b.",
)  # fmt: skip
