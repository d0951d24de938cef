r"""Mean and variance of kernel loops that see the latest model only (derived).

:math:`\mathrm{Cov}_{i+1}=K_i[f_i\,\mathrm{Cov}_i+\dots]K_i` unrolls into sums over the stages s of
one-dimensional terms: with :math:`H_{s,i}=h_s^2+\dots+h_i^2`, :math:`G_H` the density N(0, H),

.. math:: v_{i+1} = \sum_s Y^{(i)}_s\Big[\frac{G_{H_{s,i}/2} * q_s}{2\sqrt{\pi H_{s,i}}}
      -(G_{H_{s,i}} * q_s)^2\Big]
    + \sum_{s,t} X^{(i)}_{s,t}\big[(G_{H_{s,i}}G_{H_{t,i}}) * p_0
      -(G_{H_{s,i}} * p_0)(G_{H_{t,i}} * p_0)\big].

iid: :math:`Y^{(i)}=f_iY^{(i-1)}+e_i/N_i`, :math:`f=(1-1/N)\beta^2`, q_s the mixture, X = 0; with
equal stages this is the closed form. Fixed counts (c synthetic, a the real share):
:math:`f=\beta^2-c/N^2`, :math:`Y^{(i)}=f_iY^{(i-1)}+e_i\,c_i/N_i^2` with q_s the mean of model s,
and X collects the real points: :math:`X^{(i)}=f_iX^{(i-1)}+a_i^2M_{ii}e_ie_i^\top` + cross terms
:math:`a_i\beta_i M_{is}l_s` between stage i and what model i already holds of the points of stage
s, :math:`l^{(i)}=\beta_il^{(i-1)}+a_ie_i`. M as in `protocols.sharing`.
"""

from functools import partial

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from theory.mixing import Schedule
from theory.mixtures import GaussianMixture
from theory.self_consuming.kernel_density.grid import Grid
from theory.self_consuming.kernel_density.protocols import (
    per_stage,
    sharing,
    source_shares,
    training_counts,
)

__all__ = ["latest_kernel_loop"]


def latest_kernel_loop(
    schedule: Schedule,
    bandwidths,
    real: GaussianMixture,
    grid: Grid,
    protocol: str,
    models: Int[Array, " k"] | None = None,
) -> tuple[Float[Array, "k p"], Float[Array, "k p"]]:
    """Means and variances of models; `jit` and `vmap` over schedule and bandwidths.

    Shares of models other than the latest are ignored: `loop.only_latest` checks. Both
    ways of keeping generated data are the same here. Arguments as `loop.kernel_loop`;
    `models` says which are asked for, counted from 0: all of them by default.
    """
    S = schedule.stages
    h2 = per_stage("bandwidths", bandwidths, S) ** 2
    shares = source_shares(schedule, protocol)
    a, b = shares[:, 0], jnp.diagonal(shares).at[0].set(0.0)
    if protocol == "iid":
        base, M = 1.0 / schedule.sizes, jnp.zeros((S, S))
        f = b**2 * (1.0 - base)
    else:
        counts = training_counts(schedule)
        base, M = b / jnp.sum(counts, axis=1), sharing(schedule, protocol)[0]
        f = b**2 - base
    X, Y = _coefficients(a, b, f, base, M)
    models = jnp.arange(S) if models is None else models
    return _moments(a, b, h2, X, Y, models, grid.law(real), grid, protocol == "iid")


@partial(jax.jit, static_argnames="iid")
def _moments(a, b, h2, X, Y, wanted, p0, grid: Grid, iid: bool):
    """Means and variances from the coefficients; iid, Y weighs mixtures and X is 0."""
    S, w2 = len(a), grid.frequencies**2

    def learn(model, stage):
        a_s, b_s, h2_s = stage
        mixed = a_s * p0 + b_s * model
        after = jnp.exp(-0.5 * h2_s * w2) * mixed
        return after, (model, mixed, after)

    models, mixed, after = jax.lax.scan(learn, jnp.zeros_like(p0), (a, b, h2))[1]
    laws = mixed if iid else models
    total = jnp.cumsum(h2)
    started = jnp.concatenate([jnp.zeros((1,)), total[:-1]])
    stage = jnp.arange(S)
    H = jnp.where(
        stage[None, :] <= stage[:, None], total[:, None] - started[None, :], 1.0
    )

    def variance(part):
        H_i, X_i, Y_i = part
        own = _own_noise(H_i, Y_i, laws, grid)
        return own if iid else own + _real_noise(H_i, X_i, p0, grid)

    rows = H[wanted], X[wanted], Y[wanted]
    return grid.values(after[wanted]), jax.lax.map(variance, rows)


@jax.jit
def _coefficients(a, b, f, base, M) -> tuple[Array, Array]:
    """X (S, S, S) and Y (S, S), one row a model."""
    S = len(a)

    def stage(carry, i):
        X, Y, held = carry
        e = jnp.zeros((S,)).at[i].set(1.0)
        cross = jnp.outer(e, a[i] * b[i] * M[i] * held)
        own = a[i] ** 2 * M[i, i] * jnp.outer(e, e)
        X = f[i] * X + cross + cross.T + own
        Y = f[i] * Y + base[i] * e
        return (X, Y, b[i] * held + a[i] * e), (X, Y)

    start = (jnp.zeros((S, S)), jnp.zeros((S,)), jnp.zeros((S,)))
    return jax.lax.scan(stage, start, jnp.arange(S))[1]


def _own_noise(H, Y, laws, grid: Grid) -> Float[Array, " p"]:
    """The sum over Y: points that one stage alone has drawn."""
    narrow = jnp.exp(-0.25 * H[:, None] * grid.frequencies[None] ** 2)
    squared = (Y / (2.0 * jnp.sqrt(jnp.pi * H)))[:, None] * narrow * laws
    return (
        grid.values(jnp.sum(squared, axis=0)) - Y @ grid.values(narrow**2 * laws) ** 2
    )


def _real_noise(H, X, p0, grid: Grid) -> Float[Array, " p"]:
    """The sum over X: real points, by the stages that use them."""
    k = jnp.arange(grid.points)
    u = grid.step * jnp.where(k > grid.points // 2, k - grid.points, k)
    G = jnp.exp(-0.5 * u[None] ** 2 / H[:, None]) / jnp.sqrt(2.0 * jnp.pi * H)[:, None]
    mean = grid.values(
        jnp.exp(-0.5 * H[:, None] * grid.frequencies[None] ** 2) * p0[None]
    )
    pairs = grid.transform(jnp.sum(G * (X @ G), axis=0))
    return grid.values(pairs * p0) - jnp.sum(mean * (X @ mean), axis=0)
