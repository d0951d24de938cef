r"""How a law is known, and drawing from it.

A law is `exact` (a mixture with its density and score, from `theory.mixtures`), `grid`
(a density carried on a 1-D or 2-D grid, `sim.grid.GridLaw`) or known by `samples` only.
What a law's kind does not allow is reported as not measurable, never estimated quietly.
"""

from dataclasses import dataclass
from functools import singledispatch
from typing import Any, Literal

import jax
import jax.numpy as jnp
import jax.random as jr
from jaxtyping import Array, Float

from theory.mixtures import Blend, GaussianMixture, KernelDensity
from theory.processes import OU

__all__ = [
    "FiniteLaw",
    "Knowledge",
    "blend_laws",
    "categorical",
    "counts",
    "draw",
    "known_as",
    "mixture",
    "noise",
]

Knowledge = Literal["exact", "grid", "samples"]


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class FiniteLaw:
    """A law on the categories 0, ..., K - 1."""

    mass: Float[Array, " k"]

    @property
    def dim(self) -> int:
        """One number, the category."""
        return 1


@singledispatch
def known_as(law: object) -> Knowledge:
    """How `law` is known; None (no law at hand) is known by samples."""
    raise TypeError(f"{type(law).__name__} is not a law")


@known_as.register(type(None))
def _(law: None) -> Knowledge:
    return "samples"


@known_as.register(GaussianMixture)
@known_as.register(KernelDensity)
@known_as.register(FiniteLaw)
def _(law: object) -> Knowledge:
    return "exact"


@known_as.register(Blend)
def _(law: Blend) -> Knowledge:
    kinds = {known_as(law.first), known_as(law.second)}
    return "samples" if "samples" in kinds else "grid" if "grid" in kinds else "exact"


@singledispatch
def draw(law: object, key: Array, n: int, dtype=jnp.float32) -> Float[Array, "n d"]:
    """`n` independent draws from `law`, shape (n, d), in `dtype`."""
    raise TypeError(f"cannot draw from {type(law).__name__}")


@draw.register
def _(law: GaussianMixture, key: Array, n: int, dtype=jnp.float32) -> Array:
    key_mode, key_noise = jr.split(key)
    mode = categorical(key_mode, law.weights, n)
    chol = jnp.linalg.cholesky(law.covariances).astype(dtype)
    z = jr.normal(key_noise, (n, law.dim), dtype)
    return law.means.astype(dtype)[mode] + jnp.einsum("nij,nj->ni", chol[mode], z)


@draw.register
def _(law: KernelDensity, key: Array, n: int, dtype=jnp.float32) -> Array:
    """Exact draw, the smoothed bootstrap: pick a centre, add bandwidth times noise."""
    key_centre, key_noise = jr.split(key)
    centre = categorical(key_centre, jnp.exp(law.log_weights), n)
    z = jr.normal(key_noise, (n, law.dim), dtype)
    return law.centres.astype(dtype)[centre] + jnp.sqrt(law.variance).astype(dtype) * z


@draw.register
def _(law: FiniteLaw, key: Array, n: int, dtype=jnp.float32) -> Array:
    return categorical(key, law.mass, n).astype(dtype)[:, None]


@draw.register
def _(law: Blend, key: Array, n: int, dtype=jnp.float32) -> Array:
    key_which, key_first, key_second = jr.split(key, 3)
    first = draw(law.first, key_first, n, dtype)
    second = draw(law.second, key_second, n, dtype)
    is_first = jr.uniform(key_which, (n, 1), jnp.float32) < law.alpha
    return jnp.where(is_first, first, second)


def noise(
    x: Float[Array, "n d"], process: OU, t: float, key: Array
) -> Float[Array, "n d"]:
    r"""Run the forward OU for time t: :math:`e^{-t/2}x + \sqrt{1-e^{-t}}\,z`."""
    z = jr.normal(key, x.shape, x.dtype)
    a, s = process.mean_factor(t), jnp.sqrt(process.variance(t))
    return a.astype(x.dtype) * x + s.astype(x.dtype) * z


