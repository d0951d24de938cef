r"""Intrinsic dimension by maximum likelihood from nearest-neighbour distances.

Around a point the numbers of neighbours within r grow like :math:`r^m`, so that the logarithms
of the ratios of their distances are independent exponentials of rate m (Levina and Bickel
2004). Pooled over N points with k neighbours each (MacKay and Ghahramani 2005),

.. math:: \hat m = \frac{N(k-1)-1}{\sum_i\sum_{j<k}\log(r_k(i)/r_j(i))} ;

k = 2 is the two-neighbour estimate (Facco et al. 2017). It is the rate's dimension, not the
ambient one; in many dimensions it falls short, as a ball of k neighbours is then wide.
"""

import jax.numpy as jnp
from jaxtyping import Array, Float

from sim.measures.estimate import Estimate
from theory.validation import require

__all__ = ["NEIGHBOURS", "intrinsic_dimension"]

NEIGHBOURS = 5


def intrinsic_dimension(distance: Float[Array, "n k"]) -> Estimate:
    r"""The pooled estimate, :math:`\mathrm{se}=\hat m\,\mathrm{sd}(T)/(\bar T\sqrt n)`.

    :math:`T_i=\sum_{j<k}\log(r_k/r_j)` are taken as independent, which neighbours' are not
    quite. Points with a duplicate (:math:`r_1=0`) say nothing and are left out; NaN
    if two or fewer remain.

    Args:
        distance: to the k >= 2 nearest other points, ascending.

    Raises:
        InputError: on fewer than two neighbours.
    """
    shape = distance.shape
    ok = distance.ndim == 2 and shape[1] >= 2
    require(ok, "distance", "(n, k), k >= 2 neighbours each", shape)
    r, k = jnp.asarray(distance, jnp.float64), shape[1]
    alone = r[:, 0] > 0
    ratios = jnp.log(r[:, -1:]) - jnp.log(jnp.where(alone[:, None], r, 1.0))[:, :-1]
    T = jnp.where(alone, jnp.sum(ratios, axis=1), 0.0)
    n = jnp.sum(alone)
    mean = jnp.sum(T) / n
    variance = jnp.sum(jnp.where(alone, (T - mean) ** 2, 0.0)) / (n - 1)
    m = (n * (k - 1.0) - 1.0) / jnp.sum(T)
    known = n > 2
    error = m * jnp.sqrt(variance / n) / mean
    return Estimate(jnp.where(known, m, jnp.nan), jnp.where(known, error, jnp.nan))
