r"""Genealogy of a loop that copies: every round resamples the last one uniformly (derived).

Followed backwards, the N points of a round have ever fewer ancestors in the first. For
N to infinity the share of the first round's points with descendants obeys

.. math:: s_{t+1} = 1-e^{-s_t},\quad s_0 = 1,\qquad s_t\sim 2/t .

At finite N it is exact: k points have as many parents as k balls thrown at N boxes occupy.
Fresh data stop the collapse: two points have one ancestor with probability

.. math:: F_{t+1} = q\Big(\frac1N+\Big(1-\frac1N\Big)F_t\Big)\to
    F^\ast = \frac{q/N}{1-q(1-1/N)} ,

q the chance that both are copies. Without fresh data (q = 1) :math:`F_t = 1-(1-1/N)^t`.
How many lines are left then is exact too: a fresh point ends its line, the others' parents
are thrown as before.
"""

from functools import partial

import jax
import jax.numpy as jnp
from jax.scipy.special import xlog1py
from jaxtyping import Array, Float

from theory.memorization.sizes import require_points, require_whole
from theory.validation import require, require_in

__all__ = [
    "distinct_lines",
    "fresh_fixed_point",
    "fresh_shared_ancestor",
    "shared_ancestor",
    "surviving_share",
    "surviving_share_finite",
]


def surviving_share(rounds: int) -> Float[Array, " rounds"]:
    r""":math:`s_1\dots s_t` for N to infinity, of `statements.survival_step`.

    Args:
        rounds: t >= 1.
    """
    require_whole("rounds", rounds)

    def step(s, _):
        s = -jnp.expm1(-s)
        return s, s

    return jax.lax.scan(step, jnp.float64(1.0), length=rounds)[1]


def surviving_share_finite(points: int, rounds: int) -> Float[Array, " rounds"]:
    r"""Expected share of N points with descendants after 1, ..., t rounds; exact.

    .. math:: s_t = E[A_t]/N,\quad A_0 = N,\quad
        A_{t+1}\mid A_t\ \text{boxes occupied by } A_t \text{ balls among N}

    Time O(N^2) for each round, memory O(N).

    Args:
        points: N >= 1.
        rounds: t >= 1.
    """
    require_whole("points", points)
    require_whole("rounds", rounds)
    return _occupancy_chain(points, rounds)


@partial(jax.jit, static_argnames=("N", "rounds"))
def _occupancy_chain(N: int, rounds: int) -> Float[Array, " rounds"]:
    """Mean of the chain over N, from its law on 0..N."""
    occupied = jnp.arange(N + 1, dtype=jnp.float64)

    def throw(law):
        """One ball more: into an occupied box, or into one of the N - j empty ones."""
        new = law * (N - occupied) / N
        return (law * occupied / N).at[1:].add(new[:-1])

    # sum_k p_k throw^k (no box) = p_0 + throw(p_1 + throw(p_2 + ...)): positive terms
    def horner(law, p_k):
        return throw(law).at[0].add(p_k), None

    def one_round(ancestors, _):
        parents = jax.lax.scan(horner, jnp.zeros_like(ancestors), ancestors[::-1])[0]
        return parents, parents @ occupied / N

    start = jnp.zeros_like(occupied).at[N].set(1.0)
    return jax.lax.scan(one_round, start, length=rounds)[1]


def distinct_lines(
    points: int, fresh_fractions: Float[Array, " rounds"]
) -> Float[Array, " rounds"]:
    r"""Expected share of distinct lines among N points after 1, ..., t rounds; exact.

    A line goes from a point back to the real point that it descends from. With
    :math:`u_k(b)` the expected lines of k points whose parents so far occupy b boxes,

    .. math:: u_{k+1}(b) = f\,(1+u_k(b)) + (1-f)\Big[\frac bN u_k(b)
        + \Big(1-\frac bN\Big)u_k(b+1)\Big],

    :math:`u_0` the expected lines of b points one round earlier. Without fresh points it is
    `surviving_share_finite`. Time O(N^2) for each round, memory O(N).

    Args:
        points: N >= 1.
        fresh_fractions: f of each round, (t,), in [0, 1]: every point is fresh with that
            chance, by itself.
    """
    require_whole("points", points)
    require_in("fresh_fractions", fresh_fractions, 0.0, 1.0)
    return _lines(points, jnp.asarray(fresh_fractions, jnp.float64))


