"""What an audit finds, as plain records: measures, fits, bounds, predictions."""

import dataclasses
import math
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import numpy as np
from jaxtyping import Float

from figures.audit.noisy_line import Interval
from theory.claims import Kind

__all__ = ["Bound", "Fit", "Prediction", "Series", "Standing", "plain"]


@dataclass(frozen=True)
class Series:
    """One measure: of real points first, the floor, then of generations 1, ..., G."""

    name: str
    label: str
    """as a heading"""
    says: str
    """what it is, compared with what"""
    value: Float[np.ndarray, " g_plus_1"]
    """NaN where it does not apply"""
    error: Float[np.ndarray, " g_plus_1"]
    """standard errors; NaN where there is none"""
    missing: str = ""
    """why nothing could be measured, if so"""


@dataclass(frozen=True)
class Fit:
    """One thing that theory leaves free, with its interval at 95 %."""

    name: str
    says: str
    value: float
    low: float
    high: float
    assumes: str = ""
    against: str = ""
    """what it is to be compared with"""
    missing: str = ""
    """why it is not measurable, if so"""

    @classmethod
    def of(cls, name: str, says: str, interval: Interval, **more: str) -> "Fit":
        """From an interval of one number."""
        return cls(name, says, *(float(np.squeeze(x)) for x in interval), **more)

    @classmethod
    def none(cls, name: str, says: str, missing: str) -> "Fit":
        """Not measurable, and why."""
        return cls(name, says, math.nan, math.nan, math.nan, missing=missing)


class Standing(StrEnum):
    """Where a bound or law stands on samples."""

    APPLIES = "applies"
    NOT_MET = "hypotheses not met"
    NOT_MEASURABLE = "not measurable"


@dataclass(frozen=True)
class Bound:
    """A statement of the theories, and whether samples can say anything on it."""

    name: str
    says: str
    provenance: str
    kind: Kind
    standing: Standing
    found: str
    """what was found; or why it does not apply, or cannot be measured"""


@dataclass(frozen=True)
class Prediction:
    """What a law says of the next generations, and what it said of the last ones."""

    quantity: str
    """name of the `Series`"""
    law: str
    kind: Kind
    assumes: str
    generation: tuple[int, ...]
    value: Float[np.ndarray, " ahead"]
    low: Float[np.ndarray, " ahead"]
    high: Float[np.ndarray, " ahead"]
    held_back: tuple[int, ...] = ()
    """last generations that were predicted from those before"""
    past: Interval | None = None
    """what was predicted for them"""
    inside: tuple[bool, ...] = ()
    """whether their measured values lie in it"""
    missing: str = ""
    """why there is none, if so"""

    @property
    def failed(self) -> bool:
        """Whether the law fails on held-back generations: fewer than half lie inside."""
        return bool(self.inside) and sum(self.inside) * 2 < len(self.inside)

    @property
    def check(self) -> str:
        """The same in words."""
        if not self.inside:
            return "not checked"
        count = f"{sum(self.inside)} of {len(self.inside)} inside"
        return f"FAILS: {count}" if self.failed else count


def plain(value: Any) -> Any:
    """Records, arrays and mappings as JSON: null for NaN, text for an infinity."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        fields = {f.name: getattr(value, f.name) for f in dataclasses.fields(value)}
        return plain(fields)
    if isinstance(value, dict):
        return {str(name): plain(item) for name, item in value.items()}
    if hasattr(value, "_asdict"):
        return plain(value._asdict())
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    if hasattr(value, "tolist"):
        return plain(np.asarray(value).tolist())
    if isinstance(value, float) and not math.isfinite(value):
        return None if math.isnan(value) else str(value)
    return value if isinstance(value, (int, float, str, type(None))) else str(value)
