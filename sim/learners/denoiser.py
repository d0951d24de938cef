r"""A preconditioned denoiser, trained as Karras et al. (2022, arXiv:2206.00364) do.

Noise is added without shrinking the data, :math:`y = x + \sigma n`. In the loop's clock
(`theory.processes.OU`) that is :math:`y = e^{t/2}X_t` at :math:`\sigma^2 = e^t-1`. With s
the assumed standard deviation of the data (`sigma_data`) and r the root of
:math:`\sigma^2+s^2`, the denoiser is

.. math:: D(y;\sigma) = \frac{s^2}{r^2}\,y
    + \frac{\sigma s}{r}\,F\Big(\frac yr,\ \tfrac14\log\sigma\Big),

so that F = 0 is the posterior mean of Gaussian data. The loss is :math:`|D-x|^2` with
weight :math:`r^2/(\sigma s)^2`: in terms of F simply a squared error. Derived: with the
angle of :math:`\cos\phi=s/r`, :math:`\sin\phi=\sigma/r`, input and target of F are

.. math:: \frac yr = \cos\phi\,\frac xs + \sin\phi\,n, \qquad
    \frac rs\,\frac{x - (s/r)^2 y}{\sigma} = \sin\phi\,\frac xs - \cos\phi\,n ,

a rotation of (x/s, n): uncorrelated and of unit variance at every level. The score in
the loop's clock has no difference of close numbers either, as small sigma asks:

.. math:: \nabla\log p_t(x) = e^{t/2}\,\frac{D(y;\sigma)-y}{\sigma^2}
    = e^{t/2}\Big(\frac{s}{\sigma r}F - \frac{y}{r^2}\Big), \qquad y = e^{t/2}x .
"""

from dataclasses import dataclass, field
from typing import NamedTuple, Protocol

import flax.linen as nn
import jax
import jax.numpy as jnp
import jax.random as jr
import optax
from jaxtyping import Array, Bool, Float, Int, PyTree

from sim.learners.perceptron import Perceptron
from sim.measures.estimate import Estimate, mean_estimate
from theory.processes import OU
from theory.validation import require, require_count, require_positive

__all__ = [
    "Architecture",
    "Denoiser",
    "FittedDenoiser",
    "denoising_loss",
]

LOG_SIGMA = (-1.2, 1.4)  # mean and deviation of log sigma in training
LARGEST_GRADIENT = 1.0  # longer ones are cut to this norm
LAST_RATE = 0.01  # of `learning_rate`, at the last step


class Architecture(Protocol):
    """What the network F is made of: `sim.learners.perceptron` or `sim.learners.unet`."""

    def module(self, dim: int) -> nn.Module:
        """F of dimension `dim`: inputs (n, d) and levels (n,) to outputs (n, d)."""
        ...


class Training(NamedTuple):
    """State of a fit between two segments."""

    params: PyTree
    optimizer: PyTree
    step: Int[Array, ""]
    losses: Float[Array, " segments"]


