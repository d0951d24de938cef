"""Categorical, spectral and kernel learners; stopped training."""

import sympy as sp

from theory.self_consuming.statements.notation import (
    C_1,
    C_2,
    G,
    N,
    S,
    V,
    a,
    b,
    bandwidth,
    beta,
    declare,
    h,
    i,
    j,
    loss,
    mu2,
    n,
    p,
    s,
    sigma2,
    tau,
    v,
    weight,
)

__all__ = [
    "bandwidth_factor",
    "categorical_step",
    "categorical_variance",
    "contraction",
    "contraction_saturation",
    "contraction_small",
    "loop_time_factor",
    "mise_factor",
    "mise_full_synthetic",
    "pseudo_count_loss",
    "second_moment",
    "stopped_kl",
    "stopped_kl_best",
    "stopping_time",
]

# Categories: Wright-Fisher with empirical frequencies, real data and the latest model
categorical_step = declare(
    "categorical_step", "Step of a category's variance", "v_{i+1}",
    p * (1 - p) / N + (1 - 1 / N) * beta**2 * v, (v, p, beta, N),
    "N iid points; empirical frequencies; the mean stays p.",
)  # fmt: skip
_memory = (1 - 1 / N) * beta**2
categorical_variance = declare(
    "categorical_variance", "Variance of a category", "v_i",
    p * (1 - p) / N * (1 - _memory**i) / (1 - _memory), (p, beta, N, i),
    "categorical_step from v_0 = 0; i models. beta = 1: p (1 - p)(1 - (1 - 1/N)^i).",
)  # fmt: skip

# Learners that multiply a mode by s = 1 - loss
contraction = declare(
    "contraction", "Contraction of a mode", r"\delta_G",
    loss * (1 - ((1 - loss) * beta) ** G) / (1 - (1 - loss) * beta), (loss, beta, G),
    "Every stage multiplies the mode of its data by s = 1 - loss; then that of the mean "
    "of model G is 1 - delta_G times the true one. (1 - s)(1 - (s beta)^G)/(1 - s beta).",
)  # fmt: skip
contraction_small = declare(
    "contraction_small", "Contraction of a mode, weak filter", r"\delta_G",
    loss * (1 - beta**G) / (1 - beta), (loss, beta, G),
    "loss << 1 - beta: the coherent sum of the bound.", r"\approx",
)  # fmt: skip
contraction_saturation = declare(
    "contraction_saturation", "Contraction of a mode, many models", r"\delta_\infty",
    loss / (1 - (1 - loss) * beta), (loss, beta), "G to infinity, s beta < 1.",
)  # fmt: skip
pseudo_count_loss = declare(
    "pseudo_count_loss", "Loss of the minimax binomial estimator", r"\ell",
    1 / (1 + sp.sqrt(N)), (N,),
    "(count + kappa)/(N + K kappa) moves to the uniform law by K kappa/(N + K kappa); "
    "kappa = sqrt(N)/K.",
)  # fmt: skip

# Kernel densities, one dimension
second_moment = declare(
    "second_moment", "Second moment of a kernel loop",
    r"\mathbb{E}\int (x-\mu_0)^2\,\hat p_{i+1}",
    sigma2 + mu2 * sp.Sum(weight[s] * bandwidth[s] ** 2, (s, 0, i)),
    (sigma2, mu2, i, weight, bandwidth),
    "Any schedule, iid, fresh or reused; the weights of weight_recursion: an identity.",
)  # fmt: skip
mise_full_synthetic = declare(
    "mise_full_synthetic", "Integrated squared error, fully synthetic",
    r"\mathrm{MISE}_i",
    (sp.Sum((1 - 1 / N) ** j / sp.sqrt(j + 1), (j, 0, i - 1)) / (N * h)
     + (1 - 1 / N) ** i / sp.sqrt(1 + i * h**2) + 1) / (2 * sp.sqrt(sp.pi))
    - 2 / sp.sqrt(2 * sp.pi * (2 + i * h**2)), (N, h, i),
    "p_0 = N(0, 1), Gaussian kernel, N points and bandwidth h in every stage.",
)  # fmt: skip
bandwidth_factor = declare(
    "bandwidth_factor", "Loop-optimal over one-stage bandwidth", r"h^\ast/h_1",
    (V / S**2) ** sp.Rational(1, 5), (S, V),
    "Minimises S^2 bias(h)^2 + V noise(h)^2 with bias^2 ~ h^4, noise^2 ~ 1/h; "
    "V sums A_s^2/sqrt(i - s + 1) in latest-only schedules.",
)  # fmt: skip
mise_factor = declare(
    "mise_factor", "Loop-optimal error over one stage's",
    r"\mathrm{MISE}^\ast/\mathrm{MISE}_1", (S**2 * V**4) ** sp.Rational(1, 5), (S, V),
    "At bandwidth_factor.",
)  # fmt: skip

# Early stopping: KL falls like 1/tau and rises like tau^a n^-b
stopped_kl = declare(
    "stopped_kl", "Error of stopped training", r"\mathrm{KL}(\tau)",
    C_1 * tau**a * n**-b + C_2 / tau, (tau, n, a, b, C_1, C_2),
    "(a, b) is (4, 2) for random features "
    "(Li et al. 2023, recalled), (1, 1) for sqrt(n) steps.",
)  # fmt: skip
stopping_time = declare(
    "stopping_time", "Best training time of one stage", r"\tau^\ast",
    (C_2 * n**b / (a * C_1)) ** (1 / (1 + a)), (n, a, b, C_1, C_2),
    "Minimises stopped_kl. In the bound the weights do not interact with the times, so "
    "it is best for every stage of any loop.",
)  # fmt: skip
stopped_kl_best = declare(
    "stopped_kl_best", "Error at the best training time", r"\mathrm{KL}(\tau^\ast)",
    (1 + a) / a * C_2 * (C_2 / (a * C_1)) ** (-1 / (1 + a)) * n ** (-b / (1 + a)),
    (n, a, b, C_1, C_2), "stopped_kl at stopping_time: rate n^{-b/(1+a)}.",
)  # fmt: skip
loop_time_factor = declare(
    "loop_time_factor", "Loop-optimal over one-stage training time",
    r"\tau_{\mathrm{loop}}/\tau^\ast", (S**2 / V) ** (1 / (1 + a)), (S, V, a),
    "Minimises S^2 C_2/tau + V C_1 tau^a n^-b: squared biases C_2/tau added with the "
    "weights, variances with their squares. At least 1: train longer.",
)  # fmt: skip
