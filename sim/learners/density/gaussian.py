r"""One Gaussian: maximum likelihood on the line, :math:`N(\bar x, S/N)`; in d dimensions."""

from dataclasses import dataclass, field

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from sim.composition import SummaryStatistics
from sim.learners.density.estimate import ClosedForm, DensityEstimate
from theory.mixtures import GaussianMixture
from theory.processes import OU

__all__ = ["GaussianFit", "GaussianMLE"]


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class GaussianMLE(ClosedForm):
    """One Gaussian from its sufficient statistics (`sim.composition.Summary`)."""

    unbiased: bool = field(default=False, metadata={"static": True})
    """divide the scatter by N - 1 instead of N"""

    def init(
        self, key: Array, data: SummaryStatistics, law: object, process: OU
    ) -> DensityEstimate:
        """The fitted Gaussian; needs two points."""
        divisor = data.count - 1.0 if self.unbiased else data.count
        variance = data.scatter / divisor
        one = jnp.ones((1,), jnp.float64)
        mean, covariance = data.mean[None, None], variance[None, None, None]
        return DensityEstimate(GaussianMixture(one, mean, covariance))


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class GaussianFit(ClosedForm):
    r"""One Gaussian in d dimensions from points: :math:`N(\bar x,\ S/(N-1))`, N > d."""

    unbiased: bool = field(default=True, metadata={"static": True})
    """divide the scatter by N - 1; by N, which is maximum likelihood, if not"""

    def init(
        self, key: Array, data: Float[Array, "n d"], law: object, process: OU
    ) -> DensityEstimate:
        """The fitted Gaussian, float64."""
        x = data.astype(jnp.float64)
        mean = jnp.mean(x, axis=0)
        gaps = x - mean[None]
        covariance = gaps.T @ gaps / (x.shape[0] - 1.0 * self.unbiased)
        one = jnp.ones((1,), jnp.float64)
        return DensityEstimate(GaussianMixture(one, mean[None], covariance[None]))
