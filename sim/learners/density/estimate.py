"""What a density learner returns, and the part of its protocol that is always the same."""

from dataclasses import dataclass
from typing import Any, ClassVar

import jax
from jaxtyping import Array

from theory.processes import OU

__all__ = ["ClosedForm", "DensityEstimate"]


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class DensityEstimate:
    """A fitted law that generates exactly itself (see `sim.sampling.EndpointDraw`)."""

    law: Any

    def endpoint(self, process: OU) -> Any:
        """The law; no noising process is involved."""
        return self.law


class ClosedForm:
    """A learner that is done after `init`, which returns its `DensityEstimate`."""

    segments: ClassVar[int] = 0

    def advance(
        self, key: Array, state: DensityEstimate, data: Any, process: OU
    ) -> DensityEstimate:
        """Nothing to do."""
        return state

    def finish(self, state: DensityEstimate) -> DensityEstimate:
        """The estimate."""
        return state
