"""What every function of the package asks of its sizes."""

from jaxtyping import Array, Float

from theory.validation import require, require_in

__all__ = ["require_dim", "require_points", "require_whole"]

MOST = 1e9
"""Largest dimension or number of points that is taken for one."""


def require_dim(dim: Float[Array, "*n"] | float, least: float = 1.0) -> None:
    """Refuse dimensions outside [least, 1e9], and NaN."""
    require_in("dim", dim, least, MOST)


def require_points(points: Float[Array, "*n"] | float, least: float = 1.0) -> None:
    """Refuse numbers of points outside [least, 1e9], and NaN."""
    require_in("points", points, least, MOST)


def require_whole(name: str, value: int, least: int = 1) -> None:
    """Refuse one number that is not whole, or below `least`."""
    ok = value >= least and value % 1 == 0  # both False for NaN
    require(ok, name, f"a whole number >= {least}", value)
