r"""Points far apart: greedy selection and the threshold decay filter (Shi et al. 2025).

Both look for a subset D of a pool S with a large entropy estimate

.. math:: H_1(D) = \text{const} + \frac dN\sum_{x\in D}\log\min_{y\in D\setminus x}|x-y|

(their Algorithms 1 and 2). Distances are Euclidean, in float64, of differences.

Distances to the chosen points only fall as points are chosen. In a large pool those of a
window of points alone are kept up to date, the others' are upper bounds; the window is laid
so that its points are the next to be chosen, and after it all catch up. What is chosen is
the same.
"""

from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int

from sim.measures.neighbours import nearest
from theory.validation import require

__all__ = ["Filtered", "greedy", "threshold_decay"]

WINDOW = 1024
"""Points whose distances are kept up to date."""
BLOCK = 256
"""Chosen points after which the others catch up."""
DIRECT = 1 << 22
"""Numbers in a pool up to which the window holds all of it: a cache does, too."""
EXHAUSTED = 1e-12
"""Part of its first value below which the threshold is dropped: duplicates remain."""


class _Choice(NamedTuple):
    far: Float[Array, " m"]  # distance to the chosen points; -inf: not to be chosen
    order: Int[Array, " n"]  # the chosen points, in turn
    count: Int[Array, ""]


class Filtered(NamedTuple):
    """What the threshold decay filter chose."""

    order: Int[Array, " n"]
    """indices, in the order in which they were chosen"""
    threshold: Float[Array, ""]
    """last threshold"""
    sweeps: Int[Array, ""]
    """passes over the pool that the algorithm as printed makes"""


def greedy(
    pool: Float[Array, "m d"],
    n: int,
    start: Int[Array, ""] | int = 0,
    valid: Bool[Array, " m"] | None = None,
) -> Int[Array, " n"]:
    r"""Farthest-point traversal, :math:`x_{k+1}=\arg\max_x\min_{j\le k}|x-x_j|`.

    Ties go to the first index. The least distance among the chosen is at least half of the
    best possible (Gonzalez 1985); of the sum of logarithms nothing is guaranteed.

    Args:
        pool: points.
        n: how many are chosen; no more than are valid.
        start: index of the first, a valid point.
        valid: which points may be chosen; all by default.

    Returns:
        Indices in the order in which they were chosen.
    """
    x = _checked(pool, n)
    window = _window(x)

    def epoch(choice: _Choice) -> _Choice:
        # the farthest, in the pool's order; all others are no farther than `bound`
        far, index = jax.lax.top_k(choice.far, min(window + 1, x.shape[0]))
        bound = far[-1] if window < x.shape[0] else -jnp.inf
        rows = jnp.sort(index[:window])
        next_ = lambda f, fresh: (jnp.argmax(f), fresh | (jnp.max(f) > bound))
        return _choose(x, choice, rows, next_)

    first = _first(x, n, start, valid)
    return jax.lax.while_loop(lambda c: c.count < n, epoch, first).order


