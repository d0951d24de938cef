r"""Online learning in d dimensions: a fresh sample each step, none of them kept.

Samples are drawn a chunk at a time, so that memory does not grow with the number of
steps. Everything is float32, recorded overlaps float64.
"""

from functools import partial
from typing import Protocol

import jax
import jax.numpy as jnp
import jax.random as jr
from jaxtyping import Array, Float

from sim.laws import categorical
from sim.learners.autoencoder.network import Levels, Weights, norms, overlaps, sgd_step
from sim.learners.autoencoder.realisation import Realised
from theory.denoiser import Overlaps, Training
from theory.validation import require, require_count, require_finite

__all__ = [
    "Source",
    "draw_levels",
    "in_chunks",
    "learn_online",
    "require_steps",
    "require_weights",
]

CHUNK = 2**19  # numbers drawn at once: two megabytes, which a core's cache holds


class Source(Protocol):
    """Where training data comes from: `Realised`, generated data, a blend of both."""

    def draw(self, key: Array, n: int) -> Float[Array, "n d"]:
        """`n` independent float32 samples."""
        ...


def learn_online(
    key: Array,
    training: Training,
    source: Source,
    reference: Realised,
    weights: Weights,
    steps: int,
    record_every: int,
) -> tuple[Weights, Overlaps]:
    """Train for `steps` samples; the overlaps at the start and after each piece.

    Args:
        key: typed key.
        training: loss and step sizes.
        source: the law of x1.
        reference: whose tracked directions and blocks the overlaps are taken with.
        weights: at the start, finite.
        steps: >= 1, a multiple of `record_every`.
        record_every: steps between records, >= 1.

    Returns:
        The weights, and overlaps with a leading axis of steps/record_every + 1.
    """
    require_steps(steps, record_every)
    require_weights(weights, reference)
    return _learn(key, training, source, reference, weights, steps, record_every)


@partial(jax.jit, static_argnames=("steps", "record_every"))
def _learn(key, training, source, reference, weights, steps, record_every):
    training = jax.tree.map(lambda v: jnp.asarray(v, jnp.float32), training)
    d = reference.dim

    def chunk(key, size):
        key_data, key_noise, key_levels = jr.split(key, 3)
        x1 = source.draw(key_data, size)
        x0 = jr.normal(key_noise, (size, d), jnp.float32)
        return (
            draw_levels(key_levels, training, size),
            jnp.stack([x1, x0], axis=1),
            norms(x1, x0),
        )

    return in_chunks(
        key,
        chunk,
        lambda weights, sample: sgd_step(training, weights, *sample),
        lambda weights: overlaps(weights, reference),
        weights,
        steps,
        record_every,
        max(1, CHUNK // (2 * d)),
    )


def in_chunks(key, draw, step, observe, state, steps, record_every, chunk):
    """Run `step` on samples drawn `chunk` at a time, observing every `record_every`."""
    chunks = -(-record_every // chunk)
    size = -(-record_every // chunks)

    def one_chunk(state, key, count):
        samples = draw(key, size)
        at = lambda i: jax.tree.map(lambda v: v[i], samples)
        return jax.lax.fori_loop(0, count, lambda i, s: step(s, at(i)), state)

    def piece(state, k):
        def body(j, state):
            count = jnp.minimum(size, record_every - j * size)
            return one_chunk(state, jr.fold_in(key, k * chunks + j), count)

        state = jax.lax.fori_loop(0, chunks, body, state)
        return state, observe(state)

    start = observe(state)
    pieces = jnp.arange(steps // record_every, dtype=jnp.int32)
    state, history = jax.lax.scan(piece, state, pieces)
    joined = lambda first, rest: jnp.concatenate([first[None], rest])
    return state, jax.tree.map(joined, start, history)


def draw_levels(key: Array, training: Training, n: int) -> Levels:
    """Noise levels of n steps, leading axis n: all together, or one at random."""
    L = training.alpha.shape[-1]
    dtype = training.alpha.dtype
    skip = (
        jnp.eye(L, dtype=dtype)
        if training.skip == "per-level"
        else jnp.ones((L, 1), dtype)
    )
    every = Levels(training.alpha, training.beta, training.level_weights, skip)
    if training.levels == "together":
        return jax.tree.map(lambda v: jnp.broadcast_to(v[None], (n, *v.shape)), every)
    chosen = categorical(key, training.level_weights, n)
    one = every._replace(weight=jnp.ones((L,), dtype))
    return jax.tree.map(lambda v: v[chosen][:, None], one)


def require_weights(weights: Weights, reference: Realised) -> None:
    """Refuse weights that are not finite or do not fit the dimension."""
    r, d = weights.W.shape
    require(r >= 1, "width r", ">= 1", r)
    require(d == reference.dim, "W", f"of shape (r, {reference.dim})", (r, d))
    for name, value in weights._asdict().items():
        require_finite(name, value)


def require_steps(steps: int, record_every: int) -> None:
    """Refuse step counts that are not whole, positive, and a whole number of pieces."""
    for name, value in (("record_every", record_every), ("steps", steps)):
        require_count(name, value)
    allowed = f"a multiple of record_every = {record_every}"
    require(steps % record_every == 0, "steps", allowed, steps)
