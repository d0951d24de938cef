"""Which data each generation sees: the policies of the generational loop."""

from sim.composition.datasets import Counts, Points, Summary, SummaryStatistics
from sim.composition.mixing import Mixing, scheduled
from sim.composition.policy import At, Composition, Real, State
from sim.composition.pooled import Pool, Pooled
from sim.composition.reservoir import Reservoir
from sim.composition.selection import Greedy, Random, Selection, ThresholdDecay
from sim.composition.traced import Traced, TracedDensity, TracedPoints

__all__ = [
    "At",
    "Composition",
    "Counts",
    "Greedy",
    "Mixing",
    "Points",
    "Pool",
    "Pooled",
    "Random",
    "Real",
    "Reservoir",
    "Selection",
    "State",
    "Summary",
    "SummaryStatistics",
    "ThresholdDecay",
    "Traced",
    "TracedDensity",
    "TracedPoints",
    "scheduled",
]