def threshold_decay(
    pool: Float[Array, "m d"],
    n: int,
    threshold: Float[Array, ""] | float,
    decay: Float[Array, ""] | float = 0.95,
    start: Int[Array, ""] | int = 0,
    valid: Bool[Array, " m"] | None = None,
) -> Filtered:
    """Sweep the pool in order; take what is farther than the threshold from all taken.

    A sweep that takes nothing lowers the threshold. What a sweep refuses would be refused
    again at that threshold, so it is looked for once: the first point that is farther. The
    printed algorithm never ends where fewer than n points differ; here the threshold falls
    to 1e-12 of its first value at most, then the rest is taken in order.

    Args:
        pool: points, in the order in which they are swept.
        n: how many are chosen; no more than are valid.
        threshold: the first one, > 0, in units of the pool.
        decay: its factor, in (0, 1); close to 1 the greedy selection results, and 0 takes
            the first n points.
        start: index of the first, a valid point.
        valid: which points may be chosen; all by default.
    """
    x = _checked(pool, n)
    window, m = _window(x), x.shape[0]
    tau_0 = jnp.asarray(threshold, jnp.float64)

    def step(carry):
        choice, tau, sweeps, added = carry
        level = jnp.where(tau < EXHAUSTED * tau_0, -1.0, tau)
        above = choice.far > level

        def take(choice: _Choice) -> _Choice:
            rows = jnp.arange(m)
            if window < m:
                rows = jnp.nonzero(above, size=window, fill_value=m)[0]
            next_ = lambda f, fresh: (jnp.argmax(f > level), jnp.any(f > level))
            return _choose(x, choice, rows, next_)

        some = jnp.any(above).astype(jnp.int32)
        choice = jax.lax.cond(some == 1, take, lambda c: c, choice)
        tau = jnp.where(some == 1, tau, decay * tau)
        sweeps = sweeps + (1 - some) * (1 + added)
        return choice, tau, sweeps, some

    first = (_first(x, n, start, valid), tau_0, jnp.ones((), jnp.int32), jnp.int32(0))
    end = jax.lax.while_loop(lambda carry: carry[0].count < n, step, first)
    return Filtered(end[0].order, end[1], end[2])


def _checked(pool: Array, n: int) -> Float[Array, "m d"]:
    require(pool.ndim == 2, "pool", "(m, d)", pool.shape)
    m = pool.shape[0]
    require(1 <= n <= m, "n", f"in [1, {m}], the points of the pool", n)
    return pool.astype(jnp.float64)


def _window(x: Float[Array, "m d"]) -> int:
    m = x.shape[0]
    return m if x.size <= DIRECT else min(WINDOW, m)


def _first(x: Float[Array, "m d"], n: int, start, valid) -> _Choice:
    start = jnp.asarray(start, jnp.int32)
    far = _distance(x, x[start])
    far = far if valid is None else jnp.where(valid, far, -jnp.inf)
    order = jnp.full((n,), start, jnp.int32)
    return _Choice(far.at[start].set(-jnp.inf), order, jnp.ones((), jnp.int32))


def _choose(
    x: Float[Array, "m d"], choice: _Choice, rows: Int[Array, " w"], next_: Callable
) -> _Choice:
    """Choose among `rows`, one after the other, then bring all distances up to date.

    `next_` says which of them comes next, of their distances and whether these are all up
    to date, and whether it is the next of all.
    """
    n, m = choice.order.shape[0], choice.far.shape[0]
    whole = rows.shape[0] == m
    most = n if whole else BLOCK
    inside = x[rows]

    def more(carry):
        f, _, count = carry
        new = count - choice.count
        _, next_of_all = next_(f, new == 0)
        return (count < n) & (new < most) & next_of_all

    def take(carry):
        f, order, count = carry
        j, _ = next_(f, count == choice.count)
        order = order.at[count].set(rows[j].astype(jnp.int32))
        f = jnp.minimum(f, _distance(inside, inside[j])).at[j].set(-jnp.inf)
        return f, order, count + 1

    f = choice.far.at[rows].get(mode="fill", fill_value=-jnp.inf)
    f, order, count = jax.lax.while_loop(more, take, (f, choice.order, choice.count))
    far = choice.far.at[rows].set(f, mode="drop")
    if whole:
        return _Choice(far, order, count)
    place = choice.count + jnp.arange(BLOCK)
    chosen = order[jnp.where(place < count, place, choice.count)]
    distance = nearest(x, x[chosen], 1).distance[:, 0]
    return _Choice(jnp.minimum(far, distance), order, count)


def _distance(x: Float[Array, "m d"], centre: Float[Array, " d"]) -> Float[Array, " m"]:
    return jnp.sqrt(jnp.sum((x - centre[None]) ** 2, axis=1))
