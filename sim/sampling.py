r"""Sampling from a learned score: reverse SDE, probability-flow ODE, exact draws.

All run in the increasing clock ``s = T - t`` on a decreasing grid of noise times
:math:`T=t_0' > t_1' > \dots > t_K' = t_0`, the score evaluated at the start of each step.
"""

from dataclasses import dataclass

import jax
import jax.numpy as jnp
import jax.random as jr
from jaxtyping import Array, Float

from sim.laws import draw, noise
from theory.processes import OU, noise_times
from theory.validation import require

__all__ = [
    "EndpointDraw",
    "ProbabilityFlow",
    "ReverseSDE",
    "em_step",
    "flow_step",
]


def em_step(y: Array, h: float, score: Array, xi: Array, process: OU) -> Array:
    """One Euler-Maruyama step of the reverse SDE; `xi` standard normal, an argument."""
    return y + h * process.reverse_drift(y, score) + jnp.sqrt(h) * xi


def flow_step(y: Array, h: float, score: Array) -> Array:
    r"""One Euler step of the probability flow :math:`dY = \tfrac12(Y + s)\,ds`."""
    return y + 0.5 * h * (y + score)


@dataclass(frozen=True)
class _Stepped:
    """A reverse chain in steps; what it samples is its `_step`."""

    steps: int = 500
    """number of steps from T to t0"""
    power: float = 1.0
    """grading of the time grid towards t0; 1 is uniform"""
    start: str = "marginal"
    """start law: 'marginal' (q_T, as the theory) or 'normal' (N(0, I), as practice)"""

    def __post_init__(self) -> None:
        """Refuse impossible settings."""
        require(self.steps >= 1, "steps", ">= 1", self.steps)
        require(self.power >= 1, "power", ">= 1", self.power)
        ok = self.start in ("marginal", "normal")
        require(ok, "start", "'marginal' or 'normal'", self.start)

    def domain(self, process: OU) -> OU:
        """The process down to the smallest time at which a score is asked for."""
        return OU(T=process.T, t0=noise_times(process, self.steps, self.power)[-2])

    def begin(
        self, key: Array, law, data: Array, shape: tuple[int, int], process: OU
    ) -> Float[Array, "n d"]:
        """Where chains start, in float32: at q_T, or at N(0, I).

        q_T by noising draws of q, or the rows of `data` in turn where q is known by
        samples only.
        """
        if self.start == "normal":
            return jr.normal(key, shape, jnp.float32)
        key_draw, key_noise = jr.split(key)
        if law is None:
            clean = data[jnp.arange(shape[0]) % data.shape[0]]
        else:
            clean = draw(law, key_draw, shape[0])
        return noise(clean, process, process.T, key_noise)

    def sample(
        self, key: Array, fitted, start: Float[Array, "n d"], process: OU
    ) -> Array:
        """Endpoint samples at t0, shape and dtype of `start`."""
        times = noise_times(process, self.steps, self.power)

        def step(y, k):
            t, h = times[k], (times[k] - times[k + 1]).astype(y.dtype)
            score = fitted.score(y, t.astype(y.dtype)).astype(y.dtype)
            return self._step(y, h, score, jr.fold_in(key, k), process), None

        return jax.lax.scan(step, start, jnp.arange(self.steps))[0]

    def _step(self, y: Array, h: Array, score: Array, key: Array, process: OU) -> Array:
        raise NotImplementedError


@dataclass(frozen=True)
class ReverseSDE(_Stepped):
    """Euler-Maruyama samples of the learned reverse SDE."""

    def _step(self, y: Array, h: Array, score: Array, key: Array, process: OU) -> Array:
        return em_step(y, h, score, jr.normal(key, y.shape, y.dtype), process)


@dataclass(frozen=True)
class ProbabilityFlow(_Stepped):
    """Euler samples of the probability-flow ODE.

    Another law than the SDE's once the score is wrong: never compare one's samples with
    the other's density.
    """

    def _step(self, y: Array, h: Array, score: Array, key: Array, process: OU) -> Array:
        return flow_step(y, h, score)


@dataclass(frozen=True)
class EndpointDraw:
    """Exact draws from the learned endpoint law, where it is known (kernel learner).

    In continuous time the reverse SDE of a kernel score started from its own marginal
    ends exactly at the smoothed bootstrap, so no steps are needed.
    """

    start: str = "marginal"
    """start law; exact draws exist for 'marginal' only"""

    def __post_init__(self) -> None:
        """Refuse impossible settings."""
        require(
            self.start == "marginal", "start", "'marginal' for exact draws", self.start
        )

    def domain(self, process: OU) -> OU:
        """The process itself: no score is asked for at small times."""
        return process

    def begin(
        self, key: Array, law, data: Array, shape: tuple[int, int], process: OU
    ) -> Float[Array, "n d"]:
        """Zeros: exact draws need no start."""
        return jnp.zeros(shape, jnp.float32)

    def sample(
        self, key: Array, fitted, start: Float[Array, "n d"], process: OU
    ) -> Array:
        """As many draws as `start` has rows; its values are unused."""
        return draw(fitted.endpoint(process), key, start.shape[0], start.dtype)
