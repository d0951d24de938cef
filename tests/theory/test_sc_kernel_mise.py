"""Exact integrated squared errors of kernel loops, frequency by frequency."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from sc_reference import read
from scipy.integrate import quad

from theory.mixing import accumulate, fully_synthetic, latest, schedule
from theory.mixtures import gaussian_mixture
from theory.self_consuming.kernel_density.grid import loop_grid
from theory.self_consuming.kernel_density.loop import kernel_loop
from theory.self_consuming.kernel_density.mise import (
    fixed_mixture_mise,
    fully_synthetic_mise,
    iid_mise,
    latest_mise,
)
from theory.self_consuming.kernel_density.total_variation import (
    integrated_squared_error,
)
from theory.validation import InputError

NORMAL = gaussian_mixture([1.0], [0.0], 1.0)
TWO = gaussian_mixture([0.3, 0.7], [-1.5, 1.0], [0.3, 0.6])


@pytest.fixture(scope="session")
def rows(spec_dir):
    return read(spec_dir) or pytest.skip("no self_consuming.md among the references")


def test_bias_and_variance_match_the_reference(rows):
    for row in rows["kde_iid"]:
        scheme = latest(1.0 - row["beta"], row["i"], float(row["N"]))
        grid = loop_grid(NORMAL, row["h"], row["i"])
        for path in (iid_mise, latest_mise):
            found = path(scheme, row["h"], NORMAL, grid)
            assert found.bias[-1] == pytest.approx(row["ib2"], rel=1e-10)
            assert found.variance[-1] == pytest.approx(row["iv"], rel=1e-10)
            assert found.total[-1] == pytest.approx(row["mise"], rel=1e-10)


def test_the_curve_over_synthetic_amounts_matches_the_reference(rows):
    curve = rows["kde_phase_curve"]
    for row in curve["rows"]:
        lam, models = row["lam"], curve["i_models"]
        scheme = latest(1.0 / (1.0 + lam), models, 100.0 * (1.0 + lam))
        grid = loop_grid(NORMAL, row["h"], models)
        found = latest_mise(scheme, row["h"], NORMAL, grid).total[-1]
        assert found == pytest.approx(row["mise"], rel=1e-10)


def test_an_adaptive_schedule_matches_the_reference(rows):
    ref, s = rows["kde_adaptive_mise"], np.arange(7)
    beta = np.tril(2.0 * (s[None] + 1) / ((s[:, None] + 1) * (s[:, None] + 2)), -1)
    scheme = schedule(2.0 / (s + 2.0), beta, float(ref["N"]))
    found = iid_mise(scheme, ref["h"], NORMAL, loop_grid(NORMAL, ref["h"], 7))
    np.testing.assert_allclose(found.total, ref["mise"], rtol=1e-10)


@pytest.mark.parametrize("protocol", ["fresh", "reused"])
def test_fixed_counts_match_the_reference(rows, protocol):
    for row in rows["kde_mise"]:
        h = np.where(np.arange(row["i"]) == 0, row["h1"], row["h"])
        grid = loop_grid(NORMAL, h, row["i"])
        found = fixed_mixture_mise(row["n"], row["m"], h, NORMAL, grid, protocol)
        assert found.total[-1] == pytest.approx(row[protocol], rel=1e-10)


def test_fully_synthetic_closed_form(rows):
    for row in rows["loop_bw_full_synthetic"]:
        for h, key in (
            (row["h_star"], "mise_star"),
            (row["h_amise"], "mise_at_h_amise"),
        ):
            found = fully_synthetic_mise(row["N"], h, row["i"])
            assert found == pytest.approx(row[key], rel=1e-10)
    for models in (1, 6):
        scheme = fully_synthetic(models, 150.0)
        exact = iid_mise(scheme, 0.3, NORMAL, loop_grid(NORMAL, 0.3, models))
        closed = fully_synthetic_mise(150.0, 0.3, models)
        assert closed == pytest.approx(float(exact.total[-1]), rel=1e-11)


def test_any_schedule_and_real_law_agree_with_the_pointwise_variance():
    scheme = accumulate(6, 30.0 * (1 + np.arange(6)))
    h = 1.06 * np.asarray(scheme.sizes) ** -0.2
    grid = loop_grid(TWO, h, 6)
    loop = kernel_loop(scheme, h, TWO, grid, "iid")
    pointwise = integrated_squared_error(loop.means, loop.variances, TWO, grid)
    np.testing.assert_allclose(
        iid_mise(scheme, h, TWO, grid).total, pointwise, rtol=1e-12
    )


def test_accumulating_matches_the_simulation_of_the_specification():
    """Model 10, n_s = 100 (s + 1): .00503 exact, .00501 simulated."""
    scheme = accumulate(10, 100.0 * (1 + np.arange(10)))
    h = 1.06 * np.asarray(scheme.sizes) ** -0.2
    found = iid_mise(scheme, h, NORMAL, loop_grid(NORMAL, h, 10)).total[-1]
    assert found == pytest.approx(0.00503, abs=5e-6)


def test_one_model_by_adaptive_quadrature():
    h, N = 0.4, 120.0

    def integrand(w):
        phi = np.exp(-0.5 * w**2) * abs(0.3 * np.exp(-1.5j * w) + 0.7 * np.exp(1j * w))
        kappa = np.exp(-0.5 * (h * w) ** 2)
        return (1 - kappa) ** 2 * phi**2 + kappa**2 * (1 - phi**2) / N

    real = gaussian_mixture([0.3, 0.7], [-1.5, 1.0], 1.0)
    exact = quad(integrand, 0, 60, limit=400, epsabs=1e-14)[0] / np.pi
    grid = loop_grid(real, h, 1)
    found = iid_mise(latest(1.0, 1, N), h, real, grid).total[0]
    assert found == pytest.approx(exact, rel=1e-10)


def test_reused_real_data_are_worse_than_fresh_and_equal_without_synthetic():
    h, grid = np.full(5, 0.35), loop_grid(NORMAL, 0.35, 5)
    both = lambda m: [
        fixed_mixture_mise(60.0, m, h, NORMAL, grid, p) for p in ("fresh", "reused")
    ]
    fresh, reused = both(90.0)
    assert bool(jnp.all(fresh.variance[1:] < reused.variance[1:]))
    np.testing.assert_allclose(fresh.bias, reused.bias, rtol=1e-13)
    fresh, reused = both(0.0)
    np.testing.assert_allclose(fresh.total, reused.total, rtol=1e-12)


def test_gradients_in_the_bandwidth():
    grid = loop_grid(NORMAL, 0.3, 4)
    f = lambda h: latest_mise(latest(0.3, 4, 90.0), h, NORMAL, grid).total[-1]
    slope = jax.jit(jax.grad(f))(0.4)
    assert slope == pytest.approx(float(f(0.4001) - f(0.3999)) / 2e-4, rel=1e-5)


def test_bad_arguments_are_refused():
    grid = loop_grid(NORMAL, 0.3, 2)
    with pytest.raises(InputError, match="protocol must be 'fresh' or 'reused'"):
        fixed_mixture_mise(10.0, 5.0, np.full(2, 0.3), NORMAL, grid, "iid")
    with pytest.raises(InputError, match="bandwidths must be one for each model"):
        fixed_mixture_mise(10.0, 5.0, 0.3, NORMAL, grid, "fresh")
