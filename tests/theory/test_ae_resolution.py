"""Nodes and steps: the estimated errors bound the true ones."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from ae_cases import official, realised

from theory.autoencoder.averages import Nodes, midpoint, sobol
from theory.autoencoder.learning import adaptive_curve, learning_curve, rates
from theory.autoencoder.resolution import resolved_curve, resolved_nodes
from theory.denoiser import initial_overlaps, training
from theory.structured import structured_mixture
from theory.validation import InputError


@pytest.fixture(scope="module")
def curve():
    """The official curve, to 1e-10 in the averages."""
    data, protocol, start = official()
    run = lambda s: learning_curve(data, protocol, s, 4.0, midpoint(2, 56), 16, 12)
    return data, protocol, start, jax.jit(run)(start)


def largest(a, b) -> float:
    return max(float(jnp.abs(x - y).max()) for x, y in zip(a, b, strict=True))


def error_of(data, protocol, states, rule, exact) -> float:
    along = jax.jit(
        lambda rule: jax.lax.map(lambda y: rates(data, protocol, y, rule), states)
    )
    return largest(along(rule), along(exact))


@pytest.mark.parametrize("tolerance", [1e-3, 1e-6])
def test_the_estimate_bounds_the_error_of_the_rates(curve, tolerance):
    data, protocol, _, states = curve
    rule, estimate = resolved_nodes(data, protocol, states, tolerance)
    true = error_of(data, protocol, states, rule, midpoint(2, 72, 7.5))
    assert true <= estimate <= tolerance
    # not by waste: far fewer nodes would miss it
    coarser = midpoint(2, round(0.6 * np.sqrt(rule.weights.size * 4 / np.pi)))
    missed = error_of(data, protocol, states, coarser, midpoint(2, 72, 7.5))
    assert missed > tolerance


@pytest.mark.slow
def test_a_kink_demands_more_nodes_and_its_error_is_still_bounded():
    data = structured_mixture([0.5, 0.3, 0.2], [[2.0], [-1.0], [0.5]])
    at = initial_overlaps(data, [[0.4, 0.0, 0.3]], 0.5, 0.3)
    smooth, _ = resolved_nodes(data, training(activation="tanh"), at, 1e-3)
    kinked = training(activation="relu")
    rule, estimate = resolved_nodes(data, kinked, at, 1e-3)
    assert rule.weights.size > 4 * smooth.weights.size
    batch = jax.tree.map(lambda v: v[None], at)
    true = error_of(data, kinked, batch, rule, midpoint(1, 200_000))
    assert true <= estimate <= 1e-3


def test_large_fields_demand_more_nodes():
    data, protocol, start = official()
    large = start._replace(m=20 * start.m, q=400 * start.q)
    few, _ = resolved_nodes(data, protocol, start, 1e-3)
    many, _ = resolved_nodes(data, protocol, large, 1e-3)
    assert many.weights.size > 3 * few.weights.size


@pytest.mark.slow
def test_four_units_are_averaged_over_sobol_points_with_a_standard_error():
    rng = np.random.default_rng(2)
    data = structured_mixture([0.6, 0.4], rng.normal(size=(2, 3)))
    at = initial_overlaps(data, 0.3 * rng.normal(size=(4, 2)), 0.4, 0.3)
    protocol = training(activation="tanh")
    rule, estimate = resolved_nodes(data, protocol, at, 5e-3)
    assert isinstance(rule, Nodes)
    batch = jax.tree.map(lambda v: v[None], at)
    true = error_of(data, protocol, batch, rule, sobol(4, 2**17, seed=50))
    assert true <= estimate <= 5e-3
    with pytest.raises(InputError, match=r"^tolerance must be >= .*Sobol points, got"):
        resolved_nodes(data, protocol, at, 1e-9)


def test_error_functions_need_no_nodes():
    data = structured_mixture([0.5, 0.5], [[2.0], [-1.0]])
    start = initial_overlaps(data, [[0.2, 0.1]], 0.5)
    protocol = training(activation="erf")
    rule, estimate = resolved_nodes(data, protocol, start)
    assert not isinstance(rule, Nodes)
    assert estimate == 0.0
    found = resolved_curve(data, protocol, start, 1.0, points=4, tolerance=1e-7)
    run = lambda s, t: adaptive_curve(data, protocol, s, t, midpoint(1, 96))
    exact = jax.jit(run)(start, jnp.linspace(0.0, 1.0, 5))
    assert largest(found.curve, exact) <= found.error <= 1e-7


def test_the_official_curve_to_a_millionth(curve):
    data, protocol, start, exact = curve
    found = resolved_curve(data, protocol, start, 4.0, points=16, tolerance=1e-6)
    true = largest(found.curve, exact)
    assert true <= found.error <= 1e-6
    again = resolved_curve(data, protocol, start, 4.0, points=16, tolerance=1e-6)
    assert largest(found.curve, again.curve) == 0.0
    assert (found.substeps, found.error) == (again.substeps, again.error)


def test_levels_together_count_the_error_of_their_cross_terms():
    net = realised(200, 0.4)
    two = training([0.6, 0.3], [0.4, 0.7], rate=0.1, levels="together")
    _, estimate = resolved_nodes(net.data, two, net.overlaps, 1e-1)
    random = dataclasses.replace(two, levels="random")
    _, without = resolved_nodes(net.data, random, net.overlaps, 1e-1)
    assert 1e-5 < estimate - without < 1e-1
    with pytest.raises(InputError, match=r"^tolerance must be > .*cross terms, got"):
        resolved_nodes(net.data, two, net.overlaps, 1e-6)


@pytest.mark.parametrize("tolerance", [0.0, 1e-12, 2.0, np.nan])
def test_tolerances_out_of_range_are_refused(curve, tolerance):
    data, protocol, start, _ = curve
    with pytest.raises(InputError, match=r"^tolerance must be in \[1e-09, 1\], got"):
        resolved_nodes(data, protocol, start, tolerance)
