r"""Exact Euclidean nearest neighbours in float64: spacing within a set, distance to another.

Directly, the squared distances of a block of rows are sums of squared differences. In many
coordinates a matrix product is far faster, but subtracts large numbers. It therefore only
*proposes* candidates, and a certificate decides whether they hold (derived). Let a = x - c
and b = z - c for a common centre c, :math:`S = |a| + \max_z |b|` and u = 2^-53. Rounding a
and b, d products in any order and three sums leave

.. math:: g = |a|^2 + |b|^2 - 2\,a\cdot b,\qquad
    \big|\,g - |x-z|^2\,\big| \le \delta := (d + 8)\,u\,S^2 ,

and the direct sum s is within :math:`(d + 3)\,u` of :math:`|x-z|^2`, relative. Every point
that is no candidate has a g not below the largest of the candidates, G, and so
:math:`s \ge (G - \delta)(1 - (d+8)u)`. If that exceeds the k-th smallest s among the
candidates, the direct way over all points would return the same neighbours. A row where it
does not (many duplicates, ties) is done directly. Excluded are under- and overflow.
"""

from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int
from scipy.spatial import KDTree

from theory.validation import require, require_finite

__all__ = ["Neighbours", "nearest", "nearest_distances"]

MANY_COORDINATES = 24
"""From here on a matrix product proposes (measured)."""
FEW_COORDINATES = 5
"""Up to here, and from `TREE_POINTS` on, a tree is faster than all pairs (measured)."""
TREE_POINTS = 4096
SPARE = 3
"""Candidates beyond the k-th: a row is redone where as many more points tie with it."""
BLOCK = 2**20
"""Distances in memory at a time."""
REDONE = 16
"""Rows redone at a time."""
TOGETHER = 16
"""Coordinates summed in one pass over a block."""


class Neighbours(NamedTuple):
    """Nearest points of each query, the nearest first; of equal distances the first."""

    distance: Float[Array | np.ndarray, "n k"]
    index: Int[Array | np.ndarray, "n k"]


