"""Figures about retraining: settings, claims, presets."""

from dataclasses import dataclass

from figures.autoencoder.presets.common import PAPER, Common, claim
from figures.catalogue import Figure
from figures.settings import presets
from theory.claims import Claim, Outcome
from theory.validation import require, require_in

__all__ = [
    "CLAIMS",
    "FIGURES",
    "CriticalTime",
    "Retrained",
    "Splitting",
    "SurvivalMap",
]


@dataclass(frozen=True)
class Retrained(Common):
    """Settings of ae4."""

    seeds: int = 10
    """independent runs; asking for more extends a stored run"""
    taus: tuple[float, ...] = (1.0, 2.5, 4.0)
    """training times without real data, in steps of 0.05"""
    mixed_tau: float = 2.6
    """training time of the run that also sees real data"""
    real_fraction: float = 0.5
    """its fraction of real data, in [0, 1]"""
    dim: int = 500
    """dimension d"""
    generations: int = 3
    """models trained after the first"""
    warm: float = 0.1
    """informed start, times the mean of a mode"""
    keep: int = 400
    """generated samples kept per generation and run"""

    def __post_init__(self) -> None:
        """Refuse impossible settings before anything is written."""
        super().__post_init__()
        require_in("real_fraction", self.real_fraction, 0.0, 1.0)
        require(self.keep >= 2, "keep", ">= 2", self.keep)
        require(self.dim >= 10, "dim", ">= 10", self.dim)


@dataclass(frozen=True)
class CriticalTime(Common):
    """Settings of ae5."""

    seeds: int = 10
    """independent runs; asking for more extends a stored run"""
    levels: tuple[float, ...] = (0.3, 0.45, 0.55, 0.6, 0.7, 0.8, 0.9)
    """noise levels t of the phase line, in (0, 1)"""
    factors: tuple[float, ...] = (0.9, 1.1)
    """training times tried, over the critical one, at levels above 1/2"""
    always: tuple[float, ...] = (2.0, 6.0)
    """training times tried at levels up to 1/2"""
    taus: tuple[float, ...] = (2.6, 3.05, 4.0)
    """training times that are followed over generations, at noise level t"""
    real_fraction: float = 0.5
    """fraction of real data of one more run, at the first of them; in [0, 1]"""
    generations: int = 4
    """models trained after the first"""
    dim: int = 500
    """dimension d"""
    warm: float = 0.1
    """informed start, times the mean of a mode"""
    keep: int = 64
    """generated samples per generation and run whose bulk is measured"""

    def __post_init__(self) -> None:
        """Refuse impossible settings before anything is written."""
        super().__post_init__()
        require_in("real_fraction", self.real_fraction, 0.0, 1.0)
        ok = all(0.0 < t < 1.0 for t in self.levels)
        require(ok, "levels", "in (0, 1)", self.levels)
        require(self.t > 0.5, "t", "in (0.5, 1): a critical time exists", self.t)
        both = min(self.factors) < 1.0 < max(self.factors)
        require(both, "factors", "on both sides of 1", self.factors)
        require(self.keep >= 2, "keep", ">= 2", self.keep)
        require(self.dim >= 10, "dim", ">= 10", self.dim)


@dataclass(frozen=True)
class Splitting(Common):
    """Settings of ae6."""

    seeds: int = 16
    """independent runs; asking for more extends a stored run"""
    warms: tuple[float, ...] = (0.1, 0.05, 0.01)
    """informed starts, times the mean of a mode"""
    shown: float = 0.05
    """the start whose samples are looked at"""
    factors: tuple[float, ...] = (0.7, 1.4)
    """training times of the samples, over the splitting time; below 1, then above"""
    until: float = 1.2
    """longest training time"""
    records: int = 24
    """training times at which the index is measured"""
    dim: int = 2_000
    """dimension d"""
    samples: int = 10_000
    """generated samples per run at each of the two times"""
    sampled_dim: int = 500
    """dimension of the networks that generate them"""

    def __post_init__(self) -> None:
        """Refuse impossible settings before anything is written."""
        super().__post_init__()
        two = len(self.factors) == 2 and self.factors[0] < 1.0 < self.factors[1]
        require(two, "factors", "one below 1, then one above", self.factors)
        require(self.shown in self.warms, "shown", f"in {self.warms}", self.shown)
        for name in ("dim", "sampled_dim"):
            value = getattr(self, name)
            require(value >= 10, name, ">= 10", value)


