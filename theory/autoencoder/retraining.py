r"""Retraining on generated data: a closed, deterministic recursion (all derived, Sec. 5).

A network with overlap Q, skip b and overlaps M with the reference directions generates
exactly :math:`x_1 = Uy + s\,P_\perp\xi`, :math:`U = W^\top Q^{-1/2}/\sqrt d`,
:math:`y = Q^{-1/2}Z_{end}`. That is a structured mixture again: its tracked directions are
U and the references, block A = span U has mass 0 and variance 0, block B is the rest with
variance :math:`s^2`, and its components are the latents y. So one code path learns from
real and from generated data, and (Q, b, M) of one generation give those of the next.
"""

from dataclasses import dataclass, field
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from theory.autoencoder.averages import Nodes, midpoint, normal_sobol, square_root
from theory.autoencoder.learning import Quadrature, followed_curve, learning_curve
from theory.autoencoder.sampling import (
    LatentLaw,
    bulk_variance,
    latent_law,
    start_nodes,
)
from theory.denoiser import Overlaps, Training, spanned_overlaps
from theory.processes import EulerGrid
from theory.structured import Family, StructuredMixture
from theory.validation import require, require_finite, require_in

__all__ = [
    "Generation",
    "Restart",
    "Rules",
    "generated_data",
    "joint_rules",
    "product_rules",
    "retrain",
]


class Generation(NamedTuple):
    """A trained generation, all that the next one inherits; a leading axis over several."""

    Q: Float[Array, "*g r r"]
    b: Float[Array, "*g skips"]
    M: Float[Array, "*g j r"]
    """overlaps with the reference directions"""
    s2: Float[Array, "*g"]
    """variance of the bulk of what it generates"""
    latents: LatentLaw
    """law of Z of what it generates"""


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class Rules:
    """How averages are taken while learning from real and from generated data."""

    real: Nodes | Quadrature
    start: LatentLaw
    """nodes of the standardised start of the flow"""
    generated: Nodes
    """nodes of the pre-activations given each latent"""


def product_rules(r: int = 1, latents: int = 1000, nodes: int = 40) -> Rules:
    """Graded latents times midpoint nodes: 1e-8 for one unit; costly for two."""
    return Rules(midpoint(r, nodes), start_nodes(r, latents), midpoint(r, nodes))


def joint_rules(r: int, size: int = 2**13, nodes: int = 32, seed: int = 0) -> Rules:
    """Scrambled Sobol points jointly over latents and pre-activations: 1e-3 at 2^13."""
    points = jnp.asarray(normal_sobol(2 * r, size, seed))
    equal = jnp.full((size,), 1.0 / size, jnp.float64)
    own = Nodes(points[:, None, r:], jnp.ones(1, jnp.float64))
    real = midpoint(r, nodes) if r <= 3 else Nodes(points[None, :, r:], equal)
    return Rules(real, LatentLaw(points[:, :r], equal), own)


@dataclass(frozen=True)
class Restart:
    r"""How a generation starts.

    ``"refs"`` sets :math:`w_\gamma/\sqrt d=\sum_j C_{\gamma j}v_j` again (plus the spread);
    ``"warm"`` carries W over. The skip starts from 0, or is carried (``carry_skip``).
    """

    kind: str = field(default="refs")
    carry_skip: bool = False

    def __post_init__(self) -> None:
        """Refuse an unknown kind."""
        ok = self.kind in ("refs", "warm")
        require(ok, "restart", "'refs' or 'warm'", self.kind)


def generated_data(
    before: Generation, gram: Float[Array, "j j"], real=None, real_fraction=0.0
) -> StructuredMixture:
    r"""What a generation generates, mixed with a fraction p of real data.

    Args:
        before: the generation.
        gram: Gram matrix of the reference directions.
        real: the real law, of one block, whose directions are the references; needed
            where `real_fraction` > 0.
        real_fraction: p in [0, 1].
    """
    root, inverse = square_root(before.Q)
    inverse_root = inverse @ root
    r, J = before.Q.shape[-1], gram.shape[-1]
    VU = before.M @ inverse_root
    UU = inverse_root @ before.Q @ inverse_root  # projector; identity where regular
    inside = jnp.block([[UU, VU.T], [VU, VU @ VU.T]])
    rest = gram - VU @ VU.T
    outside = jnp.zeros_like(inside).at[r:, r:].set(rest)
    y = before.latents.points @ inverse_root
    n = y.shape[0]
    variances = jnp.stack([jnp.zeros_like(before.s2), before.s2])
    latents = jnp.concatenate([y, jnp.zeros((n, J), y.dtype)], axis=1)
    share = jnp.asarray(real_fraction, y.dtype)
    families = [Family((1.0 - share) * before.latents.weights, latents, variances)]
    if real is not None:
        for f in real.families:
            padded = jnp.pad(f.latents, ((0, 0), (r, 0)))
            both = jnp.broadcast_to(f.variances, (2,))
            families.append(Family(share * f.weights, padded, both))
    masses = jnp.array([0.0, 1.0], jnp.float64)
    return StructuredMixture(tuple(families), jnp.stack([inside, outside]), masses)


