"""Loops whose regime is known, as points in memory."""

from pathlib import Path

import numpy as np

from figures.audit.audited import Audit, audited
from figures.audit.reading import Loop, Setup

__all__ = ["audit_of", "copying", "refitted", "smoothed", "still"]


def still(rng, generations=8, points=400, dim=3):
    """Every generation is real data."""
    return [rng.standard_normal((points, dim)) for _ in range(generations)]


def refitted(
    rng, generations=12, n=100, points=600, dim=3, alpha=0.0, bias=0.0
) -> tuple[list, list]:
    """A Gaussian fitted to n points, alpha of them fresh; its mean errs by `bias`.

    Returns training sets, and samples that no model sees.
    """
    mean, cov, train, samples = np.zeros(dim), np.eye(dim), [], []
    for g in range(generations):
        fresh = round(alpha * n) if g else n
        old = rng.multivariate_normal(mean, cov, n - fresh)
        data = np.concatenate([rng.standard_normal((fresh, dim)), old])
        mean, cov = data.mean(axis=0) + bias, np.cov(data, rowvar=False)
        train.append(data)
        samples.append(rng.multivariate_normal(mean, cov, points))
    return train, samples


def smoothed(rng, width, generations=8, n=200, points=400, dim=3) -> tuple[list, list]:
    """Training points drawn again with noise of that width; the loop copies where it is 0."""
    data, train, samples = rng.standard_normal((n, dim)), [], []
    for _ in range(generations):
        again = lambda k, of: of[rng.integers(len(of), size=k)]
        noise = lambda k: width * rng.standard_normal((k, dim))
        train.append(data)
        samples.append(again(points, data) + noise(points))
        data = again(n, data) + noise(n)
    return train, samples


def copying(rng, **sizes) -> tuple[list, list]:
    """Every model draws its training points again."""
    return smoothed(rng, 0.0, **sizes)


def audit_of(real, samples, train=(), held_out=None, **settings) -> Audit:
    """Audit points in memory; files are named, not read."""
    files = lambda sets: tuple(Path(f"{k}.npy") for k, _ in enumerate(sets))
    setup = Setup(Path("real.npy"), files(samples), files(train), **settings)
    return audited(setup, Loop(real, tuple(samples), tuple(train), held_out))
