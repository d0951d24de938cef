r"""How a law is known, and drawing from it.

A law is `exact` (a mixture with its density and score, from `theory.mixtures`), `grid`
(a density carried on a 1-D or 2-D grid, `sim.grid.GridLaw`) or known by `samples` only.
What a law's kind does not allow is reported as not measurable, never estimated quietly.
"""

from functools import singledispatch
from typing import Literal

import jax.numpy as jnp
import jax.random as jr
from jaxtyping import Array, Float

from theory.mixtures import Blend, GaussianMixture, KernelDensity
from theory.processes import OU

__all__ = ["Knowledge", "categorical", "draw", "known_as", "noise"]

Knowledge = Literal["exact", "grid", "samples"]


@singledispatch
def known_as(law: object) -> Knowledge:
    """How `law` is known; None (no law at hand) is known by samples."""
    raise TypeError(f"{type(law).__name__} is not a law")


@known_as.register(type(None))
def _(law: None) -> Knowledge:
    return "samples"


@known_as.register(GaussianMixture)
@known_as.register(KernelDensity)
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
