r"""Mean and pointwise variance of every kernel density of a loop, exact (derived).

Stage s smooths the empirical measure of its points, :math:`\hat p_{s+1}=K_{h_s}*e_s`. Given
the past, n draws from a law q give :math:`q+\xi`, the noises of different batches uncorrelated
and of covariance :math:`\Xi/n`,

.. math:: \Xi_q(x,y) = E q(x)\delta(x-y) - Eq(x)\,Eq(y) - \mathrm{Cov}(q(x),q(y)) .

So every model is its mean plus smoothed noises of its lineage. At frequency w the noise of
stage s reaches model i + 1 with the transfer function

.. math:: A^{(i)}_s = \kappa_i\Big(\delta_{is}+\sum_{j} \beta_i^j A^{(j-1)}_s\Big),\quad
    \kappa_s = e^{-h_s^2\omega^2/2},

whose value at w = 0 is the stage weight of the bound. With :math:`a^{(i)}_{s,r}` its part through
source r and M_r how stages share the points of r (`protocols.sharing`), between frequencies

.. math:: \mathrm{Cov}_{i+1}(\omega,\omega') = \sum_r \Xi_r(\omega,\omega')
    \sum_{s,t} a^{(i)}_{s,r}(\omega)\,M_r[s,t]\,a^{(i)}_{t,r}(\omega') .

Under ``iid`` the sources are the mixtures p_s themselves. A schedule of the latest model alone
takes the faster `latest.latest_kernel_loop`.
"""

from dataclasses import dataclass
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Complex, Float

from theory.mixing import Schedule
from theory.mixtures import GaussianMixture
from theory.self_consuming.kernel_density.grid import Grid
from theory.self_consuming.kernel_density.latest import latest_kernel_loop
from theory.self_consuming.kernel_density.protocols import (
    per_stage,
    sharing,
    source_shares,
)
from theory.validation import require

__all__ = ["KernelLoop", "any_kernel_loop", "kernel_loop", "only_latest"]

MOST_POINTS = 4096
"""A stage of a general schedule keeps (points/2)^2 covariances."""


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class KernelLoop:
    """First two moments of models 1 ... S on the points of a grid."""

    means: Float[Array, "*batch stages p"]
    variances: Float[Array, "*batch stages p"]


def kernel_loop(
    schedule: Schedule, bandwidths, real: GaussianMixture, grid: Grid, protocol: str
) -> KernelLoop:
    """Mean and variance of every model, under any schedule.

    Args:
        schedule: which data each stage sees. Under fixed counts the shares are those of
            the rounded counts.
        bandwidths: a number or (S,), > 0.
        real: the real law, d = 1.
        grid: from `loop_grid`.
        protocol: one of `theory.mixing.PROTOCOLS`.

    Raises:
        InputError: on an unknown protocol, a bandwidth that is not positive, or too fine
            a grid for a general schedule.
    """
    path = latest_kernel_loop if only_latest(schedule) else any_kernel_loop
    return KernelLoop(*path(schedule, bandwidths, real, grid, protocol))


def only_latest(schedule: Schedule) -> bool:
    """Whether no stage sees a model but the latest; False while the shares are traced."""
    if isinstance(schedule.beta, jax.core.Tracer):
        return False
    return not np.any(np.tril(np.asarray(schedule.beta), -2))


def any_kernel_loop(
    schedule: Schedule, bandwidths, real: GaussianMixture, grid: Grid, protocol: str
) -> tuple[Float[Array, "stages p"], Float[Array, "stages p"]]:
    """Means and variances by the covariances of all sources; O(S^2 p^2) and more."""
    require(grid.points <= MOST_POINTS, "points", f"<= {MOST_POINTS}", grid.points)
    S = schedule.stages
    shares = source_shares(schedule, protocol)
    h2 = per_stage("bandwidths", bandwidths, S) ** 2
    iid = protocol == "iid"
    through = jnp.eye(S) if iid else shares
    M = _own(1.0 / schedule.sizes) if iid else sharing(schedule, protocol)
    return _scanned(shares, through, M, h2, grid.law(real), grid, iid)


@partial(jax.jit, static_argnames="iid")
def _scanned(shares, through, M, h2, p0, grid: Grid, iid: bool):
    """One stage after another: sources, their noise, the model they make."""
    S, w = len(h2), grid.frequencies
    n = grid.points // 4  # models have no frequency beyond half of the highest
    two_sided = w[jnp.abs(jnp.arange(-n, n + 1))]
    kappa = jnp.exp(-0.5 * h2[:, None] * two_sided[None] ** 2)

    def stage(carry, i):
        laws, filters, Xi, last = carry
        mixed = shares[i] @ laws
        past = jnp.tensordot(shares[i], filters, 1)
        source = mixed if iid else laws[i]
        spread = _propagated(past, through, M, Xi, i) if iid else last
        Xi = Xi.at[i].set(_noise(source, n) - spread)
        now = kappa[i][None] * past.at[i].add(1.0)
        model = jnp.exp(-0.5 * h2[i] * w**2) * mixed
        C = _propagated(now, through, M, Xi, i + 1)
        # row i + 1 is model i + 1; the last model is no one's source
        laws = laws.at[i + 1].set(model, mode="drop")
        filters = filters.at[i + 1].set(now, mode="drop")
        return (laws, filters, Xi, C), (grid.values(model), _diagonal(C, grid))

    m = 2 * n + 1
    laws = jnp.zeros((S, len(w)), jnp.complex128).at[0].set(p0)
    none = jnp.zeros((m, m), jnp.complex128)
    start = (laws, jnp.zeros((S, S, m)), jnp.zeros((S, m, m), jnp.complex128), none)
    return jax.lax.scan(stage, start, jnp.arange(S))[1]


def _own(values: Float[Array, " s"]) -> Float[Array, "s s s"]:
    """Source r is used by stage r alone."""
    S = len(values)
    return values[:, None, None] * (jnp.eye(S)[:, :, None] * jnp.eye(S)[:, None, :])


def _propagated(filters, through, M, Xi, sources) -> Complex[Array, "m m"]:
    r""":math:`\sum_{r} \Xi_r\,a_r^\top M_r a_r` over the first sources."""

    def add(r, total):
        a = filters * through[:, r][:, None]
        return total + Xi[r] * (a.T @ (M[r] @ a))

    return jax.lax.fori_loop(0, sources, add, jnp.zeros_like(Xi[0]))


def _noise(law: Complex[Array, " half"], n: int) -> Complex[Array, "m m"]:
    """Covariance of one draw from a known law, between frequencies -n ... n."""
    k = jnp.arange(-n, n + 1)
    gap = k[:, None] - k[None, :]
    at = law[jnp.abs(gap)]
    f = jnp.where(k < 0, jnp.conj(law[jnp.abs(k)]), law[jnp.abs(k)])
    return jnp.where(gap < 0, jnp.conj(at), at) - f[:, None] * jnp.conj(f)[None, :]


def _diagonal(C: Complex[Array, "m m"], grid: Grid) -> Float[Array, " p"]:
    """Variance at each point: entries of equal frequency difference add up."""
    m = C.shape[0]
    # padded to twice its width, a mirrored row read off at width 2m - 1 moves by one
    skew = jnp.pad(C[:, ::-1], ((0, 0), (0, m))).reshape(-1)[: m * (2 * m - 1)]
    by_gap = jnp.sum(skew.reshape(m, 2 * m - 1), axis=0)[m - 1 :]
    return grid.values(by_gap[: grid.points // 2 + 1] / grid.length)
