r"""The solvable denoiser as a learner of the generational loop.

The loop's process takes :math:`x_t = \beta_t x_1 + \alpha_t x_0` with
:math:`\beta_t=e^{-t/2}`, :math:`\alpha_t^2 = 1-e^{-t}`: the paper's interpolant in another
clock. One network f, trained online at one noise time (or a few), is used at all:

.. math:: \hat s(x, t) = \frac{\beta_t f(x) - x}{\alpha_t^2} .

The data that the loop hands over are taken one after the other in random order, with
fresh noise each time; more than one pass is no longer the paper's online learning.
"""

from dataclasses import dataclass, field
from typing import NamedTuple

import jax
import jax.numpy as jnp
import jax.random as jr
import numpy as np
from jaxtyping import Array, Bool, Float

from sim.learners.autoencoder.network import (
    Weights,
    denoise,
    norms,
    sgd_step,
    weights_of,
)
from sim.learners.autoencoder.online import draw_levels
from theory.denoiser import Activation, Training, training
from theory.processes import OU
from theory.validation import require_count, require_in, require_positive

__all__ = ["Autoencoder", "AutoencoderScore"]


class State(NamedTuple):
    """A fit between two passes."""

    weights: Weights
    process: OU


@dataclass(frozen=True)
class Autoencoder:
    """Autoencoder learner (see `sim.learners.protocol`)."""

    width: int = 2
    """r >= 1, rows of W"""
    times: tuple[float, ...] = (0.7,)
    """noise times > 0 of training; one of them at random each step"""
    rate: float | Float[Array, ""] = 0.01
    """eta > 0"""
    skip_ratio: float | Float[Array, ""] = 1.0
    """kappa >= 0"""
    decay: float | Float[Array, ""] = 0.1
    """lambda >= 0"""
    activation: str | Activation = "tanh"
    """sigma"""
    passes: int = 1
    """times that the data are gone through; one segment each"""
    spread: float = 0.5
    """standard deviation >= 0 of the entries of W at the start"""

    def __post_init__(self) -> None:
        """Refuse impossible settings."""
        for name in ("width", "passes"):
            require_count(name, getattr(self, name))
        require_positive("times", self.times)
        require_positive("rate", self.rate)
        require_in("spread", self.spread, 0.0, 1e6)
        self.training  # noqa: B018  refuses the rest

    @property
    def segments(self) -> int:
        """One segment is one pass."""
        return self.passes

    @property
    def training(self) -> Training:
        """The protocol of its training."""
        t = np.asarray(self.times, dtype=np.float64)
        return training(
            np.sqrt(-np.expm1(-t)), np.exp(-t / 2), self.rate, self.skip_ratio,
            self.decay, self.activation,
        )  # fmt: skip

    def init(
        self, key: Array, data: Float[Array, "n d"], law: object, process: OU
    ) -> State:
        """Random weights, no skip; `law` is unused. Needs t0 > 0."""
        require_positive("process.t0", process.t0)
        W = self.spread * jr.normal(key, (self.width, data.shape[1]), jnp.float32)
        return State(weights_of(W, self.training), process)

    def advance(
        self, key: Array, state: State, data: Float[Array, "n d"], process: OU
    ) -> State:
        """One pass over the data."""
        key_order, key_noise, key_levels = jr.split(key, 3)
        as32 = jax.tree.map(lambda v: v.astype(jnp.float32), self.training)
        n = data.shape[0]
        x1 = data[jr.permutation(key_order, jnp.arange(n, dtype=jnp.int32))]
        x0 = jr.normal(key_noise, x1.shape, jnp.float32)
        samples = (
            draw_levels(key_levels, as32, n),
            jnp.stack([x1, x0], axis=1),
            norms(x1, x0),
        )
        step = lambda weights, sample: (sgd_step(as32, weights, *sample), None)
        weights, _ = jax.lax.scan(step, state.weights, samples)
        return State(weights, state.process)

    def finish(self, state: State) -> "AutoencoderScore":
        """The score of the trained network."""
        finite = jnp.all(jnp.isfinite(state.weights.W)) & jnp.isfinite(
            state.weights.b[0]
        )
        return AutoencoderScore(
            state.weights, state.process, finite, self.training.activation
        )


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class AutoencoderScore:
    """Fitted network; the same f at every noise time."""

    weights: Weights
    process: OU
    finite: Bool[Array, ""]
    """False when training diverged: a weight is not finite"""
    activation: Activation = field(metadata={"static": True})

    def score(self, x: Float[Array, "n d"], t: Float[Array, ""]) -> Float[Array, "n d"]:
        """Learned score at noise time t, computed in the dtype of `x`."""
        weights = jax.tree.map(lambda v: v.astype(x.dtype), self.weights)
        beta, variance = (
            jnp.asarray(v, x.dtype)
            for v in (self.process.mean_factor(t), self.process.variance(t))
        )
        return (beta * denoise(weights, x, self.activation) - x) / variance
