r"""Exact mean integrated squared error of kernel loops, frequency by frequency (derived).

:math:`\mathrm{MISE}=\frac1\pi\int_0^\infty |\mu-\varphi_0|^2+V\,d\omega` with the mean and
variance of the model's characteristic function. Frequencies never mix, so each is a scalar
recursion. A sum over the frequencies of a `Grid` is the integral, up to tails beyond it.
"""

from dataclasses import dataclass

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from theory.mixing import Schedule
from theory.mixtures import GaussianMixture
from theory.self_consuming.kernel_density.grid import Grid
from theory.self_consuming.kernel_density.protocols import per_stage
from theory.validation import require, require_in, require_positive

__all__ = [
    "Mise",
    "fixed_mixture_mise",
    "fully_synthetic_mise",
    "iid_mise",
    "latest_mise",
]


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class Mise:
    """Mean integrated squared error of models 1 ... S in its two parts."""

    bias: Float[Array, "*n stages"]
    """integrated squared bias"""
    variance: Float[Array, "*n stages"]
    """integrated variance"""

    @property
    def total(self) -> Float[Array, "*n stages"]:
        """Their sum."""
        return self.bias + self.variance


def iid_mise(schedule: Schedule, bandwidths, real: GaussianMixture, grid: Grid) -> Mise:
    r"""Any schedule, independent draws.

    With transfer functions :math:`A_i=\kappa_i`, :math:`A_s=\kappa_s\sum_{t>s}A_t\beta_t^{s+1}`
    (at zero frequency the stage weights),

    .. math:: V=\sum_s A_s^2\,\frac{1-E|\varphi_{q_s}|^2}{N_s},\quad
        E|\varphi_{q_s}|^2=|E\varphi_{q_s}|^2+\sum_{t<s}(Q^{(s)}_t)^2
        \frac{1-E|\varphi_{q_t}|^2}{N_t},\quad Q^{(s)}=\sum_j\beta_s^jA^{(j-1)} .

    Args:
        schedule: mixing schedule.
        bandwidths: a number or (S,), > 0.
        real: the real law, d = 1.
        grid: from `loop_grid`.
    """
    S, w = schedule.stages, grid.frequencies
    h = per_stage("bandwidths", bandwidths, S)
    phi0 = grid.law(real)

    def stage(carry, s):
        models, filters, noise = carry  # rows: models 1 ... S
        kappa = jnp.exp(-0.5 * (h[s] * w) ** 2)
        q = schedule.alpha[s] * phi0 + schedule.beta[s] @ models
        Q = jnp.tensordot(schedule.beta[s], filters, 1)
        spread = jnp.sum(Q**2 * noise, axis=0)
        own = (1.0 - jnp.abs(q) ** 2 - spread) / schedule.sizes[s]
        carry = (
            models.at[s].set(kappa * q),
            filters.at[s].set(kappa[None] * Q.at[s].add(1.0)),
            noise.at[s].set(own),
        )
        return carry, _parts(kappa * q - phi0, kappa**2 * (spread + own), grid)

    start = (
        jnp.zeros((S, len(w)), jnp.complex128),
        jnp.zeros((S, S, len(w))),
        jnp.zeros((S, len(w))),
    )
    return jax.lax.scan(stage, start, jnp.arange(S))[1]


def latest_mise(
    schedule: Schedule, bandwidths, real: GaussianMixture, grid: Grid
) -> Mise:
    r"""The latest model only, independent draws; `jit` and `vmap` over schedule and bandwidths.

    :math:`V'=\kappa^2\big[\beta^2V+(1-|\mu_q|^2-\beta^2V)/N\big]`. Arguments as `iid_mise`;
    shares of other models are ignored.
    """
    S, w = schedule.stages, grid.frequencies
    h = per_stage("bandwidths", bandwidths, S)
    beta = jnp.concatenate([jnp.zeros((1,)), jnp.diagonal(schedule.beta, -1)])
    phi0 = grid.law(real)

    def stage(carry, part):
        mu, V = carry
        a, b, size, h_s = part
        kappa = jnp.exp(-0.5 * (h_s * w) ** 2)
        q = a * phi0 + b * mu
        mu = kappa * q
        V = kappa**2 * (b**2 * V + (1.0 - jnp.abs(q) ** 2 - b**2 * V) / size)
        return (mu, V), _parts(mu - phi0, V, grid)

    start = (jnp.zeros_like(phi0), jnp.zeros_like(w))
    parts = (schedule.alpha, beta, schedule.sizes, h)
    return jax.lax.scan(stage, start, parts)[1]


