"""Divergences between Gaussian mixtures in 1-D and 2-D, on a mesh fitted to them."""

from dataclasses import replace
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np

from theory.divergence.quadrature import (
    Quadrature,
    panel_divergences,
    plane_divergences,
)
from theory.divergence.tails import (
    BOUNDARY,
    Finiteness,
    active_moments,
    component_tails,
)
from theory.mixtures import GaussianMixture
from theory.validation import require

__all__ = ["mixture_divergences"]

REACH = 12.0
"""Standard deviations covered around each component: the mass beyond is below 1e-32."""

STEPS = np.arange(-2 * REACH, 2 * REACH + 1) / 2
"""Panel edges around each component, in standard deviations."""

MESH_POINTS = 801
"""Points per axis of the 2-D mesh (odd)."""


def mixture_divergences(p: GaussianMixture, q: GaussianMixture) -> Quadrature:
    r"""Divergences of mixture P from mixture Q in 1-D or 2-D (not under `jit`).

    An infinite :math:`\chi^2` is recognised from the components (`tails`) and returned
    as inf; one whose finiteness is undecided, or owed to a linear tail in 2-D, as NaN.
    In 1-D TV is integrated between the crossings of the densities, so all four reach
    about 1e-12 relative; in 2-D read `error`.

    Raises:
        InputError: if the laws differ in dimension or live in more than two.
    """
    require(p.dim in (1, 2), "dimension of p", "1 or 2", p.dim)
    require(p.dim == q.dim, "q", f"a law in dimension {p.dim}", q.dim)
    return _on_line(p, q) if p.dim == 1 else _on_plane(p, q)


def _on_line(p: GaussianMixture, q: GaussianMixture) -> Quadrature:
    means, spreads = _means_and_spreads(p, q)
    centre, scale, side = _ratio_shapes(p, q)
    finite = bool(np.isfinite(centre).all())
    if not finite:
        centre, scale, side = (a[:0] for a in (centre, scale, side))
    low, high = _box(means, spreads, (centre + side * REACH * scale)[:, None])
    centre, scale = np.r_[means[:, 0], centre], np.r_[spreads[:, 0], scale]
    filling = np.linspace(low[0], high[0], 401)[1:-1]
    edges = np.r_[filling, (centre + STEPS[:, None] * scale).ravel()]
    edges = np.sort(edges[(edges > low[0]) & (edges < high[0])])
    cell = np.floor(4.0 * edges / spreads.min())  # at most one edge a quarter deviation
    edges = np.r_[low[0], edges[np.r_[True, cell[1:] != cell[:-1]]], high[0]]
    edges = np.sort(np.r_[edges, _crossings(p, q, edges)])
    # panels of width zero bring the count to a power of two, so that few shapes compile
    padding = (1 << (len(edges) - 1).bit_length()) - len(edges)
    edges = np.insert(edges, 1, np.full(padding, edges[1]))
    log_p, log_q = partial(_log_density, p), partial(_log_density, q)
    found = panel_divergences(log_p, log_q, jnp.asarray(edges, jnp.float64))
    return found if finite else _with_chi2(found, jnp.inf)


def _ratio_shapes(p: GaussianMixture, q: GaussianMixture):
    r"""Centre, scale and side of shapes that bound :math:`p_i^2/q` in 1-D, each (2k,).

    Left and right, the component of Q that makes the ratio fall first decides: a
    Gaussian of precision 2/S - 1/T where positive, an exponential of rate \|n - m\|/T
    where zero, whose 72 e-folds fill REACH scales. A centre at infinity means that the
    ratio never falls.
    """
    (m, S), (n, T) = active_moments(p), active_moments(q)
    A, n, B = 1.0 / S[:, :, 0], n.T, 1.0 / T[:, :, 0].T
    precision = 2.0 * A - B  # (components of P, components of Q)
    bell, flat = precision > BOUNDARY * A, np.abs(precision) <= BOUNDARY * A
    safe = np.where(bell, precision, 1.0)
    shapes = []
    for side in (-1.0, 1.0):
        rate = side * B * (n - m)
        falls = flat & (rate > 0)
        centre = np.where(bell, (2.0 * A * m - B * n) / safe, n)
        scale = np.where(bell, safe**-0.5, 0.5 * REACH / np.where(falls, rate, 1.0))
        end = np.where(bell | falls, side * centre + REACH * scale, np.inf)
        best = end.argmin(axis=1)[:, None]
        pick = np.isfinite(np.take_along_axis(end, best, 1))
        centre = np.where(pick, np.take_along_axis(centre, best, 1), np.inf)
        scale = np.take_along_axis(scale, best, 1)
        shapes.append(np.c_[centre, scale, np.full_like(centre, side)])
    return np.concatenate(shapes).T


