"""Distinct lines of copies with fresh data: enumeration, limits, simulated loops."""

from itertools import product

import numpy as np
import pytest
from mem_clouds import mean_and_error

from theory.memorization.genealogy import distinct_lines, surviving_share_finite
from theory.validation import InputError


def simulated(N, fractions, replicas, seed):
    """Share of distinct labels after each round of copying with fresh points."""
    rng = np.random.default_rng(seed)
    labels = np.tile(np.arange(N), (replicas, 1))
    for t, f in enumerate(fractions, start=1):
        copies = np.take_along_axis(labels, rng.integers(0, N, labels.shape), axis=1)
        new = rng.random(labels.shape) < f
        labels = np.where(new, t * N + np.arange(N), copies)
        ordered = np.sort(labels, axis=1)
        yield (1 + (np.diff(ordered, axis=1) > 0).sum(1)) / N


def test_one_round_of_two_points_by_enumeration():
    f = 0.3
    total = 0.0
    for fresh in product([True, False], repeat=2):
        chance = np.prod([f if new else 1 - f for new in fresh])
        for parents in product(range(2), repeat=2):
            lines = {(k, "new") if new else parents[k] for k, new in enumerate(fresh)}
            total += chance * len(lines) / 4
    assert float(distinct_lines(2, [f])[0]) == pytest.approx(total / 2, rel=1e-14)


@pytest.mark.parametrize("N", [1, 7, 60])
def test_without_fresh_points_it_is_the_surviving_share(N):
    found = distinct_lines(N, np.zeros(9))
    np.testing.assert_allclose(found, surviving_share_finite(N, 9), rtol=1e-11)


def test_only_fresh_points_end_all_lines_at_themselves():
    found = np.asarray(distinct_lines(11, [1.0, 0.0, 1.0]))
    np.testing.assert_allclose(found[::2], 1.0)
    assert found[1] == pytest.approx(1 - (1 - 1 / 11) ** 11)


def test_simulated_loops_under_a_schedule():
    N, fractions = 40, [0.2, 0.0, 0.5, 0.1, 0.1]
    exact = np.asarray(distinct_lines(N, fractions))
    runs = np.stack(list(simulated(N, fractions, 4000, seed=0)), axis=1)
    mean, error = mean_and_error(runs)
    assert np.all(np.abs(mean - exact) < 5 * error)
    other = np.asarray(distinct_lines(N, fractions[::-1]))  # control: order matters
    assert np.any(np.abs(mean - other) > 5 * error)


def test_fractions_that_are_none_are_refused():
    with pytest.raises(InputError, match="fresh_fractions"):
        distinct_lines(5, [0.1, 1.2])
