"""Trace, quantiles, spikiness, clusters, Frechet distance and the plane to look at."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from point_sets import (
    L4,
    SQUARE,
    TRIG,
    digits,
    digits_in_sixteen_coordinates,
    rotation,
)
from scipy.cluster.hierarchy import fcluster, linkage
from scipy.linalg import sqrtm
from scipy.spatial.distance import pdist

from sim.measures import spread
from sim.measures.neighbours import nearest_distances
from sim.measures.spread import (
    clusters,
    covariance_trace,
    frechet,
    frechet_estimate,
    log_spacing_quantiles,
    singular_plane,
    spikiness,
)
from theory.divergence import w2_squared_gaussian
from theory.validation import InputError

EXACT = 1e-9


def test_trace_of_digits():
    trace = float(covariance_trace(digits()[:500]).value)
    assert trace == pytest.approx(4.616495991983967, rel=EXACT)


def test_trace_is_unbiased_and_its_error_right():
    rng = np.random.default_rng(0)
    n, repeats, sds = 25, 3000, np.array([1.0, 2.0, 0.5])
    x = jnp.asarray(sds * rng.normal(size=(repeats, n, 3)))
    value, se = (np.asarray(a) for a in jax.vmap(covariance_trace)(x))
    error = value.std(ddof=1) / np.sqrt(repeats)
    assert abs(value.mean() - np.sum(sds**2)) < 4.0 * error
    assert abs(value.mean() * (n - 1) / n - np.sum(sds**2)) > 4.0 * error  # biased one
    assert np.sqrt(np.mean(se**2)) == pytest.approx(value.std(), rel=0.1)
    one = np.trace(np.cov(np.asarray(x[0]).T))
    assert value[0] == pytest.approx(one, rel=1e-12)


def test_quantiles_are_those_of_the_logarithms():
    eps = nearest_distances(TRIG, TRIG, 1, exclude_self=True).distance[:, 0]
    found = log_spacing_quantiles(eps, (0.1, 0.5, 0.9), floor=0.0)
    expected = np.quantile(np.log(eps), [0.1, 0.5, 0.9])
    np.testing.assert_allclose(found, expected, rtol=1e-12)
    doubled = log_spacing_quantiles(2.0 * eps, (0.1, 0.5, 0.9), floor=0.0)
    np.testing.assert_allclose(doubled - found, np.log(2.0), rtol=1e-12)
    assert log_spacing_quantiles(np.zeros(4))[0] == pytest.approx(np.log(1e-10))


def spacing_and_trace(x):
    eps = nearest_distances(x, x, 1, exclude_self=True).distance[:, 0]
    return eps.mean(), covariance_trace(x).value


def test_spikiness_is_one_for_a_rescaled_set_and_less_for_a_clumped_one():
    rng = np.random.default_rng(1)
    first = rng.normal(size=(200, 4))
    S = lambda x: float(spikiness(*spacing_and_trace(x), *spacing_and_trace(first)))
    assert S(0.3 * first + 5.0) == pytest.approx(1.0, rel=1e-12)
    families = first[rng.integers(40, size=200)] + 0.05 * rng.normal(size=(200, 4))
    assert S(families) < 0.3
    # both parts as they are defined: half the spacing at a quarter of the variance is 1
    assert float(spikiness(0.5, 0.25, 1.0, 1.0)) == 1.0
    assert float(spikiness(0.5, 1.0, 1.0, 1.0)) == 0.5


@pytest.mark.parametrize(
    ("x", "radius", "number"),
    [
        (SQUARE, 0.99, 4),
        (SQUARE, 1.0, 1),  # steps of exactly the radius count
        (L4, 1.0, 3),
        (L4, 2.0, 2),
        (L4, 4.0, 1),
        (np.repeat(L4, 5, axis=0), 0.0, 4),  # distinct points
        (np.zeros((7, 3)), 0.0, 1),
        (np.ones((1, 2)), 1.0, 1),
    ],
)
def test_clusters_of_small_sets(x, radius, number):
    assert clusters(x, radius) == number


@pytest.mark.parametrize("block", [1, 500, 10**7])
def test_clusters_are_those_of_single_linkage(block, monkeypatch):
    monkeypatch.setattr(spread, "_BLOCK", block)
    rng = np.random.default_rng(2)
    x = rng.normal(size=(15, 6))[rng.integers(15, size=130)]
    x = x + 0.1 * rng.normal(size=x.shape)
    tree = linkage(pdist(x), "single")
    found = [clusters(x, r) for r in (0.1, 0.2, 0.4, 0.8, 1.5, 3.0)]
    expected = [
        fcluster(tree, r, "distance").max() for r in (0.1, 0.2, 0.4, 0.8, 1.5, 3.0)
    ]
    assert found == expected
    assert len(set(found)) > 3


def test_a_chain_is_one_cluster_and_a_gap_makes_two():
    chain = np.random.default_rng(3).permutation(np.arange(50.0))[:, None]
    assert clusters(chain, 1.0) == 1
    assert clusters(np.delete(chain, np.argmax(chain == 20.0), axis=0), 1.0) == 2


def by_matrix_root(x, y):
    cov_x, cov_y = np.cov(x.T), np.cov(y.T)
    root = sqrtm(cov_x @ cov_y)
    shift = x.mean(axis=0) - y.mean(axis=0)
    return shift @ shift + np.trace(cov_x) + np.trace(cov_y) - 2.0 * np.trace(root).real


def two_samples(d, n=200, m=150):
    rng = np.random.default_rng(d)
    x = rng.normal(size=(n, d)) @ rng.normal(size=(d, d))
    return x, 0.3 + rng.normal(size=(m, d)) @ rng.normal(size=(d, d))


@pytest.mark.parametrize("d", [2, 8, 30])
def test_frechet_distance_against_a_matrix_root_and_the_gaussian_formula(d):
    x, y = two_samples(d)
    found = float(frechet(x, y))
    assert found == pytest.approx(by_matrix_root(x, y), rel=1e-9)
    moments = (x.mean(axis=0), np.cov(x.T), y.mean(axis=0), np.cov(y.T))
    assert found == pytest.approx(float(w2_squared_gaussian(*moments)), rel=1e-11)
    assert float(frechet(y, x)) == pytest.approx(found, rel=1e-12)


def test_frechet_distance_in_one_dimension_by_hand():
    x, y = two_samples(1)
    by_hand = (x.mean() - y.mean()) ** 2 + (x.std(ddof=1) - y.std(ddof=1)) ** 2
    assert float(frechet(x, y)) == pytest.approx(by_hand, rel=1e-11)


def test_frechet_distance_is_invariant_and_zero_for_equal_moments():
    x, y = two_samples(6)
    Q = rotation(6)
    assert float(frechet(x @ Q + 1.0, y @ Q + 1.0)) == pytest.approx(
        float(frechet(x, y)), rel=1e-11
    )
    assert float(frechet(2.0 * x, 2.0 * y)) == pytest.approx(
        4.0 * float(frechet(x, y)), rel=1e-12
    )
    scale = float(covariance_trace(x).value)
    assert float(frechet(x, x[::-1])) < 1e-13 * scale
    assert float(frechet(x, x + 0.01)) == pytest.approx(6e-4, rel=1e-9)


def test_frechet_distance_of_singular_covariances():
    """Data on a plane: the distance within the plane; the Gaussian formula refuses it."""
    x, y = two_samples(3)
    frame = rotation(10)[:, :3]
    flat = float(frechet(x @ frame.T, y @ frame.T))
    assert flat == pytest.approx(float(frechet(x, y)), rel=1e-11)
    singular = np.cov((x @ frame.T).T) - 1e-9 * np.eye(10)
    with pytest.raises(InputError, match="positive definite"):
        w2_squared_gaussian(np.zeros(10), singular, np.zeros(10), np.eye(10))
    few, other = two_samples(20, n=5, m=7)  # fewer points than coordinates
    expected = by_matrix_root(few, other)  # its root is good to half the digits
    assert float(frechet(few, other)) == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize(
    ("n", "score", "spacing", "distance"),
    [
        (128, 1.082, 1.107, 0.153),
        (256, 0.955, 0.978, 0.078),
        (512, 0.857, 0.863, 0.048),
        (1024, 0.771, 0.775, 0.036),
    ],
)
def test_real_digits_in_sixteen_coordinates(n, score, spacing, distance):
    """Means over three seeds in the specification, Sec. 9.1, given to three decimals."""
    found = []
    for seed in range(3):
        x = digits_in_sixteen_coordinates(seed)
        data, held_out = x[:n], x[1024:]
        to_data = nearest_distances(held_out, data).distance.mean()
        own = nearest_distances(data, data, exclude_self=True).distance.mean()
        found.append([to_data, own, float(frechet(data, held_out))])
    expected = [score, spacing, distance]
    np.testing.assert_allclose(np.mean(found, axis=0), expected, atol=6e-4)


def test_the_plane_is_that_of_the_covariance():
    rng = np.random.default_rng(4)
    real = rng.normal(size=(300, 5)) * [5.0, 4.0, 3.0, 2.0, 1.0] @ rotation(5) + 7.0
    _, vectors = np.linalg.eigh(np.cov(real.T))
    plane = singular_plane(real)
    np.testing.assert_allclose(plane.mean, real.mean(axis=0), rtol=1e-12)
    for axis, expected in zip(np.asarray(plane.axes), vectors.T[[-2, -3]], strict=True):
        assert abs(axis @ expected) == pytest.approx(1.0, rel=1e-12)
        assert axis[np.argmax(np.abs(axis))] > 0
    top = singular_plane(real, 0, 1)
    np.testing.assert_allclose(top.axes[1], plane.axes[0], rtol=1e-12)


def test_projections_are_taken_from_the_real_mean():
    real = np.random.default_rng(5).normal(size=(40, 6)) + 3.0
    plane = singular_plane(real)
    np.testing.assert_allclose(np.mean(plane.project(real), axis=0), 0.0, atol=1e-13)
    coordinates = np.array([[1.5, -2.0], [0.0, 0.25]])
    generated = np.asarray(plane.mean) + coordinates @ np.asarray(plane.axes)
    off_plane = generated + np.asarray(singular_plane(real, 0, 3).axes)[[0, 1]]
    for points in (generated, off_plane):
        np.testing.assert_allclose(plane.project(points), coordinates, atol=1e-12)


def test_compiled_and_mapped():
    x, y = (jnp.stack([s, 2.0 * s]) for s in map(jnp.asarray, two_samples(4)))
    both = jax.jit(jax.vmap(lambda a, b: (frechet(a, b), covariance_trace(a).value)))
    distance, trace = both(x, y)
    assert distance.dtype == trace.dtype == jnp.float64
    np.testing.assert_allclose(distance[1], 4.0 * distance[0], rtol=1e-12)
    np.testing.assert_allclose(trace[1], 4.0 * trace[0], rtol=1e-12)
    single = frechet(x[0].astype(jnp.float32), y[0].astype(jnp.float32))
    assert single.dtype == jnp.float64
    axes = jax.jit(lambda a: singular_plane(a).axes)(x[0])
    np.testing.assert_allclose(axes, singular_plane(x[0]).axes, atol=1e-12)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: covariance_trace(np.ones((1, 3))), r"x must be points, .* n >= 2"),
        (lambda: covariance_trace(np.ones(5)), "x must be points"),
        (lambda: frechet(TRIG, TRIG[:, :2]), "y must be points of the dimension of x"),
        (lambda: frechet(TRIG, TRIG[:1]), "y must be points"),
        (lambda: frechet(TRIG[0], TRIG), "x must be points"),
        (lambda: clusters(TRIG, -1.0), "radius must be >= 0"),
        (lambda: clusters(np.full((3, 2), np.nan), 1.0), "x must be finite"),
        (lambda: clusters(np.ones(3), 1.0), "x must be points"),
        (lambda: singular_plane(TRIG, 3, 0), r"first must be in \[0, 2\], got 3"),
        (lambda: singular_plane(TRIG, 1, 1), "second must be"),
        (
            lambda: log_spacing_quantiles(np.ones(3), (1.5,)),
            r"levels must be in \[0, 1",
        ),
    ],
)
def test_bad_input(call, message):
    with pytest.raises(InputError, match=message):
        call()


def test_the_error_of_a_frechet_distance_is_the_spread_over_samples():
    rng = np.random.default_rng(11)
    y = jnp.asarray(rng.standard_normal((2000, 4)))
    draws = [
        frechet_estimate(jnp.asarray(1.3 * rng.standard_normal((240, 4))), y)
        for _ in range(60)
    ]
    spread = np.std([float(d.value) for d in draws], ddof=1)
    errors = np.mean([float(d.standard_error) for d in draws])
    assert 0.75 < errors / spread < 1.35
    value = float(frechet(jnp.ones((16, 2)) * jnp.arange(16.0)[:, None], y[:, :2]))
    same = jnp.ones((16, 2)) * jnp.arange(16.0)[:, None]
    assert float(frechet_estimate(same, y[:, :2]).value) == pytest.approx(value)
    with pytest.raises(InputError, match="groups must be >= 2"):
        frechet_estimate(y, y, groups=1)
    with pytest.raises(InputError, match="x must be at least 16 points"):
        frechet_estimate(y[:15], y)
