"""Divergences as weighted sums over points where both log-densities are known.

Quadrature, tables and finite state spaces all end here. Each divergence is written with
a non-negative integrand of the log-ratio l = log p - log q, so that nearby laws lose no
digits and a truncated domain cannot turn a divergence negative.
"""

from dataclasses import dataclass

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from theory.validation import require, require_in

__all__ = ["Divergences", "finite_state", "integrate", "product"]


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class Divergences:
    r"""Divergences of P from Q (or, as an `error`, their numerical uncertainties)."""

    kl: Float[Array, "..."]
    r""":math:`\int p\log(p/q)`, nats."""
    chi2: Float[Array, "..."]
    r""":math:`\int (p-q)^2/q`; inf when infinite, NaN when finiteness is undecided."""
    tv: Float[Array, "..."]
    r""":math:`\tfrac12\int|p-q|`, in [0, 1]."""
    hellinger_squared: Float[Array, "..."]
    r""":math:`\tfrac12\int(\sqrt p-\sqrt q)^2`, in [0, 1]."""


def densities(log_p: Array, log_q: Array) -> Divergences:
    r"""The four integrands at each point, all non-negative.

    KL uses :math:`p\log(p/q)-p+q`, whose extra terms integrate to zero.
    """
    p, q = jnp.exp(log_p), jnp.exp(log_q)
    has_p, has_q = log_p > -jnp.inf, log_q > -jnp.inf  # p, q may underflow
    both = has_p & has_q
    log_ratio = jnp.where(both, log_p - log_q, 0.0)  # 0 elsewhere: no NaN gradient
    # each branch is evaluated only where it cannot overflow
    below, above = jnp.minimum(log_ratio, 1.0), jnp.maximum(log_ratio, 1.0)
    near = q * (jnp.exp(below) * below - jnp.expm1(below))
    kl = jnp.where(log_ratio < 1.0, near, p * above - p + q)
    far = jnp.exp(jnp.where(both, log_q, 0.0) + 2.0 * above) * jnp.expm1(-above) ** 2
    chi2 = jnp.where(log_ratio < 1.0, q * jnp.expm1(below) ** 2, far)
    # p = 0 leaves q, q = 0 < p is infinite, both 0 leaves nothing
    alone = jnp.where(has_p & ~has_q, jnp.inf, q)
    kl, chi2 = jnp.where(both, kl, alone), jnp.where(both, chi2, alone)
    root = jnp.where(both, q * jnp.expm1(0.5 * below) ** 2, p + q)
    root = jnp.where(log_ratio < 1.0, root, p * jnp.expm1(-0.5 * above) ** 2)
    return Divergences(kl, chi2, 0.5 * jnp.abs(p - q), 0.5 * root)


@jax.jit
def integrate(log_p: Array, log_q: Array, weights: Array) -> Divergences:
    """Weighted sums of the integrands; `weights` broadcasts to the points."""

    def total(values: Array) -> Array:
        return jnp.sum(values * jnp.broadcast_to(weights, values.shape))

    return jax.tree.map(total, densities(log_p, log_q))


def finite_state(p: Float[Array, " k"], q: Float[Array, " k"]) -> Divergences:
    """Divergences between probability vectors (each sums to 1 within 1e-9).

    States with q = 0 < p make KL and chi-square infinite; 0 log 0 = 0.
    """
    for name, law in (("p", p), ("q", q)):
        require_in(name, law, 0.0, 1.0)
        if not isinstance(law, jax.core.Tracer):
            total = float(np.sum(np.asarray(law)))
            require(abs(total - 1.0) <= 1e-9, f"sum of {name}", "1 within 1e-9", total)
    p, q = jnp.asarray(p, jnp.float64), jnp.asarray(q, jnp.float64)
    require(p.ndim == 1 and p.shape == q.shape, "q", f"of shape {p.shape}", q.shape)
    return integrate(safe_log(p), safe_log(q), jnp.ones((), jnp.float64))


def product(coordinates: Divergences) -> Divergences:
    r"""Divergences between product laws from those of their coordinates (leading axis).

    KL adds, :math:`1+\chi^2` and :math:`1-H^2` multiply. TV does not factorise: NaN.
    """
    chi2 = jnp.expm1(jnp.sum(jnp.log1p(coordinates.chi2), axis=0))
    hellinger_squared = -jnp.expm1(
        jnp.sum(jnp.log1p(-coordinates.hellinger_squared), axis=0)
    )
    kl = jnp.sum(coordinates.kl, axis=0)
    return Divergences(kl, chi2, jnp.full_like(kl, jnp.nan), hellinger_squared)


def safe_log(x: Array) -> Array:
    """Logarithm with log 0 = -inf and a zero, not NaN, gradient there."""
    positive = x > 0
    return jnp.where(positive, jnp.log(jnp.where(positive, x, 1.0)), -jnp.inf)
