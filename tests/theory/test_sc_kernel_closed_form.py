"""Closed forms of kernel loops: one model back, equal stages, independent draws."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from sc_reference import read
from scipy.integrate import quad
from scipy.optimize import brentq
from scipy.stats import norm

from theory.error_propagation.population_kde import kde_law
from theory.mixing import fixed_mixture, latest
from theory.mixtures import gaussian_mixture
from theory.self_consuming.kernel_density.closed_form import (
    limit_characteristic,
    mean_density,
    second_moment,
    smoothing_ages,
    standard_normal_tv,
    tv_threshold,
    variance_density,
)
from theory.self_consuming.kernel_density.grid import loop_grid
from theory.self_consuming.kernel_density.loop import kernel_loop
from theory.self_consuming.phase_transition import threshold_v1
from theory.validation import InputError

NORMAL = gaussian_mixture([1.0], [0.0], 1.0)
TWO = gaussian_mixture([0.3, 0.7], [-1.5, 1.0], [0.3, 0.6])


@pytest.fixture(scope="session")
def rows(spec_dir):
    return read(spec_dir) or pytest.skip("no self_consuming.md among the references")


def at_mixture(lam, models, n=100.0):
    N = n * (1.0 + lam)
    return standard_normal_tv(lam / (1.0 + lam), 1.06 * N**-0.2, N, models)


def test_total_variation_matches_the_reference(rows):
    for row in rows["kde_iid"]:
        tv = standard_normal_tv(row["beta"], row["h"], row["N"], row["i"])
        assert tv.lower == pytest.approx(row["tv_mean"], rel=1e-10)
        assert tv.prediction == pytest.approx(row["tv_gauss"], rel=1e-7)
        assert tv.upper == pytest.approx(row["tv_upper"], rel=1e-7)


def test_the_curve_over_synthetic_amounts_matches_the_reference(rows):
    curve = rows["kde_phase_curve"]
    lams = jnp.array([float(row["lam"]) for row in curve["rows"]])
    tv = jax.jit(jax.vmap(lambda lam: at_mixture(lam, curve["i_models"])))(lams)
    for field, key in (
        ("lower", "tv_mean"),
        ("prediction", "tv_gauss"),
        ("upper", "tv_upper"),
    ):
        expected = [row[key] for row in curve["rows"]]
        np.testing.assert_allclose(getattr(tv, field), expected, rtol=1e-7)


@pytest.mark.parametrize(
    ("field", "key"), [("lower", "tv_mean"), ("prediction", "tv_gauss")]
)
def test_peaks_match_the_reference(rows, field, key):
    curve = rows["kde_phase_curve"]
    lam, height = tv_threshold(curve["n"], curve["i_models"], curve["c"], field)
    peak = curve["peaks"][key]
    assert lam == pytest.approx(peak["lambda_star"], rel=1e-4)
    assert height == pytest.approx(peak["value"], rel=1e-7)


def test_back_at_no_synthetic_data():
    """The amounts printed in the specification, one decimal."""
    for models, expected in ((20, 347.6), (10, 58.5)):
        curve = jax.jit(lambda lam, g=models: at_mixture(lam, g).prediction)
        level = curve(0.0)
        found = brentq(lambda lam, f=curve, z=level: float(f(lam) - z), 30.0, 900.0)
        assert found == pytest.approx(expected, abs=0.06)
    assert curve(1000.0) < level


def test_second_moments_match_the_reference_and_peak_where_the_bound_does(rows):
    for row in rows["kde_iid"]:
        scheme = latest(1.0 - row["beta"], row["i"], float(row["N"]))
        found = second_moment(scheme, row["h"])
        assert found == pytest.approx(row["second_moment"], rel=1e-10)
    curve = rows["kde_phase_curve"]

    def moment(lam):
        scheme = fixed_mixture(100.0, 100.0 * lam, 20)
        return float(second_moment(scheme, 1.06 * (100.0 * (1.0 + lam)) ** -0.2))

    for row in curve["rows"]:
        assert moment(row["lam"]) == pytest.approx(row["second_moment"], rel=1e-10)
    peak = threshold_v1(20, 0.4)
    assert peak == pytest.approx(curve["second_moment_peak_lambda"], rel=1e-10)
    assert moment(peak) > max(moment(0.99 * peak), moment(1.01 * peak))


@pytest.mark.parametrize(("synthetic", "models"), [(1.0, 5), (0.75, 6), (0.0, 3)])
def test_mean_and_variance_are_those_of_the_recursion(synthetic, models):
    """Against transforms on a grid, at a real law of two modes."""
    grid = loop_grid(TWO, 0.4, models)
    loop = kernel_loop(latest(1.0 - synthetic, models, 80.0), 0.4, TWO, grid, "iid")
    x = grid.x
    mean = mean_density(TWO, synthetic, 0.4, models, x)
    variance = variance_density(TWO, synthetic, 0.4, 80.0, models, x)
    np.testing.assert_allclose(loop.means[-1], mean, atol=1e-13)
    np.testing.assert_allclose(loop.variances[-1], variance, atol=1e-15)


def test_mean_density_is_the_mixture_over_ages_of_the_other_theory():
    x = jnp.linspace(-4.0, 4.0, 33)
    law = kde_law(TWO, 0.3, 0.4**2, 0.0, 7)
    expected = np.exp(law.log_density(x[:, None]))
    np.testing.assert_allclose(mean_density(TWO, 0.7, 0.4, 7, x), expected, rtol=1e-12)


def test_ages_are_probabilities():
    ages = smoothing_ages(0.6, 9)
    np.testing.assert_allclose(jnp.sum(ages, axis=1), 1.0, rtol=1e-14)
    np.testing.assert_allclose(ages[-1, :3], [0.4, 0.24, 0.144], rtol=1e-14)
    np.testing.assert_allclose(smoothing_ages(1.0, 4), np.eye(4))
    np.testing.assert_allclose(smoothing_ages(0.0, 4)[:, 0], 1.0)


def test_total_variation_by_adaptive_quadrature():
    beta, h, N, models = 0.8, 0.3, 300.0, 4
    tv = standard_normal_tv(beta, h, N, models)
    x = jnp.linspace(-14.0, 14.0, 56_001)
    b = np.asarray(mean_density(NORMAL, beta, h, models, x)) - norm.pdf(np.asarray(x))
    v = np.asarray(variance_density(NORMAL, beta, h, N, models, x))
    assert 0.5 * np.abs(b).sum() * 5e-4 == pytest.approx(float(tv.lower), rel=1e-6)
    upper = 0.5 * np.sqrt(b**2 + np.maximum(v, 0)).sum() * 5e-4
    assert upper == pytest.approx(float(tv.upper), rel=1e-7)
    assert tv.lower < tv.prediction < tv.upper


@pytest.mark.parametrize("alpha", [0.05, 0.4, 1.0])
def test_the_mean_forgets_how_often_it_was_smoothed(alpha):
    w = jnp.linspace(0.0, 8.0, 33)
    phi0 = jnp.exp(-0.5 * w**2) + 0.0j
    ages = smoothing_ages(1.0 - alpha, 900)[-1]
    kappa = jnp.exp(-0.5 * (0.3 * w) ** 2)
    powers = kappa[None, :] ** (jnp.arange(900.0)[:, None] + 1.0)
    limit = limit_characteristic(phi0, alpha, 0.3, w)
    np.testing.assert_allclose(limit, phi0 * (ages @ powers), atol=1e-13)
    assert limit[0] == pytest.approx(1.0)


def test_the_limit_law_has_the_geometric_variance():
    """sigma_0^2 + h^2/alpha, from the curvature of the characteristic function at 0."""
    step = 1e-3
    at = jnp.array([0.0, step])
    phi = limit_characteristic(jnp.exp(-0.5 * at**2) + 0.0j, 0.2, 0.5, at)
    assert -2.0 * (phi[1].real - 1.0) / step**2 == pytest.approx(2.25, rel=1e-5)


def test_one_model_is_the_textbook_kernel_density():
    h, N, x = 0.35, 200.0, 0.7
    kernel = lambda y, power: norm.pdf(x - y, scale=h) ** power * norm.pdf(y)
    mean = quad(lambda y: kernel(y, 1), -12, 12, points=[x])[0]
    square = quad(lambda y: kernel(y, 2), -12, 12, points=[x])[0]
    at = jnp.array([x])
    assert mean_density(NORMAL, 0.5, h, 1, at)[0] == pytest.approx(mean, rel=1e-9)
    found = variance_density(NORMAL, 0.5, h, N, 1, at)[0]
    assert found == pytest.approx((square - mean**2) / N, rel=1e-9)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: tv_threshold(0.0, 5), "n must be positive"),
        (lambda: tv_threshold(100.0, 1), "models must be >= 2"),
        (lambda: tv_threshold(100.0, 5, curve="mean"), "curve must be 'lower'"),
    ],
)
def test_thresholds_that_cannot_be_meant_are_refused(call, message):
    with pytest.raises(InputError, match=message):
        call()
