r"""The network, its overlaps and one step of its training (Sec. 1 and 2.1).

A step moves W by combinations of what it has seen. With :math:`\hat w = W/\sqrt d`, noise
levels l of one sample :math:`(x_0, x_1)`, :math:`\omega^l = \hat w x_l` and

.. math:: e_l = x_1 - f(x_l),\qquad h^l_\gamma = \hat w_\gamma\cdot e_l,\qquad
    u_\gamma = \sum_l p_l\,[\,e_l\,\sigma(\omega^l_\gamma)
        + x_l\,h^l_\gamma\,\sigma'(\omega^l_\gamma)\,],

the step is :math:`W \leftarrow (1-\eta\lambda/d)\,W + (2\eta/\sqrt d)\,u` and
:math:`b \leftarrow b + (2\kappa\eta/d^2)\sum_l p_l\,e_l\cdot x_l`. As :math:`u = C\,(x_1, x_0,
\hat w)` with a matrix C of r rows that depends on inner products alone, `combination`
serves the network in d dimensions and its exact chain of overlaps alike.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from sim.learners.autoencoder.realisation import Realised
from theory.denoiser import Activation, Overlaps, Training
from theory.validation import require, require_finite

__all__ = [
    "Levels",
    "Weights",
    "combination",
    "denoise",
    "norms",
    "overlaps",
    "sgd_step",
    "weights_of",
]


class Weights(NamedTuple):
    """All that is learned."""

    W: Float[Array, "r d"]
    b: Float[Array, " skips"]


class Levels(NamedTuple):
    """Noise levels that one step trains at."""

    alpha: Float[Array, " levels"]
    beta: Float[Array, " levels"]
    weight: Float[Array, " levels"]
    """of the level's loss"""
    skip: Float[Array, "levels skips"]
    """which entry of b the level uses, as rows of 0 and 1"""


def weights_of(W, training: Training, skip=0.0) -> Weights:
    """Float32 weights with the number of skips that `training` has.

    Raises:
        InputError: unless W is finite, of shape (r >= 1, d).
    """
    require_finite("W", W)
    ok = np.ndim(W) == 2 and min(np.shape(W)) >= 1
    require(ok, "W", "of shape (r >= 1, d)", np.shape(W))
    b = jnp.broadcast_to(jnp.asarray(skip, jnp.float32), (training.skips,))
    return Weights(jnp.asarray(W, jnp.float32), b)


def denoise(
    weights: Weights, x: Float[Array, "n d"], activation: Activation
) -> Float[Array, "n d"]:
    r""":math:`f(x) = b\,x + W^\top\sigma(Wx/\sqrt d)/\sqrt d` for one shared skip."""
    W, (b,) = weights
    w_hat = W / W.shape[-1] ** 0.5
    return b * x + activation.value(x @ w_hat.T) @ w_hat


def overlaps(weights: Weights, realised: Realised) -> Overlaps:
    """Block sums with the tracked directions, in float64."""
    W = weights.W.astype(jnp.float64)
    d, sizes = W.shape[-1], np.asarray(realised.sizes)
    block, explicit = (
        np.repeat(np.arange(len(sizes)), widths)
        for widths in (sizes, realised.explicit)
    )
    V = realised.directions.astype(jnp.float64)
    products = V.T[:, :, None] * realised.restrict(W).T[:, None, :] / d**0.5
    squares = W.T[:, :, None] * W.T[:, None, :] / d
    total = lambda terms, of: jax.ops.segment_sum(terms, of, len(sizes), True)
    return Overlaps(
        total(products, explicit), total(squares, block), weights.b.astype(jnp.float64)
    )


def combination(
    training: Training,
    levels: Levels,
    lambda1: Array,
    lambda0: Array,
    Q: Array,
    b: Array,
) -> tuple[Float[Array, "r 2+r"], Float[Array, "levels 3"]]:
    r"""What one sample asks for, from inner products with :math:`\hat w` alone.

    Args:
        training: activation.
        levels: noise levels of this step.
        lambda1: (r,) :math:`\hat w\cdot x_1`.
        lambda0: (r,) :math:`\hat w\cdot x_0`.
        Q: (r, r) overlap matrix.
        b: (skips,).

    Returns:
        C with :math:`u = C\,(x_1, x_0, \hat w)`; and for each level the coefficients of
        :math:`e_l\cdot x_l` on :math:`|x_1|^2`, :math:`x_1\cdot x_0`, :math:`|x_0|^2`, then
        (last) what the rank-r part adds.
    """
    alpha, beta, p = (v[:, None] for v in levels[:3])
    b = (levels.skip @ b)[:, None]
    omega = alpha * lambda0[None] + beta * lambda1[None]
    value, slope = training.activation.value(omega), training.activation.slope(omega)
    h = lambda1[None] - b * omega - value @ Q
    pull = p * h * slope
    on_x1 = jnp.sum(p * (1 - b * beta) * value + beta * pull, axis=0)
    on_x0 = jnp.sum(alpha * (pull - p * b * value), axis=0)
    on_w = -(p * value).T @ value
    C = jnp.concatenate([on_x1[:, None], on_x0[:, None], on_w], axis=1)
    rank_r = jnp.sum(value * omega, axis=1, keepdims=True)
    skip = [(1 - b * beta) * beta, (1 - 2 * b * beta) * alpha, -b * alpha**2, -rank_r]
    return C, jnp.concatenate(skip, axis=1)


def norms(x1: Float[Array, "n d"], x0: Float[Array, "n d"]) -> Float[Array, "n 4"]:
    r"""What the skip's coefficients multiply: |x1|², x1·x0, |x0|² and 1."""
    dot = lambda x, y: jnp.sum(x * y, axis=1)
    one = jnp.ones(x1.shape[0], x1.dtype)
    return jnp.stack([dot(x1, x1), dot(x1, x0), dot(x0, x0), one], axis=1)


def sgd_step(
    training: Training,
    weights: Weights,
    levels: Levels,
    pair: Float[Array, "2 d"],
    pair_norms: Float[Array, " 4"],
) -> Weights:
    """One step on the sample (x1, x0), whose `norms` are given."""
    W, b = weights
    d = W.shape[-1]
    eta, root = training.rate, W.shape[-1] ** 0.5
    products = W @ jnp.concatenate([pair, W / root]).T / root
    C, skip = combination(
        training, levels, products[:, 0], products[:, 1], products[:, 2:], b
    )
    keep = (1 - eta * training.decay / d) * jnp.eye(W.shape[0], dtype=W.dtype)
    step = 2 * eta / root
    W = (keep + step / root * C[:, 2:]) @ W + step * C[:, :2] @ pair
    gradient = (levels.weight * (skip @ pair_norms)) @ levels.skip
    return Weights(W, b + 2 * training.skip_ratio * eta / d**2 * gradient)
