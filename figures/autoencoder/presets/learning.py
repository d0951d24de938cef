"""Figures about learning: settings, claims, presets."""

from dataclasses import dataclass
from typing import Any

from figures.autoencoder.presets.common import PAPER, Common, claim, presets
from figures.catalogue import Figure
from theory.claims import Outcome
from theory.validation import require

__all__ = ["CLAIMS", "FIGURES", "FiniteSize", "Widths"]

_MODULE = "figures.autoencoder"


@dataclass(frozen=True)
class FiniteSize(Common):
    """Settings of ae8."""

    seeds: int = 1_000
    """independent runs in each dimension"""
    dims: tuple[int, ...] = (250, 500, 1_000)
    """dimensions, two or more, increasing"""
    large_dim: int = 200_000
    """dimension of one more run; its claim is judged from 200 000 on"""
    tau: float = 4.0
    """final training time 2 eta n / d"""
    records: int = 16
    """times at which overlaps are compared"""

    def _check(self, name: str, value: Any) -> None:
        super()._check(name, value)
        if name == "dims":
            increasing = all(a < b for a, b in zip(value, value[1:], strict=False))
            ok = len(value) >= 2 and increasing and value[0] >= 20
            require(ok, name, "two or more increasing dimensions >= 20", value)


@dataclass(frozen=True)
class Widths(Common):
    """Settings of ae9."""

    seeds: int = 4
    """independent runs; asking for more extends a stored run"""
    dim: int = 1_000
    """dimension d"""
    widths: tuple[int, ...] = (1, 2, 4)
    """numbers of tanh units r, each in [1, 4]"""
    tau: float = 4.0
    """final training time 2 eta n / d"""
    records: int = 20
    """times at which overlaps are recorded"""

    def _check(self, name: str, value: Any) -> None:
        super()._check(name, value)
        if name == "widths":
            require(all(1 <= r <= 4 for r in value), name, "in [1, 4]", value)


CLAIMS = (
    claim(
        "ae-run-slope",
        "derived here",
        "A single run deviates from the theory like d^(-1/2)",
    ),
    claim(
        "ae-mean-slope",
        "derived here",
        "The mean over seeds deviates from the theory like 1/d",
    ),
    claim(
        "ae-run-slope-one",
        "falsification control",
        "A single run deviates like 1/d (false by design)",
        expected=(Outcome.VIOLATED,),
    ),
    claim(
        "ae-large-d",
        "derived here",
        "At d = 200 000 one run stays within 0.02 of the theory's M and Q",
        expected=(Outcome.HOLDS,),
    ),
    claim(
        "ae-width",
        "derived here",
        "For every width and activation the mean over seeds of M and Q is the theory's, up "
        "to O(1/d)",
    ),
    claim(
        "ae-other-activation",
        "falsification control",
        "A ReLU network learns what the theory says of tanh (false by design)",
        expected=(Outcome.VIOLATED,),
    ),
)

FIGURES = (
    Figure(
        id="ae8",
        paper=PAPER,
        title="Distance from the theory in finite dimension",
        shows="deviation of single runs and of their mean against d, with slopes -1/2 and -1",
        module=f"{_MODULE}.finite_size",
        presets=presets(
            FiniteSize(seeds=64, dims=(40, 80, 160), large_dim=2_000, records=8),
            FiniteSize(),
            FiniteSize(seeds=8_000, dims=(250, 500, 1_000, 2_000, 4_000)),
        ),
        claims=("ae-run-slope", "ae-mean-slope", "ae-run-slope-one", "ae-large-d"),
        seconds={"smoke": 10, "quick": 45},
    ),
    Figure(
        id="ae9",
        paper=PAPER,
        title="Learning curves for several widths and activations",
        shows="excess risk against training time: theory, and the risk of simulated networks",
        module=f"{_MODULE}.widths",
        presets=presets(
            Widths(seeds=2, dim=100, widths=(1,), records=5),
            Widths(),
            Widths(seeds=20, dim=20_000, widths=(1, 2, 3, 4), records=40),
        ),
        claims=("ae-width", "ae-other-activation"),
        formulas=("autoencoder.skip",),
        seconds={"smoke": 10, "quick": 30},
    ),
)
