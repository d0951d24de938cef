"""Learning dynamics of the solvable denoiser against reference numbers and itself."""

import dataclasses
import json

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from ae_cases import official, reference_case

from theory.autoencoder import statements
from theory.autoencoder.averages import midpoint, normal_sobol, sobol
from theory.autoencoder.learning import (
    adaptive_curve,
    followed_curve,
    learning_curve,
    rates,
)
from theory.denoiser import initial_overlaps, training
from theory.structured import structured_mixture

CASES = ("official", "K2_r1_erf", "two_eigenvalues")


@pytest.fixture(scope="module")
def table(spec_dir):
    path = spec_dir / "autoencoder_reference.json"
    if not path.is_file():
        pytest.skip(f"no {path.name} in the folder of reference numbers")
    return json.loads(path.read_text(encoding="utf-8"))["learning"]


def largest(a, b) -> float:
    return max(float(jnp.abs(x - y).max()) for x, y in zip(a, b, strict=True))


def small(r: int = 1, activation="tanh", **more):
    """A cheap case of one unit (or more), off centre and with two eigenvalues."""
    means = np.array([[[2.0], [-1.0]], [[0.5], [1.0]]])
    data = structured_mixture([0.6, 0.4], means, [0.5, 1.2], [0.3, 0.7])
    C = np.array([[0.2, 0.1], [-0.1, 0.3]])[:r]
    return data, training(activation=activation, **more), initial_overlaps(data, C, 0.4)


@pytest.mark.parametrize("name", CASES)
def test_rates_and_curves_of_the_reference_file(table, name):
    row = table[name]["values"]
    data, protocol, start = reference_case(table[name]["case"])
    nodes = midpoint(start.q.shape[-1], 56, 7.5)
    speed = jax.jit(lambda s: rates(data, protocol, s, nodes))(start)
    close = lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-8, atol=1e-8)
    known = row["rhs_at_init"]
    close(speed.m, known["dm"])
    close(speed.q, known["dq"])
    close(speed.b[0], known["db"])
    times = jnp.array([1.0, 2.0, 4.0])
    run = jax.jit(
        lambda s: adaptive_curve(data, protocol, s, times, nodes, 1e-10, 1e-10)
    )
    curve = run(start)
    for k, time in enumerate(("tau=1", "tau=2", "tau=4")):
        known = row[time]
        close(curve.m[k], known["m_blocks"])
        close(curve.q[k], known["q_blocks"])
        close(curve.M[k], known["M"])
        close(curve.Q[k], known["Q"])
        close(curve.b[k, 0], known["b"])


def test_runge_kutta_converges_to_the_adaptive_curve_at_order_four():
    data, protocol, start = small()
    nodes = midpoint(1, 48)
    times = jnp.linspace(0.0, 3.0, 7)
    exact = jax.jit(
        lambda s: adaptive_curve(data, protocol, s, times, nodes, 1e-12, 1e-12)
    )(start)
    run = jax.jit(lambda s, k: learning_curve(data, protocol, s, 3.0, nodes, 6, k))
    errors = np.array([largest(run(start, k), exact) for k in (2, 4, 8, 16, 32)])
    orders = np.log2(errors[:-1] / errors[1:])
    assert np.all(np.abs(orders[1:] - 4.0) < 0.35)
    assert errors[-1] < 1e-6


def test_a_followed_curve_is_the_adaptive_one_within_its_tolerance():
    data, protocol, start = small()
    times, nodes = jnp.linspace(0.0, 3.0, 7), midpoint(1, 48)
    exact = adaptive_curve(data, protocol, start, times, nodes, 1e-12, 1e-12)
    follow = jax.jit(
        lambda rtol: followed_curve(data, protocol, start, 3.0, nodes, 6, rtol)
    )
    errors = [largest(follow(rtol), exact) for rtol in (1e-3, 1e-4, 1e-6)]
    assert errors[0] > errors[1] > errors[2]
    assert errors[1] < 1e-3
    assert errors[2] < 1e-5


def test_what_is_not_reached_is_nan():
    data, protocol, start = small()
    few = followed_curve(data, protocol, start, 3.0, midpoint(1, 48), max_steps=4)
    reached = np.isfinite(np.asarray(few.q)).all(axis=tuple(range(1, few.q.ndim)))
    assert reached[0]
    assert not reached[-1]


def test_the_form_without_second_derivative_equals_the_one_with():
    data, protocol, start = official()
    tanh = protocol.activation
    kinked = dataclasses.replace(tanh, curvature=None)
    by_parts = dataclasses.replace(protocol, activation=kinked)
    nodes = midpoint(2, 80, 7.5)
    at = start._replace(m=5 * start.m, q=25 * start.q, b=start.b + 0.3)
    a = jax.jit(lambda s: rates(data, protocol, s, nodes))(at)
    b = jax.jit(lambda s: rates(data, by_parts, s, nodes))(at)
    assert largest(a, b) < 2e-12
    # Negative control: a wrong second derivative is seen.
    wrong = dataclasses.replace(tanh, curvature=lambda u: -tanh.slope(u))
    c = rates(data, dataclasses.replace(protocol, activation=wrong), at, nodes)
    assert largest(a, c) > 1e-2


