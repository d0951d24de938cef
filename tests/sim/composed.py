"""Small self-consuming loops for the tests: how they are run, and laws one can recognise."""

import contextlib
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import jax
import jax.numpy as jnp
import jax.random as jr
import numpy as np
import xarray as xr

from figures.progress import SILENT
from figures.self_consuming.loops import Loop
from sim.composition import Counts, Mixing, Points, Summary, scheduled
from sim.laws import FiniteLaw
from sim.learners.density import DensityEstimate
from sim.learners.density.estimate import ClosedForm
from sim.recursion import Recursion, run
from sim.sampling import EndpointDraw
from sim.store.group import Group
from theory.mixing import Schedule, schedule
from theory.mixtures import GaussianMixture
from theory.processes import ou

SPACING, BASE, KINDS = 10.0, 1000.0, 5


def go(
    recursion: Recursion, parameters, folder: Path, replicas: int, **more
) -> xr.Dataset:
    """Replicas of one condition: (generation, seed)."""
    folder.mkdir(parents=True, exist_ok=True)
    group = Group(folder, range(1), contextlib.nullcontext)
    spread = {k: np.repeat(v, replicas, axis=0) for k, v in parameters.items()}
    keys = jr.split(jr.key(more.pop("seed", 0)), replicas)
    axes = {"seed": np.arange(replicas)}
    options = {"progress": SILENT, "batching": "vmap"} | more
    return run(recursion, keys, spread, axes, group, **options)


def go_loop(loop: Loop, folder: Path, replicas: int, **more) -> xr.Dataset:
    """The same of a loop that has one condition."""
    return go(loop.recursion, loop.parameters, folder, replicas, **more)


def z_scores(values, truth) -> np.ndarray:
    """How many standard errors the means over the last axis are off."""
    x = np.asarray(values, dtype=np.float64)
    error = x.std(axis=-1, ddof=1) / np.sqrt(x.shape[-1])
    return (x.mean(axis=-1) - np.asarray(truth)) / error


def growing(stages: int, sizes) -> Schedule:
    """Shares that grow with the model's number: every past model is used."""
    s = np.arange(stages)
    beta = np.tril(2.0 * (s[None] + 1) / ((s[:, None] + 1) * (s[:, None] + 2)), -1)
    return schedule(2.0 / (s + 2.0), beta, sizes)


def of_counts(counts) -> Schedule:
    """From how many points of the real law (column 0) and of each model a stage has."""
    counts = np.asarray(counts, dtype=np.float64)
    N = counts.sum(axis=1)
    shares = counts / N[:, None]
    beta = np.pad(shares[:, 1:], ((0, 0), (0, 1)))
    return schedule(shares[:, 0], beta, N)


@dataclass(frozen=True)
class Known:
    """A target with a law, and points that are never drawn twice: uniform on (0, 1)."""

    law: object
    dim: int = 1

    def sample(self, key, n):
        return jr.uniform(key, (n, 1), jnp.float32)


@dataclass(frozen=True)
class Marker(ClosedForm):
    """Whatever the data, model s + 1 generates a law that tells its number."""

    number: jax.Array
    make: object

    def init(self, key, data, law, process):
        return DensityEstimate(self.make(self.number))


class SeenData:
    """The training data themselves, and the law of which they are, if it is a table."""

    needs: ClassVar = "samples"
    names: ClassVar = ("data",)

    def __call__(self, key, scene):
        data = scene.data
        law = {"law": scene.q.mass} if isinstance(scene.q, FiniteLaw) else {}
        if isinstance(data, tuple):
            return law | {"seen": jnp.stack(list(data))}
        return law | {"seen": data[:, 0] if data.ndim == 2 else data}


def near(number):
    """N(10 j, 0.01): points of model j round to j."""
    return _gaussian(SPACING * number, 0.01)


def at_power(number):
    """All mass on 1000^j: sums of points are counts in base 1000."""
    return _gaussian(BASE**number, 1e-300)


def one_hot(number):
    """Category j."""
    return FiniteLaw((jnp.arange(KINDS) == number).astype(jnp.float64))


def _gaussian(mean, variance):
    one = jnp.ones((1,), jnp.float64)
    return GaussianMixture(one, mean * one[:, None], variance * one[:, None, None])


FORMS = {"points": near, "counts": one_hot, "summary": at_power}


def marked(form: str, protocol: str, scheme: Schedule, rows: int | None = None):
    """A loop of recognisable models and its parameters."""
    data = {"points": Points(rows), "counts": Counts(), "summary": Summary()}[form]
    make, S = FORMS[form], scheme.stages
    points = rows if form == "points" else None
    parameters, reach = scheduled([scheme], protocol, points)
    parameters["number"] = 1.0 + np.arange(S)[None]
    recursion = Recursion(
        target=Known(make(jnp.float64(0.0))),
        learner=lambda at: Marker(at["number"], make),
        sampler=EndpointDraw(),
        process=ou(1.0, 0.0),
        n=rows if form == "points" else 0,
        generations=S,
        composition=Mixing(data, protocol, reach),
        measures=(SeenData(),),
    )
    return recursion, parameters


def origins(form: str, seen: np.ndarray) -> np.ndarray:
    """How often each law was drawn: (..., KINDS) from what `SeenData` recorded."""
    if form == "counts":
        return seen
    if form == "points":
        number = np.where(seen < 1.5, 0, np.round(seen / SPACING))
        return (number[..., None] == np.arange(KINDS)).sum(axis=-2)
    total = np.round(seen[..., 0] * seen[..., 1])
    return np.stack([total // BASE**j % BASE for j in range(KINDS)], axis=-1)
