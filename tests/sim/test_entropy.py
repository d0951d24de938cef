"""Nearest-neighbour entropy: known values, exact facts, and honest standard errors."""

import jax
import jax.numpy as jnp
import jax.random as jr
import numpy as np
import pytest
from point_sets import (
    GRID,
    L4,
    POLYGON,
    SQUARE,
    TRIG,
    copied_rows,
    digits,
    mnist,
    rotation,
)
from scipy.special import digamma

from sim.measures.entropy import FLOOR, duplicates, entropy, entropy_of_neighbours
from sim.measures.neighbours import nearest, nearest_distances
from sim.measures.spread import covariance_trace
from theory.validation import InputError

EXACT = 1e-9


def spacing(x, k=1):
    return nearest_distances(x, x, k, exclude_self=True).distance[:, k - 1]


def H(x, k=1, dim=None, floor=FLOOR):
    dim = np.shape(x)[1] if dim is None else dim
    return float(entropy(spacing(x, k), dim, k, floor).value)


# (points, k, dim or None for the ambient one, value of the specification, Sec. 11)
VALUES = {
    "four on a line": (L4, 1, None, 3.0463408993132375),
    "square, k=1": (SQUARE, 1, None, 2.978063219182733),
    "square, k=2": (SQUARE, 2, None, 1.9780632191827334),
    "square, k=3": (SQUARE, 3, None, 2.171210399742679),
    "grid, k=1": (GRID, 1, None, 4.692469542993082),
    "grid, k=2": (GRID, 2, None, 3.6924695429930816),
    "grid, k=4": (GRID, 4, None, 3.4829686721636994),
    "unit vectors": (np.eye(64)[:10], 1, None, -19.91692507704772),
    "polygon, d=2": (POLYGON, 1, None, 4.233943694921819),
    "polygon, d=1": (POLYGON, 1, 1, 3.747692757534827),
    "trig, k=1": (TRIG, 1, None, -0.5113837474744614),
    "trig, k=2": (TRIG, 2, None, 1.8715477316328033),
    "trig, k=3": (TRIG, 3, None, 1.9288926352962834),
    "trig, k=5": (TRIG, 5, None, 2.6926996676344856),
    "2.5 trig": (2.5 * TRIG, 1, None, 2.237488448148003),
    "trig, d=1": (TRIG, 1, 1, 3.1540177761581116),
    "copied rows, k=1": (copied_rows(), 1, None, -11.996394998798575),
    "copied rows, k=2": (copied_rows(), 2, None, 0.21321879755699502),
    "digits": (digits()[:500], 1, None, -34.256656254511576),
}


@pytest.mark.parametrize(("x", "k", "dim", "value"), VALUES.values(), ids=list(VALUES))
def test_known_values(x, k, dim, value):
    floor = FLOOR if np.array_equal(x, copied_rows()) else 0.0  # as the table does
    assert H(x, k, dim, floor) == pytest.approx(value, rel=EXACT)


def test_four_points_on_a_line_by_hand():
    by_hand = 11.0 / 6.0 + np.log(2.0) + np.log(8.0) / 4.0
    assert H(L4, floor=0.0) == pytest.approx(by_hand, rel=1e-14)
    assert H(L4) == pytest.approx(by_hand, rel=EXACT)
    # the floor of the official code is seen where spacing is near 1e-3
    assert 0 < H(TRIG) - H(TRIG, floor=0.0) < 1e-8


def test_spacing_of_the_trigonometric_points():
    eps = spacing(TRIG)
    assert eps.mean() == pytest.approx(0.1654778578232862, rel=EXACT)
    geometric = np.exp(np.log(eps).mean())
    assert geometric == pytest.approx(0.11054493924648004, rel=EXACT)


@pytest.mark.slow
def test_twelve_thousand_images(spec_dir):
    x = mnist(spec_dir)
    eps = spacing(x)
    assert float(entropy(eps, 784).value) == pytest.approx(3999.182225560099, rel=1e-6)
    assert eps.mean() == pytest.approx(1160.6420, rel=1e-6)
    assert np.mean(eps**2) / 784 == pytest.approx(1855.1292, rel=1e-6)
    assert float(covariance_trace(x).value) == pytest.approx(3435493.52, rel=1e-6)
    assert int(duplicates(eps)) == 0


def test_entropy_shifts_with_scale_and_with_nothing_else():
    d = TRIG.shape[1]
    plain = H(TRIG, floor=0.0)
    moved = H(3.7 * TRIG @ rotation(d) + np.array([5.0, -2.0, 9.0]), floor=0.0)
    assert moved == pytest.approx(plain + d * np.log(3.7), rel=1e-11)


