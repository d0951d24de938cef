"""Settings and claims of all1: one recursion, and every theory's word on it.

Imports nothing heavy: the command line reads it before JAX.
"""

from dataclasses import dataclass
from typing import Any, Literal

from figures.catalogue import Figure, Paper, lookup
from figures.settings import Settings, claiming, presets
from theory.claims import Claim, Outcome
from theory.validation import require, require_in

__all__ = ["CLAIMS", "FIGURES", "LEARNERS", "PAPERS", "Together"]

PAPER = "together"

PAPERS = (
    Paper(
        id=PAPER,
        title="One loop, all theories",
        citation="driftlab; the statements are those of the four papers, or derived here",
        question=(
            "One recursion, judged by every bound and prediction that says anything about "
            "it: which is tightest at each generation, which says nothing, and why?"
        ),
    ),
)

LEARNERS = ("kernel", "gaussian", "shift")
CHOICES = {
    "target": ("gaussian", "two-modes"),
    "errors": ("aligned", "unbiased", "cancelling"),
}


@dataclass(frozen=True)
class Together(Settings):
    """Settings of all1."""

    seeds: int = 64
    """independent runs; asking for more extends a stored run"""
    learner: tuple[str, ...] = LEARNERS
    """'kernel' (a kernel density), 'gaussian' (maximum likelihood), 'shift' (the score of
    its own data moved); one or several"""
    target: Literal["gaussian", "two-modes"] = "gaussian"
    """data law: N(0, 1), or equal modes N(-2, 1/4) and N(2, 1/4)"""
    alpha: tuple[float, ...] = (0.2,)
    """fresh fraction in [0, 1], one or one for each generation; model 1 sees real data alone"""
    n: int = 500
    """training points of every generation; the shift learner knows its law and needs none"""
    generations: int = 12
    """models trained one after the other"""
    bandwidth: float = 1.06
    """c of the kernel's bandwidth c n^(-1/5)"""
    shift: float = 0.1
    """size of the score error of the shift learner, in data units"""
    errors: Literal["aligned", "unbiased", "cancelling"] = "aligned"
    """signs of the shifts: all alike, random, or each undoing what is left of the last"""
    T: float = 5.0
    """horizon of the noising process"""
    steps: int = 150
    """reverse steps of the shift learner's chain"""
    nodes: int = 97
    """grid nodes on which that chain is carried"""

    def __post_init__(self) -> None:
        """Refuse impossible settings before anything is written."""
        super().__post_init__()
        require(self.seeds >= 2, "seeds", ">= 2: means need an error", self.seeds)
        require(self.n >= 10, "n", ">= 10", self.n)
        require(self.generations >= 2, "generations", ">= 2", self.generations)
        fits = len(self.alpha) in (1, self.generations)
        allowed = f"one value or {self.generations}, one for each generation"
        require(fits, "alpha", allowed, self.alpha)

    def _check(self, name: str, value: Any) -> None:
        """Learners by name; fresh fractions may be 0; no shift is an error of no size."""
        if name == "learner":
            require(len(value) >= 1, name, "at least one", value)
            require(len(set(value)) == len(value), name, "named once each", value)
            for learner in value:
                lookup(name, learner, LEARNERS)
        elif name in CHOICES:
            lookup(name, value, CHOICES[name])
        elif name == "alpha":
            require(len(value) >= 1, name, "at least one value", value)
            require_in(name, value, 0.0, 1.0)
        else:
            super()._check(name, value)


claim = claiming(PAPER, "error_propagation")
UNSURE = (Outcome.HOLDS, Outcome.INCONCLUSIVE)
FAILS = (Outcome.VIOLATED,)

CLAIMS: tuple[Claim, ...] = (
    claim(
        "all-guarantee",
        "every theory",
        "A guarantee whose hypotheses hold bounds its own quantity in every run and generation",
    ),
    claim(
        "all-currency",
        "standard inequalities",
        "Turned into total variation it bounds that too, in every run and generation",
    ),
    claim(
        "all-mean",
        "every theory",
        "A guarantee on the mean, its hypotheses met, bounds the mean over runs",
        expected=UNSURE,
    ),
    claim(
        "all-exact",
        "every theory",
        "An exact prediction whose hypotheses hold is the mean over runs, to the margin that "
        "is stated with it",
        expected=UNSURE,
    ),
    claim(
        "all-control",
        "falsification control",
        "TV is at most 0.9 times the bound from measured one-step errors (false by design: "
        "model 1 attains it)",
        expected=FAILS,
    ),
    claim(
        "all-displayed",
        "Thm 4.2 as displayed, our constants",
        "D is at most 4 times the discounted energy (constant of Thm 3.4, C_bias = 0), where "
        "the exact recursion of the shifts says that it is not",
        expected=FAILS,
        formula="displayed_right",
        provenance="paper",
    ),
)

FIGURES = (
    Figure(
        id="all1",
        paper=PAPER,
        title="One loop, all theories",
        shows="total variation of three loops under every bound and prediction that applies, "
        "the tightest guarantee at each generation, and how far each is from the truth",
        module="figures.together.one_loop",
        presets=presets(
            Together(seeds=8, n=100, generations=4),
            Together(),
            Together(seeds=1_024, generations=20, n=2_000),
        ),
        claims=tuple(c.id for c in CLAIMS),
        formulas=(
            "error_propagation.unrolled_root",
            "error_propagation.tv_drift",
            "self_consuming.unrolled",
        ),
        seconds={"smoke": 25, "quick": 45},
    ),
)
