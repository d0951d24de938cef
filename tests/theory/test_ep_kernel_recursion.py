"""Closed loops solved exactly: reference tables, quadrature, infinities."""

import hypothesis.strategies as st
import jax
import jax.numpy as jnp
import jax.random as jr
import numpy as np
import pytest
import scipy.stats
from hypothesis import given, settings

from theory.error_propagation.accumulation import (
    discounted_energy,
    drift_bounds,
    exact_drift,
)
from theory.error_propagation.ages import age_weights
from theory.error_propagation.kernel_recursion import gaussian_kernel_drift, shift_drift
from theory.validation import InputError

SCHEDULE = np.array([0.3, 0.0, 0.6, 0.1, 1.0, 0.2, 0.4])
x = np.linspace(-12.0, 12.0, 4001)
p = scipy.stats.norm.pdf(x)


def _square(f):
    return np.trapezoid(f**2 / p, x)


def test_gaussian_kernel_matches_the_reference_table(reference):
    for row in reference["population_kde"].values():
        n = row["n"]
        loop = gaussian_kernel_drift(row["alpha"], np.full(n + 1, row["g"]), row["d"])
        for value, name in (
            (loop.D[n], "D_n"),
            (loop.D[n + 1], "D_np1"),
            (loop.J[n], "J_n"),
            (loop.C[n], "C_n"),
        ):
            np.testing.assert_allclose(value, row[name], rtol=1e-10, atol=1e-18)


def test_shift_matches_the_reference_table(reference):
    for case in reference["shift_recursion"].values():
        loop = shift_drift(case["alpha"], np.array(case["shifts"]))
        for i, row in enumerate(case["rows"]):
            for value, name in (
                (loop.D[i], "D_i"),
                (loop.D[i + 1], "D_ip1"),
                (loop.J[i], "J_i"),
                (loop.C[i], "C_i"),
            ):
                np.testing.assert_allclose(value, row[name], rtol=1e-10, atol=1e-15)


def test_shift_agrees_with_quadrature_under_a_schedule():
    shifts = np.array([0.3, -0.5, 0.2, 0.1, 0.4, -0.2, 0.3])
    loop = shift_drift(SCHEDULE, shifts)
    parts = [(1.0, 0.0)]  # (weight, shift) of p_hat^0 = p
    density = lambda ps: sum(w * scipy.stats.norm.pdf(x - s) for w, s in ps)
    for n, (a, s) in enumerate(zip(SCHEDULE, shifts, strict=True)):
        learned = [(a, 0.0), *((w * (1 - a), m) for w, m in parts)]
        q, p_hat = density(learned), density(parts)
        parts = [(w, m + s) for w, m in learned]
        zeta = density(parts) - q
        np.testing.assert_allclose(loop.D[n], _square(p_hat - p), atol=1e-12)
        np.testing.assert_allclose(loop.J[n], _square(zeta), rtol=1e-10)
        overlap = np.trapezoid((p_hat - p) * zeta / p, x)
        np.testing.assert_allclose(loop.C[n], overlap, atol=1e-12)


def test_gaussian_kernel_agrees_with_the_age_law_in_any_dimension():
    """Dense double sum over ages, g constant, alpha a schedule."""
    for dim in (1, 3, 10):
        g = 0.05
        loop = gaussian_kernel_drift(SCHEDULE, np.full(7, g), dim)
        for n in range(1, 8):
            w, k = np.asarray(age_weights(SCHEDULE[:n], n)), np.arange(1, n + 1)
            form = (1 - np.outer(k, k) * g**2) ** (-dim / 2)
            np.testing.assert_allclose(loop.D[n], w @ form @ w - 1, atol=1e-13)


@pytest.mark.parametrize("alpha", [0.1, 0.7, SCHEDULE])
def test_one_step_identity_ties_the_three_together(alpha):
    rng = np.random.default_rng(0)
    for loop in (
        gaussian_kernel_drift(alpha, rng.uniform(0.01, 0.1, 7), 4),
        shift_drift(alpha, rng.normal(0.0, 0.3, 7)),
    ):
        np.testing.assert_allclose(
            exact_drift(alpha, loop.J, loop.C), loop.D, rtol=1e-10
        )
        bound = drift_bounds(alpha, loop.J)
        assert (bound.root * (1 + 1e-12) >= loop.D).all()


def test_drift_is_infinite_from_the_first_generation_with_a_heavy_tail():
    """g = .07: 14 g < 1 < 15 g. An infinite drift is inf, at once and for ever."""
    loop = gaussian_kernel_drift(0.1, np.full(40, 0.07))
    assert np.isfinite(loop.D[:15]).all()
    assert np.isinf(loop.D[15:]).all()
    assert np.isinf(loop.J[14:]).all()
    assert np.isfinite(loop.J[:14]).all()
    # C pairs ages 14 and 15: infinite once 14 * 15 g^2 >= 1.
    assert np.isposinf(loop.C[14:]).all()
    # However little weight the old part has, also when it underflows.
    faint = gaussian_kernel_drift(0.999, np.full(160, 0.07))
    assert np.isfinite(faint.D[:15]).all()
    assert np.isinf(faint.D[15:]).all()


