"""Nearest distances and their entropy by SciPy: nothing here comes from the package."""

import numpy as np
from scipy.spatial import cKDTree
from scipy.special import digamma, gammaln

__all__ = ["estimate", "mean_and_error", "spacing", "to_nearest"]


def spacing(points):
    """Distance of each point to the nearest other one."""
    return cKDTree(points).query(points, k=2)[0][:, 1]


def to_nearest(x, points, **box):
    """Distance of each row of x to the nearest of the points."""
    return cKDTree(points, **box).query(x)[0]


def estimate(points, floor=1e-10):
    """Kozachenko-Leonenko, k = 1."""
    n, d = points.shape
    log_ball = 0.5 * d * np.log(np.pi) - gammaln(0.5 * d + 1)
    logs = np.log(np.maximum(spacing(points), floor))
    return digamma(n) - digamma(1) + log_ball + d * logs.mean()


def mean_and_error(draws):
    """Mean over the first axis, and its standard error."""
    draws = np.asarray(draws, float)
    return draws.mean(0), draws.std(0, ddof=1) / np.sqrt(len(draws))
