"""What a farthest-point run proves about every selection, against all of them."""

from itertools import combinations

import numpy as np
import pytest
from scipy.spatial.distance import cdist

from theory.memorization.selection import best_log_spacing_bound, best_spacing_bound
from theory.validation import InputError


def farthest_points(x, count, start=0):
    """Distances of the picks after the first to those before, by brute force."""
    gaps, chosen, found = cdist(x, x), [start], []
    for _ in range(count - 1):
        nearest = gaps[:, chosen].min(1)
        nearest[chosen] = -1
        chosen.append(int(nearest.argmax()))
        found.append(nearest.max())
    return np.array(found), chosen


def best(x, count):
    """Largest minimal distance, and largest sum of log spacings, of all subsets."""
    gaps = cdist(x, x) + np.diag(np.full(len(x), np.inf))
    spacing, logs = 0.0, -np.inf
    for subset in combinations(range(len(x)), count):
        nearest = gaps[np.ix_(subset, subset)].min(1)
        spacing = max(spacing, nearest.min())
        logs = max(logs, np.log(nearest).sum())
    return spacing, logs


@pytest.mark.parametrize("seed", range(10))
def test_no_selection_of_a_random_pool_beats_the_bounds(seed):
    x = np.random.default_rng(seed).standard_normal((10, 2))
    picks, chosen = farthest_points(x, 5, start=seed)
    spacing_bound, log_bound = best_spacing_bound(picks), best_log_spacing_bound(picks)
    for count in range(2, 6):
        spacing, logs = best(x, count)
        assert spacing <= float(spacing_bound[count - 2])
        assert logs <= float(log_bound[count - 2])
    # greedy itself is within a factor 2 of the best
    gaps = cdist(x[chosen], x[chosen]) + np.diag(np.full(5, np.inf))
    assert gaps.min() >= best(x, 5)[0] / 2


def test_the_bounds_are_attained_and_smaller_ones_are_false():
    x = np.array([[0.0], [1.0], [2.0]])
    picks, _ = farthest_points(
        x, 2, start=1
    )  # from the middle: 1 away, the ends 2 apart
    spacing, logs = best(x, 2)
    spacing_bound = float(best_spacing_bound(picks)[0])
    log_bound = float(best_log_spacing_bound(picks)[0])
    assert spacing == spacing_bound == 2.0
    assert logs == pytest.approx(log_bound, rel=1e-15)
    assert spacing > 0.9 * spacing_bound
    assert logs > log_bound + np.log(0.9)


def test_each_pick_may_count_once():
    # three far pairs: five points hold at least two close ones, and one on its own
    x = np.array([[0.0], [0.1], [9.0], [9.1], [30.0], [30.1]])
    picks, _ = farthest_points(x, 5)
    _, logs = best(x, 5)
    assert logs <= float(best_log_spacing_bound(picks)[-1])
    # the smallest bound for every term would be false
    assert logs > 5 * np.log(2 * picks[-1])


@pytest.mark.parametrize(
    ("picks", "message"),
    [
        ([1.0, 2.0], "picks must be distances that never rise"),
        ([-1.0], r"picks must be in \[0, .*\], got -1"),
        ([np.nan], "picks must be in .*, got nan"),
        ([], r"picks must be of shape \(n - 1,\)"),
        ([[1.0]], r"picks must be of shape \(n - 1,\)"),
    ],
)
@pytest.mark.parametrize("bound", [best_spacing_bound, best_log_spacing_bound])
def test_bad_input_is_refused_in_one_line(bound, picks, message):
    with pytest.raises(InputError, match=message) as refused:
        bound(picks)
    assert "\n" not in str(refused.value)
