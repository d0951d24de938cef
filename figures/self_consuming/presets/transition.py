"""Figures about the synthetic amount: settings, claims, presets."""

from dataclasses import dataclass
from typing import Any

from figures.catalogue import Figure
from figures.self_consuming.presets.common import PAPER, Common, claim
from figures.settings import presets
from theory.claims import Outcome
from theory.validation import require, require_in

__all__ = ["CLAIMS", "FIGURES", "Learners", "Transition"]

_MODULE = "figures.self_consuming"


@dataclass(frozen=True)
class Amounts(Common):
    """What figures in the synthetic amount share."""

    n: int = 100
    """real points"""
    models: int = 20
    """models trained, >= 2; the last one is looked at"""
    lams: tuple[float, ...] = (0.0, 1.0, 4.0, 8.0, 16.0, 24.0, 32.0, 64.0, 128.0)
    """synthetic over real points m/n, from 0 on, increasing; n times each is whole"""

    def __post_init__(self) -> None:
        """Refuse amounts that cannot be counted, and loops without a second model."""
        super().__post_init__()
        require(self.models >= 2, "models", ">= 2", self.models)
        self._increasing("lams", self.lams)

    def _increasing(self, name: str, lams: tuple[float, ...], least: int = 3) -> None:
        up = all(a < b for a, b in zip(lams, lams[1:], strict=False))
        ok = len(lams) >= least and up and lams[0] == 0
        require(ok, name, f"{least} or more increasing numbers from 0 on", lams)
        self._whole(name, lams)

    def _whole(self, name: str, lams: tuple[float, ...]) -> None:
        for lam in lams:
            m = self.n * lam
            ok = abs(m - round(m)) < 1e-6
            require(ok, name, f"whole numbers when times n = {self.n}", lam)


@dataclass(frozen=True)
class Transition(Amounts):
    """Settings of sc2."""

    seeds: int = 1_500
    """independent runs; asking for more extends a stored run"""
    far_lams: tuple[float, ...] = (1_000.0,)
    """larger m/n, increasing, run with fewer seeds on a finer grid"""
    far_seeds: int = 100
    """runs there, at most `seeds`"""
    constant: float = 1.06
    """c of the bandwidth c N^(-1/5), N = n + m"""

    def __post_init__(self) -> None:
        """Refuse far amounts that are not beyond the others."""
        super().__post_init__()
        self._increasing("far_lams", (0.0, *self.far_lams), 2)
        beyond = self.far_lams[0] > self.lams[-1]
        require(beyond, "far_lams", f"> {self.lams[-1]:g}", self.far_lams[0])


@dataclass(frozen=True)
class Learners(Amounts):
    """Settings of sc3."""

    seeds: int = 500
    """independent runs of the kernel density; asking for more extends a stored run"""
    copies: int = 4
    """runs of the cheap learners (Gaussian, binomial) for each seed"""
    n: int = 50
    """real points"""
    models: int = 10
    """kernel densities trained, >= 2"""
    lams: tuple[float, ...] = (0.0, 1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0)
    """m/n of the kernel density, from 0 on, increasing; n times each is whole"""
    constant: float = 1.06
    """c of the bandwidths: c N^(-1/5), c n^(-1/5) for model 1"""
    cheap_models: int = 20
    """Gaussians and binomials trained, >= 2"""
    gaussian_lams: tuple[float, ...] = (
        0.0, 1.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 2_048.0,
    )  # fmt: skip
    """m/n of the Gaussian"""
    binomial_lams: tuple[float, ...] = (0.0, 1.0, 2.0, 4.0, 8.0, 16.0, 24.0, 32.0)
    """m/n of the binomial"""
    p: float = 0.05
    """true probability of the binomial, in (0, 1)"""

    def __post_init__(self) -> None:
        """Refuse amounts that cannot be counted."""
        super().__post_init__()
        require(self.cheap_models >= 2, "cheap_models", ">= 2", self.cheap_models)
        self._increasing("gaussian_lams", self.gaussian_lams)
        self._increasing("binomial_lams", self.binomial_lams)

    def _check(self, name: str, value: Any) -> None:
        if name in ("gaussian_lams", "binomial_lams"):
            require_in(name, value, 0.0, float("inf"))
        elif name == "p":
            require(0.0 < value < 1.0, name, "in (0, 1)", value)
        else:
            super()._check(name, value)


MAYBE = (Outcome.HOLDS, Outcome.INCONCLUSIVE)

