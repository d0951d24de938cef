"""What a statement about a loop is worth."""

from enum import StrEnum

__all__ = ["Kind"]


class Kind(StrEnum):
    """How much a bound or a prediction promises."""

    GUARANTEE = "guarantee"
    """A bound that holds wherever its hypotheses do, every constant known."""
    EXACT = "exact prediction"
    """The value itself, mean over runs where it is random; approximations are stated."""
    RATE = "rate"
    """Right up to a constant, or to leading order: the constant is assumed."""
    EXTRAPOLATION = "extrapolation"
    """What was measured, continued: no theory says that it goes on so."""
