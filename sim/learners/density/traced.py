"""Gaussian kernel density of points that remember their lines."""

from dataclasses import dataclass

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from sim.composition.traced import TracedDensity, TracedPoints
from sim.learners.density.estimate import ClosedForm, DensityEstimate
from theory.mixtures import kernel_density
from theory.processes import OU
from theory.validation import require_positive

__all__ = ["TracedKernel"]


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class TracedKernel(ClosedForm):
    """Kernel density from `sim.composition.TracedPoints`; the law is exact, no grid."""

    bandwidth: Float[Array, ""] | float
    """h > 0, a standard deviation"""

    def __post_init__(self) -> None:
        """Refuse impossible settings."""
        require_positive("bandwidth", self.bandwidth)

    def init(
        self, key: Array, data: TracedPoints, law: object, process: OU
    ) -> DensityEstimate:
        """The density, each centre with its line."""
        plain = kernel_density(data.points, jnp.asarray(self.bandwidth, jnp.float64))
        density = TracedDensity(
            plain.centres, plain.log_weights, plain.variance, plain.block, data.line
        )
        return DensityEstimate(density)
