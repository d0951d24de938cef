r"""Genealogy of a loop that only copies, and what a copy costs in score."""

import sympy as sp

from theory.memorization.statements.notation import (
    F,
    N,
    declare,
    dim,
    h,
    q,
    s,
    t,
    z,
)
from theory.memorization.statements.special import GammaQuotient

__all__ = [
    "accumulated_ancestor_limit",
    "accumulated_ancestor_step",
    "accumulated_offspring",
    "memoriser_score",
    "preserving_bandwidth",
    "shared_ancestor",
    "shared_ancestor_fixed",
    "shared_ancestor_step",
    "survival_large",
    "survival_step",
]

# Every round resamples the last one
survival_step = declare(
    "survival_step", "Surviving lines of copies", "s_{t+1}", 1 - sp.exp(-s), (s,),
    "N to infinity. s_0 = 1, s_t the share of the first points with descendants after t "
    "rounds: a Poisson number of copies of mean 1 each round, and 1 - s is the chance of "
    "extinction, 1 - s_{t+1} = exp((1 - s_t) - 1).",
)  # fmt: skip
survival_large = declare(
    "survival_large", "Surviving lines of copies, many rounds", "s_t", 2 / t, (t,),
    "survival_step: 1/s_{t+1} - 1/s_t tends to 1/2 as s_t tends to 0.", r"\sim",
)  # fmt: skip
shared_ancestor = declare(
    "shared_ancestor", "Two points with one ancestor", "F_t", 1 - (1 - 1 / N) ** t,
    (N, t), "Two different points; in each round back, one parent with chance 1/N.",
)  # fmt: skip
shared_ancestor_step = declare(
    "shared_ancestor_step", "Two points with one ancestor, fresh data", "F_{t+1}",
    q * (1 / N + (1 - 1 / N) * F), (F, N, q),
    "Both are copies with chance q, then of one point with chance 1/N. q = 1 without "
    "fresh data; (1 - f)^2 where every point is fresh with chance f; "
    "k (k - 1)/(N (N - 1)) where exactly k of N points are copies.",
)  # fmt: skip
shared_ancestor_fixed = declare(
    "shared_ancestor_fixed", "Two points with one ancestor, stationary", r"F^\ast",
    q / N / (1 - q * (1 - 1 / N)), (N, q),
    "Fixed point of shared_ancestor_step; F_t - F* shrinks by q (1 - 1/N) each round.",
)  # fmt: skip

# N out of all that was ever seen
accumulated_offspring = declare(
    "accumulated_offspring", "Offspring in a growing pool", "g_t(z)",
    z * (1 + (sp.exp(z - 1) - 1) / (t + 1)), (z, t),
    "N to infinity, pool of the real points and t batches. A point of the pool stays, and "
    "is in the next training set with chance 1/(t+1); it then has a Poisson number of "
    "copies of mean 1. A generating function: those of consecutive rounds compose.",
)  # fmt: skip
accumulated_ancestor_step = declare(
    "accumulated_ancestor_step", "Two points with one ancestor, growing pool", "F_{t+1}",
    F + (1 - F) * (3 * N - 1) / ((t + 2) * N * ((t + 2) * N - 1)), (F, N, t),
    "Two different points of the pool after t batches, or of a training set drawn from it. "
    "A batch more: of the (t+2) N ((t+2) N - 1)/2 pairs (t+1) N^2 are an old and a new "
    "point, parent and copy with chance 1/((t+1) N), and N (N - 1)/2 are new, siblings "
    "with chance 1/N.",
)  # fmt: skip
accumulated_ancestor_limit = declare(
    "accumulated_ancestor_limit", "Shared ancestors in a growing pool, many rounds",
    r"\lim_{N\to\infty} N\,F_\infty", sp.pi**2 / 2 - 3, (),
    "accumulated_ancestor_step: the sum of 3/(t+2)^2. A training set keeps a positive "
    "share of distinct points for ever.",
)  # fmt: skip

# Copies with noise
memoriser_score = declare(
    "memoriser_score", "Distance of a copy to its parent", r"\mathbb{E}\,\|hz\|",
    h * sp.sqrt(2) * GammaQuotient(((dim + 1) / 2,), (dim / 2,)), (h, dim),
    "Copy x + h z, z ~ N(0, I_d). The generalization score of such a memoriser is at most "
    "this in the mean, and about this while h is far below the spacing.",
)  # fmt: skip
preserving_bandwidth = declare(
    "preserving_bandwidth", "Bandwidth of a copy that keeps the variance", r"h'",
    sp.sqrt(2 - 2 * sp.sqrt(1 - h**2)), (h,),
    "Copy sqrt(1 - h^2) x + h z of x ~ N(0, I_d): copy minus parent has the variance "
    "(1 - sqrt(1 - h^2))^2 + h^2 per coordinate. h' = h + h^3/8 + ...",
)  # fmt: skip
