"""Which n points of a pool are trained on."""

from dataclasses import dataclass
from typing import Protocol

import jax.numpy as jnp
import jax.random as jr
from jaxtyping import Array, Float, Int

from sim.composition.farthest import greedy, threshold_decay
from theory.validation import require, require_positive

__all__ = ["Greedy", "Random", "Selection", "ThresholdDecay"]


class Selection(Protocol):
    """A rule that chooses; pure, jit- and vmap-able."""

    def choose(
        self,
        key: Array,
        points: Float[Array, "m d"],
        batch: Int[Array, " m"],
        n: int,
        spacing: Float[Array, ""],
    ) -> Int[Array, " n"]:
        """Indices of n points.

        Args:
            key: typed key.
            points: the pool.
            batch: which batch a point is of; -1 where there is no point.
            n: how many are chosen.
            spacing: mean distance to the nearest neighbour in the first training set.
        """
        ...


@dataclass(frozen=True)
class Random:
    """Uniformly without replacement: the baseline."""

    stratified: bool = False
    """equally many of each batch, up to one; the batches with one more are random"""

    def choose(self, key, points, batch, n, spacing) -> Int[Array, " n"]:
        """The points that come first in a random order."""
        key_point, key_batch = jr.split(key)
        u = jr.uniform(key_point, batch.shape, jnp.float64)
        place, turn = jnp.zeros_like(batch), jnp.zeros_like(u)
        if self.stratified:
            place = _place_in_batch(u, batch)
            turn = jr.uniform(key_batch, batch.shape, jnp.float64)[batch]
        return jnp.lexsort((u, turn, place, batch < 0))[:n]


def _place_in_batch(u: Float[Array, " m"], batch: Int[Array, " m"]) -> Int[Array, " m"]:
    """How many points of its batch come before a point in the order of `u`."""
    order = jnp.lexsort((u, batch))
    ordered = batch[order]
    first = jnp.searchsorted(ordered, ordered, side="left")
    place = jnp.arange(batch.shape[0]) - first
    return jnp.zeros_like(batch).at[order].set(place.astype(batch.dtype))


@dataclass(frozen=True)
class Greedy:
    """Farthest-point traversal from a random point (Shi et al., Algorithm 1)."""

    def choose(self, key, points, batch, n, spacing) -> Int[Array, " n"]:
        """Indices in the order in which they were chosen."""
        start = Random().choose(key, points, batch, 1, spacing)[0]
        return greedy(points, n, start, batch >= 0)


@dataclass(frozen=True)
class ThresholdDecay:
    """Threshold decay filter in a random order (Shi et al., Algorithm 2)."""

    threshold: float = 1.7
    """first threshold, in mean nearest-neighbour distances of the first training set"""
    decay: float = 0.95
    """factor by which it falls, in (0, 1)"""

    def __post_init__(self) -> None:
        """Refuse impossible settings."""
        require_positive("threshold", self.threshold)
        ok = 0.0 < self.decay < 1.0
        require(ok, "decay", "in (0, 1)", self.decay)

    def choose(self, key, points, batch, n, spacing) -> Int[Array, " n"]:
        """Indices in the order in which they were chosen."""
        m = points.shape[0]
        order = Random().choose(key, points, batch, m, spacing)
        first = self.threshold * spacing
        valid = batch[order] >= 0
        taken = threshold_decay(points[order], n, first, self.decay, 0, valid)
        return order[taken.order]
