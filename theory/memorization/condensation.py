r"""Where the empirical score condenses on single training points.

For N points of a Gaussian the posterior over the training points of :math:`x_0+\sigma z` is
spread over many while the information :math:`I(x_0;x_0+\sigma z)` is below log N, and sits on
one where it is above (a volume argument, after Biroli et al. 2024, recalled). For N(0, I_d)

.. math:: \tfrac d2\log(1+\sigma_c^{-2}) = \log N\quad\Longrightarrow\quad
    \sigma_c = (N^{2/d}-1)^{-1/2} .
"""

from typing import Any

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float
from scipy.optimize import brentq

from theory.memorization.sizes import require_dim, require_points
from theory.validation import require, require_positive

__all__ = [
    "condensation_noise",
    "condensation_noise_of",
    "condensation_time",
    "mutual_information",
]

Scalar = Float[Array, "*n"] | float


def mutual_information(noise: Scalar, variances: Float[Array, " d"]) -> Array:
    r""":math:`I(x_0;x_0+\sigma z) = \tfrac12\sum_j\log(1+v_j/\sigma^2)` nats, Gaussian x_0.

    Args:
        noise: sigma > 0, a number or an array.
        variances: (d,) eigenvalues v > 0 of the covariance of x_0.
    """
    require_positive("noise", noise)
    require_positive("variances", variances)
    sigma = jnp.asarray(noise, jnp.float64)[..., None]
    v = jnp.asarray(variances, jnp.float64).reshape((1,) * (sigma.ndim - 1) + (-1,))
    return 0.5 * jnp.sum(jnp.log1p(v / sigma**2), axis=-1)


def condensation_noise(points: Scalar, dim: Scalar) -> Array:
    r""":math:`\sigma_c = (N^{2/d}-1)^{-1/2}`, standard deviation of the noise, N(0, I_d).

    For data of variance v in every direction, sqrt(v) times that.

    Args:
        points: N >= 2 (one point is always told).
        dim: d >= 1.
    """
    return 1.0 / jnp.sqrt(jnp.expm1(_information(points, dim)))


def condensation_noise_of(points: float, variances: Float[Array, " d"]) -> float:
    r"""Where `mutual_information` is log N for other covariances: unique, it falls in sigma.

    Args:
        points: N >= 2.
        variances: (d,) eigenvalues v > 0 of the covariance.
    """
    require_positive("variances", variances)
    v = np.asarray(variances, dtype=np.float64)
    require(v.ndim == 1 and v.size >= 1, "variances", "of shape (d,)", v.shape)
    isotropic = float(condensation_noise(points, float(v.size)))
    low, high = (np.log(isotropic * np.sqrt(edge)) for edge in (v.min(), v.max()))

    def excess(log_noise: float) -> float:
        information = 0.5 * np.sum(np.log1p(v * np.exp(-2.0 * log_noise)))
        return float(information - np.log(points))

    # the covariance lies between its extreme eigenvalues times the identity
    root: Any = brentq(excess, low - 1e-6, high + 1e-6, xtol=1e-14)
    return float(np.exp(root))


def condensation_time(points: Scalar, dim: Scalar) -> Array:
    r"""Noise time of `theory.processes.OU` at which the posterior condenses, N(0, I_d).

    That clock, dX = -X/2 dt + dB, reaches the noise :math:`\sigma^2 = e^t-1` relative to the
    signal, so

    .. math:: t_c = \log(1+\sigma_c^2) = -\log(1-N^{-2/d}) .

    In the clock :math:`dX = -X\,dt+\sqrt2\,dB` it is half of this.

    Args:
        points: N >= 2.
        dim: d >= 1.
    """
    return -jnp.log(-jnp.expm1(-_information(points, dim)))


def _information(points: Scalar, dim: Scalar) -> Array:
    r""":math:`\tfrac2d\log N`."""
    require_points(points, 2.0)
    require_dim(dim)
    N, d = (jnp.asarray(a, jnp.float64) for a in (points, dim))
    return 2.0 * jnp.log(N) / d
