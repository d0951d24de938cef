"""A value with its standard error: what every estimator returns."""

from typing import NamedTuple

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

__all__ = ["Estimate", "jackknife_estimate", "mean_estimate", "ratio_estimate"]


class Estimate(NamedTuple):
    """Estimate and its standard error (0 where the value is exact)."""

    value: Float[Array, "..."]
    standard_error: Float[Array, "..."]


def mean_estimate(draws: Float[Array, "n ..."]) -> Estimate:
    """Sample mean over the first axis, float64, with its standard error."""
    x = draws.astype(jnp.float64)
    n = x.shape[0]
    return Estimate(jnp.mean(x, axis=0), jnp.std(x, axis=0, ddof=1) / jnp.sqrt(n))


def ratio_estimate(top: Float[Array, " n"], bottom: Float[Array, " n"]) -> Estimate:
    r"""Ratio of means with the delta-method standard error.

    .. math:: \hat\rho = \bar a/\bar b,\qquad
        \mathrm{se} = \mathrm{sd}(a - \hat\rho\,b)/(\sqrt n\,\bar b)
    """
    a, b = top.astype(jnp.float64), bottom.astype(jnp.float64)
    rho = jnp.mean(a) / jnp.mean(b)
    spread = jnp.std(a - rho * b, ddof=1) / jnp.sqrt(a.shape[0])
    return Estimate(rho, spread / jnp.abs(jnp.mean(b)))


def jackknife_estimate(
    value: Float[Array, "..."], without: Float[Array | np.ndarray, "g ..."]
) -> Estimate:
    r"""A value with the error of leaving out one group of points at a time.

    .. math:: \mathrm{se}^2 = \frac{g-1}g\sum_{j=1}^g(\theta_{(j)}-\bar\theta)^2

    Args:
        value: computed from all points.
        without: the same without each of g >= 2 groups of equal size.
    """
    groups = without.shape[0]
    return Estimate(value, ((groups - 1) * without.var(axis=0)) ** 0.5)
