r"""A known score plus a known error: the learner that dials observability and alignment.

The learned score is :math:`\hat s(x,t) = \nabla\log q_t(x) + e(x,t)`. It needs the score of
q_i, so it runs where q_i is known exactly or on a grid. Errors are small pytrees with
``error(x, t, score_at) -> e``, shape of x, where ``score_at(y)`` is the true score at time
t; any such callable of the user's own will do.
"""

from collections.abc import Callable
from dataclasses import dataclass, field

import jax
import jax.numpy as jnp
import jax.random as jr
from jaxtyping import Array, Float

from sim.laws import known_as
from theory.processes import OU
from theory.validation import require, require_finite

__all__ = [
    "Linear",
    "Perturbed",
    "PerturbedScore",
    "ScoreScaling",
    "Shift",
    "Tanh",
    "TimeOnly",
    "aligned",
    "constant",
    "orthogonal_time_only",
    "random_direction",
    "rotation",
]

ScoreAt = Callable[[Array], Array]


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class Linear:
    r""":math:`e(x,t) = W x`. See `aligned`, `random_direction`, `rotation`."""

    matrix: Float[Array, "d d"]

    def __call__(self, x: Float[Array, "n d"], t: Array, score_at: ScoreAt) -> Array:
        """Error at each row of `x`."""
        return x @ self.matrix.astype(x.dtype).T


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class TimeOnly:
    r""":math:`e(x,t) = b\,e^{\lambda (t-t_0)}\cos(2\pi j (t-t_0)/S)`, the same at every x.

    `growth` 0 and `cycles` 0 give a constant drift error. Not invisible in general: the
    propagated shift vanishes only for special time profiles (`orthogonal_time_only`).
    """

    vector: Float[Array, " d"]
    growth: Float[Array, ""]
    cycles: Float[Array, ""]
    t0: Float[Array, ""]
    span: Float[Array, ""]

    def __call__(self, x: Float[Array, "n d"], t: Array, score_at: ScoreAt) -> Array:
        """Error at each row of `x`."""
        u = t - self.t0
        profile = jnp.exp(self.growth * u) * jnp.cos(
            2 * jnp.pi * self.cycles * u / self.span
        )
        return jnp.broadcast_to((profile * self.vector).astype(x.dtype)[None], x.shape)


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class ScoreScaling:
    r""":math:`e(x,t) = \lambda\,\nabla\log q_t(x)`; lambda < 0 is an under-confident score."""

    factor: Float[Array, ""]

    def __call__(self, x: Float[Array, "n d"], t: Array, score_at: ScoreAt) -> Array:
        """Error at each row of `x`."""
        return self.factor.astype(x.dtype) * score_at(x)


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class Tanh:
    r""":math:`e_j(x,t) = a \tanh x_j`: bounded, so every exponential moment exists."""

    amplitude: Float[Array, ""]

    def __call__(self, x: Float[Array, "n d"], t: Array, score_at: ScoreAt) -> Array:
        """Error at each row of `x`."""
        return self.amplitude.astype(x.dtype) * jnp.tanh(x)


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class Shift:
    r"""The score of the data moved by s: :math:`\nabla\log q_t(x - e^{-t/2}s)`.

    A consistent error: in continuous time the generated law is exactly q moved by s, and
    the observability tends to 1.
    """

    shift: Float[Array, " d"]

    def __call__(self, x: Float[Array, "n d"], t: Array, score_at: ScoreAt) -> Array:
        """Error at each row of `x`."""
        moved = (jnp.exp(-0.5 * t) * self.shift).astype(x.dtype)[None]
        return score_at(x - moved) - score_at(x)


def aligned(w: float, dim: int) -> Linear:
    """e = w x."""
    require_finite("w", w)
    return Linear(w * jnp.eye(dim, dtype=jnp.float64))


def random_direction(w: float, dim: int, key: Array) -> Linear:
    """e = w R x with R a uniformly random rotation: the energy of `aligned`, another aim."""
    require_finite("w", w)
    return Linear(w * jr.orthogonal(key, dim, dtype=jnp.float64))


def rotation(w: float, dim: int) -> Linear:
    """e = w J x, J rotating the coordinate pairs (0,1), (2,3), ...

    Invisible on isotropic Gaussians, since div(q e) = 0.
    """
    require_finite("w", w)
    require(dim >= 2, "dim", ">= 2 for a rotation", dim)
    J = jnp.zeros((dim, dim), jnp.float64)
    for j in range(0, dim - 1, 2):
        J = J.at[j, j + 1].set(-1.0).at[j + 1, j].set(1.0)
    return Linear(w * J)


def constant(vector: Float[Array, " d"], process: OU) -> TimeOnly:
    """e = b at all times and places."""
    require_finite("vector", vector)
    return _time_only(vector, 0.0, 0.0, process)


def orthogonal_time_only(vector: Float[Array, " d"], process: OU) -> TimeOnly:
    r"""e = b :math:`e^{(t-t_0)/2}\cos(2\pi(t-t_0)/S)`, invisible on N(0, I).

    Its propagated shift :math:`\int e^{-(t-t_0)/2} b(t)\,dt` vanishes.
    """
    require_finite("vector", vector)
    return _time_only(vector, 0.5, 1.0, process)


def _time_only(vector, growth: float, cycles: float, process: OU) -> TimeOnly:
    f64 = jnp.float64
    return TimeOnly(
        jnp.asarray(vector, f64),
        jnp.asarray(growth, f64),
        jnp.asarray(cycles, f64),
        jnp.asarray(process.t0, f64),
        jnp.asarray(process.T - process.t0, f64),
    )


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class PerturbedScore:
    """Fitted score: that of `law`, noised, plus `error`."""

    law: object
    error: object
    process: OU

    def score(self, x: Float[Array, "n d"], t: Float[Array, ""]) -> Float[Array, "n d"]:
        """Learned score at noise time t."""
        score_at = self.law.noised(self.process, t).score
        return score_at(x) + self.error(x, t, score_at)


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class Perturbed:
    """Learner that knows the score of q_i and adds `error` (see `sim.learners.protocol`)."""

    error: object
    segments: int = field(default=0, metadata={"static": True})

    def init(self, key: Array, data: Array, law: object, process: OU) -> PerturbedScore:
        """The fitted score itself; `data` is unused."""
        require(
            known_as(law) != "samples",
            "learner",
            "one that learns from samples where the law of the data is not known "
            "(the perturbed score needs the score of q_i)",
            "Perturbed",
        )
        return PerturbedScore(law, self.error, process)

    def advance(
        self, key: Array, state: PerturbedScore, data: Array, process: OU
    ) -> PerturbedScore:
        """Nothing to do."""
        return state

    def finish(self, state: PerturbedScore) -> PerturbedScore:
        """The fitted score."""
        return state
