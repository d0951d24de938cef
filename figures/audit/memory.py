"""What generations remember: distances to training points, twins, copies of one ancestor."""

import jax.numpy as jnp
import numpy as np

from figures.audit.clouds import Clouds
from figures.audit.records import Series
from sim.measures.embedding import embedded, nearness_kernel
from sim.measures.estimate import Estimate
from sim.measures.generalisation import (
    closer_share,
    gs_l2,
    memorised_absolute,
    twin_ratio,
)
from sim.measures.neighbours import nearest_distances

__all__ = ["memory"]

NEAR = 1.0 / 3.0
"""Share of the mean spacing of real points below which a point is a copy."""


def memory(clouds: Clouds) -> list[Series]:
    """Measures of memory; what they compare with depends on which files there are."""
    spacing = nearest_distances(clouds.reference, clouds.reference, exclude_self=True)
    near = NEAR * float(np.mean(spacing.distance))
    pool, named = _pools(clouds)
    found = {g: _of_generation(clouds, g, pool[g], near) for g in range(len(pool))}
    last = f"a third of the real points' spacing, {near:.3g}"
    of_twins = {g: _of_twin(clouds, g) for g in range(len(pool))}
    has_twins = any(of_twins.values())
    return [
        _series(
            "to_real",
            "to real",
            "generalisation score against the reference: mean distance to its nearest point",
            [_score(clouds.floor, clouds.reference)]
            + [_score(x, clouds.reference) for x in clouds.samples],
        ),
        _series(
            "to_source",
            "to train" if clouds.train else "to previous",
            f"generalisation score: mean distance to the nearest point of {named}",
            [None, *(found[g]["score"] for g in found)],
        ),
        _series(
            "memorised",
            "memorised",
            f"share of points nearer to one of {named} than {last}",
            [_copies(clouds.floor, clouds.reference, near)]
            + [found[g]["memorised"] for g in found],
        ),
        _series(
            "closer",
            "closer",
            f"share of points nearer to {named} than to as many others of their own "
            "generation; 1/2 says no memory, if the two generations have one law",
            [
                _closer(clouds.floor, clouds.reference),
                *(found[g]["closer"] for g in found),
            ],
        ),
        _series(
            "twin",
            "twin ratio",
            "mean distance to the training set over that to its twin, drawn like it and never "
            "trained on; 1 says no memory",
            [None, *of_twins.values()],
            "" if has_twins else _no_twin(clouds),
        ),
        ancestry(clouds, near),
    ]


def ancestry(clouds: Clouds, near: float) -> Series:
    """Pairs of points of a set that are copies of one point, as far as nearness tells."""
    sets = np.concatenate([[clouds.floor], clouds.samples])
    shared = embedded(jnp.asarray(sets / near), nearness_kernel).estimate(np.diagonal)
    return Series(
        "shared",
        "shared ancestor",
        f"share of pairs of points of a set nearer than a third of the real points' "
        f"spacing, {near:.3g}: copies of one ancestor, where real points lie further apart",
        np.asarray(shared.value),
        np.asarray(shared.standard_error),
    )


def _pools(clouds: Clouds) -> tuple[list[np.ndarray], str]:
    """What each generation may have been trained on, and what to call it."""
    if clouds.train:
        return list(clouds.train), "its training set"
    before = [clouds.real, *clouds.pools[:-1]]
    return before, "the generation before (of the first: the real data)"


def _of_generation(clouds: Clouds, g: int, pool, near: float) -> dict[str, Estimate]:
    samples = clouds.samples[g]
    distance = nearest_distances(samples, pool).distance[:, 0]
    return {
        "score": gs_l2(distance),
        "memorised": memorised_absolute(distance, near),
        "closer": _closer(samples, pool),
    }


def _score(x: np.ndarray, pool: np.ndarray) -> Estimate:
    return gs_l2(nearest_distances(x, pool).distance[:, 0])


def _copies(x: np.ndarray, pool: np.ndarray, near: float) -> Estimate:
    return memorised_absolute(nearest_distances(x, pool).distance[:, 0], near)


def _closer(x: np.ndarray, pool: np.ndarray) -> Estimate:
    """Against equally many of the pool (its order is random) and of the set itself."""
    count = min(len(x) - 1, len(pool))
    own = nearest_distances(x, x, exclude_self=True).distance[:, 0]
    if count < len(x) - 1:  # fewer to choose from: compare with as few of one's own
        half = x[: count + 1]
        own = nearest_distances(half, half, exclude_self=True).distance[:, 0]
        x = half
    to_pool = nearest_distances(x, pool[:count]).distance[:, 0]
    return closer_share(to_pool, own)


def _of_twin(clouds: Clouds, g: int) -> Estimate | None:
    """Against the twin, and as many points of the training set."""
    if not clouds.train or clouds.twins[g] is None:
        return None
    twin = clouds.twins[g]
    data = clouds.train[g][: len(twin)]
    to_data, to_twin = (
        nearest_distances(clouds.samples[g], pool).distance[:, 0]
        for pool in (data, twin)
    )
    return twin_ratio(to_data, to_twin)


def _no_twin(clouds: Clouds) -> str:
    if not clouds.train:
        return "needs the training sets (--train)"
    return "too few points like the training sets that no model was trained on"


def _series(name, label, says, found, missing: str = "") -> Series:
    values = [np.nan if e is None else float(e.value) for e in found]
    errors = [np.nan if e is None else float(e.standard_error) for e in found]
    return Series(name, label, says, np.array(values), np.array(errors), missing)
