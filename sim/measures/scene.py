"""What a measure sees of one generation, and the protocol it follows."""

from dataclasses import dataclass
from typing import Protocol

import jax
from jaxtyping import Array, Float

from sim.laws import Knowledge
from theory.processes import OU

__all__ = ["Measure", "Scene"]


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class Scene:
    """One generation of one replica, after sampling.

    Laws are None where they are known by samples only. All laws live at the level at which
    the recursion compares them (`sim.recursion.Recursion.convention`).
    """

    target: object  # p, the data law
    q: object  # q_i, what the generation was trained on
    after: object  # phat^{i+1}, what it generates
    fitted: object  # the learned score
    process: OU
    reference: Float[
        Array, "n d"
    ]  # fresh samples of p, independent of the training data
    data: Float[Array, "n d"]  # the training data, samples of q_i
    samples: Float[Array, "m d"]  # the generated data, samples of phat^{i+1}
    memory: object = None  # what the composition policy keeps
    twin: Float[Array, "t d"] | None = None  # drawn like the data, never trained on


class Measure(Protocol):
    """A plug-in quantity: pure, jit- and vmap-able, for one replica.

    Returns named arrays; an estimate comes with its standard error under the same name
    plus ``_se``. A measure that `needs` more than the laws of a run allow is not called:
    its `names` are recorded as not measurable.
    """

    needs: Knowledge
    names: tuple[str, ...]

    def __call__(self, key: Array, scene: Scene) -> dict[str, Array]:
        """Measure one generation."""
        ...
