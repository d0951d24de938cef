r"""How a cloud of points shrinks, clumps and drifts (Shi et al. 2025, Sec. 5).

A training set may keep its variance while its points gather on thin streaks: the trace of
the covariance then falls slowly and spacing fast.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components
from scipy.spatial.distance import cdist

from sim.measures.entropy import FLOOR
from sim.measures.estimate import Estimate, jackknife_estimate, mean_estimate
from theory.validation import require, require_finite, require_in

__all__ = [
    "QUANTILES",
    "Plane",
    "clusters",
    "covariance_trace",
    "frechet",
    "frechet_estimate",
    "log_spacing_quantiles",
    "singular_plane",
    "spikiness",
]

GROUPS = 8
"""Groups of points that are left out in turn."""
QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)
_BLOCK = 2**21
"""Distances in memory at a time."""


def covariance_trace(x: Float[Array, "n d"]) -> Estimate:
    r"""Trace of the covariance, unbiased: :math:`\sum_i|x_i-\bar x|^2/(n-1)`."""
    _, centred = _centred("x", x)
    n = centred.shape[0]
    squared = mean_estimate(jnp.sum(centred**2, axis=1))
    return Estimate(*(part * n / (n - 1) for part in squared))


def log_spacing_quantiles(
    spacing: Float[Array, " n"],
    levels: tuple[float, ...] = QUANTILES,
    floor: float = FLOOR,
) -> Float[Array, " q"]:
    r"""Quantiles of :math:`\log(\epsilon + f)`: which part of the points clumps.

    Args:
        spacing: distances to the nearest other point.
        levels: in [0, 1].
        floor: f, added to every distance.
    """
    require_in("levels", levels, 0.0, 1.0)
    log_spacing = jnp.log(jnp.asarray(spacing, jnp.float64) + floor)
    return jnp.quantile(log_spacing, jnp.asarray(levels, jnp.float64))


def spikiness(
    spacing: Float[Array, "..."],
    trace: Float[Array, "..."],
    first_spacing: Float[Array, "..."],
    first_trace: Float[Array, "..."],
) -> Float[Array, "..."]:
    r"""Spacing lost beyond what shrinking explains (derived).

    .. math:: S_n = \frac{\overline{\epsilon}(D_n)/\overline{\epsilon}(D_1)}
        {\sqrt{\operatorname{tr}_n/\operatorname{tr}_1}}

    1 for a set that is only rescaled; lower where it clumps.

    Args:
        spacing: mean distance between nearest neighbours in D_n.
        trace: trace of the covariance of D_n.
        first_spacing: the same of D_1, > 0.
        first_trace: the same of D_1, > 0.
    """
    return (spacing / first_spacing) / jnp.sqrt(trace / first_trace)


def clusters(x: Float[np.ndarray, "n d"], radius: float) -> int:
    """Number of single-linkage clusters: chains of steps no longer than `radius`.

    On the host. Distances come in blocks of rows; each block merges the clusters so far.

    Args:
        x: points, finite.
        radius: >= 0; at 0 this counts the distinct points.
    """
    require_finite("x", x)
    x = np.asarray(x, np.float64)
    require(x.ndim == 2 and x.size > 0, "x", "points, shape (n, d)", x.shape)
    require(radius >= 0, "radius", ">= 0", radius)
    n = len(x)
    rows = max(1, _BLOCK // n)
    label = np.arange(n)
    for start in range(0, n, rows):
        near = cdist(x[start : start + rows], x[start:]) <= radius
        i, j = (at + start for at in np.nonzero(near))
        ends = np.concatenate([i, np.arange(n)]), np.concatenate([j, label])
        graph = coo_array((np.ones(len(ends[0]), bool), ends), shape=(n, n))
        _, component = connected_components(graph, directed=False)
        _, first = np.unique(component, return_index=True)
        label = first[component]  # a cluster is named by its first point
    return len(np.unique(label))


def frechet(x: Float[Array, "n d"], y: Float[Array, "m d"]) -> Float[Array, ""]:
    r"""Squared Frechet distance between the Gaussians fitted to two samples.

    .. math:: |\bar x-\bar y|^2 + \operatorname{tr}\Sigma_x + \operatorname{tr}\Sigma_y
        - 2\operatorname{tr}(\Sigma_x^{1/2}\Sigma_y\Sigma_x^{1/2})^{1/2}

    with covariances over n - 1. The last trace is the nuclear norm of
    :math:`R_xR_y^\top`, the triangles of the QR factors of the centred samples: no matrix
    root and no inverse, so covariances may be singular (fewer points than coordinates,
    data on a plane). It is positive between two samples of one law, more so for smaller
    ones: compare with such a pair.
    """
    (mean_x, a), (mean_y, b) = _centred("x", x), _centred("y", y)
    d, of_y = a.shape[1], b.shape[1]
    require(of_y == d, "y", f"points of the dimension of x, {d}", of_y)
    a, b = (c / np.sqrt(c.shape[0] - 1) for c in (a, b))
    R_x, R_y = (jnp.linalg.qr(c, mode="r") for c in (a, b))
    nuclear = jnp.sum(jnp.linalg.svd(R_x @ R_y.T, compute_uv=False))
    bures = jnp.sum(a**2) + jnp.sum(b**2) - 2.0 * nuclear
    return jnp.sum((mean_x - mean_y) ** 2) + jnp.maximum(bures, 0.0)


def frechet_estimate(
    x: Float[Array, "n d"], y: Float[Array, "m d"], groups: int = GROUPS
) -> Estimate:
    """`frechet`, with the error that the points of x leave, by leaving out a group of them.

    y is taken as given. The positive bias of small samples is not in it.

    Args:
        x: points, n >= 2 `groups`; those beyond a multiple of `groups` are never left out.
        y: points to compare with.
        groups: g >= 2, points taken in turn.
    """
    n = x.shape[0]
    require(groups >= 2, "groups", ">= 2", groups)
    require(n >= 2 * groups, "x", f"at least {2 * groups} points", n)
    of_group = np.where(np.arange(n) < n // groups * groups, np.arange(n) % groups, -1)
    kept = np.stack([np.flatnonzero(of_group != j) for j in range(groups)])
    without = jax.lax.map(lambda rows: frechet(x[rows], y), jnp.asarray(kept))
    return jackknife_estimate(frechet(x, y), without)


class Plane(NamedTuple):
    """A plane through the mean of real data."""

    mean: Float[Array, " d"]
    axes: Float[Array, "2 d"]  # orthonormal

    def project(self, x: Float[Array, "n d"]) -> Float[Array, "n 2"]:
        """Coordinates of points in the plane, the real mean at the origin."""
        return (jnp.asarray(x, jnp.float64) - self.mean[None]) @ self.axes.T


def singular_plane(real: Float[Array, "n d"], first: int = 1, second: int = 2) -> Plane:
    """Plane of two right singular vectors of real data, their mean removed.

    The default, indices 1 and 2 from 0, is that of the authors' script, though it speaks
    of the top two, which are 0 and 1. The largest entry of each vector is made positive.

    Args:
        real: the real data.
        first: index of the first vector, in [0, min(n, d)).
        second: index of the second, another one.
    """
    mean, centred = _centred("real", real)
    most = min(centred.shape) - 1
    require(0 <= first <= most, "first", f"in [0, {most}]", first)
    ok = 0 <= second <= most and second != first
    require(ok, "second", f"in [0, {most}] and not first", second)
    _, _, V_t = jnp.linalg.svd(centred, full_matrices=False)
    axes = V_t[jnp.array([first, second])]
    largest = jnp.argmax(jnp.abs(axes), axis=1, keepdims=True)
    axes = axes * jnp.sign(jnp.take_along_axis(axes, largest, axis=1))
    return Plane(mean, axes)


def _centred(name: str, points) -> tuple[Float[Array, " d"], Float[Array, "n d"]]:
    """Mean of the points, and the points without it, in float64."""
    x = jnp.asarray(points, jnp.float64)
    ok = x.ndim == 2 and x.shape[0] >= 2
    require(ok, name, "points, shape (n, d), n >= 2", x.shape)
    mean = jnp.mean(x, axis=0)
    return mean, x - mean[None]
