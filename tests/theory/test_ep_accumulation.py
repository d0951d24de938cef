"""Whole histories: curves against the symbolic sums, simulated recursions, controls."""

from itertools import product

import hypothesis.strategies as st
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings

from theory.error_propagation import schedules
from theory.error_propagation import statements as ep
from theory.error_propagation.accumulation import (
    contributions,
    delayed_floor,
    discounted_energy,
    displayed_ratio,
    drift_bounds,
    exact_drift,
    tv_bound,
)
from theory.validation import InputError

N = 12
RNG = np.random.default_rng(7)
HISTORY = RNG.uniform(0.01, 1.0, N)
SCHEDULE = np.array([0.3, 0.0, 1.0, 0.1, 0.7, 0.0, 0.2, 0.05, 1.0, 0.4, 0.15, 0.6])


def recursion(alpha, innovations, delta):
    """delta_{i+1} = (1 - alpha_i) delta_i + zeta_i in R^k; returns D, J, C."""
    D, J, C = [delta @ delta], [], []
    alphas = np.broadcast_to(alpha, len(innovations))
    for a, zeta in zip(alphas, innovations, strict=True):
        J.append(zeta @ zeta)
        C.append(delta @ zeta)
        delta = (1 - a) * delta + zeta
        D.append(delta @ delta)
    return np.array(D), np.array(J), np.array(C)


@pytest.mark.parametrize("alpha", [0.1, 0.9])
def test_curves_are_the_symbolic_sums(alpha):
    J, D_0 = jnp.asarray(HISTORY), 0.4
    D = jnp.asarray(RNG.uniform(0.1, 1.0, N + 1))
    bounds, floor = drift_bounds(alpha, J, D_0), delayed_floor(alpha, J, D)
    tv, energy = tv_bound(alpha, J, 0.2), discounted_energy(alpha, J, D_0)
    for n in (0, 1, 2, N):
        same = {
            "root": (bounds.root[n], ep.unrolled_root(alpha, n, D_0, J) ** 2),
            "linear": (bounds.linear[n], ep.unrolled_linear(alpha, n, D_0, J)),
            "weighted": (bounds.weighted[n], ep.unrolled_weighted(alpha, n, D_0, J)),
            "unbiased": (bounds.unbiased[n], ep.unrolled_unbiased(alpha, n, D_0, J)),
            "right": (floor.right[n], ep.delayed_right(alpha, n, J)),
            "tv": (tv[n], ep.tv_drift(alpha, n, 0.2, J)),
            "energy": (energy[n], ep.displayed_right(alpha, n, D_0, J)),
        }
        if n >= 1:
            same["left"] = (floor.left[n], ep.delayed_left(alpha, n, D))
        for name, (curve, total) in same.items():
            np.testing.assert_allclose(curve, total, rtol=1e-12, err_msg=f"{name} {n}")


def test_curves_under_a_schedule_are_the_sums_of_products():
    """Brute force over P_{i,n} = prod_{i<j<n} rho_j, with alpha_i = 0 and 1 in it."""
    rho, D_0 = 1 - SCHEDULE, 0.4
    alpha = np.where(SCHEDULE == 0, 0.25, SCHEDULE)  # (U2) needs alpha_i > 0
    P = lambda r, i, n: np.prod(r[i + 1 : n])
    bounds, tv = drift_bounds(SCHEDULE, HISTORY, D_0), tv_bound(SCHEDULE, HISTORY, 0.2)
    linear = drift_bounds(alpha, HISTORY, D_0).linear
    for n in range(N + 1):
        discounts = [(P(rho, i, n), HISTORY[i], n - i) for i in range(n)]
        start = np.prod(rho[:n])
        expected = {
            "root": (start * D_0**0.5 + sum(p * J**0.5 for p, J, _ in discounts)) ** 2,
            "weighted": 2 * start**2 * D_0
            + np.pi**2 / 3 * sum(k**2 * p**2 * J for p, J, k in discounts),
            "unbiased": start**2 * D_0 + sum(p**2 * J for p, J, _ in discounts),
        }
        for name, value in expected.items():
            np.testing.assert_allclose(getattr(bounds, name)[n], value, rtol=1e-12)
        half = sum(p * J**0.5 for p, J, _ in discounts) / 2
        np.testing.assert_allclose(tv[n], start * 0.2 + half, rtol=1e-12)
        total = np.prod(1 - alpha[:n]) * D_0 + sum(
            P(1 - alpha, i, n) * HISTORY[i] / alpha[i] for i in range(n)
        )
        np.testing.assert_allclose(linear[n], total, rtol=1e-12)


