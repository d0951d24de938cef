"""Roots of many monotone functions at once, under `jit` and `vmap`."""

from collections.abc import Callable

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float

__all__ = ["bisect"]

HALVINGS = 64
"""Enough for the last bit of a root, whatever the bracket."""


def bisect(
    beyond: Callable[[Float[Array, "*n"]], Bool[Array, "*n"]],
    low: Float[Array, "*n"],
    high: Float[Array, "*n"],
) -> Float[Array, "*n"]:
    """Where `beyond` turns from False to True between `low` and `high`, elementwise.

    An end of the bracket is the answer where it does not turn inside.
    """

    def halve(_, ends):
        low, high = ends
        middle = 0.5 * (low + high)
        right = beyond(middle)
        return jnp.where(right, low, middle), jnp.where(right, middle, high)

    low, high = jax.lax.fori_loop(0, HALVINGS, halve, (low, high))
    return 0.5 * (low + high)