@pytest.mark.parametrize(
    ("d", "copied", "predicted", "measured"),
    [(64, 20, -32.20, -32.20), (64, 200, -322.0, -321.8), (2, 20, -0.79, -0.79)],
)
def test_what_duplicates_cost(d, copied, predicted, measured):
    """Rows overwritten by others: a pair costs (2d/N)(log(1/f) + mean log eps)."""
    n = 2000
    x = np.random.default_rng(0).normal(size=(n, d))
    with_copies = x.copy()
    with_copies[:copied] = x[copied : 2 * copied]
    eps = spacing(x)
    cost = H(with_copies) - H(x)
    formula = -(2.0 * copied / n) * d * (np.log(1 / FLOOR) + np.log(eps).mean())
    spread = d * np.sqrt(2.0 * copied) * np.log(eps).std() / n  # which points they are
    assert abs(cost - formula) < 5.0 * spread + 0.002 * abs(formula)
    assert abs(formula - predicted) < 0.01 * abs(predicted)
    assert abs(cost - measured) < 0.01 * abs(measured) + 5.0 * spread
    assert int(duplicates(spacing(with_copies))) == 2 * copied
    assert int(duplicates(eps)) == 0
    assert abs(H(with_copies, 5) - H(x, 5)) < 0.16  # k > 1 helps


def test_unbiased_on_a_circle_for_every_number_of_points():
    """Arc lengths D of N uniform points: 2 min(D, D') is Beta(1, N - 1), E log known.

    So E log eps = psi(1) - psi(N) + log(L / 2), and the estimate's mean is log L exactly.
    """
    N, L, repeats = 6, 3.0, 40_000
    points = np.sort(np.random.default_rng(0).uniform(0.0, L, (repeats, N)), axis=1)
    gaps = np.diff(points, axis=1, append=points[:, :1] + L)
    eps = jnp.asarray(np.minimum(gaps, np.roll(gaps, 1, axis=1)))
    each = np.asarray(jax.vmap(lambda e: entropy(e, 1, 1, 0.0).value)(eps))
    se = each.std(ddof=1) / np.sqrt(repeats)
    assert se < 0.005
    assert abs(each.mean() - np.log(L)) < 5.0 * se
    wrong = each - digamma(N) + np.log(N)  # control: log N instead of psi(N)
    assert abs(wrong.mean() - np.log(L)) > 5.0 * se


def gaussian_entropy(d):
    return 0.5 * d * np.log(2.0 * np.pi * np.e)


@pytest.mark.parametrize(
    ("d", "n", "bias", "sd"),
    [(1, 400, -0.004, 0.08), (5, 400, -0.039, 0.10), (10, 400, 0.070, 0.16)]
    + [(20, 100, 1.372, 0.36), (20, 400, 1.085, 0.18)],
)
def test_bias_for_gaussian_samples(d, n, bias, sd):
    """The table of Sec. 3.2: its mean error over seeds, whose number it does not state.

    Ten are assumed for the table's own error.
    """
    repeats = 100
    keys = jr.split(jr.key(d), repeats)

    def error(key):
        x = jr.normal(key, (n, d), jnp.float64)
        found = nearest(x, x, 1, exclude_self=True)
        return entropy(found.distance[:, 0], d).value - gaussian_entropy(d)

    errors = np.asarray(jax.lax.map(error, keys))
    se = np.hypot(errors.std(ddof=1) / np.sqrt(repeats), sd / np.sqrt(10))
    assert abs(errors.mean() - bias) < 3.0 * se
    # sd is known to 1/sqrt(2 (seeds - 1)) of itself on either side
    assert abs(errors.std(ddof=1) / sd - 1.0) < 3.0 * np.sqrt(1 / 18 + 1 / 198)
    if d == 20:
        assert errors.mean() > 5.0 * se  # the boundary's bias is really there


def circle(rng, n):
    angle = rng.uniform(0.0, 2.0 * np.pi, n)
    return 2.0 * np.stack([np.cos(angle), np.sin(angle)], axis=1)


def sphere(rng, n):
    x = rng.normal(size=(n, 3))
    return x / np.linalg.norm(x, axis=1, keepdims=True)


def flat_torus(rng, n):
    a, b = rng.uniform(0.0, 2.0 * np.pi, (2, n))
    return np.stack([np.cos(a), np.sin(a), 0.5 * np.cos(b), 0.5 * np.sin(b)], axis=1)


# maker, m, entropy relative to its own volume, value at n = 8000 in the specification
MANIFOLDS = {
    "circle": (circle, 1, np.log(4.0 * np.pi), 2.538),
    "sphere": (sphere, 2, np.log(4.0 * np.pi), 2.531),
    "torus": (flat_torus, 2, np.log(2.0 * np.pi**2), 3.012),
}


@pytest.mark.parametrize(
    ("maker", "m", "exact", "spec"), MANIFOLDS.values(), ids=list(MANIFOLDS)
)
def test_intrinsic_entropy_of_manifolds(maker, m, exact, spec):
    x = maker(np.random.default_rng(0), 8000)
    found = nearest_distances(x, x, 2, exclude_self=True)
    H_m, se = entropy_of_neighbours(found, m)
    assert abs(float(H_m) - exact) < 4.0 * se
    assert abs(float(H_m) - spec) < 4.0 * np.sqrt(2.0) * se  # another sample
    assert se < 0.04
    frame = rotation(20)[:, : x.shape[1]]
    embedded = float(entropy(spacing(x @ frame.T), m).value)
    assert embedded == pytest.approx(float(H_m), abs=1e-9)


