r"""Frequencies of K categories with pseudo-counts: :math:`(c_k+\kappa)/(N+K\kappa)`."""

from dataclasses import dataclass

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from sim.laws import FiniteLaw
from sim.learners.density.estimate import ClosedForm, DensityEstimate
from theory.processes import OU
from theory.validation import require_in

__all__ = ["Frequencies"]


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class Frequencies(ClosedForm):
    """Observed frequencies (`sim.composition.Counts`), drawn to the uniform law."""

    pseudo_count: Float[Array, ""] | float = 0.0
    r"""kappa >= 0 of each category; sqrt(N)/K is the minimax choice"""

    def __post_init__(self) -> None:
        """Refuse negative pseudo-counts."""
        require_in("pseudo_count", self.pseudo_count, 0.0, float("inf"))

    def init(
        self, key: Array, data: Float[Array, " k"], law: object, process: OU
    ) -> DensityEstimate:
        """The estimated probabilities."""
        raised = data + self.pseudo_count
        return DensityEstimate(FiniteLaw(raised / jnp.sum(raised)))
