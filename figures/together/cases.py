"""A loop as it is declared: what decides which statements speak of it at all."""

import functools
from dataclasses import dataclass

import jax
import numpy as np

from figures.together.presets import Together
from theory.mixing import Schedule, latest
from theory.mixtures import GaussianMixture, gaussian_mixture

__all__ = ["Case", "cases"]

RATES = {"kernel": 0.4, "gaussian": 0.5}
"""Exponents r of one step's error, in one dimension."""


@dataclass(frozen=True)
class Case:
    """A learner under the settings' target and schedule."""

    settings: Together
    learner: str

    @functools.cached_property
    def alpha(self) -> np.ndarray:
        """Fresh fraction of each generation; model 1 sees real data alone."""
        alpha = np.array(
            np.broadcast_to(self.settings.alpha, self.settings.generations)
        )
        alpha[0] = 1.0
        return alpha

    @functools.cached_property
    def schedule(self) -> Schedule:
        """Real data and the latest model; asked for while tracing too."""
        with jax.ensure_compile_time_eval():
            return latest(self.alpha, self.settings.generations, float(self.settings.n))

    @functools.cached_property
    def law(self) -> GaussianMixture:
        """The data law; asked for while tracing too."""
        with jax.ensure_compile_time_eval():
            if self.settings.target == "gaussian":
                return gaussian_mixture([1.0], [0.0], 1.0)
            return gaussian_mixture([0.5, 0.5], [-2.0, 2.0], 0.25)

    @property
    def is_gaussian(self) -> bool:
        """Whether the data law is one Gaussian."""
        return self.settings.target == "gaussian"

    @property
    def narrowest(self) -> float:
        """Smallest variance of a component of the data law."""
        return float(self.law.covariances.min())

    @property
    def variance(self) -> float:
        """Variance of the data law, whose mean is 0."""
        return float(self.law.second_moment()[0, 0])

    @property
    def bandwidth(self) -> float:
        """h of the kernel learner."""
        return self.settings.bandwidth * self.settings.n**-0.2

    @property
    def rate(self) -> float:
        """Exponent r of one step's error."""
        return RATES[self.learner]

    @property
    def estimates(self) -> bool:
        """Whether the learner estimates from n points; the shift one knows its law."""
        return self.learner != "shift"

    @property
    def misfits(self) -> bool:
        """Whether the learner cannot have the data law even from endless data."""
        return self.learner == "gaussian" and not self.is_gaussian

    @property
    def infinite_chi2(self) -> str:
        """Why the chi-square of the generated law against the data law is infinite, or ""."""
        limit, h = 2.0 * self.narrowest, self.bandwidth
        if self.learner == "kernel" and h**2 >= limit:
            return (
                "needs the chi-square of the generated law, infinite for kernels wider than "
                f"sqrt(2) deviations of the data (h = {h:.2g})"
            )
        if self.learner == "gaussian" and self.variance >= limit:
            return (
                "needs the chi-square of the generated law, infinite for a Gaussian of the "
                "data's variance against their narrow modes"
            )
        return ""


def cases(settings: Together) -> dict[str, Case]:
    """The loops of the settings, by learner."""
    return {learner: Case(settings, learner) for learner in settings.learner}
