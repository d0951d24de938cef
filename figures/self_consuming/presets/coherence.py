"""Figures about how errors add up, and what a bandwidth can do about it."""

from dataclasses import dataclass
from typing import Any

from figures.catalogue import Figure
from figures.self_consuming.presets.common import PAPER, Common, claim
from figures.settings import presets
from theory.claims import Outcome
from theory.validation import require, require_in

__all__ = ["CLAIMS", "FIGURES", "Bandwidth", "NotVisible"]

_MODULE = "figures.self_consuming"
_SEEN = (Outcome.HOLDS, Outcome.INCONCLUSIVE)


@dataclass(frozen=True)
class NotVisible(Common):
    """Settings of sc4."""

    seeds: int = 500
    """independent loops of every learner under every condition"""
    n: int = 100
    """real points of the Gaussian and of the kernel densities"""
    n_categorical: int = 50
    """real points of the frequencies"""
    models: int = 20
    """models trained one after the other"""
    lams: tuple[float, ...] = (0.0, 1.0, 4.0, 16.0, 64.0)
    """synthetic points per real point, m/n; increasing from 0"""
    n_synthetic: int = 400
    """points of every stage of the fully synthetic loops"""
    n_smooth: int = 10_000
    """the same for the kernel density that is too wide: its bias shall dominate"""
    early: int = 5
    """models over which a biased learner's growth is called early"""
    probability: float = 0.3
    """of the first of two categories"""
    rare: float = 0.05
    """the same for the minimax frequencies, whose bias is towards 1/2"""

    def __post_init__(self) -> None:
        """Also what several fields must meet together."""
        super().__post_init__()
        need = f"from 2 to models = {self.models}"
        require(2 <= self.early <= self.models, "early", need, self.early)
        for n in (self.n, self.n_categorical):
            whole = all(float(n * lam).is_integer() for lam in self.lams)
            require(whole, "lams", f"whole numbers of points for n = {n}", self.lams)

    def _check(self, name: str, value: Any) -> None:
        super()._check(name, value)
        if name == "lams":
            rising = all(a < b for a, b in zip(value, value[1:], strict=False))
            ok = len(value) >= 3 and value[0] == 0 and rising
            require(ok, name, "three or more, increasing from 0", value)
        elif name in ("probability", "rare"):
            require_in(name, value, 0.0, 1.0)
        elif name in ("seeds", "n", "n_categorical", "n_synthetic", "n_smooth"):
            require(value >= 2, name, ">= 2", value)


@dataclass(frozen=True)
class Bandwidth(Common):
    """Settings of sc5."""

    seeds: int = 1_500
    """independent loops under every condition"""
    models: int = 20
    """models trained one after the other"""
    n_synthetic: int = 200
    """points of every stage of the fully synthetic loop"""
    n: int = 100
    """real points of the loops of fixed counts; model 1 sees these alone (V2)"""
    m: int = 300
    """synthetic points of the loops of fixed counts"""
    n_mixed: int = 400
    """points of every stage of the loop of independent draws"""
    alpha: float = 0.25
    """its real fraction"""
    constant: float = 1.06
    """c of the bandwidth c N^(-1/5) that is best for one sample"""
    sizes: tuple[int, ...] = (1_000, 100_000, 10_000_000)
    """points of a stage for which the best bandwidth is set against its asymptote"""
    depths: tuple[int, ...] = (1, 2, 5, 10, 20, 40)
    """numbers of models for the same"""

    def _check(self, name: str, value: Any) -> None:
        super()._check(name, value)
        if name == "alpha":
            require_in(name, value, 0.0, 1.0)
        elif name in ("seeds", "models", "n", "n_synthetic", "n_mixed"):
            require(value >= 2, name, ">= 2", value)
        elif name in ("sizes", "depths"):
            rising = all(a < b for a, b in zip(value, value[1:], strict=False))
            least = 1 if name == "depths" else 100
            ok = len(value) >= 2 and value[0] >= least and rising
            require(ok, name, f"two or more, increasing, >= {least}", value)


