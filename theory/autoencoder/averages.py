r"""Gaussian averages of a two-layer network's pre-activations.

Given a component with overlaps M, the pre-activations are :math:`\omega\sim N(\beta M,\Omega)`,
:math:`\Omega=\beta^2Q^c+\alpha^2Q`. The drift of learning needs only averages over
:math:`\omega`, since what is linear in the fields has a known mean given :math:`\omega`
(Sec. 3 of the specification, derived):

.. math:: \hat h(\omega) = E[h\mid\omega] = M + Bz - b\,\omega - Q\sigma(\omega),\quad
    z=\omega-\beta M,\ B=\beta Q^c\Omega^{-1},\quad
    C = \mathrm{Cov}[h\mid\omega] = Q^c - B\,\Omega B^\top .

The average is a quadrature: a truncated midpoint rule for few units, which converges
geometrically; scrambled Sobol points beyond, or jointly with a continuum of components.
"""

from dataclasses import dataclass
from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float
from scipy.special import ndtri
from scipy.stats import qmc

from theory.denoiser import Activation
from theory.structured import Family
from theory.validation import require

__all__ = [
    "Averages",
    "Fields",
    "Nodes",
    "by_quadrature",
    "fields",
    "midpoint",
    "normal_sobol",
    "sobol",
    "square_root",
]

NEGLIGIBLE = 1e-12
"""Nodes with less than this share of the largest weight are dropped."""


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class Nodes:
    """A quadrature for N(0, I) in the r pre-activations.

    ``points`` has shape (1, n, r) when every component uses the same nodes, or (L, n, r)
    with nodes of its own for each of L components (drawn jointly with them).
    """

    points: Float[Array, "l n r"]
    weights: Float[Array, " n"]


def midpoint(r: int, n: int = 32, half_width: float = 7.0) -> Nodes:
    """Truncated midpoint rule, n nodes a dimension on [-L, L]; converges geometrically.

    Raises:
        InputError: unless 1 <= r <= 4 and n >= 2.
    """
    require(1 <= r <= 4, "width r", "in [1, 4] for the midpoint rule", r)
    require(n >= 2, "nodes per dimension", ">= 2", n)
    line = half_width * ((2 * np.arange(n) + 1) / n - 1.0)
    points = np.stack(np.meshgrid(*[line] * r, indexing="ij"), -1).reshape(-1, r)
    log_weight = -0.5 * np.sum(points**2, axis=1)
    kept = log_weight - log_weight.max() > np.log(NEGLIGIBLE)
    weights = np.exp(log_weight[kept])
    return Nodes(jnp.asarray(points[kept])[None], jnp.asarray(weights / weights.sum()))


def normal_sobol(dim: int, size: int, seed: int = 0) -> Float[np.ndarray, "size dim"]:
    """Scrambled Sobol points mapped to N(0, I): one joint set over all `dim` Gaussians.

    Two independent sets of one dimension are correlated point by point: draw jointly.

    Raises:
        InputError: unless size is a power of two.
    """
    ok = size >= 2 and size & (size - 1) == 0
    require(ok, "Sobol size", "a power of two, >= 2", size)
    # scrambling may leave a 0, which no normal quantile has: one 64-bit half-step up
    u = qmc.Sobol(dim, scramble=True, bits=40, rng=seed).random(size)
    return ndtri(np.clip(u + 2.0**-41, 2.0**-41, 1.0 - 2.0**-41))


def sobol(r: int, size: int = 2**13, seed: int = 0) -> Nodes:
    """Scrambled Sobol nodes, for any number of units; size a power of two."""
    require(r >= 1, "width r", ">= 1", r)
    points = jnp.asarray(normal_sobol(r, size, seed))[None]
    return Nodes(points, jnp.full((size,), 1.0 / size, jnp.float64))


class Fields(NamedTuple):
    """Where the averages of one family are taken, see the module's formulas."""

    M: Float[Array, "l r"]
    Q: Float[Array, "r r"]
    Qc: Float[Array, "r r"]
    """sum over blocks of variance times q"""
    Omega: Float[Array, "r r"]
    B: Float[Array, "r r"]
    C: Float[Array, "r r"]
    root: Float[Array, "r r"]
    """symmetric square root of Omega"""
    beta: Float[Array, ""]
    b: Float[Array, ""]


def fields(family: Family, q, M, alpha, beta, b) -> Fields:
    """The fields of a family; q by block (s, r, r), M of the tracked directions (J, r)."""
    Q = jnp.sum(q, axis=0)
    Qc = jnp.einsum("s,srt->rt", family.variances, q)
    Omega = beta**2 * Qc + alpha**2 * Q
    root, inverse = square_root(Omega)
    B = beta * Qc @ inverse
    C = Qc - beta * B @ Qc
    return Fields(family.latents @ M, Q, Qc, Omega, B, C, root, beta, b)


