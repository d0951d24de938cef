"""Bandwidths for one sample and for a loop."""

import jax.numpy as jnp
import numpy as np
import pytest
from sc_reference import read
from scipy.integrate import quad

from theory.mixing import accumulate, fixed_mixture, fully_synthetic, latest
from theory.mixtures import gaussian_mixture
from theory.self_consuming.kernel_density.bandwidth import (
    GAUSSIAN_REFERENCE,
    ROUNDED_REFERENCE,
    amise_bandwidth,
    data_driven_moments,
    kernel_rate,
    loop_factors,
    loop_optimal,
    one_step_error,
    roughness,
)
from theory.self_consuming.kernel_density.closed_form import standard_normal_tv
from theory.validation import InputError

NORMAL = gaussian_mixture([1.0], [0.0], 1.0)
TWO = gaussian_mixture([0.3, 0.7], [-1.5, 1.0], [0.3, 0.6])


@pytest.fixture(scope="session")
def rows(spec_dir):
    return read(spec_dir) or pytest.skip("no self_consuming.md among the references")


def second_derivative(x):
    parts = [(0.3, -1.5, 0.3), (0.7, 1.0, 0.6)]
    return sum(
        w
        * ((x - m) ** 2 / v - 1.0)
        / v
        * np.exp(-0.5 * (x - m) ** 2 / v)
        / np.sqrt(2 * np.pi * v)
        for w, m, v in parts
    )


def test_best_bandwidths_match_the_reference(rows):
    for row in rows["loop_bw_full_synthetic"]:
        best = loop_optimal(fully_synthetic(row["i"], float(row["N"])), NORMAL)
        assert best.bandwidths[0] == pytest.approx(row["h_star"], rel=1e-4)
        assert best.mise == pytest.approx(row["mise_star"], rel=1e-10)
        assert best.mise_amise == pytest.approx(row["mise_at_h_amise"], rel=1e-10)
        amise = amise_bandwidth(NORMAL, row["N"])
        assert amise == pytest.approx(row["h_amise"], rel=1e-10)


def test_many_points_reach_the_leading_order():
    """Fully synthetic, N = 1e7, 20 models: the specification's .4538, 16.65, 84.9."""
    scheme = fully_synthetic(20, 1e7)
    factors, best = loop_factors(scheme), loop_optimal(scheme, NORMAL)
    one = loop_optimal(fully_synthetic(1, 1e7), NORMAL)
    ratios = best.factor, best.mise / one.mise, best.mise_amise / one.mise_amise
    np.testing.assert_allclose(ratios, [0.4538, 16.65, 84.9], rtol=3e-4)
    leading = factors.bandwidth, factors.mise, factors.mise_amise
    np.testing.assert_allclose(leading, [0.4526, 16.78, 86.1], rtol=3e-4)
    np.testing.assert_allclose(ratios, leading, rtol=0.02)


def test_a_mixed_loop_comes_closer_to_the_leading_order_with_more_points():
    scheme = lambda n: fixed_mixture(n, 30.0 * n, 20)
    factors = loop_factors(scheme(1e5))
    assert factors.bandwidth == pytest.approx(0.4700, abs=5e-5)
    assert factors.mise == pytest.approx(10.85, abs=5e-3)
    gaps = []
    for n in (1e3, 1e5, 1e7):
        best = loop_optimal(scheme(n), NORMAL)
        one = loop_optimal(fully_synthetic(1, 31.0 * n), NORMAL)
        gaps.append(
            [
                best.factor / factors.bandwidth - 1,
                best.mise / one.mise / factors.mise - 1,
            ]
        )
    size = np.abs(gaps)
    assert (size[1:] < 0.6 * size[:-1]).all()
    assert (size[-1] < 2.5e-3).all()


def test_the_best_bandwidth_removes_most_of_the_rise():
    """V1, n = 100, 10 models: the largest error is 1.01 times that without synthetic data,
    1.50 times with the AMISE bandwidth.
    """
    none = loop_optimal(fixed_mixture(100.0, 0.0, 10), NORMAL)
    found = [
        loop_optimal(fixed_mixture(100.0, 100.0 * lam, 10), NORMAL)
        for lam in (2.0, 3.0, 4.0, 6.0, 8.0, 10.0)
    ]
    assert max(f.mise for f in found) / none.mise == pytest.approx(1.01, abs=5e-3)
    worst = max(f.mise_amise for f in found) / none.mise_amise
    assert worst == pytest.approx(1.50, abs=5e-3)


