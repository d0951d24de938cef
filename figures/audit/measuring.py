"""Every measure that samples allow, of other real points and of each generation."""

from collections.abc import Callable
from functools import partial

import jax
import jax.numpy as jnp
import jax.random as jr
import numpy as np

from figures.audit.clouds import Clouds
from figures.audit.drift import Drift
from figures.audit.memory import memory
from figures.audit.reading import Loop
from figures.audit.records import Series
from sim.measures.entropy import duplicates, entropy_of_neighbours
from sim.measures.estimate import Estimate
from sim.measures.gaussian_fits import GROUPS, kl_of_fits, widest_ratio
from sim.measures.generalisation import gs_l2
from sim.measures.intrinsic_dimension import NEIGHBOURS, intrinsic_dimension
from sim.measures.neighbours import nearest_distances
from sim.measures.samples import sliced_w2_squared
from sim.measures.spread import covariance_trace, frechet_estimate
from sim.measures.two_sample import PERMUTATIONS, energy_test

__all__ = ["SINGULAR", "measure"]

DIRECTIONS = 256
"""Random directions of the sliced distance."""
_sliced = jax.jit(partial(sliced_w2_squared, projections=DIRECTIONS))
_frechet, _kl, _widest = map(jax.jit, (frechet_estimate, kl_of_fits, widest_ratio))
SINGULAR = "the real covariance is singular in this space: choose fewer --components"


def measure(
    loop: Loop, clouds: Clouds, drifts: dict[str, Drift], seed: int
) -> dict[str, Series]:
    """All measures by name, in the order in which they are shown."""
    found = [
        *_distances(clouds, drifts, seed),
        *_gaussian(clouds, drifts),
        *_inside(clouds),
        *memory(clouds),
        *_left_out(loop, clouds),
    ]
    return {series.name: series for series in found}


def _distances(clouds: Clouds, drifts: dict[str, Drift], seed: int) -> list[Series]:
    reference = jnp.asarray(clouds.reference)
    keys = jr.split(jr.fold_in(jr.key(seed), 0), clouds.generations + 1)
    sets = [clouds.floor, *clouds.samples]
    # enough for one of G p-values to survive Holm's correction
    deals = max(PERMUTATIONS, 40 * clouds.generations)
    test = lambda i, x: float(energy_test(keys[i], x, reference, deals)[1])
    p = [test(i, x) for i, x in enumerate(sets)]
    directions = lambda: jr.fold_in(jr.key(seed), 1)  # the same for every set
    energy = drifts["energy"].distance
    nothing = np.full(len(p), np.nan)
    return [
        Series(
            "energy",
            "energy dist.",
            "squared energy distance to the reference over the mean distance of two real "
            "points; unbiased, so that it may fall below 0",
            *map(np.asarray, energy),
        ),
        Series(
            "p",
            "p",
            f"p-value of that distance, by {deals} permutations",
            np.array(p),
            nothing,
        ),
        _of_each(
            "sliced",
            "sliced W2",
            f"squared, mean over {DIRECTIONS} directions; positive for equal laws, too",
            clouds,
            lambda x: _sliced(directions(), x, reference),
        ),
        _of_each(
            "frechet",
            "Frechet",
            "squared distance of the Gaussian fits; positive for equal laws, too",
            clouds,
            lambda x: _frechet(x, reference),
        ),
    ]


def _gaussian(clouds: Clouds, drifts: dict[str, Drift]) -> list[Series]:
    """In first and second moments, where the real covariance can be inverted."""
    nothing = np.full(clouds.generations + 1, np.nan)
    says = {
        "moments": (
            "moments",
            "squared distance in standardised first and second moments: chi-square of Gaussian "
            "fits to second order; unbiased",
        ),
        "kl": ("Gaussian KL", "KL of the Gaussian fit from the reference's, nats"),
        "widest": (
            "widest",
            "largest variance over the reference's along any direction: from 2 on the "
            "chi-square of Gaussian fits is infinite",
        ),
    }
    if "moments" not in drifts:
        return [Series(n, *s, nothing, nothing, SINGULAR) for n, s in says.items()]
    moments = map(np.asarray, drifts["moments"].distance)
    few = clouds.points - clouds.points // GROUPS <= clouds.space.dim
    if few:
        why = f"{clouds.points} points are too few for {clouds.space.dim} coordinates"
        rest = [Series(n, *says[n], nothing, nothing, why) for n in ("kl", "widest")]
    else:
        ways = {"kl": _kl, "widest": _widest}
        reference = jnp.asarray(clouds.reference)
        rest = [
            _of_each(n, *says[n], clouds, lambda x, w=way: w(x, reference))
            for n, way in ways.items()
        ]
    return [Series("moments", *says["moments"], *moments), *rest]


def _inside(clouds: Clouds) -> list[Series]:
    """What a set shows by itself."""
    k = clouds.space.dim
    sets = [clouds.floor, *clouds.samples]
    neighbours = [nearest_distances(x, x, NEIGHBOURS, exclude_self=True) for x in sets]
    return [
        _listed(
            "trace",
            "variance",
            "trace of the covariance",
            [covariance_trace(x) for x in sets],
        ),
        _listed(
            "entropy",
            "entropy",
            f"Kozachenko-Leonenko, nats, in {k} dimensions; same points in every set",
            [entropy_of_neighbours(n, k) for n in neighbours],
        ),
        _listed(
            "spacing",
            "spacing",
            "mean distance to the nearest other point",
            [gs_l2(n.distance[:, 0]) for n in neighbours],
        ),
        _listed(
            "dimension",
            "intrinsic dim.",
            f"by maximum likelihood from {NEIGHBOURS} neighbours",
            [intrinsic_dimension(n.distance) for n in neighbours],
        ),
        _listed(
            "duplicates",
            "duplicates",
            "points with another at distance 0",
            [Estimate(duplicates(n.distance[:, 0]), np.nan) for n in neighbours],
        ),
    ]


def _left_out(loop: Loop, clouds: Clouds) -> list[Series]:
    """Nothing, where all coordinates are compared."""
    if clouds.space.dim == loop.dim:
        return []
    says = "mean squared distance from the space: what these measures do not see"
    values = [clouds.space.left_out(x) for x in (loop.real, *loop.samples)]
    nothing = np.full(len(values), np.nan)
    return [Series("left_out", "left out", says, np.array(values), nothing)]


def _of_each(
    name: str, label: str, says: str, clouds: Clouds, way: Callable[..., Estimate]
) -> Series:
    sets = [clouds.floor, *clouds.samples]
    return _listed(name, label, says, [way(jnp.asarray(x)) for x in sets])


def _listed(name: str, label: str, says: str, found: list[Estimate]) -> Series:
    values, errors = (
        np.array([float(x) for x in part]) for part in zip(*found, strict=True)
    )
    return Series(name, label, says, values, errors)
