"""Settings and claims of what lies behind: copies, training time, entropy (gm11 to gm13)."""

from dataclasses import dataclass

from figures.catalogue import Figure
from figures.memorization.presets.common import (
    FAILS,
    IF_MET,
    PAPER,
    UNSURE,
    BySize,
    Learning,
    claim,
)
from figures.settings import Settings, presets
from theory.claims import Claim
from theory.validation import require

__all__ = ["CLAIMS", "FIGURES", "Genealogy", "Interventions", "TrainingTime"]


@dataclass(frozen=True)
class Genealogy(Settings):
    """Settings of gm11."""

    seeds: int = 64
    """independent runs; asking for more extends a stored run"""
    n: int = 256
    """points of every training set"""
    rounds: int = 20
    """models trained one after the other, each a copier"""
    fresh: float = 0.05
    """share of new real points in one of the loops, in (0, 1)"""
    memoriser_n: int = 256
    """points of the fixed-bandwidth memoriser's training sets"""
    memoriser_dim: int = 16
    """their dimension"""
    bandwidth: float = 0.2
    """its noise h, in (0, 1), for data of unit variance"""

    def __post_init__(self) -> None:
        """Refuse impossible settings before anything is written."""
        super().__post_init__()
        for name in ("fresh", "bandwidth"):
            value = getattr(self, name)
            require(0.0 < value < 1.0, name, "in (0, 1)", value)
        for name in ("n", "memoriser_n", "rounds"):
            require(getattr(self, name) >= 2, name, ">= 2", getattr(self, name))


@dataclass(frozen=True)
class TrainingTime(BySize):
    """Settings of gm12; `steps` is the longest training."""

    sizes: tuple[int, ...] = (32, 64, 128, 256, 512, 1024)
    """points of the training sets, rising"""
    looks: int = 8
    """training times at which a model is looked at, equal steps"""
    samples: int = 512
    """generated points at each look"""


@dataclass(frozen=True)
class Interventions(Learning):
    """Settings of gm13."""

    n: int = 256
    """points of every training set"""
    families: tuple[int, ...] = (256, 128, 64, 32, 16)
    """families of jittered images that make up a training set; divisors of n, falling"""
    jitter: float = 0.1
    """standard deviation of the jitter, for data of overall standard deviation 0.5"""

    @property
    def largest(self) -> int:
        """All sets have the same size."""
        return self.n

    def __post_init__(self) -> None:
        """Refuse impossible settings before anything is written."""
        super().__post_init__()
        ok = all(self.n % f == 0 for f in self.families) and len(self.families) >= 2
        require(
            ok, "families", f"divisors of n = {self.n}, two at least", self.families
        )
        falling = sorted(set(self.families), reverse=True) == list(self.families)
        require(falling, "families", "falling", self.families)


MEMORY = "the twin ratio of the set with the most families is below 0.95 in the mean"

