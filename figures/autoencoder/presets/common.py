"""Settings that the figures of the solvable autoencoder share."""

from dataclasses import dataclass
from typing import Any

from figures.catalogue import Paper
from figures.settings import Settings
from theory.claims import Claim, Outcome
from theory.validation import require, require_in

__all__ = ["PAPER", "PAPERS", "Common", "claim"]

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
class Common(Settings):
    """Fields of every figure; the defaults are the official notebook's."""

    seeds: int = 5
    """independent runs; asking for more extends a stored run"""
    t: float = 0.7
    """noise level that is trained on, in (0, 1); alpha = 1 - t, beta = t"""
    rate: float = 0.1
    """learning rate eta"""
    skip_ratio: float = 1.0
    """kappa, learning rate of the skip over that of the weights"""
    decay: float = 0.1
    """weight decay lambda, in units of 1/d"""

    def _check(self, name: str, value: Any) -> None:
        """A noise level inside (0, 1); decay and counts of what is kept may be 0."""
        if name == "t":
            require(0.0 < value < 1.0, name, "in (0, 1)", value)
        elif name in ("decay", "keep"):
            require_in(name, value, 0.0, float("inf"))
        else:
            super()._check(name, value)


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
