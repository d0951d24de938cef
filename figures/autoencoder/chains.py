"""Exact chains of overlaps for many seeds, as labelled results."""

from dataclasses import replace

import jax
import numpy as np
import xarray as xr
from jaxtyping import Array

from sim.learners.autoencoder.chain import chain_state, learn_chain
from sim.learners.autoencoder.realisation import realise
from sim.replicas import replicated
from theory.denoiser import Overlaps, Training, initial_overlaps, steps_for
from theory.structured import StructuredMixture

__all__ = ["QUICK_TO_COMPILE", "overlap_record", "run_chains"]

LANES = 16  # seeds that one device runs side by side
# A chain's step is many small operations: LLVM takes twice as long over them at full
# optimisation (3.7 s against 1.8 s), and the program is no faster for it.
QUICK_TO_COMPILE = {"xla_backend_optimization_level": 1}


def run_chains(
    data: StructuredMixture,
    training: Training,
    coefficients: Array,
    dim: int,
    tau: float,
    records: int,
    keys: Array,
    levels: Array | None = None,
    spread: float = 0.0,
) -> Overlaps:
    """Histories at `records` equally spaced times after the start, (keys, records + 1).

    The keys run `LANES` at a time on each device. Where `levels` are given, (keys,), each
    trains at a noise level of its own of the linear path. `spread` is that of
    `initial_overlaps`.
    """
    every = max(1, round(steps_for(tau, float(training.rate), dim) / records))
    realised = realise(data, dim)
    start = chain_state(realised, initial_overlaps(data, coefficients, spread))
    lanes = min(LANES, len(keys))
    blocks = -(-len(keys) // lanes)
    padded = [
        each[np.arange(blocks * lanes) % len(keys)].reshape(blocks, lanes)
        for each in (keys, *(() if levels is None else (levels,)))
    ]

    def one(key: Array, *level: Array) -> Overlaps:
        own = _at_level(training, *level) if level else training
        return learn_chain(key, own, realised, start, records * every, every)

    def block(*own: Array) -> Overlaps:
        return jax.vmap(one)(*own)

    history = replicated(block, compiler_options=QUICK_TO_COMPILE)(*padded)
    flat = jax.tree.map(lambda a: a.reshape(-1, *a.shape[2:])[: len(keys)], history)
    return jax.block_until_ready(flat)


def _at_level(training: Training, t: Array) -> Training:
    """The training, at noise level t of the linear path."""
    return replace(training, alpha=1.0 - t[None], beta=t[None])


def overlap_record(
    history: Overlaps, *dims: str, units: int | None = None
) -> xr.Dataset:
    """M, Q and the one skip over leading dimensions, padded by NaN to `units`."""
    missing = (units or history.Q.shape[-1]) - history.Q.shape[-1]

    def padded(a: Array, axes: int) -> np.ndarray:
        widths = [(0, 0)] * (a.ndim - axes) + [(0, missing)] * axes
        return np.pad(np.asarray(a), widths, constant_values=np.nan)

    return xr.Dataset(
        {
            "M": ((*dims, "direction", "unit"), padded(history.M, 1)),
            "Q": ((*dims, "unit", "other"), padded(history.Q, 2)),
            "b": (dims, np.asarray(history.b[..., 0])),
        }
    )
