r"""Phases of a loop that copies, over the points N and the rounds t (derived).

Each round resamples the last one uniformly. Followed backwards, all is in two numbers: the
chance that two points share an ancestor, :math:`F_t = 1-(1-1/N)^t`, and the number A_t of
lines that are left. Many lines merge as in the limit of many points, :math:`A_t = Ns_t` with
:math:`s_{t+1} = 1-e^{-s_t}`; few merge in pairs (Kingman's coalescent). Both are one formula
in the time :math:`\nu_t = 2/s_t`, which is t plus a logarithm:

.. math:: E A_t \approx \sum_{k\ge1}(2k-1)e^{-k(k-1)\nu_t/2N},\qquad
    P(A_t = 1) \approx 1-\sum_{k\ge2}(-1)^k(2k-1)e^{-k(k-1)\nu_t/2N} ,

right to order 1/N (tests compare with the exact occupancy chain). So half of the originals
are lost within two rounds whatever N, half of all pairs share an ancestor at
:math:`t = N\log2`, and one line is all that is left from 1.74 N on.
"""

from enum import IntEnum
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import xarray as xr
from jaxtyping import Array, ArrayLike, Float, Num

from theory.memorization.genealogy import shared_ancestor, surviving_share
from theory.memorization.sizes import require_points
from theory.roots import bisect
from theory.validation import require, require_in

__all__ = ["Phase", "ancestor_time", "copying_phases", "expected_lines", "one_line"]

FEW = 0.3
"""Below this nu/N the sum is its expansion, to 1e-6; above it few terms are enough."""
TERMS = 16
LEAST = 4.0
"""Points below which order 1/N is not small."""


class Phase(IntEnum):
    """What a training set consists of."""

    DISTINCT = 0
    """At least half of the original points have descendants."""
    THINNED = 1
    """Most originals are lost, most pairs of points have different ancestors."""
    RELATED = 2
    """Most pairs of points share an ancestor."""
    ONE_LINE = 3
    """All points are copies of one original, with chance 1/2 or more."""


def expected_lines(scaled: Float[Array, "*n"]) -> Float[Array, "*n"]:
    r""":math:`\sum_{k\ge1}(2k-1)e^{-k(k-1)\tau/2}`, lines left of infinitely many at tau > 0.

    For small tau the sum over odd numbers j = 2k - 1 of :math:`je^{-j^2\tau/8}` is its
    integral and the midpoint rule's corrections:
    :math:`e^{\tau/8}(2/\tau+1/12+7\tau/960+31\tau^2/32256+\dots)`.
    """
    tau = jnp.asarray(scaled, jnp.float64)
    even = 1.0 / 12.0 + 7.0 * tau / 960.0 + 31.0 * tau**2 / 32256.0
    early = jnp.exp(tau / 8.0) * (2.0 / tau + even)
    late = jnp.maximum(tau, FEW)
    terms = [
        (2 * k - 1) * jnp.exp(-0.5 * k * (k - 1) * late) for k in range(1, TERMS + 1)
    ]
    return jnp.where(tau < FEW, early, sum(terms))


def one_line(scaled: Float[Array, "*n"]) -> Float[Array, "*n"]:
    r""":math:`1-\sum_{k\ge2}(-1)^k(2k-1)e^{-k(k-1)\tau/2}`, chance of one line at tau > 0."""
    tau = jnp.asarray(scaled, jnp.float64)
    late = jnp.maximum(tau, FEW)  # below it the chance is less than 1e-5
    terms = [
        (-1) ** k * (2 * k - 1) * jnp.exp(-0.5 * k * (k - 1) * late)
        for k in range(2, TERMS + 1)
    ]
    return jnp.where(tau < FEW, 0.0, 1.0 - sum(terms))


def ancestor_time(points, chance) -> Array:
    r"""Rounds after which two points share an ancestor with this chance; exact.

    .. math:: t = \frac{\log(1-F)}{\log(1-1/N)} \approx -N\log(1-F)

    Args:
        points: N >= 2, a number or an array.
        chance: F in [0, 1).
    """
    require_points(points, 2.0)
    require_in("chance", chance, 0.0, 1.0)
    N, F = (jnp.asarray(v, jnp.float64) for v in (points, chance))
    return jnp.log1p(-F) / jnp.log1p(-1.0 / N)


def copying_phases(
    points: Num[ArrayLike, " n"], rounds: Num[ArrayLike, " t"]
) -> xr.Dataset:
    """Shared ancestors, lines left, phases and their boundaries: one compiled program.

    Args:
        points: N, real numbers >= 4.
        rounds: t, real numbers >= 0, the largest at most 1e6.

    Returns:
        Dataset over (rounds, points): `shared_ancestor`, the chance F; `lines`, the
        expected number of lines over N; `alone`, the chance of one line; `phase`
        (`Phase`). Over points: `halved`, the round at which lines are N/2; `related`, at
        which F = 1/2; `merged`, at which one line is left with chance 1/2. NaN where that
        lies beyond the last of the rounds.
    """
    require_in("points", points, LEAST, 1e9)
    require_in("rounds", rounds, 0.0, 1e6)
    axes = {"rounds": rounds, "points": points}
    for name, values in axes.items():
        require(np.ndim(values) == 1, name, "a vector", np.shape(values))
    t, N = (jnp.asarray(v, jnp.float64) for v in axes.values())
    found = _phases(t, N, max(2, int(np.ceil(np.max(np.asarray(rounds))))))
    found = jax.device_get(found)
    dims = {1: ("points",), 2: ("rounds", "points")}
    return xr.Dataset(
        {name: (dims[np.ndim(v)], v) for name, v in found.items()},
        coords={name: np.asarray(v) for name, v in axes.items()},
    )


@partial(jax.jit, static_argnames="last")
def _phases(t: Array, N: Array, last: int) -> dict[str, Array]:
    whole = jnp.arange(last + 1, dtype=jnp.float64)
    nu = 2.0 / jnp.append(1.0, surviving_share(last))
    scaled = jnp.interp(t, whole, nu)[:, None] / N[None, :]
    F = shared_ancestor(N[None, :], t[:, None])
    lines, alone = expected_lines(scaled) / N[None, :], one_line(scaled)

    def when(level):  # the round at which nu is that
        return jnp.interp(level, nu, whole, right=jnp.nan)

    late = jnp.full_like(N, 50.0)
    half = bisect(lambda tau: expected_lines(tau) < 0.5 * N, 1.0 / N, late)
    one = bisect(lambda tau: one_line(tau) > 0.5, 1.0 / N, late)
    related = ancestor_time(N, 0.5)
    phase = jnp.select(
        [alone >= 0.5, F >= 0.5, lines < 0.5],
        [Phase.ONE_LINE, Phase.RELATED, Phase.THINNED],
        Phase.DISTINCT,
    )
    return {
        "shared_ancestor": F,
        "lines": lines,
        "alone": alone,
        "phase": phase,
        "halved": when(half * N),
        "related": jnp.where(related <= last, related, jnp.nan),
        "merged": when(one * N),
    }
