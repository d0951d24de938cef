"""Gaussian fits compared: divergence, widest direction, their errors."""

import numpy as np
import pytest
from scipy.linalg import eigh

from sim.measures.gaussian_fits import kl_of_fits, widest_ratio
from theory.divergence import kl_gaussian
from theory.validation import InputError


def two_samples(seed=0, n=200):
    x, y = np.random.default_rng(seed).standard_normal((2, n, 3))
    return x * [1.0, 2.0, 1.0] + 0.2, y


def test_values_are_those_of_the_fitted_moments():
    x, y = two_samples()
    cov_x, cov_y = (np.cov(a, rowvar=False) for a in (x, y))
    expected = kl_gaussian(x.mean(0), cov_x, y.mean(0), cov_y)
    assert float(kl_of_fits(x, y).value) == pytest.approx(float(expected), rel=1e-12)
    widest = eigh(cov_x, cov_y, eigvals_only=True)[-1]
    assert float(widest_ratio(x, y).value) == pytest.approx(widest, rel=1e-9)


def test_both_are_free_of_the_coordinates():
    x, y = two_samples()
    A = np.random.default_rng(1).standard_normal((3, 3))
    for way in (kl_of_fits, widest_ratio):
        turned = way(x @ A + 1.0, y @ A + 1.0)
        np.testing.assert_allclose(turned.value, way(x, y).value, rtol=1e-8)


def test_the_error_is_that_of_repeated_samples():
    _, y = two_samples()
    found = [kl_of_fits(two_samples(seed)[0], y) for seed in range(1, 40)]
    values, errors = np.array([[float(a) for a in f] for f in found]).T
    assert 0.7 < np.mean(errors) / np.std(values) < 1.5


def test_one_coordinate_will_do():
    x, y = (a[:, 1:2] for a in two_samples())
    ratio = np.var(x, ddof=1) / np.var(y, ddof=1)
    assert float(widest_ratio(x, y).value) == pytest.approx(ratio, rel=1e-12)


def test_singular_fits_are_refused():
    x = np.zeros((10, 10))
    with pytest.raises(InputError, match="more than 10 points"):
        kl_of_fits(x, x)
    with pytest.raises(InputError, match="multiple of 10"):
        kl_of_fits(np.ones((25, 2)), np.ones((25, 2)))
