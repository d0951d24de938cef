"""A network watched while it learns: overlaps all along, samples at chosen times.

Training goes piece by piece, so that it is compiled once and goes on where it was stopped.
Samples are made step by step in d dimensions, never through the reduced law.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import jax.random as jr
import numpy as np
import xarray as xr
from jaxtyping import Array, Float

from figures.autoencoder.chains import overlap_record
from figures.replication import over_seeds, replica_keys
from sim.learners.autoencoder.generation import generated, sample_euler
from sim.learners.autoencoder.network import Weights, overlaps, weights_of
from sim.learners.autoencoder.online import Source, learn_online
from sim.learners.autoencoder.realisation import Realised, initial_weights
from sim.replicas import replicated
from sim.store import Group, Run, resumable
from theory.denoiser import Overlaps, Training, steps_for
from theory.processes import EulerGrid

__all__ = ["Growth", "grow"]


@dataclass(frozen=True)
class Growth:
    """One network's life, up to its randomness."""

    training: Training
    realised: Realised
    """tracked directions, blocks, and the data unless `source` is given"""
    coefficients: Any
    """start, see `sim.learners.autoencoder.realisation.initial_weights`"""
    plane: Float[np.ndarray, "e j"]
    """directions looked along, as combinations of the tracked ones"""
    grid: EulerGrid
    piece: float
    """training time between two records"""
    pieces: int
    looks: Sequence[int]
    """pieces after which samples are made, increasing"""
    samples: int
    source: Source | None = None

    @property
    def piece_steps(self) -> int:
        """Samples that a piece trains on."""
        rate = float(self.training.rate)
        return max(1, steps_for(self.piece, rate, self.realised.dim))

    @property
    def tau(self) -> np.ndarray:
        """The time actually reached after each piece, 2 eta n/d."""
        one = 2.0 * float(self.training.rate) * self.piece_steps / self.realised.dim
        return one * np.arange(self.pieces + 1)

    def start(self, key: Array) -> tuple[Weights, Overlaps]:
        """Weights before training."""
        W = initial_weights(key, self.realised, self.coefficients)
        weights = weights_of(W, self.training)
        return weights, overlaps(weights, self.realised)

    def learn(self, key: Array, weights: Weights) -> tuple[Weights, Overlaps]:
        """One piece of training."""
        steps = self.piece_steps
        source = self.source or self.realised
        weights, history = learn_online(
            key, self.training, source, self.realised, weights, steps, steps
        )
        return weights, jax.tree.map(lambda a: a[-1], history)

    def look(self, key: Array, weights: Weights) -> dict[str, Array]:
        """Projected samples; variance orthogonal to the weights, with standard error."""
        key_start, key_noise = jr.split(key)
        d, r = self.realised.dim, weights.W.shape[0]
        law = generated(weights, self.grid, self.training.activation)
        start = jr.normal(key_start, (self.samples, d), jnp.float32)
        x = sample_euler(key_noise, law, start)
        on_plane = self.realised.project(x) @ jnp.asarray(self.plane.T, x.dtype)
        rows = jnp.linalg.qr(weights.W.T)[0]
        outside = jnp.sum(x**2, axis=1) - jnp.sum((x @ rows) ** 2, axis=1)
        per_sample = outside.astype(jnp.float64) / (d - r)
        error = jnp.std(per_sample, ddof=1) / self.samples**0.5
        return {"x": on_plane, "bulk": jnp.mean(per_sample), "bulk_se": error}


def grow(
    growth: Growth, run: Run, seeds: int, seed: int, progress, name: str = "network"
) -> xr.Dataset:
    """Overlaps over (seed, tau) and samples over (seed, look), stored piece by piece."""
    start, learn, look = (
        replicated(fn) for fn in (growth.start, growth.learn, growth.look)
    )

    def one_group(group: Group) -> xr.Dataset:
        keys = replica_keys(seed, group.seeds)
        part = group.part(name)
        pictures = part.part("samples")

        def blank() -> Weights:  # shapes of the state; piece 0 makes the first weights
            r, d = np.shape(growth.coefficients)[-2], growth.realised.dim
            shapes = Weights((len(keys), r, d), (len(keys), growth.training.skips))
            return Weights(*(jnp.zeros(shape, jnp.float32) for shape in shapes))

        def body(k: int, weights: Weights) -> tuple[Weights, xr.Dataset]:
            own = jax.vmap(lambda key: jr.split(jr.fold_in(key, k)))(keys)
            if k > 0:
                weights, at = learn(own[:, 0], weights)
            else:
                weights, at = start(own[:, 0])
            if k in growth.looks:
                seen = _seen(look(own[:, 1], weights))
                pictures.append(growth.looks.index(k), seen)
            return weights, overlap_record(at, "seed")

        with progress.stage(name, growth.pieces + 1) as bar:
            trace = resumable(part, growth.pieces + 1, blank, body, bar.tick)
        trace = trace.rename(generation="tau").assign_coords(tau=growth.tau)
        seen = pictures.load().rename(generation="look")
        seen = seen.assign_coords(look=growth.tau[list(growth.looks)])
        whole = trace.merge(seen).assign_coords(seed=list(group.seeds))
        return whole.transpose("seed", "tau", "look", ...)

    return over_seeds(run, seeds, one_group)


def _seen(seen: dict[str, Array]) -> xr.Dataset:
    dims = {"x": ("seed", "sample", "axis"), "bulk": ("seed",), "bulk_se": ("seed",)}
    return xr.Dataset({k: (dims[k], np.asarray(v)) for k, v in seen.items()})
