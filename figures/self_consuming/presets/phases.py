"""The phase diagram in synthetic amount and models: settings, claims, presets."""

from dataclasses import dataclass
from typing import Any

from figures.catalogue import Figure
from figures.self_consuming.presets.common import PAPER, claim
from figures.self_consuming.presets.transition import Amounts
from figures.settings import presets
from theory.claims import Outcome
from theory.validation import require, require_in

__all__ = ["CLAIMS", "FIGURES", "Phases"]


@dataclass(frozen=True)
class Phases(Amounts):
    """Settings of sc8."""

    seeds: int = 600
    """independent runs of the kernel density; asking for more extends a stored run"""
    copies: int = 40
    """runs of the Gaussians for each seed"""
    n: int = 50
    """real points"""
    models: int = 8
    """models trained, >= 2"""
    lams: tuple[float, ...] = (
        0.0, 0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0,
    )  # fmt: skip
    """m/n of the kernel density, from 0 on, increasing; n times each is whole"""
    gaussian_lams: tuple[float, ...] = (
        0.0, 0.1, 0.2, 0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0,
    )  # fmt: skip
    """m/n of the Gaussians"""
    constant: float = 1.06
    """c of the bandwidths c N^(-1/5), N = n + m"""
    rate: float = 0.25
    """r of the bound, in (0, 1)"""
    resolution: int = 200
    """cells per axis of the theory map"""

    def __post_init__(self) -> None:
        """Refuse amounts that cannot be counted."""
        super().__post_init__()
        self._increasing("gaussian_lams", self.gaussian_lams)
        require(self.n >= 2, "n", ">= 2", self.n)
        require(self.resolution >= 2, "resolution", ">= 2", self.resolution)

    def _check(self, name: str, value: Any) -> None:
        if name == "gaussian_lams":
            require_in(name, value, 0.0, float("inf"))
        elif name == "rate":
            require(0.0 < value < 1.0, name, "in (0, 1)", value)
        else:
            super()._check(name, value)


MAYBE = (Outcome.HOLDS, Outcome.INCONCLUSIVE)

CLAIMS = (
    claim(
        "sc-phase-even",
        "derived here",
        "The excess second moment of a kernel density is back at its value without synthetic "
        "data at the amount at which f_1 at r = 2/5 is back at 1, to 0.1 decades, for every "
        "number of models",
        expected=MAYBE,
        formula="shape_v1",
    ),
    claim(
        "sc-phase-even-bound",
        "two different claims",
        "It is back where the bound at r = 1/4 is, to 0.1 decades (false: the break-even of a "
        "bound is not that of a model)",
        expected=(Outcome.VIOLATED,),
    ),
    claim(
        "sc-phase-contour",
        "derived here",
        "E mu^2 of a fitted Gaussian, over its value without synthetic data, has the contours "
        "of its exact recursion, to 0.1 decades of the amount",
        expected=MAYBE,
        formula="mirror",
    ),
    claim(
        "sc-phase-contour-shifted",
        "falsification control",
        "It has them at three times the amount, to 0.1 decades (false by design)",
        expected=(Outcome.VIOLATED,),
    ),
    claim(
        "sc-phase-sides",
        "derived here",
        "Cells a factor of 1.5 or more away from a boundary lie on their side of it: kernel "
        "densities are worse than without synthetic data before the break-even and better "
        "beyond, Gaussians always better with independent draws, always worse with reused "
        "real data",
        expected=MAYBE,
    ),
    claim(
        "sc-phase-bound-sides",
        "two different claims",
        "Gaussians with independent draws are worse than without synthetic data before the "
        "bound's break-even (false: the bound has a phase that they have not)",
        expected=(Outcome.VIOLATED,),
    ),
)

FIGURES = (
    Figure(
        id="sc8",
        paper=PAPER,
        title="Phase diagram: where synthetic data hurt, where they help",
        shows="error over its value without synthetic data, over synthetic amount and models: "
        "the bound, kernel densities and Gaussians, with phase boundaries and simulated "
        "contours",
        module="figures.self_consuming.phase_map",
        presets=presets(
            Phases(
                seeds=100,
                copies=50,
                models=3,
                lams=(0.0, 1.0, 4.0, 16.0, 64.0),
                gaussian_lams=(0.0, 0.1, 0.5, 2.0, 8.0, 64.0),
                resolution=24,
            ),
            Phases(),
            Phases(
                seeds=4_000,
                copies=50,
                models=20,
                lams=(
                    0.0, 0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0, 512.0,
                    1_024.0, 2_048.0,
                ),
                gaussian_lams=(
                    0.0, 0.1, 0.2, 0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0,
                ),
            ),
        ),
        claims=(
            "sc-phase-even",
            "sc-phase-even-bound",
            "sc-phase-contour",
            "sc-phase-contour-shifted",
            "sc-phase-sides",
            "sc-phase-bound-sides",
        ),
        formulas=(
            "self_consuming.shape_v1",
            "self_consuming.threshold_v1",
            "self_consuming.break_even",
            "self_consuming.mirror",
        ),
        seconds={"smoke": 15, "quick": 25},
    ),
)  # fmt: skip
