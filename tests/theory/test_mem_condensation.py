"""Condensation of the empirical score: closed forms, the clock, and posterior weights."""

import jax.numpy as jnp
import numpy as np
import pytest

from theory.memorization.condensation import (
    condensation_noise,
    condensation_noise_of,
    condensation_time,
    mutual_information,
)
from theory.processes import ou
from theory.validation import InputError

EXACT = 1e-9
SIZES = [(16, 256), (64, 1024), (8, 256), (2, 2), (3072, 50_000)]


def test_reference_values():
    """Specification, Sec. 11."""
    assert float(condensation_noise(256, 16)) == pytest.approx(1.0, rel=EXACT)
    found = float(condensation_noise(1024, 64))
    assert found == pytest.approx(2.033386519822833, rel=EXACT)


@pytest.mark.parametrize(("dim", "points"), SIZES)
def test_information_there_is_the_log_of_the_number_of_points(dim, points):
    sigma = condensation_noise(points, dim)
    information = float(mutual_information(sigma, np.ones(dim)))
    assert information == pytest.approx(np.log(points), rel=1e-12)
    # the determinant of the noised covariance over that of the noise, another way
    v = np.linspace(0.1, 2.0, 5)
    ratio = np.linalg.slogdet(np.diag(v) / 0.3**2 + np.eye(5))[1]
    assert float(mutual_information(0.3, v)) == pytest.approx(0.5 * ratio, rel=1e-12)
    many = mutual_information(jnp.array([0.3, 0.6]), v)
    assert many.shape == (2,)
    assert float(many[1]) < float(many[0])


@pytest.mark.parametrize(("dim", "points"), SIZES)
def test_the_time_is_in_the_clock_of_this_ou(dim, points):
    t, process = condensation_time(points, dim), ou()
    relative = process.variance(t) / process.mean_factor(t) ** 2
    expected = float(condensation_noise(points, dim)) ** 2
    assert float(relative) == pytest.approx(expected, rel=1e-12)
    # the specification's 0.5 log(1 + 1/(N^(2/d) - 1)) is the clock dX = -X dt + sqrt(2) dB
    half = 0.5 * np.log1p(1 / np.expm1(2 / dim * np.log(points)))
    assert float(t) == pytest.approx(2 * half, rel=1e-12)
    assert (
        float(process.variance(half) / process.mean_factor(half) ** 2) < 0.8 * expected
    )


def test_other_covariances():
    v = np.geomspace(0.02, 1.5, 16)
    sigma = condensation_noise_of(256, v)
    assert float(mutual_information(sigma, v)) == pytest.approx(np.log(256), rel=1e-12)
    scaled = condensation_noise_of(256, np.full(16, 0.25))
    assert scaled == pytest.approx(0.5 * float(condensation_noise(256, 16)), rel=1e-12)
    assert 0.02**0.5 < sigma < 1.5**0.5


@pytest.mark.parametrize(("dim", "points"), SIZES[:3])
def test_posterior_over_the_training_points_condenses_there(dim, points):
    """Largest weights at sigma_c/2, sigma_c and 3 sigma_c: specification, Sec. 8.5."""
    rng = np.random.default_rng(0)
    sigma_c, largest = float(condensation_noise(points, dim)), []
    for sigma in sigma_c * np.array([0.5, 1.0, 3.0]):
        data = rng.standard_normal((200, points, dim))
        x = data[:, :1] + sigma * rng.standard_normal((200, 1, dim))
        log_weight = -0.5 * np.sum((x - data) ** 2, axis=2) / sigma**2
        weight = np.exp(log_weight - log_weight.max(1, keepdims=True))
        largest.append(np.mean(weight.max(1) / weight.sum(1)))
    assert largest[0] > 0.95
    assert 0.5 < largest[1] < 0.8
    assert largest[2] < 0.15


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: condensation_noise(1, 4), r"points must be in \[2, 1e\+09\], got 1"),
        (lambda: condensation_noise(np.nan, 4), "points must be in .*, got nan"),
        (lambda: condensation_noise(9, 0.5), "dim must be in .*, got 0.5"),
        (lambda: condensation_time(0, 4), "points must be in .*, got 0"),
        (lambda: condensation_time(9, np.nan), "dim must be in .*, got nan"),
        (lambda: condensation_noise_of(1, [1.0]), "points must be in"),
        (lambda: condensation_noise_of(9, [1.0, 0.0]), "variances must be positive"),
        (
            lambda: condensation_noise_of(9, [[1.0]]),
            r"variances must be of shape \(d,\)",
        ),
        (lambda: mutual_information(0.0, [1.0]), "noise must be positive and finite"),
        (lambda: mutual_information(1.0, [np.nan]), "variances must be positive"),
    ],
)
def test_bad_input_is_refused_in_one_line(call, message):
    with pytest.raises(InputError, match=message) as refused:
        call()
    assert "\n" not in str(refused.value)
