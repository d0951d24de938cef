r"""Kozachenko-Leonenko entropy from nearest-neighbour distances (Shi et al. 2025, Sec. 3).

.. math:: \hat H_k = \psi(N) - \psi(k) + \log c_d
        + \frac dN\sum_{i=1}^N \log(\epsilon_k(i) + f)

in nats, where :math:`\epsilon_k(i)` is the distance from point i to its k-th nearest *other*
point, c_d the volume of the unit ball and f a floor. As in the authors' released code the
floor is added, 1e-10, and nothing is dropped: an exact duplicate keeps its
:math:`\log f`, and each pair of them lowers the estimate by
:math:`(2d/N)(\log(1/f) + \overline{\log\epsilon})`. Count them (`duplicates`).

For data on an m-dimensional manifold use the intrinsic m for d: entropy relative to the
manifold's own volume. With the ambient d the estimate has no limit; it drifts by 1 - d/m
for each unit of log N.
"""

import jax.numpy as jnp
from jaxtyping import Array, Float, Int
from scipy.special import digamma

from sim.measures.estimate import Estimate, mean_estimate
from sim.measures.neighbours import Neighbours
from theory.geometry import log_ball_volume
from theory.validation import require

__all__ = ["FLOOR", "duplicates", "entropy", "entropy_of_neighbours"]

FLOOR = 1e-10
"""Added to every distance, in the units of the data (official code)."""


def entropy(
    spacing: Float[Array, " n"], dim: float, k: int = 1, floor: float = FLOOR
) -> Estimate:
    r"""Entropy of the law behind a sample, from the sample's spacing alone.

    The standard error :math:`d\,\mathrm{sd}(\log\epsilon)/\sqrt N` takes the N logarithms
    as independent. They are not, neighbours share distances, so it is too small: for
    Gaussian samples with k = 1 by a factor of 1.15 at d = 1 and 1.5 at d = 20 (N = 256;
    1.7 with k = 5). `entropy_of_neighbours` errs on the other side.

    Args:
        spacing: :math:`\epsilon_k`, distances to the k-th nearest other point.
        dim: d, or m on a manifold; >= 1.
        k: which neighbour, 1 <= k < N.
        floor: f >= 0; without one, duplicates give minus infinity.

    Raises:
        InputError: for k or floor out of range.
    """
    log_spacing, constant = _terms(spacing, dim, k, floor)
    mean = mean_estimate(log_spacing)
    return Estimate(constant + dim * mean.value, dim * mean.standard_error)


def entropy_of_neighbours(
    found: Neighbours, dim: float, k: int = 1, floor: float = FLOOR
) -> Estimate:
    r"""The same value, with the jackknife's standard error (derived).

    Without point j every other point keeps its spacing, unless j was among its k nearest:
    then the (k+1)-th distance takes its place. All N estimates without one point thus
    follow from one search, and

    .. math:: \mathrm{se}^2 = \frac{N-1}N \sum_j (\hat H_{(j)} - \overline{\hat H})^2

    is too large on average, whatever the law (Efron and Stein 1981; strictly, as the error
    with N - 1 points). For Gaussian samples with k = 1 by a factor of 1.4 in the standard
    error at d = 1, 1.1 at d = 20 (N = 256).

    Args:
        found: neighbours of the points within their own set, >= k + 1 of each.
        dim: d, or m on a manifold; >= 1.
        k: which neighbour.
        floor: f >= 0; without one, duplicates give minus infinity.

    Raises:
        InputError: for k or floor out of range, or too few neighbours.
    """
    n, columns = found.distance.shape
    require(columns > k, "neighbours", f"at least k + 1 = {k + 1} of each", columns)
    log_spacing, constant = _terms(found.distance[:, k - 1], dim, k, floor)
    following, _ = _terms(found.distance[:, k], dim, k, floor)
    gain = jnp.broadcast_to((following - log_spacing)[:, None], (n, k))
    grown = jnp.zeros(n, jnp.float64).at[found.index[:, :k]].add(gain)
    without = dim * (jnp.sum(log_spacing) - log_spacing + grown) / (n - 1)
    variance = (n - 1) * jnp.var(without)
    return Estimate(constant + dim * jnp.mean(log_spacing), jnp.sqrt(variance))


def duplicates(spacing: Float[Array, " n"]) -> Int[Array, ""]:
    """How many points have another at distance exactly 0; each contributes log f."""
    return jnp.sum(jnp.asarray(spacing) == 0.0)


def _terms(spacing, dim: float, k: int, floor: float) -> tuple[Array, Array]:
    """Logarithms of floored spacing, and the estimate's constant."""
    eps = jnp.asarray(spacing, jnp.float64)
    require(eps.ndim == 1 and len(eps) >= 2, "spacing", "(n,), n >= 2", eps.shape)
    require(1 <= k < len(eps), "k", f"in [1, {len(eps) - 1}]", k)
    require(floor >= 0, "floor", ">= 0", floor)
    constant = digamma(len(eps)) - digamma(k) + log_ball_volume(dim)
    return jnp.log(eps + floor), constant
