"""What a theory's number is worth: which comparison with a simulation it stands for."""

from enum import StrEnum

__all__ = ["Kind"]


class Kind(StrEnum):
    """Kind of a bound or prediction."""

    GUARANTEE = "guarantee"
    """An inequality without unknown constants: it may be loose, never crossed."""
    EXACT = "exact prediction"
    """A value, or its leading order, without a free parameter: it must be hit."""
    RATE = "rate"
    """A shape whose constant is not known: it can be compared, not judged."""