def retrain(
    data: StructuredMixture,
    training: Training,
    grid: EulerGrid,
    coefficients: Float[Array, "r j"],
    tau: Float[Array, ""] | float,
    generations: int,
    rules: Rules,
    restart: Restart | None = None,
    spread: float = 0.0,
    real_fraction: Float[Array, ""] | float = 0.0,
    steps: int | None = 100,
    trained: Overlaps | None = None,
    needed: Int[Array, ""] | int | None = None,
) -> Generation:
    r"""Generation 0 learns from the data, each later one from its predecessor's samples.

    Pure: `vmap` over tau, the start, the real fraction and anything inside `training`.

    Args:
        data: the real law; of one block where `real_fraction` may be positive.
        training: one shared skip.
        grid: of the sampler.
        coefficients: C of the informed start, over the tracked directions.
        tau: training time of every generation.
        generations: how many are trained after generation 0.
        rules: of averaging.
        restart: how generations 1, 2, ... start.
        spread: of the random part of a start from references, see `initial_overlaps`.
        real_fraction: p in [0, 1] of real data in generations 1, 2, ...
        steps: Runge-Kutta steps a generation; None for as many as `followed_curve` takes,
            whose limits then hold: a generation that is not reached is NaN, and so are
            those after it.
        trained: overlaps at the end of generation 0's training, where they are known.
        needed: train so many after generation 0 (traced, it may vary without a new
            compilation); the rest repeat the last of them. All by default.

    Returns:
        All of them, with a leading axis of generations + 1.

    Raises:
        InputError: a skip per level, blocks together with real data.
    """
    require(training.skip == "shared", "skip", "'shared' for retraining", training.skip)
    require_in("real_fraction", real_fraction, 0.0, 1.0)
    restart = restart or Restart()
    mixed = isinstance(real_fraction, jax.Array) or real_fraction > 0
    blocks = data.gram.shape[0]
    require(not mixed or blocks == 1, "blocks of the data", "1 with real data", blocks)
    real = data if mixed else None
    gram, C = data.total_gram, jnp.asarray(coefficients, jnp.float64)
    r = C.shape[0]
    require_finite("coefficients", coefficients)
    J = gram.shape[-1]
    fits = C.ndim == 2 and r >= 1 and C.shape[-1] == J
    require(fits, "coefficients", f"of shape (r, {J})", C.shape)
    require_in("spread", spread, 0.0, 1e6)

    def learn(law: StructuredMixture, start: Overlaps, nodes) -> Overlaps:
        if steps is None:
            curve = followed_curve(law, training, start, tau, nodes, 1)
        else:
            curve = learning_curve(law, training, start, tau, nodes, 1, steps)
        return jax.tree.map(lambda a: a[-1], curve)

    def generate(end: Overlaps) -> Generation:
        b = end.b[0]
        Z = latent_law(end.Q, b, grid, training.activation, rules.start)
        return Generation(end.Q, end.b, end.M, bulk_variance(b, grid), Z)

    if trained is None:
        start = spanned_overlaps(data, C, spread, jnp.zeros((1,), jnp.float64))
        trained = learn(data, start, rules.real)
    first = generate(trained)
    count = 1 + (len(data.families) if mixed else 0)
    later_rules = (rules.generated,) + (rules.real,) * (count - 1)

    def train(before: Generation) -> Generation:
        source = generated_data(before, gram, real, real_fraction)
        start = _restarted(before, source, C, restart, spread)
        after = generate(learn(source, start, later_rules))
        return after._replace(M=after.M[r:])  # of the references alone

    def step(before: Generation, g: Int[Array, ""]):
        if needed is None:
            after = train(before)
        else:
            after = jax.lax.cond(g < needed, train, lambda last: last, before)
        return after, after

    _, later = jax.lax.scan(step, first, jnp.arange(generations))
    return jax.tree.map(lambda a, b: jnp.concatenate([a[None], b]), first, later)


def _restarted(
    before: Generation, source: StructuredMixture, C, restart: Restart, spread: float
) -> Overlaps:
    skip = before.b if restart.carry_skip else jnp.zeros_like(before.b)
    if restart.kind == "refs":
        own = jnp.zeros((C.shape[0], before.Q.shape[-1]), C.dtype)
        extended = jnp.concatenate([own, C], axis=1)
        return spanned_overlaps(source, extended, spread, skip)
    root = square_root(before.Q)[0]
    inside = jnp.concatenate([root, before.M])
    m = jnp.stack([inside, jnp.zeros_like(inside)])
    q = jnp.stack([before.Q, jnp.zeros_like(before.Q)])
    return Overlaps(m, q, skip)
