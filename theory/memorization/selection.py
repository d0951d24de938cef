r"""What a run of farthest-point selection proves about every other selection.

Greedy selection (Sec. 6) adds the point of the pool farthest from those it has; let r_n be the
distance of its n-th pick to the picks before. The n picks are at least r_n apart, no n points
of the pool are more than 2 r_n apart (Gonzalez 1985), and so greedy is within a factor 2 of the
largest minimal distance, from any start. The run also bounds the entropy, which greedy
does not maximise, of any selection.
"""

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from theory.validation import require, require_in

__all__ = ["best_log_spacing_bound", "best_spacing_bound"]


def best_spacing_bound(picks: Float[Array, " n-1"]) -> Float[Array, " n-1"]:
    r"""Upper bounds :math:`2r_2\dots2r_n` on the minimal distance within any 2, ..., n points.

    Args:
        picks: :math:`r_2\dots r_n`, >= 0 and never rising: distances of the picks after the
            first to those before.

    Raises:
        InputError: on distances that rise, which farthest points cannot.
    """
    return 2.0 * _distances(picks)


def best_log_spacing_bound(picks: Float[Array, " n-1"]) -> Float[Array, " n-1"]:
    r"""Upper bounds on :math:`\sum_{x\in S}\log\min_{y\ne x}\|x-y\|` for 2, ..., n points S.

    .. math:: \sum_{j=2}^n\log 2r_j+\log 2r_n

    Give each point of S to the nearest of the first j - 1 picks: at most j - 2 of them are
    alone, and the others have a neighbour within :math:`2r_j`; so the (j-1)-th largest term
    is at most :math:`\log 2r_j`, and the smallest two are at most :math:`\log 2r_n`. Times
    d/n, plus the constants of the estimate, it bounds the entropy.

    Args:
        picks: as `best_spacing_bound`.
    """
    log_bound = jnp.log(2.0 * _distances(picks))
    return jnp.cumsum(log_bound) + log_bound


def _distances(picks) -> Array:
    require_in("picks", picks, 0.0, np.finfo(float).max)
    r = np.asarray(picks, dtype=np.float64)
    require(r.ndim == 1 and r.size >= 1, "picks", "of shape (n - 1,)", r.shape)
    # equal distances may differ by rounding
    ok = bool(np.all(np.diff(r) <= 1e-12 * r[:-1]))
    require(ok, "picks", "distances that never rise", r)
    return jnp.asarray(r)
