"""The one recursion behind every accumulated curve."""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

__all__ = ["unroll"]


@jax.jit
def unroll(
    factor: Float[Array, " n"], gain: Float[Array, " n"], start: Float[Array, ""]
) -> Float[Array, " n_plus_1"]:
    r"""All of :math:`x_0, \dots, x_n` of :math:`x_{i+1} = f_i x_i + g_i`.

    A factor of exactly 0 forgets even an infinite x; derivatives go through it.
    """

    def step(x, inputs):
        f, g = inputs
        new = f * jnp.where((f == 0) & ~jnp.isfinite(x), 0.0, x) + g
        return new, new

    start = jnp.asarray(start, dtype=jnp.float64)
    _, later = jax.lax.scan(step, start, (factor, gain))
    return jnp.concatenate([start[None], later])
