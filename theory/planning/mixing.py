r"""Relations of self-consuming loops: real data and the latest model at constant shares.

Each stage has N points, a fraction alpha of them real; model 1 sees real data alone. With
:math:`\beta=1-\alpha` the stage weights are :math:`\beta^{i-s}`, so a bound from one-step
errors :math:`C N^{-r}` is :math:`C N^{-r}(1-\beta^G)/(1-\beta)`, and noises that are
independent given the past add up in quadrature.
"""

import numpy as np

from theory.claims import Kind
from theory.mixing import Schedule, latest
from theory.mixtures import gaussian_mixture
from theory.planning.relations import Relation
from theory.self_consuming.categorical import category_law
from theory.self_consuming.gaussian_mle import mean_square_iid, predicted_tv
from theory.self_consuming.kernel_density.bandwidth import kernel_rate
from theory.self_consuming.kernel_density.grid import loop_grid
from theory.self_consuming.kernel_density.loop import kernel_loop
from theory.self_consuming.kernel_density.total_variation import (
    TvPrediction,
)
from theory.self_consuming.kernel_density.total_variation import (
    predicted_tv as tv_of_moments,
)
from theory.self_consuming.weights import accumulated_bound, rate_errors

__all__ = ["RELATIONS"]

PAPER = "self_consuming"
LOOP = "each stage draws N points, real with chance alpha, else from the latest model"


def _schedule(generations: int, alpha: float, points: float) -> Schedule:
    return latest(float(alpha), generations, float(points))


def _rate(generations, alpha, points, rate, constant):
    schedule = _schedule(generations, alpha, points)
    errors = rate_errors(schedule.sizes, rate, constant)
    return np.minimum(np.asarray(accumulated_bound(schedule, errors)), 1.0)


def _dimension(generations, alpha, points, dim, constant):
    return _rate(generations, alpha, points, kernel_rate(dim), constant)


def _kernel(generations, alpha, points, bandwidth) -> TvPrediction:
    real = gaussian_mixture([1.0], [0.0], 1.0)
    grid = loop_grid(real, bandwidth, generations)
    schedule = _schedule(generations, alpha, points)
    moments = kernel_loop(schedule, bandwidth, real, grid, "iid")
    return tv_of_moments(moments.means, moments.variances, real, grid)


def _kernel_mean(generations, **known):
    return np.asarray(_kernel(generations, **known).prediction)


def _kernel_upper(generations, **known):
    return np.asarray(_kernel(generations, **known).upper)


def _gaussian(generations, alpha, points):
    mean_square = mean_square_iid(_schedule(generations, alpha, points))
    return np.asarray(predicted_tv(mean_square))


def _coverage(generations, alpha, points, modes):
    schedule = _schedule(generations, alpha, round(points))
    return 1.0 - category_law(1.0 / modes, schedule, categories=int(modes)).lost


KERNEL = (LOOP, "N(0, 1) data, Gaussian kernel density of bandwidth h")

RELATIONS = (
    Relation(
        "mixing-rate",
        PAPER,
        "after Fu et al. (derived)",
        "tv",
        Kind.RATE,
        "one-step errors C N^-r, weighted by how often they are passed on",
        (LOOP, "the constant C and the exponent r are those of the learner"),
        ("alpha", "points", "rate", "constant"),
        _rate,
        horizon=300,
    ),
    Relation(
        "mixing-dimension",
        PAPER,
        "after Fu et al. (derived), rate 2/(4 + d)",
        "tv",
        Kind.RATE,
        "the same for a kernel density of data of intrinsic dimension d",
        (LOOP, "bandwidths of order N^(-1/(4+d)); the constant C is the learner's"),
        ("alpha", "points", "dim", "constant"),
        _dimension,
        horizon=300,
    ),
    Relation(
        "mixing-kernel",
        PAPER,
        "derived",
        "tv",
        Kind.EXACT,
        "mean over runs, fluctuations taken as Gaussian at each point (0 to 3 % high)",
        KERNEL,
        ("alpha", "points", "bandwidth"),
        _kernel_mean,
        horizon=60,
        ranges={"points": (20, 1e9), "bandwidth": (0.05, 3.0)},
    ),
    Relation(
        "mixing-kernel-upper",
        PAPER,
        "derived (Jensen)",
        "tv",
        Kind.GUARANTEE,
        "the mean over runs is at most this",
        KERNEL,
        ("alpha", "points", "bandwidth"),
        _kernel_upper,
        horizon=60,
        ranges={"points": (20, 1e9), "bandwidth": (0.05, 3.0)},
    ),
    Relation(
        "mixing-gaussian",
        PAPER,
        "derived, leading order in 1/N",
        "tv",
        Kind.EXACT,
        "mean over runs of a fitted Gaussian, C_G sqrt(w/N)",
        (LOOP, "N(0, 1) data, Gaussian fitted by maximum likelihood; TV below 0.2"),
        ("alpha", "points"),
        _gaussian,
        horizon=200,
        ranges={"points": (20, 1e9)},
    ),
    Relation(
        "mixing-modes",
        PAPER,
        "derived, exact Markov chain",
        "modes",
        Kind.EXACT,
        "mean share of K equally likely modes of which the last training set has a point",
        (LOOP, "K equally likely modes, their shares estimated by their frequencies"),
        ("alpha", "points", "modes"),
        _coverage,
        horizon=200,
        ranges={"points": (2, 4096)},
    ),
)
