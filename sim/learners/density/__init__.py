"""Learners whose result is a law: no score and no reverse process, so nothing is hidden."""

from sim.learners.density.estimate import DensityEstimate
from sim.learners.density.frequencies import Frequencies
from sim.learners.density.gaussian import GaussianFit, GaussianMLE
from sim.learners.density.kernel import GridKernel
from sim.learners.density.traced import TracedKernel

__all__ = [
    "DensityEstimate",
    "Frequencies",
    "GaussianFit",
    "GaussianMLE",
    "GridKernel",
    "TracedKernel",
]
