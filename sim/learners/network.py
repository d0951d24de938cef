r"""A neural score: denoising score matching with a preconditioned perceptron.

With data of mean m and per-dimension variance V, write :math:`a=e^{-t/2}`,
:math:`\sigma^2=1-a^2`, :math:`v=a^2V+\sigma^2` and :math:`y=x-am`. The score is

.. math:: \hat s(x,t) = -\frac{y}{v}
    + c(t)\,F\Big(\frac{y}{\sqrt v},\ \tfrac14\log(e^t-1)\Big), \qquad
    c^2 = \frac{1}{\sigma^2}-\frac1v = \frac{a^2V}{\sigma^2 v}.

The first term is the score of Gaussian data of the same mean and variance, so F = 0 is
exact there. The factor c gives the regression target of F unit variance, as the
preconditioning of Karras et al. (2022, arXiv:2206.00364) does for denoisers. Derived:
the target of denoising score matching is :math:`-z/\sigma`, of mean square
:math:`1/\sigma^2`; its best linear predictor :math:`-y/v` takes away :math:`1/v` of it.

The loss is the energy which the theory bounds,
:math:`\int_{t_0}^T E|\hat s-\nabla\log q_t|^2dt`, plus a constant. Uniform draws of t
would estimate it badly, as the target's variance explodes at small t. So t is drawn
with density proportional to c^2 and weighted by the inverse: in units of F all times
then weigh the same (importance sampling as in Song et al. 2021, arXiv:2101.09258, with
:math:`1/\sigma^2` for c^2). The distribution function is elementary,
:math:`\int c^2dt = -\log(1+V/(e^t-1))`, and the batch takes one draw in each of as many
equal strata of it (Kingma et al. 2021, arXiv:2107.00630).
"""

from dataclasses import dataclass, field
from typing import NamedTuple

import flax.linen as nn
import jax
import jax.numpy as jnp
import jax.random as jr
import optax
from jaxtyping import Array, Bool, Float, Int, PyTree

from theory.processes import OU
from theory.validation import require, require_count, require_in, require_positive

__all__ = ["Network", "NetworkScore"]

SMALLEST_VARIANCE = 1e-6  # of collapsed data, in squared data units


class Preconditioning(NamedTuple):
    """Coefficients of the score's three parts at one time, each (d,)."""

    skip: Float[Array, " d"]
    output: Float[Array, " d"]
    input: Float[Array, " d"]


class Training(NamedTuple):
    """State of a fit between two segments."""

    params: PyTree
    average: PyTree  # exponential moving average of the parameters
    optimizer: PyTree
    step: Int[Array, ""]
    centre: Float[Array, " d"]
    variance: Float[Array, " d"]
    losses: Float[Array, " segments"]
    process: OU


