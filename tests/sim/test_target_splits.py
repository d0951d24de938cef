"""Images split into rows to train on and rows held out, in principal components."""

import jax
import jax.numpy as jnp
import jax.random as jr
import numpy as np
import pytest
from scipy.linalg import sqrtm
from scipy.spatial import cKDTree
from sklearn.datasets import load_digits
from sklearn.decomposition import PCA

from sim.targets import Split, principal_frame, principal_split
from theory.validation import InputError

IMAGES = load_digits().data / 16.0
SIZES = (128, 256, 512, 1024)

# Means of three seeds in the specification, Sec. 9.1
HELD_OUT_TO_TRAIN = (1.082, 0.955, 0.857, 0.771)
SPACING = (1.107, 0.978, 0.863, 0.775)
FRECHET = (0.153, 0.078, 0.048, 0.036)


@pytest.fixture(scope="module")
def splits():
    """The three seeds of the study, in float64."""
    found = (principal_split(IMAGES, 1024, 16, seed) for seed in range(3))
    return [(np.asarray(s.train, float), np.asarray(s.held_out, float)) for s in found]


def frechet(a, b):
    A, B = np.cov(a.T), np.cov(b.T)
    gap = np.sum((a.mean(0) - b.mean(0)) ** 2)
    return gap + np.trace(A + B - 2 * sqrtm(A @ B).real)


def rounded_mean(values, digits):
    """The mean of what was printed for each seed: the specification rounded first."""
    return np.round(np.mean(np.round(values, digits), axis=0), digits)


def test_split_is_that_of_the_study(splits):
    assert [s.shape for s in splits[0]] == [(1024, 16), (773, 16)]
    measure = lambda of: [[of(a[:n], b) for n in SIZES] for a, b in splits]
    to_train = measure(lambda a, b: cKDTree(a).query(b)[0].mean())
    spacing = measure(lambda a, b: cKDTree(a).query(a, k=2)[0][:, 1].mean())
    np.testing.assert_array_equal(rounded_mean(to_train, 3), HELD_OUT_TO_TRAIN)
    np.testing.assert_array_equal(rounded_mean(spacing, 3), SPACING)
    np.testing.assert_array_equal(rounded_mean(measure(frechet), 3), FRECHET)
    assert np.mean(measure(lambda a, b: cKDTree(b).query(a)[0].mean())) == (
        pytest.approx(0.81, abs=5e-3)
    )


def test_split_against_scikit_learn():
    split = principal_split(IMAGES, 1024, 16, seed=1, std=0.25)
    order = np.random.default_rng(1).permutation(len(IMAGES))
    first, rest = IMAGES[order[:1024]], IMAGES[order[1024:]]
    axes = PCA(16, svd_solver="full").fit(first)
    train, held_out = axes.transform(first), axes.transform(rest)
    scale = 0.25 / train.std()
    loadings = axes.components_
    signs = np.sign(loadings[range(16), np.abs(loadings).argmax(axis=1)])
    np.testing.assert_allclose(split.train, signs * scale * train, atol=1e-5)
    np.testing.assert_allclose(split.held_out, signs * scale * held_out, atol=1e-5)
    assert axes.explained_variance_ratio_.sum() == pytest.approx(0.85, abs=5e-3)
    assert np.asarray(split.train, float).std() == pytest.approx(0.25, rel=1e-6)


def test_scale_and_offset_of_the_pixels_do_not_matter_but_their_sign_does():
    one = principal_split(IMAGES, 900, 5, seed=2)
    scaled = principal_split(2.0 * IMAGES + 1.0, 900, 5, seed=2)
    negative = principal_split(1.0 - IMAGES, 900, 5, seed=2)
    np.testing.assert_allclose(scaled.train, one.train, atol=1e-5)
    np.testing.assert_allclose(negative.train, -one.train, atol=1e-5)


def test_seed_moves_the_split_and_held_out_rows_do_not_move_the_axes():
    one, other = (principal_split(IMAGES, 900, 5, seed) for seed in (0, 1))
    assert not np.allclose(one.train, other.train)
    order = np.random.default_rng(0).permutation(len(IMAGES))
    changed = IMAGES.copy()
    changed[order[900:]] *= 7.0
    again = principal_split(changed, 900, 5, seed=0)
    np.testing.assert_array_equal(one.train, again.train)
    assert not np.allclose(one.held_out, again.held_out)


