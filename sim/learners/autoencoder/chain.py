r"""The exact Markov chain of the overlaps: online learning at a cost free of d (Sec. 6).

Data isotropic in each block meets the network only through inner products, so the
overlaps are themselves a Markov chain, with the law they have in d dimensions. In block s
split each vector into its explicit coordinates, those of the tracked directions, and the
rest. Of the rest of :math:`\hat w = W/\sqrt d` only the Gram matrix :math:`P = BB^\top`
matters: with g standard normal and :math:`\chi^2` of the :math:`k = n_s - J - r` directions
that neither meets, the rest of x0 (and, times :math:`\sqrt\varrho`, of x1) has

.. math:: \hat w\cdot x_0 = B g_0,\quad |x_0|^2 = |g_0|^2 + \xi^2 + \chi^2_{k-1},\quad
    |x_1|^2 = |g_1|^2 + \chi^2_k,\quad x_1\cdot x_0 = g_1\cdot g_0 + \xi\sqrt{\chi^2_k}.

The explicit coordinates are kept as they are. All float64 except the draws (float32):
at large d a step moves the overlaps by less than float32 resolves.
"""

from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
import jax.random as jr
import numpy as np
from jaxtyping import Array, Float

from sim.laws import categorical
from sim.learners.autoencoder.network import Levels, combination
from sim.learners.autoencoder.online import draw_levels, in_chunks, require_steps
from sim.learners.autoencoder.realisation import Realised
from theory.denoiser import Overlaps, Training
from theory.validation import InputError, require, require_finite

__all__ = ["State", "chain_state", "learn_chain"]

CHUNK = 4096


class State(NamedTuple):
    """The network as the chain knows it."""

    explicit: Float[Array, "s r j"]
    r"""explicit coordinates of :math:`\hat w`"""
    rest: Float[Array, "s r r"]
    """P, Gram matrix of the rest"""
    b: Float[Array, " skips"]


class Sample(NamedTuple):
    """One (x1, x0), up to what the weights do not meet."""

    levels: Levels
    explicit: Float[Array, "s 2 j"]
    """explicit coordinates of x1 and x0"""
    along: Float[Array, "s 2 r"]
    r"""of both, along the rest of :math:`\hat w` once orthonormalised"""
    gram: Float[Array, "s 2 2"]
    """Gram matrix of the rest of both"""


def learn_chain(
    key: Array,
    training: Training,
    realised: Realised,
    state: State,
    steps: int,
    record_every: int,
) -> Overlaps:
    """Overlaps along online learning in as many dimensions as `realised` has.

    Args:
        key: typed key.
        training: loss and step sizes.
        realised: law of x1.
        state: of the initial weights, see `chain_state`.
        steps: >= 1, a multiple of `record_every`.
        record_every: steps between records, >= 1.

    Returns:
        Float64 overlaps with a leading axis of steps/record_every + 1, the start first.
    """
    require_steps(steps, record_every)
    ok = state.b.shape == (training.skips,)
    require(ok, "start.b", f"of shape ({training.skips},)", state.b.shape)
    return _learn(key, training, realised, state, steps, record_every)


def chain_state(realised: Realised, start: Overlaps) -> State:
    """The chain's state of weights with these overlaps.

    Explicit coordinates follow from the overlaps with the directions; what is left is
    the rest.

    Raises:
        InputError: on overlaps that no weights have, or where a block has no coordinate
            left beyond its directions and the weights.
    """
    J, r = start.m.shape[-2:]
    require(r >= 1, "width r", ">= 1", r)
    for s, n in enumerate(realised.sizes):
        if n <= J + r:
            raise InputError(
                f"dim must give block {s} more than J + r = {J + r} coordinates, got {n}; "
                "simulate the network itself instead."
            )
    for name, value in start._asdict().items():
        require_finite(f"start.{name}", value)
    V = np.asarray(_directions(realised))
    explicit = np.einsum("skj,sjr->srk", np.linalg.pinv(V, rcond=1e-6), start.m)
    rest = np.asarray(start.q) - np.einsum("srj,stj->srt", explicit, explicit)
    lowest = float(np.linalg.eigvalsh(rest).min())
    off = float(np.abs(np.einsum("sjk,srk->sjr", V, explicit) - start.m).max())
    scale = max(float(np.abs(start.q).max()), float(np.abs(start.m).max()), 1.0)
    possible = lowest > -1e-5 * scale and off < 1e-5 * scale
    require(possible, "start", "overlaps that some weights have", (lowest, off))
    return State(*(jnp.asarray(v, jnp.float64) for v in (explicit, rest, start.b)))


def _directions(realised: Realised) -> Array:
    """V of each block, (s, J, J), in float64."""
    S, J = len(realised.sizes), realised.directions.shape[0]
    V = realised.directions.astype(jnp.float64).reshape(J, S, J)
    return jnp.moveaxis(V, 1, 0)


