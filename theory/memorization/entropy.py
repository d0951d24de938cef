r"""Exact and leading-order facts about the nearest-neighbour entropy (Sec. 3).

.. math:: H = \psi(N)-\psi(1)+\log c_d+\frac dN\sum_i\log\epsilon_i ,

:math:`\epsilon_i` the distance of point i to the nearest other one, in nats. At fixed N and d
only the mean log spacing moves.
"""

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from theory.memorization import statements
from theory.memorization.sizes import require_dim, require_points
from theory.validation import require, require_finite, require_in, require_positive

__all__ = [
    "ambient_slope",
    "copier_step",
    "duplicate_cost",
    "linear_manifold_entropy",
    "scaling_shift",
]

Scalar = Float[Array, "*n"] | float


def scaling_shift(factor: Scalar, dim: Scalar) -> Array:
    r""":math:`H(aX+b)-H(X) = d\log a`, exact.

    Args:
        factor: a > 0.
        dim: d >= 1.
    """
    require_positive("factor", factor)
    require_dim(dim)
    return statements.entropy_scaling(_float(dim), _float(factor))


def duplicate_cost(
    pairs: Scalar, points: Scalar, dim: Scalar, floor: Scalar, mean_log_spacing: Scalar
) -> Array:
    r"""Change of H where `pairs` pairs of points become equal, negative for a small floor.

    .. math:: \Delta H = -\frac{2k}{N}\,d\,\Big(\log\frac1f+\overline{\log\epsilon}\Big)

    Exact with the mean log spacing that the points of the pairs had, if no other point's
    nearest neighbour moved. Where a point is moved onto another one in a crowd, those
    whose neighbour it was add about k/N.

    Args:
        pairs: k >= 0, 2 k <= N.
        points: N >= 2.
        dim: d >= 1.
        floor: f > 0, what a distance of zero is read as.
        mean_log_spacing: before.
    """
    require_points(points, 2.0)
    require_in("pairs", pairs, 0.0, float(np.max(points)) / 2)
    require_dim(dim)
    require_positive("floor", floor)
    require_finite("mean_log_spacing", mean_log_spacing)
    values = (pairs, points, dim, floor, mean_log_spacing)
    return statements.duplicate_cost(*map(_float, values))


def copier_step(bandwidth: Scalar, dim: Scalar, mean_log_spacing: Scalar) -> Array:
    r"""H(G) - H(D) where G resamples D uniformly and adds noise of that bandwidth.

    .. math:: d\,(1-e^{-1})\,\big(\log(h\sqrt{2d})-\overline{\log\epsilon}\big)

    Leading order for :math:`h\sqrt{2d}` far below the spacing and large d: the share
    :math:`1-e^{-1}` of the copies has a sibling. What is neglected is about one nat.

    Args:
        bandwidth: h > 0.
        dim: d >= 1.
        mean_log_spacing: of D.
    """
    require_positive("bandwidth", bandwidth)
    require_dim(dim)
    require_finite("mean_log_spacing", mean_log_spacing)
    return statements.copier_step(*map(_float, (dim, bandwidth, mean_log_spacing)))


def ambient_slope(dim: Scalar, manifold_dim: Scalar) -> Array:
    r""":math:`dH/d\log N\to 1-d/m` of H in d dimensions, data on a manifold of dimension m.

    Args:
        dim: d >= 1.
        manifold_dim: m, in [1, d].
    """
    require_dim(dim)
    require_in("manifold_dim", manifold_dim, 1.0, float(np.min(dim)))
    return statements.ambient_slope(_float(dim), _float(manifold_dim))


def linear_manifold_entropy(mixing: Float[Array, "d m"]) -> Array:
    r"""Entropy of x = A z, z ~ N(0, I_m), relative to volume on the subspace.

    .. math:: H_m = \tfrac m2\log(2\pi e)+\log\sqrt{\det A^\top A}

    Args:
        mixing: A, (d, m) of full column rank.
    """
    A = np.asarray(mixing, dtype=np.float64)
    require(A.ndim == 2, "mixing", "a matrix (d, m)", A.shape)
    require_finite("mixing", A)
    gains = np.linalg.svd(A, compute_uv=False)
    full = A.shape[0] >= A.shape[1] >= 1 and gains[-1] > 1e-12 * gains[0]
    require(full, "mixing", "of full column rank", A)
    log_det = 2.0 * np.sum(np.log(gains))
    return statements.linear_manifold_entropy(_float(A.shape[1]), _float(log_det))


def _float(value: Scalar) -> Array:
    return jnp.asarray(value, jnp.float64)
