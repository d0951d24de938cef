"""Exact nearest neighbours against brute force, where rounding and ties would mislead."""

import jax
import jax.numpy as jnp
import jax.random as jr
import numpy as np
import pytest
from point_sets import GRID, TRIG, rotation
from scipy.spatial.distance import cdist

from sim.measures import neighbours
from sim.measures.neighbours import nearest, nearest_distances
from theory.validation import InputError


def brute(queries, pool, k, exclude_self):
    """All pairs by subtraction; sorted by distance, then by index."""
    s = np.stack([np.sum((x - pool) ** 2, axis=1) for x in queries])
    if exclude_self:
        np.fill_diagonal(s, np.inf)
    index = np.argsort(s, axis=1, kind="stable")[:, :k]
    return np.sqrt(np.take_along_axis(s, index, axis=1)), index


def random(n, d, seed=0):
    return np.random.default_rng(seed).normal(size=(n, d))


def duplicated(n, d):
    """Points in pairs, triples, ... up to groups of seven, shuffled."""
    rng = np.random.default_rng(1)
    x = np.repeat(rng.normal(size=(n, d)), 1 + np.arange(n) % 7, axis=0)[:n]
    return rng.permutation(x)


def nearly_duplicated(n, d):
    """Pairs 1e-9 apart, far from the origin."""
    rng = np.random.default_rng(2)
    x = 100.0 + rng.normal(size=(n // 2, d))
    return np.concatenate([x, x + 1e-9 * rng.normal(size=x.shape)])


def lattice(n, d):
    """Whole numbers: distances tie all over, and are exact."""
    return np.random.default_rng(3).integers(0, 2, size=(n, d)).astype(float)


def far_pairs(n, d):
    """Two clouds a million apart; spacing is below the rounding of squared norms."""
    x = 1e-3 * random(n, d, 4)
    x[::2] += 1e6
    return x


MAKERS = (random, duplicated, nearly_duplicated, lattice, far_pairs)
SETS = {f"{make.__name__} {d}-D": make(140, d) for d in (4, 40) for make in MAKERS}
SETS |= {"random 16-D": random(140, 16), "grid": GRID, "trigonometric": TRIG}


@pytest.mark.parametrize("by_tree", [False, True], ids=["all pairs", "tree allowed"])
@pytest.mark.parametrize("exclude_self", [False, True])
@pytest.mark.parametrize("k", [1, 5])
@pytest.mark.parametrize("x", SETS.values(), ids=list(SETS))
def test_neighbours_are_those_of_brute_force(x, k, exclude_self, by_tree, monkeypatch):
    monkeypatch.setattr(neighbours, "TREE_POINTS", 1 if by_tree else 10**9)
    between = 0.25 * x[:-1] + 0.75 * x[1:]
    queries = x if exclude_self else np.concatenate([x[::3], between])
    distance, index = nearest_distances(queries, x, k, exclude_self)
    expected, at = brute(queries, x, k, exclude_self)
    np.testing.assert_allclose(distance, expected, rtol=1e-14, atol=0.0)
    np.testing.assert_array_equal(index, at)
    assert (distance.dtype, index.dtype) == (np.float64, np.int32)


def test_the_tree_is_used_in_few_dimensions_and_gives_up_on_ties(monkeypatch):
    x = random(neighbours.TREE_POINTS, 3)
    expected, _ = brute(x[:50], x, 3, False)
    assert neighbours._by_tree(GRID, GRID, 1, True) is None
    monkeypatch.setattr(neighbours, "nearest", None)  # would fail if it were called
    distance, _ = nearest_distances(x, x, 2, exclude_self=True)
    np.testing.assert_allclose(distance[:50], expected[:, 1:], rtol=1e-14)


def test_self_is_excluded_by_index_and_not_by_place_in_the_list():
    x = np.concatenate([TRIG[:5], TRIG[:5], TRIG[:5]])
    distance, index = nearest_distances(x, x, 2, exclude_self=True)
    assert not distance.any()
    assert not np.any(index == np.arange(15)[:, None])
    np.testing.assert_array_equal(index[:5], np.arange(5)[:, None] + [5, 10])
    np.testing.assert_array_equal(index[5:10], np.arange(5)[:, None] + [0, 10])
    # control: dropping the first column of k + 1 neighbours keeps some point itself
    _, with_self = nearest_distances(x, x, 3)
    assert np.any(with_self[:, 1:] == np.arange(15)[:, None])


def float32_by_products(x):
    """Spacing as many libraries compute it."""
    z = x.astype(np.float32)
    norms = np.sum(z**2, axis=1)
    squared = norms[:, None] + norms[None] - 2.0 * z @ z.T
    np.fill_diagonal(squared, np.inf)
    return np.sqrt(np.maximum(squared, 0.0)).min(axis=1)


@pytest.mark.parametrize(("offset", "d"), [(100.0, 16), (100.0, 64), (0.0, 16)])
def test_products_in_single_precision_destroy_what_is_exact_here(offset, d):
    base = offset + random(100, d)
    x = np.concatenate([base, base + 1e-4 * random(100, d, seed=1)])
    expected, at = brute(x, x, 1, True)
    distance, index = nearest_distances(x, x, 1, exclude_self=True)
    np.testing.assert_allclose(distance, expected, rtol=1e-14)
    np.testing.assert_array_equal(index, at)
    single = float32_by_products(x)
    wrong = np.abs(single / expected[:, 0] - 1.0) > 0.05
    assert np.mean(wrong) > 0.8
    assert np.mean(single == 0.0) > (0.3 if offset else 0.2)


def proposals(x, k=1):
    """What the matrix product alone would answer, and the certificate."""
    points = jnp.asarray(x)
    propose = jax.jit(neighbours._proposals(points, points, k, True))
    return [np.asarray(a) for a in propose(jnp.arange(len(x), dtype=jnp.int32))]


def test_certificate_holds_for_ordinary_points_and_is_needed_for_others():
    _, _, settled = proposals(random(140, 40, 6))
    assert settled.all()
    x = SETS["far_pairs 40-D"]
    squared, index, settled = proposals(x)
    expected, at = brute(x, x, 1, True)
    wrong = index[:, 0] != at[:, 0]
    assert wrong.mean() > 0.3  # a double-precision product misleads here
    assert not settled[wrong].any()
    exact = np.sqrt(squared[settled]) == pytest.approx(expected[settled], rel=1e-14)
    assert exact


def test_certificate_refuses_ties_that_reach_the_last_candidate():
    spare = neighbours.SPARE
    x = random(100, 40)
    x[1 : spare + 1] = x[0]
    _, _, settled = proposals(
        x
    )  # of a group's members, `spare` others tie: one is beyond
    assert settled[: spare + 1].all()
    x[spare + 1] = x[0]
    _, _, settled = proposals(x)
    assert not settled[: spare + 2].any()
    assert settled.mean() > 0.8


@pytest.mark.parametrize("d", [24, 100, 784])
def test_rounding_of_the_product_stays_within_its_margin(d):
    """The bound delta of the module, against extended precision."""
    x = random(120, d) * np.random.default_rng(5).exponential(3.0, size=(120, 1))
    centred = x - x.mean(axis=0)
    norms = np.sum(centred**2, axis=1)
    g = norms[:, None] + norms[None] - 2.0 * centred @ centred.T
    wide = x.astype(np.longdouble)
    true = np.stack([np.sum((z - wide) ** 2, axis=1) for z in wide])
    error = np.abs(g - true).astype(float).max(axis=1)
    margin = (d + 8) * 2.0**-53 * (np.sqrt(norms) + np.sqrt(norms.max())) ** 2
    assert np.finfo(np.longdouble).nmant >= 63
    assert np.all(error <= margin)
    assert np.any(error > margin / (8 * d))  # within sight of the bound


@pytest.mark.parametrize("d", [3, 40])
@pytest.mark.parametrize("block", [1, 370, 10**6])
def test_blocks_and_padding_change_nothing(block, d, monkeypatch):
    monkeypatch.setattr(neighbours, "BLOCK", block)
    queries, pool = random(101, d), random(70, d, seed=1)
    pool[30:40] = pool[50]  # some rows are redone
    found = jax.jit(lambda q, p: nearest.__wrapped__(q, p, 12))(queries, pool)
    expected, at = brute(queries, pool, 12, False)
    np.testing.assert_allclose(found.distance, expected, rtol=1e-14)
    np.testing.assert_array_equal(found.index, at)


def largest_array(jaxpr):
    """Entries of the largest array that a program names, inner programs included."""
    sizes = [v.aval.size for e in jaxpr.eqns for v in e.outvars]
    for e in jaxpr.eqns:
        for value in e.params.values():
            for inner in value if isinstance(value, tuple) else (value,):
                if hasattr(inner, "jaxpr"):
                    sizes.append(largest_array(inner.jaxpr))
                elif hasattr(inner, "eqns"):
                    sizes.append(largest_array(inner))
    return max(sizes, default=0)


@pytest.mark.parametrize("d", [8, 40])
def test_no_array_grows_with_the_number_of_pairs(d):
    n = 4000
    points = jax.ShapeDtypeStruct((n, d), jnp.float64)
    program = jax.make_jaxpr(lambda x: nearest(x, x, 1, True))(points)
    assert largest_array(program.jaxpr) <= max(neighbours.BLOCK, n * d)
    all_pairs = jax.make_jaxpr(lambda x: x @ x.T)(points)
    assert largest_array(all_pairs.jaxpr) == n * n > neighbours.BLOCK  # the control


@pytest.mark.parametrize("d", [5, 40])
def test_mapped_over_replicas_and_compiled(d):
    x = np.stack([random(80, d), duplicated(80, d), far_pairs(80, d)])
    each = lambda points: nearest(points, points, 2, exclude_self=True)
    found = jax.jit(jax.vmap(each))(jnp.asarray(x))
    for r in range(3):
        expected, at = brute(x[r], x[r], 2, True)
        np.testing.assert_allclose(found.distance[r], expected, rtol=1e-14)
        np.testing.assert_array_equal(found.index[r], at)


@pytest.mark.parametrize("d", [7, 48])
def test_single_precision_points_are_measured_in_double(d):
    x = (50.0 + random(90, d)).astype(np.float32)
    found = nearest(jnp.asarray(x), jnp.asarray(x), 1, exclude_self=True)
    expected, at = brute(x.astype(np.float64), x.astype(np.float64), 1, True)
    assert found.distance.dtype == jnp.float64
    np.testing.assert_allclose(found.distance, expected, rtol=1e-14)
    np.testing.assert_array_equal(found.index, at)


@pytest.mark.parametrize("d", [3, 40])
def test_distances_scale_and_survive_rotation(d):
    x, Q = random(120, d), rotation(d)
    plain = nearest_distances(x, x, 3, exclude_self=True)
    turned = nearest_distances(x @ Q, x @ Q, 3, exclude_self=True)
    np.testing.assert_allclose(turned.distance, plain.distance, rtol=1e-12)
    np.testing.assert_array_equal(turned.index, plain.index)
    doubled = nearest_distances(2.0 * x, 2.0 * x, 3, exclude_self=True)
    np.testing.assert_array_equal(doubled.distance, 2.0 * plain.distance)


@pytest.mark.parametrize("d", [3, 40])
def test_what_diverged_gives_nan_and_not_a_number(d):
    pool = random(80, d)
    queries = pool.copy()
    queries[3, 1] = np.nan
    found = nearest(jnp.asarray(queries), jnp.asarray(pool), 2)
    assert np.isnan(found.distance[3]).all()
    assert np.isfinite(np.delete(found.distance, 3, axis=0)).all()
    everywhere = nearest(jnp.asarray(pool), jnp.asarray(queries), 2)
    assert np.isnan(everywhere.distance).any(axis=1).all()


def test_real_images_in_many_coordinates_against_scipy(reference_images):
    x = reference_images
    expected = cdist(x[:60], x)
    expected[np.arange(60), np.arange(60)] = np.inf
    distance, index = nearest_distances(x, x, 1, exclude_self=True)
    np.testing.assert_allclose(distance[:60, 0], expected.min(axis=1), rtol=1e-13)
    np.testing.assert_array_equal(index[:60, 0], expected.argmin(axis=1))


@pytest.fixture
def reference_images():
    """Rows of whole numbers, many of them equal in most coordinates, like pixels."""
    rng = np.random.default_rng(7)
    return np.floor(255.0 * rng.beta(0.1, 0.4, size=(600, 784)))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((TRIG[:2], TRIG[:2], 2, True), "pool must be at least 3 points for k = 2"),
        ((TRIG, TRIG[:2], 3), "pool must be at least 3 points for k = 3, got 2"),
        ((TRIG, TRIG, 0), "k must be >= 1, got 0"),
        ((TRIG[:, 0], TRIG), "queries must be n points in d coordinates"),
        ((TRIG, TRIG[0]), "pool must be n points in d coordinates"),
        ((TRIG, np.zeros((0, 3))), "pool must be n points in d coordinates"),
        ((TRIG, TRIG[:, :2]), "pool must be of the queries' dimension, 3, got 2"),
        ((TRIG[:5], TRIG, 1, True), "queries must be the 60 rows of pool"),
        ((TRIG, np.where(TRIG > 0.99, np.nan, TRIG)), "pool must be finite, got nan"),
        (
            (np.where(TRIG > 0.99, np.inf, TRIG), TRIG),
            "queries must be finite, got inf",
        ),
        ((TRIG, [["a"]]), "pool must be numeric"),
    ],
)
def test_bad_input_is_refused_in_one_line(arguments, message):
    with pytest.raises(InputError, match=message) as refused:
        nearest_distances(*arguments)
    assert "\n" not in str(refused.value)


def test_random_keys_give_replicas_that_differ():
    """Drawn by JAX and mapped, as a loop's measures are."""
    x = jr.normal(jr.key(0), (3, 64, 16), jnp.float32)
    found = jax.vmap(lambda z: nearest(z, z, 1, True).distance)(x)
    host = [nearest_distances(z, z, 1, True).distance for z in np.asarray(x)]
    np.testing.assert_allclose(found, np.stack(host), rtol=1e-14)
    assert len(np.unique(np.asarray(found).mean(axis=(1, 2)))) == 3
