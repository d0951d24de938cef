r"""How many points a stage needs: by the exact prediction, by what is rigorous, by the bound.

A kernel loop on N(0, 1) with n points at its first stage has mean TV :math:`D_i(n)`, known
up to a bracket; n is needed where a curve of it falls to the target. Curves are tabulated on
a ladder of n and inverted by monotone interpolation of log n in log TV.
"""

from collections.abc import Sequence
from typing import NamedTuple

import jax
import numpy as np
from scipy.interpolate import PchipInterpolator
from scipy.optimize import brentq

from figures.self_consuming.kernel_theory import predictions
from figures.self_consuming.schemes import Scheme, bandwidths
from theory.self_consuming.kernel_density.closed_form import standard_normal_tv

__all__ = ["RATE", "Ladder", "ladder", "needed", "one_model"]

RATE = 0.4
"""of kernel densities on the line"""
RUNGS = 8
ROOM = 2.2
"""Beyond what the rate asks for: the upper companion needs more."""


class Ladder(NamedTuple):
    """Curves over n: `prediction` and `upper` of every model."""

    n: np.ndarray
    """(schemes, rungs)"""
    prediction: np.ndarray
    """(schemes, rungs, models)"""
    upper: np.ndarray
    """(schemes, rungs, models)"""


def one_model(target: float, constant: float) -> float:
    """Points at which one kernel density has a mean TV of `target`, by prediction."""
    tv = jax.jit(lambda n: standard_normal_tv(1.0, constant * n**-0.2, n, 1).prediction)
    gap = lambda log_n: np.log(float(tv(np.exp(log_n))) / target)
    return float(np.exp(brentq(gap, np.log(2.0), np.log(1e7))))


def ladder(
    chosen: Sequence[Scheme], models: int, target: float, constant: float
) -> Ladder:
    """Curves of some schemes from the points of one model to what the rate asks for.

    Args:
        chosen: schemes.
        models: the longest loop.
        target: total variation.
        constant: c of the bandwidth.
    """
    low = one_model(target, constant)
    length = np.array([scheme.factor(models, RATE).value for scheme in chosen])
    step = np.linspace(0.0, 1.0, RUNGS)
    n = 0.8 * low * (ROOM / 0.8 * length[:, None] ** (1.0 / RATE)) ** step[None]
    loops = [
        s.schedule(models, v) for s, row in zip(chosen, n, strict=True) for v in row
    ]
    h = np.stack([bandwidths(loop, constant) for loop in loops])
    found = predictions(loops, h)
    shape = (*n.shape, models)
    return Ladder(n, *(found[k].values.reshape(shape) for k in ("prediction", "upper")))


def needed(n: np.ndarray, tv: np.ndarray, target: float) -> np.ndarray:
    """Points at which `tv` (rungs, models) is at `target`, for each number of models."""
    log_tv = np.log(np.maximum.accumulate(tv[::-1], axis=0))  # rising, from large n on
    inverse = [PchipInterpolator(row, np.log(n[::-1])) for row in log_tv.T]
    return np.exp([float(f(np.log(target))) for f in inverse])
