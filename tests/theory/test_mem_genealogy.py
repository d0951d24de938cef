"""Lines of copies: exact laws against chains, enumeration and simulated loops."""

from fractions import Fraction
from itertools import product

import jax
import numpy as np
import pytest
from mem_clouds import mean_and_error

from theory.memorization.accumulated_copies import (
    accumulated_distinct_share,
    accumulated_shared_ancestor,
)
from theory.memorization.genealogy import (
    fresh_fixed_point,
    fresh_shared_ancestor,
    shared_ancestor,
    surviving_share,
    surviving_share_finite,
)
from theory.mixing import fully_synthetic
from theory.self_consuming.categorical import category_law
from theory.validation import InputError

EXACT = 1e-9

# Loops that copy: labels of the real (or fresh) points, one row a replica


def resampled(labels, rng, size=None):
    """Uniform draws with replacement of every row."""
    rows, n = labels.shape
    index = rng.integers(0, n, (rows, size or n))
    return np.take_along_axis(labels, index, axis=1)


def distinct(labels):
    """Share of distinct labels of each row."""
    ordered = np.sort(labels, axis=1)
    return (1 + (np.diff(ordered, axis=1) > 0).sum(1)) / labels.shape[1]


def paired(labels):
    """Share of the pairs of different points of each row with equal labels."""
    n = labels.shape[1]
    equal = (labels[:, :, None] == labels[:, None, :]).sum((1, 2))
    return (equal - n) / (n * (n - 1))


def replaced(n, rounds, replicas, seed):
    """Labels after 1, ..., t rounds of copying the last one."""
    rng = np.random.default_rng(seed)
    labels = np.tile(np.arange(n), (replicas, 1))
    for _ in range(rounds):
        labels = resampled(labels, rng)
        yield labels


def accumulated(n, rounds, replicas, seed):
    """Labels of the next training set after 1, ..., t batches."""
    rng = np.random.default_rng(seed)
    pool = train = np.tile(np.arange(n), (replicas, 1))
    for _ in range(rounds):
        pool = np.concatenate([pool, resampled(train, rng)], axis=1)
        train = rng.permuted(pool, axis=1)[:, :n]
        yield train


def refreshed(n, fraction, rounds, replicas, seed, protocol):
    """Labels after that many rounds with fresh points, each with a label of its own."""
    rng = np.random.default_rng(seed)
    labels = np.tile(np.arange(n), (replicas, 1))
    for t in range(1, rounds + 1):
        copies = resampled(labels, rng)
        new = rng.random((replicas, n)) < fraction
        if protocol == "fresh":
            new[:] = np.arange(n) < round(fraction * n)
        labels = np.where(new, t * n + np.arange(n), copies)
    return labels


# Surviving lines


def test_reference_values_of_survival():
    """Specification, Sec. 11."""
    found = surviving_share(8)
    expected = {
        1: 0.6321205588285577,
        2: 0.46853639461338437,
        5: 0.2680768156757172,
        8: 0.18904968989271775,
    }
    for t, value in expected.items():
        assert float(found[t - 1]) == pytest.approx(value, rel=EXACT)
    finite = surviving_share_finite(10, 3)
    assert float(finite[0]) == pytest.approx(0.6513215599, rel=EXACT)
    assert float(finite[2]) == pytest.approx(0.40229874310815, rel=EXACT)


def test_occupancy_chain_by_enumeration():
    N = 3
    survivors = [set(parents) for parents in product(range(N), repeat=N)]
    one = Fraction(sum(map(len, survivors)), N ** (N + 1))
    lines = [
        {first[k] for k in set(second)}
        for first, second in product(product(range(N), repeat=N), repeat=2)
    ]
    two = Fraction(sum(map(len, lines)), N ** (2 * N + 1))
    np.testing.assert_allclose(
        surviving_share_finite(N, 2), [float(one), float(two)], rtol=1e-14
    )


@pytest.mark.parametrize("N", [1, 7, 60])
def test_backward_and_forward_chains_agree(N):
    """A line survives unless its category, of chance 1/N, dies out (Wright-Fisher)."""
    forward = 1 - category_law(1 / N, fully_synthetic(9, N)).lost
    np.testing.assert_allclose(surviving_share_finite(N, 9), forward, rtol=1e-10)