@pytest.mark.parametrize("maker", ["circle", "sphere"])
def test_ambient_entropy_of_a_manifold_has_no_limit(maker):
    """The slope in log N is 1 - d/m: -19 for a circle in R^20, -9 for a sphere."""
    make, m, _, _ = MANIFOLDS[maker]
    d, small, large, repeats = 20, 250, 4000, 12
    rng = np.random.default_rng(1)
    mean_log = lambda n: np.array(
        [H(make(rng, n), dim=d, floor=0.0) for _ in range(repeats)]
    )
    few, many = mean_log(small), mean_log(large)
    slope = (many.mean() - few.mean()) / np.log(large / small)
    variance = (few.var(ddof=1) + many.var(ddof=1)) / repeats
    se = np.sqrt(variance) / np.log(large / small)
    assert se < 0.5
    assert abs(slope - (1.0 - d / m)) < 4.0 * se


@pytest.mark.parametrize(("k", "d"), [(1, 3), (2, 3), (4, 1)])
def test_jackknife_leaves_each_point_out(k, d):
    """By recomputing every estimate on N - 1 points."""
    x, n = TRIG[:, :d], len(TRIG)
    found = nearest_distances(x, x, k + 1, exclude_self=True)
    value, se = entropy_of_neighbours(found, d, k)
    assert float(value) == pytest.approx(H(x, k), rel=1e-12)
    without = np.array([H(np.delete(x, j, axis=0), k) for j in range(n)])
    expected = np.sqrt((n - 1) / n * np.sum((without - without.mean()) ** 2))
    assert float(se) == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize(("k", "d"), [(1, 1), (1, 8), (3, 8)])
def test_one_standard_error_is_too_small_and_the_other_too_large(k, d):
    n, repeats = 128, 400
    keys = jr.split(jr.key(100 + d + k), repeats)

    def estimates(key):
        x = jr.normal(key, (n, d), jnp.float64)
        found = nearest(x, x, k + 1, exclude_self=True)
        naive = entropy(found.distance[:, k - 1], d, k)
        return naive.value, naive[1] ** 2, entropy_of_neighbours(found, d, k)[1] ** 2

    value, naive, jackknife = (np.asarray(a) for a in jax.lax.map(estimates, keys))
    variance = value.var(ddof=1)
    error = variance * np.sqrt(2.0 / repeats)
    assert naive.mean() < variance - 2.0 * error
    assert jackknife.mean() > variance - 2.0 * error
    assert jackknife.mean() < 3.0 * variance  # and of use
    assert naive.mean() > variance / 3.0


def test_without_a_floor_duplicates_are_infinite():
    assert H(copied_rows(), floor=0.0) == -np.inf
    assert H(copied_rows(), 2, floor=0.0) > 0.2


def test_compiled_mapped_and_from_numpy():
    x = np.random.default_rng(0).normal(size=(3, 50, 4))
    host = [H(points, 2) for points in x]

    def on_device(points):
        found = nearest(points, points, 3, exclude_self=True)
        of_spacing = entropy(found.distance[:, 1], 4, 2)
        return of_spacing, entropy_of_neighbours(found, 4, 2)

    plain, jackknife = jax.jit(jax.vmap(on_device))(jnp.asarray(x))
    np.testing.assert_allclose(plain.value, host, rtol=1e-12)
    np.testing.assert_allclose(jackknife.value, host, rtol=1e-12)
    assert plain.value.dtype == jackknife.standard_error.dtype == jnp.float64
    single = entropy(np.float32([1.0, 1.0, 2.0, 4.0]), 1)
    assert float(single.value) == pytest.approx(H(L4), rel=EXACT)
    assert single.value.dtype == jnp.float64


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"spacing": np.ones((3, 1))}, r"spacing must be \(n,\), n >= 2"),
        ({"spacing": np.ones(1)}, r"spacing must be \(n,\), n >= 2"),
        ({"k": 0}, r"k must be in \[1, 2\], got 0"),
        ({"k": 3}, r"k must be in \[1, 2\], got 3"),
        ({"dim": 0}, "dim must be in"),
        ({"floor": -1.0}, "floor must be >= 0"),
    ],
)
def test_bad_input(change, message):
    with pytest.raises(InputError, match=message):
        entropy(**({"spacing": np.ones(3), "dim": 2} | change))


def test_the_jackknife_asks_for_one_more_neighbour():
    found = nearest_distances(TRIG, TRIG, 2, exclude_self=True)
    with pytest.raises(InputError, match="neighbours must be at least k"):
        entropy_of_neighbours(found, 3, 2)
