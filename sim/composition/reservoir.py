r"""Data that accumulate in a training set of fixed size.

Generation i trains on n points of the pool of the original sample and all that was
generated since, :math:`q_i = \frac1{i+1}\,(p + \hat p^1 + \dots + \hat p^i)`. No pool is
kept: the training set is its reservoir (Vitter 1985, in batches).
"""

from dataclasses import dataclass, replace
from typing import Any, ClassVar

import jax.numpy as jnp
import jax.random as jr
import numpy as np
from jaxtyping import Array, Float

from sim.composition.policy import At, Real, State
from sim.grid import GridLaw
from sim.laws import blend_laws

__all__ = ["Reservoir", "accumulate_laws", "accumulate_samples"]


@dataclass(frozen=True)
class Reservoir:
    """Accumulate and subsample: its memory is the training set and the pooled law."""

    knows_law: ClassVar[bool] = True

    def parameters(self, replicas: int, generations: int) -> dict[str, Any]:
        """The share of the newest batch, 1/(i+1)."""
        share = 1.0 / (1 + np.arange(generations))
        return {"alpha": np.tile(share, (replicas, 1))}

    def start(self, keys, at: At, real: Real, samples: Array, law: Any) -> Any:
        """The original sample, and a pool that holds nothing yet."""
        return samples, law

    def first(self, keys, at: At, real: Real, samples: Array) -> Array:
        """The original sample."""
        return samples

    def compose(self, keys, at: At, real: Real, state: State) -> tuple[Array, Any]:
        """The training set with generated points in place of some rows."""
        kept, pool = state.memory
        data = accumulate_samples(keys[1], at["alpha"], kept, state.samples)
        return data, (data, pool)

    def law(self, at: At, real: Real, state: State) -> Any:
        """Blend of p and the pooled law."""
        return blend_laws(at["alpha"], real.law, state.memory[1])

    def after(self, at: At, memory: Any, state: State, law: Any) -> Any:
        """The pooled law with the new one in it."""
        data, pool = memory
        return data, accumulate_laws(at["alpha"], pool, law)


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
