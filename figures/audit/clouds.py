"""The points that are compared: equally many of every set, in one stated space."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from figures.audit.composition import Composition
from figures.audit.reading import LEAST, Loop, Setup
from sim.measures.embedding import GROUPS
from theory.validation import require

__all__ = ["Clouds", "Space", "clouds"]

REGULAR = 1e-10
"""Smallest variance, over the largest, of coordinates that can be standardised."""


@dataclass(frozen=True)
class Space:
    """All coordinates, or the leading principal components of the real data."""

    mean: Float[np.ndarray, " d"]
    axes: Float[np.ndarray, "k d"]
    """orthonormal"""
    deviations: Float[np.ndarray, " k"]
    """of the real data along the axes"""
    name: str

    @property
    def dim(self) -> int:
        """Coordinates k of the space."""
        return len(self.axes)

    @property
    def regular(self) -> bool:
        """Whether the real covariance can be inverted in the space."""
        return bool(self.deviations[-1] ** 2 > REGULAR * self.deviations[0] ** 2)

    def place(self, x: Float[np.ndarray, "n d"]) -> Float[np.ndarray, "n k"]:
        """Coordinates of points in the space."""
        return (x - self.mean) @ self.axes.T

    def left_out(self, x: Float[np.ndarray, "n d"]) -> float:
        """Mean squared distance of points from the space."""
        centred = x - self.mean
        inside = np.sum((centred @ self.axes.T) ** 2, axis=1)
        return float(np.mean(np.maximum(np.sum(centred**2, axis=1) - inside, 0.0)))


@dataclass(frozen=True)
class Clouds:
    """What is measured: sets of m points in k coordinates, and the pools behind them."""

    space: Space
    reference: Float[np.ndarray, "m k"]
    """real points that everything is compared with"""
    floor: Float[np.ndarray, "m k"]
    """other real points, compared with them like a generation: what no loop can beat"""
    samples: Float[np.ndarray, "G m k"]
    real: Float[np.ndarray, "n k"]
    """all real points, in random order"""
    pools: tuple[Float[np.ndarray, "n k"], ...]
    """all samples of each generation, in random order"""
    train: tuple[Float[np.ndarray, "n k"], ...]
    """all training points, in random order"""
    twins: tuple[Float[np.ndarray, "t k"] | None, ...]
    """drawn like each training set, never trained on; None where there are too few"""
    real_seen: bool
    """whether models may have been trained on the reference"""
    samples_seen: bool
    """whether models may have been trained on `samples`"""
    notes: tuple[str, ...]

    @property
    def generations(self) -> int:
        """G."""
        return len(self.samples)

    @property
    def points(self) -> int:
        """M, points of every set."""
        return self.samples.shape[1]


def clouds(setup: Setup, loop: Loop, found: Composition) -> Clouds:
    """Choose, place and cut to equal size what is compared.

    Where the training sets are known, real points and samples outside them are preferred, as
    long as enough are left in every set.

    Raises:
        InputError: components out of range.
    """
    rng = np.random.default_rng(setup.seed)
    space = _space(setup, loop)
    others, floor, real_seen = _two_real_sets(loop, found, rng)
    samples, samples_seen = _unseen_samples(setup, loop, found)
    sets = (others, floor, *samples)
    m = min(*map(len, sets), setup.points) // GROUPS * GROUPS
    reference, floor, *of_each = (x[rng.permutation(len(x))[:m]] for x in sets)
    place = space.place
    shuffled = lambda x: place(x[rng.permutation(len(x))])
    twins = _twins(loop, found, rng)
    return Clouds(
        space,
        place(reference),
        place(floor),
        np.stack([place(x) for x in of_each]),
        shuffled(loop.real),
        tuple(map(shuffled, loop.samples)),
        tuple(map(shuffled, loop.train)),
        tuple(None if twin is None else place(twin) for twin in twins),
        real_seen,
        samples_seen,
        _notes(setup, loop, found, m, real_seen, samples_seen),
    )


def _space(setup: Setup, loop: Loop) -> Space:
    mean = loop.real.mean(axis=0)
    centred = loop.real - mean
    n, d = centred.shape
    k = setup.components
    if k is not None:
        require(k <= min(n - 1, d), "--components", f"in [1, {min(n - 1, d)}]", k)
    deviations, axes = np.linalg.svd(centred, full_matrices=False)[1:]
    deviations = deviations / np.sqrt(n - 1.0)
    if k is None:
        if len(axes) < d:  # more coordinates than points: turning them would lose some
            axes, deviations = np.eye(d), np.append(deviations, np.zeros(d - len(axes)))
        return Space(mean, axes, deviations, f"all {d} coordinates")
    kept = np.sum(deviations[:k] ** 2) / np.sum(deviations**2)
    name = f"{k} principal components of the real data ({kept:.0%} of its variance)"
    return Space(mean, axes[:k], deviations[:k], name)


def _two_real_sets(
    loop: Loop, found: Composition, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray, bool]:
    """A reference and a floor; the reference of points that no model saw, if there are enough.

    Whether models saw the floor does not matter: nothing of theirs is compared with it.
    """
    if loop.held_out is not None:
        return loop.held_out, loop.real, False
    if found.real_seen is not None:
        unseen, rest = loop.real[~found.real_seen], loop.real[found.real_seen]
        if min(len(unseen), len(rest)) >= LEAST:
            return unseen, rest, False
    dealt = rng.permutation(loop.real)
    return (
        dealt[::2],
        dealt[1::2],
        found.real_seen is None or bool(found.real_seen.any()),
    )


def _unseen_samples(
    setup: Setup, loop: Loop, found: Composition
) -> tuple[list[np.ndarray], bool]:
    if setup.unseen:
        return list(loop.samples), False
    if found.samples_seen is not None:
        sets = zip(loop.samples, found.samples_seen, strict=True)
        left = [x[~seen] for x, seen in sets]
        if min(map(len, left)) >= LEAST:
            return left, False
    return list(loop.samples), True


def _twins(
    loop: Loop, found: Composition, rng: np.random.Generator
) -> list[np.ndarray | None]:
    """For each training set points of the same sources in the same shares, never used."""
    if not loop.train or found.alpha_from != "--train":
        return [None] * loop.generations
    real = loop.real[~found.real_seen] if loop.held_out is None else loop.held_out
    sets = zip(loop.samples, found.samples_seen, strict=True)
    spare = [real, *(x[~seen] for x, seen in sets)]
    spare = [x[rng.permutation(len(x))] for x in spare]
    shares = np.column_stack([found.schedule.alpha, found.schedule.beta])
    twins = []
    for g, share in enumerate(shares):
        used = [(x, s) for x, s in zip(spare, share, strict=False) if s > 0.005]
        total = sum(s for _, s in used)
        size = min(int(len(x) * total / s) for x, s in used)
        size = min(size, len(loop.train[g]))
        parts = [x[: int(size * s / total)] for x, s in used]
        twin = np.concatenate(parts)
        twins.append(twin if len(twin) >= LEAST else None)
    return twins


def _notes(setup, loop, found, m, real_seen, samples_seen) -> tuple[str, ...]:
    notes = [*loop.notes]
    notes.append(
        f"{m} points of every set are compared: of generations, of a real reference, and of "
        "other real points, the floor."
    )
    if real_seen:
        notes.append(
            "Models may have been trained on the real points compared with, which "
            "understates distances by sampling error: --held-out names points that none was."
        )
    if samples_seen:
        notes.append(
            "Models may have been trained on the samples, which hides a part of the steps: "
            "see how large below; --unseen says that none was, --train shows it."
        )
    if not found.alpha_from:
        reason = "--train has rows that no file has" if loop.train else "neither given"
        notes.append(
            f"The fresh fraction is not known ({reason}: --alpha or --train): steps are "
            "taken from one generation to the next."
        )
    if not found.size_from:
        notes.append(
            "Training set sizes are not known (--n or --train): the number of samples of "
            "the generation before stands for each."
        )
    return tuple(notes)
