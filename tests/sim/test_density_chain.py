"""The reverse diffusion carried as a density: its steps, its last map, its floor."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.stats import norm

from sim.grid import on_grid, uniform_grid
from sim.learners.random_features.density_chain import (
    euler_transitions,
    flow_to_data,
    posterior_transitions,
    reverse_density,
    reverse_times,
)
from theory.mixtures import gaussian_mixture
from theory.processes import ou

# Times [.02, 3] of the unit-rate clock dX = -X dt + sqrt(2) dB.
PROCESS = ou(T=6.0, t0=0.04)
TARGET = gaussian_mixture([0.5, 0.5], [-1.2, 1.2], 0.36)
TIMES = reverse_times(PROCESS, 120)
FINEST = float(posterior_transitions(PROCESS, TIMES).variance[-1])
GRID = uniform_grid(5.0, 240, 1, FINEST)
DENSITY = on_grid(TARGET, GRID).density


def tv(first, second):
    return 0.5 * float(jnp.sum(jnp.abs(first - second)) * GRID.cell)


def exact_table(times):
    return jnp.stack(
        [TARGET.noised(PROCESS, t).score(GRID.points)[:, 0] for t in times]
    )


TABLE = exact_table(TIMES)
NORMAL = jnp.exp(-0.5 * GRID.axis**2) / jnp.sum(jnp.exp(-0.5 * GRID.axis**2))


def chain(transitions, mapped=True):
    mass = reverse_density(NORMAL, TABLE[:-1], transitions, GRID)
    if mapped:
        mass = flow_to_data(mass, TABLE[-1], PROCESS.t0, GRID)
    assert float(jnp.sum(mass)) == pytest.approx(1.0, abs=1e-12)
    return mass / GRID.cell


def test_sampler_errors_of_the_specification():
    """Section 10.4: .0068 by posterior steps; .0255 by Euler steps left at t0."""
    posterior = tv(chain(posterior_transitions(PROCESS, TIMES)), DENSITY)
    assert posterior == pytest.approx(0.0068, abs=1e-4)
    euler = tv(chain(euler_transitions(PROCESS, TIMES), mapped=False), DENSITY)
    assert euler == pytest.approx(0.0255, abs=1e-4)


def test_most_of_the_euler_error_is_the_missing_last_map():
    euler = tv(chain(euler_transitions(PROCESS, TIMES)), DENSITY)
    left = tv(chain(posterior_transitions(PROCESS, TIMES), mapped=False), DENSITY)
    assert euler < 0.006
    assert left > 0.024


def test_matched_variance_lowers_the_samplers_floor():
    matched = chain(posterior_transitions(PROCESS, TIMES, matched=True))
    assert tv(matched, DENSITY) < 0.0025


def moments(steps, make):
    """Variance at t0 of the chain of N(0, 0.5) data, its score exact, from N(0, 1)."""
    times = np.asarray(reverse_times(PROCESS, steps))
    moves, variance = make(jnp.asarray(times)), 1.0
    moves = jax.tree.map(np.asarray, moves)
    for k, t in enumerate(times[:-1]):
        slope = -1 / (np.exp(-t) * 0.5 + 1 - np.exp(-t))
        linear = moves.contraction[k] + moves.gain[k] * slope
        extra = moves.spread[k] * (1 + moves.noise[k] * slope)
        variance = linear**2 * variance + moves.variance[k] + extra
    return float(variance)


def test_steps_of_a_gaussian_have_their_orders():
    """Matched steps are the true reverse kernel of a Gaussian: only the start is wrong."""
    t0, T = PROCESS.t0, PROCESS.T
    at = lambda t: np.exp(-t) * 0.5 + 1 - np.exp(-t)
    gap = lambda steps, make: abs(moments(steps, make) - at(t0))
    exact = lambda times: posterior_transitions(PROCESS, times, matched=True)
    forgotten = np.exp(-T) * 0.5 * (np.exp(-(T - t0) / 2) * at(t0) / at(T)) ** 2
    assert gap(40, exact) == pytest.approx(forgotten, rel=1e-6)
    for make in (
        lambda times: posterior_transitions(PROCESS, times),
        lambda times: euler_transitions(PROCESS, times),
    ):
        errors = [gap(steps, make) for steps in (120, 240, 480)]
        order = -np.polyfit(np.log([120, 240, 480]), np.log(errors), 1)[0]
        assert abs(order - 1.0) < 0.15


def test_last_map_keeps_mass_where_a_score_folds_the_line():
    wild = 60.0 * jnp.sin(5 * GRID.axis)
    mass = flow_to_data(NORMAL, wild, PROCESS.t0, GRID)
    assert float(jnp.sum(mass)) == pytest.approx(1.0, abs=1e-12)
    assert float(jnp.min(mass)) >= 0
    np.testing.assert_array_equal(np.isfinite(mass), True)


@pytest.mark.parametrize("factor", [0.8, 1.15])
def test_last_map_is_the_change_of_variables_to_second_order(factor):
    """A normal law stretched by a linear score."""

    def error(nodes):
        grid = uniform_grid(7.0, nodes, 1, 1.0)
        mass = jnp.exp(-0.5 * grid.axis**2) / jnp.sum(jnp.exp(-0.5 * grid.axis**2))
        score = (2 * (factor - 1) / PROCESS.t0 - 1.0) * grid.axis
        moved = flow_to_data(mass, score, PROCESS.t0, grid) / grid.cell
        gap = np.asarray(moved) - norm.pdf(np.asarray(grid.axis), scale=factor)
        return 0.5 * np.sum(np.abs(gap)) * grid.cell

    coarse, fine = error(201), error(801)
    assert np.log(coarse / fine) / np.log(4) == pytest.approx(2.0, abs=0.2)
    assert fine < 1e-4
