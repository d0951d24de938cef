"""Divergences between densities tabulated on one uniform 1-D or 2-D grid."""

from dataclasses import dataclass
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from theory.divergence.pointwise import Divergences, densities, safe_log
from theory.validation import require, require_finite, require_in, require_positive

__all__ = [
    "Tabulated",
    "absolute_integral",
    "log_tabulated_divergences",
    "tabulated_divergences",
]


def absolute_integral(values: Float[Array, " n"], step: float) -> Float[Array, ""]:
    r""":math:`\int|f|` of the piecewise linear f through `values`, exactly.

    Where f changes sign between two nodes a sum of :math:`|f|` overshoots; the two triangles
    have the area :math:`\frac h2\,(a^2+b^2)/(|a|+|b|)`. What is left is the error
    :math:`O(h^2)` of the trapezoidal rule on smooth pieces.
    """
    a, b = values[:-1], values[1:]
    total = jnp.abs(a) + jnp.abs(b)
    crossed = (a**2 + b**2) / jnp.where(total > 0, total, 1.0)
    return 0.5 * step * jnp.sum(jnp.where(a * b < 0, crossed, total))


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class Tabulated:
    """Divergences of tables, and how far the tables can be trusted."""

    value: Divergences
    mass_p: Float[Array, ""]
    """Sum of p times the cell; away from 1 the grid misses part of P."""
    mass_q: Float[Array, ""]
    tail_share_kl: Float[Array, ""]
    """Share of the KL sum that comes from the rim of the grid, in [0, 1]."""
    tail_share_chi2: Float[Array, ""]
    """Likewise for chi-square. Not small: the sum is still growing at the edge, and its
    finite value says nothing ("not measurable: tail unresolved")."""


def tabulated_divergences(
    p: Float[Array, "..."], q: Float[Array, "..."], cell: float, rim: float = 0.05
) -> Tabulated:
    """Divergences of density table p from q: sums over cells, tables taken as they are.

    A cell with q = 0 < p makes KL and chi-square infinite; where tails underflow, pass
    log-densities to `log_tabulated_divergences` instead.

    Args:
        p: densities >= 0, (n,) or (n, m).
        q: likewise, same shape as p.
        cell: length or area of a cell, > 0.
        rim: width of the rim as a fraction of each axis, in (0, 0.5).
    """
    for name, table in (("p", p), ("q", q)):
        require_finite(name, table)
        require_in(name, table, 0.0, np.inf)
    p, q = jnp.asarray(p, jnp.float64), jnp.asarray(q, jnp.float64)
    return log_tabulated_divergences(safe_log(p), safe_log(q), cell, rim)


def log_tabulated_divergences(
    log_p: Float[Array, "..."],
    log_q: Float[Array, "..."],
    cell: float,
    rim: float = 0.05,
) -> Tabulated:
    """As `tabulated_divergences`, from log-densities (-inf allowed)."""
    require_positive("cell", cell)
    require(0.0 < rim < 0.5, "rim", "in (0, 0.5)", rim)
    log_p, log_q = jnp.asarray(log_p, jnp.float64), jnp.asarray(log_q, jnp.float64)
    require(log_p.ndim in (1, 2), "p", "of shape (n,) or (n, m)", log_p.shape)
    require(log_p.shape == log_q.shape, "q", f"of shape {log_p.shape}", log_q.shape)
    rims = tuple(max(1, round(rim * n)) for n in log_p.shape)
    return _sums(log_p, log_q, cell, rims)


@partial(jax.jit, static_argnames="rims")
def _sums(log_p: Array, log_q: Array, cell: float, rims: tuple[int, ...]) -> Tabulated:
    table = densities(log_p, log_q)
    inner = tuple(slice(w, n - w) for w, n in zip(rims, log_p.shape, strict=True))

    def tail_share(values: Array) -> Array:
        total = jnp.sum(values)
        known = (total > 0) & jnp.isfinite(total)
        share = 1.0 - jnp.sum(values[inner]) / jnp.where(known, total, 1.0)
        return jnp.where(known, share, jnp.where(total == 0, 0.0, 1.0))

    return Tabulated(
        value=jax.tree.map(lambda values: cell * jnp.sum(values), table),
        mass_p=cell * jnp.sum(jnp.exp(log_p)),
        mass_q=cell * jnp.sum(jnp.exp(log_q)),
        tail_share_kl=tail_share(table.kl),
        tail_share_chi2=tail_share(table.chi2),
    )
