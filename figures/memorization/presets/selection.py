"""Settings and claims of selected training sets (gm7 to gm10)."""

from dataclasses import dataclass, replace
from typing import Any

from figures.catalogue import Figure
from figures.memorization.presets.common import (
    FAITHFUL,
    IF_MET,
    PAPER,
    UNSURE,
    Learning,
    claim,
)
from figures.settings import presets
from theory.claims import Claim
from theory.validation import require

__all__ = ["CLAIMS", "FIGURES", "Ablations", "Selecting"]


@dataclass(frozen=True)
class Selecting(Learning):
    """Settings of gm7 to gm9."""

    n: int = 256
    """points of every training set"""
    threshold: float = 1.7
    """first threshold of the filter, in mean spacings of the first training set"""
    decay: float = 0.95
    """factor by which the filter's threshold falls, in (0, 1)"""

    @property
    def largest(self) -> int:
        """2N points, without selection (gm10)."""
        return 2 * self.n

    def __post_init__(self) -> None:
        """Refuse impossible settings before anything is written."""
        super().__post_init__()
        require(self.n >= 16, "n", ">= 16", self.n)

    def _check(self, name: str, value: Any) -> None:
        """Factors within (0, 1)."""
        if name in ("decay", "decays"):
            values = value if isinstance(value, tuple) else (value,)
            ok = len(values) > 0 and all(0.0 < v < 1.0 for v in values)
            require(ok, name, "in (0, 1)", value)
        else:
            super()._check(name, value)


@dataclass(frozen=True)
class Ablations(Selecting):
    """Settings of gm10."""

    decays: tuple[float, ...] = (0.80, 0.90, 0.95, 0.98)
    """factors of the filter that are compared"""


CLAIMS: tuple[Claim, ...] = (
    claim(
        "gm-accumulating-slows",
        "figures on accumulation (M5)",
        "Subsampling all data so far slows the fall of the score: the last score relative "
        "to the first is above that of replacing, in every run",
        provenance="paper",
        hypotheses=(FAITHFUL,),
        expected=IF_MET,
    ),
    claim(
        "gm-selection-slows",
        "algorithms 1 and 2 (M6)",
        "Selecting far points slows it further: the last score is above that of a random "
        "choice from the same kind of pool, in every run",
        provenance="paper",
        formula="best_spacing_bound",
        hypotheses=(FAITHFUL,),
        expected=IF_MET,
    ),
    claim(
        "gm-selection-entropy",
        "algorithms 1 and 2 (M6)",
        "The entropy of the last training set is then above that of a random choice",
        provenance="paper",
        hypotheses=(FAITHFUL,),
        expected=IF_MET,
    ),
    claim(
        "gm-selection-frechet",
        "figures on FID (M6)",
        "And the Frechet distance of the last samples to held-out real points is below it",
        provenance="paper",
        hypotheses=(FAITHFUL,),
        expected=IF_MET,
    ),
    claim(
        "gm-selection-price",
        "derived here",
        "But samples lie farther from real points than with a random choice: selection "
        "keeps outliers",
        expected=UNSURE,
    ),
    claim(
        "gm-real-share",
        "figure on shares (M7)",
        "When data accumulate, selection keeps more of the original points than 1/n",
        provenance="paper",
        hypotheses=(FAITHFUL,),
        expected=IF_MET,
    ),
    claim(
        "gm-random-share",
        "derived here",
        "A random choice keeps 1/n of them, to 0.05",
        expected=UNSURE,
    ),
    claim(
        "gm-not-only-more",
        "ablation C.1",
        "It is not only that more points are generated: training on all 2N of them leaves a "
        "larger Frechet distance than selecting N",
        provenance="paper",
        hypotheses=(FAITHFUL,),
        expected=IF_MET,
    ),
)

_SMOKE = Selecting(
    seeds=1, n=48, generations=3, width=32, depth=2, steps=200, levels=12
)
_QUICK = Selecting(seeds=2, n=64, generations=6, width=128, depth=3)
_PAPER = Selecting(seeds=10, steps=8_000)


def _ablations(of: Selecting, **changes) -> Ablations:
    return replace(Ablations(**vars(of)), **changes)


_OF_SELECTION = presets(_SMOKE, _QUICK, _PAPER, dig16=Selecting())
_OF_ABLATIONS = presets(
    _ablations(_SMOKE, decays=(0.8, 0.95)),
    _ablations(_QUICK, decays=(0.8, 0.95)),
    _ablations(_PAPER),
    dig16=Ablations(),
)


def _figure(
    id: str, module: str, title: str, shows: str, claims: tuple[str, ...], quick: float
) -> Figure:
    own = _OF_ABLATIONS if id == "gm10" else _OF_SELECTION
    return Figure(
        id=id,
        paper=PAPER,
        title=title,
        shows=shows,
        module=f"figures.memorization.{module}",
        presets=own,
        claims=claims,
        formulas=("memorization.best_spacing_bound",) if id == "gm7" else (),
        seconds={"smoke": 20.0, "quick": quick},
        runs_of="gm7" if id in ("gm8", "gm9") else "",
    )


FIGURES = (
    _figure(
        "gm7",
        "selected",
        "Selecting the training points",
        "Score, Frechet distance and entropy when training sets are chosen at random or far "
        "apart, from the latest samples or from everything so far.",
        ("gm-accumulating-slows", "gm-selection-slows", "gm-selection-entropy",
         "gm-selection-frechet"),
        170.0,
    ),
    _figure(
        "gm8",
        "shares",
        "Where the selected points come from",
        "Share of each source in the training sets of loops that accumulate.",
        ("gm-real-share", "gm-random-share"),
        3.0,
    ),
    _figure(
        "gm9",
        "price",
        "The price of selection",
        "Distance of samples to real points, and entropy above that of real data.",
        ("gm-selection-price",),
        3.0,
    ),
    _figure(
        "gm10",
        "ablations",
        "Twice the points, and other decay factors",
        "Training on 2N points without selection, and the filter's decay factor.",
        ("gm-not-only-more",),
        120.0,
    ),
)  # fmt: skip
