r"""Networks in d dimensions retrained on their own samples, many at once.

Replicas may differ in their training (noise level, rates), in how long it lasts and in the
real fraction. Training is cut into pieces of equal natural time, a whole number of which
each replica takes, so that one program serves every training time.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

import jax
import jax.numpy as jnp
import jax.random as jr
import numpy as np
import xarray as xr
from jaxtyping import Array, Float, Int

from figures.replication import replica_keys, spread_over
from sim.learners.autoencoder.generation import Generated
from sim.learners.autoencoder.network import Weights, overlaps, weights_of
from sim.learners.autoencoder.online import Source, learn_online
from sim.learners.autoencoder.realisation import Realised, initial_weights, realise
from sim.learners.autoencoder.retraining import Blended
from sim.replicas import replicated
from sim.store import Group, resumable
from theory.denoiser import Training, steps_for
from theory.processes import EulerGrid, euler_grid
from theory.structured import StructuredMixture

__all__ = [
    "Conditions",
    "Recipe",
    "conditions",
    "plane_moments",
    "recipe",
    "simulate_generations",
]

PIECE = 0.05
"""Natural time of a piece of training."""

Measure = Callable[[Array, Generated, Realised], Mapping[str, Array]]


@dataclass(frozen=True)
class Recipe:
    """What all replicas share; build with `recipe`."""

    data: Realised
    grid: EulerGrid
    initial: Weights
    """where every generation starts"""
    piece: int
    """online steps of a piece of training"""
    generations: int
    """how many are trained, generation 0 among them"""
    measure: Measure = lambda key, after, data: {}
    """(key, what a network generates, data) -> further arrays to record"""
    dims: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """names of the axes of what is measured"""


def recipe(
    law: StructuredMixture,
    training: Training,
    coefficients: Float[Array, "r j"],
    dim: int,
    generations: int,
    piece: float = PIECE,
    **measured,
) -> Recipe:
    """Informed start without a random part, skip from 0, the official sampler."""
    data = realise(law, dim)
    W = initial_weights(jr.key(0), data, coefficients)
    steps = max(1, steps_for(piece, float(training.rate), dim))
    initial = weights_of(W, training)
    return Recipe(data, euler_grid(), initial, steps, generations, **measured)


class Conditions(NamedTuple):
    """How each of n replicas is trained; build with `conditions`."""

    training: Training
    """leaves with a leading axis n"""
    pieces: Int[np.ndarray, " n"]
    share: Float[np.ndarray, " n"]
    """real fraction, from generation 1 on"""
    tau: Float[np.ndarray, " n"]
    """natural training time that these pieces amount to"""


def conditions(recipe: Recipe, trainings, tau, share=0.0) -> Conditions:
    """Of the trainings (of one rate) and times given; each time rounded to whole pieces."""
    stacked = jax.tree.map(lambda *leaves: jnp.stack(leaves), *trainings)
    step = 2.0 * float(trainings[0].rate) / recipe.data.dim
    pieces = np.maximum(np.round(np.asarray(tau) / (step * recipe.piece)), 1)
    share = np.broadcast_to(np.asarray(share, dtype=float), pieces.shape)
    return Conditions(stacked, pieces.astype(int), share, pieces * recipe.piece * step)


def simulate_generations(
    recipe: Recipe, at: Conditions, group: Group, seed: int, progress
) -> xr.Dataset:
    """Overlaps, bulk variance and what is measured of every (seed, condition, generation)."""
    n, seeds = len(at.pieces), len(group.seeds)
    keys = replica_keys(seed, group.seeds, n)
    own = jax.tree.map(lambda v: spread_over(np.asarray(v), seeds), at)
    mixed = bool(np.any(at.share > 0))
    first = replicated(lambda key, at: _generation(recipe, key, at, recipe.data))

    def on_generated(key, at, before: Weights):
        synthetic = Generated(before, recipe.grid, at.training.activation)
        pure = lambda: _generation(recipe, key, at, synthetic)
        if not mixed:
            return pure()
        blended = Blended(at.share, recipe.data, synthetic)
        return jax.lax.cond(
            at.share > 0, lambda: _generation(recipe, key, at, blended), pure
        )

    later = replicated(on_generated)

    def one_generation(g: int, before: Weights) -> tuple[Weights, xr.Dataset]:
        keys_g = jax.vmap(lambda key: jr.fold_in(key, g))(keys)
        weights, found = later(keys_g, own, before) if g else first(keys_g, own)
        record = {
            name: (
                ("seed", "condition", *_DIMS.get(name, recipe.dims.get(name, ()))),
                np.reshape(np.asarray(v), (seeds, n, *np.shape(v)[1:])),
            )
            for name, v in found.items()
        }
        return weights, xr.Dataset(record)

    def start() -> Weights:
        return jax.tree.map(lambda v: jnp.stack([v] * (seeds * n)), recipe.initial)

    with progress.stage("generations", recipe.generations) as bar:
        trace = resumable(group, recipe.generations, start, one_generation, bar.tick)
    coords = {"tau": ("condition", at.tau), "share": ("condition", at.share)}
    return trace.assign_coords(seed=np.array(group.seeds), **coords)


def plane_moments(
    x: Float[Array, "n d"], weights: Weights
) -> tuple[Float[Array, ""], Float[Array, ""]]:
    """Mean squared length of samples within span W; mean square a coordinate outside."""
    basis = jnp.linalg.qr(weights.W.T)[0]
    within = jnp.sum((x @ basis) ** 2, axis=1)
    outside = jnp.sum(x**2, axis=1) - within
    d, r = basis.shape
    return jnp.mean(within), jnp.mean(outside) / (d - r)


_DIMS = {"Q": ("unit", "other"), "M": ("direction", "unit")}


def _generation(
    recipe: Recipe, key: Array, at: Conditions, source: Source
) -> tuple[Weights, dict[str, Array]]:
    """One replica learns from `source`; its weights and what is recorded of it."""
    key_learn, key_measure = jr.split(key)

    def piece(k, weights: Weights) -> Weights:
        return learn_online(
            jr.fold_in(key_learn, k), at.training, source, recipe.data, weights,
            recipe.piece, recipe.piece,
        )[0]  # fmt: skip

    weights = jax.lax.fori_loop(0, at.pieces, piece, recipe.initial)
    after = Generated(weights, recipe.grid, at.training.activation)
    end = overlaps(weights, recipe.data)
    found = {"Q": end.Q, "M": end.M, "b": end.b[0], "s2": after.bulk_variance}
    return weights, found | dict(recipe.measure(key_measure, after, recipe.data))
