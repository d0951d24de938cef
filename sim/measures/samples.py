"""Measures that need nothing but samples: moments and sliced Wasserstein distance."""

from dataclasses import dataclass
from typing import ClassVar

import jax
import jax.numpy as jnp
import jax.random as jr
from jaxtyping import Array, Float

from sim.laws import Knowledge
from sim.measures.estimate import Estimate, mean_estimate
from sim.measures.scene import Scene
from theory.validation import require

__all__ = ["Moments", "SlicedW2", "sliced_w2_squared"]


@dataclass(frozen=True)
class Moments:
    """Mean vector, per-coordinate variance and mean squared norm of the generated data."""

    needs: ClassVar[Knowledge] = "samples"
    names: ClassVar[tuple[str, ...]] = ("mean", "variance", "second_moment")

    def __call__(self, key: Array, scene: Scene) -> dict[str, Array]:
        """`mean` (d,), `variance` (d,), `second_moment` = E|x|^2, each with `_se`."""
        x = scene.samples.astype(jnp.float64)
        mean = mean_estimate(x)
        squared = mean_estimate((x - mean.value[None]) ** 2)
        norm = mean_estimate(jnp.sum(x**2, axis=-1))
        return {
            "mean": mean.value,
            "mean_se": mean.standard_error,
            "variance": squared.value * x.shape[0] / (x.shape[0] - 1),
            "variance_se": squared.standard_error,
            "second_moment": norm.value,
            "second_moment_se": norm.standard_error,
        }


@dataclass(frozen=True)
class SlicedW2:
    """Squared sliced W2 between the generated data and fresh samples of p, equal counts."""

    projections: int = 128
    """random directions"""
    needs: ClassVar[Knowledge] = "samples"
    names: ClassVar[tuple[str, ...]] = ("sliced_w2_squared",)

    def __call__(self, key: Array, scene: Scene) -> dict[str, Array]:
        """`sliced_w2_squared` with the standard error over directions."""
        value, se = sliced_w2_squared(
            key, scene.samples, scene.reference, self.projections
        )
        return {"sliced_w2_squared": value, "sliced_w2_squared_se": se}


def sliced_w2_squared(
    key: Array, x: Float[Array, "n d"], y: Float[Array, "n d"], projections: int
) -> Estimate:
    r"""Mean over random unit vectors u of :math:`W_2^2(u\cdot x,\ u\cdot y)`.

    It is positive even between two samples of one law: compare with such a pair. The
    standard error is over directions, for the two samples given.
    """
    require(x.shape == y.shape, "y", f"of the shape of x, {x.shape}", y.shape)
    u = jr.normal(key, (projections, x.shape[1]), x.dtype)
    u = u / jnp.linalg.norm(u, axis=1, keepdims=True)

    def along(direction):
        gap = jnp.sort(x @ direction) - jnp.sort(y @ direction)
        return jnp.mean(gap**2)

    return mean_estimate(jax.lax.map(along, u))