def fixed_mixture_mise(
    n: float, m: float, bandwidths, real: GaussianMixture, grid: Grid, protocol: str
) -> Mise:
    r"""n real and m points of the latest model, fixed counts; model 1 from the n real (V2).

    .. math:: \text{fresh:}\quad & V'=\kappa^2\big[\tfrac n{N^2}(1-|\varphi_0|^2)
          +\tfrac m{N^2}(1-|\mu|^2-V)+\beta^2V\big],\\
        \text{reused:}\quad & V=R+W,\ R=l^2(1-|\varphi_0|^2)/n,\ l'=\kappa(\alpha+\beta l),\\
        & W'=\kappa^2\big[\beta^2W+\tfrac m{N^2}(1-|\mu|^2-R-W)\big] .

    Args:
        n: real points > 0.
        m: synthetic points >= 0.
        bandwidths: (S,), one for each model, > 0.
        real: the real law, d = 1.
        grid: from `loop_grid`.
        protocol: "fresh" or "reused".
    """
    require_positive("n", n)
    require_in("m", m, 0.0, np.finfo(float).max)
    known = protocol in ("fresh", "reused")
    require(known, "protocol", "'fresh' or 'reused'", protocol)
    h = jnp.asarray(bandwidths, jnp.float64)
    require(h.ndim == 1, "bandwidths", "one for each model, (S,)", h.shape)
    require_positive("bandwidths", bandwidths)
    N, beta, reused = n + m, m / (n + m), protocol == "reused"
    phi0, w = grid.law(real), grid.frequencies
    one = (1.0 - jnp.abs(phi0) ** 2) / n  # variance of the mean of n real points

    def stage(carry, h_s):
        # l: what the model holds of the real noise; V: the rest (reused), or all (fresh)
        mu, seen, V = carry
        kappa = jnp.exp(-0.5 * (h_s * w) ** 2)
        spread = V + seen**2 * one if reused else V
        drawn = beta**2 * V + m / N**2 * (1.0 - jnp.abs(mu) ** 2 - spread)
        if not reused:
            drawn = drawn + (n / N) ** 2 * one
        now = (
            kappa * ((1.0 - beta) * phi0 + beta * mu),
            kappa * (1.0 - beta + beta * seen),
            kappa**2 * drawn,
        )
        return now, report(*now)

    def report(mu, seen, V):
        return _parts(mu - phi0, V + seen**2 * one if reused else V, grid)

    first = jnp.exp(-0.5 * (h[0] * w) ** 2)
    alone = jnp.zeros_like(w) if reused else first**2 * one
    start = (first * phi0, first, alone)
    later = jax.lax.scan(stage, start, h[1:])[1]
    join = lambda a, b: jnp.concatenate([a[None], b])
    return jax.tree.map(join, report(*start), later)


def fully_synthetic_mise(size, bandwidth, models: int) -> Float[Array, ""]:
    r"""Model i of a fully synthetic loop from N(0, 1), N points and one h throughout.

    .. math:: \frac1{2\sqrt\pi}\Big[\frac1{Nh}\sum_{j<i}\frac{(1-1/N)^j}{\sqrt{j+1}}
        +\frac{(1-1/N)^i}{\sqrt{1+ih^2}}+1\Big]-\frac2{\sqrt{2\pi(2+ih^2)}}

    Differences of terms near 1: for an error below 1e-10 it has few digits left.
    """
    j, log_kept = jnp.arange(models), jnp.log1p(-1.0 / size)
    drawn = jnp.sum(jnp.exp(j * log_kept) / jnp.sqrt(j + 1.0)) / (size * bandwidth)
    wide = 1.0 + models * bandwidth**2
    kept = jnp.exp(models * log_kept) / jnp.sqrt(wide)
    overlap = 2.0 / jnp.sqrt(2.0 * jnp.pi * (1.0 + wide))
    return (drawn + kept + 1.0) / (2.0 * jnp.sqrt(jnp.pi)) - overlap


def _parts(bias, variance, grid: Grid) -> Mise:
    """Both integrals over all frequencies; at w = 0 nothing contributes."""
    total = lambda f: jnp.sum(f) * 2.0 / grid.length
    return Mise(total(jnp.abs(bias) ** 2), total(variance))