@partial(jax.jit, static_argnames=("k", "exclude_self"))
def nearest(
    queries: Float[Array, "n d"],
    pool: Float[Array, "m d"],
    k: int = 1,
    exclude_self: bool = False,
) -> Neighbours:
    r"""The k points of `pool` nearest to each query.

    No array is larger than a block of rows times m. What is not finite in a query gives its
    row NaN distances, in the pool every row.

    Args:
        queries: points x.
        pool: points z.
        k: how many neighbours, 1 <= k <= m, or m - 1 without the point itself.
        exclude_self: row i of `queries` is row i of `pool` and is left out, by its index.

    Returns:
        Distances in float64 and indices in int32, ascending.

    Raises:
        InputError: for fewer than k points, or shapes that do not match.
    """
    _check(queries, pool, k, exclude_self)
    q, p = queries.astype(jnp.float64), pool.astype(jnp.float64)
    m, d = p.shape
    by_coordinate = _padded(p.T)

    def directly(rows: Int[Array, " b"]) -> tuple[Array, Array]:
        a = _padded(q[rows].T)
        s = _squared(a[:, :, None], by_coordinate[:, None, :])
        return _smallest(_without_self(s, rows, exclude_self), k)

    n, block = q.shape[0], max(1, min(BLOCK // m, q.shape[0]))
    if d < MANY_COORDINATES:
        squared, index = _by_blocks(directly, n, block)
    else:
        propose = _proposals(q, p, k, exclude_self)
        *found, settled = _by_blocks(propose, n, block)
        squared, index = _redone(directly, tuple(found), settled)
    # minima need not pass NaN on (XLA's are fast, not strict)
    known = jnp.all(jnp.isfinite(q), axis=1) & jnp.all(jnp.isfinite(p))
    return Neighbours(jnp.where(known[:, None], jnp.sqrt(squared), jnp.nan), index)


def _by_blocks(of_rows, n: int, block: int):
    """`of_rows`, a function of row numbers, over all rows; padded by the last one."""
    blocks = -(-n // block)
    rows = jnp.minimum(jnp.arange(blocks * block, dtype=jnp.int32), n - 1)
    found = jax.lax.map(of_rows, rows.reshape(blocks, block))
    return jax.tree.map(lambda a: a.reshape(-1, *a.shape[2:])[:n], found)


def _padded(by_coordinate: Float[Array, "d ..."]) -> Float[Array, "D ..."]:
    """Zero coordinates added, up to whole passes of `_squared`."""
    d = by_coordinate.shape[0]
    more = -d % TOGETHER if d > TOGETHER else 0
    return jnp.pad(by_coordinate, ((0, more), *[(0, 0)] * (by_coordinate.ndim - 1)))


def _squared(a: Float[Array, "D ..."], b: Float[Array, "D ..."]) -> Float[Array, "..."]:
    """Sums of squared differences over the leading axis."""
    D = a.shape[0]
    nothing = jnp.zeros(jnp.broadcast_shapes(a.shape[1:], b.shape[1:]), a.dtype)

    def add(total, x, z):
        for j in range(x.shape[0]):
            total = total + (x[j] - z[j]) ** 2
        return total

    def one_pass(t, total):
        x, z = (jax.lax.dynamic_slice_in_dim(c, t * TOGETHER, TOGETHER) for c in (a, b))
        return add(total, x, z)

    if D <= TOGETHER:
        return add(nothing, a, b)
    return jax.lax.fori_loop(0, D // TOGETHER, one_pass, nothing)


def _without_self(
    values: Float[Array, "b m"], rows: Int[Array, " b"], exclude_self: bool
) -> Float[Array, "b m"]:
    if not exclude_self:
        return values
    columns = jnp.arange(values.shape[1], dtype=jnp.int32)[None]
    return jnp.where(rows[:, None] == columns, jnp.inf, values)


def _smallest(values: Float[Array, "b m"], k: int) -> tuple[Array, Array]:
    """The k smallest of each row, ascending, ties to the first, and their columns."""
    b, m = values.shape
    rows, columns = jnp.arange(b), jnp.arange(m, dtype=jnp.int32)[None]
    # computed once: with other rounding in a second place, nothing would equal the minimum
    values = jax.lax.optimization_barrier(values)

    def take(left, _):
        # two plain minima: on a CPU an argmin takes fifteen times as long
        smallest = jnp.min(left, axis=1)
        at = jnp.min(jnp.where(left == smallest[:, None], columns, m - 1), axis=1)
        return left.at[rows, at].set(jnp.inf), (smallest, at)

    _, (smallest, at) = jax.lax.scan(take, values, None, length=k)
    return smallest.T, at.T


def _proposals(q: Float[Array, "n d"], p: Float[Array, "m d"], k: int, alone: bool):
    """A function of row numbers: squared distances and indices by way of a matrix product.

    Its third result says which rows the certificate of the module settles.
    """
    m, d = p.shape
    c = jnp.mean(p, axis=0, keepdims=True)
    b = p - c
    b2 = jnp.sum(b**2, axis=1)[None]
    longest, unit = jnp.sqrt(jnp.max(b2)), (d + 8) * 0.5 * jnp.finfo(p.dtype).eps

    def propose(rows: Int[Array, " b"]) -> tuple[Array, Array, Array]:
        a = q[rows] - c
        a2 = jnp.sum(a**2, axis=1)[:, None]
        g = a2 + b2 - 2.0 * jnp.matmul(a, b.T, precision="highest")
        g, index = _smallest(_without_self(g, rows, alone), min(k + SPARE, m - alone))
        x, z = (jnp.moveaxis(y, -1, 0) for y in (q[rows][:, None], p[index]))
        s = _squared(_padded(x), _padded(z))
        s, index = jax.lax.sort((s, index), dimension=1, num_keys=2)
        s, index = s[:, :k], index[:, :k]
        delta = unit * (jnp.sqrt(a2[:, 0]) + longest) ** 2
        beyond = (g[:, -1] - delta) * (1.0 - unit)
        return s, index, ~(s[:, -1] >= beyond)  # NaN is settled: nothing would mend it

    return propose


def _redone(directly, found: tuple[Array, Array], settled: Array):
    """The rows that are not settled, done directly, a few at a time."""

    def step(state):
        settled, squared, index = state
        (rows,) = jnp.nonzero(~settled, size=REDONE, fill_value=0)
        s, i = directly(rows.astype(jnp.int32))
        return (
            settled.at[rows].set(True),
            squared.at[rows].set(s),
            index.at[rows].set(i),
        )

    some_left = lambda state: ~jnp.all(state[0])
    _, squared, index = jax.lax.while_loop(some_left, step, (settled, *found))
    return squared, index


def nearest_distances(
    queries: Float[np.ndarray, "n d"],
    pool: Float[np.ndarray, "m d"],
    k: int = 1,
    exclude_self: bool = False,
) -> Neighbours:
    """`nearest` of arrays on the host, refusing what is not finite; by a tree in few dimensions.

    Args and results are those of `nearest`, as NumPy arrays.

    Raises:
        InputError: for fewer than k points (k + 1 with the point itself), other than n rows
            of numbers, unequal dimensions, NaN or infinity.
    """
    for name, points in (("queries", queries), ("pool", pool)):
        require_finite(name, points)
    q, p = (np.asarray(points, np.float64) for points in (queries, pool))
    _check(q, p, k, exclude_self)
    if p.shape[1] <= FEW_COORDINATES and len(p) >= TREE_POINTS:
        found = _by_tree(q, p, k, exclude_self)
        if found is not None:
            return found
    return Neighbours(*map(np.asarray, nearest(q, p, k, exclude_self)))


def _by_tree(
    q: np.ndarray, p: np.ndarray, k: int, exclude_self: bool
) -> Neighbours | None:
    """By a k-d tree; None where ties with points beyond those asked for cannot be ruled out."""
    more = k + SPARE + exclude_self
    far, index = KDTree(p).query(q, min(more, len(p)), workers=-1)
    s = np.sum((q[:, None] - p[index]) ** 2, axis=-1)
    if exclude_self:
        s[index == np.arange(len(q))[:, None]] = np.inf
    order = np.lexsort((index, s), axis=-1)[:, :k]
    s, index = (np.take_along_axis(a, order, axis=1) for a in (s, index))
    unit = (p.shape[1] + 8) * np.finfo(p.dtype).eps  # as much again for the tree's sums
    if np.any(s[:, -1] >= far[:, -1] ** 2 * (1.0 - unit)):
        return None
    return Neighbours(np.sqrt(s), index.astype(np.int32))


def _check(queries, pool, k: int, exclude_self: bool) -> None:
    for name, points in (("queries", queries), ("pool", pool)):
        shape = np.shape(points)
        ok = len(shape) == 2 and min(shape) >= 1
        require(ok, name, "n points in d coordinates, shape (n, d)", shape)
    (n, d), (m, of_pool) = np.shape(queries), np.shape(pool)
    require(of_pool == d, "pool", f"of the queries' dimension, {d}", of_pool)
    require(k >= 1, "k", ">= 1", k)
    if exclude_self:
        require(n == m, "queries", f"the {m} rows of pool, each without itself", n)
    least = k + exclude_self
    require(m >= least, "pool", f"at least {least} points for k = {k}", m)
