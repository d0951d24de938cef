"""Generalisation scores and what must stand beside them."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from point_sets import SQUARE, TRIG, digits

from sim.measures.generalisation import (
    closer_share,
    gs_l2,
    gs_log,
    gs_mse,
    memorised_absolute,
    memorised_ratio,
    twin_ratio,
)
from sim.measures.neighbours import nearest, nearest_distances
from theory.validation import InputError

EXACT = 1e-9
GENERATED, DATA = TRIG[:20], TRIG[20:]


def to_set(x, pool, k=1):
    return nearest_distances(x, pool, k).distance[:, k - 1]


def test_two_points_against_a_square():
    d1 = to_set(np.array([[0.0, 0.5], [2.0, 2.0]]), SQUARE)
    assert float(gs_l2(d1).value) == pytest.approx(0.9571067811865476, rel=EXACT)
    assert float(gs_l2(d1).value) == pytest.approx((0.5 + np.sqrt(2.0)) / 2)  # by hand
    assert float(gs_mse(d1, 2).value) == pytest.approx(0.5625, rel=EXACT)


def test_known_scores_of_trigonometric_points():
    d1 = to_set(GENERATED, DATA)
    assert float(gs_l2(d1).value) == pytest.approx(0.08618655169980197, rel=EXACT)
    assert float(gs_mse(d1, 3).value) == pytest.approx(0.004508639825187489, rel=EXACT)
    unfloored = gs_log(d1, floor=0.0)
    assert float(unfloored.value) == pytest.approx(-2.7136790277515663, rel=EXACT)
    # 1e-10 added to distances near 1e-3 is more than 1e-9 of the value
    assert float(gs_log(d1).value) == pytest.approx(float(unfloored.value), rel=1e-7)


@pytest.mark.parametrize(("ratio", "share"), [(1.0 / 3.0, 0.80), (0.7, 0.85)])
def test_known_share_by_ratio(ratio, share):
    d1, d2 = to_set(GENERATED, DATA), to_set(GENERATED, DATA, 2)
    assert float(memorised_ratio(d1, d2, ratio).value) == pytest.approx(share)


def test_known_scores_of_digits():
    x = digits()
    d1 = to_set(x[:500], x[500:1500])
    assert float(gs_l2(d1).value) == pytest.approx(1.2330258168865709, rel=EXACT)
    assert float(gs_mse(d1, 64).value) == pytest.approx(0.0249752197265625, rel=EXACT)
    own = nearest_distances(x[:500], x[:500], 1, exclude_self=True).distance
    assert own.mean() == pytest.approx(1.0874262575191211, rel=EXACT)


def test_standard_errors_are_those_of_means():
    d1 = to_set(GENERATED, DATA)
    n = len(d1)
    for estimate, terms in (
        (gs_l2(d1), d1),
        (gs_mse(d1, 3), d1**2 / 3),
        (gs_log(d1, 0.0), np.log(d1)),
        (memorised_absolute(d1, 0.05), (d1 < 0.05).astype(float)),
    ):
        expected = terms.std(ddof=1) / np.sqrt(n)
        assert float(estimate.standard_error) == pytest.approx(expected, rel=1e-9)


def test_score_scales_with_the_data_and_the_twin_ratio_does_not():
    rng = np.random.default_rng(0)
    data, twin, generated = rng.normal(size=(3, 80, 5))
    at = lambda a: (to_set(a * generated, a * data), to_set(a * generated, a * twin))
    whole, half = at(1.0), at(0.5)
    assert float(gs_l2(half[0]).value) == 0.5 * float(gs_l2(whole[0]).value)
    shift = float(gs_log(half[0], 0.0).value) - float(gs_log(whole[0], 0.0).value)
    assert shift == pytest.approx(np.log(0.5), rel=1e-12)
    for measure in (twin_ratio, closer_share):
        np.testing.assert_allclose(measure(*half), measure(*whole), rtol=1e-13)


@pytest.mark.parametrize(
    ("d", "n", "gap", "digit"), [(2, 500, 1.37, 0.01), (16, 2000, 1.012, 0.001)]
)
def test_gap_between_mean_and_geometric_mean(d, n, gap, digit):
    """Jensen's gap between draws of one Gaussian: one run in the specification, Sec. 4.1."""
    repeats = 20
    rng = np.random.default_rng(1)

    def one_run():
        generated, data = rng.normal(size=(2, n, d))
        d1 = to_set(generated, data)
        return float(jnp.log(gs_l2(d1).value) - gs_log(d1, 0.0).value)

    runs = np.array([one_run() for _ in range(repeats)])
    assert runs.min() > 0.0
    sd = runs.std(ddof=1) * np.sqrt(1.0 + 1.0 / repeats)
    assert abs(runs.mean() - np.log(gap)) < 3.0 * sd + 0.5 * digit / gap
    assert sd < 0.2 * np.log(gap)


def test_score_of_a_memoriser_with_fixed_bandwidth():
    """G = sqrt(1 - h^2) x_i + h z: E h|z| = 0.7876... for d = 16, h = 0.2 (Sec. 11)."""
    h, n, d = 0.2, 256, 16
    rng = np.random.default_rng(2)
    data = rng.normal(size=(n, d))
    own = data[rng.integers(n, size=n)]
    generated = np.sqrt(1.0 - h**2) * own + h * rng.normal(size=(n, d))
    score, se = gs_l2(to_set(generated, data))
    assert abs(score - 0.7876051243774644) < 4.0 * se
    assert abs(score - 2 * 0.7876051243774644) > 4.0 * se


