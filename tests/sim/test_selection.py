"""Greedy selection, the threshold decay filter and random choices."""

import itertools

import jax
import jax.numpy as jnp
import jax.random as jr
import numpy as np
import pytest

from sim.composition import farthest
from sim.composition.farthest import greedy, threshold_decay
from sim.composition.selection import Greedy, Random, ThresholdDecay
from theory.validation import InputError

LINE = np.array([0.0, 1.0, 2.0, 4.0, 9.0])[:, None]
PLANE = np.array([(0, 0), (10, 0), (0, 10), (10, 10), (5, 5), (5, 0), (1, 1.0)])
TRIG = np.sin(np.arange(1, 61)[:, None] * [1, 2, 3] + [0, 0.5, 1])


def listed(indices) -> list[int]:
    return np.asarray(indices).tolist()


@pytest.mark.parametrize(
    ("points", "n", "start", "expected"),
    [
        (LINE, 5, 0, [0, 4, 3, 2, 1]),
        (np.arange(5.0)[:, None], 5, 0, [0, 4, 2, 1, 3]),
        (PLANE, 7, 0, [0, 3, 1, 2, 4, 5, 6]),
        (PLANE, 7, 4, [4, 0, 1, 2, 3, 5, 6]),
        (PLANE, 7, 6, [6, 3, 1, 2, 4, 5, 0]),
        (TRIG, 12, 0, [0, 16, 17, 45, 12, 9, 29, 32, 49, 47, 21, 6]),
        (TRIG, 12, 59, [59, 20, 41, 23, 57, 31, 5, 28, 10, 25, 43, 51]),
    ],
)
def test_greedy_chooses_what_the_reference_does(points, n, start, expected):
    assert listed(greedy(jnp.asarray(points), n, start)) == expected


def test_greedy_on_the_digits():
    images = pytest.importorskip("sklearn.datasets").load_digits().data[:200] / 16
    expected = [0, 80, 191, 156, 163, 31, 133, 113, 61, 100]
    assert listed(greedy(jnp.asarray(images), 10, 0)) == expected


@pytest.mark.parametrize(
    ("points", "n", "tau", "decay", "order", "last", "sweeps"),
    [
        (np.array([0, 0.5, 2, 2.2, 5])[:, None], 4, 3, 0.5, [0, 4, 2, 1], 0.375, 6),
        (PLANE, 5, 20, 0.5, [0, 3, 1, 2, 4], 5.0, None),
        (PLANE, 5, 20, 0.9, [0, 3, 1, 2, 4], 6.973568802, None),
        (TRIG, 12, 2, 0.9, [0, 1, 4, 3, 12, 15, 32, 35, 5, 2, 6, 8], 0.6973568802, 17),
    ],
)
def test_filter_chooses_what_the_reference_does(
    points, n, tau, decay, order, last, sweeps
):
    got = threshold_decay(jnp.asarray(points), n, tau, decay)
    assert listed(got.order) == order
    np.testing.assert_allclose(got.threshold, last, rtol=1e-9)
    assert sweeps is None or int(got.sweeps) == sweeps


def swept(points, n, tau, decay):
    """The algorithm as printed, sweep by sweep."""
    order, sweeps = [0], 0
    while len(order) < n:
        sweeps, before = sweeps + 1, len(order)
        for i in range(len(points)):
            gap = np.linalg.norm(points[order] - points[i], axis=1).min()
            if i not in order and gap > tau:
                order.append(i)
            if len(order) == n:
                return order, tau, sweeps
        if len(order) == before:
            tau *= decay
    return order, tau, sweeps


@pytest.mark.parametrize("seed", range(5))
def test_filter_is_the_algorithm_as_printed(seed):
    points = np.random.default_rng(seed).standard_normal((40, 2))
    order, tau, sweeps = swept(points, 25, 2.0, 0.8)
    got = threshold_decay(jnp.asarray(points), 25, 2.0, 0.8)
    assert listed(got.order) == order
    assert int(got.sweeps) == sweeps
    np.testing.assert_allclose(got.threshold, tau, rtol=1e-12)


def test_filter_becomes_greedy_where_the_threshold_falls_slowly():
    points = jnp.asarray(np.random.default_rng(1).standard_normal((50, 2)))
    slow = threshold_decay(points, 20, 10.0, 0.9995).order
    assert listed(slow) == listed(greedy(points, 20, 0))
    fast = threshold_decay(points, 20, 10.0, 0.5).order
    assert listed(fast) != listed(slow)


