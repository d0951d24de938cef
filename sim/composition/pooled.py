r"""Training sets of a fixed size, selected from a pool of batches.

Generation i trains on N points selected from the pool of the latest batches: with one, the
points of the latest model (replace); with as many as there are generations, the original
points and all that was generated since (accumulate and subsample). A share of new real
points may take the place of selected ones.
"""

from dataclasses import dataclass
from typing import Any, ClassVar, NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from sim.composition.policy import At, Real, State
from sim.composition.selection import Random, Selection
from sim.measures.neighbours import nearest
from theory.validation import require

__all__ = ["Pool", "Pooled"]

_EMPTY = -1


class Pool(NamedTuple):
    """What is kept from one generation to the next."""

    points: Float[Array, "batches m d"]
    batch: Int[Array, "batches m"]
    """number of a point's batch: 0 the original points, k those of model k, -1 none"""
    source: Int[Array, " n"]
    """that of the points of the training set; new real points count as 0"""
    spacing: Float[Array, ""]
    """mean distance to the nearest neighbour in the first training set"""
    generation: Int[Array, ""]


@dataclass(frozen=True)
class Pooled:
    """Selection from the latest batches. Reads "alpha", the share of new real points.

    The first training set, all new real points, is the first batch.
    """

    n: int
    """size of every training set; no more than a model generates"""
    select: Selection = Random()
    """which points of the pool are trained on"""
    batches: int = 1
    """batches in the pool: 1 replaces, the number of generations accumulates"""
    knows_law: ClassVar[bool] = False  # a selection changes it

    def __post_init__(self) -> None:
        """Refuse impossible settings."""
        require(self.n >= 2, "n", ">= 2", self.n)
        require(self.batches >= 1, "batches", ">= 1", self.batches)

    def parameters(self, replicas: int, generations: int) -> dict[str, Any]:
        """None of its own."""
        return {}

    def start(self, keys, at: At, real: Real, samples: Array, law: Any) -> Pool:
        """An empty pool."""
        m, d = samples.shape
        ok = m >= self.n
        require(ok, "generated points", f">= n = {self.n}", m)
        return Pool(
            jnp.zeros((self.batches, m, d), samples.dtype),
            jnp.full((self.batches, m), _EMPTY, jnp.int32),
            jnp.zeros((self.n,), jnp.int32),
            jnp.zeros((), jnp.float64),
            jnp.zeros((), jnp.int32),
        )

    def first(self, keys, at: At, real: Real, samples: Array) -> Array:
        """As many points as a training set has."""
        return samples[: self.n]

    def compose(self, keys, at: At, real: Real, state: State) -> tuple[Array, Pool]:
        """N points of the pool, the first of them replaced by new real ones."""
        key_fresh, key = keys
        pool, i = state.memory, state.memory.generation
        fresh = real.sample(key_fresh)
        m = pool.points.shape[1]
        row = jnp.arange(m)
        newest = jnp.where(i == 0, fresh[row % self.n], state.samples)
        label = jnp.where((i == 0) & (row >= self.n), _EMPTY, i)
        points = pool.points.at[i % self.batches].set(newest)
        batch = pool.batch.at[i % self.batches].set(label.astype(jnp.int32))
        spacing = jax.lax.cond(i == 0, _spacing, lambda _: pool.spacing, fresh)
        flat, flat_batch = points.reshape(-1, points.shape[2]), batch.ravel()
        chosen = self.select.choose(key, flat, flat_batch, self.n, spacing)
        new = jnp.arange(self.n) < jnp.round(at["alpha"] * self.n)
        data = jnp.where(new[:, None], fresh, flat[chosen])
        source = jnp.where(new, 0, flat_batch[chosen])
        return data, Pool(points, batch, source, spacing, i)

    def law(self, at: At, real: Real, state: State) -> None:
        """Not known: a selection changes it."""

    def after(self, at: At, memory: Pool, state: State, law: Any) -> Pool:
        """The pool, one generation on."""
        return memory._replace(generation=memory.generation + 1)


def _spacing(points: Float[Array, "n d"]) -> Float[Array, ""]:
    return jnp.mean(nearest(points, points, 1, exclude_self=True).distance)