def test_twin_ratio_and_closer_share_without_memory():
    rng = np.random.default_rng(3)

    def one_run():
        data, twin, generated = rng.normal(size=(3, 200, 6))
        a, b = to_set(generated, data), to_set(generated, twin)
        return float(jnp.log(twin_ratio(a, b).value)), float(closer_share(a, b).value)

    runs = np.array([one_run() for _ in range(100)])
    error = runs.std(axis=0, ddof=1) / np.sqrt(len(runs))
    assert np.all(np.abs(runs.mean(axis=0) - [0.0, 0.5]) < 4.0 * error)
    assert np.all(error < 0.005)


def test_twin_ratio_and_closer_share_of_copies():
    rng = np.random.default_rng(7)
    data, twin = rng.normal(size=(2, 300, 6))
    copies = data[:100] + 0.05 * rng.normal(size=(100, 6))
    a, b = to_set(copies, data), to_set(copies, twin)
    assert twin_ratio(a, b).value < 0.2
    assert float(closer_share(a, b).value) == 1.0


def test_error_of_the_twin_ratio_is_that_over_samples():
    rng = np.random.default_rng(4)
    data, twin = rng.normal(size=(2, 100, 3))
    found = [
        twin_ratio(to_set(x, data), to_set(x, twin))
        for x in rng.normal(size=(400, 150, 3))
    ]
    values, errors = (np.array(part) for part in zip(*found, strict=True))
    actual = values.std(ddof=1)
    assert abs(np.sqrt(np.mean(errors**2)) / actual - 1.0) < 4.0 / np.sqrt(2 * 399)


def test_ties_count_half():
    a, b = np.array([1.0, 2.0, 3.0, 0.0]), np.array([1.0, 3.0, 2.0, 0.0])
    assert float(closer_share(a, b).value) == 0.5
    assert float(closer_share(a[:2], b[:2]).value) == 0.75
    assert float(closer_share(b[2:], a[2:]).value) == 0.75


def test_ratio_is_blind_to_copies_of_duplicates_and_the_threshold_is_not():
    rng = np.random.default_rng(5)
    base = rng.normal(size=(60, 4))
    clumped = np.concatenate([base, base + 1e-6])
    copies = base + 1e-4 * rng.normal(size=base.shape)
    d1, d2 = to_set(copies, clumped), to_set(copies, clumped, 2)
    assert float(memorised_ratio(d1, d2).value) == 0.0
    threshold = nearest_distances(base, base, 1, exclude_self=True).distance.mean() / 3
    assert float(memorised_absolute(d1, threshold).value) == 1.0
    d1, d2 = to_set(copies, base), to_set(copies, base, 2)
    assert float(memorised_ratio(d1, d2).value) == 1.0


def test_shares_are_strict_at_their_edges():
    d1, d2 = np.array([0.0, 1.0, 1.0, 2.0]), np.array([0.0, 2.0, 4.0, 2.0])
    assert float(memorised_ratio(d1, d2, 0.5).value) == 0.25
    assert float(memorised_absolute(d1, 1.0).value) == 0.25


def test_a_copy_counts_the_floor():
    value, _ = gs_log(np.array([0.0, 1.0]), 1e-8)
    assert float(value) == pytest.approx(0.5 * np.log(1e-8), abs=1e-8)
    assert float(gs_log(np.array([0.0, 1.0]), 0.0).value) == -np.inf


def test_compiled_and_mapped_over_replicas():
    rng = np.random.default_rng(6)
    data, twin, generated = (jnp.asarray(a) for a in rng.normal(size=(3, 4, 50, 5)))

    def scores(x, pool, other):
        d, _ = nearest(x, pool, 2)
        d_twin = nearest(x, other).distance[:, 0]
        return (
            gs_l2(d[:, 0]),
            gs_mse(d[:, 0], 5),
            gs_log(d[:, 0]),
            memorised_ratio(d[:, 0], d[:, 1]),
            memorised_absolute(d[:, 0], jnp.mean(d[:, 1])),
            twin_ratio(d[:, 0], d_twin),
            closer_share(d[:, 0], d_twin),
        )

    found = jax.jit(jax.vmap(scores))(generated, data, twin)
    assert all(leaf.dtype == jnp.float64 for leaf in jax.tree.leaves(found))
    for r in range(4):
        one = scores(generated[r], data[r], twin[r])
        for mapped, alone in zip(
            jax.tree.leaves(found), jax.tree.leaves(one), strict=True
        ):
            np.testing.assert_allclose(mapped[r], alone, rtol=1e-12)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: gs_mse(np.ones(3), 0), "dim must be >= 1, got 0"),
        (lambda: gs_log(np.ones(3), -1.0), "floor must be >= 0"),
        (lambda: memorised_ratio(np.ones(3), np.ones(3), 1.5), r"ratio must be in \(0"),
        (lambda: memorised_absolute(np.ones(3), 0.0), "threshold must be positive"),
        (lambda: memorised_absolute(np.ones(3), np.nan), "threshold must be positive"),
    ],
)
def test_bad_input(call, message):
    with pytest.raises(InputError, match=message):
        call()