CLAIMS = (
    claim(
        "sc-never-above",
        "derived here",
        "With more synthetic data the TV of an unbiased learner on independent draws never "
        "exceeds its value without",
        ("unbiased at rate 1/2", "every stage n + m points (V1)"),
        expected=_SEEN,
    ),
    claim(
        "sc-bound-turns",
        "after Fu et al.",
        "In the very same runs the bound from measured one-step errors first rises with the "
        "synthetic amount and falls beyond a threshold",
        formula="shape_v1",
    ),
    claim(
        "sc-flat",
        "derived here",
        "With the bandwidth that is best for the loop, synthetic data raise the TV of a kernel "
        "density by 10 % at most",
        expected=_SEEN,
    ),
    claim(
        "sc-flat-plain",
        "falsification control",
        "The same with the bandwidth that is best for one sample (false by design)",
        expected=(Outcome.VIOLATED,),
    ),
    claim(
        "sc-quadrature",
        "derived here",
        "The TV of an unbiased learner is the root of the sum of squares of its weighted "
        "one-step errors, to 5 %",
        ("unbiased at rate 1/2",),
        expected=_SEEN,
    ),
    claim(
        "sc-above-quadrature",
        "derived here",
        "The TV of a biased learner exceeds that root: its errors add up coherently",
    ),
    claim(
        "sc-linear-growth",
        "derived here",
        "In a fully synthetic loop the TV of a learner that bias dominates first grows like the "
        "number of models: exponent 1 to 0.15",
        expected=_SEEN,
    ),
    claim(
        "sc-root-growth",
        "derived here",
        "In a fully synthetic loop the TV of an unbiased learner grows like the root of the "
        "number of models: exponent 1/2 to 0.1",
        expected=_SEEN,
    ),
    claim(
        "sc-root-growth-control",
        "falsification control",
        "It grows like the number of models, as the bound does (false by design)",
        expected=(Outcome.VIOLATED,),
    ),
    claim(
        "sc-prediction-skewed",
        "derived here",
        "Where fluctuations are skewed, few points under a narrow kernel or many models "
        "without real data, mean TV is 0 to 10 % below the prediction, which takes them as "
        "Gaussian",
        expected=_SEEN,
    ),
    claim(
        "sc-mise",
        "derived here",
        "The mean integrated squared error over runs is the exact sum over frequencies, to 5 %",
        expected=_SEEN,
    ),
    claim(
        "sc-loop-second-moment",
        "derived here",
        "The mean second moment of a model is that of the real law plus the squared bandwidths "
        "weighted by A_s, to 5 %",
        expected=_SEEN,
        formula="second_moment",
    ),
    claim(
        "sc-data-driven",
        "derived here",
        "With the bandwidth set by the sample's own deviation the mean second moment follows "
        "its exact recursion, to 5 %",
        expected=_SEEN,
    ),
    claim(
        "sc-data-driven-control",
        "falsification control",
        "It follows the sum that holds for given bandwidths (false by design)",
        expected=(Outcome.VIOLATED,),
    ),
    claim(
        "sc-loop-bandwidth",
        "derived here",
        "The bandwidth that is best for the loop has a lower integrated squared error at the "
        "last model than the one that is best for one sample, by more than 10 standard errors",
        ("noise not reused",),
        expected=(Outcome.HOLDS, Outcome.HYPOTHESES_NOT_MET),
    ),
    claim(
        "sc-loop-asymptotics",
        "derived here",
        "Exact best bandwidth, its error and the error with the one-sample bandwidth are the "
        "leading-order factors (V/S^2)^(1/5), (S^2 V^4)^(1/5), (S^2 + 4V)/5, to 3 %",
        ("10^7 points a stage", "from 2 to 20 models"),
        expected=(Outcome.HOLDS, Outcome.HYPOTHESES_NOT_MET),
    ),
)

_SANDWICH = ("sc-prediction", "sc-prediction-skewed", "sc-lower", "sc-upper")
_PATHWISE = ("sc-pathwise", "sc-pathwise-control")

FIGURES = (
    Figure(
        id="sc4",
        paper=PAPER,
        title="Where the bound turns and the truth does not",
        shows=(
            "Unbiased learners and well-tuned kernels do not get worse with synthetic data "
            "although the bound does: noise adds up in quadrature, bias coherently."
        ),
        module=f"{_MODULE}.not_visible",
        presets=presets(
            smoke=NotVisible(seeds=100, models=10, lams=(0.0, 8.0, 64.0)),
            quick=NotVisible(),
            paper=NotVisible(
                seeds=5_000, lams=(0.0, 1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0)
            ),
        ),
        claims=(
            *_PATHWISE,
            *_SANDWICH,
            "sc-never-above",
            "sc-bound-turns",
            "sc-flat",
            "sc-flat-plain",
            "sc-quadrature",
            "sc-above-quadrature",
            "sc-linear-growth",
            "sc-root-growth",
            "sc-root-growth-control",
        ),
        seconds={"smoke": 60, "quick": 80},
        formulas=(
            "self_consuming.coherent",
            "self_consuming.quadrature",
            "self_consuming.small_error",
        ),
    ),
    Figure(
        id="sc5",
        paper=PAPER,
        title="A bandwidth for loops",
        shows=(
            "A kernel density tuned for one sample is too wide in a loop; a smaller bandwidth "
            "takes most of the growth of its error away."
        ),
        module=f"{_MODULE}.bandwidth",
        presets=presets(
            smoke=Bandwidth(
                seeds=400,
                models=10,
                n_synthetic=1_000,
                m=1_500,
                n_mixed=2_000,
                alpha=0.1,
                sizes=(1_000, 100_000),
                depths=(1, 2, 5),
            ),
            quick=Bandwidth(),
            paper=Bandwidth(seeds=5_000, depths=(1, 2, 3, 5, 8, 13, 20, 40, 80)),
        ),
        claims=(
            *_PATHWISE,
            *_SANDWICH,
            "sc-mise",
            "sc-loop-second-moment",
            "sc-data-driven",
            "sc-data-driven-control",
            "sc-loop-bandwidth",
            "sc-loop-asymptotics",
        ),
        seconds={"smoke": 40, "quick": 70},
        formulas=(
            "self_consuming.second_moment",
            "self_consuming.bandwidth_factor",
            "self_consuming.mise_factor",
        ),
    ),
)
