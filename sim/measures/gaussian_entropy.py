r"""Differential entropy of a generated law that is one Gaussian, exactly."""

from dataclasses import dataclass
from typing import ClassVar

import jax.numpy as jnp
from jaxtyping import Array

from sim.laws import Knowledge
from sim.measures.scene import Scene

__all__ = ["GaussianEntropy"]


@dataclass(frozen=True)
class GaussianEntropy:
    r""":math:`H = \tfrac d2\log(2\pi e)+\tfrac12\log\det\Sigma` of the generated law, nats."""

    needs: ClassVar[Knowledge] = "exact"
    names: ClassVar[tuple[str, ...]] = ("entropy",)

    def __call__(self, key: Array, scene: Scene) -> dict[str, Array]:
        """`entropy`."""
        covariance = scene.after.covariances[0]
        d = covariance.shape[-1]
        log_det = jnp.linalg.slogdet(covariance)[1]
        return {"entropy": 0.5 * (d * jnp.log(2.0 * jnp.pi * jnp.e) + log_det)}
