"""Phase transition of the bound, and exact Gaussian maximum likelihood."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from sc_reference import read
from scipy.integrate import quad
from scipy.stats import norm

from theory.divergence import tv_gaussian_1d
from theory.mixing import accumulate, fixed_mixture, fully_synthetic, latest, schedule
from theory.self_consuming.gaussian_mle import (
    SMALL_ERROR,
    SMALL_ERROR_MEAN,
    SMALL_ERROR_SCALE,
    first_generation_tv,
    mean_square_fixed_mixture,
    mean_square_iid,
    mirror,
    mirror_threshold,
    noise_weight,
    optimal_real_weight,
    predicted_tv,
)
from theory.self_consuming.gaussian_scale import gaussian_moments
from theory.self_consuming.phase_transition import (
    asymptotic_threshold,
    break_even,
    shape_v1,
    shape_v2,
    threshold_v1,
    threshold_v2,
)
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
        found = float(tv_gaussian_1d(row["mu"], row["s"] ** 2, 0.0, 1.0))
        assert found == pytest.approx(row["tv"], rel=1e-9)


def test_small_errors_in_total_variation():
    half = lambda f: quad(lambda z: f(z) * norm.pdf(z), -12, 12, points=[-1, 1])[0] / 2
    small = half(lambda z: np.sqrt(1 + z**4)) / np.sqrt(np.pi)
    assert small == pytest.approx(SMALL_ERROR, rel=1e-10)
    normal = np.sqrt(2 / np.pi)  # E|N(0, 1)|
    assert normal * half(abs) == pytest.approx(SMALL_ERROR_MEAN, rel=1e-10)
    scale = normal * half(lambda z: abs(z**2 - 1)) / np.sqrt(2)
    assert scale == pytest.approx(SMALL_ERROR_SCALE, rel=1e-8)
    for mean, log_s in ((1e-4, 0.0), (0.0, 1e-4), (1e-4, -7e-5)):
        exact = float(tv_gaussian_1d(mean, np.exp(2 * log_s), 0.0, 1.0))
        linear = half(lambda z, a=mean, g=log_s: abs(a * z + g * (z**2 - 1)))
        assert exact == pytest.approx(linear, rel=1e-3)


def test_first_generation_of_a_gaussian(rows):
    for row in rows["gauss_first_gen_ETV"]:
        n = row["n"]
        assert first_generation_tv(n) == pytest.approx(row["mle"], rel=1e-7)
        unbiased = first_generation_tv(n, n - 1)
        assert unbiased == pytest.approx(row["unbiased"], rel=1e-7)
        assert unbiased != pytest.approx(row["mle"], rel=1e-3)
    # the prediction is right to first order in 1/n
    gaps = [first_generation_tv(n) / float(predicted_tv(1 / n)) - 1 for n in (100, 400)]
    assert gaps[0] / gaps[1] == pytest.approx(4.0, rel=0.05)


def test_first_generation_against_drawn_samples():
    n, runs = 10, 40_000
    rng = np.random.default_rng(0)
    mean, v = rng.normal(size=runs) / np.sqrt(n), rng.chisquare(n - 1, runs) / n
    tv = np.asarray(jax.vmap(tv_gaussian_1d, (0, 0, None, None))(mean, v, 0.0, 1.0))
    assert abs(tv.mean() - first_generation_tv(n)) < 4 * tv.std() / np.sqrt(runs)


def test_noise_weights():
    n = 50.0
    beta, i = 0.8, np.arange(1, 7)
    w = np.asarray(noise_weight(latest(1 - beta, 6, n))) * n
    np.testing.assert_allclose(w, (1 - beta ** (2 * i)) / (1 - beta**2), rtol=1e-12)
    fresh = np.asarray(noise_weight(accumulate(6, n * i))) * n
    l = np.arange(1, 6)
    exact = 1 / 6 + np.sum(1 / (l * (l + 1) ** 2))
    assert fresh[-1] == pytest.approx(exact, rel=1e-12)
    large = fully_synthetic(6, 1e7)
    np.testing.assert_allclose(noise_weight(large), mean_square_iid(large), rtol=1e-6)


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


def test_moments_of_the_fitted_variance():
    n, i = 12.0, np.arange(1, 6)
    alone = gaussian_moments(fully_synthetic(5, n))
    np.testing.assert_allclose(alone.var2, (1 - 1 / n**2) ** i, rtol=1e-12)
    np.testing.assert_allclose(alone.mean2, 1 - (1 - 1 / n) ** i, rtol=1e-12)
    mixed = latest(0.2, 5, n)
    found = gaussian_moments(mixed)
    np.testing.assert_allclose(found.mean2, mean_square_iid(mixed), rtol=1e-12)
    large = gaussian_moments(latest(0.2, 5, 1e6))  # Var log sigma = w/(2n)
    np.testing.assert_allclose(
        large.variance_of_variance / 4, large.mean2 / 2, rtol=1e-4
    )


def test_moments_of_the_fitted_variance_against_drawn_loops():
    n, runs, beta = 6, 100_000, 0.7
    exact = gaussian_moments(latest(1 - beta, 3, n))
    rng = np.random.default_rng(0)
    mu, var = np.zeros(runs), np.ones(runs)
    for s in range(3):
        real = rng.random((runs, n)) < (1.0 if s == 0 else 1 - beta)
        z = rng.normal(size=(runs, n))
        x = np.where(real, z, mu[:, None] + np.sqrt(var)[:, None] * z)
        mu, var = x.mean(axis=1), x.var(axis=1)
        for name, drawn in (
            ("mean4", mu**4),
            ("mean2_var", mu**2 * var),
            ("var2", var**2),
        ):
            se = drawn.std() / np.sqrt(runs)
            value = float(getattr(exact, name)[s])
            assert abs(drawn.mean() - value) < 4 * se, (name, s)
            assert abs(drawn.mean() - 1.1 * value) > 4 * se


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
