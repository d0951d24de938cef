"""Settings that the figures of the solvable autoencoder share."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

from figures.catalogue import Paper
from theory.claims import Claim, Outcome
from theory.validation import require, require_in, require_positive

__all__ = ["PAPER", "PAPERS", "Common", "claim", "presets"]

PAPER = "cui2025"

PAPERS = (
    Paper(
        id=PAPER,
        title="A solvable model of learning generative diffusion",
        citation="Cui, Pehlevan, Lu, 2025",
        question=(
            "When a two-layer denoising autoencoder learns a high-dimensional mixture one "
            "sample at a time, what does it learn, what does it generate, and what is left of "
            "it when it is retrained on what it generated? The body of the paper could not be "
            "read: its setting is taken from its summary and the official code, the equations "
            "are derived here."
        ),
        url="https://arxiv.org/abs/2501.03937",
    ),
)


@dataclass(frozen=True)
class Common:
    """Fields of every figure; the defaults are the official notebook's."""

    seeds: int = 5
    """independent runs; asking for more extends a stored run"""
    seed: int = 0
    """key from which all randomness of the run follows"""
    t: float = 0.7
    """noise level that is trained on, in (0, 1); alpha = 1 - t, beta = t"""
    rate: float = 0.1
    """learning rate eta"""
    skip_ratio: float = 1.0
    """kappa, learning rate of the skip over that of the weights"""
    decay: float = 0.1
    """weight decay lambda, in units of 1/d"""

    def __post_init__(self) -> None:
        """Refuse impossible settings before anything is written."""
        for f in fields(self):
            self._check(f.name, getattr(self, f.name))

    def _check(self, name: str, value: Any) -> None:
        """Counts >= 1; sizes positive; key and decay >= 0; noise level inside (0, 1)."""
        if isinstance(value, str):
            return
        if name == "t":
            require(0.0 < value < 1.0, name, "in (0, 1)", value)
        elif name in ("seed", "decay", "keep"):
            require_in(name, value, 0.0, float("inf"))
        elif isinstance(value, int):
            require(value >= 1, name, ">= 1", value)
        else:
            require(value != (), name, "at least one value", value)
            require_positive(name, value)


def presets(smoke: Any, quick: Any, paper: Any) -> Mapping[str, Any]:
    """The three presets by name."""
    return {"smoke": smoke, "quick": quick, "paper": paper}


def claim(
    id: str,
    reference: str,
    statement: str,
    hypotheses: tuple[str, ...] = (),
    expected: tuple[Outcome, ...] = (Outcome.HOLDS, Outcome.INCONCLUSIVE),
    formula: str | None = None,
) -> Claim:
    """A claim of this section; all are derived, the paper's body could not be read."""
    return Claim(
        id=id,
        paper=PAPER,
        reference=reference,
        provenance="derived",
        statement=statement,
        hypotheses=hypotheses,
        expected=expected,
        formula=formula and f"autoencoder.{formula}",
    )