@dataclass(frozen=True)
class Network:
    """Network learner (see `sim.learners.protocol`)."""

    width: int = 64
    """units in each hidden layer"""
    depth: int = 3
    """hidden layers"""
    steps: int = 2000
    """optimiser steps, a multiple of `segments`"""
    batch: int = 256
    """points per step, drawn with replacement"""
    learning_rate: float = 1e-2
    """Adam's step size at the start; it falls to 0 along a cosine"""
    weight_decay: float = 0.0
    """decoupled weight decay (AdamW)"""
    ema: float = 0.99
    """decay of the parameter average that is used after training, in [0, 1)"""
    segments: int = 20
    """equal pieces of training; one entry of the loss trace each"""

    def __post_init__(self) -> None:
        """Refuse impossible settings."""
        for name in ("width", "depth", "steps", "batch", "segments"):
            require_count(name, getattr(self, name))
        allowed = f"a multiple of segments = {self.segments}"
        require(self.steps % self.segments == 0, "steps", allowed, self.steps)
        require_positive("learning_rate", self.learning_rate)
        require_in("weight_decay", self.weight_decay, 0.0, 1.0)
        require(0.0 <= self.ema < 1.0, "ema", "in [0, 1)", self.ema)

    def init(
        self, key: Array, data: Float[Array, "n d"], law: object, process: OU
    ) -> Training:
        """Untrained state, its score Gaussian; `law` is unused. Needs t0 > 0."""
        require_positive("process.t0", process.t0)
        d = data.shape[1]
        origin = jnp.zeros((d,), jnp.float32)
        params = self._module(d).init(key, origin, jnp.float32(0.0))
        return Training(
            params,
            params,
            self._optimizer().init(params),
            jnp.zeros((), jnp.int32),
            jnp.mean(data, axis=0),
            jnp.maximum(jnp.var(data, axis=0), SMALLEST_VARIANCE),
            jnp.zeros((self.segments,), jnp.float32),
            process,
        )

    def advance(
        self, key: Array, state: Training, data: Float[Array, "n d"], process: OU
    ) -> Training:
        """``steps / segments`` optimiser steps under one scan."""
        optimizer = self._optimizer()

        def one_step(carry, i):
            params, average, moments, step = carry
            loss, slope = jax.value_and_grad(self._loss)(
                params, jr.fold_in(key, i), state, data, process
            )
            update, moments = optimizer.update(slope, moments, params)
            params = optax.apply_updates(params, update)
            # the first steps forget the random start, as in TensorFlow's average
            keep = jnp.minimum(self.ema, (1 + step) / (10 + step)).astype(jnp.float32)
            average = optax.incremental_update(params, average, 1 - keep)
            return (params, average, moments, step + 1), loss

        count = self.steps // self.segments
        start = (state.params, state.average, state.optimizer, state.step)
        end, losses = jax.lax.scan(one_step, start, jnp.arange(count, dtype=jnp.int32))
        segment = state.step // count
        return Training(
            *end,
            state.centre,
            state.variance,
            state.losses.at[segment].set(jnp.mean(losses)),
            state.process,
        )

    def finish(self, state: Training) -> "NetworkScore":
        """The score of the averaged parameters."""
        leaves = [*jax.tree.leaves(state.average), state.losses]
        finite = jnp.all(jnp.stack([jnp.all(jnp.isfinite(leaf)) for leaf in leaves]))
        return NetworkScore(
            state.average,
            state.centre,
            state.variance,
            state.process,
            state.losses,
            finite,
            self,
        )

    def precondition(
        self, t: Float[Array, ""], variance: Float[Array, " d"], process: OU
    ) -> Preconditioning:
        """Coefficients of skip, output and input at time t."""
        a2, sigma2 = process.mean_factor(t) ** 2, process.variance(t)
        v = a2 * variance + sigma2
        return Preconditioning(1 / v, jnp.sqrt(a2 * variance / (sigma2 * v)), v**-0.5)

    def times(
        self, u: Float[Array, " batch"], variance: Float[Array, " d"], process: OU
    ) -> tuple[Float[Array, " batch"], Float[Array, " batch"]]:
        """Noise times at the quantiles `u` of their density, and the density there.

        The variance is averaged over dimensions: any density will do that is also the
        weight's inverse.
        """
        V = jnp.mean(variance)
        low, high = (
            -jnp.log1p(V / jnp.expm1(jnp.asarray(t, jnp.float32)))
            for t in (process.t0, process.T)
        )
        t = jnp.log1p(V / jnp.expm1(-(low + u * (high - low))))
        c = jax.vmap(lambda t: self.precondition(t, V, process).output)(t)
        return t, c**2 / (high - low)

    def score_at(
        self,
        params: PyTree,
        x: Float[Array, " d"],
        t: Float[Array, ""],
        centre: Float[Array, " d"],
        variance: Float[Array, " d"],
        process: OU,
    ) -> Float[Array, " d"]:
        """Learned score at one point."""
        at = self.precondition(t, variance, process)
        y = x - process.mean_factor(t) * centre
        level = 0.25 * jnp.log(jnp.expm1(t))  # log noise-to-signal, about [-1, 1]
        network = self._module(x.shape[-1]).apply(params, at.input * y, level)
        return at.output * network - at.skip * y

    def _loss(
        self, params: PyTree, key: Array, state: Training, data: Array, process: OU
    ) -> Float[Array, ""]:
        """One batch's unbiased estimate of eps*^2 plus the target's own variance."""
        key_row, key_time, key_noise = (jr.fold_in(key, k) for k in range(3))
        n, d = data.shape
        # uniform to one part in 2^32 / n, at a third of what randint costs
        rows = jr.bits(key_row, (self.batch,), jnp.uint32) % jnp.uint32(n)
        strata = jnp.arange(self.batch, dtype=jnp.float32) / self.batch
        u = (jr.uniform(key_time, (), jnp.float32) + strata) % 1.0
        t, density = self.times(u, state.variance, process)
        z = jr.normal(key_noise, (self.batch, d), jnp.float32)

        def squared_error(x0, t, z):
            sigma = jnp.sqrt(process.variance(t))
            x = process.mean_factor(t) * x0 + sigma * z
            score = self.score_at(params, x, t, state.centre, state.variance, process)
            return jnp.sum((score + z / sigma) ** 2)

        return jnp.mean(jax.vmap(squared_error)(data[rows], t, z) / density)

    def _module(self, dim: int) -> "_Perceptron":
        return _Perceptron(self.width, self.depth, dim)

    def _optimizer(self) -> optax.GradientTransformation:
        schedule = optax.cosine_decay_schedule(self.learning_rate, self.steps)
        return optax.adamw(schedule, weight_decay=self.weight_decay)


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class NetworkScore:
    """Fitted network, with the trace of its training."""

    params: PyTree
    centre: Float[Array, " d"]
    variance: Float[Array, " d"]
    process: OU
    losses: Float[Array, " segments"]
    """mean loss of each segment: eps*^2 plus the target's own variance"""
    finite: Bool[Array, ""]
    """False when training diverged: a loss or a parameter is not finite"""
    learner: Network = field(metadata={"static": True})

    def score(self, x: Float[Array, "n d"], t: Float[Array, ""]) -> Float[Array, "n d"]:
        """Learned score at noise time t, computed in float32, in the dtype of `x`."""
        t = jnp.asarray(t, jnp.float32)
        learned = jax.vmap(
            lambda point: self.learner.score_at(
                self.params, point, t, self.centre, self.variance, self.process
            )
        )(x.astype(jnp.float32))
        return learned.astype(x.dtype)


class _Perceptron(nn.Module):
    """F at one point: (d,) and a noise level -> (d,), zero before training.

    Linen, not NNX: its parameters are a plain dict and `apply` a pure function, all
    that `scan`, `map` and `vmap` ask for; NNX would split and merge a graph at each.
    """

    width: int
    depth: int
    dim: int

    @nn.compact
    def __call__(
        self, x: Float[Array, " d"], level: Float[Array, ""]
    ) -> Float[Array, " d"]:
        h = jnp.concatenate([x, level[None]])
        for _ in range(self.depth):
            h = nn.silu(nn.Dense(self.width, param_dtype=jnp.float32)(h))
        start = nn.initializers.zeros_init()
        return nn.Dense(self.dim, param_dtype=jnp.float32, kernel_init=start)(h)