class Averages(NamedTuple):
    r"""Averages over a family, each component with its weight; h as in the module's text.

    ``Y`` stands for the latents of the component.
    """

    Y_act: Float[Array, "j r"]
    r""":math:`E[Y\sigma_\gamma]`"""
    Y_slope_h: Float[Array, "j r"]
    r""":math:`E[Y h_\gamma\sigma'_\gamma]`"""
    slope: Float[Array, " r"]
    r""":math:`E[\sigma'_\gamma]`"""
    curve_h: Float[Array, " r"]
    r""":math:`E[h_\gamma\sigma''_\gamma]`"""
    act_act: Float[Array, "r r"]
    r""":math:`E[\sigma_\gamma\sigma_\delta]`"""
    slope_slope: Float[Array, "r r"]
    r""":math:`E[\sigma'_\gamma\sigma'_\delta]`"""
    act_slope_h: Float[Array, "r r"]
    r""":math:`E[\sigma_\gamma h_\delta\sigma'_\delta]`"""
    slope_h_slope_h: Float[Array, "r r"]
    r""":math:`E[h_\gamma h_\delta\sigma'_\gamma\sigma'_\delta]`"""


def by_quadrature(
    family: Family, f: Fields, activation: Activation, nodes: Nodes
) -> Averages:
    r"""All averages from one set of nodes; ReLU-like activations by parts.

    Where there is no :math:`\sigma''` (derived, Gaussian integration by parts):

    .. math:: E[h_\gamma\sigma''_\gamma] = \Omega_{\gamma\gamma}^{-1}\{
        E[z_\gamma\hat h_\gamma\sigma'_\gamma]
        - (\beta Q^c_{\gamma\gamma} - b\,\Omega_{\gamma\gamma})E[\sigma'_\gamma]
        + \textstyle\sum_\epsilon \Omega_{\gamma\epsilon}Q_{\gamma\epsilon}
        E[\sigma'_\gamma\sigma'_\epsilon]\} .
    """
    r = f.Q.shape[-1]
    z = nodes.points @ f.root
    omega = f.beta * f.M[:, None, :] + z
    act, slope = activation.value(omega), activation.slope(omega)
    linear = f.M[:, None, :] + z @ f.B.T
    h = linear - f.b * omega - act @ f.Q
    weight = family.weights[:, None] * nodes.weights[None]
    slope_h = h * slope
    second = h * activation.curvature(omega) if activation.curvature else z * slope_h
    columns = jnp.concatenate([act, slope, slope_h], axis=-1).reshape(-1, 3 * r)
    flat = weight.ravel()
    products = columns.T @ (flat[:, None] * columns)
    act_act, slope_slope, hh = (
        products[k * r : (k + 1) * r, k * r : (k + 1) * r] for k in range(3)
    )
    of_component = jnp.einsum(
        "ln,lnk->lk", weight, columns.reshape(*omega.shape[:2], -1)
    )
    means = family.latents.T @ of_component
    mean_slope = jnp.sum(of_component[:, r : 2 * r], axis=0)
    curve_h = jnp.einsum("ln,lnr->r", weight, second)
    if activation.curvature is None:
        own = jnp.diagonal(f.Omega)
        by_parts = (
            curve_h
            - (f.beta * jnp.diagonal(f.Qc) - f.b * own) * mean_slope
            + jnp.sum(f.Omega * f.Q * slope_slope, axis=1)
        )
        curve_h = jnp.where(own > 0, by_parts / jnp.where(own > 0, own, 1.0), 0.0)
    return Averages(
        Y_act=means[:, :r],
        Y_slope_h=means[:, 2 * r :],
        slope=mean_slope,
        curve_h=curve_h,
        act_act=act_act,
        slope_slope=slope_slope,
        act_slope_h=products[:r, 2 * r :],
        slope_h_slope_h=hh + f.C * slope_slope,
    )


@partial(jax.custom_jvp)
def square_root(A: Float[Array, "r r"]) -> tuple[Array, Array]:
    r"""Symmetric root and pseudo-inverse of a positive semi-definite matrix.

    Eigenvalues below 1e-13 of the largest count as zero. Derivatives go through equal
    eigenvalues: :math:`dS` solves :math:`S\,dS + dS\,S = dA`, and :math:`dA^{-1} =
    -A^{-1}dA\,A^{-1}` (exact where A is regular).
    """
    vectors, root, inverse = _spectral(A)
    return (vectors * root[None]) @ vectors.T, (vectors * inverse[None]) @ vectors.T


@square_root.defjvp
def _square_root_jvp(primals, tangents):
    (A,), (dA,) = primals, tangents
    vectors, root, inverse = _spectral(A)
    S, P = (vectors * root[None]) @ vectors.T, (vectors * inverse[None]) @ vectors.T
    total = root[:, None] + root[None, :]
    weight = jnp.where(total > 0, 1.0 / jnp.where(total > 0, total, 1.0), 0.0)
    dS = vectors @ (weight * (vectors.T @ dA @ vectors)) @ vectors.T
    return (S, P), (dS, -P @ dA @ P)


def _spectral(A: Array) -> tuple[Array, Array, Array]:
    if A.shape == (1, 1):  # no eigenvalue problem where there is none
        values, vectors = A[0], jnp.ones((1, 1), A.dtype)
    else:
        values, vectors = jnp.linalg.eigh(0.5 * (A + A.T))
    fine = values > 1e-13 * jnp.max(values)
    safe = jnp.where(fine, values, 1.0)
    return vectors, jnp.where(fine, jnp.sqrt(safe), 0.0), jnp.where(fine, 1 / safe, 0.0)
