"""The loops of `memorization`: two at a time, one a core, everything in one program.

Sets are held in `POOL` rows, a set of N in turn in all of them: drawing rows uniformly then
draws points uniformly, and distances to the rows are those to the points. So N may differ
without a new compilation.
"""

from functools import cache, partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
import jax.random as jr
import numpy as np
from jaxtyping import Array, Float, Int

from figures.autoencoder.chains import QUICK_TO_COMPILE
from figures.explore.memorization import MOST, RULES, SIZES, Settings, points
from figures.replication import replica_keys
from sim.composition import Greedy, ThresholdDecay
from sim.heun import Heun
from sim.learners.denoiser import Denoiser
from sim.learners.perceptron import Perceptron
from sim.measures.entropy import entropy_of_neighbours
from sim.measures.generalisation import closer_share, gs_l2, memorised_absolute
from sim.measures.neighbours import nearest, nearest_distances
from sim.replicas import replicated
from theory.processes import ou

__all__ = ["BATCH", "DEPTH", "LEVELS", "POOL", "STEPS", "Simulated", "simulate"]

DEPTH, STEPS, BATCH, LEVELS = 2, 1600, 64, 12
"""Hidden layers; optimiser steps of every model; points in each; levels of the sampler."""
LEARNING_RATE = 4e-3
POOL = 2 * max(SIZES)
"""Samples drawn of every model; it is judged by all of them."""


class Simulated(NamedTuple):
    """What both loops did: the first chooses at random, the second by the rule."""

    samples: Float[np.ndarray, "2 models pool d"]
    nearest: Float[np.ndarray, "2 models pool d"]
    """the training point nearest to each of them"""
    score: Float[np.ndarray, "2 models"]
    """generalisation score: mean distance of samples to the training set"""
    score_error: Float[np.ndarray, "2 models"]
    """its standard error over the samples"""
    held_out: Float[np.ndarray, "2 models"]
    """the same score of real points that no model saw"""
    copied: Float[np.ndarray, "2 models"]
    """share of samples within a third of the first spacing of a training point"""
    closer: Float[np.ndarray, " models"]
    """random choice: share of samples nearer to the training set than to its twin"""
    closer_error: Float[np.ndarray, " models"]
    entropy: Float[np.ndarray, "2 models"]
    """of the training set, nats, nearest neighbours in all coordinates"""
    survivors: Float[np.ndarray, "2 models"]
    """share of the first training points with descendants, by nearest points"""


class _Model(NamedTuple):
    """One model of a loop."""

    data: Float[Array, "pool d"]
    samples: Float[Array, "pool d"]
    chosen: Int[Array, " most"]
    parent: Int[Array, " pool"]
    """training point nearest to each sample"""
    to_data: Float[Array, " pool"]
    """distance to it"""
    to_twin: Float[Array, " pool"]
    """distance to the nearest point of the twin"""
    held_out: Float[Array, " pool"]
    """distance of held-out real points to the training set"""


def simulate(settings: Settings, seed: int = 0) -> Simulated:
    """Both loops, `STEPS` optimiser steps a model."""
    of = points(settings.data, seed)
    spacing = of.spacing(settings.size)
    both = lambda a: np.broadcast_to(a, (2, *np.shape(a)))
    rules = np.array([0, list(RULES).index(settings.rule)], np.int32)
    found = _program(settings.width)(
        replica_keys(seed, range(2)),
        rules,
        *map(both, (of.train, of.held_out, spacing)),
        *map(both, (np.int32(settings.size), np.int32(settings.models))),
    )
    loops = jax.tree.map(lambda a: np.asarray(a)[:, : settings.models], found)
    return _measured(loops, settings.size, spacing)


@cache
def _program(width: int):
    """Compiled once for each width and number of coordinates."""
    return replicated(partial(_run, width), compiler_options=QUICK_TO_COMPILE)