@dataclass(frozen=True)
class SurvivalMap(Common):
    """Settings of ae7."""

    seeds: int = 8
    """independent runs; asking for more extends a stored run"""
    strong: float = 3.0
    """distance of two modes from the centre"""
    weak: float = 1.2
    """distance of the two others, across"""
    taus: tuple[float, ...] = (0.6, 1.0, 1.5, 2.0, 2.5, 3.05, 3.6, 4.6)
    """simulated training times, in steps of 0.05"""
    lowest: float = 0.2
    """shortest training time of the map"""
    highest: float = 5.0
    """longest training time of the map"""
    columns: int = 40
    """training times of the map"""
    generations: int = 3
    """models trained after the first"""
    dim: int = 500
    """dimension d"""
    warm: float = 0.05
    """informed start, times the mean of a strong and of a weak mode"""
    points: int = 11
    """the theory averages over 2 to this power quasi-random points"""

    def __post_init__(self) -> None:
        """Refuse impossible settings before anything is written."""
        super().__post_init__()
        longer = self.highest > self.lowest
        require(longer, "highest", f"> lowest = {self.lowest:g}", self.highest)
        require(self.columns >= 2, "columns", ">= 2", self.columns)
        require(5 <= self.points <= 20, "points", "in [5, 20]", self.points)
        require(self.dim >= 10, "dim", ">= 10", self.dim)


FAILS = (Outcome.VIOLATED,)
CLAIMS: tuple[Claim, ...] = (
    claim(
        "ae-retrained-overlaps",
        "closed recursion",
        "Q of a model retrained on its own samples follows the closed deterministic "
        "recursion, within 2.5 times the fluctuation 1.45/sqrt(d) of one run, relative to "
        "max(Q, 1)",
    ),
    claim(
        "ae-bulk-map",
        "bulk recursion",
        "Trained on data of bulk variance v, the model generates bulk variance F_tau(v), "
        "within what E|y|^2 among d coordinates adds to v, at least 2 % (slacks in ln s^2)",
        formula="skip",
    ),
    claim(
        "ae-retrained-law",
        "exact reduction",
        "Given its weights, every generation's samples follow the reduced law of their "
        "projection (Kolmogorov distance below what as many draws of the law show)",
    ),
    claim(
        "ae-nothing-lost",
        "falsification control",
        "A retrained model learns what generation 0 learnt: Q_g = Q_0 (false by design)",
        expected=FAILS,
    ),
    claim(
        "ae-critical-time",
        "critical training time",
        "The generated bulk variance is below 1 for training times below tau_c(t), and at "
        "t <= 1/2 for any; above tau_c(t) it exceeds 1 (slacks in ln s^2)",
        formula="critical_time",
    ),
    claim(
        "ae-longer-is-safe",
        "falsification control",
        "Training for longer keeps the bulk from growing: s^2 <= 1 above tau_c too (false by "
        "design)",
        expected=FAILS,
    ),
    claim(
        "ae-splitting-index",
        "bimodality index",
        "Along training the bimodality index of runs is that of the learning curve, within "
        "what a training time longer by 0.02, and biases of 6/d in Q and 2/d in b, times 2.5, "
        "make of it (slacks in ln(1 + I))",
        formula="splitting",
    ),
    claim(
        "ae-splits",
        "bimodality index",
        "Before the splitting time the samples' density is concave at 0, after it convex",
        formula="splitting",
    ),
    claim(
        "ae-naive-onset",
        "falsification control",
        "Samples split when Q + b = 1: I = 0 there (false by design: I vanishes earlier)",
        expected=FAILS,
    ),
    claim(
        "ae-survival",
        "closed recursion and bimodality index",
        "As long as its units keep to their axes, a retrained network keeps or loses the two "
        "modes of an axis as predicted (slacks in ln(1 + I), towards the predicted side)",
        ("away from a threshold", "units on their axes: |Q_12|^2 < Q_11 Q_22 / 4"),
        formula="splitting",
    ),
    claim(
        "ae-axes-are-stable",
        "falsification control",
        "Units stay on the axes they start from, as in the symmetric recursion: "
        "|Q_12|^2 < Q_11 Q_22 / 4 (false: the symmetric solution is unstable)",
        expected=FAILS,
    ),
    claim(
        "ae-more-training-keeps",
        "falsification control",
        "The longer the training, the more modes last: the strong ones are kept after the "
        "longest training tried (false by design)",
        expected=FAILS,
    ),
)

