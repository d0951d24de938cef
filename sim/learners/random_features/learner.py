r"""Random-feature diffusion in one dimension as a learner: a density in, a density out.

.. math:: s(x,t) = \frac1M\sum_{j=1}^M a_j\,\varphi_j(x,t) ,

the features frozen, a trained by exact gradient flow for a time
:math:`\tau = c\,n^{q}` that may grow with the number n of training points, or by an
optimiser on the same full-batch loss. The generated law is the model's whole reverse
chain, carried as a density, so a loop of such learners has no sampling error beyond the
draw of its training points (and none at all in a population loop).
"""

from dataclasses import dataclass, field
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import jax.random as jr
import optax
from jaxtyping import Array, Bool, Float

from sim.grid import Grid, GridLaw, on_grid
from sim.learners.random_features.density_chain import (
    flow_to_data,
    posterior_transitions,
    reverse_density,
    reverse_times,
)
from sim.learners.random_features.energy import Energy, gradient_flow, score_matching
from sim.learners.random_features.layer import HiddenLayer, draw_layer
from theory.processes import OU
from theory.validation import require, require_finite, require_positive

__all__ = ["RandomFeatureScore", "RandomFeatures"]


class Training(NamedTuple):
    """State of a fit between two segments."""

    energy: Energy
    weights: Float[Array, " M"]
    optimizer: Any


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class RandomFeatureScore:
    """Fitted random-feature score, with the grid that carries what it generates."""

    layer: HiddenLayer
    weights: Float[Array, " M"]
    grid: Grid = field(metadata={"static": True})
    finite: Bool[Array, ""]
    """False when training diverged"""
    reverse_steps: int = field(metadata={"static": True})
    matched: bool = field(metadata={"static": True})

    def score(self, x: Float[Array, "n 1"], t: Float[Array, ""]) -> Float[Array, "n 1"]:
        """Learned score at noise time t, in the dtype of `x`; computed in float64."""
        wide = x[:, 0].astype(self.weights.dtype)
        return self._at(wide, jnp.asarray(t, wide.dtype))[:, None].astype(x.dtype)

    def endpoint(self, process: OU) -> GridLaw:
        """Law of the generated data: N(0, 1) at T carried to t0 > 0, then mapped to 0."""
        times, x = reverse_times(process, self.reverse_steps), self.grid.axis
        table = jax.lax.map(lambda t: self._at(x, t), times)
        normal = jnp.exp(-0.5 * x**2)
        steps = posterior_transitions(process, times, self.matched)
        mass = reverse_density(normal / jnp.sum(normal), table[:-1], steps, self.grid)
        mass = flow_to_data(mass, table[-1], process.t0, self.grid)
        return GridLaw(self.grid, mass / self.grid.cell)

    def _at(self, x: Float[Array, " p"], t: Float[Array, ""]) -> Float[Array, " p"]:
        return self.layer.features(x, t) @ self.weights / self.weights.shape[0]


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class RandomFeatures:
    r"""Random-feature learner (see `sim.learners.protocol`) of laws on a 1-D grid.

    Its data are counts (`sim.composition.Counts`), a histogram at the grid's nodes. The
    grid must resolve the last reverse step (`density_chain`). The process it is given sets
    the noise times, log-spaced in [t0, T]; the range [.02, 3] of the clock
    :math:`dX = -X\,dt + \sqrt2\,dB` is [.04, 6] of this one.

    Raises:
        InputError: on a 2-D grid, counts below 1 (of times: below 2), a scale that is not
            positive, a power that is not finite, or an optimiser without steps.
    """

    grid: Grid = field(metadata={"static": True})
    scale: Float[Array, ""] | float = 10.0
    r"""c > 0 of the training time :math:`\tau = c\,n^q`. The unit is that of `energy` and
    these features: 10 leaves a TV near 0.1 after one fit of n = 100, 50 one near 0.04"""
    power: Float[Array, ""] | float = 1.0
    """q of the training time; the bound's early stopping has 1/2"""
    feature_seed: Array | int = 0
    """which frozen features; the same at every generation"""
    features: int = field(default=300, metadata={"static": True})
    """hidden units M"""
    times: int = field(default=24, metadata={"static": True})
    """noise times of the loss"""
    population: bool = field(default=False, metadata={"static": True})
    """learn from the law itself; the counts then only say how large n is"""
    reverse_steps: int = field(default=120, metadata={"static": True})
    """log-spaced steps of the reverse chain from T to t0"""
    matched: bool = field(default=False, metadata={"static": True})
    """whether the chain's steps have the reverse process's variance, see `density_chain`"""
    optimiser: optax.GradientTransformation | None = field(
        default=None, metadata={"static": True}
    )
    """trains by full-batch steps in place of the exact flow; scale and power are unused"""
    steps: int = field(default=0, metadata={"static": True})
    """optimiser steps, a multiple of `segments`; 0 for the exact flow"""
    segments: int = field(default=0, metadata={"static": True})
    """equal pieces of training; 0 for the exact flow"""

    def __post_init__(self) -> None:
        """Refuse impossible settings."""
        require_positive("scale", self.scale)
        require_finite("power", self.power)
        for name, least in (("features", 1), ("times", 2), ("reverse_steps", 1)):
            value = getattr(self, name)
            whole = isinstance(value, int) and value >= least
            require(whole, name, f"an integer >= {least}", value)
        require(self.grid.dim == 1, "grid.dim", "1", self.grid.dim)
        if self.optimiser is None:
            idle = self.steps == 0 and self.segments == 0
            require(idle, "steps, segments", "0 without an optimiser", self.steps)
        else:
            require(self.segments >= 1, "segments", ">= 1", self.segments)
            whole = self.steps >= 1 and self.steps % self.segments == 0
            allowed = f"a positive multiple of segments = {self.segments}"
            require(whole, "steps", allowed, self.steps)

    def init(
        self, key: Array, data: Float[Array, " p"], law: Any, process: OU
    ) -> Training:
        """The loss on the data, and the layer: trained if exact, else 0. Needs t0 > 0.

        Args:
            key: unused; the features come from `feature_seed`.
            data: counts at the nodes; their total n > 0 sets the training time.
            law: the training law; used in a population loop only.
            process: noising process, for its times and its variance.
        """
        require_positive("process.t0", process.t0)
        n = jnp.sum(data)
        density = on_grid(law, self.grid).density if self.population else data
        density = density / (jnp.sum(density) * self.grid.cell)
        times = reverse_times(process, self.times - 1)
        energy = score_matching(
            self._layer(), GridLaw(self.grid, density), times, process
        )
        if self.optimiser is None:
            weights = gradient_flow(energy, self.scale * n**self.power)
            return Training(energy, weights, None)
        weights = jnp.zeros_like(energy.pull)
        return Training(energy, weights, self.optimiser.init(weights))

    def advance(
        self, key: Array, state: Training, data: Float[Array, " p"], process: OU
    ) -> Training:
        """``steps / segments`` full-batch optimiser steps under one scan, if any."""
        optimiser = self.optimiser
        if optimiser is None:
            return state

        def one_step(carry, _):
            weights, moments = carry
            slope = state.energy.slope(weights)
            update, moments = optimiser.update(slope, moments, weights)
            return (optax.apply_updates(weights, update), moments), None

        start, count = (state.weights, state.optimizer), self.steps // self.segments
        (weights, moments), _ = jax.lax.scan(one_step, start, length=count)
        return Training(state.energy, jnp.asarray(weights), moments)

    def finish(self, state: Training) -> RandomFeatureScore:
        """The fitted score."""
        return RandomFeatureScore(
            self._layer(),
            state.weights,
            self.grid,
            jnp.all(jnp.isfinite(state.weights)),
            self.reverse_steps,
            self.matched,
        )

    def _layer(self) -> HiddenLayer:
        return draw_layer(jr.key(self.feature_seed), self.features)
