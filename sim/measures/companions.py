"""What the generalisation score is read beside: references, twins' losses, sources, rows."""

from dataclasses import dataclass
from typing import ClassVar

import jax.numpy as jnp
import jax.random as jr
from jaxtyping import Array

from sim.laws import Knowledge
from sim.learners.denoiser import denoising_loss
from sim.measures.generalisation import gs_l2
from sim.measures.neighbours import nearest
from sim.measures.scene import Scene
from theory.validation import require

__all__ = ["HeldOut", "NearestRows", "SourceShare", "TwinLoss"]


@dataclass(frozen=True)
class HeldOut:
    """How near held-out real points and the training set are: at D_1, what is ideal.

    `held_out_score` is what held-out points score against the training set, GS_ref;
    `data_to_held_out` the distance of the training points to held-out ones, which samples
    of a perfect model keep.
    """

    needs: ClassVar[Knowledge] = "samples"
    names: ClassVar[tuple[str, ...]] = ("held_out_score", "data_to_held_out")

    def __call__(self, key: Array, scene: Scene) -> dict[str, Array]:
        """Both with `_se`."""
        pairs = (scene.reference, scene.data), (scene.data, scene.reference)
        record = {}
        for name, (points, others) in zip(self.names, pairs, strict=True):
            value, error = gs_l2(nearest(points, others).distance[:, 0])
            record |= {name: value, f"{name}_se": error}
        return record


@dataclass(frozen=True)
class NearestRows:
    """The training points nearest to the first generated ones, for pictures."""

    keep: int
    """how many, >= 1"""
    needs: ClassVar[Knowledge] = "samples"
    names: ClassVar[tuple[str, ...]] = ("neighbour",)

    def __post_init__(self) -> None:
        """Refuse an empty record."""
        require(self.keep >= 1, "keep", ">= 1", self.keep)

    def __call__(self, key: Array, scene: Scene) -> dict[str, Array]:
        """`neighbour` (keep, d), one for each of the points that the loop keeps."""
        index = nearest(scene.samples[: self.keep], scene.data).index[:, 0]
        return {"neighbour": scene.data[index]}


@dataclass(frozen=True)
class SourceShare:
    """Share of each source in a training set that was selected from a pool."""

    sources: int
    """how many: the original points, and each model's samples"""
    needs: ClassVar[Knowledge] = "samples"
    names: ClassVar[tuple[str, ...]] = ("source_share",)

    def __call__(self, key: Array, scene: Scene) -> dict[str, Array]:
        """`source_share` (sources,): 0 the original points, k the samples of model k."""
        source = scene.memory.source  # `sim.composition.Pool`
        held = source[None, :] == jnp.arange(self.sources)[:, None]
        return {"source_share": jnp.mean(held.astype(jnp.float64), axis=1)}


@dataclass(frozen=True)
class TwinLoss:
    """The training loss on the training set and on its twin, with fresh noise."""

    draws: int = 8
    """noisy versions of each point"""
    needs: ClassVar[Knowledge] = "samples"
    names: ClassVar[tuple[str, ...]] = ("train_loss", "twin_loss")

    def __call__(self, key: Array, scene: Scene) -> dict[str, Array]:
        """`train_loss` and `twin_loss` with `_se`; nothing in a scene without a twin."""
        if scene.twin is None:
            return {}
        record = {}
        sets = {"train_loss": scene.data, "twin_loss": scene.twin}
        for k, (name, rows) in enumerate(sets.items()):
            value, error = denoising_loss(
                scene.fitted, jr.fold_in(key, k), rows, self.draws
            )
            record |= {name: value, f"{name}_se": error}
        return record
