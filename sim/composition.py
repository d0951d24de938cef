r"""Which data the next generation sees.

:math:`q_i = \alpha_i\,p + (1-\alpha_i)\,\hat p^i`: the first ``round(alpha_i n)`` of the n
training points are fresh, the rest generated (alpha = 0: replace).
"""

import jax.numpy as jnp
from jaxtyping import Array, Float

from theory.mixtures import Blend

__all__ = ["blend_laws", "mix_samples"]


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
