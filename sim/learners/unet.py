r"""A small convolutional U-Net, as the network F of a denoiser of images.

Images are rows, (h, w, c) flattened in C order. After Ronneberger et al. (2015,
arXiv:1505.04597) and Ho et al. (2020, arXiv:2006.11239), without attention: at each of
a few resolutions one residual block on the way down and one on the way up, which also
sees what the way down left at its resolution.

.. code-block:: text

    image -> conv -> block ------------------------------> block -> conv -> image
                       down -> block ------> block -> up
                                 down -> block -> up
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

import flax.linen as nn
import jax.numpy as jnp
from jaxtyping import Array, Float

from sim.learners.perceptron import fourier_features
from theory.validation import require, require_count

__all__ = ["UNet"]

GROUPS = 8  # of channels that are normalised together
ZERO = nn.initializers.zeros_init()


@dataclass(frozen=True)
class UNet:
    """Convolutional F for images, to be given to `sim.learners.denoiser.Denoiser`."""

    shape: tuple[int, int, int]
    """height, width and colours of an image; padded with zeros where the coarsest
    resolution asks for it"""
    channels: int = 32
    """channels at full resolution, a multiple of 8; twice as many below"""
    levels: int = 3
    """resolutions, each half the one above"""

    def __post_init__(self) -> None:
        """Refuse impossible settings."""
        names = ("height", "width", "colours")
        whole = len(self.shape) == len(names)
        require(whole, "shape", f"({', '.join(names)})", self.shape)
        for name, size in zip(names, self.shape, strict=True):
            require_count(f"shape: {name}", size)
        require_count("levels", self.levels)
        require_count("channels", self.channels)
        whole = self.channels % GROUPS == 0
        require(whole, "channels", f"a multiple of {GROUPS}", self.channels)

    def module(self, dim: int) -> nn.Module:
        """The network; `dim` must be that of a flattened image."""
        size = math.prod(self.shape)
        require(dim == size, "dimension of the data", f"{size} = {self.shape}", dim)
        widths = tuple(self.channels * min(k + 1, 2) for k in range(self.levels))
        return _UNet(self.shape, widths)


class _UNet(nn.Module):
    """F at a batch: (n, h*w*c) and levels (n,) -> (n, h*w*c), zero before training."""

    shape: tuple[int, int, int]
    widths: tuple[int, ...]

    @nn.compact
    def __call__(
        self, x: Float[Array, "n d"], level: Float[Array, " n"]
    ) -> Float[Array, "n d"]:
        h, w, c = self.shape
        multiple = 2 ** (len(self.widths) - 1)
        below, right = -h % multiple, -w % multiple
        image = x.reshape(-1, h, w, c)
        a = jnp.pad(image, ((0, 0), (0, below), (0, right), (0, 0)))

        first, *deeper = self.widths
        condition = nn.silu(nn.Dense(4 * first)(fourier_features(level)))
        condition = nn.silu(nn.Dense(4 * first)(condition))
        a = _Block(first)(_Convolution(first)(a), condition)
        passed = []
        for width in deeper:
            passed.append(a)
            a = _Block(width)(nn.Dense(width)(_halved(a)), condition)
        for skip in reversed(passed):
            both = jnp.concatenate([_doubled(a), skip], axis=-1)
            a = _Block(skip.shape[-1])(both, condition)

        a = nn.silu(nn.GroupNorm(GROUPS)(a))
        return _Convolution(c, ZERO)(a)[:, :h, :w].reshape(x.shape)


class _Block(nn.Module):
    """Two convolutions beside a shortcut; the noise level scales and shifts between."""

    width: int

    @nn.compact
    def __call__(
        self, a: Float[Array, "n h w c"], condition: Float[Array, "n e"]
    ) -> Float[Array, "n h w k"]:
        inner = _Convolution(self.width)(nn.silu(nn.GroupNorm(GROUPS)(a)))
        scale, shift = jnp.split(nn.Dense(2 * self.width)(condition), 2, axis=-1)
        inner = nn.GroupNorm(GROUPS)(inner)
        inner = inner * (1 + scale[:, None, None]) + shift[:, None, None]
        inner = _Convolution(self.width, ZERO)(nn.silu(inner))
        shortcut = a if a.shape[-1] == self.width else nn.Dense(self.width)(a)
        return shortcut + inner


class _Convolution(nn.Module):
    """3 x 3, padded with zeros: one product of the pixels' surroundings with a matrix.

    On CPUs XLA's own convolution is 10 to 40 times slower to train.
    """

    features: int
    start: Callable = nn.initializers.lecun_normal()

    @nn.compact
    def __call__(self, a: Float[Array, "n h w c"]) -> Float[Array, "n h w k"]:
        h, w = a.shape[1:3]
        wide = jnp.pad(a, ((0, 0), (1, 1), (1, 1), (0, 0)))
        around = [wide[:, i : i + h, j : j + w] for i in range(3) for j in range(3)]
        dense = nn.Dense(self.features, kernel_init=self.start)
        return dense(jnp.concatenate(around, axis=-1))


def _halved(a: Float[Array, "n h w c"]) -> Float[Array, "n h/2 w/2 4*c"]:
    """Squares of four pixels as one."""
    n, h, w, c = a.shape
    squares = a.reshape(n, h // 2, 2, w // 2, 2, c).transpose(0, 1, 3, 2, 4, 5)
    return squares.reshape(n, h // 2, w // 2, 4 * c)


def _doubled(a: Float[Array, "n h w c"]) -> Float[Array, "n 2*h 2*w c"]:
    """Each pixel four times."""
    n, h, w, c = a.shape
    squares = jnp.broadcast_to(a[:, :, None, :, None], (n, h, 2, w, 2, c))
    return squares.reshape(n, 2 * h, 2 * w, c)