def test_a_factor_serves_schedules_of_any_kind():
    scheme = accumulate(5, 100.0 * (1 + np.arange(5)))
    best = loop_optimal(scheme, TWO)
    assert 0.1 < best.factor < 1.0
    assert best.mise < best.mise_amise
    np.testing.assert_allclose(
        best.bandwidths, best.factor * amise_bandwidth(TWO, scheme.sizes)
    )


def test_roughness_and_the_normal_reference():
    assert amise_bandwidth(NORMAL, 1.0) == pytest.approx(GAUSSIAN_REFERENCE)
    assert round(GAUSSIAN_REFERENCE, 2) == ROUNDED_REFERENCE
    exact = quad(lambda x: second_derivative(x) ** 2, -9, 9, limit=200)[0]
    assert roughness(TWO) == pytest.approx(exact, rel=1e-9)


def test_one_step_constants():
    bias, noise = one_step_error(NORMAL, 1.0, 1.0)
    assert 4.0 * bias == pytest.approx(0.9678828981, rel=1e-9)  # 4 phi(1)
    kernel = 0.5 / np.sqrt(np.pi)
    assert 2.0 * noise / np.sqrt(kernel) == pytest.approx((8 * np.pi) ** 0.25, rel=1e-9)
    bias, noise = one_step_error(TWO, 0.5, 40.0)
    roots = np.linspace(-9.0, 9.0, 181)
    pieces = zip(roots[:-1], roots[1:], strict=True)
    curvature = sum(
        quad(lambda x: abs(second_derivative(x)), a, b)[0] for a, b in pieces
    )
    assert bias == pytest.approx(0.25 * 0.25 * curvature, rel=1e-7)
    x = jnp.linspace(-12.0, 12.0, 2401)
    spread = 0.01 * float(jnp.sum(jnp.exp(0.5 * TWO.log_density(x[:, None]))))
    assert noise == pytest.approx(0.5 * np.sqrt(kernel / 20.0) * spread, rel=1e-7)


@pytest.mark.parametrize("size", [100.0, 1000.0, 10_000.0])
def test_one_step_bound_holds_and_half_of_it_does_not(size):
    h = 1.06 * size**-0.2
    bound = float(sum(one_step_error(NORMAL, h, size)))
    expected = float(standard_normal_tv(0.0, h, size, 1).prediction)
    assert expected <= bound
    assert expected > 0.5 * bound


def test_data_driven_bandwidths_against_simulation():
    N, R, c, stages, alpha = 40, 4000, 1.06, 4, 0.3
    variance, square = data_driven_moments(latest(alpha, stages, float(N)), c)
    rng = np.random.default_rng(5)
    data, h = rng.standard_normal((R, N)), None
    for s in range(stages):
        if s > 0:
            pick = rng.integers(N, size=(R, N))
            generated = np.take_along_axis(data, pick, axis=1)
            generated = generated + h[:, None] * rng.standard_normal((R, N))
            is_real = rng.random((R, N)) < alpha
            data = np.where(is_real, rng.standard_normal((R, N)), generated)
        h = c * N**-0.2 * data.std(axis=1, ddof=1)
        for found, exact in (
            (data.var(axis=1) + h**2, variance[s]),
            (data.mean(axis=1) ** 2, square[s]),
        ):
            assert abs(found.mean() - exact) < 5 * found.std() / np.sqrt(R)
            assert abs(found.mean() - 0.8 * exact) > 5 * found.std() / np.sqrt(R)


def test_data_driven_bandwidths_inflate_exponentially_without_real_data():
    N = 200.0
    variance, _ = data_driven_moments(fully_synthetic(30, N))
    growth = np.diff(np.log(np.asarray(variance)))
    expected = np.log((N - 1) / N + 1.06**2 * N**-0.4)
    np.testing.assert_allclose(growth, expected, rtol=1e-10)


def test_rates():
    assert [kernel_rate(d) for d in (1, 2, 4)] == pytest.approx([0.4, 1 / 3, 0.25])


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: kernel_rate(0), "dim must be >= 1"),
        (
            lambda: loop_factors(accumulate(4, 10.0)),
            "schedule must be of the latest model alone",
        ),
        (
            lambda: loop_factors(latest(0.5, 2, [10.0, 20.0])),
            "sizes must be equal",
        ),
        (
            lambda: loop_optimal(fully_synthetic(4, 1e4), NORMAL, lowest=0.9),
            "best factor must be inside the range",
        ),
        (
            lambda: data_driven_moments(accumulate(4, 10.0)),
            "schedule must be of the latest model alone",
        ),
        (lambda: one_step_error(NORMAL, 0.0, 1.0), "bandwidth must be positive"),
    ],
)
def test_bandwidths_that_cannot_be_meant_are_refused(call, message):
    with pytest.raises(InputError, match=message):
        call()
