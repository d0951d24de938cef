r"""Which data the next generation sees.

:math:`q_i = \alpha_i\,p + (1-\alpha_i)\,\hat p^i`: the first ``round(alpha_i n)`` of the n
training points are fresh, the rest generated (alpha = 0: replace).

Accumulate: generation i trains on n points of the pool of the original sample and all
that was generated since, :math:`q_i = \frac1{i+1}\,(p + \hat p^1 + \dots + \hat p^i)`.
No pool is kept: the training set is its reservoir (Vitter 1985, in batches).
"""

from dataclasses import replace

import jax.numpy as jnp
import jax.random as jr
from jaxtyping import Array, Float

from sim.grid import GridLaw
from theory.mixtures import Blend

__all__ = ["accumulate_laws", "accumulate_samples", "blend_laws", "mix_samples"]


def mix_samples(
    alpha: Float[Array, ""], fresh: Float[Array, "n d"], generated: Float[Array, "n d"]
) -> Float[Array, "n d"]:
    """Training data with exactly round(alpha n) fresh rows, of fixed shape for every alpha."""
    n = fresh.shape[0]
    is_fresh = jnp.arange(n) < jnp.round(alpha * n)
    return jnp.where(is_fresh[:, None], fresh, generated)


def blend_laws(
    alpha: Float[Array, ""], target: object, generated: object
) -> Blend | None:
    """The law q_i of that data; None where either part is known by samples only."""
    if target is None or generated is None:
        return None
    return Blend(alpha, target, generated)


def accumulate_samples(
    key: Array,
    alpha: Float[Array, ""],
    kept: Float[Array, "n d"],
    generated: Float[Array, "n d"],
) -> Float[Array, "n d"]:
    """Round(alpha n) random rows of the training set replaced by generated rows.

    With alpha = 1/(i+1) at generation i every batch so far has the same share of rows.
    """
    n = kept.shape[0]
    place = jr.permutation(key, jnp.arange(n, dtype=jnp.int32))
    return jnp.where((place < jnp.round(alpha * n))[:, None], generated, kept)


def accumulate_laws(
    alpha: Float[Array, ""], pool: GridLaw | None, generated: GridLaw | None
) -> GridLaw | None:
    r"""Mean of :math:`\hat p^1 \dots \hat p^{i+1}` from that up to i, alpha = 1/(i+1)."""
    if pool is None or generated is None:
        return None
    step = alpha * (generated.density - pool.density)
    return replace(pool, density=pool.density + step)
