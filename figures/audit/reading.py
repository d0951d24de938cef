"""Real data and the samples of every generation, from files; what is odd about them."""

import re
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from jaxtyping import Float

from sim.image_files import load_rows
from theory.validation import InputError, require, require_in, require_positive

__all__ = ["LEAST", "Loop", "Setup", "read"]

LEAST = 60
"""Points that a set must hold: in groups of three the errors are rough, but real."""


@dataclass(frozen=True)
class Setup:
    """What an audit is asked."""

    real: Path
    samples: tuple[Path, ...]
    """of generations 1, 2, ..."""
    train: tuple[Path, ...] = ()
    """the training set of each generation, where it was kept"""
    held_out: Path | None = None
    """real points that no model was trained on"""
    alpha: float | None = None
    """fresh fraction of every training set after the first"""
    n: int | None = None
    """training points of every generation"""
    components: int | None = None
    """principal components of the real data to compare in; None for all coordinates"""
    rate: float = 0.25
    """r of one step's error C n^-r"""
    ahead: int = 5
    """generations to predict"""
    points: int = 1000
    """most points of a set that are compared"""
    unseen: bool = False
    """whether no model was trained on the samples given"""
    seed: int = 0

    def __post_init__(self) -> None:
        """Refuse settings out of range."""
        G = len(self.samples)
        require(G >= 1, "samples", "one file for each generation, at least one", G)
        kept = len(self.train)
        allowed = f"none or one for each of the {G} generations"
        require(kept in (0, G), "--train", allowed, f"{kept} files")
        if self.alpha is not None:
            require_in("--alpha", self.alpha, 0.0, 1.0)
        if self.n is not None:
            require(self.n >= 2, "--n", ">= 2", self.n)
        if self.components is not None:
            require(self.components >= 1, "--components", ">= 1", self.components)
        require_positive("--rate", self.rate)
        require_in("--rate", self.rate, 1e-6, 1.0 - 1e-6)
        require(1 <= self.ahead <= 100, "--ahead", "in [1, 100]", self.ahead)
        require(self.points >= LEAST, "--points", f">= {LEAST}", self.points)
        require(self.seed >= 0, "--seed", ">= 0", self.seed)


@dataclass(frozen=True)
class Loop:
    """What was read, in the coordinates of the files."""

    real: Float[np.ndarray, "n d"]
    samples: tuple[Float[np.ndarray, "m d"], ...]
    train: tuple[Float[np.ndarray, "n d"], ...] = ()
    held_out: Float[np.ndarray, "h d"] | None = None
    notes: tuple[str, ...] = ()

    @property
    def generations(self) -> int:
        """G."""
        return len(self.samples)

    @property
    def dim(self) -> int:
        """Coordinates d of a point, or pixels of an image."""
        return self.real.shape[1]


def read(setup: Setup) -> Loop:
    """All files of an audit as rows of numbers.

    Raises:
        InputError: in one line, naming the file: it cannot be read, holds NaN or infinity,
            too few points, points of another dimension, or real data that do not vary.
    """
    real = load_rows(setup.real)
    require(len(real) >= 2 * LEAST, f"{setup.real}", f"{2 * LEAST} points", len(real))
    if not np.ptp(real, axis=0).any():
        raise InputError(f"{setup.real} must hold points that differ, got equal ones.")
    rows = lambda path, least: _of_dimension(path, real.shape[1], least)
    loop = Loop(
        real,
        tuple(rows(path, LEAST) for path in setup.samples),
        tuple(rows(path, 2) for path in setup.train),
        None if setup.held_out is None else rows(setup.held_out, LEAST),
    )
    notes = (*_order(setup.samples), *_oddities(loop))
    return replace(loop, notes=notes)


def _of_dimension(path: Path, dim: int, least: int) -> Float[np.ndarray, "n d"]:
    rows = load_rows(path)
    allowed = f"points in {dim} coordinates, as the real data"
    require(rows.shape[1] == dim, f"{path}", allowed, rows.shape[1])
    require(len(rows) >= least, f"{path}", f"at least {least} points", len(rows))
    return rows


def _order(samples: tuple[Path, ...]) -> list[str]:
    """File names whose numbers do not rise: a shell puts 10 before 9."""
    found = [re.findall(r"\d+", path.stem) for path in samples]
    if not all(found):
        return []
    numbers = [int(last[-1]) for last in found]
    if numbers == sorted(numbers):
        return []
    names = ", ".join(path.stem for path in samples)
    return [
        f"Generations are in the order of the files, whose numbers do not rise: {names}."
    ]


def _oddities(loop: Loop) -> tuple[str, ...]:
    """Constant coordinates, points that occur twice, sets that do not vary."""
    notes = []
    constant = int(np.sum(np.ptp(loop.real, axis=0) == 0))
    if constant:
        notes.append(
            f"{constant} of {loop.dim} coordinates are constant in the real data."
        )
    sets = {"the real data": loop.real}
    sets |= {f"generation {g}": x for g, x in enumerate(loop.samples, 1)}
    repeated = {name: len(x) - len(np.unique(x, axis=0)) for name, x in sets.items()}
    found = [f"{count} in {name}" for name, count in repeated.items() if count]
    if found:
        notes.append(
            f"Points that occur more than once: {', '.join(found)}. Each lowers the entropy "
            "by its floor."
        )
    return tuple(notes)
