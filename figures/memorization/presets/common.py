"""Settings and claims that the figures of generalisation and memorisation share."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from figures.catalogue import Paper
from figures.settings import Settings, claiming
from theory.claims import Outcome
from theory.validation import require

__all__ = [
    "SEGMENTS",
    "FAILS",
    "FAITHFUL",
    "IF_MET",
    "NO_WORSE",
    "PAPER",
    "PAPERS",
    "UNSURE",
    "BySize",
    "Learning",
    "claim",
]

PAPER = "shi2025"

PAPERS = (
    Paper(
        id=PAPER,
        title="From generalisation to memorisation",
        citation="Shi, Wu, Zhang, Zhang, Tao, Qu, 2025",
        question=(
            "When each diffusion model trains on the samples of its predecessor, at a constant "
            "size of the training set, does it come to copy that set, does the set's entropy "
            "say so, and does selecting the training points help? The paper's text could not "
            "be read: its claims are taken from its abstract, its figures and its code."
        ),
        url="https://arxiv.org/abs/2509.16499",
    ),
)

SEGMENTS = 10  # of a model's training: how often progress ticks

FAILS = (Outcome.VIOLATED,)
UNSURE = (Outcome.HOLDS, Outcome.INCONCLUSIVE)
IF_MET = (*UNSURE, Outcome.HYPOTHESES_NOT_MET)

NO_WORSE = "GS of model 1 <= GS of held-out real points: it is no bad sampler"
FAITHFUL = "samples of model 1 lie at most 15 % farther from held-out points than training data"


@dataclass(frozen=True)
class Learning(Settings):
    """What is learned, and how: the same in every generation, whatever the data's size."""

    data: str = "digits"
    """'digits' (scikit-learn's, in the wheel), 'mixture' (eight Gaussians in 8-D), 'sphere',
    'torus', 'ring', 'swiss-roll', 'linear', 'hidden' (tanh of a linear manifold); or the path of
    images (IDX, .gz, .npz, .npy)"""
    sha256: str = ""
    """checksum that the file of images must have; empty: any, the caption shows it"""
    components: int = 16
    """principal components in which images are learned"""
    channels: int = 0
    """channels, a multiple of 8, of a U-Net that learns the pixels of square images; 0: a
    perceptron learns their principal components"""
    generations: int = 8
    """models trained one after the other"""
    width: int = 256
    """units in each hidden layer of the perceptron"""
    depth: int = 4
    """its hidden layers"""
    steps: int = 4_000
    """optimiser steps of every model, whatever the number of points; a multiple of 10"""
    batch: int = 128
    """points per step, drawn with replacement"""
    levels: int = 24
    """noise levels of the sampler"""

    def __post_init__(self) -> None:
        """Refuse impossible settings before anything is written."""
        super().__post_init__()
        require(self.generations >= 2, "generations", ">= 2", self.generations)
        require(self.levels >= 2, "levels", ">= 2", self.levels)
        whole = self.steps % SEGMENTS == 0
        require(whole, "steps", f"a multiple of {SEGMENTS}", self.steps)

    @property
    def largest(self) -> int:
        """Points of the largest training set; 0 where it is small in any case."""
        return 0

    def _check(self, name: str, value: Any) -> None:
        """Data are known by name, or a file."""
        if name == "data":
            there = value in NAMES or Path(value).is_file()
            allowed = f"one of {', '.join(NAMES)}, or the path of a file"
            require(there, name, allowed, value)
        elif name == "channels":
            ok = isinstance(value, int) and value >= 0 and value % 8 == 0
            require(ok, name, "0 or a multiple of 8", value)
        else:
            super()._check(name, value)


@dataclass(frozen=True)
class BySize(Learning):
    """Training sets of several sizes."""

    sizes: tuple[int, ...] = (128, 256, 512, 1024)
    """points of the training sets, rising"""

    @property
    def largest(self) -> int:
        """The largest size."""
        return max(self.sizes)

    def __post_init__(self) -> None:
        """Refuse impossible settings before anything is written."""
        super().__post_init__()
        ok = len(self.sizes) >= 2 and list(self.sizes) == sorted(set(self.sizes))
        require(ok, "sizes", "at least two, rising", self.sizes)


NAMES = (
    "digits", "mixture", "sphere", "torus", "ring", "swiss-roll", "linear", "hidden"
)  # fmt: skip


claim = claiming(PAPER, "memorization")
"""A claim of this section, see `figures.settings.claiming`."""