def test_many_points_and_many_rounds():
    np.testing.assert_allclose(
        surviving_share_finite(2000, 8), surviving_share(8), rtol=2e-3
    )
    gap = [
        surviving_share_finite(N, 3)[2] - surviving_share(3)[2] for N in (100, 200, 400)
    ]
    np.testing.assert_allclose(np.divide(gap[:-1], gap[1:]), 2, rtol=0.02)  # O(1/N)
    found = surviving_share(100_000)
    assert 100_000 * float(found[-1]) == pytest.approx(2, rel=1e-3)
    assert np.all(np.diff(found) < 0)
    # in the end one line is left
    assert float(surviving_share_finite(5, 400)[-1]) == pytest.approx(0.2, rel=1e-12)


@pytest.mark.parametrize("N", [10, 100])
def test_survival_in_a_simulated_loop(N):
    exact, limit = surviving_share_finite(N, 6), surviving_share(6)
    runs = [distinct(labels) for labels in replaced(N, 6, 4000, seed=0)]
    mean, error = mean_and_error(np.stack(runs, axis=1))
    assert np.all(np.abs(mean - exact) < 5 * error)
    assert np.any(np.abs(mean - limit) > 5 * error)  # N = 100 is not yet infinite


# Pairs


def test_shared_ancestors_in_a_simulated_loop():
    N, t = 12, np.arange(1, 7)
    exact = shared_ancestor(N, t)
    runs = [paired(labels) for labels in replaced(N, 6, 4000, seed=1)]
    mean, error = mean_and_error(np.stack(runs, axis=1))
    assert np.all(np.abs(mean - exact) < 5 * error)
    assert np.all(np.abs(mean - shared_ancestor(N - 1, t)) > 5 * error)
    np.testing.assert_allclose(shared_ancestor(1, [0.0, 1.0]), [0, 1])
    tiny = float(shared_ancestor(1e9, 1))
    assert tiny == pytest.approx(1e-9, rel=1e-14)


def test_reference_values_with_fresh_data():
    """Specification, Sec. 11 and 8.2."""
    found = float(fresh_fixed_point(100, 0.1))
    assert found == pytest.approx(0.04088844018172642, rel=EXACT)
    assert float(fresh_fixed_point(256, 0.05)) == pytest.approx(0.0349, abs=5e-5)
    assert float(fresh_fixed_point(256, 0.0)) == 1.0
    assert float(fresh_fixed_point(256, 1.0)) == 0.0
    # 1/(1 + 2 f N) for small f: no cancellation is left
    small = float(fresh_fixed_point(1000, 1e-12))
    assert 1 / small - 1 == pytest.approx(2e-9, rel=1e-6)


@pytest.mark.parametrize("protocol", ["iid", "fresh"])
def test_fresh_data_reach_their_fixed_point(protocol):
    N, f, q = 20, 0.2, {"iid": 0.64, "fresh": 16 * 15 / (20 * 19)}[protocol]
    run = np.asarray(fresh_shared_ancestor(N, f, 200, protocol))
    F = 0.0
    for value in run[:20]:
        F = q * (1 / N + (1 - 1 / N) * F)
        assert value == pytest.approx(F, rel=1e-12)
    fixed = float(fresh_fixed_point(N, f, protocol))
    assert run[-1] == pytest.approx(fixed, rel=1e-12)
    alone = fresh_shared_ancestor(N, 0.0, 6, protocol)
    np.testing.assert_allclose(alone, shared_ancestor(N, np.arange(1, 7)), rtol=1e-12)


@pytest.mark.parametrize(("N", "f", "seed"), [(100, 0.1, 2), (8, 0.25, 3)])
@pytest.mark.parametrize("protocol", ["iid", "fresh"])
def test_fresh_fixed_point_of_a_simulated_loop(N, f, seed, protocol):
    replicas = 1000 if N == 100 else 8000
    labels = refreshed(N, f, 60, replicas, seed, protocol)
    mean, error = mean_and_error(paired(labels))
    assert abs(mean - float(fresh_fixed_point(N, f, protocol))) < 5 * error
    one_copied = float(fresh_fixed_point(N, 1 - (1 - f) ** 0.5))  # q = 1 - f
    assert abs(mean - one_copied) > 5 * error
    if N == 8:  # so few that the protocols differ visibly
        other = {"iid": "fresh", "fresh": "iid"}[protocol]
        assert abs(mean - float(fresh_fixed_point(N, f, other))) > 5 * error


# N out of everything


