r"""How training data are held: as points, as counts, or as sufficient statistics.

A batch of N draws from a law is an array of points, or, where the learner needs no more,
how often each node of a finite support was drawn, or the mean and the scatter of Gaussian
draws. All three are exact; the two shorter ones cost a fraction of the points. The number
of draws may differ between replicas and generations: it is an array, shapes are fixed.
"""

from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

import jax
import jax.numpy as jnp
import jax.random as jr
from jaxtyping import Array, Float

from sim.composition.policy import Real
from sim.laws import counts, draw
from theory.mixtures import GaussianMixture
from theory.validation import require

__all__ = ["Counts", "Dataset", "Points", "Summary", "SummaryStatistics"]


class Dataset(Protocol):
    """A way to hold data."""

    def real(self, real: Real, key: Array, count: Array) -> Any:
        """A batch of `count` new real points."""
        ...

    def draw(self, law: Any, key: Array, count: Array) -> Any:
        """A batch of `count` points of `law`."""
        ...

    def join(self, first: Any, upto: Array, second: Any) -> Any:
        """A batch of the `upto` points of the first and of the second's."""
        ...

    def complete(self, batch: Any, size: Array) -> Any:
        """What a learner sees of a batch that holds `size` points."""
        ...


@dataclass(frozen=True)
class Points:
    """Rows of an array (n, d), float32.

    A batch of fewer than n points counts the first rows alone. The learner sees n rows all
    the same: the points in turn, each n/N times, so N must divide n. A law known by samples
    only is its batch of n samples.
    """

    n: int

    def real(self, real: Real, key: Array, count: Array) -> Float[Array, "n d"]:
        """New real rows."""
        return real.sample(key)

    def draw(self, law: Any, key: Array, count: Array) -> Float[Array, "n d"]:
        """New rows from a law; a batch of samples is taken as it is."""
        return law if isinstance(law, jax.Array) else draw(law, key, self.n)

    def join(self, first: Array, upto: Array, second: Array) -> Float[Array, "n d"]:
        """Rows below `upto` from the first batch, the others from the second."""
        return jnp.where((jnp.arange(self.n) < upto)[:, None], first, second)

    def complete(self, batch: Array, size: Array) -> Float[Array, "n d"]:
        """All n rows, the first `size` of them repeated."""
        return batch[jnp.arange(self.n) % jnp.asarray(size, jnp.int32)]


@dataclass(frozen=True)
class Counts:
    """How often each node of a finite support was drawn, (p,) float64."""

    def real(self, real: Real, key: Array, count: Array) -> Float[Array, " p"]:
        """Counts of new real points."""
        return counts(key, count, real.law.mass)

    def draw(self, law: Any, key: Array, count: Array) -> Float[Array, " p"]:
        """Multinomial counts, exact."""
        return counts(key, count, law.mass)

    def join(self, first: Array, upto: Array, second: Array) -> Float[Array, " p"]:
        """The sum."""
        return first + second

    def complete(self, batch: Array, size: Array) -> Float[Array, " p"]:
        """The counts."""
        return batch


class SummaryStatistics(NamedTuple):
    """Sufficient statistics of N points of a Gaussian on the line."""

    count: Float[Array, ""]
    mean: Float[Array, ""]
    scatter: Float[Array, ""]
    r""":math:`\sum_i (x_i - \bar x)^2`"""


@dataclass(frozen=True)
class Summary:
    r"""Sufficient statistics of draws from Gaussians N(mu, s^2) on the line, exact.

    .. math:: \bar x \sim N(\mu, s^2/N),\qquad
        \textstyle\sum(x-\bar x)^2 \sim s^2\chi^2_{N-1}\quad\text{independent} .
    """

    def real(self, real: Real, key: Array, count: Array) -> SummaryStatistics:
        """Statistics of new real points."""
        return self.draw(real.law, key, count)

    def draw(self, law: GaussianMixture, key: Array, count: Array) -> SummaryStatistics:
        """Statistics of `count` >= 0 points of one Gaussian."""
        one = law.means.shape[-2:] == (1, 1)
        require(one, "law", "one Gaussian on the line", law.means.shape)
        mu, s2 = law.means[0, 0], law.covariances[0, 0, 0]
        key_mean, key_scatter = jr.split(key)
        z = jr.normal(key_mean, (), jnp.float64)
        freedom = jnp.maximum(count - 1.0, 1.0)
        chi2 = jr.chisquare(key_scatter, freedom, (), jnp.float64)
        return SummaryStatistics(
            jnp.asarray(count, jnp.float64),
            mu + jnp.sqrt(s2 / jnp.maximum(count, 1.0)) * z,
            jnp.where(count > 1.5, s2 * chi2, 0.0),
        )

    def join(
        self, first: SummaryStatistics, upto: Array, second: SummaryStatistics
    ) -> SummaryStatistics:
        """Statistics of both batches together."""
        total = first.count + second.count
        share = second.count / jnp.maximum(total, 1.0)
        gap = second.mean - first.mean
        return SummaryStatistics(
            total,
            first.mean + share * gap,
            first.scatter + second.scatter + first.count * share * gap**2,
        )

    def complete(self, batch: SummaryStatistics, size: Array) -> SummaryStatistics:
        """The statistics."""
        return batch
