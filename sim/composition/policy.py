"""What the loop asks of a composition policy.

A policy decides which data a generation is trained on and knows the law of that data. Pure,
jit- and vmap-able, written for one replica; the loop calls, for one generation,

    data, memory = policy.compose(keys, at, real, state)
    q = policy.law(at, real, state)
    memory = policy.after(at, memory, state, generated law)
"""

from collections.abc import Callable, Mapping
from typing import Any, ClassVar, NamedTuple, Protocol

from jaxtyping import Array, Float

__all__ = ["At", "Composition", "Real", "State"]

At = Mapping[str, Array]
"""Parameters of one replica at one generation, by name."""


class Real(NamedTuple):
    """The data law p at the level at which the loop compares laws."""

    law: Any
    """p, or None where it is known by samples only"""
    sample: Callable[[Array], Float[Array, "n d"]]
    """n new samples from a key"""
    n: int


class State(NamedTuple):
    """What one generation hands to the next."""

    samples: Float[Array, "n d"]
    """of the latest model"""
    law: Any
    """of the latest model, or None where it is known by samples only"""
    memory: Any = None
    """what the policy keeps besides"""
    twin: Any = None
    """points drawn like those of `samples`, on which no model trains"""


class Composition(Protocol):
    """A composition policy."""

    knows_law: ClassVar[bool]
    """whether `law` gives q_i wherever p and the models' laws are known"""

    def parameters(self, replicas: int, generations: int) -> Mapping[str, Any]:
        """Parameters that the policy sets itself, (replicas, generations)."""
        ...

    def start(self, keys, at: At, real: Real, samples: Array, law: Any) -> Any:
        """Memory before the first generation; `samples` are real, `law` is p."""
        ...

    def first(self, keys, at: At, real: Real, samples: Array) -> Any:
        """Data of the form that `compose` makes: what a learner is built on."""
        ...

    def compose(self, keys, at: At, real: Real, state: State) -> tuple[Any, Any]:
        """Training data, and the memory with what was drawn.

        `keys` are two: for new real data, and for everything else.
        """
        ...

    def law(self, at: At, real: Real, state: State) -> Any:
        """The law q_i of that data; None where a part is known by samples only."""
        ...

    def after(self, at: At, memory: Any, state: State, law: Any) -> Any:
        """Memory for the next generation; `law` is what this one generates."""
        ...