_MODULE = "figures.autoencoder"

FIGURES: tuple[Figure, ...] = (
    Figure(
        id="ae4",
        paper=PAPER,
        title="Retraining: modes and bulk over generations",
        shows="overlaps, skip and bulk variance of models retrained on their own samples, "
        "against the closed recursion; the generated density, two modes and then one",
        module=f"{_MODULE}.retrained",
        presets=presets(
            Retrained(seeds=5, taus=(1.0, 4.0), dim=100, generations=2, keep=100),
            Retrained(),
            Retrained(seeds=32, dim=2_000, generations=5, keep=2_000),
        ),
        claims=(
            "ae-retrained-overlaps",
            "ae-bulk-map",
            "ae-retrained-law",
            "ae-nothing-lost",
        ),
        formulas=("autoencoder.skip", "autoencoder.bulk_continuous"),
        seconds={"smoke": 8, "quick": 30},
    ),
    Figure(
        id="ae5",
        paper=PAPER,
        title="Critical training time of the bulk",
        shows="where a retrained model's bulk collapses and where it explodes, over noise "
        "level and training time; bulk variance over generations",
        module=f"{_MODULE}.critical_time",
        presets=presets(
            CriticalTime(
                seeds=5,
                levels=(0.4, 0.7),
                factors=(0.7, 1.4),
                always=(3.0,),
                taus=(2.0, 4.0),
                generations=2,
                dim=100,
            ),
            CriticalTime(),
            CriticalTime(seeds=32, dim=2_000, generations=8),
        ),
        claims=("ae-critical-time", "ae-bulk-map", "ae-longer-is-safe"),
        formulas=(
            "autoencoder.critical_time",
            "autoencoder.critical_samples",
            "autoencoder.conditional_bulk",
        ),
        seconds={"smoke": 10, "quick": 35},
    ),
    Figure(
        id="ae6",
        paper=PAPER,
        title="When one mode becomes two",
        shows="the bimodality index along training from several starts, the splitting time "
        "against the start, and samples before and after it",
        module=f"{_MODULE}.splitting",
        presets=presets(
            Splitting(
                seeds=6,
                warms=(0.1, 0.05),
                until=1.0,
                records=10,
                dim=2_000,
                samples=8_000,
                sampled_dim=100,
            ),
            Splitting(),
            Splitting(
                seeds=64, records=48, dim=20_000, samples=50_000, sampled_dim=2_000
            ),
        ),
        claims=("ae-splitting-index", "ae-splits", "ae-naive-onset"),
        formulas=("autoencoder.splitting", "autoencoder.splitting_continuous"),
        seconds={"smoke": 9, "quick": 15},
    ),
    Figure(
        id="ae7",
        paper=PAPER,
        title="Which modes survive retraining",
        shows="predicted bimodality of a strong and a weak axis over training time and "
        "generation, thresholds, and the fate of simulated networks",
        module=f"{_MODULE}.survival_map",
        presets=presets(
            SurvivalMap(
                seeds=5,
                taus=(0.6, 2.0, 4.6),
                columns=12,
                generations=2,
                dim=100,
                points=9,
            ),
            SurvivalMap(),
            SurvivalMap(seeds=16, columns=160, generations=5, dim=2_000, points=12),
        ),
        claims=("ae-survival", "ae-axes-are-stable", "ae-more-training-keeps"),
        formulas=("autoencoder.splitting",),
        seconds={"smoke": 20, "quick": 35},
    ),
)
