"""Theory against simulation on every kind of target, by the exact chain of overlaps."""

import jax
import jax.random as jr
import numpy as np
import pytest

from figures.autoencoder.chains import run_chains
from sim.targets import digits
from theory.autoencoder.averages import midpoint, sobol
from theory.autoencoder.learning import learning_curve
from theory.denoiser import initial_overlaps, training
from theory.structured import curve, empirical_mixture, structured_mixture

TAU, RECORDS, SEEDS = 1.0, 4, 64
ANGLES = 2 * np.pi * np.arange(48) / 48


def digit_classes():
    """Spectrum and class means of digits 0 and 1, twelve components, unit variance."""
    from sklearn.datasets import load_digits

    labels = load_digits().target
    few = labels < 2
    x = np.asarray(digits(12).images, dtype=np.float64)[few]
    x = (x - x.mean(axis=0)) / x.std()
    return empirical_mixture(x / 2.0, labels[few])[0]


TARGETS = {
    "two eigenvalues": (
        lambda: structured_mixture(
            [0.5, 0.5], [[[2.0], [-1.0]], [[0.5], [1.0]]], [0.4, 1.3], [0.25, 0.75]
        ),
        240,
        "tanh",
    ),
    "unlike clusters": (
        lambda: structured_mixture(
            [0.7, 0.3], [[[2.0], [-2.0]], [[0.0], [0.5]]],
            [[0.3, 1.0], [1.2, 0.6]], [0.5, 0.5],
        ),
        200,
        "erf",
    ),
    "ring": (
        lambda: curve(2.5 * np.stack([np.cos(ANGLES), np.sin(ANGLES)], axis=1), None, 0.5),
        200,
        "tanh",
    ),
    "digits": (digit_classes, 12 * 25, "softplus"),
}  # fmt: skip


def both(name):
    """Theory's M and Q at the end, the simulated ones seed by seed, and the dimension."""
    make, dim, sigma = TARGETS[name]
    data, tr = make(), training(alpha=0.4, beta=0.6, activation=sigma, decay=0.2)
    C = 0.2 * np.eye(2)
    start = initial_overlaps(data, C)
    theory = jax.jit(
        lambda: learning_curve(data, tr, start, TAU, midpoint(2, 28), RECORDS, 10)
    )()
    keys = jr.split(jr.key(3), SEEDS)
    history = run_chains(data, tr, C, dim, TAU, RECORDS, keys)
    last = [np.asarray(v)[:, -1].reshape(SEEDS, -1) for v in (history.M, history.Q)]
    rows = np.concatenate(last, axis=1)
    expected = np.concatenate([np.ravel(theory.M[-1]), np.ravel(theory.Q[-1])])
    return expected, rows, dim


@pytest.mark.parametrize("name", TARGETS)
def test_means_over_seeds_follow_the_theory(name):
    expected, rows, dim = both(name)
    error = rows.std(axis=0, ddof=1) / np.sqrt(SEEDS)
    gap = np.abs(rows.mean(axis=0) - expected)
    allowed = 4 * error + 10.0 / dim  # the bias of order 1/d
    assert (gap < allowed).all()
    assert np.abs(expected).max() > 10 * allowed.max()  # and that is little


def test_a_law_with_another_spectrum_is_told_apart():
    _, rows, dim = both("two eigenvalues")
    tr = training(alpha=0.4, beta=0.6, decay=0.2)
    swapped = structured_mixture(
        [0.5, 0.5], [[[2.0], [-1.0]], [[0.5], [1.0]]], [1.3, 0.4], [0.25, 0.75]
    )
    start = initial_overlaps(swapped, 0.2 * np.eye(2))
    other = learning_curve(swapped, tr, start, TAU, sobol(2, 2**10), RECORDS, 10)
    wrong = np.concatenate([np.ravel(other.M[-1]), np.ravel(other.Q[-1])])
    error = rows.std(axis=0, ddof=1) / np.sqrt(SEEDS)
    assert (np.abs(rows.mean(axis=0) - wrong) > 4 * error + 10.0 / dim).any()
