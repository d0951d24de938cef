import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from theory.error_propagation.accumulation import drift_bounds
from theory.planning.budget import (
    AIMS,
    ERRORS,
    best_schedule,
    cost,
    lower_bound,
    project,
)
from theory.validation import InputError


def costs_of(schedules, J, aim: str, errors: str) -> np.ndarray:
    return np.asarray(jax.vmap(lambda a: cost(a, J, aim, errors))(schedules))


CASES = list(itertools.product(AIMS, ERRORS))


@pytest.mark.parametrize(("aim", "errors"), CASES)
def test_no_schedule_is_below_the_bound(aim, errors):
    """Random schedules of the budget, and the one that is found."""
    N, budget = 6, 1.7
    rng = np.random.default_rng(1)
    J = jnp.asarray(rng.uniform(0.005, 0.02, N))
    floor = lower_bound(J, budget, aim, errors)
    floor = floor**2 if errors == "any" else floor
    drawn = rng.dirichlet(np.ones(N - 1), 400) * budget
    drawn = jax.vmap(lambda a: project(a, budget))(jnp.asarray(drawn))
    costs = costs_of(drawn, J, aim, errors)
    best = best_schedule(np.asarray(J), budget, N, aim, errors)
    assert floor <= costs.min() * (1 + 1e-9)
    assert best.cost <= costs.min() * (1 + 1e-9)
    assert best.bound == pytest.approx(floor, rel=1e-6)
    assert -1e-9 <= best.gap < 0.15


@pytest.mark.parametrize(("aim", "errors"), CASES)
def test_the_search_finds_what_exhaustion_finds(aim, errors):
    N, budget, steps = 4, 1.2, 24
    J = jnp.full(N, 0.01)
    grid = np.linspace(0.0, 1.0, steps + 1)
    every = np.array(list(itertools.product(grid, repeat=N - 1)))
    allowed = jnp.asarray(every[every.sum(axis=1) <= budget])
    least = costs_of(allowed, J, aim, errors).min()
    assert best_schedule(0.01, budget, N, aim, errors).cost <= least * (1 + 1e-6)


def test_whole_resets_beat_even_spending_when_errors_align():
    best = best_schedule(0.01, 3.0, 12)
    np.testing.assert_allclose(best.alpha[[3, 6, 9]], 1.0)
    assert best.cost < 0.5 * best.even
    assert best.gap < 1e-6


def test_the_drift_is_that_of_the_bound():
    best = best_schedule(0.01, 1.5, 8, "largest", "any")
    root = drift_bounds(best.alpha, np.full(8, 0.01)).root[1:]
    np.testing.assert_allclose(best.drift, root, rtol=1e-10)
    unbiased = best_schedule(0.01, 1.5, 8, "last", "unbiased")
    exact = drift_bounds(unbiased.alpha, np.full(8, 0.01)).unbiased[1:]
    np.testing.assert_allclose(unbiased.drift, exact, rtol=1e-10)


def test_a_larger_budget_is_never_worse():
    costs = [best_schedule(0.01, b, 6).cost for b in (0.0, 1.0, 2.0, 5.0)]
    assert costs == sorted(costs, reverse=True)
    assert costs[-1] == pytest.approx(0.01)  # all fresh: one innovation is left


def test_projection_is_the_nearest_point_of_the_budget():
    a = np.array([0.9, 1.4, -0.2, 0.5])
    p = np.asarray(project(jnp.asarray(a), jnp.asarray(1.0)))
    assert p.sum() == pytest.approx(1.0)
    assert ((p >= 0) & (p <= 1)).all()
    rng = np.random.default_rng(0)
    others = rng.dirichlet(np.ones(4), 2000)
    assert ((others - a) ** 2).sum(1).min() >= ((p - a) ** 2).sum() - 1e-9


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"budget": 9.0}, "budget must be in"),
        ({"innovation": 0.0}, "innovation must be positive"),
        ({"innovation": [0.1, np.nan, 0.1, 0.1]}, "innovation"),
        ({"generations": 1}, "generations must be >= 2"),
        ({"aim": "median"}, "aim must be one of"),
        ({"errors": "some"}, "errors must be one of"),
    ],
)
def test_bad_input_is_refused(changed, said):
    given = {"innovation": 0.1, "budget": 1.0, "generations": 4} | changed
    with pytest.raises(InputError, match=said):
        best_schedule(**given)
