r"""Entropy against distance: why log score and entropy lie on a line, and its slope.

If the generated points and the N training points are independent draws of one density, a
generated point is one of N + 1, and the estimate of entropy read backwards gives

.. math:: E\log d(G,D) = \frac{H-\psi(N+1)+\psi(1)-\log c_d}{d} ,

slope 1/d. A model that copies lowers only the spacings of the share :math:`1-e^{-1}` with a
sibling: :math:`1/((1-e^{-1})d)`. Between the two, slope times d goes from 1 to 1.58.
"""

import jax.numpy as jnp
from jaxtyping import Array, Float

from theory.memorization import statements
from theory.memorization.sizes import require_dim, require_points
from theory.validation import require_finite

__all__ = ["entropy_from_distance", "mean_log_distance", "slope_bounds"]

Scalar = Float[Array, "*n"] | float


def mean_log_distance(entropy: Scalar, points: Scalar, dim: Scalar) -> Array:
    r""":math:`E\log d(x,D)` of a point and N others, all drawn from one density.

    Exact for a flat density; else up to the bias of the nearest-neighbour estimate.

    Args:
        entropy: of the density, nats.
        points: N >= 1.
        dim: d >= 1.
    """
    require_finite("entropy", entropy)
    return statements.mean_log_distance(*_checked(entropy, points, dim))


def entropy_from_distance(mean_log: Scalar, points: Scalar, dim: Scalar) -> Array:
    r"""The entropy whose `mean_log_distance` is `mean_log`.

    Args:
        mean_log: mean of the log of the distance to the nearest of N points.
        points: N >= 1.
        dim: d >= 1.
    """
    require_finite("mean_log", mean_log)
    return statements.entropy_from_distance(*_checked(mean_log, points, dim))


def slope_bounds(dim: Scalar, squared: bool = False) -> tuple[Array, Array]:
    r"""Slopes of the log score in the entropy: generalising, copying.

    A third one, below both, is that of a score at the noise floor of its sampler.

    Args:
        dim: d >= 1.
        squared: score of squared distances (any constant multiple), which has slopes twice
            those of distances.
    """
    require_dim(dim)
    d = jnp.asarray(dim, jnp.float64)
    power = 2.0 if squared else 1.0
    return power * statements.slope_generalising(d), power * statements.slope_copying(d)


def _checked(value: Scalar, points: Scalar, dim: Scalar) -> tuple[Array, ...]:
    require_points(points)
    require_dim(dim)
    return tuple(jnp.asarray(a, jnp.float64) for a in (value, points, dim))
