"""Moments of generated laws that know them."""

from dataclasses import dataclass
from typing import ClassVar

from jaxtyping import Array

from sim.laws import Knowledge
from sim.measures.scene import Scene

__all__ = ["Mean"]


@dataclass(frozen=True)
class Mean:
    """`law_mean` (d,), the mean of the generated law, from its closed form or its table."""

    needs: ClassVar[Knowledge] = "grid"
    names: ClassVar[tuple[str, ...]] = ("law_mean",)

    def __call__(self, key: Array, scene: Scene) -> dict[str, Array]:
        """`law_mean`."""
        return {"law_mean": scene.after.mean()}