def _run(width: int, key, rule, train, held_out, spacing, size, models) -> _Model:
    """All models of one loop, stacked; zeros where none is trained."""
    learner = Denoiser(
        Perceptron(width, DEPTH), STEPS, BATCH, LEARNING_RATE, STEPS // 10, segments=1
    )
    sampler = Heun(LEVELS)
    process = ou(float(sampler.times[0]), 0.0)
    in_turn = jnp.arange(POOL) % size
    real = held_out[in_turn]

    def model(g, carry):
        data, twin, records = carry
        keys = jr.split(jr.fold_in(key, g), 5)
        state = learner.init(keys[0], data, None, process)
        state = learner.advance(keys[1], state, data, process)
        start = sampler.begin(keys[2], None, data, data.shape, process)
        samples = sampler.sample(keys[3], learner.finish(state), start, process)
        chosen = _choose(rule, keys[4], samples, size, spacing)
        distance, parent = (a[:, 0] for a in nearest(samples, data))
        to_twin, real_to_data = (
            nearest(*pair).distance[:, 0] for pair in ((samples, twin), (real, data))
        )
        new = _Model(
            data, samples, chosen, parent % size, distance, to_twin, real_to_data
        )
        records = jax.tree.map(lambda all, one: all.at[g].set(one), records, new)
        # of a random choice the other samples are a twin: drawn alike, never trained on
        return samples[chosen[in_turn]], samples[size + in_turn], records

    start = train[in_turn], real
    shapes = jax.eval_shape(lambda: _like(train, chosen=max(SIZES)))
    records = jax.tree.map(lambda a: jnp.zeros((MOST, *a.shape), a.dtype), shapes)
    return jax.lax.fori_loop(0, models, model, (*start, records))[2]


def _like(train: Array, chosen: int) -> _Model:
    """A model's record, empty."""
    rows = jnp.zeros((POOL, train.shape[1]), train.dtype)
    distance = jnp.zeros((POOL,), jnp.float64)
    index = jnp.zeros((POOL,), jnp.int32)
    first = jnp.zeros((chosen,), jnp.int32)
    return _Model(rows, rows, first, index, distance, distance, distance)


def _choose(rule, key, samples, size, spacing) -> Int[Array, " most"]:
    """Indices of the first 2N samples, in the order in which they are chosen.

    What is chosen first does not depend on how many are, so the first N of them are the
    choice. A pool that holds the 2N samples in turn yields each of them before any again.
    """
    most, distinct = max(SIZES), 2 * size
    pool = samples[jnp.arange(POOL) % distinct]
    batch = jnp.zeros((POOL,), jnp.int32)
    far = lambda of: lambda: of.choose(key, pool, batch, most, spacing) % distinct
    any_ = lambda: jnp.arange(most)  # of independent samples any are a random choice
    rules = {"random": any_, "greedy": far(Greedy()), "decay": far(ThresholdDecay())}
    branches = [lambda of=rules[name]: of().astype(jnp.int32) for name in RULES]
    return jax.lax.switch(rule, branches)


def _measured(loops: _Model, size: int, spacing: float) -> Simulated:
    """Estimates of all loops and models."""
    shape = loops.to_data.shape[:2]
    each = lambda of: np.array(
        [[of(l, g) for g in range(shape[1])] for l in range(shape[0])]
    )
    score = each(lambda l, g: gs_l2(loops.to_data[l, g]))
    closer = np.array(
        [
            closer_share(loops.to_data[0, g], loops.to_twin[0, g])
            for g in range(shape[1])
        ]
    )
    return Simulated(
        loops.samples,
        each(lambda l, g: loops.data[l, g][loops.parent[l, g]]),
        score[..., 0],
        score[..., 1],
        loops.held_out.mean(axis=2),
        each(lambda l, g: memorised_absolute(loops.to_data[l, g], spacing / 3.0).value),
        closer[:, 0],
        closer[:, 1],
        each(lambda l, g: _entropy(loops.data[l, g, :size])),
        np.stack(
            [
                _survivors(*of, size)
                for of in zip(loops.parent, loops.chosen, strict=True)
            ]
        ),
    )


def _entropy(data: Float[np.ndarray, "n d"]) -> float:
    found = nearest_distances(data, data, 2, exclude_self=True)
    return float(entropy_of_neighbours(found, data.shape[1]).value)


def _survivors(parent, chosen, size: int) -> Float[np.ndarray, " models"]:
    """Share of the first training points that are ancestors of each training set."""
    ancestor, shares = np.arange(size), []
    for own, next_ in zip(parent, chosen, strict=True):
        shares.append(len(np.unique(ancestor)) / size)
        ancestor = ancestor[own[next_[:size]]]
    return np.array(shares)