CLAIMS = (
    claim(
        "sc-transition",
        "abstract",
        "With more synthetic data TV first rises and, beyond a threshold, declines",
        provenance="paper",
    ),
    claim(
        "sc-rise-and-fall",
        "derived here",
        "Mean TV rises from m = 0 to the predicted threshold, and falls from there to the "
        "largest m, each by more than 10 standard errors",
    ),
    claim(
        "sc-peak-bracket",
        "derived here",
        "Nowhere outside a factor 1.5 of the predicted threshold is mean TV larger than at "
        "the amount nearest to it",
        expected=MAYBE,
    ),
    claim(
        "sc-model-threshold",
        "derived here",
        "Simulated TV peaks at the threshold of the model that is predicted without free "
        "parameter, to 10 %",
        expected=MAYBE,
    ),
    claim(
        "sc-threshold-of-bound",
        "two different claims",
        "Simulated TV peaks, to 10 %, where the bound's shape at r = 1/4 does (the threshold "
        "of a bound is not that of a model)",
        expected=(Outcome.VIOLATED,),
    ),
    claim(
        "sc-large-m",
        "derived here",
        "Enough synthetic data bring mean TV below its value without any (V1)",
    ),
    claim(
        "sc-second-moment",
        "derived here",
        "The mean second moment is sigma_0^2 + sum_s A_s h_s^2, an identity, to 2 %",
        expected=MAYBE,
        formula="second_moment",
    ),
    claim(
        "sc-bound-shape",
        "derived here (after Fu et al.)",
        "The bound's shape f_1 rises strictly up to its threshold and falls strictly beyond",
        formula="shape_v1",
    ),
    claim(
        "sc-rise-and-back",
        "derived here",
        "Mean TV at the predicted peak is above its values at m = 0 and at the largest m",
    ),
    claim(
        "sc-dip-and-back",
        "derived here",
        "Fresh real data, unbiased learner: mean TV at the predicted dip is below its values "
        "at m = 0 and at the largest m",
    ),
    claim(
        "sc-transition-unbiased",
        "abstract, read of TV itself",
        "With more synthetic data TV first rises and, beyond a threshold, declines: for an "
        "unbiased learner and fresh real data (expected to fail: what is bounded need not do "
        "what the bound does)",
        expected=(Outcome.VIOLATED,),
        provenance="paper",
    ),
    claim(
        "sc-mean-square",
        "derived here",
        "E mu^2 of the last Gaussian is that of the exact recursion, to 10 %",
        expected=MAYBE,
    ),
    claim(
        "sc-v2-never-beats",
        "derived here (after Fu et al.)",
        "If model 1 sees the n real points alone (V2), the bound is nowhere below its value "
        "at m = 0",
        formula="shape_v2",
    ),
)

_SHARED = ("sc-pathwise", "sc-pathwise-control", "sc-prediction")

FIGURES = (
    Figure(
        id="sc2",
        paper=PAPER,
        title="Phase transition in the synthetic amount",
        shows="TV of the 20th kernel density rises and falls with m/n; its threshold, "
        "predicted without free parameter, is not that of the bound",
        module=f"{_MODULE}.phase_transition",
        presets=presets(
            Transition(
                seeds=1_000,
                models=12,
                lams=(0.0, 4.0, 7.0, 11.0, 18.0, 30.0),
                far_lams=(400.0,),
                far_seeds=40,
            ),
            Transition(),
            Transition(
                seeds=20_000,
                far_lams=(256.0, 347.0, 512.0, 700.0, 1_000.0),
                far_seeds=1_000,
            ),
        ),
        claims=(
            *_SHARED,
            "sc-lower",
            "sc-upper",
            "sc-transition",
            "sc-rise-and-fall",
            "sc-peak-bracket",
            "sc-model-threshold",
            "sc-threshold-of-bound",
            "sc-large-m",
            "sc-second-moment",
            "sc-bound-shape",
        ),
        formulas=(
            "self_consuming.shape_v1",
            "self_consuming.threshold_v1",
            "self_consuming.second_moment",
        ),
        seconds={"smoke": 20, "quick": 45},
    ),
    Figure(
        id="sc3",
        paper=PAPER,
        title="The same question asked of other learners, with fresh and reused real data",
        shows="reusing the real data or drawing them anew changes the sign of what synthetic "
        "data do to an unbiased learner",
        module=f"{_MODULE}.fresh_reused",
        presets=presets(
            Learners(
                seeds=200,
                copies=6,
                lams=(0.0, 16.0, 128.0),
                cheap_models=10,
                gaussian_lams=(0.0, 4.0, 512.0),
                binomial_lams=(0.0, 8.0, 32.0),
            ),
            Learners(),
            Learners(seeds=10_000, copies=10),
        ),
        claims=(
            *_SHARED,
            "sc-prediction-skewed",
            "sc-lower",
            "sc-upper",
            "sc-rise-and-back",
            "sc-dip-and-back",
            "sc-transition-unbiased",
            "sc-mean-square",
            "sc-v2-never-beats",
        ),
        formulas=("self_consuming.shape_v2", "self_consuming.mirror"),
        seconds={"smoke": 30, "quick": 65},
    ),
)
