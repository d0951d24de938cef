"""Figures about learning: settings, claims, presets."""

from dataclasses import dataclass
from typing import Any

from figures.autoencoder.presets.common import PAPER, Common, claim
from figures.autoencoder.presets.generation import Sampled
from figures.catalogue import Figure
from figures.settings import presets
from theory.claims import Outcome
from theory.validation import require

__all__ = ["CLAIMS", "FIGURES", "FiniteSize", "Trimodal", "Widths"]

_MODULE = "figures.autoencoder"


@dataclass(frozen=True)
class Trimodal(Sampled):
    """Settings of ae1."""

    dim: int = 2_000
    """dimension d"""
    tau: float = 4.0
    """final training time 2 eta n / d"""
    records: int = 40
    """times at which overlaps are recorded"""
    chains: int = 8
    """exact chains of overlaps beside each run, for the mean over runs"""

    def _check(self, name: str, value: Any) -> None:
        super()._check(name, value)
        if name == "chains":
            require(value >= 2, name, ">= 2", value)


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

    seeds: int = 300
    """independent runs; asking for more extends a stored run"""
    dim: int = 300
    """dimension d"""
    widths: tuple[int, ...] = (1, 2, 4)
    """numbers of tanh units r, each in [1, 4]; 2 is always among them"""
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
        "ae-one-run",
        "derived here (learning curve)",
        "Every single run stays within 2.5 times (3.9, 1.45)/sqrt(d) of the theory's M and Q "
        "at all training times",
        ("official setting, where these sizes were measured",),
        expected=(Outcome.HOLDS, Outcome.HYPOTHESES_NOT_MET),
    ),
    claim(
        "ae-mean-run",
        "derived here (learning curve)",
        "The mean over runs of M, Q and b is the theory's up to 2.5 times (8.5, 6, 2.03)/d",
        ("official setting, where these sizes were measured",),
        expected=(
            Outcome.HOLDS,
            Outcome.INCONCLUSIVE,
            Outcome.HYPOTHESES_NOT_MET,
        ),
    ),
    claim(
        "ae-mode-masses",
        "derived here (reduced law of samples)",
        "The generated modes have the masses of the theory, up to counting error and "
        "2.5 times 0.11/sqrt(d)",
        ("official setting, where these sizes were measured",),
        expected=(Outcome.HOLDS, Outcome.HYPOTHESES_NOT_MET),
    ),
    claim(
        "ae-gradient-flow",
        "falsification control",
        "Learning without the noise of single samples (rate -> 0) describes the mean over "
        "runs as well (false by design)",
        expected=(Outcome.VIOLATED,),
    ),
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
        hypotheses=("d >= 200 000",),
        expected=(Outcome.HOLDS, Outcome.HYPOTHESES_NOT_MET),
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
        id="ae1",
        paper=PAPER,
        title="The trimodal mixture: learned and generated",
        shows="overlaps along training on the theory's curves, and four generated modes where "
        "the data have three",
        module=f"{_MODULE}.trimodal",
        presets=presets(
            Trimodal(seeds=2, dim=1_000, records=10, samples=1_000, chains=64),
            Trimodal(),
            Trimodal(seeds=8, dim=10_000, samples=10_000, chains=256),
        ),
        claims=(
            "ae-one-run",
            "ae-mean-run",
            "ae-projection",
            "ae-projection-w1",
            "ae-bulk",
            "ae-mode-masses",
            "ae-gradient-flow",
        ),
        formulas=("autoencoder.skip",),
        seconds={"smoke": 13, "quick": 28},
    ),
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
            Widths(seeds=100, dim=50, widths=(2,), records=5),
            Widths(),
            Widths(seeds=4_000, dim=4_000, widths=(1, 2, 3, 4), records=40),
        ),
        claims=("ae-width", "ae-other-activation"),
        formulas=("autoencoder.skip",),
        seconds={"smoke": 10, "quick": 30},
    ),
)
