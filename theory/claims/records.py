"""What a claim, the evidence for it and a verdict on it consist of."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, fields
from enum import StrEnum
from typing import Any

import numpy as np

from theory.validation import InputError, require

__all__ = ["Claim", "Evidence", "Outcome", "Verdict"]

PROVENANCES = ("paper", "reproduction", "derived")
RELATIONS = ("<=", "==")


class Outcome(StrEnum):
    """What the evidence says about a claim."""

    HOLDS = "holds"
    """Every interval lies where the claim allows."""
    VIOLATED = "violated"
    """Some interval lies entirely where the claim does not allow, hypotheses met."""
    INCONCLUSIVE = "inconclusive"
    """Neither: some interval lies on both sides."""
    VACUOUS = "vacuous"
    """Not violated, but the statement says nothing in this setting."""
    HYPOTHESES_NOT_MET = "hypotheses not met"
    """The statement does not apply, whatever the slack."""
    NOT_MEASURABLE = "not measurable"
    """A quantity of the statement cannot be measured here."""


@dataclass(frozen=True)
class Claim:
    """A statement that can be set against a simulation."""

    id: str
    paper: str
    reference: str
    """Number of the statement in the paper."""
    provenance: str
    """"paper", "reproduction" or "derived"."""
    statement: str
    hypotheses: tuple[str, ...] = ()
    """Names of the hypotheses; evidence reports on each it can check."""
    expected: tuple[Outcome, ...] = (Outcome.HOLDS,)
    """Outcomes that surprise nobody; a theorem false as printed expects VIOLATED."""
    formula: str | None = None
    """Key of the symbolic statement to show with it."""

    def __post_init__(self) -> None:
        """Refuse unknown provenance and an empty expectation."""
        known = " or ".join(PROVENANCES)
        require(self.provenance in PROVENANCES, "provenance", known, self.provenance)
        require(
            len(self.expected) > 0, "expected", "at least one outcome", self.expected
        )


@dataclass(frozen=True, eq=False)
class Evidence:
    """Slacks of one claim in one setting; arrays of any shape, kept flat in float64."""

    claim: str
    """Id of the `Claim`."""
    setting: str
    relation: str
    """"<=" (slack >= 0) or "==" (slack = 0 within `margin`)."""
    slack: Any
    """Over (seed, generation, ...). NaN means that entry could not be measured."""
    standard_error: Any = 0.0
    """Of each slack; 0 means exact."""
    dof: Any = math.inf
    """Degrees of freedom of the standard error; inf uses the normal quantile."""
    resolution: Any = 0.0
    """Numerical accuracy of the slack, >= 0; not finite means unknown."""
    scale: Any = 1.0
    """What the slack is relative to, e.g. the bound; ranks intervals of unlike size."""
    margin: float = 0.0
    """For "==": differences up to this are called equal, >= 0."""
    hypotheses: tuple[tuple[str, bool, str], ...] = ()
    """(name, met, detail) of each hypothesis that was checked."""
    vacuous: str | None = None
    """Why the statement says nothing here, if so."""
    not_measurable: str | None = None
    """Why the slack cannot be measured here, if so."""
    seeds: int = 1
    n: int | None = None
    """Sample size, where there is one."""

    def __post_init__(self) -> None:
        """Flatten the arrays to one shape; refuse what has no meaning."""
        require(self.relation in RELATIONS, "relation", '"<=" or "=="', self.relation)
        require(self.seeds >= 0, "seeds", ">= 0", self.seeds)
        shape = np.shape(self.slack)
        for name in ("slack", "standard_error", "dof", "resolution", "scale", "margin"):
            values = np.asarray(getattr(self, name), dtype=np.float64)
            try:
                values = np.broadcast_to(values, shape).ravel()
            except ValueError:
                allowed = f"broadcastable to the slack's shape {shape}"
                raise InputError(
                    f"{name} must be {allowed}, got {values.shape}."
                ) from None
            if name in ("standard_error", "resolution", "margin"):
                require(not (values < 0).any(), name, ">= 0", values)
            if name == "margin":
                require(bool(np.isfinite(values).all()), name, "finite", values)
            object.__setattr__(self, name, values)

    @property
    def measured(self) -> np.ndarray:
        """Which entries have a number, as a mask."""
        if self.not_measurable is not None:
            return np.zeros(self.slack.shape, bool)
        unknown = np.isnan([self.slack, self.standard_error, self.dof]).any(axis=0)
        return ~unknown & np.isfinite(self.resolution)

    @property
    def sampled(self) -> int:
        """How many entries carry sampling error and so take a share of the level."""
        return int(np.sum(self.measured & (self.standard_error > 0)))


@dataclass(frozen=True)
class Verdict:
    """What was decided, by how much, and what could have been seen."""

    claim: str
    setting: str
    outcome: Outcome
    expected: tuple[Outcome, ...]
    as_expected: bool
    slack: float
    """Of the worst interval, relative to its scale; NaN if nothing was measured."""
    interval: tuple[float, float]
    """Simultaneous interval of that slack; both ends equal it when it is exact."""
    relative_slack: float
    """Slack over scale; NaN where the scale is 0."""
    detectable: float
    """Smallest violation found at even odds, where the run is most sensitive."""
    intervals: int
    """Intervals of the whole report that share the level."""
    confidence: float
    """Of all those intervals together, 1 - level."""
    seeds: int
    n: int | None
    reason: str

    def to_json(self) -> dict[str, Any]:
        """The fields as strict JSON values; inf and NaN become strings."""
        return {f.name: _plain(getattr(self, f.name)) for f in fields(self)}

    @classmethod
    def from_json(cls, record: Mapping[str, Any]) -> "Verdict":
        """Inverse of `to_json`."""
        names = {f.name for f in fields(cls)}
        require(set(record) == names, "verdict", f"a record of {sorted(names)}", record)
        values = dict(record)
        values["outcome"] = Outcome(values["outcome"])
        values["expected"] = tuple(Outcome(o) for o in values["expected"])
        values["interval"] = tuple(float(end) for end in values["interval"])
        for name in ("slack", "relative_slack", "detectable", "confidence"):
            values[name] = float(values[name])
        return cls(**values)


def _plain(value: Any) -> Any:
    if isinstance(value, float):
        return value if math.isfinite(value) else str(value)
    if isinstance(value, tuple):
        return [_plain(v) for v in value]
    return value.value if isinstance(value, Outcome) else value