def categorical(key: Array, weights: Float[Array, " k"], n: int) -> Array:
    """N indices by inverse distribution function: O(n log k) work, no (n, k) array."""
    cdf = jnp.cumsum(weights.astype(jnp.float64))
    u = jr.uniform(key, (n,), jnp.float64) * cdf[-1]
    index = jnp.searchsorted(cdf, u, side="right")
    return jnp.minimum(index, weights.shape[0] - 1)


FEW = 16
"""Up to so many indices `counts` draws binomial numbers."""
BLOCK = 1024
"""Draws at a time beyond."""


def counts(
    key: Array, n: Float[Array, ""], weights: Float[Array, " k"]
) -> Float[Array, " k"]:
    r"""How often each index occurs in n draws: multinomial, float64.

    n is an array, one program serves all sizes. Few indices: binomial numbers, one index
    after the other. Many: every draw by inverse distribution function, in blocks; below
    some 20 000 draws that is faster than a chain of binomials. Exact, there up to rounding
    the distribution function to :math:`2^{-32}`.
    """
    weights = weights.astype(jnp.float64)
    return (_binomials if weights.shape[0] <= FEW else _draws)(key, n, weights)


def _binomials(key: Array, n: Array, weights: Float[Array, " k"]) -> Array:
    left = jnp.cumsum(weights[::-1])[::-1]
    ratios = jnp.clip(weights / jnp.where(left > 0, left, 1.0), 0.0, 1.0)

    def draw(rest, part):
        k, ratio = part
        number = jr.binomial(jr.fold_in(key, k), rest, ratio, dtype=jnp.float64)
        return rest - number, number

    kinds = jnp.arange(weights.shape[0])
    return jax.lax.scan(draw, jnp.asarray(n, jnp.float64), (kinds, ratios))[1]


def _draws(key: Array, n: Array, weights: Float[Array, " k"]) -> Array:
    cdf = jnp.cumsum(weights)
    inner = jnp.round(2.0**32 * cdf[:-1] / cdf[-1])
    edges = jnp.minimum(inner, 2.0**32 - 1.0).astype(jnp.uint32)

    def add_block(b: Array, total: Array) -> Array:
        pairs = jr.bits(jr.fold_in(key, b), (BLOCK // 2,), jnp.uint64)
        u = jax.lax.bitcast_convert_type(pairs, jnp.uint32).ravel()
        index = jnp.searchsorted(edges, u, side="right")
        drawn = b * BLOCK + jnp.arange(BLOCK) < n
        return total.at[index].add(drawn.astype(jnp.float64))

    blocks = jnp.ceil(n / BLOCK).astype(jnp.int32)
    return jax.lax.fori_loop(0, blocks, add_block, jnp.zeros_like(cdf))


def blend_laws(
    alpha: Float[Array, ""], target: object, generated: object
) -> Blend | None:
    r"""The law :math:`\alpha\,p + (1-\alpha)\,\hat p`; None where a part is not known."""
    if target is None or generated is None:
        return None
    return Blend(alpha, target, generated)


@singledispatch
def mixture(
    target: object, alpha: Float[Array, ""], shares: Float[Array, " r"], models: Any
) -> Any:
    r"""The law :math:`\alpha\,p + \sum_k\beta_k\,\hat p_k`; `models` are stacked laws.

    Tables are mixed entry by entry, other laws as nested blends.
    """
    rest = jax.tree.map(lambda leaf: leaf[-1], models)
    below = shares[-1]
    for k in range(shares.shape[0] - 2, -1, -1):
        below = below + shares[k]
        share = jnp.where(below > 0, shares[k] / jnp.where(below > 0, below, 1.0), 1.0)
        rest = Blend(share, jax.tree.map(lambda leaf, k=k: leaf[k], models), rest)
    return Blend(alpha, target, rest)


@mixture.register
def _(target: FiniteLaw, alpha: Array, shares: Array, models: FiniteLaw) -> FiniteLaw:
    return FiniteLaw(alpha * target.mass + shares @ models.mass)
