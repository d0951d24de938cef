"""A fully connected network F for `sim.learners.denoiser`, and the features of its level."""

from dataclasses import dataclass

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from theory.validation import require_count

__all__ = ["Perceptron", "fourier_features"]

LAST_SCALE = 1e-3  # of the output layer's start, relative to He's
FREQUENCIES = 0.25 * np.pi * 2.0 ** np.arange(8)


@dataclass(frozen=True)
class Perceptron:
    """Fully connected F, its level in Fourier features beside the input."""

    width: int = 256
    """units in each hidden layer"""
    depth: int = 4
    """hidden layers, all but the first residual"""

    def __post_init__(self) -> None:
        """Refuse impossible settings."""
        for name in ("width", "depth"):
            require_count(name, getattr(self, name))

    def module(self, dim: int) -> nn.Module:
        """The network, by its output's dimension."""
        return _Perceptron(self.width, self.depth, dim)


def fourier_features(level: Float[Array, " n"]) -> Float[Array, "n 16"]:
    r"""Sines, then cosines, of :math:`2^j\pi/4` times the level, j = 0 ... 7."""
    phase = level[:, None] * jnp.asarray(FREQUENCIES, level.dtype)[None]
    return jnp.concatenate([jnp.sin(phase), jnp.cos(phase)], axis=1)


class _Perceptron(nn.Module):
    """F at a batch: (n, d) and levels (n,) -> (n, d), nearly zero before training."""

    width: int
    depth: int
    dim: int

    @nn.compact
    def __call__(
        self, x: Float[Array, "n d"], level: Float[Array, " n"]
    ) -> Float[Array, "n d"]:
        normal = lambda scale: nn.initializers.variance_scaling(
            2 * scale**2, "fan_in", "truncated_normal"
        )
        layer = lambda width, scale=1.0: nn.Dense(
            width, kernel_init=normal(scale), dot_general=_dot_general
        )
        h = jnp.concatenate([x, fourier_features(level)], axis=1)
        h = nn.silu(layer(self.width)(h))
        for _ in range(self.depth - 1):
            h = h + nn.silu(layer(self.width)(h))
        return layer(self.dim, LAST_SCALE)(h)


def _dot_general(h: Array, W: Array, *dimensions, **settings) -> Array:
    return _product(h, W)


@jax.custom_vjp
def _product(h: Float[Array, "n i"], W: Float[Array, "i o"]) -> Float[Array, "n o"]:
    """h W, differentiated in W by way of a transposed copy of h.

    The copy is cheap; CPUs take half as long again for a product with h transposed in
    place. (The price: no forward-mode derivatives.)
    """
    return h @ W


def _product_forward(h: Array, W: Array) -> tuple[Array, tuple[Array, Array]]:
    return h @ W, (h, W)


def _product_backward(kept: tuple[Array, Array], slope: Array) -> tuple[Array, Array]:
    h, W = kept
    copy = jax.lax.optimization_barrier(h.T)  # or the compiler folds it back in
    return slope @ W.T, copy @ slope


_product.defvjp(_product_forward, _product_backward)