def test_draws_are_different_rows_of_the_right_half():
    split = Split(jnp.arange(12.0).reshape(6, 2), -1.0 - jnp.arange(8.0).reshape(4, 2))
    split = jax.tree.map(lambda a: a.astype(jnp.float32), split)
    for draw, rows in ((split.sample, split.train), (split.reference, split.held_out)):
        drawn = np.asarray(draw(jr.key(0), len(rows)))
        assert drawn.dtype == np.float32
        np.testing.assert_array_equal(drawn[drawn[:, 0].argsort()],
                                      rows[rows[:, 0].argsort()])  # fmt: skip
        orders = {np.asarray(draw(jr.key(k), 3))[:, 0].tobytes() for k in range(9)}
        assert len(orders) > 3
    assert (split.dim, split.law) == (2, None)


def test_each_replica_may_have_a_split_of_its_own():
    stacked = jax.tree.map(
        lambda *leaves: jnp.stack(leaves),
        *(principal_split(IMAGES, 900, 5, seed) for seed in (0, 1)),
    )
    keys = jr.split(jr.key(0), 2)
    both = jax.jit(jax.vmap(lambda s, key: s.sample(key, 20)))(stacked, keys)
    alone = principal_split(IMAGES, 900, 5, 1).sample(jr.split(jr.key(0), 2)[1], 20)
    np.testing.assert_array_equal(both[1], alone)


SPLIT = principal_split(IMAGES[:40], 30, 4)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda: SPLIT.sample(jr.key(0), 31),
            r"n must be in \[1, 30\], the number of r",
        ),
        (lambda: SPLIT.sample(jr.key(0), 0), r"n must be in \[1, 30\]"),
        (lambda: SPLIT.reference(jr.key(0), 11), r"n must be in \[1, 10\], the number"),
        (
            lambda: principal_split(IMAGES[:30], 30, 4),
            "images must be more than train = 30 rows, got 30",
        ),
        (lambda: principal_split(IMAGES[:30], 1, 1), "train must be >= 2, got 1"),
        (
            lambda: principal_split(IMAGES[:30], 20, 20),
            r"components must be in \[1, 19\], got 20",
        ),
        (lambda: principal_split(IMAGES, 900, 65), r"components must be in \[1, 64\]"),
        (lambda: principal_split(IMAGES, 900, 0), r"components must be in \[1, 64\]"),
        (
            lambda: principal_split(np.ones((9, 4)), 5, 2),
            "images must be different from each other",
        ),
        (
            lambda: principal_split(np.where(IMAGES > 0.9, np.nan, IMAGES), 900, 5),
            "images must be finite, got nan at index",
        ),
        (lambda: principal_split(IMAGES[0], 2, 1), "images must be rows of pixels"),
        (lambda: principal_split(IMAGES, 900, 5, seed=-1), "seed must be >= 0, got -1"),
        (lambda: principal_split(IMAGES, 900, 5, std=0.0), "std must be positive"),
    ],
)
def test_what_cannot_be_split_is_refused_in_one_line(call, message):
    with pytest.raises(InputError, match=message) as refused:
        call()
    assert "\n" not in str(refused.value)


def test_a_frame_encodes_what_the_split_holds_and_decodes_it():
    images = np.random.default_rng(3).normal(size=(40, 6))
    split = principal_split(images, 30, 6, seed=2)
    frame = principal_frame(images, 30, 6, seed=2)
    order = np.random.default_rng(2).permutation(40)
    encoded = frame.encode(images[order])
    np.testing.assert_allclose(split.train, encoded[:30], rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(split.held_out, encoded[30:], rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(frame.decode(encoded), images[order], atol=1e-12)
    assert split.spare == 10
    few = principal_frame(images, 30, 2, seed=2)
    left = images[order] - few.decode(few.encode(images[order]))
    assert np.abs(left @ few.axes.T).max() < 1e-12


def test_without_components_the_pixels_are_kept():
    images = np.random.default_rng(4).uniform(0, 255, (40, 9))
    split = principal_split(images, 30, None, seed=1)
    frame = principal_frame(images, 30, None, seed=1)
    order = np.random.default_rng(1).permutation(40)
    train = images[order][:30]
    expected = 0.5 * (train - train.mean()) / train.std()
    np.testing.assert_allclose(split.train, expected, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(frame.decode(expected), train, rtol=1e-12)
