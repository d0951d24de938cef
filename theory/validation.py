"""Refusing bad input at the boundary: one line with name, allowed range and value."""

import math
from typing import Any

import numpy as np

__all__ = [
    "InputError",
    "require",
    "require_count",
    "require_finite",
    "require_in",
    "require_positive",
]


class InputError(ValueError):
    """A value the caller can mend. The command line prints its text and exits 2."""


def require(ok: bool, name: str, allowed: str, value: Any) -> None:
    """Raise `InputError` "NAME must be ALLOWED, got VALUE." unless `ok`."""
    if not ok:
        raise InputError(f"{name} must be {allowed}, got {_short(value)}.")


def require_count(name: str, value: Any) -> None:
    """Refuse what is not an integer >= 1."""
    whole = isinstance(value, int) and value >= 1
    require(whole, name, "an integer >= 1", value)


def require_finite(name: str, value: Any) -> None:
    """Refuse NaN and infinity anywhere in `value` (tracers pass: they have no value yet)."""
    if _is_concrete(value):
        a = _numbers(name, value)
        bad = ~np.isfinite(a)
        if bad.any():
            where = (
                ""
                if a.ndim == 0
                else f" at index {tuple(map(int, np.argwhere(bad)[0]))}"
            )
            raise InputError(f"{name} must be finite, got {a[bad].flat[0]}{where}.")


def require_in(name: str, value: Any, low: float, high: float) -> None:
    """Refuse values outside the closed interval [low, high], and NaN."""
    if _is_concrete(value):
        a = _numbers(name, value)
        _require_each((a >= low) & (a <= high), name, f"in [{low:g}, {high:g}]", a)


def require_positive(name: str, value: Any) -> None:
    """Refuse values that are not finite and > 0."""
    if _is_concrete(value):
        a = _numbers(name, value)
        _require_each(np.isfinite(a) & (a > 0), name, "positive and finite", a)


def _require_each(ok: np.ndarray, name: str, allowed: str, values: np.ndarray) -> None:
    """Refuse the first entry that is not `ok`, by its value and place."""
    if not ok.all():
        place = tuple(map(int, np.argwhere(~ok)[0]))
        where = f" at index {place if len(place) > 1 else place[0]}" if place else ""
        raise InputError(f"{name} must be {allowed}, got {values[place]:g}{where}.")


def _numbers(name: str, value: Any) -> np.ndarray:
    try:
        return np.asarray(value, dtype=float)
    except (TypeError, ValueError):  # text, ragged rows
        raise InputError(f"{name} must be numeric, got {_short(value)}.") from None


def _is_concrete(value: Any) -> bool:
    return not any(hasattr(leaf, "_trace") for leaf in _leaves(value))


def _leaves(value: Any) -> list:
    return list(value) if isinstance(value, (list, tuple)) else [value]


def _short(value: Any) -> str:
    if isinstance(value, float) and math.isfinite(value):
        return f"{value:g}"
    text = " ".join(repr(value).split())
    return text if len(text) <= 120 else text[:117] + "..."
