r"""Retraining on generated data, generation after generation.

Generation g learns from :math:`p\,p_{data} + (1-p)\,\hat p^g` with :math:`\hat p^0` the
data themselves; its samples are drawn while it learns and never kept. Each generation
starts anew from given weights (``start="refs"``) or from the weights before it
(``"warm"``), its skip at 0 or carried.
"""

from dataclasses import dataclass, field
from typing import NamedTuple

import jax
import jax.numpy as jnp
import jax.random as jr
from jaxtyping import Array, Float

from sim.learners.autoencoder.generation import Generated, generated
from sim.learners.autoencoder.network import Weights
from sim.learners.autoencoder.online import (
    Source,
    learn_online,
    require_steps,
    require_weights,
)
from sim.learners.autoencoder.realisation import Realised
from theory.denoiser import Overlaps, Training
from theory.processes import EulerGrid
from theory.validation import require, require_in

__all__ = [
    "Blended",
    "GenerationRecord",
    "Retraining",
    "retrain",
    "retraining",
    "train_generation",
]


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class Blended:
    """The first source with probability `share`, else the second."""

    share: Float[Array, ""]
    first: Source
    second: Source

    def draw(self, key: Array, n: int) -> Float[Array, "n d"]:
        """`n` independent float32 samples."""
        key_which, key_first, key_second = jr.split(key, 3)
        is_first = jr.uniform(key_which, (n, 1), jnp.float32) < self.share
        first, second = self.first.draw(key_first, n), self.second.draw(key_second, n)
        return jnp.where(is_first, first, second)


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class Retraining:
    """One retraining, up to its randomness; build with `retraining`."""

    training: Training
    data: Realised
    grid: EulerGrid
    initial: Weights
    """where generation 0 starts, and with ``start="refs"`` every other one"""
    real_share: Float[Array, ""] | None = None
    """p in [0, 1], from generation 1 on; None for 0"""
    steps: int = field(default=1000, metadata={"static": True})
    record_every: int = field(default=1000, metadata={"static": True})
    start: str = field(default="refs", metadata={"static": True})
    carry_skip: bool = field(default=False, metadata={"static": True})
    """whether a warm start keeps b; else it is the initial one's"""
    keep: int = field(default=0, metadata={"static": True})
    """generated samples projected per generation"""


class GenerationRecord(NamedTuple):
    """What is kept of one generation."""

    overlaps: Overlaps
    """along training, the start included; with the data's tracked directions"""
    bulk_variance: Float[Array, ""]
    """of its samples, orthogonally to W"""
    projections: Float[Array, "keep j"]
    """of its samples on the tracked directions"""
    finite: Array
    """False where training or sampling diverged"""


def retraining(
    training: Training,
    data: Realised,
    grid: EulerGrid,
    initial: Weights,
    real_share: float = 0.0,
    **more,
) -> Retraining:
    """Validated `Retraining`; `more` are its remaining fields.

    Raises:
        InputError: on a share outside [0, 1], bad counts, weights that are not finite or
            do not fit the data, an unknown start, or a skip per level.
    """
    require_in("real_share", real_share, 0.0, 1.0)
    p = jnp.asarray(real_share, jnp.float32) if real_share else None
    setting = Retraining(training, data, grid, initial, p, **more)
    ok = setting.start in ("refs", "warm")
    require(ok, "start", "'refs' or 'warm'", setting.start)
    require(setting.keep >= 0, "keep", ">= 0", setting.keep)
    require_steps(setting.steps, setting.record_every)
    require_weights(initial, data)
    generated(initial, grid, training.activation)
    return setting


def train_generation(
    key: Array, setting: Retraining, previous: Weights | None
) -> tuple[Weights, GenerationRecord]:
    """One generation: learn from the data (`previous` None) or from what they generate.

    Pure, jit- and vmap-able. Returns the weights learnt and the record.
    """
    key_learn, key_sample = jr.split(key)
    data, weights = setting.data, setting.initial
    source: Source = data
    if previous is not None:
        synthetic = _generated(setting, previous)
        p = setting.real_share
        source = synthetic if p is None else Blended(p, data, synthetic)
        if setting.start == "warm":
            b = previous.b if setting.carry_skip else setting.initial.b
            weights = Weights(previous.W, b)
    weights, history = learn_online(
        key_learn, setting.training, source, data, weights, setting.steps,
        setting.record_every,
    )  # fmt: skip
    after = _generated(setting, weights)
    projections = data.project(after.draw(key_sample, setting.keep))
    finite = jnp.all(jnp.isfinite(weights.W)) & jnp.all(jnp.isfinite(projections))
    return weights, GenerationRecord(history, after.bulk_variance, projections, finite)


def _generated(setting: Retraining, weights: Weights) -> Generated:
    return generated(weights, setting.grid, setting.training.activation)


_one_generation = jax.jit(train_generation)


def retrain(key: Array, setting: Retraining, generations: int) -> GenerationRecord:
    """Records of all generations, stacked along a leading axis."""
    require(generations >= 1, "generations", ">= 1", generations)
    weights, records = None, []
    for g in range(generations):
        weights, record = _one_generation(jr.fold_in(key, g), setting, weights)
        records.append(record)
    return jax.tree.map(lambda *of_each: jnp.stack(of_each), *records)