def test_a_reset_removes_the_heavy_tail():
    alpha = np.full(30, 0.1)
    alpha[20] = 1.0
    loop = gaussian_kernel_drift(alpha, np.full(30, 0.07))
    assert np.isinf(loop.D[15:21]).all()
    assert np.isfinite(loop.D[21:]).all()
    np.testing.assert_allclose(loop.D[21], loop.D[1], rtol=1e-13)
    always = gaussian_kernel_drift(1.0, np.full(30, 0.07))
    np.testing.assert_allclose(always.D[1:], loop.D[1], rtol=1e-13)


def test_bandwidth_as_large_as_the_modes_is_outside_chi2_theory():
    assert np.isinf(gaussian_kernel_drift(0.5, np.full(3, 1.0), 10).D[1:]).all()


def test_shifts_dial_the_regimes():
    """Twenty shifts of .1: drift over discounted innovations, and over energy."""
    for alpha, ratio in ((0.1, 9.27), (0.5, 3.00), (0.9, 1.22)):
        loop = shift_drift(alpha, np.full(20, 0.1))
        discounted = drift_bounds(alpha, loop.J).unbiased[-1]
        np.testing.assert_allclose(loop.D[-1] / discounted, ratio, atol=0.005)
    alternating = 0.1 * (-1.0) ** np.arange(20)
    drift = shift_drift(0.1, alternating).D[-1]
    np.testing.assert_allclose(drift, 2.1e-3, atol=0.06e-3)
    energy = discounted_energy(0.1, alternating**2)[-1]
    np.testing.assert_allclose(energy, 0.052, atol=5e-4)


def test_random_signs_come_close_to_the_unbiased_law():
    """Twenty shifts of random sign: against other draws of the same design, and (X)."""
    shifts = 0.1 * jr.rademacher(jr.key(1), (1000, 20), dtype=jnp.float64)
    alphas = jnp.array([0.1, 0.5, 0.9])
    per_sign = jax.vmap(shift_drift, in_axes=(None, 0))
    loops = jax.jit(jax.vmap(per_sign, in_axes=(0, None)))(alphas, shifts)
    last = loops.D[..., -1]
    se = np.hypot(last.std(1) / 1000**0.5, [0.0025, 0.00032, 0.00005])
    assert (abs(last.mean(1) - np.array([0.0636, 0.01388, 0.01012])) < 5 * se).all()
    unbiased = jax.vmap(drift_bounds)(alphas, loops.J.mean(1)).unbiased[:, -1]
    np.testing.assert_allclose(unbiased, [0.0574, 0.0135, 0.01015], rtol=0.02)


@settings(deadline=None, max_examples=25)
@given(alpha=st.floats(0.0, 1.0), g=st.floats(0.0, 0.12), dim=st.integers(1, 12))
def test_drift_grows_with_age_width_and_dimension(alpha, g, dim):
    loop = gaussian_kernel_drift(alpha, np.full(7, g), dim)
    assert (np.diff(loop.D) >= -1e-14).all()
    wider = gaussian_kernel_drift(alpha, np.full(7, 1.1 * g), dim)
    assert (wider.D >= loop.D - 1e-14).all()
    deeper = gaussian_kernel_drift(alpha, np.full(7, g), dim + 1)
    assert (deeper.D >= loop.D - 1e-14).all()


def test_no_kernel_no_generations_and_no_fresh_data():
    for loop in (
        gaussian_kernel_drift(0.2, np.zeros(5)),
        shift_drift(0.2, np.zeros(5)),
    ):
        assert not np.any(jnp.concatenate([loop.D, loop.J, loop.C]))
    assert shift_drift(0.2, np.zeros(0)).D.tolist() == [0.0]
    pure = shift_drift(0.0, np.full(6, 0.1))  # one part, moved n times
    np.testing.assert_allclose(pure.D, np.expm1((0.1 * np.arange(7)) ** 2), rtol=1e-12)
    fresh = shift_drift(1.0, np.full(6, 0.1))
    np.testing.assert_allclose(fresh.D[1:], np.expm1(0.01), rtol=1e-12)


def test_jit_vmap_and_gradient():
    g = np.full(7, 0.05)
    alphas = jnp.array([0.1, 0.5, 0.9])
    batched = jax.jit(jax.vmap(lambda a: gaussian_kernel_drift(a, g)))(alphas)
    np.testing.assert_allclose(
        batched.D[1], gaussian_kernel_drift(0.5, g).D, rtol=1e-12
    )
    last = lambda a, s: shift_drift(a, s).D[-1]
    shifts = jnp.asarray(np.random.default_rng(2).normal(0, 0.2, 7))
    slope = jax.grad(last, argnums=(0, 1))(0.3, shifts)
    assert all(jnp.isfinite(v).all() for v in slope)
    h = 1e-6
    secant = (last(0.3 + h, shifts) - last(0.3 - h, shifts)) / (2 * h)
    np.testing.assert_allclose(slope[0], secant, rtol=1e-6)
    finite_part = lambda a: gaussian_kernel_drift(a, np.full(20, 0.07)).D[10]
    assert jnp.isfinite(jax.grad(finite_part)(0.3))  # later ones are infinite


@pytest.mark.parametrize(
    ("name", "call"),
    [
        ("alpha", lambda: shift_drift(-0.1, np.ones(3))),
        ("shifts", lambda: shift_drift(0.1, np.array([0.1, np.nan]))),
        ("g", lambda: gaussian_kernel_drift(0.1, np.array([-0.1]))),
        ("dim", lambda: gaussian_kernel_drift(0.1, np.ones(2), 0)),
    ],
)
def test_bad_input_is_refused_by_name(name, call):
    with pytest.raises(InputError, match=f"^{name} must be"):
        call()
