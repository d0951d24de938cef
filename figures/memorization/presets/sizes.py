"""Settings and claims of the replacing loops by size of the training set (gm1 to gm6)."""

from dataclasses import dataclass

from figures.catalogue import Figure
from figures.memorization.presets.common import (
    FAILS,
    IF_MET,
    NO_WORSE,
    PAPER,
    UNSURE,
    BySize,
    claim,
)
from figures.settings import presets
from theory.claims import Claim, Outcome
from theory.validation import require

__all__ = ["CLAIMS", "FIGURES", "Sizes"]


@dataclass(frozen=True)
class Sizes(BySize):
    """Settings of gm1 to gm6."""

    keep: int = 64
    """generated points that are kept for pictures"""

    def __post_init__(self) -> None:
        """Refuse impossible settings before anything is written."""
        super().__post_init__()
        least = min(self.sizes)
        require(least >= 8, "sizes", ">= 8", least)
        require(self.keep <= least, "keep", f"<= the least size, {least}", self.keep)
        allowed = ">= 3: gm2 draws the second and the third axis"
        require(self.components >= 3, "components", allowed, self.components)


OFF_FLOOR = "GS above the sampler's own noise, which ends the fall of log GS first"

COPIES = "the absolute fraction rises by more than 0.1: there are copies to see"

CLAIMS: tuple[Claim, ...] = (
    claim(
        "gm-score-falls",
        "figure 2 (M1)",
        "When generated points replace the training set, the generalisation score of the last "
        "model is below that of the first, in every run",
        hypotheses=(NO_WORSE,),
        expected=(Outcome.HOLDS, Outcome.HYPOTHESES_NOT_MET),
        provenance="paper",
    ),
    claim(
        "gm-score-falls-each",
        "figure 2 (M1)",
        "It falls from every model to the next",
        hypotheses=(NO_WORSE,),
        expected=IF_MET,
        provenance="paper",
    ),
    claim(
        "gm-score-collapses",
        "falsification control",
        "The last model's score is below a twentieth of the first's (false by design)",
        expected=FAILS,
    ),
    claim(
        "gm-smaller-faster",
        "figure 2 (M2)",
        "The smaller the training set, the lower the last score is relative to the first",
        expected=UNSURE,
        provenance="paper",
    ),
    claim(
        "gm-line-upper",
        "derived here (M3)",
        "log GS against the entropy H(G_n) has a slope of at most 1/((1 - 1/e) d), that of a "
        "copier",
        expected=UNSURE,
        formula="slope_copying",
    ),
    claim(
        "gm-line-lower",
        "derived here (M3)",
        "Its slope is at least 1/d, that of independent draws of one law",
        hypotheses=(OFF_FLOOR,),
        expected=(*IF_MET, Outcome.VIOLATED),
        formula="slope_generalising",
    ),
    claim(
        "gm-entropy-line",
        "figure 4 (M3)",
        "Over all sizes and generations log GS is nearly linear in the entropy H(G_n): "
        "Pearson's r is at least 0.9 (the number is ours)",
        expected=UNSURE,
        provenance="paper",
    ),
    claim(
        "gm-trace-weaker",
        "figure 4 (M4)",
        "The trace of the covariance says less: its correlation with log GS over all sizes "
        "and generations is lower than the entropy's",
        expected=UNSURE,
        provenance="paper",
    ),
    claim(
        "gm-clumping",
        "section on variance (M4)",
        "The mean distance to the nearest neighbour falls faster than the root of the trace: "
        "points clump, they do not merely shrink",
        hypotheses=(NO_WORSE,),
        expected=IF_MET,
        provenance="paper",
    ),
    claim(
        "gm-memory-grows",
        "one reading of the title (M8)",
        "Models come to remember their own training points more: the twin ratio falls from "
        "the first model to the last (expected to fail)",
        expected=(Outcome.VIOLATED, Outcome.INCONCLUSIVE),
    ),
    claim(
        "gm-memory-fades",
        "derived here (M8)",
        "Against an untrained twin of the training set they remember it less: the twin ratio "
        "rises from the first model to the last",
        expected=UNSURE,
    ),
    claim(
        "gm-memory-there",
        "derived here",
        "The first model is nearer to its training set than to a twin of it: the twin ratio "
        "is below 1",
        expected=UNSURE,
    ),
    claim(
        "gm-absolute-copies",
        "derived here",
        "Yet more samples lie within a third of the first spacing of a training point: the "
        "absolute memorised fraction rises by more than 0.1 from the first model to the last "
        "(for the few points of which a network of this size makes copies)",
        expected=(*UNSURE, Outcome.VIOLATED),
    ),
    claim(
        "gm-ratio-blind",
        "falsification control",
        "The fraction of samples with d1 < d2/3 rises with it, by half as much at least "
        "(false by design: near-duplicates in the training set hide copies from it)",
        hypotheses=(COPIES,),
        expected=(
            Outcome.VIOLATED,
            Outcome.INCONCLUSIVE,
            Outcome.HYPOTHESES_NOT_MET,
        ),
    ),
)

_SMOKE = Sizes(
    seeds=1, sizes=(32, 64), generations=3, width=32, depth=2, steps=200, levels=12,
    keep=16,
)  # fmt: skip
_QUICK = Sizes(seeds=2, sizes=(64, 128, 256), width=128, depth=3)
_PAPER = Sizes(seeds=10, steps=8_000)
_PRESETS = presets(_SMOKE, _QUICK, _PAPER, dig16=Sizes())


def _figure(
    id: str, module: str, title: str, shows: str, claims, formulas=()
) -> Figure:
    return Figure(
        id=id,
        paper=PAPER,
        title=title,
        shows=shows,
        module=f"figures.memorization.{module}",
        presets=_PRESETS,
        claims=claims,
        formulas=tuple(f"memorization.{name}" for name in formulas),
        seconds={"smoke": 20.0, "quick": 140.0 if id == "gm1" else 3.0},
        runs_of="" if id == "gm1" else "gm1",
    )


FIGURES = (
    _figure(
        "gm1",
        "score",
        "The score falls, faster for fewer points",
        "Generalisation score and memorised fractions over generations, by the size of the "
        "training set.",
        ("gm-score-falls", "gm-score-falls-each", "gm-score-collapses",
         "gm-smaller-faster", "gm-absolute-copies", "gm-ratio-blind"),
    ),
    _figure(
        "gm2",
        "entropy",
        "Entropy falls, and points gather on streaks",
        "Entropy of training sets and of samples over generations; real and generated points "
        "in a plane of the real data.",
        (),
    ),
    _figure(
        "gm3",
        "score_entropy",
        "One line for entropy, a fan for variance",
        "Score against entropy, and against the trace of the covariance, every size and "
        "generation.",
        ("gm-line-upper", "gm-line-lower", "gm-entropy-line", "gm-trace-weaker"),
        ("slope_generalising", "slope_copying"),
    ),
    _figure(
        "gm4",
        "clumping",
        "Clumping, not shrinkage",
        "Spacing and trace of the training sets on two axes; score relative to what.",
        ("gm-clumping",),
    ),
    _figure(
        "gm5",
        "twin",
        "Against an untrained twin",
        "Raw score beside the twin ratio, which is blind to scale and to clumping.",
        ("gm-memory-grows", "gm-memory-fades", "gm-memory-there"),
    ),
    _figure(
        "gm6",
        "pictures",
        "Generated images and their nearest training images",
        "Samples of the first and the last model, each beside the nearest training image.",
        (),
    ),
)  # fmt: skip
