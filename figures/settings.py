"""What the settings of every figure share; imports nothing heavy."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from typing import Any

from theory.claims import Claim, Outcome
from theory.validation import require, require_in, require_positive

__all__ = ["Settings", "claiming", "presets"]


@dataclass(frozen=True)
class Settings:
    """Base of a figure's settings; each field has the string under it for its help."""

    seeds: int = 3
    """independent runs; asking for more extends a stored run"""
    seed: int = 0
    """key from which all randomness of the run follows"""

    def __post_init__(self) -> None:
        """Refuse impossible settings before anything is written."""
        for f in fields(self):
            self._check(f.name, getattr(self, f.name))

    def _check(self, name: str, value: Any) -> None:
        """Counts >= 1; sizes positive, at least one; the key >= 0. Extend it by name."""
        if isinstance(value, str):
            return
        if name == "seed":
            require_in(name, value, 0.0, float("inf"))
        elif isinstance(value, int):
            require(value >= 1, name, ">= 1", value)
        else:
            require(value != (), name, "at least one value", value)
            require_positive(name, value)


def presets(smoke: Any, quick: Any, paper: Any, **more: Any) -> Mapping[str, Any]:
    """The three presets by name, and those that some figures have besides."""
    return {"smoke": smoke, "quick": quick, "paper": paper, **more}


def claiming(paper: str, module: str) -> Callable[..., Claim]:
    """A section's way to make claims, derived here unless they say otherwise.

    Args:
        paper: its id.
        module: of `theory`, whose statements the formulas are.

    Returns:
        ``claim(id, reference, statement, hypotheses=(), expected=(HOLDS,), formula=None,
        provenance="derived")``.
    """

    def claim(
        id: str,
        reference: str,
        statement: str,
        hypotheses: tuple[str, ...] = (),
        expected: tuple[Outcome, ...] = (Outcome.HOLDS,),
        formula: str | None = None,
        provenance: str = "derived",
    ) -> Claim:
        return Claim(
            id=id,
            paper=paper,
            reference=reference,
            provenance=provenance,
            statement=statement,
            hypotheses=hypotheses,
            expected=expected,
            formula=formula and f"{module}.{formula}",
        )

    return claim
