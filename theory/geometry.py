r"""Volumes of balls: what turns a nearest distance into a density.

A ball of radius r in d dimensions has the volume :math:`c_d r^d`,
:math:`c_d = \pi^{d/2}/\Gamma(d/2+1)`.
"""

import jax.numpy as jnp
from jax.scipy.special import gammaln
from jaxtyping import Array, Float

from theory.validation import require_in

__all__ = ["log_ball_volume"]


def log_ball_volume(dim: Float[Array, "*n"] | float) -> Array:
    r""":math:`\log c_d = \tfrac d2\log\pi - \log\Gamma(\tfrac d2+1)`; free of underflow.

    Args:
        dim: d, in [1, 1e9]; need not be whole.
    """
    require_in("dim", dim, 1.0, 1e9)
    half = 0.5 * jnp.asarray(dim, jnp.float64)
    return half * jnp.log(jnp.pi) - gammaln(half + 1.0)
