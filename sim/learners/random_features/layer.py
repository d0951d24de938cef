r"""The frozen hidden layer: ReLU features of a point and of its noise time.

.. math:: \varphi_j(x, t) = \mathrm{ReLU}\big(w_j x + u_j\,e(t) + c_j\big) ,\qquad
    e(t) = \tfrac14\log(e^t - 1)

as in the model of Li et al. (2023) that Fu et al. (2024) build on (recalled); there the
embedding e is left open. Ours is a quarter of the log noise-to-signal ratio, which spaces
log-spaced times evenly and stays within about [-1, 2]; the bias c is our addition, without
which all kinks would sit at x = 0 where e vanishes. Each row (w_j, u_j, c_j) is
Gaussian, then scaled to unit l1 norm: the features are homogeneous, so this fixes only
the unit of training time.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import jax.random as jr
from jaxtyping import Array, Float

__all__ = ["HiddenLayer", "draw_layer"]


class HiddenLayer(NamedTuple):
    """Frozen weights; each field (M,), float64, with |w| + |u| + |c| = 1."""

    w: Float[Array, " M"]
    u: Float[Array, " M"]
    c: Float[Array, " M"]

    def features(self, x: Float[Array, " p"], t: Float[Array, ""]) -> Array:
        """All features at the points `x` and the noise time t > 0, shape (p, M)."""
        level = 0.25 * jnp.log(jnp.expm1(t))
        shift = self.u * level + self.c
        return jax.nn.relu(x[:, None] * self.w[None, :] + shift[None, :])


def draw_layer(key: Array, count: int) -> HiddenLayer:
    """A `HiddenLayer` of `count` features drawn from `key`."""
    rows = jr.normal(key, (3, count), jnp.float64)
    return HiddenLayer(*(rows / jnp.sum(jnp.abs(rows), axis=0, keepdims=True)))
