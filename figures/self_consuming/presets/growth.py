"""Settings and claims of sc1 and sc7: growth over generations, points a stage needs."""

from dataclasses import dataclass
from typing import Any

from figures.catalogue import Figure
from figures.self_consuming.presets.common import PAPER, Common, claim
from figures.settings import presets
from theory.claims import Claim, Outcome
from theory.validation import require, require_in

__all__ = ["CLAIMS", "FIGURES", "Growth", "SizeMap"]


@dataclass(frozen=True)
class Schemes(Common):
    """How the schemes of both figures mix; a kernel density learns, p_0 = N(0, 1)."""

    generations: int = 10
    """models trained one after the other"""
    alpha: float = 0.25
    """real fraction of the scheme with a fixed one"""
    vanishing: float = 0.5
    """c of the real fraction c/t at stage t"""
    exponent: int = 3
    """a of the growing sizes n (s + 1)^a"""
    batch: float = 0.5
    """generated points kept of each past model, per real point"""
    past: float = 0.75
    """share of all past models together, equal parts"""
    lam: float = 4.0
    """synthetic points of the latest model per real one, m/n"""
    bandwidth: float = 1.06
    """c of the bandwidth c n^(-1/5)"""

    def _check(self, name: str, value: Any) -> None:
        """Fractions within (0, 1); c at most 1, so that alpha_t = c/t is one."""
        if name in ("alpha", "past"):
            require(0.0 < value < 1.0, name, "in (0, 1)", value)
        elif name == "vanishing":
            require(0.0 < value <= 1.0, name, "in (0, 1]", value)
        else:
            super()._check(name, value)

    def whole(self, name: str, n: int) -> None:
        """Refuse a ratio to n points that is no number of points."""
        m = n * getattr(self, name)
        ok = abs(m - round(m)) < 1e-9
        require(ok, name, f"a whole number of points at n = {n}", getattr(self, name))


@dataclass(frozen=True)
class Growth(Schemes):
    """Settings of sc1."""

    seeds: int = 256
    """independent runs; asking for more extends a stored run"""
    n: int = 200
    """points of the first stage (real ones only, where m come on top)"""
    times: float = 3.0
    """how much the error of the last model may exceed that of model 1"""
    plane_seeds: int = 8
    """of these runs, those that learn in 2-D too"""
    plane_n: int = 300
    """points per stage in 2-D"""
    plane_generations: int = 6
    """models trained in 2-D"""
    plane_bandwidth: float = 1.0
    """c of its bandwidth c n^(-1/6)"""
    plane_nodes: int = 56
    """grid nodes per axis, where its total variation is integrated"""
    plane_width: float = 6.0
    """half-width of that grid"""

    def __post_init__(self) -> None:
        """Refuse impossible settings before anything is written."""
        super().__post_init__()
        require(self.generations >= 3, "generations", ">= 3", self.generations)
        require(self.plane_nodes >= 16, "plane_nodes", ">= 16", self.plane_nodes)
        require(self.times > 1.0, "times", "> 1", self.times)
        for name in ("batch", "lam"):
            self.whole(name, self.n)


@dataclass(frozen=True)
class SizeMap(Schemes):
    """Settings of sc7."""

    seeds: int = 512
    """independent runs; asking for more extends a stored run"""
    target: float = 0.06
    """total variation that the last model shall have"""
    longest: int = 16
    """models of the longest loop whose exact need is computed"""
    fractions: int = 20
    """real fractions of the maps"""
    horizon: int = 1_000
    """models of the longest loop of the bound"""

    def __post_init__(self) -> None:
        """Refuse impossible settings before anything is written."""
        super().__post_init__()
        require_in("target", self.target, 0.02, 0.15)
        ok = 3 <= self.generations <= self.longest
        allowed = f"in [3, longest = {self.longest}]"
        require(ok, "generations", allowed, self.generations)
        for name, least in (("fractions", 2), ("horizon", 50)):
            value = getattr(self, name)
            require(value >= least, name, f">= {least}", value)


