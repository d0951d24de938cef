r"""Generalisation score and its companions, from nearest distances (Shi et al. 2025, Sec. 2).

.. math:: GS = \frac1n\sum_{x\in G}\min_{z\in D}\kappa(x, z)

is low where generated points G copy the training set D. It scales with the data,
GS(aG, aD) = a GS, and so falls as well when data merely shrink or clump. Only the twin
ratio and the share `closer` compare D with a set D' drawn alike but never trained on, and
are free of that.

All standard errors are over the generated points, for the sets D and D' at hand.
"""

import jax.numpy as jnp
from jaxtyping import Array, Float

from sim.measures.entropy import FLOOR
from sim.measures.estimate import Estimate, mean_estimate, ratio_estimate
from theory.validation import require, require_positive

__all__ = [
    "closer_share",
    "gs_l2",
    "gs_log",
    "gs_mse",
    "memorised_absolute",
    "memorised_ratio",
    "twin_ratio",
]


def gs_l2(distance: Float[Array, " n"]) -> Estimate:
    r"""Mean distance to the training set: :math:`\kappa = |x-z|` (selection figures)."""
    return mean_estimate(jnp.asarray(distance))


def gs_mse(distance: Float[Array, " n"], dim: int) -> Estimate:
    r"""Mean squared error per coordinate: :math:`\kappa = |x-z|^2/d` (sweeps over N)."""
    require(dim >= 1, "dim", ">= 1", dim)
    return mean_estimate(jnp.asarray(distance, jnp.float64) ** 2 / dim)


def gs_log(distance: Float[Array, " n"], floor: float = FLOOR) -> Estimate:
    r"""Mean of :math:`\log(|x-z| + f)`, the score that theory speaks about.

    At most the logarithm of `gs_l2` (Jensen), where f is negligible.

    Args:
        distance: of each generated point to the training set.
        floor: f, added to every distance: a copy counts log f.
    """
    require(floor >= 0, "floor", ">= 0", floor)
    return mean_estimate(jnp.log(jnp.asarray(distance, jnp.float64) + floor))


def memorised_ratio(
    nearest: Float[Array, " n"], second: Float[Array, " n"], ratio: float = 1.0 / 3.0
) -> Estimate:
    r"""Share of generated points with :math:`d_1 < c\,d_2` (Yoon et al. 2023).

    Blind to copies of points that have near-duplicates in the training set, whose d_1 and
    d_2 are alike: there, use `memorised_absolute`.

    Args:
        nearest: d_1, distances to the nearest training point.
        second: d_2, to the second.
        ratio: c, in (0, 1].
    """
    require(0.0 < ratio <= 1.0, "ratio", "in (0, 1]", ratio)
    return _share(jnp.asarray(nearest) < ratio * jnp.asarray(second))


def memorised_absolute(nearest: Float[Array, " n"], threshold: float) -> Estimate:
    """Share of generated points nearer to the training set than `threshold`.

    Args:
        nearest: distances to the nearest training point.
        threshold: one for all generations: a third of the mean distance between nearest
            neighbours in D_1.
    """
    require_positive("threshold", threshold)
    return _share(jnp.asarray(nearest) < threshold)


def twin_ratio(to_data: Float[Array, " n"], to_twin: Float[Array, " n"]) -> Estimate:
    r"""Mean distance to D over mean distance to its twin D'.

    .. math:: \rho = \overline{d(x, D)}\,/\,\overline{d(x, D')}

    1 says no memory of the sample, 0 copying. Invariant to scale. D and D' are equally
    large; the standard error is the delta method's, of paired distances.
    """
    return ratio_estimate(jnp.asarray(to_data), jnp.asarray(to_twin))


def closer_share(to_data: Float[Array, " n"], to_twin: Float[Array, " n"]) -> Estimate:
    """P(d(x, D) < d(x, D')), ties counting half: 1/2 says no memory of the sample."""
    a, b = jnp.asarray(to_data), jnp.asarray(to_twin)
    return mean_estimate(jnp.where(a == b, 0.5, (a < b).astype(jnp.float64)))


def _share(hits: Array) -> Estimate:
    return mean_estimate(hits.astype(jnp.float64))
