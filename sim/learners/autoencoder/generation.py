r"""Sampling from a trained denoiser on an Euler grid.

With :math:`A_k = 1+h_k(c_k+g_kb)` a step in d dimensions is

.. math:: x \leftarrow A_k\,x + h_kg_k\,\hat w^\top\sigma(\hat w x)
    + \sqrt{2\varepsilon_kh_k}\,\xi_k ,\qquad \hat w = W/\sqrt d ,

so that :math:`x = \sum_k F_k\xi_k + \hat w^\top a` at the end (:math:`\xi_0` the start,
F_k its factor times those of the steps after it), where a and :math:`Z = \hat w x` take
the same steps in r dimensions. Of the Gaussian part only :math:`\xi = \sum_kF_k\xi_k/|F|`
is needed in d dimensions: given it, with :math:`G_k` independent of law N(0, Q),

.. math:: \hat w\xi_k = G_k + \frac{F_k}{|F|}
    \Big(\hat w\xi - \sum_j\frac{F_j}{|F|}G_j\Big).

No inverse of Q is taken. For the probability flow :math:`\xi` is the start itself and the
two ways agree path by path; for the SDE they agree in law (derived).
"""

from dataclasses import dataclass, field
from functools import partial

import jax
import jax.numpy as jnp
import jax.random as jr
import numpy as np
from jaxtyping import Array, Float

from sim.learners.autoencoder.network import Weights, denoise
from theory.denoiser import Activation
from theory.processes import EulerGrid
from theory.validation import require

__all__ = ["Generated", "generated", "sample_euler"]


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class Generated:
    """The law that a network generates, a source of training data; see `generated`."""

    weights: Weights
    grid: EulerGrid
    activation: Activation = field(metadata={"static": True})

    @property
    def dim(self) -> int:
        """Dimension d."""
        return self.weights.W.shape[-1]

    @property
    def law(self) -> None:
        """No density is offered."""
        return None

    @property
    def factors(self) -> Float[Array, " steps"]:
        """A_k of each step."""
        h, c, g, _ = self.grid
        return 1 + h * (c + g * self.weights.b.astype(h.dtype))

    @property
    def amplitudes(self) -> Float[Array, " steps+1"]:
        """F_k: of the start, then of the noise of each step."""
        own = jnp.concatenate([jnp.ones((1,)), self._noise])
        after = jnp.concatenate([jnp.cumprod(self.factors[::-1])[::-1], jnp.ones((1,))])
        return own * after

    @property
    def bulk_variance(self) -> Float[Array, ""]:
        """Variance of every direction orthogonal to the rows of W: the sum of F_k²."""
        return jnp.sum(self.amplitudes**2)

    @property
    def _noise(self) -> Array:
        return jnp.sqrt(2 * self.grid.diffusion * self.grid.h)

    def draw(self, key: Array, n: int) -> Float[Array, "n d"]:
        """`n` independent float32 samples."""
        key_xi, key_g = jr.split(key)
        xi = jr.normal(key_xi, (n, self.dim), jnp.float32)
        return self.carry(key_g, xi)

    sample = draw

    def carry(self, key: Array, xi: Float[Array, "n d"]) -> Float[Array, "n d"]:
        """Samples whose Gaussian part is `xi`; for the flow, those that start there."""
        as32 = lambda v: jnp.asarray(v, jnp.float32)
        n, d = xi.shape
        w_hat = self.weights.W / d**0.5
        Q = w_hat @ w_hat.T
        size = jnp.sqrt(self.bulk_variance)
        share = as32(self.amplitudes / jnp.where(size > 0, size, 1.0))
        G = jr.normal(key, (len(share), n, len(Q)), jnp.float32) @ _root(Q)
        missing = xi @ w_hat.T - jnp.einsum("k,knr->nr", share, G)
        zeta = G + share[:, None, None] * missing[None]
        steps = (as32(self.factors), as32(self.grid.h * self.grid.gain))

        def step(carry, now):
            Z, a = carry
            A, gain, noise, zeta_k = now
            pull = gain * self.activation.value(Z)
            return (A * Z + pull @ Q + noise * zeta_k, A * a + pull), None

        start = (zeta[0], jnp.zeros_like(zeta[0]))
        (_, a), _ = jax.lax.scan(step, start, (*steps, as32(self._noise), zeta[1:]))
        return as32(size) * xi + a @ w_hat


def generated(weights: Weights, grid: EulerGrid, activation: Activation) -> Generated:
    """The law that `weights` generate on `grid`.

    Raises:
        InputError: where b is more than one number (nothing says what it is between the
            levels it was trained at).
    """
    skips = np.shape(weights.b)
    require(skips == (1,), "skip", "'shared' to generate", f"b of shape {skips}")
    return Generated(weights, grid, activation)


def _root(Q: Float[Array, "r r"]) -> Float[Array, "r r"]:
    """Symmetric root of a matrix that may be singular."""
    values, vectors = jnp.linalg.eigh(Q)
    return (vectors * jnp.sqrt(jnp.maximum(values, 0))[None]) @ vectors.T


@partial(jax.jit, static_argnames="chunk")
def sample_euler(
    key: Array, law: Generated, start: Float[Array, "n d"], chunk: int = 256
) -> Float[Array, "n d"]:
    """The same samples step by step in d dimensions, `chunk` of them at a time."""
    h, c, g, _ = (jnp.asarray(v, start.dtype) for v in law.grid)
    noise = jnp.asarray(law._noise, start.dtype)

    def one(x, key):
        def step(x, k):
            f = denoise(law.weights, x[None], law.activation)[0]
            drawn = lambda: jr.normal(jr.fold_in(key, k), x.shape, x.dtype)
            xi = jax.lax.cond(noise[k] > 0, drawn, lambda: jnp.zeros_like(x))
            return x + h[k] * (c[k] * x + g[k] * f) + noise[k] * xi, None

        return jax.lax.scan(step, x, jnp.arange(len(h), dtype=jnp.int32))[0]

    keys = jr.split(key, len(start))
    return jax.lax.map(lambda pair: one(*pair), (start, keys), batch_size=chunk)
