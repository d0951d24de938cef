"""The loops of these figures: a denoiser retrained on what a rule leaves of its samples."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import xarray as xr

from figures.memorization.data import source
from figures.memorization.presets.common import SEGMENTS, Learning
from figures.replication import replica_keys
from sim.composition import Pooled, Random, Selection
from sim.heun import Heun
from sim.learners.denoiser import Architecture, Denoiser
from sim.learners.perceptron import Perceptron
from sim.learners.unet import UNet
from sim.measures.companions import HeldOut, NearestRows, SourceShare, TwinLoss
from sim.measures.generalisation import (
    gs_l2,
    gs_log,
    gs_mse,
    memorised_absolute,
    memorised_ratio,
)
from sim.measures.memorisation import Copying, Fidelity, Spacing, Twin
from sim.recursion import Recursion
from sim.recursion import run as recurse
from sim.replicas import folded
from sim.store import Group
from theory.processes import ou
from theory.validation import require

__all__ = ["Loop", "learner", "run_loop", "sampler", "summary"]


@dataclass(frozen=True)
class Loop:
    """One way to compose training sets of N points."""

    n: int
    select: Selection = Random()
    accumulates: bool = False
    """the pool holds the original points and all since, or the latest model's alone"""
    generate: int | None = None
    """points that a model generates; N by default"""
    keep: int = 0
    """generated points that are kept for pictures, each with its nearest training point"""

    @property
    def has_twin(self) -> bool:
        """Whether other points of the latest model are a twin of the training set."""
        plain = self.select == Random() and not self.accumulates
        return plain and self.generate in (None, self.n)


def learner(settings: Learning, dim: int) -> Denoiser:
    """The denoiser of the settings, for points of a dimension."""
    network: Architecture = Perceptron(settings.width, settings.depth)
    if settings.channels:
        side = math.isqrt(dim)
        require(side**2 == dim, "pixels of images in data", "a square number", dim)
        network = UNet((side, side, 1), settings.channels)
    return Denoiser(
        network=network,
        steps=settings.steps,
        batch=settings.batch,
        warmup=min(200, settings.steps // 4),
        segments=SEGMENTS,
    )


def sampler(settings: Learning) -> Heun:
    """Heun's method between the noise levels of section 9 of the specification."""
    return Heun(levels=settings.levels)


def run_loop(
    settings: Learning, loop: Loop, number: int, group: Group, progress: Any
) -> xr.Dataset:
    """All generations of every seed of the group.

    Args:
        settings: what is learned, and how.
        loop: how training sets are composed.
        number: of the loop within its figure, for its random numbers.
        group: seeds, and where their records are stored.
        progress: reports generations and training.
    """
    data = source(settings, group.seeds)
    at = sampler(settings)
    twin = min(loop.n, data.held_out or loop.n) if loop.has_twin else 0
    measures = [Spacing(), Copying(), Fidelity(), HeldOut()]
    measures += [Twin(), TwinLoss()] if twin else []
    measures += [NearestRows(loop.keep)] if loop.keep else []
    batches = settings.generations if loop.accumulates else 1
    recursion = Recursion(
        target=data.target,
        learner=lambda at: learner(settings, data.dim),
        sampler=at,
        process=ou(float(at.times[0]), 0.0),
        n=loop.n,
        generations=settings.generations,
        composition=Pooled(loop.n, loop.select, batches),
        measures=(*measures, SourceShare(settings.generations)),
        generate=loop.generate,
        twin=twin,
        keep=loop.keep,
    )
    keys = replica_keys(settings.seed, group.seeds)
    shape = (len(group.seeds), settings.generations)
    trace = recurse(
        recursion,
        folded(keys, number),
        {"alpha": np.zeros(shape), **data.parameters(settings.generations)},
        {"seed": np.array(group.seeds)},
        group,
        progress,
    )
    return summary(trace)


def summary(trace: xr.Dataset) -> xr.Dataset:
    """Means over points, with standard errors, in place of a number for each point.

    What a point counts as copied is measured in the spacing of the first training set.
    """
    near, second = trace["nearest"], trace["second"]
    spacing = trace["data_spacing"]
    spacing = spacing.isel({spacing.dims[-1]: 0})  # to the nearest, k = 1
    threshold = spacing.isel(generation=0).mean(spacing.dims[-1]) / 3.0
    d = trace.sizes.get("coordinate", 1)
    found = {
        "score": _over_points(gs_l2, near),
        "score_mse": _over_points(lambda x: gs_mse(x, d), near),
        "score_log": _over_points(gs_log, near),
        "memorised_ratio": _over_points(memorised_ratio, near, second),
        "memorised_absolute": _over_points(memorised_absolute, near, level=threshold),
        "spacing_data": _over_points(gs_l2, spacing),
    }
    long = ("nearest", "second", "nearest_index", "data_spacing", "generated_spacing")
    rest = trace.drop_vars((*long, "source_share"), errors="ignore")
    if "source_share" in trace:
        share = trace["source_share"]
        rest["source_share"] = share.rename({share.dims[-1]: "source"})
    for name, (value, error) in found.items():
        rest[name], rest[f"{name}_se"] = value, error
    return rest.squeeze([d for d in rest.dims if "_entropy_" in d], drop=True)


def _over_points(
    estimator: Callable, *arrays: xr.DataArray, level: xr.DataArray | None = None
) -> tuple[xr.DataArray, xr.DataArray]:
    """An estimator of `sim.measures`, for each generation and seed."""
    of = lambda *a: tuple(np.asarray(part) for part in estimator(*a))
    more = () if level is None else (level,)
    core = [[a.dims[-1]] for a in arrays] + [[] for _ in more]
    return xr.apply_ufunc(
        of, *arrays, *more, input_core_dims=core, output_core_dims=[[], []],
        vectorize=True,
    )  # fmt: skip