@partial(jax.jit, static_argnames=("steps", "record_every"))
def _learn(key, training, realised, state, steps, record_every):
    V, r = _directions(realised), state.rest.shape[-1]

    def observe(state: State) -> Overlaps:
        A, P, b = state
        m = jnp.einsum("sjk,srk->sjr", V, A)
        return Overlaps(m, jnp.einsum("srj,stj->srt", A, A) + P, b)

    _, history = in_chunks(
        key,
        lambda key, n: _draw(key, training, realised, r, n),
        lambda state, sample: _step(training, realised.dim, state, sample),
        observe,
        state,
        steps,
        record_every,
        CHUNK,
    )
    return history


def _draw(key: Array, training: Training, realised: Realised, r: int, n: int) -> Sample:
    """What n steps need to know of their samples."""
    key_component, key_normal, key_chi2, key_levels = jr.split(key, 4)
    S, J = len(realised.sizes), realised.directions.shape[0]
    c = categorical(key_component, realised.weights, n)
    s = realised.deviations
    s = (s if s.shape[0] == 1 else s[c]).astype(jnp.float64)
    amplitude = jnp.stack([s, jnp.ones_like(s)], axis=2)[..., None]  # (n or 1, S, 2, 1)
    g = jr.normal(key_normal, (n, S, 2, J + r + 1), jnp.float32).astype(jnp.float64)
    explicit, along, xi = (
        amplitude * g[..., :J],
        amplitude * g[..., J:-1],
        g[:, :, 0, -1],
    )
    mean = realised.means[c].astype(jnp.float64).reshape(n, S, 1, J)
    explicit = explicit.at[:, :, :1].add(mean)
    k = np.asarray(realised.sizes) - J - r
    c1, c0 = _chi2(key_chi2, np.stack([k, k - 1]), n)
    cross = xi * jnp.sqrt(c1)
    beyond = jnp.stack([c1, cross, cross, xi**2 + c0], axis=2).reshape(n, S, 2, 2)
    gram = jnp.einsum("nsar,nsbr->nsab", along, along)
    gram += amplitude * jnp.swapaxes(amplitude, 2, 3) * beyond
    return Sample(draw_levels(key_levels, training, n), explicit, along, gram)


def _chi2(key: Array, df: np.ndarray, n: int) -> Float[Array, "which n s"]:
    """Chi-square of integer df >= 0, shape (which, s); 0 where df is 0."""
    half = jnp.asarray(np.maximum(df, 1) / 2, jnp.float32)[:, None]
    shape = (len(df), n, df.shape[1])
    draws = 2.0 * jr.gamma(key, jnp.broadcast_to(half, shape), dtype=jnp.float32)
    return jnp.where(df[:, None] > 0, draws, 0.0).astype(jnp.float64)


def _step(training: Training, d: int, state: State, sample: Sample) -> State:
    """One step of online learning; explicit coordinates and rest move by the same C."""
    A, P, b = state
    x, eta = sample.explicit, training.rate
    rest = jnp.einsum("srt,sat->sra", _cholesky(P), sample.along)
    products = jnp.sum(jnp.einsum("srj,saj->sra", A, x) + rest, axis=0)
    Q = jnp.sum(jnp.einsum("srj,stj->srt", A, A) + P, axis=0)
    C, skip = combination(training, sample.levels, products[:, 0], products[:, 1], Q, b)
    keep = (1 - eta * training.decay / d) * jnp.eye(Q.shape[0])
    step = 2 * eta / d * C
    on_w, on_x = keep + step[:, 2:], step[:, :2]
    A = jnp.einsum("rt,stj->srj", on_w, A) + jnp.einsum("ra,saj->srj", on_x, x)
    cross = jnp.einsum("rt,sta,ua->sru", on_w, rest, on_x)
    P = (
        jnp.einsum("rt,stu,vu->srv", on_w, P, on_w)
        + cross
        + jnp.swapaxes(cross, 1, 2)
        + jnp.einsum("ra,sab,ub->sru", on_x, sample.gram, on_x)
    )
    G = jnp.sum(jnp.einsum("saj,sbj->sab", x, x) + sample.gram, axis=0)
    one = jnp.ones((), G.dtype)
    gradient = skip @ jnp.stack([G[0, 0], G[0, 1], G[1, 1], one])
    gradient = (sample.levels.weight * gradient) @ sample.levels.skip
    return State(A, P, b + 2 * training.skip_ratio * eta / d**2 * gradient)


def _cholesky(P: Float[Array, "s r r"]) -> Float[Array, "s r r"]:
    """Lower factor, column by column, of matrices that may be singular."""
    r, columns = P.shape[-1], []
    for k in range(r):
        pivot = P[:, k, k]
        inverse = jnp.where(pivot > 0, 1 / jnp.sqrt(jnp.where(pivot > 0, pivot, 1)), 0)
        below = jnp.where(np.arange(r)[None] >= k, P[:, :, k] * inverse[:, None], 0)
        columns.append(below)
        P = P - below[:, :, None] * below[:, None, :]
    return jnp.stack(columns, axis=2)