@settings(deadline=None, max_examples=40)
@given(
    seed=st.integers(0, 10**6),
    mean=st.sampled_from([-1.0, 0.0, 1.0]),
    scheduled=st.booleans(),
)
def test_bounds_hold_on_random_recursions(seed, mean, scheduled):
    """Innovations in R^3 with a pull towards, or against, the inherited direction."""
    rng = np.random.default_rng(seed)
    alpha = np.where(rng.random(N) < 0.2, 1.0, rng.uniform(0.01, 1, N))
    alpha = alpha if scheduled else alpha[0]
    D, J, C = recursion(alpha, mean + rng.normal(size=(N, 3)), rng.normal(size=3))
    bounds = drift_bounds(alpha, J, D[0])
    for curve in (bounds.root, bounds.linear, bounds.weighted):
        assert (curve * (1 + 1e-12) >= D).all()
        assert (bounds.root <= curve * (1 + 1e-12)).all()
    floor = delayed_floor(alpha, J, D)
    assert (floor.left >= floor.right * (1 - 1e-12)).all()
    np.testing.assert_allclose(exact_drift(alpha, J, C, D[0]), D, rtol=1e-9)


@pytest.mark.parametrize("alpha", [0.2, SCHEDULE])
def test_root_bound_is_attained_by_aligned_errors(alpha):
    sizes = RNG.uniform(0.1, 1.0, (N, 1))
    D, J, _ = recursion(alpha, sizes * np.ones((1, 2)), np.ones(2))
    bounds = drift_bounds(alpha, J, D[0])
    np.testing.assert_allclose(bounds.root, D, rtol=1e-12)
    assert (0.9 * bounds.root < D).all()  # negative control


def test_linear_bound_is_attained_where_young_is():
    """zeta = alpha delta keeps delta, and makes both sides of (b) equal."""
    alpha, delta = 0.3, np.array([0.6, -0.2])
    D, J, _ = recursion(alpha, np.tile(alpha * delta, (N, 1)), delta)
    bound = drift_bounds(alpha, J, D[0]).linear
    np.testing.assert_allclose(bound, D, rtol=1e-12)
    assert (0.9 * bound < D).all()


@pytest.mark.parametrize("alpha", [0.1, SCHEDULE])
def test_delayed_floor_is_attained_by_sign_flips(alpha):
    """zeta_i = -(2 - alpha_i) delta_i sends delta to -delta."""
    delta = np.array([0.5, 0.1])
    sizes = (2 - np.broadcast_to(alpha, N)) * (-1.0) ** np.arange(1, N + 1)
    D, J, _ = recursion(alpha, sizes[:, None] * delta, delta)
    floor = delayed_floor(alpha, J, D)
    np.testing.assert_allclose(floor.left, floor.right, rtol=1e-12)
    assert (floor.left[1:] < 1.1 * floor.right[1:]).all()


