"""Which data each generation sees: the policies of the generational loop."""

from sim.composition.datasets import Counts, Points, Summary, SummaryStatistics
from sim.composition.mixing import Mixing, scheduled
from sim.composition.policy import At, Composition, Real, State
from sim.composition.reservoir import Reservoir

__all__ = [
    "At",
    "Composition",
    "Counts",
    "Mixing",
    "Points",
    "Real",
    "Reservoir",
    "State",
    "Summary",
    "SummaryStatistics",
    "scheduled",
]
