r"""Are two samples from one law? The energy distance, its p-value by permutation.

.. math:: T = \frac2{nm}\sum_{ij}|x_i-y_j| - \frac1{n(n-1)}\sum_{i\ne j}|x_i-x_j|
        - \frac1{m(m-1)}\sum_{i\ne j}|y_i-y_j|

(Szekely and Rizzo 2013; Gretton et al. 2012 for any kernel.) If the two laws are one, every
way of dealing the pooled points into n and m is as likely as the one that came, so that

.. math:: \hat p = \frac{1+\#\{T_\pi\ge T\}}{1+P}

is below a with probability at most a, for any number P of permutations, any dimension.
"""

from functools import partial

import jax
import jax.numpy as jnp
import jax.random as jr
from jaxtyping import Array, Float

from sim.measures.embedding import energy_kernel
from theory.validation import require

__all__ = ["PERMUTATIONS", "energy_test"]

PERMUTATIONS = 499
"""The smallest p-value is 1/500."""
BLOCK = 2**20
"""Distances in memory at a time."""


def energy_test(
    key: Array,
    x: Float[Array, "n d"],
    y: Float[Array, "m d"],
    permutations: int = PERMUTATIONS,
) -> tuple[Float[Array, ""], Float[Array, ""]]:
    """The statistic T, an unbiased estimate of the energy distance, and its p-value.

    Distances are computed once for all permutations, a block of rows at a time.

    Args:
        key: deals the points.
        x: points, n >= 2.
        y: points, m >= 2.
        permutations: P >= 1.

    Raises:
        InputError: on fewer points or unequal dimensions.
    """
    (n, d), (m, of_y) = x.shape, y.shape
    require(of_y == d, "y", f"points of the dimension of x, {d}", of_y)
    require(min(n, m) >= 2, "x and y", "two points each at least", (n, m))
    require(permutations >= 1, "permutations", ">= 1", permutations)
    return _energy_test(key, x, y, permutations)


@partial(jax.jit, static_argnames="permutations")
def _energy_test(key, x, y, permutations: int):
    n, m = x.shape[0], y.shape[0]
    N = n + m
    points = jnp.concatenate([x, y]).astype(jnp.float64)
    first = jnp.arange(N) < n
    keys = jr.split(key, permutations)
    dealt = jax.vmap(lambda k: jr.permutation(k, first))(keys)
    chosen = jnp.concatenate([first[None], dealt]).T.astype(jnp.float64)  # (N, 1 + P)

    block = max(1, min(BLOCK // N, N))
    rows = jnp.arange(-(-N // block) * block, dtype=jnp.int32).reshape(-1, block)

    def of_rows(carry, at):
        within, of_chosen, total = carry
        others = (at < N)[:, None] & (at[:, None] != jnp.arange(N)[None])
        at = jnp.minimum(at, N - 1)
        distance = jnp.where(others, -energy_kernel(points[at], points), 0.0)
        row = jnp.sum(distance, axis=1)
        within += jnp.sum(chosen[at] * (distance @ chosen), axis=0)
        return (within, of_chosen + row @ chosen[at], total + jnp.sum(row)), None

    nothing = jnp.zeros(permutations + 1, jnp.float64)
    start = (nothing, nothing, jnp.zeros((), jnp.float64))
    (within, of_chosen, total), _ = jax.lax.scan(of_rows, start, rows)
    between = of_chosen - within
    others = total - within - 2.0 * between
    T = 2.0 * between / (n * m) - within / (n * (n - 1.0)) - others / (m * (m - 1.0))
    # equal deals must count as equal, whatever the rounding of their sums
    at_least = T[1:] >= T[0] - 1e-12 * total / N**2
    return T[0], (1.0 + jnp.sum(at_least)) / (1.0 + permutations)
