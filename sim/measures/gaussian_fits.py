r"""Two samples compared through the Gaussians fitted to them.

.. math:: \mathrm{KL}\big(N(\bar x,\Sigma_x)\,\|\,N(\bar y,\Sigma_y)\big),\qquad
    \lambda = \max_u\frac{u^\top\Sigma_xu}{u^\top\Sigma_yu} ,

covariances over n - 1. The divergence of the laws themselves where they are Gaussian, else a proxy
of second order. Their chi-square is infinite from :math:`\lambda=2` on. Both are
positive, or above 1, between two samples of one law: compare with such a pair.
"""

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from sim.measures.estimate import Estimate, jackknife_estimate
from theory.divergence import kl_gaussian
from theory.validation import require

__all__ = ["GROUPS", "kl_of_fits", "widest_ratio"]

GROUPS = 10
"""Groups of points of x that are left out in turn."""


def kl_of_fits(
    x: Float[Array, "n d"], y: Float[Array, "m d"], groups: int = GROUPS
) -> Estimate:
    """KL of the fit to x from the fit to y, nats, with the error that the points of x leave.

    Args:
        x: points, a multiple of `groups`; more than d of them without any one group.
        y: points, m > d.
        groups: g >= 2.

    Raises:
        InputError: where a covariance would be singular for want of points.
    """
    _require_regular(x, y, groups)
    mean, cov = _fitted(y)
    of = lambda points: kl_gaussian(*_fitted(points), mean, cov)
    return jackknife_estimate(of(x), jax.lax.map(of, _without(x, groups)))


def widest_ratio(
    x: Float[Array, "n d"], y: Float[Array, "m d"], groups: int = GROUPS
) -> Estimate:
    r"""Largest variance of x over that of y along any direction, :math:`\lambda`.

    Args and errors are those of `kl_of_fits`.
    """
    _require_regular(x, y, groups)
    L = jnp.linalg.cholesky(_fitted(y)[1])

    def of(points: Float[Array, "n d"]) -> Array:
        standard = jax.scipy.linalg.solve_triangular(L, _fitted(points)[1], lower=True)
        both = jax.scipy.linalg.solve_triangular(L, standard.T, lower=True)
        return jnp.linalg.eigvalsh(both)[-1]

    return jackknife_estimate(of(x), jax.lax.map(of, _without(x, groups)))


def _fitted(x: Float[Array, "n d"]) -> tuple[Array, Array]:
    x = jnp.asarray(x, jnp.float64)
    return jnp.mean(x, axis=0), jnp.cov(x, rowvar=False).reshape(2 * x.shape[1:])


def _without(x: Float[Array, "n d"], groups: int) -> Float[Array, "g k d"]:
    """The points without each group."""
    n = len(x)
    kept = [np.flatnonzero(np.arange(n) % groups != j) for j in range(groups)]
    return jnp.asarray(x)[np.stack(kept)]


def _require_regular(x, y, groups: int) -> None:
    n, d = x.shape
    require(n % groups == 0, "x", f"a multiple of {groups} points", n)
    left = n - n // groups
    require(left > d, "x", f"more than {d} points without a group", left)
    require(len(y) > d, "y", f"more than {d} points", len(y))
