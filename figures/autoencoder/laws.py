"""Samples of trained networks against the law that their weights imply."""

from collections.abc import Callable

import jax.numpy as jnp
import numpy as np
import xarray as xr
from jaxtyping import Array, Float
from scipy.special import ndtri

from figures.autoencoder.evidence import FALSE_ALARM, distances, samples_follow
from theory.autoencoder.sampling import (
    LatentLaw,
    Projection,
    bulk_variance,
    projection,
)
from theory.claims import Evidence
from theory.processes import EulerGrid
from theory.structured import StructuredMixture

__all__ = [
    "BULK_MARGIN",
    "counting_error",
    "follow",
    "generated_law",
    "quasi_random",
    "sample_evidence",
]

Latents = Callable[[Array, Array], LatentLaw]
"""(Q, b) -> law of Z after the sampler's last step"""

BULK_MARGIN = 0.01
W1_MULTIPLE = np.sqrt(np.pi / 2.0) * ndtri(1.0 - FALSE_ALARM / 2.0)
"""W1 over its mean that a law of two atoms, which fluctuates most, exceeds with
`FALSE_ALARM`: there it is a half-normal variable."""


def counting_error(p: Float[np.ndarray, " k"], n: int) -> Float[np.ndarray, " k"]:
    r"""Error of a share of n draws that is exceeded with `FALSE_ALARM` (Bernstein).

    .. math:: \frac{L}{3n} + \sqrt{\frac{L^2}{9n^2} + \frac{2p(1-p)L}{n}},\quad
        L = \ln(2/\mathrm{FALSE\_ALARM})
    """
    third = np.log(2.0 / FALSE_ALARM) / (3.0 * n)
    return third + np.sqrt(third**2 + 6.0 * p * (1.0 - p) * third)


def quasi_random(points: Float[np.ndarray, "n r"]) -> LatentLaw:
    """Standard nodes of equal weight."""
    n = len(points)
    return LatentLaw(jnp.asarray(points), jnp.full((n,), 1.0 / n, jnp.float64))


def generated_law(
    Q: Float[Array, "r r"],
    M: Float[Array, "j r"],
    b: Float[Array, ""],
    data: StructuredMixture,
    plane: Float[np.ndarray, "e j"],
    latents: Latents,
    grid: EulerGrid,
) -> Projection:
    """Reduced law of samples, projected on combinations of the tracked directions."""
    E = jnp.asarray(plane, jnp.float64)
    gram = E @ data.total_gram @ E.T
    return projection(Q, E @ M, gram, latents(Q, b), bulk_variance(b, grid))


def follow(trace: xr.Dataset, law: Callable[..., Projection]) -> xr.Dataset:
    """Distances of the samples of every (seed, look) from ``law(Q, M, b)``, per axis."""
    at = trace[["M", "Q", "b"]].sel(tau=trace["look"].values)
    shape = (trace.sizes["seed"], trace.sizes["look"])
    found = np.empty((3, *shape, trace.sizes["axis"]))
    for s, k in np.ndindex(*shape):
        here = at.isel(seed=s, tau=k)
        implied = law(*(jnp.asarray(here[name].values) for name in ("Q", "M", "b")))
        found[:, s, k] = distances(trace["x"].isel(seed=s, look=k).values, implied)
    dims = ("seed", "look", "axis")
    names = ("kolmogorov", "w1", "w1_floor")
    return xr.Dataset({n: (dims, v) for n, v in zip(names, found, strict=True)})


def sample_evidence(
    trace: xr.Dataset, curves: xr.Dataset, grid: EulerGrid, setting: str
) -> list[Evidence]:
    """Kolmogorov's distance, W1 and bulk variance, each given the trained weights."""
    n, seeds = trace.sizes["sample"], trace.sizes["seed"]
    b = trace["b"].sel(tau=trace["look"].values).values
    s2 = np.vectorize(lambda skip: float(bulk_variance(skip, grid)))(b)
    allowed = W1_MULTIPLE * curves["w1_floor"]
    return [
        samples_follow("ae-projection", setting, curves["kolmogorov"], n, seeds=seeds),
        Evidence(
            "ae-projection-w1",
            setting,
            "<=",
            (allowed - curves["w1"]) / allowed,
            seeds=seeds,
            n=n,
        ),
        Evidence(
            "ae-bulk",
            setting,
            "==",
            trace["bulk"].values / s2 - 1.0,
            standard_error=trace["bulk_se"].values / s2,
            margin=BULK_MARGIN,
            seeds=seeds,
            n=n,
        ),
    ]