FAILS = (Outcome.VIOLATED,)
CLAIMS: tuple[Claim, ...] = (
    claim(
        "sc-controlled",
        "abstract (the multiple is ours)",
        "TV is controlled by large enough sizes or real fractions: with a fixed real "
        "fraction, or sizes that grow, the last model's mean is below 3 times model 1's (or the "
        "multiple set), beyond sampling error",
        provenance="paper",
    ),
    claim(
        "sc-uncontrolled",
        "derived here",
        "With neither, fully synthetic at constant size, the last model's mean TV exceeds that "
        "multiple, beyond sampling error",
    ),
    claim(
        "sc-bound-closed",
        "after Fu et al.",
        "The rate bound of every scheme, in units of one step, is its closed form S_i",
        formula="weight_recursion",
    ),
    claim(
        "sc-bound-limit",
        "after Fu et al.",
        "That bound stays below its limit in every generation where there is one: with a "
        "fixed real fraction, all the data ever seen, n real and m from each past model, or "
        "sizes that grow faster than s^(1/r)",
        formula="latest_length",
    ),
    claim(
        "sc-bound-linear",
        "falsification control",
        "The bound of the fully synthetic loop stays below the limit of the fixed real "
        "fraction too (false by design: it is i + 1)",
        expected=FAILS,
    ),
    claim(
        "sc-size-prediction",
        "derived here",
        "With the points that the exact prediction asks for, the mean TV of the last model is "
        "the target, to 5 %",
        expected=(Outcome.HOLDS, Outcome.INCONCLUSIVE),
        formula="required_points",
    ),
    claim(
        "sc-size-guarantee",
        "derived here",
        "With the points that the upper companion asks for, half the integral of "
        "sqrt(bias^2 + variance), the mean TV of the last model is at most the target",
        expected=(Outcome.HOLDS, Outcome.INCONCLUSIVE),
    ),
    claim(
        "sc-size-one-model",
        "falsification control",
        "The points that one model needs are enough for the last one (false by design)",
        expected=FAILS,
    ),
    claim(
        "sc-size-fourth-power",
        "after Fu et al.",
        "At r = 1/4 the points that the fully synthetic bound asks for grow like the fourth "
        "power of the number of models (log-log slope 1/r)",
        formula="required_points",
    ),
    claim(
        "sc-size-constant",
        "after Fu et al.",
        "With a fixed real fraction alpha, constant points are enough for any number of "
        "models: at most alpha^(-1/r) times those of one",
        formula="latest_length",
    ),
    claim(
        "sc-size-logarithm",
        "after Fu et al.",
        "With equal shares of all data and G models the points asked for are between "
        "(log G)^(1/r) and (1 + log G)^(1/r) times those of one",
        formula="accumulate_length",
    ),
    claim(
        "sc-size-vanishing",
        "after Fu et al.",
        "A real fraction c/t saves a constant factor of points, (c + 1)^(1/r), to 1 % after "
        "many models",
        formula="vanishing_length",
    ),
)

_MODULE = "figures.self_consuming"

FIGURES: tuple[Figure, ...] = (
    Figure(
        id="sc1",
        paper=PAPER,
        title="Growth over generations, scheme by scheme",
        shows="total variation over generations for nine ways to mix real and generated "
        "data: simulated, predicted without a free parameter, bounded; points in the plane",
        module=f"{_MODULE}.growth",
        presets=presets(
            Growth(
                seeds=96,
                generations=8,
                n=100,
                times=2.75,
                plane_seeds=2,
                plane_n=100,
                plane_generations=3,
                plane_nodes=32,
            ),
            Growth(),
            Growth(seeds=4_096, plane_seeds=64, plane_n=1_000, plane_generations=10),
        ),
        claims=(
            "sc-pathwise",
            "sc-pathwise-control",
            "sc-prediction",
            "sc-lower",
            "sc-upper",
            "sc-controlled",
            "sc-uncontrolled",
            "sc-bound-closed",
            "sc-bound-limit",
            "sc-bound-linear",
        ),
        formulas=(
            "self_consuming.recursion",
            "self_consuming.unrolled",
            "self_consuming.weight_recursion",
        ),
        seconds={"smoke": 20, "quick": 40},
    ),
    Figure(
        id="sc7",
        paper=PAPER,
        title="Points a stage needs",
        shows="points per stage that keep the last model within a target, over generations, "
        "schemes and real fractions: by the bound, by the exact prediction, and simulated",
        module=f"{_MODULE}.size_map",
        presets=presets(
            SizeMap(
                seeds=64, generations=4, target=0.1, longest=5, fractions=3, horizon=100
            ),
            SizeMap(),
            SizeMap(seeds=16_384, target=0.04, longest=24, fractions=32),
        ),
        claims=(
            "sc-pathwise",
            "sc-pathwise-control",
            "sc-size-prediction",
            "sc-size-guarantee",
            "sc-size-one-model",
            "sc-size-fourth-power",
            "sc-size-constant",
            "sc-size-logarithm",
            "sc-size-vanishing",
        ),
        formulas=(
            "self_consuming.required_points",
            "self_consuming.latest_length",
            "self_consuming.vanishing_length",
        ),
        seconds={"smoke": 15, "quick": 30},
    ),
)
