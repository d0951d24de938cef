"""Settings and claims of the phase diagram of copying (gm14)."""

from dataclasses import dataclass

from figures.catalogue import Figure
from figures.memorization.presets.common import FAILS, PAPER, UNSURE, claim
from figures.settings import Settings, presets
from theory.claims import Claim
from theory.validation import require

__all__ = ["CLAIMS", "FIGURES", "CopyPhases"]


@dataclass(frozen=True)
class CopyPhases(Settings):
    """Settings of gm14."""

    seeds: int = 400
    """independent runs of every size; asking for more extends a stored run"""
    sizes: tuple[int, ...] = (8, 16, 32, 64, 128)
    """points N of the training sets, rising, each >= 4"""
    rounds: int = 100
    """rounds of copying"""
    resolution: int = 200
    """cells per axis of the theory map"""

    def __post_init__(self) -> None:
        """Refuse impossible settings before anything is written."""
        super().__post_init__()
        ok = min(self.sizes) >= 4 and list(self.sizes) == sorted(set(self.sizes))
        require(ok, "sizes", ">= 4, rising", self.sizes)
        require(self.rounds >= 2, "rounds", ">= 2", self.rounds)
        require(self.resolution >= 2, "resolution", ">= 2", self.resolution)


CLAIMS: tuple[Claim, ...] = (
    claim(
        "gm-phase-related",
        "derived here",
        "A tenth, half and nine tenths of all pairs share an ancestor after log(1 - F)/"
        "log(1 - 1/N) rounds of copying, half of them after N log 2: to 0.1 decades",
        expected=UNSURE,
        formula="shared_ancestor",
    ),
    claim(
        "gm-phase-lines",
        "derived here",
        "A quarter and a tenth of the lines are left after as many rounds as the coalescent "
        "in the time 2/s_t says, to 0.1 decades",
        expected=UNSURE,
        formula="survival_step",
    ),
    claim(
        "gm-phase-one-line",
        "derived here",
        "All points are copies of one original, with chance 1/2, from the round at which "
        "2/s_t is 1.74 N on, to 0.1 decades",
        expected=UNSURE,
    ),
    claim(
        "gm-phase-shifted",
        "falsification control",
        "Half of all pairs share an ancestor after 2 N rounds, to 0.1 decades (false by "
        "design: it is N log 2)",
        expected=FAILS,
    ),
    claim(
        "gm-phase-any-size",
        "falsification control",
        "The rounds after which they do are those of the smallest set, to 0.1 decades "
        "(false by design)",
        expected=FAILS,
    ),
)

FIGURES = (
    Figure(
        id="gm14",
        paper=PAPER,
        title="Phase diagram of copying",
        shows="Chance of a shared ancestor, lines of copies left, and the phases they make, over "
        "points and rounds: exact theory with simulated contours.",
        module="figures.memorization.phase_map",
        presets=presets(
            CopyPhases(seeds=200, sizes=(8, 16), rounds=40, resolution=24),
            CopyPhases(),
            CopyPhases(seeds=2_000, sizes=(8, 16, 32, 64, 128, 256, 512), rounds=1_000),
        ),
        claims=(
            "gm-phase-related",
            "gm-phase-lines",
            "gm-phase-one-line",
            "gm-phase-shifted",
            "gm-phase-any-size",
        ),
        formulas=("memorization.shared_ancestor", "memorization.survival_step"),
        seconds={"smoke": 12.0, "quick": 28.0},
    ),
)
