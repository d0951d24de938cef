"""Settings and claims that the figures of self-consuming loops share."""

from dataclasses import dataclass
from typing import Any

from figures.catalogue import Paper
from figures.settings import Settings, claiming
from theory.claims import Outcome
from theory.validation import require_in

__all__ = ["CLAIMS", "PAPER", "PAPERS", "Common", "claim"]

PAPER = "fu2024"

PAPERS = (
    Paper(
        id=PAPER,
        title="Self-consuming loops",
        citation="Fu, Zhang, Wang, Tian, Tao, 2024",
        question=(
            "When each model trains on any mixture of real data and the data of past models, "
            "how far is its law from the real one in total variation, and does more synthetic "
            "data first hurt and then help? Of the paper the abstract alone could be read: "
            "what is quoted from it is said to be, all else is derived here, after Fu et al."
        ),
        url="https://arxiv.org/abs/2402.11778",
    ),
)


@dataclass(frozen=True)
class Common(Settings):
    """Fields of every figure."""

    half_width: float = 8.0
    """of the grid on which densities are carried; widened where the final law needs more"""

    def _check(self, name: str, value: Any) -> None:
        """Ratios of synthetic to real data may be 0."""
        if name == "lams":
            require_in(name, value, 0.0, float("inf"))
        else:
            super()._check(name, value)


claim = claiming(PAPER, "self_consuming")
"""A claim of this section, see `figures.settings.claiming`."""


CLAIMS = (
    claim(
        "sc-pathwise",
        "after Fu et al.",
        "In every run and generation TV is at most the sum of the measured one-step errors, "
        "weighted by A_s",
        formula="unrolled",
    ),
    claim(
        "sc-pathwise-control",
        "falsification control",
        "TV is at most 0.9 times that sum (false by design: it is attained by model 1)",
        expected=(Outcome.VIOLATED,),
    ),
    claim(
        "sc-prediction",
        "derived here",
        "The mean TV over runs is the prediction without free parameter, to 5 %",
        expected=(Outcome.HOLDS, Outcome.INCONCLUSIVE),
    ),
    claim(
        "sc-lower",
        "Jensen",
        "The mean TV over runs is at least the TV of the mean law",
        expected=(Outcome.HOLDS, Outcome.INCONCLUSIVE),
    ),
    claim(
        "sc-upper",
        "derived here",
        "The mean TV over runs is at most half the integral of sqrt(bias^2 + variance)",
        expected=(Outcome.HOLDS, Outcome.INCONCLUSIVE),
    ),
)