def test_duplicates_end_the_filter_and_come_last():
    points = jnp.asarray(np.repeat(np.arange(3.0), 4)[:, None])
    order = listed(threshold_decay(points, 8, 2.0, 0.9).order)
    assert order == [0, 8, 4, 1, 2, 3, 5, 6]
    order = listed(greedy(points, 8, 0))
    assert order == [0, 8, 4, 1, 2, 3, 5, 6]


@pytest.mark.parametrize("kind", ["normal", "lattice", "duplicates"])
@pytest.mark.parametrize("dim", [3, 60])
def test_a_window_chooses_what_the_whole_pool_does(monkeypatch, kind, dim):
    rng = np.random.default_rng(2)
    points = {
        "normal": rng.standard_normal((400, dim)),
        "lattice": rng.integers(0, 3, (400, dim)).astype(float),
        "duplicates": np.repeat(rng.standard_normal((100, dim)), 4, axis=0),
    }[kind]
    points, n = jnp.asarray(points), 300
    whole = listed(greedy(points, n, 7)), listed(threshold_decay(points, n, 9).order)
    monkeypatch.setattr(farthest, "DIRECT", 1)
    monkeypatch.setattr(farthest, "WINDOW", 40)
    monkeypatch.setattr(farthest, "BLOCK", 16)
    assert listed(greedy(points, n, 7)) == whole[0]
    assert listed(threshold_decay(points, n, 9).order) == whole[1]


def least_gap(points) -> float:
    return min(np.linalg.norm(a - b) for a, b in itertools.combinations(points, 2))


def test_greedy_keeps_half_of_the_best_least_distance():
    first = []
    for seed in range(10):
        points = np.random.default_rng(seed).standard_normal((9, 2))
        best = max(least_gap(of) for of in itertools.combinations(points, 4))
        mine = least_gap(points[listed(greedy(jnp.asarray(points), 4, 0))])
        assert 0.5 * best <= mine <= best
        first.append(least_gap(points[:4]) / best)
    assert min(first) < 0.5  # control: the first four points are no such set


BATCH = np.array([0] * 10 + [1] * 20 + [2] * 20 + [-1] * 10)
POOL = np.random.default_rng(3).standard_normal((60, 4))
RULES = {
    "random": Random(),
    "stratified": Random(stratified=True),
    "greedy": Greedy(),
    "decay": ThresholdDecay(),
}


def chosen(rule, n, seed=0):
    one = RULES[rule]
    pick = lambda k: one.choose(k, jnp.asarray(POOL), jnp.asarray(BATCH), n, 1.0)
    return np.asarray(jax.jit(jax.vmap(pick))(jr.split(jr.key(seed), 500)))


@pytest.mark.parametrize("rule", RULES)
def test_rules_choose_different_points_that_are_there(rule):
    rows = chosen(rule, 25)
    assert all(len(set(row)) == 25 for row in rows)
    assert rows.max() < 50


def test_random_is_uniform_and_stratified_is_even():
    share = np.bincount(chosen("random", 10).ravel(), minlength=60) / 500
    se = (0.2 * 0.8 / 500) ** 0.5
    assert abs(share[:50] - 0.2).max() < 4.5 * se
    batches = BATCH[chosen("stratified", 10)]
    counts = np.stack([(batches == b).sum(axis=1) for b in range(3)], axis=1)
    assert set(counts.ravel()) == {3, 4}
    assert (counts == 4).any(axis=0).all()
    uneven = BATCH[chosen("random", 10)]
    assert (uneven == 0).sum(axis=1).std() > 0.5


def test_greedy_and_decay_spread_the_points():
    far = {}
    for rule in RULES:
        points = POOL[chosen(rule, 20)[:100]]
        gaps = np.linalg.norm(points[:, :, None] - points[:, None], axis=3)
        gaps += np.diag(np.full(20, np.inf))
        far[rule] = np.log(gaps.min(axis=2)).mean()
    assert min(far["greedy"], far["decay"]) > 0.1 + max(
        far["random"], far["stratified"]
    )


@pytest.mark.parametrize(
    ("call", "word"),
    [
        (lambda: greedy(jnp.zeros((3, 2)), 4), "n must be in"),
        (lambda: greedy(jnp.zeros(3), 2), "pool"),
        (lambda: threshold_decay(jnp.zeros((3, 2)), 0, 1.0), "n must be in"),
        (lambda: ThresholdDecay(threshold=0.0), "threshold"),
        (lambda: ThresholdDecay(decay=1.0), "decay"),
    ],
)
def test_bad_input_is_refused(call, word):
    with pytest.raises(InputError, match=word):
        call()
