r"""Maximum likelihood of one Gaussian on the line: :math:`\hat p = N(\bar x, S/N)`."""

from dataclasses import dataclass, field

import jax
import jax.numpy as jnp
from jaxtyping import Array

from sim.composition import SummaryStatistics, summarised
from sim.learners.density.estimate import ClosedForm, DensityEstimate
from theory.mixtures import GaussianMixture
from theory.processes import OU

__all__ = ["GaussianMLE"]


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class GaussianMLE(ClosedForm):
    """One Gaussian from points on the line, or their statistics (`sim.composition`)."""

    unbiased: bool = field(default=False, metadata={"static": True})
    """divide the scatter by N - 1 instead of N"""

    def init(
        self, key: Array, data: SummaryStatistics | Array, law: object, process: OU
    ) -> DensityEstimate:
        """The fitted Gaussian; needs two points."""
        if not isinstance(data, SummaryStatistics):
            data = summarised(data)
        divisor = data.count - 1.0 if self.unbiased else data.count
        variance = data.scatter / divisor
        one = jnp.ones((1,), jnp.float64)
        mean, covariance = data.mean[None, None], variance[None, None, None]
        return DensityEstimate(GaussianMixture(one, mean, covariance))
