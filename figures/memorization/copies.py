"""Loops that copy: a kernel density of a bandwidth that only serves to tell lines apart."""

import numpy as np

from sim.composition import Pooled
from sim.learners.kernel import Kernel
from sim.measures.lineage import Lineage
from sim.measures.scene import Measure
from sim.recursion import Recursion
from sim.sampling import EndpointDraw
from sim.targets import Mixture
from theory.mixtures import gaussian_mixture
from theory.processes import ou

__all__ = ["EXACT", "RADIUS", "copier"]

EXACT = 1e-6
"""Noise of a copy, so that lines can be told."""
RADIUS = 1e-4
"""Of a line of copies; other points of the plane are farther."""
LINES = (Lineage(RADIUS),)


def copier(
    n: int,
    rounds: int,
    dim: int = 2,
    noise: float = EXACT,
    measures: tuple[Measure, ...] = LINES,
    batches: int = 1,
) -> Recursion:
    """n points of N(0, I), each round resampled from the latest `batches` with this noise."""
    law = gaussian_mixture([1.0], np.zeros((1, dim)), 1.0)
    return Recursion(
        target=Mixture(law),
        learner=lambda at: Kernel(noise),
        sampler=EndpointDraw(),
        process=ou(1.0, 0.0),
        n=n,
        generations=rounds,
        composition=Pooled(n, batches=batches),
        measures=measures,
    )
