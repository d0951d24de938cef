"""Points on the line that remember which real point they descend from.

A kernel density generates a point by picking one of its own and adding noise: every
generated point has one parent, and so a line back to a real point. `Traced` holds the data
with their lines; a density fitted to them (`TracedDensity`) hands the lines on.
"""

from dataclasses import dataclass
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import jax.random as jr
from jaxtyping import Array, Float, UInt64

from sim.composition.policy import Real
from sim.laws import categorical, draw
from theory.mixtures import KernelDensity

__all__ = ["Traced", "TracedDensity", "TracedPoints"]


class TracedPoints(NamedTuple):
    """Points and, of each, the number of the real point at the start of its line."""

    points: Float[Array, "n 1"]
    line: UInt64[Array, " n"]


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class TracedDensity(KernelDensity):
    """A kernel density that knows the line of each centre."""

    line: Any = None  # UInt64[Array, " m"]; after fields with defaults it needs one


@dataclass(frozen=True)
class Traced:
    """A batch of n float64 points with their lines (see `sim.composition.Dataset`).

    A batch of fewer points counts the first rows alone. Real points are numbered at random
    among 2^64: that two share a number does not happen.
    """

    n: int

    def real(self, real: Real, key: Array, count: Array) -> TracedPoints:
        """New real points, each the start of a line."""
        key_points, key_line = jr.split(key)
        points = draw(real.law, key_points, self.n, jnp.float64)
        return TracedPoints(points, jr.bits(key_line, (self.n,), jnp.uint64))

    def draw(self, law: TracedDensity, key: Array, count: Array) -> TracedPoints:
        """Children of the law's centres, each of its parent's line."""
        key_parent, key_noise = jr.split(key)
        parent = categorical(key_parent, jnp.exp(law.log_weights), self.n)
        z = jr.normal(key_noise, (self.n, 1), jnp.float64)
        points = law.centres[parent] + jnp.sqrt(law.variance) * z
        return TracedPoints(points, law.line[parent])

    def join(self, first: TracedPoints, upto: Array, second: TracedPoints):
        """Rows below `upto` from the first batch, the others from the second."""
        ahead = jnp.arange(self.n) < upto
        return TracedPoints(
            jnp.where(ahead[:, None], first.points, second.points),
            jnp.where(ahead, first.line, second.line),
        )

    def complete(self, batch: TracedPoints, size: Array) -> TracedPoints:
        """All n rows, the first `size` of them repeated."""
        rows = jnp.arange(self.n) % jnp.asarray(size, jnp.int32)
        return TracedPoints(batch.points[rows], batch.line[rows])