CLAIMS: tuple[Claim, ...] = (
    claim(
        "gm-survival",
        "derived here",
        "A copier's lines die out as the occupancy chain says: the mean share of lines left "
        "is its prediction, to 2 % of all points",
        expected=UNSURE,
        formula="survival_step",
    ),
    claim(
        "gm-ancestors",
        "derived here",
        "Two points share an ancestor with chance 1 - (1 - 1/N)^t when copies replace the "
        "data, to 0.02",
        expected=UNSURE,
        formula="shared_ancestor",
    ),
    claim(
        "gm-fresh-stops",
        "derived here",
        "A constant share of new points stops it at the fixed point F*: the mean of the last "
        "training set is what the recursion gives, to 0.02",
        expected=UNSURE,
        formula="shared_ancestor_fixed",
    ),
    claim(
        "gm-fresh-none",
        "falsification control",
        "With new points it goes on as without (false by design)",
        expected=FAILS,
    ),
    claim(
        "gm-memoriser-constant",
        "derived here",
        "A memoriser of fixed bandwidth keeps its score at h sqrt(2) Gamma((d+1)/2)/Gamma(d/2) "
        "while the entropy falls, to 5 %: entropy alone does not determine the score",
        expected=UNSURE,
        formula="memoriser_score",
    ),
    claim(
        "gm-memoriser-entropy",
        "derived here",
        "Its entropy falls from the first model to the last",
        expected=UNSURE,
    ),
    claim(
        "gm-longer-nearer",
        "derived here",
        "Longer training brings samples nearer to the training set than to a twin: with the "
        "fewest points the twin ratio falls from the first look to the last",
        expected=UNSURE,
    ),
    claim(
        "gm-more-points-further",
        "derived here",
        "At the end of training the twin ratio is higher with the most points than with the "
        "fewest",
        expected=UNSURE,
    ),
    claim(
        "gm-entropy-lowers-score",
        "derived here",
        "Training sets made of fewer jittered families, of lower entropy, lower the score of "
        "a model trained on them",
        expected=UNSURE,
    ),
    claim(
        "gm-entropy-not-memory",
        "derived here",
        "They leave the twin ratio as it is, to 0.15: what entropy lowers is distance, not "
        "the memory of particular points",
        hypotheses=(MEMORY,),
        expected=IF_MET,
    ),
    claim(
        "gm-scale-halves-score",
        "derived here",
        "Halving all data halves the score, to 10 %",
        expected=UNSURE,
    ),
    claim(
        "gm-scale-not-memory",
        "derived here",
        "And leaves the twin ratio as it is, to 0.1",
        hypotheses=(MEMORY,),
        expected=IF_MET,
    ),
)

_QUICK = {"width": 128, "depth": 3, "seeds": 2}
_SMOKE = {"width": 32, "depth": 2, "steps": 200, "levels": 12, "seeds": 1}

FIGURES = (
    Figure(
        id="gm11",
        paper=PAPER,
        title="The genealogy of copies",
        shows="Lines of copies that are left, with and without new data; and a memoriser whose "
        "score stays while its entropy falls.",
        module="figures.memorization.genealogy",
        presets=presets(
            Genealogy(
                seeds=32, n=32, rounds=6, fresh=0.3, memoriser_n=48, memoriser_dim=8
            ),
            Genealogy(),
            Genealogy(seeds=256, n=1024, rounds=40),
        ),
        claims=(
            "gm-survival", "gm-ancestors", "gm-fresh-stops", "gm-fresh-none",
            "gm-memoriser-constant", "gm-memoriser-entropy",
        ),
        formulas=(
            "memorization.survival_step", "memorization.shared_ancestor_fixed",
            "memorization.memoriser_score",
        ),
        seconds={"smoke": 15.0, "quick": 20.0},
    ),
    Figure(
        id="gm12",
        paper=PAPER,
        title="Where the first model memorises",
        shows="Score and twin ratio of the first model over training-set size and training "
        "time.",
        module="figures.memorization.training_time",
        presets=presets(
            TrainingTime(**_SMOKE, sizes=(16, 64), looks=2, samples=64),
            TrainingTime(
                **_QUICK, sizes=(16, 32, 64, 128, 256, 512)
            ),
            TrainingTime(seeds=5, steps=32_000, looks=16, samples=1_024),
        ),
        claims=("gm-longer-nearer", "gm-more-points-further"),
        seconds={"smoke": 20.0, "quick": 60.0},
    ),
    Figure(
        id="gm13",
        paper=PAPER,
        title="Lowering the entropy of a training set",
        shows="Score and twin ratio of a model trained on fewer and fewer families of "
        "jittered images, and on halved data.",
        module="figures.memorization.interventions",
        presets=presets(
            Interventions(**_SMOKE | {"seeds": 2}, n=32, families=(32, 8)),
            Interventions(**_QUICK | {"seeds": 4}, n=128,
                          families=(128, 64, 32, 16)),
            Interventions(seeds=10),
        ),
        claims=(
            "gm-entropy-lowers-score", "gm-entropy-not-memory", "gm-scale-halves-score",
            "gm-scale-not-memory",
        ),
        seconds={"smoke": 15.0, "quick": 45.0},
    ),
)  # fmt: skip
