"""Phase transition of the bound, and exact Gaussian maximum likelihood."""

import jax.numpy as jnp
import numpy as np
import pytest
from sc_reference import read
from scipy.integrate import quad
from scipy.stats import norm

from theory.self_consuming.gaussian_mle import (
    SMALL_ERROR,
    gaussian_tv,
    mean_square_fixed_mixture,
    mean_square_iid,
    mirror,
    mirror_threshold,
    optimal_real_weight,
)
from theory.self_consuming.phase_transition import (
    asymptotic_threshold,
    break_even,
    shape_v1,
    shape_v2,
    threshold_v1,
    threshold_v2,
)
from theory.mixing import fixed_mixture, schedule
from theory.self_consuming.weights import accumulated_bound, rate_errors
from theory.validation import InputError

EXACT = 1e-10


@pytest.fixture(scope="session")
def rows(spec_dir):
    return read(spec_dir) or pytest.skip("no self_consuming.md among the references")


def test_thresholds_heights_and_break_even(rows):
    for row in rows["V1_peak"]:
        G, r = row["N_models"], row["r"]
        peak = threshold_v1(G, r)
        assert peak == pytest.approx(row["lambda_star"], rel=EXACT)
        assert float(shape_v1(peak, G, r)) == pytest.approx(row["f_star"], rel=EXACT)
        assert break_even(G, r) == pytest.approx(row["breakeven_lambda"], rel=EXACT)
    for row in rows["V2_peak"]:
        G, r = row["g"] + 1, row["r"]
        peak = threshold_v2(G, r)
        assert peak == pytest.approx(row["lambda_star"], rel=EXACT)
        assert float(shape_v2(peak, G, r)) == pytest.approx(row["f_star"], rel=EXACT)
    for row in rows["bound_values"]:
        at = row["lam"], row["N_models"], row["r"]
        assert float(shape_v1(*at)) == pytest.approx(row["f_V1"], rel=EXACT)
        v2 = row["f_V2_with_g_N_minus_1"]
        assert float(shape_v2(*at)) == pytest.approx(v2, rel=EXACT)


def test_the_threshold_is_linear_in_the_generations(rows):
    for rate, (c, d) in rows["c_r_d_r"].items():
        found = asymptotic_threshold(1000, float(rate))
        assert found[1:] == pytest.approx((c, d), rel=EXACT)
        assert threshold_v1(1000, float(rate)) == pytest.approx(found[0], rel=1e-6)


@pytest.mark.parametrize(("first", "shape"), [("V1", shape_v1), ("V2", shape_v2)])
def test_shapes_are_the_bound_of_their_schedule(first, shape):
    for lam in (0.0, 0.5, 3.0, 40.0):
        scheme = fixed_mixture(100.0, 100.0 * lam, 8, first)
        bound = accumulated_bound(scheme, rate_errors(scheme.sizes, 0.25))[-1]
        assert float(bound) * 100**0.25 == pytest.approx(float(shape(lam, 8, 0.25)))


def test_two_models_in_closed_form_and_one_model_never_rises():
    for r in (0.25, 0.4, 0.5):
        assert threshold_v1(2, r) == pytest.approx((1 - r) / (2 * r))
    falling = shape_v1(jnp.linspace(0.0, 9.0, 50), 1, 0.25)
    assert (jnp.diff(falling) < 0).all()
    assert (shape_v2(jnp.geomspace(1e-3, 1e6, 50), 8, 0.25) > 1.0).all()


def test_nothing_overflows():
    for shape in (shape_v1, shape_v2):
        assert float(shape(1e8, 1e5, 0.25)) == pytest.approx(1e5 * 1e8**-0.25, rel=1e-2)
        assert float(shape(0.0, 1e5, 0.25)) == 1.0
    with np.errstate(over="raise"):
        assert threshold_v1(10**5, 0.25) == pytest.approx(181749.67959917392)


def test_total_variation_of_gaussians(rows):
    for row in rows["tv_gauss"]:
        assert float(gaussian_tv(row["mu"], row["s"])) == pytest.approx(
            row["tv"], rel=1e-9
        )
    gap = lambda x: abs(norm.pdf(x) - norm.pdf(x, 0.4, 1.3)) / 2
    exact = quad(gap, -12, 12, limit=400)[0]
    assert float(gaussian_tv(0.4, 1.3)) == pytest.approx(exact, abs=1e-8)
    assert float(gaussian_tv(-0.4, 1.3)) == pytest.approx(exact, abs=1e-8)
    small = quad(lambda z: np.sqrt(1 + z**4) * norm.pdf(z), -12, 12)[0]
    assert small / (2 * np.sqrt(np.pi)) == pytest.approx(SMALL_ERROR, rel=1e-10)


def test_moment_identities(rows):
    for row in rows["gauss_Emu2"]:
        n, m, i = row["n"], row["m"], row["i"]
        for protocol in ("fresh", "reused"):
            found = mean_square_fixed_mixture(n, m, i, protocol)[-1]
            assert float(found) == pytest.approx(row[protocol], rel=EXACT)
        iid = mean_square_iid(fixed_mixture(n, m, i))[-1]
        assert float(iid) == pytest.approx(row["iid"], rel=EXACT)
    s = np.arange(7)
    beta = np.tril(2.0 * (s[None] + 1) / ((s[:, None] + 1) * (s[:, None] + 2)), -1)
    adaptive = schedule(2.0 / (s + 2.0), beta, 25.0)
    np.testing.assert_allclose(
        mean_square_iid(adaptive), rows["gauss_adaptive"]["Emu2"], rtol=EXACT
    )


def test_mirror_identity(rows):
    for row in rows["mirror"]:
        peak = mirror_threshold(row["g"])
        assert peak == pytest.approx(row["lambda_star"], rel=EXACT)
        assert float(mirror(peak, row["g"])) == pytest.approx(row["X_star"], rel=EXACT)
    for row in rows["mirror_X"]:
        assert float(mirror(row["lam"], row["g"])) == pytest.approx(row["X"], rel=EXACT)
    n, m, i = 10_000, 20_000, 5  # lambda = 2, g = 4: to first order in 1/n
    X = float(mirror(2.0, 4))
    fresh, reused = (
        n * float(mean_square_fixed_mixture(n, m, i, p)[-1])
        for p in ("fresh", "reused")
    )
    assert fresh == pytest.approx(1 - X, abs=2e-4)
    assert reused == pytest.approx(1 + X, abs=2e-4)


def test_optimal_weight_of_real_data(rows):
    for row in rows["optimal_weight"]:
        w = optimal_real_weight(row["k"])
        assert w == pytest.approx(row["w"], rel=EXACT)
        V = (w**2 + (1 - w) ** 2 / row["k"]) / (1 - (1 - w) ** 2)
        assert pytest.approx(row["V_inf_times_n"], rel=EXACT) == V
        worse = w + 0.05
        assert (worse**2 + (1 - worse) ** 2 / row["k"]) / (1 - (1 - worse) ** 2) > V


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: threshold_v1(1, 0.25), "models must be >= 2, got 1"),
        (lambda: threshold_v2(5, 1.0), "rate must be in"),
        (lambda: mirror_threshold(0), "recursive_stages must be >= 1"),
        (
            lambda: mean_square_fixed_mixture(10, 5, 3, "iid"),
            "protocol must be 'fresh'",
        ),
        (lambda: optimal_real_weight(0.0), "k must be positive"),
    ],
)
def test_bad_input_is_refused_in_one_line(call, message):
    with pytest.raises(InputError, match=message):
        call()