@partial(jax.jit, static_argnames="N")
def _lines(N: int, fresh: Float[Array, " rounds"]) -> Float[Array, " rounds"]:
    occupied = jnp.arange(N + 1, dtype=jnp.float64)

    def one_round(lines, f):
        def one_point(u, _):
            another = jnp.roll(u, -1)  # the last box leads nowhere: its weight is 0
            thrown = (occupied * u + (N - occupied) * another) / N
            u = f * (1.0 + u) + (1.0 - f) * thrown
            return u, u[0]

        more = jax.lax.scan(one_point, lines, length=N)[1]
        return jnp.concatenate([lines[:1], more]), more[-1] / N

    return jax.lax.scan(one_round, occupied, fresh)[1]


def shared_ancestor(points, rounds) -> Array:
    r""":math:`F_t = 1-(1-1/N)^t` of two different points, without fresh data.

    Args:
        points: N >= 1, a number or an array.
        rounds: t >= 0, a number or an array.
    """
    require_points(points)
    require_in("rounds", rounds, 0.0, 1e9)
    N, t = (jnp.asarray(a, jnp.float64) for a in (points, rounds))
    return -jnp.expm1(xlog1py(t, -1.0 / N))


def fresh_shared_ancestor(
    points: int, fresh_fraction: float, rounds: int, protocol: str = "iid"
) -> Float[Array, " rounds"]:
    r""":math:`F_1\dots F_t` with a fresh fraction f in every round, :math:`F_0 = 0`.

    :math:`F_t = F^\ast(1-\rho^t)`, :math:`\rho = q(1-1/N)`.

    Args:
        points: N >= 1; 2 with fixed counts.
        fresh_fraction: f, in [0, 1].
        rounds: t >= 1.
        protocol: "iid", every point is fresh with chance f, :math:`q=(1-f)^2`; or "fresh",
            a fixed count [f N] of them, :math:`q = k(k-1)/(N(N-1))`, k copies.
    """
    require_whole("rounds", rounds)
    fixed = fresh_fixed_point(points, fresh_fraction, protocol)
    q, _ = _both_copied(points, fresh_fraction, protocol)
    t = jnp.arange(1, rounds + 1, dtype=jnp.float64)
    rho = q * (1.0 - 1.0 / points)
    return fixed * -jnp.expm1(t * jnp.log(rho))


def fresh_fixed_point(
    points: int, fresh_fraction: float, protocol: str = "iid"
) -> Array:
    r""":math:`F^\ast`, 1 without fresh data; about 1/(1 + 2 f N) for small f.

    Args:
        points: N >= 1; 2 with fixed counts.
        fresh_fraction: f, in [0, 1].
        protocol: "iid" or "fresh", see `fresh_shared_ancestor`.
    """
    q, rest = _both_copied(points, fresh_fraction, protocol)
    # 1 - q (1 - 1/N) is 1 - q + q/N, and 1 - q is known without cancellation
    return jnp.asarray(q / (points * rest + q), jnp.float64)


def _both_copied(N: int, f: float, protocol: str) -> tuple[float, float]:
    """Chance q that two different points are both copies, and 1 - q."""
    require_whole("points", N, least=1 + (protocol == "fresh"))
    require_in("fresh_fraction", f, 0.0, 1.0)
    require(protocol in ("iid", "fresh"), "protocol", "'iid' or 'fresh'", protocol)
    if protocol == "iid":
        return (1.0 - f) ** 2, f * (2.0 - f)
    fresh = round(f * N)
    k, ordered = N - fresh, N * (N - 1)
    return k * (k - 1) / ordered, fresh * (N + k - 1) / ordered
