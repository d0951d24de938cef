"""The phase diagram of learning: settings, claims, presets."""

from dataclasses import dataclass
from typing import Any

from figures.autoencoder.presets.common import PAPER, Common, claim
from figures.catalogue import Figure
from figures.settings import presets
from theory.claims import Claim, Outcome
from theory.validation import require

__all__ = ["CLAIMS", "FIGURES", "LearningPhases"]


@dataclass(frozen=True)
class LearningPhases(Common):
    """Settings of ae10; `t` is not used, every level is trained by itself."""

    seeds: int = 24
    """independent runs; asking for more extends a stored run"""
    levels: tuple[float, ...] = (
        0.2, 0.28, 0.36, 0.44, 0.52, 0.6, 0.68, 0.76, 0.84, 0.9, 0.95,
    )  # fmt: skip
    """noise levels that are simulated, in (0, 1), rising"""
    distance: float = 1.5
    """of the two modes from the centre, for variance 1"""
    warm: float = 0.05
    """part of the start along the modes, times the mean of one"""
    spread: float = 0.5
    """standard deviation of the random entries of the weights at the start"""
    until: float = 6.0
    """longest training time"""
    records: int = 60
    """training times at which overlaps are recorded"""
    dim: int = 1_000
    """dimension d"""
    resolution: int = 200
    """cells per axis of the theory map"""

    def __post_init__(self) -> None:
        """Refuse impossible settings before anything is written."""
        super().__post_init__()
        require(self.dim >= 20, "dim", ">= 20", self.dim)
        require(self.records >= 2, "records", ">= 2", self.records)
        require(self.resolution >= 2, "resolution", ">= 2", self.resolution)

    def _check(self, name: str, value: Any) -> None:
        if name == "levels":
            inside = all(0.0 < t < 1.0 for t in value)
            ok = inside and len(value) >= 1 and list(value) == sorted(set(value))
            require(ok, name, "in (0, 1), rising", value)
        else:
            super()._check(name, value)


FAILS = (Outcome.VIOLATED,)
CLAIMS: tuple[Claim, ...] = (
    claim(
        "ae-phase-aligned",
        "learning curve",
        "The unit comes to lie along the modes (squared cosine 1/2, mean over runs) after the "
        "predicted number of samples, to 0.05 decades, at every noise level",
    ),
    claim(
        "ae-phase-split",
        "bimodality index",
        "Two modes are generated (index 0, mean over runs) from the predicted number of samples "
        "on, and at high noise levels up to another: both to 0.05 decades",
    ),
    claim(
        "ae-phase-shifted",
        "falsification control",
        "The unit lies along the modes after half as many samples more, to 0.05 decades (false "
        "by design)",
        expected=FAILS,
    ),
    claim(
        "ae-phase-cells",
        "learning curve and bimodality index",
        "Cells that are not close to a boundary (squared cosine 0.15 from 1/2, 1 + I a factor "
        "of 2 from 1) are in the predicted phase",
    ),
    claim(
        "ae-phase-two-are-learnt",
        "falsification control",
        "Where two modes are generated, the unit lies along the modes of the data (false: there "
        "is a phase in which they are modes of noise)",
        expected=FAILS,
    ),
)

FIGURES: tuple[Figure, ...] = (
    Figure(
        id="ae10",
        paper=PAPER,
        title="Phase diagram of learning: aligned or not, one mode or two",
        shows="what a unit has learnt and what it generates, over samples and noise level: "
        "predicted phases with simulated contours",
        module="figures.autoencoder.phase_map",
        presets=presets(
            LearningPhases(
                seeds=6, levels=(0.3, 0.6, 0.9), records=20, dim=500, resolution=24
            ),
            LearningPhases(),
            LearningPhases(
                seeds=32,
                levels=tuple(round(0.15 + 0.04 * k, 2) for k in range(21)),
                records=240,
                dim=10_000,
            ),
        ),
        claims=(
            "ae-phase-aligned",
            "ae-phase-split",
            "ae-phase-shifted",
            "ae-phase-cells",
            "ae-phase-two-are-learnt",
        ),
        formulas=("autoencoder.splitting", "autoencoder.critical_time"),
        seconds={"smoke": 12, "quick": 18},
    ),
)
