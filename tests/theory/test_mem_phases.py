"""Phases of copying against the exact occupancy chain."""

import numpy as np
import pytest

from theory.memorization import phases
from theory.memorization.genealogy import shared_ancestor, surviving_share_finite
from theory.memorization.phases import (
    Phase,
    ancestor_time,
    copying_phases,
    expected_lines,
    one_line,
)
from theory.validation import InputError


def one_line_chance(n: int, rounds: int) -> np.ndarray:
    """P(A_t = 1) by the chain itself: balls thrown one by one."""
    step = np.zeros((n + 1, n + 1))
    step[0, 0] = 1.0
    for balls in range(1, n + 1):
        row = step[balls - 1]
        for k in range(n + 1):
            step[balls, k] += row[k] * k / n
            if k < n:
                step[balls, k + 1] += row[k] * (n - k) / n
    law, found = np.eye(n + 1)[n], []
    for _ in range(rounds):
        law = law @ step
        found.append(law[1])
    return np.array(found)


@pytest.mark.parametrize("n", [8, 32, 128])
def test_lines_are_right_to_order_one_over_n(n):
    rounds = 3 * n
    t = np.arange(1.0, rounds + 1)
    exact = np.asarray(surviving_share_finite(n, rounds))
    found = copying_phases([float(n)], t)
    gap = n * abs(found["lines"].isel(points=0).values - exact)
    assert gap.max() < 0.16
    wrong = n * abs(np.asarray(expected_lines(t / n)) / n - exact)  # t for 2/s_t
    assert wrong.max() > 1.0
    np.testing.assert_allclose(
        found["shared_ancestor"].isel(points=0), shared_ancestor(n, t)
    )


@pytest.mark.parametrize("n", [8, 32, 64])
def test_chance_of_one_line(n):
    rounds = 3 * n
    exact = one_line_chance(n, rounds)
    found = copying_phases([float(n)], np.arange(1.0, rounds + 1))
    assert abs(found["alone"].isel(points=0).values - exact).max() < 0.3 / n
    half = np.interp(0.5, exact, np.arange(1, rounds + 1))
    assert float(found["merged"][0]) == pytest.approx(half, rel=0.5 / n)


def test_sums_agree_where_their_forms_meet():
    many = np.array([0.2, 0.299, 0.301, 1.0])
    k = np.arange(1, 200)[:, None]
    terms = (2 * k - 1) * np.exp(-0.5 * k * (k - 1) * many)
    np.testing.assert_allclose(expected_lines(many), terms.sum(0), rtol=1e-6)
    signed = ((-1.0) ** k * terms)[1:].sum(0)
    np.testing.assert_allclose(one_line(many), 1.0 - signed, atol=1e-5)


def test_boundaries_and_phases():
    points, rounds = np.geomspace(8.0, 500.0, 30), np.geomspace(1.0, 2e3, 60)
    found = copying_phases(points, rounds)
    np.testing.assert_allclose(found["related"], ancestor_time(points, 0.5))
    np.testing.assert_allclose(found["related"][-1], 500.0 * np.log(2.0), rtol=2e-3)
    np.testing.assert_allclose(found["merged"][-1], 1.7395 * 500.0, rtol=1e-2)
    assert (found["halved"] > 1.7).all()
    assert (found["halved"] < 2.2).all()  # whatever N
    t = rounds[:, None]
    edges = [found[name].values[None] for name in ("halved", "related", "merged")]
    expected = sum((t >= edge).astype(int) for edge in edges)
    near = np.any([abs(np.log(t / edge)) < 0.02 for edge in edges], axis=0)
    np.testing.assert_array_equal(found["phase"].values[~near], expected[~near])
    assert set(np.unique(found["phase"])) == set(Phase)


def test_beyond_the_last_round_a_boundary_is_unknown():
    found = copying_phases([8.0, 1e4], [1.0, 50.0])
    assert np.isfinite(found["merged"][0])
    assert np.isnan(found["merged"][1])
    assert np.isnan(found["related"][1])


def test_other_values_need_no_new_program():
    points, rounds = np.array([8.0, 20.0]), np.array([1.0, 7.0, 30.0])
    copying_phases(points, rounds)
    before = phases._phases._cache_size()
    copying_phases(2.0 * points, rounds - 0.5 * (rounds < 30))
    assert phases._phases._cache_size() == before


@pytest.mark.parametrize(
    ("name", "points", "rounds"),
    [("points", [3.0], [1.0]), ("rounds", [8.0], [-1.0]), ("points", 8.0, [1.0])],
)
def test_refuses(name, points, rounds):
    with pytest.raises(InputError, match=f"^{name} must be"):
        copying_phases(points, rounds)
