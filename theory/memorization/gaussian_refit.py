r"""A model that cannot memorise: one Gaussian, refitted to its own samples (derived).

What sampling error alone takes from the entropy, whatever the covariance:

.. math:: E\,H(\hat p)-H(p) = \tfrac12\sum_{j=1}^d\Big[\psi\Big(\frac{N-j}2\Big)
    -\log\frac{N-1}2\Big]\approx-\frac{d(d+1)}{4N} .
"""

import jax.numpy as jnp
from jax.scipy.special import digamma, polygamma
from jaxtyping import Array, Float

from theory.memorization.sizes import require_points, require_whole
from theory.validation import require_finite

__all__ = ["refit_entropy", "refit_entropy_step", "refit_entropy_variance"]


def refit_entropy_step(dim: int, points: float) -> Array:
    r"""Expected change of the entropy, nats, per refit; never positive.

    The covariance is the sample one with divisor N - 1.

    Args:
        dim: d >= 1.
        points: N > d, where the covariance is regular.
    """
    require_whole("dim", dim)
    require_points(points, dim + 1.0)
    N = jnp.asarray(points, jnp.float64)
    j = jnp.arange(1, dim + 1, dtype=jnp.float64)
    return 0.5 * jnp.sum(digamma((N - j) / 2.0) - jnp.log((N - 1.0) / 2.0))


def refit_entropy(
    entropy: float, dim: int, points: float, refits: int
) -> Float[Array, " refits+1"]:
    r"""Expected entropy of the real law and of models 1, ..., after that many refits.

    Each step is the same: its law does not depend on the covariance.

    Args:
        entropy: of the real Gaussian, nats.
        dim: d >= 1.
        points: N > d.
        refits: >= 1.
    """
    require_finite("entropy", entropy)
    require_whole("refits", refits)
    steps = jnp.arange(refits + 1, dtype=jnp.float64)
    return entropy + steps * refit_entropy_step(dim, points)


def refit_entropy_variance(dim: int, points: float) -> Array:
    r"""Variance of that change, nats squared, from run to run.

    .. math:: \mathrm{Var}\big[H(\hat p)-H(p)\big]
        = \tfrac14\sum_{j=1}^d\psi'\Big(\frac{N-j}2\Big)\approx\frac d{2N} ,

    that of half the log determinant of a Wishart matrix. Steps are independent.

    Args:
        dim: d >= 1.
        points: N > d.
    """
    require_whole("dim", dim)
    require_points(points, dim + 1.0)
    N = jnp.asarray(points, jnp.float64)
    j = jnp.arange(1, dim + 1, dtype=jnp.float64)
    return 0.25 * jnp.sum(polygamma(1, (N - j) / 2.0))
