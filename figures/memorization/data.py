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

__all__ = ["Source", "described", "drawn", "images", "pictured", "source"]

TRAIN = 1_024
"""Images that may be trained on, more if a training set is larger; others are held out."""
LEAST_HELD_OUT = 64
AMBIENT = 16  # dimension that manifolds are embedded in
STD = 0.5  # of images in principal components, all entries together

LAWS: dict[str, tuple[Callable[[], Any], str]] = {
    "mixture": (eight_modes, "eight Gaussians in 8-D"),
    "sphere": (lambda: sphere(AMBIENT), f"the unit sphere in {AMBIENT}-D"),
    "torus": (lambda: torus(AMBIENT), f"a flat torus in {AMBIENT}-D"),
    "ring": (lambda: ring(AMBIENT, noise=0.0), f"a circle in {AMBIENT}-D"),
    "swiss-roll": (
        lambda: swiss_roll(AMBIENT, noise=0.0),
        f"a swiss roll in {AMBIENT}-D",
    ),
    "linear": (
        lambda: hidden_manifold(AMBIENT, 4, "identity"),
        f"a 4-D linear manifold in {AMBIENT}-D",
    ),
    "hidden": (
        lambda: hidden_manifold(AMBIENT, 4, "tanh"),
        f"tanh of a 4-D linear manifold in {AMBIENT}-D",
    ),
}
"""How to build what is no set of images, and what captions call it."""


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
        return LAWS[settings.data][1]
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
        target = LAWS[settings.data][0]()
        return Source(target, dim=target.dim)
    pixels = images(settings)
    splits = [_split(settings, pixels, seed) for seed in seeds]
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


def pictured(settings: Learning, seed: int) -> dict[str, Any]:
    """What a seed's points are drawn with where they are square images; else nothing."""
    if settings.data in LAWS:
        return {}
    pixels = images(settings)
    if math.isqrt(pixels.shape[1]) ** 2 != pixels.shape[1]:
        return {}
    frame = principal_frame(pixels, _train(settings), _components(settings), seed, STD)
    return {
        "frame_mean": ("pixel", frame.mean),
        "frame_axes": (("coordinate", "pixel"), frame.axes),
        "frame_factor": frame.factor,
        "frame_ends": ("end", [pixels.min(), pixels.max()]),
    }


def images(settings: Learning) -> Float[np.ndarray, "m d"]:
    """The images as flat rows."""
    if settings.data == "digits":
        return np.asarray(digits().images, np.float64)
    return load_rows(settings.data, settings.sha256 or None)


def _components(settings: Learning) -> int | None:
    return None if settings.channels else settings.components


def _train(settings: Learning) -> int:
    return max(TRAIN, settings.largest)


def _split(settings: Learning, images: np.ndarray, seed: int) -> Split:
    train = _train(settings)
    least = train + LEAST_HELD_OUT
    allowed = f">= {least}, {train} to train on and the rest held out"
    require(len(images) >= least, "images in data", allowed, len(images))
    return principal_split(images, train, _components(settings), seed, STD)
