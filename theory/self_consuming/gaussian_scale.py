r"""Second moments of a fitted Gaussian's mean and variance in a loop, exactly (derived).

Real law N(0, 1), real data and the latest model, N iid points a stage, variance divisor N.
A stage's data have raw moments that are polynomials of the last model,

.. math:: M_1 = \beta\mu,\ M_2 = \alpha+\beta(\mu^2+\sigma^2),\
    M_3 = \beta(\mu^3+3\mu\sigma^2),\ M_4 = 3\alpha+\beta(\mu^4+6\mu^2\sigma^2+3\sigma^4),

and those of the next model are polynomials of them of the same weight (mu counts 1,
sigma^2 counts 2), so that :math:`E\mu^4, E\mu^2\sigma^2, E\sigma^4` close with :math:`E\mu^2`.
"""

from dataclasses import dataclass

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from theory.mixing import Schedule
from theory.self_consuming.categorical import latest_shares

__all__ = ["GaussianMoments", "gaussian_moments"]


@dataclass(frozen=True)
class GaussianMoments:
    """Expectations over the loop, for every model."""

    mean2: Float[Array, " models"]
    """E mu^2; E sigma^2 is 1 minus this"""
    mean4: Float[Array, " models"]
    """E mu^4"""
    mean2_var: Float[Array, " models"]
    """E mu^2 sigma^2"""
    var2: Float[Array, " models"]
    """E sigma^4"""

    @property
    def variance_of_variance(self) -> Float[Array, " models"]:
        r"""Var :math:`\sigma^2`; four times that of log sigma to leading order."""
        return self.var2 - (1.0 - self.mean2) ** 2


def gaussian_moments(schedule: Schedule) -> GaussianMoments:
    """`GaussianMoments` of every model of a latest-only schedule, iid draws.

    Args:
        schedule: each stage from real data and the latest model alone.

    Raises:
        InputError: on another schedule.
    """
    beta, sizes = latest_shares(schedule), schedule.sizes

    def stage(E, at):
        new = _stage(*E, *at)
        return new, new

    exact = tuple(jnp.asarray(x, jnp.float64) for x in (0.0, 0.0, 0.0, 1.0))
    return GaussianMoments(*jax.lax.scan(stage, exact, (beta, sizes))[1])


def _stage(mean2, mean4, mean2_var, var2, beta, N):
    r"""The four expectations after one more stage.

    From sums over equal and different indices of the N points, e.g.
    :math:`N^3 E\,\bar x^2\overline{x^2} = N M_4 + N_2(M_2^2+2M_1M_3) + N_3M_1^2M_2` with
    :math:`N_k = N(N-1)\cdots(N-k+1)`.
    """
    alpha, var = 1.0 - beta, 1.0 - mean2
    M2 = alpha + beta * (mean2 + var)  # 1
    M4 = 3.0 * alpha + beta * (mean4 + 6.0 * mean2_var + 3.0 * var2)
    M1M3 = beta**2 * (mean4 + 3.0 * mean2_var)
    M2M2 = alpha * (2.0 * M2 - alpha) + beta**2 * (mean4 + 2.0 * mean2_var + var2)
    M1M1 = beta**2 * mean2
    M1M1M2 = alpha * M1M1 + beta**3 * (mean4 + mean2_var)
    N2, N3 = N * (N - 1.0), N * (N - 1.0) * (N - 2.0)
    square = (N * M4 + N2 * M2M2) / N**2  # of the mean of x^2
    mixed = (N * M4 + N2 * (M2M2 + 2.0 * M1M3) + N3 * M1M1M2) / N**3
    fourth = N * M4 + N2 * (4.0 * M1M3 + 3.0 * M2M2) + 6.0 * N3 * M1M1M2
    fourth = (fourth + N3 * (N - 3.0) * beta**4 * mean4) / N**4
    new_mean2 = M2 / N + (1.0 - 1.0 / N) * M1M1
    return new_mean2, fourth, mixed - fourth, square - 2.0 * mixed + fourth
