r"""A memoriser of fixed bandwidth: its score stays, whatever its entropy does (derived).

Each round resamples its training set uniformly and adds noise h z. A copy is, in the mean,

.. math:: E\|hz\| = h\sqrt2\,\frac{\Gamma((d+1)/2)}{\Gamma(d/2)}

from its parent in every round, while the entropy falls as lines of copies die out: entropy
alone does not determine the score.
"""

import jax.numpy as jnp
from jaxtyping import Array, Float

from theory.memorization import statements
from theory.memorization.sizes import require_dim
from theory.validation import require_in, require_positive

__all__ = ["memoriser_score", "preserving_bandwidth"]

Scalar = Float[Array, "*n"] | float


def memoriser_score(bandwidth: Scalar, dim: Scalar) -> Array:
    r"""Mean distance of a copy to its parent, :math:`h\sqrt2\,\Gamma((d+1)/2)/\Gamma(d/2)`.

    An upper bound on the mean generalization score, since another training point may lie
    nearer; attained as h falls below the spacing.

    Args:
        bandwidth: h > 0, noise per coordinate.
        dim: d >= 1.
    """
    require_positive("bandwidth", bandwidth)
    require_dim(dim)
    h, d = (jnp.asarray(a, jnp.float64) for a in (bandwidth, dim))
    return statements.memoriser_score(h, d)


def preserving_bandwidth(bandwidth: Scalar) -> Array:
    r"""Bandwidth h' with which :math:`\sqrt{1-h^2}\,x+hz` differs from x ~ N(0, I).

    :math:`h' = \sqrt{2-2\sqrt{1-h^2}}`, exact; give it to `memoriser_score` where copies
    are shrunk so that the variance stays.

    Args:
        bandwidth: h, in (0, 1].
    """
    require_positive("bandwidth", bandwidth)
    require_in("bandwidth", bandwidth, 0.0, 1.0)
    h2 = jnp.asarray(bandwidth, jnp.float64) ** 2
    return jnp.sqrt(2.0 * h2 / (1.0 + jnp.sqrt(1.0 - h2)))  # 1 - sqrt(1 - h^2)
