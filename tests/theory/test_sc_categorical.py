"""Categorical loops: exact chains against brute force, moments and stored rows."""

import numpy as np
import pytest
from sc_reference import read
from scipy.stats import binom

from theory.mixing import accumulate, fully_synthetic, latest
from theory.self_consuming.categorical import (
    category_law,
    category_moments,
    expected_tv,
    fixed_fraction_variance,
    small_noise_deviation,
)
from theory.self_consuming.gaussian_mle import mean_square_iid
from theory.self_consuming.spectral_filter import minimax_bias
from theory.validation import InputError

EXACT = 1e-10


@pytest.fixture(scope="session")
def rows(spec_dir):
    return read(spec_dir) or pytest.skip("no self_consuming.md among the references")


def test_stored_chains(rows):
    for row in rows["categorical"]:
        scheme = latest(row["alpha"], row["i"], row["N"])
        law = category_law(row["p"], scheme, row["kappa"], row["K"])
        found = law.mean, law.variance, law.mean_abs_dev, law.lost
        stored = [row[k] for k in ("mean", "var", "mean_abs_dev", "p_zero")]
        assert [float(x[-1]) for x in found] == pytest.approx(stored, rel=EXACT)
        mean, var = category_moments(row["p"], scheme, row["kappa"], row["K"])
        assert float(mean[-1]) == pytest.approx(row["mean"], rel=EXACT)
        assert float(var[-1]) == pytest.approx(row["var"], rel=EXACT)


def test_minimax_estimator_has_the_phase_transition(rows):
    table = rows["minimax_binomial_phase"]
    n, G, p = table["n"], table["i_models"], table["p"]
    for row in table["rows"][::3]:
        lam, N = row["lam"], row["N"]
        law = category_law(p, latest(1 / (1 + lam), G, N), np.sqrt(N) / 2)
        assert float(law.mean_abs_dev[-1]) == pytest.approx(row["ETV"], rel=EXACT)
        assert float(law.variance[-1]) ** 0.5 == pytest.approx(row["sd"], rel=EXACT)
        bias = abs(float(law.mean[-1]) - p)
        assert bias == pytest.approx(row["bias_tv"], rel=EXACT)
    for row in table["rows"]:
        bias = float(minimax_bias((p, 1 - p), n, row["lam"], G))
        assert bias == pytest.approx(row["bias_tv"], rel=EXACT)


def test_the_chain_is_the_product_of_its_transition_matrices():
    """Another algorithm: scipy's binomial, dense matrices, sizes that change."""
    p, alpha, sizes, kappa = 0.3, np.array([1.0, 0.4, 0.0, 0.7]), [6, 9, 4, 7], 0.5
    law = category_law(p, latest(alpha, 4, sizes), kappa, 3)
    mass, value = np.ones(1), np.zeros(1)
    for s, N in enumerate(sizes):
        chance = alpha[s] * p + (1 - alpha[s]) * value
        mass = mass @ binom.pmf(np.arange(N + 1), N, chance[:, None])
        value = (np.arange(N + 1) + kappa) / (N + 3 * kappa)
        np.testing.assert_allclose(law.mass[s, : N + 1], mass, rtol=1e-11, atol=1e-15)
        np.testing.assert_allclose(law.values[s, : N + 1], value, rtol=1e-14)
        assert not np.any(law.mass[s, N + 1 :])


def test_total_variation_over_categories_against_drawn_loops():
    p, scheme, kappa, runs = (
        np.array([0.5, 0.25, 0.25]),
        latest(0.3, 4, 20.0),
        1.0,
        4000,
    )
    exact = np.asarray(expected_tv(p, scheme, kappa))
    rng, model = np.random.default_rng(1), np.tile(p, (runs, 1))
    for s in range(4):
        q = p if s == 0 else 0.3 * p + 0.7 * model
        model = (rng.multinomial(20, q, size=runs if s == 0 else None) + kappa) / 23.0
        tv = 0.5 * np.abs(model - p).sum(axis=1)
        se = tv.std() / np.sqrt(runs)
        assert abs(tv.mean() - exact[s]) < 4 * se
        assert abs(tv.mean() - 1.1 * exact[s]) > 4 * se


def test_variances_in_closed_form():
    p, N, G = 0.2, 30.0, 9
    for alpha in (0.0, 0.25, 1.0):
        _, recursion = category_moments(p, latest(alpha, G, N))
        closed = fixed_fraction_variance(p, alpha, N, G)
        np.testing.assert_allclose(closed, recursion, rtol=1e-12)
        # the Gaussian's mean and a frequency obey the same recursion
        gaussian = p * (1 - p) * mean_square_iid(latest(alpha, G, N))
        np.testing.assert_allclose(gaussian, recursion, rtol=1e-12)
    i = np.arange(1, G + 1)
    collapse = p * (1 - p) * (1 - (1 - 1 / N) ** i)
    np.testing.assert_allclose(fixed_fraction_variance(p, 0.0, N, G), collapse)


def test_small_noise_is_nearly_gaussian_and_large_noise_is_not():
    many = category_law(0.3, latest(0.5, 3, 1000))
    predicted = small_noise_deviation(0.0, many.variance)
    np.testing.assert_allclose(predicted, many.mean_abs_dev, rtol=1e-3)
    np.testing.assert_allclose(
        predicted, np.sqrt(2 * many.variance / np.pi), rtol=1e-12
    )
    few = category_law(0.05, fully_synthetic(10, 20))
    off = small_noise_deviation(0.0, few.variance[-1]) / few.mean_abs_dev[-1]
    assert off > 1.1


def test_a_category_once_lost_stays_lost():
    lost = category_law(0.05, fully_synthetic(12, 15)).lost
    assert (np.diff(lost) > 0).all()
    assert float(lost[0]) == pytest.approx(0.95**15)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: category_law(1.2, latest(0.5, 3, 5)), r"p must be in \[0, 1\]"),
        (
            lambda: category_law(0.2, accumulate(3, 5)),
            "shares of models other than the latest must be in",
        ),
        (lambda: category_law(0.2, latest(0.5, 3, 5.5)), "sizes must be whole"),
        (lambda: category_law(0.2, latest(0.5, 3, 5), categories=1), "categories must"),
        (lambda: category_law(0.2, latest(0.5, 3, 5), -1.0), "pseudo must be in"),
        (lambda: expected_tv([0.5, 0.4], latest(0.5, 3, 5)), "p must be summing to 1"),
    ],
)
def test_what_has_no_chain_is_refused(call, message):
    with pytest.raises(InputError, match=message):
        call()
