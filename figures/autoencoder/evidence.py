r"""Evidence that several figures give in the same way: samples against a predicted law.

Kolmogorov's distance and W1 of n samples from a law are compared with what n draws from
that very law would show, so that no constant is left to choose but the chance of a false
alarm, `FALSE_ALARM` a test.
"""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from theory.autoencoder.sampling import Projection
from theory.claims import Evidence

__all__ = [
    "RESOLUTION",
    "distances",
    "exact",
    "kolmogorov_floor",
    "samples_follow",
    "uniform_distance",
]

FALSE_ALARM = 1e-4
RESOLUTION = 1e-6
"""Relative accuracy of predicted quantities."""


def kolmogorov_floor(n: int) -> float:
    r"""Kolmogorov distance that n draws of the law itself exceed with `FALSE_ALARM`.

    .. math:: \sqrt{-\ln(\mathrm{FALSE\_ALARM}/2)/(2n)}

    (Dvoretzky, Kiefer, Wolfowitz; Massart's constant; valid at every n).
    """
    return float(np.sqrt(-np.log(FALSE_ALARM / 2.0) / (2.0 * n)))


def uniform_distance(u: Float[np.ndarray, "*batch n"]) -> Float[np.ndarray, "*batch"]:
    """Kolmogorov's distance of n numbers from the uniform law on [0, 1]."""
    u = np.sort(np.asarray(u, dtype=np.float64), axis=-1)
    steps = np.arange(u.shape[-1] + 1) / u.shape[-1]
    return np.max(np.maximum(steps[1:] - u, u - steps[:-1]), axis=-1)


def distances(
    samples: Float[np.ndarray, "n e"], law: Projection
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    r"""Kolmogorov's distance, W1, and the W1 that n draws show on average, per axis.

    .. math:: W_1 = \int|F_n-F|\,dx,\qquad
        E\,W_1 = \sqrt{2/(\pi n)}\int\sqrt{F(1-F)}\,dx .
    """
    n, axes = samples.shape
    found = []
    for axis in range(axes):
        x = np.sort(np.asarray(samples[:, axis], dtype=np.float64))
        F = np.asarray(_cdf(law, axis, x), dtype=np.float64)
        kolmogorov = uniform_distance(F)
        spread = float(np.sqrt(law.variance()[axis, axis]))
        grid = np.linspace(x[0] - 0.1 * spread, x[-1] + 0.1 * spread, 2001)
        G = np.asarray(_cdf(law, axis, grid), dtype=np.float64)
        empirical = np.searchsorted(x, grid, side="right") / n
        h = grid[1] - grid[0]
        w1 = h * np.sum(np.abs(empirical - G))
        floor = h * np.sum(np.sqrt(np.clip(G * (1.0 - G), 0.0, None)))
        found.append((kolmogorov, w1, np.sqrt(2.0 / (np.pi * n)) * floor))
    return tuple(np.array(column) for column in zip(*found, strict=True))


@partial(jax.jit, static_argnames="axis")
def _cdf(law: Projection, axis: int, x: Array) -> Array:
    """`Projection.cdf` in float32: right to 1e-6, and fifty times as fast."""
    centre, weights, x = (
        jnp.asarray(v, jnp.float32) for v in (law.centres[:, axis], law.weights, x)
    )
    width = jnp.sqrt(2.0 * jnp.maximum(law.covariance[axis, axis], 1e-30))
    width = jnp.asarray(width, jnp.float32)

    def at(point: Array) -> Array:
        return weights @ (0.5 + 0.5 * jax.lax.erf((point - centre) / width))

    return jax.lax.map(at, x, batch_size=256)


def samples_follow(claim: str, setting: str, kolmogorov, n: int, **more) -> Evidence:
    """Kolmogorov distances below their floor at n samples."""
    floor = kolmogorov_floor(n)
    slack = floor - np.asarray(kolmogorov)
    return Evidence(claim, setting, "<=", slack, scale=floor, n=n, **more)


def exact(claim: str, setting: str, slack, scale, relation="<=", **more) -> Evidence:
    """Evidence without sampling error, resolved to `RESOLUTION` of its scale."""
    slack, scale = np.broadcast_arrays(slack, scale)
    return Evidence(
        claim,
        setting,
        relation,
        slack,
        resolution=RESOLUTION * np.abs(scale),
        scale=scale,
        **more,
    )
