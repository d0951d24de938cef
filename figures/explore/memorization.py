r"""A small denoiser retrained on its own samples: does it copy, and does selection help?

Training sets of N points. Model 1 learns real ones, each later model N of the 2N samples
that the one before it draws: a random choice, or points far apart (Shi et al., Algorithms
1 and 2). A second loop that chooses at random runs beside it.

Theory knows a loop that does nothing but copy: the share of its first training points that
still have descendants falls as in coalescence (derived).
"""

from dataclasses import dataclass
from functools import cache

import numpy as np
from jaxtyping import Float

from figures.memorization.data import LAWS, drawn, pictured
from figures.memorization.presets.common import NAMES, Learning
from sim.measures.neighbours import nearest_distances
from sim.targets import PrincipalFrame
from theory.memorization.genealogy import surviving_share_finite
from theory.validation import require, require_in

__all__ = ["DATA", "MOST", "RULES", "SIZES", "WIDTHS"]
__all__ += ["Points", "Settings", "Theory", "points", "theory"]

DATA = {
    "digits": "handwritten digits, 16 principal components",
    **{name: LAWS[name][1] for name in NAMES if name in LAWS},
}
RULES = {
    "random": "at random",
    "greedy": "farthest points first",
    "decay": "by the threshold decay filter",
}
SIZES = (8, 16, 32, 64, 128)
WIDTHS = (16, 32, 64, 128)
MOST = 4
"""Models that can be trained one after the other."""


@dataclass(frozen=True)
class Settings:
    """What the sliders set."""

    data: str = "digits"
    """what is learned, one of `DATA`"""
    size: int = 32
    """N, points of every training set, one of `SIZES`"""
    width: int = 128
    """units in each hidden layer, one of `WIDTHS`"""
    rule: str = "greedy"
    """how N of 2N samples are chosen, one of `RULES`"""
    models: int = 3
    """models trained, in [2, MOST]"""

    def __post_init__(self) -> None:
        """Refuse what no slider can set."""
        known = {"data": DATA, "size": SIZES, "width": WIDTHS, "rule": RULES}
        for name, values in known.items():
            allowed = f"one of {', '.join(map(str, values))}"
            require(getattr(self, name) in values, name, allowed, getattr(self, name))
        require_in("models", self.models, 2, MOST)


@dataclass(frozen=True)
class Points:
    """What can be learned, and what no model sees."""

    train: Float[np.ndarray, "most d"]
    """the first N of them are the first training set"""
    held_out: Float[np.ndarray, "most d"]
    frame: PrincipalFrame | None
    """in which points are images; None where they are none"""
    ends: tuple[float, float]
    """darkest and lightest pixel"""

    def spacing(self, size: int) -> float:
        """Mean distance to the nearest neighbour in the first training set."""
        first = self.train[:size]
        return float(nearest_distances(first, first, 1, True).distance.mean())


@cache
def points(data: str, seed: int = 0) -> Points:
    """Of a data set by name, in the coordinates that the figures learn it in."""
    settings = Learning(data=data)
    train, held_out = drawn(settings, seed, max(SIZES), max(SIZES))
    picture = pictured(settings, seed)
    if not picture:
        return Points(train, held_out, None, (0.0, 1.0))
    frame = PrincipalFrame(
        picture["frame_mean"][1], picture["frame_axes"][1], picture["frame_factor"]
    )
    return Points(train, held_out, frame, tuple(picture["frame_ends"][1]))


@dataclass(frozen=True)
class Theory:
    """Of a loop that does nothing but copy at random."""

    survivors: Float[np.ndarray, " models"]
    """share of the first training set with descendants in that of each model, exact"""


def theory(settings: Settings) -> Theory:
    """The exact occupancy chain of N points."""
    return Theory(_survivors(settings.size)[: settings.models])


@cache
def _survivors(size: int) -> Float[np.ndarray, " most"]:
    later = surviving_share_finite(size, MOST - 1)
    return np.concatenate([[1.0], np.asarray(later)])