@dataclass(frozen=True)
class Denoiser:
    """Denoiser learner (see `sim.learners.protocol`); nothing in it knows the law."""

    network: Architecture = field(default_factory=Perceptron)
    """the network F"""
    steps: int = 4000
    """optimiser steps, a multiple of `segments`, whatever the number of points"""
    batch: int = 128
    """points per step, drawn with replacement"""
    learning_rate: float = 1e-3
    """Adam's largest step size; it falls to a hundredth along a cosine"""
    warmup: int = 200
    """first steps, during which the step size grows linearly from 0; below `steps`"""
    sigma_data: float = 0.5
    """standard deviation of the data that the preconditioning assumes"""
    segments: int = 20
    """equal pieces of training; one entry of the loss trace each"""

    def __post_init__(self) -> None:
        """Refuse impossible settings."""
        for name in ("steps", "batch", "segments"):
            require_count(name, getattr(self, name))
        allowed = f"a multiple of segments = {self.segments}"
        require(self.steps % self.segments == 0, "steps", allowed, self.steps)
        require_positive("learning_rate", self.learning_rate)
        require_positive("sigma_data", self.sigma_data)
        ok = isinstance(self.warmup, int) and 0 <= self.warmup < self.steps
        allowed = f"an integer in [0, steps), steps = {self.steps}"
        require(ok, "warmup", allowed, self.warmup)

    def init(
        self, key: Array, data: Float[Array, "n d"], law: object, process: OU
    ) -> Training:
        """A new random network; `law` and `process` are unused."""
        d = data.shape[1]
        point, level = jnp.zeros((1, d), jnp.float32), jnp.zeros((1,), jnp.float32)
        params = self.network.module(d).init(key, point, level)
        return Training(
            params,
            self._optimizer().init(params),
            jnp.zeros((), jnp.int32),
            jnp.zeros((self.segments,), jnp.float32),
        )

    def advance(
        self, key: Array, state: Training, data: Float[Array, "n d"], process: OU
    ) -> Training:
        """``steps / segments`` optimiser steps under one scan, their noise drawn before."""
        optimizer = self._optimizer()
        n, d = data.shape
        count = self.steps // self.segments
        shape = (count, self.batch)
        key_row, key_level, key_noise = (jr.fold_in(key, k) for k in range(3))
        # uniform to one part in 2^32 / n, at a third of what randint costs
        rows = jr.bits(key_row, shape, jnp.uint32) % jnp.uint32(n)
        sigma = draw_sigma(key_level, shape)
        z = jr.normal(key_noise, (*shape, d), jnp.float32)

        def one_step(carry, drawn):
            params, moments = carry
            rows, sigma, z = drawn
            batch_loss = lambda p: jnp.mean(self.losses(p, data[rows], z, sigma))
            loss, slope = jax.value_and_grad(batch_loss)(params)
            update, moments = optimizer.update(slope, moments, params)
            return (optax.apply_updates(params, update), moments), loss

        start = (state.params, state.optimizer)
        end, losses = jax.lax.scan(one_step, start, (rows, sigma, z))
        segment = state.step // count
        return Training(
            *end, state.step + count, state.losses.at[segment].set(jnp.mean(losses))
        )

    def finish(self, state: Training) -> "FittedDenoiser":
        """The denoiser as trained; no parameters are averaged."""
        leaves = [*jax.tree.leaves(state.params), state.losses]
        finite = jnp.all(jnp.stack([jnp.all(jnp.isfinite(leaf)) for leaf in leaves]))
        return FittedDenoiser(state.params, state.losses, finite, self)

    def pair(
        self, x: Float[Array, "n d"], z: Float[Array, "n d"], sigma: Float[Array, " n"]
    ) -> tuple[Float[Array, "n d"], Float[Array, "n d"]]:
        """Input and target of F at clean points `x` and standard normal noise `z`."""
        r = self._root(sigma)
        cos, sin = (self.sigma_data / r)[:, None], (sigma / r)[:, None]
        x = x / self.sigma_data
        return cos * x + sin * z, sin * x - cos * z

    def losses(
        self,
        params: PyTree,
        x: Float[Array, "n d"],
        z: Float[Array, "n d"],
        sigma: Float[Array, " n"],
    ) -> Float[Array, " n"]:
        """Weighted squared error of each denoised row, per coordinate."""
        noisy, target = self.pair(x, z, sigma)
        return jnp.mean((self.network_at(params, noisy, sigma) - target) ** 2, axis=1)

    def network_at(
        self, params: PyTree, noisy: Float[Array, "n d"], sigma: Float[Array, " n"]
    ) -> Float[Array, "n d"]:
        """F at inputs of unit variance."""
        module = self.network.module(noisy.shape[1])
        return jnp.asarray(module.apply(params, noisy, 0.25 * jnp.log(sigma)))

    def _root(self, sigma: Array) -> Array:
        return jnp.sqrt(sigma**2 + self.sigma_data**2)

    def _optimizer(self) -> optax.GradientTransformation:
        schedule = optax.warmup_cosine_decay_schedule(
            0.0,
            self.learning_rate,
            self.warmup,
            self.steps,
            LAST_RATE * self.learning_rate,
        )
        return optax.chain(
            optax.clip_by_global_norm(LARGEST_GRADIENT), optax.adam(schedule)
        )


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class FittedDenoiser:
    """Fitted denoiser, with the trace of its training."""

    params: PyTree
    losses: Float[Array, " segments"]
    """mean weighted loss of each segment, per coordinate; 1 for Gaussian data and F = 0"""
    finite: Bool[Array, ""]
    """False when training diverged: a loss or a parameter is not finite"""
    learner: Denoiser = field(metadata={"static": True})

    def denoise(
        self, y: Float[Array, "n d"], sigma: Float[Array, ""]
    ) -> Float[Array, "n d"]:
        """D(y; sigma) at noise sigma > 0, computed in float32, in the dtype of `y`."""
        y32, sigma = y.astype(jnp.float32), jnp.asarray(sigma, jnp.float32)
        r, s = self.learner._root(sigma), self.learner.sigma_data
        F = self._network(y32 / r, sigma)
        return ((s / r) ** 2 * y32 + sigma * s / r * F).astype(y.dtype)

    def score(self, x: Float[Array, "n d"], t: Float[Array, ""]) -> Float[Array, "n d"]:
        """Learned score at OU time t > 0, computed in float32, in the dtype of `x`."""
        t = jnp.asarray(t, jnp.float32)
        grown = jnp.exp(0.5 * t)
        y, sigma = grown * x.astype(jnp.float32), jnp.sqrt(jnp.expm1(t))
        r, s = self.learner._root(sigma), self.learner.sigma_data
        F = self._network(y / r, sigma)
        return (grown * (s / (sigma * r) * F - y / r**2)).astype(x.dtype)

    def _network(self, noisy: Array, sigma: Array) -> Array:
        each = jnp.broadcast_to(sigma, noisy.shape[:1])
        return self.learner.network_at(self.params, noisy, each)


def denoising_loss(
    fitted: FittedDenoiser, key: Array, rows: Float[Array, "n d"], draws: int
) -> Estimate:
    """Training loss on `rows` with fresh noise, `draws` times each.

    Lower on the training set than on an equally drawn one that was never trained on,
    as far as single points are remembered. The error is over rows, each averaged over
    its draws, n >= 2: it covers both the choice of rows and the noise.
    """
    require_count("draws", draws)
    x = rows.astype(jnp.float32)

    def once(i):
        key_level, key_noise = (jr.fold_in(jr.fold_in(key, i), k) for k in range(2))
        z = jr.normal(key_noise, x.shape, jnp.float32)
        sigma = draw_sigma(key_level, x.shape[:1])
        return fitted.learner.losses(fitted.params, x, z, sigma)

    each = jax.lax.map(once, jnp.arange(draws, dtype=jnp.int32))
    return mean_estimate(jnp.mean(each.astype(jnp.float64), axis=0))


def draw_sigma(key: Array, shape: tuple[int, ...]) -> Float[Array, "..."]:
    """Noise levels of training, log-normal."""
    mean, deviation = LOG_SIGMA
    return jnp.exp(mean + deviation * jr.normal(key, shape, jnp.float32))
