r"""Gaussian kernel density estimate on the line, from counts at the nodes of a grid.

.. math:: \hat p(x) = \frac1N\sum_i N(x;\ x_i,\ h^2)

with data rounded to the nodes: that adds a variance of at most :math:`\Delta x^2/12` to the
real law alone, and costs a fraction of N kernels.
"""

from dataclasses import dataclass, field

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from sim.grid import Grid, GridLaw, smoothed
from sim.learners.density.estimate import ClosedForm, DensityEstimate
from theory.processes import OU
from theory.validation import require, require_positive

__all__ = ["GridKernel"]


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class GridKernel(ClosedForm):
    """Kernel density from counts (`sim.composition.Counts`) on a 1-D grid."""

    grid: Grid = field(metadata={"static": True})
    bandwidth: Float[Array, ""] | float
    """h > 0, a standard deviation"""
    scaled: bool = field(default=False, metadata={"static": True})
    """whether h is in units of the data's own standard deviation, divisor N - 1"""

    def __post_init__(self) -> None:
        """Refuse impossible settings."""
        require_positive("bandwidth", self.bandwidth)
        require(self.grid.dim == 1, "grid.dim", "1", self.grid.dim)

    def init(
        self, key: Array, data: Float[Array, " p"], law: object, process: OU
    ) -> DensityEstimate:
        """The estimate, tabulated."""
        N = jnp.sum(data)
        h, x = self.bandwidth, self.grid.axis
        if self.scaled:
            mean = data @ x / N
            h = h * jnp.sqrt(data @ (x - mean) ** 2 / (N - 1.0))
        density = smoothed(data / (N * self.grid.step), self.grid, h)
        return DensityEstimate(GridLaw(self.grid, density))
