"""Divergences between laws with known log-densities, by quadrature in 1-D and 2-D.

`line_divergences` and `plane_divergences` take any log-densities and are plain JAX
(`jit`, `vmap`, `grad`). They see only the box they are given: whether a chi-square is
infinite beyond it is the caller's to know; for mixtures use `mixture_divergences`.
"""

from collections.abc import Callable
from dataclasses import dataclass

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from theory.divergence.pointwise import Divergences, densities, integrate
from theory.validation import require, require_finite

__all__ = ["Quadrature", "line_divergences", "panel_divergences", "plane_divergences"]

LogDensity = Callable[[Float[Array, "n d"]], Float[Array, " n"]]

ORDERS = (12, 20)
"""Gauss-Legendre orders: the higher one is the value, their difference the error."""


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class Quadrature:
    """Divergences with an estimate of their numerical error."""

    value: Divergences
    error: Divergences
    """Difference of two resolutions plus the sum over the outermost cells."""


def line_divergences(
    log_p: LogDensity, log_q: LogDensity, low: float, high: float, panels: int = 200
) -> Quadrature:
    """Divergences of P from Q on [low, high] by Gauss-Legendre on equal panels.

    Args:
        log_p: log-density, (n, 1) -> (n,).
        log_q: likewise.
        low: left end; both laws should have negligible mass outside [low, high].
        high: right end, > low.
        panels: number of panels, >= 1; at least one per standard deviation.
    """
    require_finite("low", low)
    require_finite("high", high)
    require(panels >= 1, "panels", ">= 1", panels)
    if not isinstance(low, jax.core.Tracer) and not isinstance(high, jax.core.Tracer):
        require(low < high, "high", f"> low = {low:g}", high)
    return panel_divergences(
        log_p, log_q, jnp.linspace(low, high, panels + 1, dtype=jnp.float64)
    )


def panel_divergences(
    log_p: LogDensity, log_q: LogDensity, edges: Float[Array, " m"]
) -> Quadrature:
    """Divergences by Gauss-Legendre on the panels between sorted `edges`, (m >= 2,)."""
    half = 0.5 * jnp.diff(edges)
    centre = edges[:-1] + half
    outer = jnp.zeros_like(half).at[jnp.array([0, -1])].set(1.0)

    def at_order(order: int) -> tuple[Divergences, Divergences]:
        nodes, node_weights = np.polynomial.legendre.leggauss(order)
        x = (centre[:, None] + jnp.outer(half, nodes)).reshape(-1, 1)
        weights = jnp.outer(half, node_weights).ravel()
        l_p, l_q = log_p(x), log_q(x)
        rim = jnp.repeat(outer, order)
        return integrate(l_p, l_q, weights), integrate(l_p, l_q, weights * rim)

    coarse, _ = at_order(ORDERS[0])
    value, edge = at_order(ORDERS[1])
    error = jax.tree.map(lambda a, b, e: _gap(a, b) + e, value, coarse, edge)
    return Quadrature(value, error)


def plane_divergences(
    log_p: LogDensity,
    log_q: LogDensity,
    low: Float[Array, " 2"],
    high: Float[Array, " 2"],
    points: int = 401,
) -> Quadrature:
    """Divergences of P from Q on a box in the plane by the trapezoid rule.

    The rule converges geometrically for smooth densities that vanish at the edge; TV
    has kinks and converges like the square of the step, as its error estimate shows.

    Args:
        log_p: log-density, (n, 2) -> (n,).
        log_q: likewise.
        low: lower corner (2,); both laws should have negligible mass outside the box.
        high: upper corner (2,).
        points: points per axis, odd and >= 5.
    """
    require(points >= 5 and points % 2 == 1, "points", "odd and >= 5", points)
    low, high = jnp.asarray(low, jnp.float64), jnp.asarray(high, jnp.float64)
    unit = jnp.linspace(0.0, 1.0, points, dtype=jnp.float64)
    x, y = (low[k] + (high[k] - low[k]) * unit for k in range(2))
    cell = jnp.prod((high - low) / (points - 1))

    def row(x_k: Array) -> Divergences:  # one row at a time: memory stays with one row
        z = jnp.stack([jnp.full_like(y, x_k), y], axis=1)
        return densities(log_p(z), log_q(z))

    def error(f: Array) -> Array:
        edge = jnp.sum(f) - jnp.sum(f[1:-1, 1:-1])
        return _gap(cell * jnp.sum(f), 4.0 * cell * jnp.sum(f[::2, ::2])) + cell * edge

    table = jax.lax.map(row, x)
    value = jax.tree.map(lambda f: cell * jnp.sum(f), table)
    return Quadrature(value, jax.tree.map(error, table))


def _gap(a: Array, b: Array) -> Array:
    both_infinite = jnp.isinf(a) & jnp.isinf(b)
    return jnp.where(both_infinite, 0.0, jnp.abs(a - jnp.where(both_infinite, 0.0, b)))