@pytest.mark.parametrize("alpha", [0.1, 0.6, SCHEDULE[:8]])
def test_unbiased_drift_is_exact_over_all_sign_patterns(alpha):
    """E over 2^8 equally likely signs, so conditionally unbiased innovations."""
    n = 8
    sizes = RNG.uniform(0.1, 1.0, (n, 1))
    patterns = [
        recursion(alpha, np.array(s)[:, None] * sizes * np.ones((1, 2)), np.ones(2))
        for s in product([-1.0, 1.0], repeat=n)
    ]
    D, J = np.mean([p[0] for p in patterns], 0), patterns[0][1]
    np.testing.assert_allclose(drift_bounds(alpha, J, 2.0).unbiased, D, rtol=1e-12)
    # Negative control: biased towards one sign, it is not the mean.
    aligned = recursion(alpha, sizes * np.ones((1, 2)), np.ones(2))[0]
    assert aligned[-1] > 1.5 * D[-1]


def test_no_constant_replaces_the_weights_of_u3():
    """Aligned J_m = r2^{-m}, newest first: D_n = n^2 over a discounted sum of n."""
    alpha, n = 0.2, 25
    J = ((1 - alpha) ** 2) ** np.arange(n)  # oldest last: error i has age n - 1 - i
    J = J[::-1] ** -1.0
    bounds = drift_bounds(alpha, J)
    np.testing.assert_allclose(bounds.root[-1], n**2, rtol=1e-10)
    np.testing.assert_allclose(bounds.unbiased[-1], n, rtol=1e-10)
    assert bounds.weighted[-1] >= n**2


def test_thm_4_2_as_displayed_needs_a_constant_that_blows_up():
    """The reproduction's two numbers: alpha .1, energies .04/2^i, bias 1, D_0 1/4."""
    for n, constant, rtol in ((10, 26.836279, 1e-8), (160, 1.42967e15, 1e-5)):
        energies = 0.04 * 0.5 ** np.arange(n + 1)
        lowest = np.concatenate([[0.25], np.zeros(n + 1)])  # D_i >= 0
        ratio = displayed_ratio(0.1, energies, lowest, 1.0)
        np.testing.assert_allclose(ratio[-1], constant, rtol=rtol)
        needed = ep.displayed_constant(0.1, n + 1, 0.25, jnp.asarray(energies), 1.0)
        np.testing.assert_allclose(needed, constant, rtol=rtol)
    without_bias = displayed_ratio(0.1, energies, lowest, 0.0)
    assert without_bias[-1] == 0.0  # cancelled errors: the lower side fails


def test_contributions_sum_to_the_discounted_energy():
    for alpha in (0.1, SCHEDULE):
        share = contributions(alpha, HISTORY)
        assert not np.triu(share, 1).any()
        np.testing.assert_allclose(np.diagonal(share), HISTORY)
        np.testing.assert_allclose(
            share.sum(1), discounted_energy(alpha, HISTORY)[1:], rtol=1e-12
        )
    k, i = 7, 3
    np.testing.assert_allclose(
        contributions(0.1, HISTORY)[k, i], 0.9 ** (2 * (k - i)) * HISTORY[i], rtol=1e-13
    )


def test_limits_in_alpha_and_length():
    fresh = drift_bounds(1.0, HISTORY, 3.0)
    for curve in (fresh.root, fresh.linear, fresh.unbiased):
        np.testing.assert_allclose(curve, [3.0, *HISTORY], rtol=1e-13)
    kept = drift_bounds(0.0, HISTORY, 3.0)
    np.testing.assert_allclose(kept.unbiased, 3.0 + np.cumsum([0.0, *HISTORY]))
    assert jnp.isinf(kept.linear[1:]).all()
    assert drift_bounds(0.0, np.zeros(3), 3.0).linear.tolist() == [3.0] * 4
    for curve in jax.tree.leaves(drift_bounds(0.3, np.zeros(0), 0.7)):
        np.testing.assert_allclose(curve[0] / (2 if curve[0] > 1 else 1), 0.7)
    assert contributions(0.3, np.zeros(0)).shape == (0, 0)


def test_an_infinite_innovation_is_forgotten_only_by_a_reset():
    J = np.array([0.1, np.inf, 0.2, 0.1])
    bounds = drift_bounds(np.array([0.1, 0.1, 0.1, 1.0]), J)
    for curve in (bounds.root, bounds.linear, bounds.weighted, bounds.unbiased):
        assert np.isfinite(curve).tolist() == [True, True, False, False, True]


