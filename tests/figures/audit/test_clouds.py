"""What was trained on what, as far as files tell; and which points are compared."""

from pathlib import Path

import numpy as np
import pytest

from figures.audit.clouds import clouds
from figures.audit.composition import composition
from figures.audit.reading import Loop, Setup
from theory.validation import InputError


def points(seed, n=200, dim=3):
    return np.random.default_rng(seed).standard_normal((n, dim))


def found_of(loop, **settings):
    count = len(loop.samples)
    train = (Path("t"),) * len(loop.train)
    setup = Setup(Path("r"), (Path("s"),) * count, train, **settings)
    shares = composition(setup, loop)
    return setup, shares, clouds(setup, loop, shares)


def mixed_loop():
    """30 of 100 points fresh; 120 real points and 100 of each generation are never used."""
    real, first, second, third = (points(k) for k in range(4))
    train = (
        real[:80],
        np.concatenate([real[:30], first[:70]]),
        np.concatenate([real[30:60], second[:70]]),
    )
    return Loop(real, (first, second, third), train)


def test_shares_and_sizes_are_counted():
    _, shares, _ = found_of(mixed_loop())
    assert shares.alpha_from == "--train"
    assert shares.alpha == pytest.approx(0.3)
    np.testing.assert_allclose(np.asarray(shares.schedule.sizes), [80, 100, 100])
    np.testing.assert_allclose(np.asarray(shares.schedule.beta)[2], [0, 0.7, 0])
    assert shares.latest_only
    assert shares.real_seen.sum() == 80
    assert [s.sum() for s in shares.samples_seen] == [70, 70, 0]


def test_older_generations_are_told_apart():
    real, first, second = (points(k) for k in range(3))
    train = (real, np.concatenate([real[:50], first[:50]]))
    both = np.concatenate([first[:50], second[:50]])
    _, shares, _ = found_of(Loop(real, (first, second, points(9)), (*train, both)))
    assert not shares.latest_only
    assert shares.alpha is None
    np.testing.assert_allclose(np.asarray(shares.schedule.beta)[2], [0.5, 0.5, 0])


def test_copies_of_real_points_are_the_generations_own():
    real = points(0)
    copies = real[np.random.default_rng(1).integers(200, size=200)]
    _, shares, _ = found_of(Loop(real, (copies, copies), (real, copies)))
    assert shares.alpha == 0.0


def test_unknown_rows_belong_to_the_generation_before():
    real, first, second = (points(k) for k in range(3))
    train = (real[:100], np.concatenate([real[:25], points(7, 75)]))
    _, shares, _ = found_of(Loop(real, (first, second), train))
    assert shares.alpha == pytest.approx(0.25)
    lost = (points(8, 100), train[1])  # not even the first set is in the files
    _, shares, _ = found_of(Loop(real, (first, second), lost))
    assert shares.alpha is None
    assert shares.alpha_from == ""


def test_without_training_sets_nothing_is_counted():
    loop = Loop(points(0), (points(1), points(2, 150)))
    _, shares, found = found_of(loop)
    assert shares.alpha is None
    assert shares.real_seen is None
    np.testing.assert_allclose(np.asarray(shares.schedule.sizes), [200, 200])
    assert found.real_seen
    assert found.samples_seen
    assert any("--alpha or --train" in note for note in found.notes)
    _, shares, found = found_of(loop, alpha=0.2, n=500, unseen=True)
    assert shares.alpha == pytest.approx(0.2)
    assert shares.size == 500.0
    assert not found.samples_seen


def test_sets_have_one_size_and_real_points_are_dealt_once():
    _, _, found = found_of(Loop(points(0, 300), (points(1, 170), points(2, 400))))
    assert found.samples.shape == (2, 140, 3)
    assert found.reference.shape == found.floor.shape == (140, 3)
    both = np.concatenate([found.reference, found.floor])
    assert len(np.unique(both, axis=0)) == 280
    _, _, found = found_of(Loop(points(0, 300), (points(1, 170),)), points=80)
    assert found.points == 80


def test_unseen_points_are_preferred():
    loop = mixed_loop()
    _, _, found = found_of(loop)
    assert not found.real_seen
    assert not found.samples_seen
    compared = found.space.mean + found.reference @ found.space.axes
    trained = {row.tobytes() for row in np.round(loop.real[:80], 9)}
    assert not trained & {row.tobytes() for row in np.round(compared, 9)}
    whole = Loop(loop.real, loop.samples, (loop.real, *loop.samples[:2]))
    _, _, found = found_of(whole)
    assert found.real_seen
    assert found.samples_seen
    held = Loop(loop.real, loop.samples, held_out=points(9))
    _, _, found = found_of(held)
    assert not found.real_seen


def test_twins_have_the_sources_of_the_training_sets():
    loop = mixed_loop()
    _, _, found = found_of(loop)
    assert len(found.twins[0]) == 80
    twin = found.space.mean + found.twins[1] @ found.space.axes
    unseen = {row.tobytes() for row in np.round(loop.real[80:], 9)}
    share = np.mean([row.tobytes() in unseen for row in np.round(twin, 9)])
    assert share == pytest.approx(0.3, abs=0.02)
    _, _, found = found_of(Loop(loop.real, loop.samples))
    assert found.twins == (None, None, None)


def test_components_are_those_of_the_real_data():
    x = points(0) * [5.0, 1.0, 0.1]
    loop = Loop(x, (points(1) * [5.0, 1.0, 0.1],))
    _, _, found = found_of(loop, components=2)
    assert found.space.dim == 2
    assert abs(found.space.axes[0] @ [1.0, 0.0, 0.0]) > 0.99
    assert found.space.left_out(x) == pytest.approx(0.01, rel=0.3)
    whole = found_of(loop)[2].space
    gaps = lambda y: np.linalg.norm(y[1:] - y[:-1], axis=1)
    np.testing.assert_allclose(gaps(whole.place(x)), gaps(x))
    with pytest.raises(InputError, match=r"--components must be in \[1, 3\]"):
        found_of(loop, components=4)


def test_a_singular_space_says_so():
    x = points(0)
    x[:, 2] = 1.0
    assert not found_of(Loop(x, (points(1),)))[2].space.regular
    few = np.random.default_rng(0).standard_normal((130, 200))
    space = found_of(Loop(few, (few,)))[2].space
    assert space.dim == 200
    assert not space.regular