def test_first_rounds_of_a_growing_pool_by_hand():
    e = np.exp
    first = (
        1 - e(-1 / 2) / 2
    )  # kept with chance 1/2, and so is each of Poisson(1) copies
    z = 2 / 3 * (1 + (e(-1 / 3) - 1) / 2)
    second = 1 - z * e(z - 1)
    found = accumulated_distinct_share(2)
    np.testing.assert_allclose(found, [first, second], rtol=1e-14)
    # two points: the batch is (a, a), (a, b), (b, a) or (b, b); pairs of the pool of four
    pools = [("a", "b", *batch) for batch in product("ab", repeat=2)]
    same = [p[i] == p[j] for p in pools for i in range(4) for j in range(i)]
    found = float(accumulated_shared_ancestor(2, 1)[0])
    assert found == pytest.approx(np.mean(same), rel=1e-14)


def test_distinct_share_in_a_simulated_growing_pool():
    exact = np.asarray(accumulated_distinct_share(8))
    runs = [distinct(train) for train in accumulated(2000, 8, 60, seed=4)]
    mean, error = mean_and_error(np.stack(runs, axis=1))
    assert np.all(np.abs(mean - exact) < 5 * error)
    a_round_late = np.abs(mean[:4] - exact[1:5])
    assert np.all(a_round_late > 5 * error[:4])
    # simulated with N = 256 (0.02 a run) for the specification, Sec. 8.3
    stored = [0.696, 0.626, 0.597, 0.580, 0.563, 0.553, 0.550, 0.540]
    np.testing.assert_allclose(exact, stored, atol=5e-3)


def test_shared_ancestors_in_a_simulated_growing_pool():
    exact = np.asarray(accumulated_shared_ancestor(6, 5))
    runs = [paired(train) for train in accumulated(6, 5, 20_000, seed=5)]
    mean, error = mean_and_error(np.stack(runs, axis=1))
    assert np.all(np.abs(mean - exact) < 5 * error)
    replace = shared_ancestor(6, np.arange(1, 6))
    assert np.all(np.abs(mean - replace) > 5 * error)


def test_a_growing_pool_never_collapses():
    share = np.asarray(accumulated_distinct_share(2000))
    assert np.all(np.diff(share) < 0)
    assert share[-1] > 0.5
    # the rest of the fall is O(1/t): Richardson from two rounds gives the same limit
    late = [2 * share[2 * t - 1] - share[t - 1] for t in (500, 1000)]
    assert late[0] == pytest.approx(late[1], abs=1e-5)
    total = 1e6 * float(accumulated_shared_ancestor(1_000_000, 200_000)[-1])
    assert total == pytest.approx(np.pi**2 / 2 - 3, rel=1e-4)


def test_compiled_and_plain_agree():
    with jax.disable_jit():
        plain = accumulated_distinct_share(5), surviving_share_finite(6, 3)
    np.testing.assert_allclose(plain[0], accumulated_distinct_share(5), rtol=1e-14)
    np.testing.assert_allclose(plain[1], surviving_share_finite(6, 3), rtol=1e-14)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: surviving_share(0), "rounds must be a whole number >= 1, got 0"),
        (lambda: surviving_share_finite(0, 3), "points must be a whole number >= 1"),
        (lambda: surviving_share_finite(2.5, 3), "points must be a whole number"),
        (lambda: surviving_share_finite(np.nan, 3), "points must be .*, got nan"),
        (lambda: surviving_share_finite(5, np.inf), "rounds must be .*, got inf"),
        (lambda: shared_ancestor(0, 3), "points must be in .*, got 0"),
        (lambda: shared_ancestor(5, -1), "rounds must be in .*, got -1"),
        (lambda: shared_ancestor(np.nan, 3), "points must be in .*, got nan"),
        (lambda: fresh_fixed_point(10, 1.5), r"fresh_fraction must be in \[0, 1\]"),
        (lambda: fresh_fixed_point(10, -0.1), "fresh_fraction must be .*, got -0.1"),
        (lambda: fresh_fixed_point(10, np.nan), "fresh_fraction must be .*, got nan"),
        (lambda: fresh_fixed_point(0, 0.5), "points must be a whole number >= 1"),
        (lambda: fresh_fixed_point(1, 0.5, "fresh"), "points must be .* >= 2, got 1"),
        (lambda: fresh_fixed_point(9, 0.5, "reused"), "protocol must be 'iid' or"),
        (lambda: fresh_shared_ancestor(9, 0.5, 0), "rounds must be a whole number"),
        (lambda: accumulated_distinct_share(0), "rounds must be a whole number"),
        (lambda: accumulated_shared_ancestor(0, 2), "points must be a whole number"),
    ],
)
def test_bad_input_is_refused_in_one_line(call, message):
    with pytest.raises(InputError, match=message) as refused:
        call()
    assert "\n" not in str(refused.value)
