"""The figure of the diffusion loop: settings, claims, presets."""

from dataclasses import dataclass
from typing import Any

from figures.catalogue import Figure
from figures.self_consuming.presets.common import PAPER, Common, claim
from figures.settings import presets
from theory.claims import Outcome
from theory.validation import require, require_in

__all__ = ["CLAIMS", "FIGURES", "Diffusion"]


@dataclass(frozen=True)
class Diffusion(Common):
    """Settings of sc6."""

    seeds: int = 4
    """loops with finite samples, each with features of its own; asking for more extends a
    stored run"""
    draws: int = 2
    """population loops: the features of the first so many of those"""
    n: int = 100
    """real points"""
    models: int = 8
    """models trained one after the other, >= 2"""
    lams: tuple[float, ...] = (0.0, 2.0, 8.0, 64.0)
    """synthetic over real points m/n of the population loops, increasing from 0"""
    sampled_lams: tuple[float, ...] = (0.0, 2.0, 8.0, 64.0)
    """those of the loops with finite samples, some of `lams`, 0 and the largest among them"""
    time: float = 10.0
    """training time over the number of points, tau = 10 N, of the finite samples too"""
    long_time: float = 50.0
    """the same, long enough for what the sampler costs to matter"""
    features: int = 300
    """ReLU features M of a model"""
    first_features: int = 10
    """key of the first run's features; later runs count on"""
    half_width: float = 5.0
    """of the grid on which densities are carried"""
    nodes: int = 240
    """of that grid; it must resolve the last reverse step"""

    def __post_init__(self) -> None:
        """Also what several fields must meet together."""
        super().__post_init__()
        most = f"from 1 to seeds = {self.seeds}"
        require(self.draws <= self.seeds, "draws", most, self.draws)
        within = set(self.sampled_lams) <= set(self.lams)
        ends = {self.lams[0], self.lams[-1]} <= set(self.sampled_lams)
        allowed = f"some of lams = {self.lams}, its ends among them"
        require(within and ends, "sampled_lams", allowed, self.sampled_lams)
        longer = self.long_time > self.time
        require(longer, "long_time", f"> time = {self.time:g}", self.long_time)

    def _check(self, name: str, value: Any) -> None:
        if name in ("lams", "sampled_lams"):
            require_in(name, value, 0.0, float("inf"))
            rising = all(a < b for a, b in zip(value, value[1:], strict=False))
            ok = len(value) >= 3 and value[0] == 0 and rising
            require(ok, name, "three or more, increasing from 0", value)
            whole = all(float(self.n * lam).is_integer() for lam in value)
            require(whole, name, f"whole numbers of points for n = {self.n}", value)
        elif name == "first_features":
            require_in(name, value, 0, 2**31)
        elif name in ("seeds", "models"):
            require(value >= 2, name, ">= 2", value)
        else:
            super()._check(name, value)


_MAYBE = (Outcome.HOLDS, Outcome.INCONCLUSIVE)

CLAIMS = (
    claim(
        "sc-rf-transition",
        "abstract",
        "With more synthetic data TV first rises and, beyond a threshold, declines: the "
        "diffusion loop without sampling noise, for each draw of features, trained briefly in "
        "proportion to N or in proportion to sqrt(N)",
        provenance="paper",
    ),
    claim(
        "sc-rf-transition-long",
        "abstract",
        "The same sentence for long training in proportion to N (expected to fail: in some "
        "draw of the features TV falls from the first synthetic point on, as its modes do)",
        expected=(Outcome.VIOLATED,),
        provenance="paper",
    ),
    claim(
        "sc-rf-transition-sampled",
        "abstract",
        "The same sentence of the mean over loops with finite samples, at the amount where "
        "the loop without noise peaks (expected not to be established: the noise of n points "
        "falls with m and outweighs the rise)",
        expected=(Outcome.VIOLATED, Outcome.INCONCLUSIVE),
        provenance="paper",
    ),
    claim(
        "sc-rf-small-rise",
        "derived here",
        "Trained for a time in proportion to N, no amount raises TV by more than 15 % over its "
        "value without synthetic data (matched steps, no sampling noise)",
    ),
    claim(
        "sc-rf-filter",
        "derived here",
        "No mode of a gradient flow over a time in proportion to N is lost more with synthetic "
        "data than without: what is not learned cannot be lost again",
        formula="contraction",
    ),
    claim(
        "sc-rf-filter-root",
        "falsification control",
        "The same for a time in proportion to sqrt(N) (false by design: there a mode that is "
        "half learned is lost more)",
        expected=(Outcome.VIOLATED,),
    ),
    claim(
        "sc-rf-clock",
        "derived here",
        "Trained for a time in proportion to sqrt(N) instead, the same at m = 0, the loop "
        "loses more: at its highest amount between TV is above that at m = 0 and above what "
        "time in proportion to N leaves there",
    ),
    claim(
        "sc-rf-fall",
        "derived here",
        "With steps of the right variance TV at the largest amount is below its value "
        "without synthetic data (no sampling noise)",
    ),
    claim(
        "sc-rf-floor-returns",
        "derived here",
        "With posterior steps and long training TV at the largest amount is above its "
        "smallest value at lesser ones: the sampler's floor adds up again",
    ),
    claim(
        "sc-rf-floor-coherent",
        "derived here",
        "There TV is the floor of one model times S_i, as of an error that is the same at "
        "every stage (r = 0), to 25 %",
    ),
    claim(
        "sc-rf-threshold-of-bound",
        "two different claims",
        "TV peaks near where the bound's shape at r = 1/4 does: it is larger there than at "
        "every lesser amount (the threshold of a bound is not that of a model)",
        expected=(Outcome.VIOLATED,),
    ),
    claim(
        "sc-rf-sampled-fall",
        "derived here",
        "With finite samples mean TV at the largest amount is below its value without "
        "synthetic data",
        expected=_MAYBE,
    ),
)

FIGURES = (
    Figure(
        id="sc6",
        paper=PAPER,
        title="Random-feature diffusion: the loop and its floor",
        shows="a diffusion model with one trained layer in the loop: the sampler's error "
        "adds up again and hides the decline; how training time grows decides whether TV rises",
        module="figures.self_consuming.random_features",
        presets=presets(
            Diffusion(
                seeds=2,
                draws=1,
                lams=(0.0, 2.0, 8.0, 64.0),
                sampled_lams=(0.0, 2.0, 64.0),
            ),
            Diffusion(),
            Diffusion(
                seeds=64,
                draws=16,
                lams=(0.0, 1.0, 2.0, 4.0, 8.0, 12.0, 16.0, 32.0, 64.0, 128.0),
                sampled_lams=(0.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0),
            ),
        ),
        claims=(
            "sc-pathwise",
            "sc-pathwise-control",
            *(c.id for c in CLAIMS),
        ),
        formulas=("self_consuming.shape_v1", "self_consuming.contraction"),
        seconds={"smoke": 30, "quick": 55},
    ),
)
