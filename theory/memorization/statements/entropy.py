r"""What moves the nearest-neighbour entropy, and how it is tied to nearest distances."""

import sympy as sp

from theory.memorization.statements.notation import (
    H,
    N,
    declare,
    dim,
    factor,
    floor,
    h,
    j,
    log_det,
    log_spacing,
    manifold,
    pairs,
)
from theory.memorization.statements.special import Digamma, LogGamma

__all__ = [
    "ambient_slope",
    "copier_step",
    "duplicate_cost",
    "entropy_scaling",
    "entropy_from_distance",
    "linear_manifold_entropy",
    "log_ball_volume",
    "mean_log_distance",
    "refit_step",
    "refit_step_large",
    "slope_copying",
    "slope_generalising",
]

_SIBLING = 1 - sp.exp(-1)

log_ball_volume = declare(
    "log_ball_volume", "Volume of the unit ball", r"\log c_d",
    dim / 2 * sp.log(sp.pi) - LogGamma(dim / 2 + 1), (dim,), "Classical.",
    source="classical",
)  # fmt: skip

# Entropy of one set
entropy_scaling = declare(
    "entropy_scaling", "Entropy of scaled data", "H(aX+b) - H(X)",
    dim * sp.log(factor), (dim, factor),
    "Exact: every distance is multiplied by a > 0. No change under rotations.",
)  # fmt: skip
duplicate_cost = declare(
    "duplicate_cost", "Cost of exact duplicates", r"\Delta H",
    -2 * pairs / N * dim * (sp.log(1 / floor) + log_spacing),
    (pairs, N, dim, floor, log_spacing),
    "k pairs of points become equal, distance zero is read as f. Two of the N terms "
    "(d/N) log eps_i of a pair become (d/N) log f; exact with the mean log spacing these "
    "points had, where no other point's nearest neighbour moved.",
)  # fmt: skip
copier_step = declare(
    "copier_step", "Entropy step of a copier", r"H(G)-H(D)",
    dim * _SIBLING * (sp.log(h * sp.sqrt(2 * dim)) - log_spacing),
    (dim, h, log_spacing),
    "G: uniform draws of D plus noise of bandwidth h far below the spacing of D, d large. "
    "A draw shares its parent with another one with probability 1 - (1 - 1/N)^(N-1), to "
    "1 - 1/e; its spacing is then h |z - z'|, about h sqrt(2d), and else as before.",
    r"\approx",
)  # fmt: skip
ambient_slope = declare(
    "ambient_slope", "Entropy on a manifold against the sample size",
    r"\frac{dH}{d\log N}", 1 - dim / manifold, (dim, manifold),
    "H computed in d dimensions, data on a manifold of dimension m: psi(N) ~ log N, "
    "spacing ~ N^(-1/m). There is no limit unless m = d.", r"\to",
)  # fmt: skip
linear_manifold_entropy = declare(
    "linear_manifold_entropy", "Entropy of a Gaussian on a subspace", "H_m",
    manifold / 2 * sp.log(2 * sp.pi * sp.E) + log_det / 2, (manifold, log_det),
    "x = A z, z ~ N(0, I_m), A of full column rank; relative to volume on the subspace, "
    "which A multiplies by sqrt(det(A^T A)).",
)  # fmt: skip

# From one set to another of the same law
_volume = log_ball_volume.expression
mean_log_distance = declare(
    "mean_log_distance", "Generalising line", r"\mathbb{E}\log d(x, D)",
    (H - Digamma(N + 1) + Digamma(1) - _volume) / dim, (H, N, dim),
    "x and the N points of D drawn independently from one density of entropy H: x and D "
    "are N + 1 points, so E[log d] is what makes the estimate of H unbiased. Exact up to "
    "that estimator's bias; exact for a flat density.",
)  # fmt: skip
entropy_from_distance = declare(
    "entropy_from_distance", "Generalising line, entropy", "H",
    Digamma(N + 1) - Digamma(1) + _volume + dim * log_spacing, (log_spacing, N, dim),
    "Inverse of mean_log_distance.",
)  # fmt: skip
slope_generalising = declare(
    "slope_generalising", "Slope of the generalising line",
    r"\frac{d\log \mathrm{GS}}{dH}", 1 / dim, (dim,),
    "mean_log_distance at fixed N; GS the mean distance. Twice that where GS is the mean "
    "squared distance.",
)  # fmt: skip
slope_copying = declare(
    "slope_copying", "Slope of the copying line", r"\frac{d\log \mathrm{GS}}{dH}",
    1 / (_SIBLING * dim), (dim,),
    "copier_step: log GS = log h + const, and the share 1 - 1/e of the spacings is "
    "proportional to h. Twice that where GS is the mean squared distance.",
)  # fmt: skip

# A model that cannot memorise
refit_step = declare(
    "refit_step", "Entropy step of a refitted Gaussian",
    r"\mathbb{E}\,H(\hat p)-H(p)",
    sp.Sum(Digamma((N - j) / 2) - sp.log((N - 1) / 2), (j, 1, dim)) / 2, (N, dim),
    "N > d draws, covariance with divisor N - 1. det S/det Sigma is the product of "
    "independent chi-squares with N - 1, ..., N - d degrees of freedom over (N - 1)^d, "
    "and E log chi^2_k = psi(k/2) + log 2.",
)  # fmt: skip
refit_step_large = declare(
    "refit_step_large", "Entropy step of a refitted Gaussian, many points",
    r"\mathbb{E}\,H(\hat p)-H(p)", -dim * (dim + 1) / (4 * N), (N, dim),
    "refit_step, N >> d: psi(x) = log x - 1/(2x) + O(1/x^2), so that term j is -j/N.",
    r"\approx",
)  # fmt: skip