def test_the_skip_follows_its_closed_form():
    data, protocol, start = small(skip_ratio=1.4)
    nodes = midpoint(1, 24)
    run = jax.jit(lambda s: learning_curve(data, protocol, s, 3.0, nodes, 12, 4))
    curve = run(start)
    tau = jnp.linspace(0.0, 3.0, 13)
    v = data.mean_variance
    known = statements.skip(0.3, 0.7, v, 1.4, tau)
    np.testing.assert_allclose(curve.b[:, 0], known, atol=1e-7)
    # Negative control: the mean over eigenvalues without their masses.
    plain = statements.skip(0.3, 0.7, 0.85, 1.4, tau)
    assert float(jnp.abs(curve.b[:, 0] - plain).max()) > 0.01


def test_units_may_be_exchanged():
    data, protocol, start = small(2)
    nodes = midpoint(2, 24)
    speed = jax.jit(lambda s: rates(data, protocol, s, nodes))
    swap = lambda s: s._replace(m=s.m[..., ::-1], q=s.q[..., ::-1, ::-1])
    assert largest(swap(speed(start)), speed(swap(start))) < 1e-13
    assert largest(speed(start), speed(swap(start))) > 1e-2


def final(data, protocol, start, nodes):
    return learning_curve(data, protocol, start, 2.0, nodes, 20)


def test_a_grid_of_parameters_is_one_vmap():
    data, protocol, start = small()
    nodes = midpoint(1, 20)

    def at(alpha, rate):
        there = dataclasses.replace(
            protocol, alpha=alpha[None], beta=1 - alpha[None], rate=rate
        )
        return final(data, there, start, nodes).Q[-1, 0, 0]

    alphas, etas = jnp.array([0.2, 0.4, 0.6]), jnp.array([0.0, 0.1, 0.3])
    grid = jax.jit(jax.vmap(jax.vmap(at, (None, 0)), (0, None)))(alphas, etas)
    one = jax.jit(at)
    for i, j in ((0, 0), (1, 2), (2, 1)):
        np.testing.assert_allclose(grid[i, j], one(alphas[i], etas[j]), rtol=1e-12)
    assert np.ptp(np.asarray(grid)) > 0.1


@pytest.mark.slow
def test_derivatives_of_a_final_overlap_agree_with_finite_differences():
    """The official start has an overlap matrix with equal eigenvalues."""
    data, protocol, start = official()
    nodes = midpoint(start.q.shape[-1], 20)

    def last(theta):
        rate, alpha, decay = theta
        there = dataclasses.replace(
            protocol, rate=rate, alpha=alpha[None], beta=1 - alpha[None], decay=decay
        )
        end = final(data, there, start, nodes)
        return end.Q[-1, 0, 0] + end.M[-1, 0, 0]

    theta = jnp.array([0.1, 0.3, 0.1])
    gradient = jax.jit(jax.grad(last))(theta)
    value, h = jax.jit(last), 1e-5
    for k in range(3):
        step = h * jnp.eye(3)[k]
        finite = (value(theta + step) - value(theta - step)) / (2 * h)
        np.testing.assert_allclose(gradient[k], finite, rtol=1e-6)


@pytest.mark.slow
def test_derivatives_go_through_singular_overlaps():
    """Two units started alike: Q of rank one, which the pseudo-inverse must survive."""
    data, protocol, _ = official()
    start = initial_overlaps(data, [[0.1, 0.0, 0.0], [0.1, 0.0, 0.0]])
    nodes = midpoint(2, 20)

    def last(rate):
        there = dataclasses.replace(protocol, rate=rate)
        return learning_curve(data, there, start, 1.0, nodes, 10).Q[-1, 0, 0]

    gradient = jax.jit(jax.grad(last))(0.1)
    value, h = jax.jit(last), 1e-5
    finite = (value(0.1 + h) - value(0.1 - h)) / (2 * h)
    np.testing.assert_allclose(gradient, finite, rtol=1e-6)


def test_sobol_points_come_closer_with_their_number():
    data, protocol, start = small(2)
    exact = jax.jit(lambda s: rates(data, protocol, s, midpoint(2, 48)))(start)
    errors = [
        largest(rates(data, protocol, start, sobol(2, size)), exact)
        for size in (2**8, 2**13)
    ]
    assert errors[1] < 0.1 * errors[0] < 0.01


def test_sobol_points_are_normal_and_reproducible():
    x = normal_sobol(3, 2**12)
    np.testing.assert_allclose(x.mean(0), 0.0, atol=1e-3)
    np.testing.assert_allclose(x.T @ x / len(x), np.eye(3), atol=5e-3)
    np.testing.assert_array_equal(x, normal_sobol(3, 2**12))
    assert np.abs(x - normal_sobol(3, 2**12, seed=1)).max() > 0.1
