"""What a target can be set on, and what can be given or asked for; records alone."""

from dataclasses import dataclass
from math import inf

__all__ = ["QUANTITIES", "VARIABLES", "Quantity", "Variable"]


@dataclass(frozen=True)
class Quantity:
    """What a target is set on."""

    name: str
    symbol: str
    """LaTeX"""
    says: str
    highest: float
    """of a target; the lowest is 0"""
    wanted: str = "low"
    """'low': at most the target; 'high': at least"""


QUANTITIES = {
    q.name: q
    for q in (
        Quantity(
            "drift",
            r"D_N",
            "chi-square divergence of the last model from the data law",
            inf,
        ),
        Quantity(
            "tv",
            r"\mathrm{TV}_N",
            "total variation of the last model from the data law",
            1.0,
        ),
        Quantity(
            "entropy",
            r"H_0-H_N",
            "differential entropy lost by the last model, nats",
            inf,
        ),
        Quantity(
            "kinship",
            r"F_N",
            "chance that two training points are copies of one real point",
            1.0,
        ),
        Quantity("modes", r"c_N", "share of the modes that survive", 1.0, "high"),
    )
}


@dataclass(frozen=True)
class Variable:
    """What can be given or asked for."""

    name: str
    symbol: str
    says: str
    """with its unit"""
    low: float
    high: float
    scale: str = "log"
    """of the search: 'log', 'linear' or 'whole' (log, whole numbers)"""
    prefer: str = "least"
    """the feasible value that an answer names: 'least', 'most', or 'best' (where the
    quantity itself is best)"""


VARIABLES = {
    v.name: v
    for v in (
        Variable("alpha", r"\alpha", "fresh fraction", 0.0, 1.0, "linear"),
        Variable("points", "N", "training points of a generation", 1, 1e9, "whole"),
        Variable("n", "n", "real points of a generation", 1, 1e9, "whole"),
        Variable("m", "m", "generated points of a generation", 0, 1e9, "whole", "most"),
        Variable(
            "generations",
            "N",
            "models trained one after the other",
            1,
            1000,
            "whole",
            "most",
        ),
        Variable(
            "innovation",
            "J",
            "chi-square that one generation adds to its own data law, over p",
            1e-12,
            1e3,
            "log",
            "most",
        ),
        Variable(
            "energy",
            r"\varepsilon^2",
            "energy of the score error of one generation, nats",
            1e-12,
            1e3,
            "log",
            "most",
        ),
        Variable(
            "observability",
            r"\eta",
            "share of the error energy that shows in the generated law",
            1e-6,
            1.0,
            "linear",
            "most",
        ),
        Variable("rate", "r", "exponent of the error of one step", 1e-3, 0.999),
        Variable("constant", "C", "constant of that error", 1e-9, 1e9),
        Variable(
            "dim", "d", "intrinsic dimension of the data", 1, 1e6, "whole", "most"
        ),
        Variable(
            "bandwidth",
            r"h/\sigma",
            "kernel bandwidth in standard deviations of the data",
            1e-4,
            10.0,
            "log",
            "best",
        ),
        Variable("modes", "K", "equally likely modes", 2, 1e6, "whole", "most"),
        Variable(
            "distance",
            r"\mu",
            "distance of a mode from the centre, standard deviations of the bulk",
            0.1,
            20.0,
            "linear",
        ),
        Variable(
            "time",
            r"\tau",
            "training time, samples over dimension",
            0.05,
            20.0,
            "log",
            "best",
        ),
    )
}
