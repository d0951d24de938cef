"""The data of these figures: laws and manifolds by name, or images in principal components."""

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import jax.random as jr
import numpy as np
from jaxtyping import Float

from figures.memorization.presets.common import Learning
from sim.image_files import checksum, load_rows
from sim.targets import (
    PrincipalFrame,
    Split,
    digits,
    eight_modes,
    hidden_manifold,
    principal_frame,
    principal_split,
    ring,
    sphere,
    swiss_roll,
    torus,
)
from theory.validation import require

__all__ = ["Source", "described", "drawn", "images", "picture_frame", "source"]

TRAIN = 1_024
"""Images that may be trained on, more if a training set is larger; others are held out."""
LEAST_HELD_OUT = 64
AMBIENT = 16  # dimension that manifolds are embedded in
STD = 0.5  # of images in principal components, all entries together

LAWS: dict[str, Callable[[], Any]] = {
    "mixture": eight_modes,
    "sphere": lambda: sphere(AMBIENT),
    "torus": lambda: torus(AMBIENT),
    "ring": lambda: ring(AMBIENT, noise=0.0),
    "swiss-roll": lambda: swiss_roll(AMBIENT, noise=0.0),
    "linear": lambda: hidden_manifold(AMBIENT, 4, "identity"),
    "hidden": lambda: hidden_manifold(AMBIENT, 4, "tanh"),
}


LAWS_SHOWN = {
    "mixture": "eight Gaussians in 8-D",
    "sphere": f"the unit sphere in {AMBIENT}-D",
    "torus": f"a flat torus in {AMBIENT}-D",
    "ring": f"a circle in {AMBIENT}-D",
    "swiss-roll": f"a swiss roll in {AMBIENT}-D",
    "linear": f"a 4-D linear manifold in {AMBIENT}-D",
    "hidden": f"tanh of a 4-D linear manifold in {AMBIENT}-D",
}


@dataclass(frozen=True)
class Source:
    """What a group of seeds learns from."""

    target: Any
    """a target, or from a replica's parameters to its own"""
    rows: dict[str, Float[np.ndarray, "seeds m d"]] = field(default_factory=dict)
    """each seed's own images"""
    held_out: int | None = None
    """held-out points, where they are finitely many"""
    dim: int = 0
    """dimension of the points"""

    def parameters(self, generations: int) -> dict[str, np.ndarray]:
        """The images as the loop's parameters: the same at every generation, not copied."""
        spread = lambda a: np.broadcast_to(
            a[:, None], (len(a), generations, *a.shape[1:])
        )
        return {name: spread(rows) for name, rows in self.rows.items()}


def described(settings: Learning) -> str:
    """What is learned, for a caption; of a file its name and checksum."""
    if settings.data in LAWS:
        return LAWS_SHOWN[settings.data]
    what = "scikit-learn's digits"
    if settings.data != "digits":
        what = f"{Path(settings.data).name} (SHA-256 {checksum(settings.data)[:12]})"
    if settings.channels:
        return f"{what}, their pixels"
    return f"{what} in {settings.components} principal components"


def source(settings: Learning, seeds: range) -> Source:
    """The data of these seeds; with images each seed has its own split and axes."""
    if settings.data in LAWS:
        require(not settings.channels, "channels", "0 for points", settings.channels)
        target = LAWS[settings.data]()
        return Source(target, dim=target.dim)
    splits = [_split(settings, seed) for seed in seeds]
    rows = {
        name: np.stack([getattr(split, name) for split in splits])
        for name in ("train", "held_out")
    }
    target = lambda at: Split(at["train"], at["held_out"])
    return Source(target, rows, *rows["held_out"].shape[1:])


def drawn(
    settings: Learning, seed: int, n: int, twin: int
) -> tuple[Float[np.ndarray, "n d"], Float[np.ndarray, "t d"]]:
    """A training set of a seed, and real points apart from it, `twin` at most."""
    of = source(settings, range(seed, seed + 1))
    if of.rows:
        train, held_out = (of.rows[name][0] for name in ("train", "held_out"))
        allowed = f"<= {len(train)}, the images to train on"
        require(n <= len(train), "size", allowed, n)
        return train[:n], held_out[:twin]
    key = jr.fold_in(jr.key(settings.seed), seed)
    points = np.asarray(of.target.sample(key, n + twin))
    return points[:n], points[n:]


def images(settings: Learning) -> Float[np.ndarray, "m d"]:
    """The images as flat rows."""
    if settings.data == "digits":
        return np.asarray(digits().images, np.float64)
    return load_rows(settings.data, settings.sha256 or None)


def picture_frame(settings: Learning, seed: int) -> PrincipalFrame | None:
    """The frame of a seed's points where they are square images; else None."""
    if settings.data in LAWS:
        return None
    rows = images(settings)
    if math.isqrt(rows.shape[1]) ** 2 != rows.shape[1]:
        return None
    return principal_frame(rows, _train(settings), _components(settings), seed, STD)


def _components(settings: Learning) -> int | None:
    return None if settings.channels else settings.components


def _train(settings: Learning) -> int:
    return max(TRAIN, settings.largest)


def _split(settings: Learning, seed: int) -> Split:
    rows, train = images(settings), _train(settings)
    least = train + LEAST_HELD_OUT
    allowed = f">= {least}, {train} to train on and the rest held out"
    require(len(rows) >= least, "images in data", allowed, len(rows))
    return principal_split(rows, train, _components(settings), seed, STD)
