r"""Relations of memorisation: what copying and refitting take from a training set.

Two of N points have one ancestor with a chance that fresh data hold down,
:math:`F_N = F^\ast(1-\rho^N)`; a Gaussian refitted to N of its own samples loses
:math:`\approx d(d+1)/(4N)` nats a generation.
"""

import numpy as np

from theory.claims import Kind
from theory.memorization.gaussian_refit import refit_entropy_step
from theory.memorization.genealogy import fresh_shared_ancestor
from theory.planning.relations import Relation

__all__ = ["RELATIONS"]

PAPER = "memorization"


def _kinship(generations, alpha, points):
    return np.asarray(fresh_shared_ancestor(round(points), float(alpha), generations))


def _refit(generations, points, dim):
    if points < dim + 2:
        return np.full(generations, np.inf)  # the covariance is singular
    loss = -float(refit_entropy_step(int(dim), float(points)))
    return loss * np.arange(1.0, generations + 1.0)


RELATIONS = (
    Relation(
        "copying-kinship",
        PAPER,
        "derived, exact for every N",
        "kinship",
        Kind.EXACT,
        "mean over runs of a model that returns copies of its training points",
        ("each of N points is real with chance alpha, else a copy of the last N",),
        ("alpha", "points"),
        _kinship,
        ranges={"points": (2, 1e9)},
    ),
    Relation(
        "refit-entropy",
        PAPER,
        "derived, exact for every N > d",
        "entropy",
        Kind.EXACT,
        "mean over runs of a Gaussian refitted to its own samples alone",
        (
            "Gaussian data of full rank in d dimensions, no fresh data",
            "sample covariance with divisor N - 1",
        ),
        ("points", "dim"),
        _refit,
        ranges={"points": (3, 1e9), "dim": (1, 2000)},
        excludes=("alpha", "n", "m"),
    ),
)