@settings(deadline=None, max_examples=30)
@given(
    alpha=st.floats(0.0, 0.98),
    more=st.floats(0.0, 1.0),
    where=st.integers(0, N - 1),
)
def test_monotone_in_fresh_data_and_in_errors(alpha, more, where):
    base = drift_bounds(alpha, HISTORY, 0.3)
    fresher = drift_bounds(alpha + more * (1 - alpha), HISTORY, 0.3)
    worse = drift_bounds(alpha, HISTORY + 0.5 * (np.arange(N) == where), 0.3)
    curves = map(jax.tree.leaves, (fresher, base, worse))
    for low, middle, high in zip(*curves, strict=True):
        assert (low <= middle * (1 + 1e-12)).all()
        assert (middle <= high * (1 + 1e-12)).all()


def test_jit_vmap_and_gradient():
    J = jnp.asarray(HISTORY)
    alphas = jnp.array([0.1, 0.5, 0.9])
    batched = jax.jit(jax.vmap(lambda a: drift_bounds(a, J, 0.3)))(alphas)
    for name in ("root", "linear", "weighted", "unbiased"):
        one = getattr(drift_bounds(0.5, J, 0.3), name)
        np.testing.assert_allclose(getattr(batched, name)[1], one, rtol=1e-12)
    last = lambda a, J: sum(curve[-1] for curve in jax.tree.leaves(drift_bounds(a, J)))
    slope = jax.grad(last, argnums=(0, 1))(0.3, J)
    assert all(jnp.isfinite(s).all() for s in slope)
    step = 1e-6
    secant = (last(0.3 + step, J) - last(0.3 - step, J)) / (2 * step)
    np.testing.assert_allclose(slope[0], secant, rtol=1e-6)


def test_which_schedule_is_best():
    """Budget 1/period: resets against a constant share, J = 1 in every generation."""
    period, n = 10, 400
    J = np.ones(n)
    resets = drift_bounds(schedules.periodic_resets(period, n), J)
    constant = drift_bounds(1 / period, J)
    alpha = 1 / period
    for curve, limit in (
        (resets.unbiased, ep.aligned_memory(alpha)),
        (constant.unbiased, ep.memory(alpha)),
        (resets.root, ep.stationary_aligned(alpha, 1.0)),  # aligned: no difference
        (constant.root, ep.stationary_aligned(alpha, 1.0)),
    ):
        np.testing.assert_allclose(jnp.max(curve[n // 2 :]), limit, rtol=1e-9)
    late = drift_bounds(schedules.fresh_last(n * alpha, n), J)
    assert late.root[-1] == late.unbiased[-1] == 1.0  # the last alone is left
    assert late.unbiased[-1] < constant.unbiased[-1]


@pytest.mark.parametrize(
    ("name", "call"),
    [
        ("alpha", lambda: drift_bounds(1.2, HISTORY)),
        ("alpha", lambda: drift_bounds(np.full(3, 0.2), HISTORY)),
        ("J", lambda: drift_bounds(0.2, -HISTORY)),
        ("J", lambda: drift_bounds(0.2, np.ones((2, 2)))),
        ("D_0", lambda: drift_bounds(0.2, HISTORY, np.nan)),
        ("D", lambda: delayed_floor(0.2, HISTORY, jnp.asarray(HISTORY))),
        ("eps_hat2", lambda: tv_bound(0.2, np.array([np.nan]))),
        ("tv_0", lambda: tv_bound(0.2, HISTORY, 1.5)),
        ("bias", lambda: displayed_ratio(0.2, HISTORY, jnp.ones(N + 1), -1.0)),
    ],
)
def test_bad_input_is_refused_by_name(name, call):
    with pytest.raises(InputError, match=f"^{name} must be"):
        call()