def _on_plane(p: GaussianMixture, q: GaussianMixture) -> Quadrature:
    means, spreads = _means_and_spreads(p, q)
    tails = component_tails(p, q)
    known = all(envelope is not None for _, envelope in tails)
    ends = [
        envelope.centre + side * REACH * np.sqrt(np.diag(envelope.covariance))
        for _, envelope in tails
        if known
        for side in (-1.0, 1.0)
    ]
    low, high = _box(means, spreads, np.reshape(ends, (-1, 2)))
    found = _plane(p, q, jnp.asarray(low, jnp.float64), jnp.asarray(high, jnp.float64))
    if known:
        return found
    infinite = any(state is Finiteness.INFINITE for state, _ in tails)
    return _with_chi2(found, jnp.inf if infinite else jnp.nan)


@jax.jit
def _plane(p, q, low, high) -> Quadrature:
    return plane_divergences(p.log_density, q.log_density, low, high, MESH_POINTS)


def _crossings(p: GaussianMixture, q: GaussianMixture, edges: np.ndarray) -> np.ndarray:
    """Points where p = q, by bisection between neighbours on a refined mesh."""

    def above(x: np.ndarray) -> np.ndarray:
        return _log_density(p, x[:, None]) > _log_density(q, x[:, None])

    quarters = np.arange(4)[:, None] / 4
    x = np.unique(edges[:-1] + quarters * np.diff(edges))
    sign = above(x)
    at = np.flatnonzero(sign[1:] != sign[:-1])
    left, right, left_sign = x[at], x[at + 1], sign[at]
    for _ in range(60 if len(at) else 0):
        middle = 0.5 * (left + right)
        same = above(middle) == left_sign
        left, right = np.where(same, middle, left), np.where(same, right, middle)
    return left


def _log_density(law: GaussianMixture, x: np.ndarray) -> np.ndarray:
    """1-D log-density on the host: every pair has its own shapes to compile for."""
    w = np.asarray(law.weights)
    m, v = active_moments(law)
    log_peak = np.log(w[w > 0, None] / np.sqrt(2.0 * np.pi * v[:, 0]))
    parts = log_peak - 0.5 * (np.asarray(x)[:, 0] - m) ** 2 / v[:, 0]
    return np.logaddexp.reduce(parts, axis=0)


def _means_and_spreads(*laws: GaussianMixture) -> tuple[np.ndarray, np.ndarray]:
    means = np.concatenate([np.asarray(law.means) for law in laws])
    covariances = np.concatenate([np.asarray(law.covariances) for law in laws])
    return means, np.sqrt(np.diagonal(covariances, axis1=1, axis2=2))


def _box(means, spreads, ends) -> tuple[np.ndarray, np.ndarray]:
    corners = np.concatenate([means - REACH * spreads, means + REACH * spreads, ends])
    return corners.min(axis=0), corners.max(axis=0)


def _with_chi2(found: Quadrature, chi2: float) -> Quadrature:
    value = jnp.asarray(chi2, jnp.float64)
    error = jnp.where(jnp.isinf(value), 0.0, value)
    return Quadrature(
        replace(found.value, chi2=value), replace(found.error, chi2=error)
    )
