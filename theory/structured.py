r"""Mixtures in high dimension, described by what does not grow with the dimension.

The d coordinates split into blocks s: block s holds a fraction :math:`\varphi_s` of them.
The means lie in the span of a few *tracked directions* :math:`v_j`, known by their Gram
matrices :math:`T^s_{jk} = v_j^{(s)}\cdot v_k^{(s)}` in each block; component c has mean
:math:`\sum_j Y_{cj} v_j` and covariance :math:`\varrho_s` times the identity in block s.
Components that share a covariance form a `Family`; a family may be a continuum, given by
the nodes and weights of a quadrature. So mixtures, curves of means, images (each
coordinate a block of its own) and generated data have one form (Sec. 1 and 5 of the
specification; the blocks are the paper's, tracked directions and continua derived).
"""

from dataclasses import dataclass

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from theory.validation import require, require_finite, require_in, require_positive

__all__ = [
    "Family",
    "StructuredMixture",
    "curve",
    "empirical_mixture",
    "structured_mixture",
]


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class Family:
    """Components with one covariance."""

    weights: Float[Array, " l"]
    """probability of each component"""
    latents: Float[Array, "l j"]
    """Y: the mean in terms of the tracked directions"""
    variances: Float[Array, " s"]
    r"""eigenvalue :math:`\varrho_s \ge 0` in each block"""


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class StructuredMixture:
    """A law in high dimension; weights sum to 1 over all families."""

    families: tuple[Family, ...]
    gram: Float[Array, "s j j"]
    masses: Float[Array, " s"]

    @property
    def weights(self) -> Float[Array, " c"]:
        """Of all components, family after family."""
        return jnp.concatenate([f.weights for f in self.families])

    @property
    def latents(self) -> Float[Array, "c j"]:
        """Y of all components."""
        return jnp.concatenate([f.latents for f in self.families])

    @property
    def variances(self) -> Float[Array, "c s"]:
        """Eigenvalues of all components."""
        rows = [
            jnp.broadcast_to(f.variances[None], (f.weights.shape[0], len(f.variances)))
            for f in self.families
        ]
        return jnp.concatenate(rows)

    @property
    def mean_variance(self) -> Float[Array, ""]:
        r""":math:`\bar v = \sum_c \pi_c \sum_s \varphi_s \varrho_{cs}`: per coordinate."""
        per_family = [
            jnp.sum(f.weights) * jnp.sum(self.masses * f.variances)
            for f in self.families
        ]
        return sum(per_family[1:], per_family[0])

    @property
    def total_gram(self) -> Float[Array, "j j"]:
        """Gram matrix of the tracked directions, all blocks together."""
        return jnp.sum(self.gram, axis=0)


def structured_mixture(weights, means, variances=1.0, masses=(1.0,)):
    r"""Gaussian mixture whose covariances are multiples of the identity in each block.

    Its tracked directions are its means, :math:`v_k = \mu_k`.

    Args:
        weights: (K,), positive, summing to 1 within 1e-9.
        means: (K, D), coordinates of the means in the first D coordinates of the one
            block; or (S, K, D) for each block.
        variances: eigenvalues >= 0: a number, (S,), or (K, S) for each component.
        masses: (S,), fractions of the coordinates, summing to 1 within 1e-9.

    Raises:
        InputError: on NaN, wrong shapes, negative eigenvalues, weights or masses that do
            not sum to 1.
    """
    w, phi = _simplex("weights", weights), _simplex("masses", masses)
    require_finite("means", means)
    mu = np.asarray(means, dtype=np.float64)
    mu = mu[None] if mu.ndim == 2 else mu
    K, S = len(w), len(phi)
    allowed = f"({K}, D) or ({S}, {K}, D)"
    ok = mu.ndim == 3 and mu.shape[:2] == (S, K) and mu.shape[2] >= 1
    require(ok, "means", f"of shape {allowed}", np.shape(means))
    rho = _variances(variances, K, S)
    gram = jnp.asarray(np.einsum("skd,sld->skl", mu, mu))
    latents = np.eye(K)
    if np.all(rho == rho[:1]):
        families = (_family(w, latents, rho[0]),)
    else:
        rows = zip(w, latents, rho, strict=True)
        families = tuple(_family([p], y[None], v) for p, y, v in rows)
    return StructuredMixture(families, gram, jnp.asarray(phi))


def curve(points, weights=None, variance: float = 1.0) -> StructuredMixture:
    """Gaussian tube around a curve (or surface) in a plane of fixed dimension.

    Args:
        points: (L, J), nodes of a quadrature over the curve, in orthonormal directions.
        weights: (L,) of that quadrature, summing to 1; equal by default.
        variance: of the tube, >= 0, in every direction.
    """
    require_finite("points", points)
    Y = np.asarray(points, dtype=np.float64)
    require(Y.ndim == 2 and Y.size > 0, "points", "of shape (L, J)", np.shape(points))
    w = np.full(len(Y), 1.0 / len(Y)) if weights is None else weights
    w = _simplex("weights", w)
    require(len(w) == len(Y), "weights", f"of shape ({len(Y)},)", w.shape)
    rho = _variances(variance, 1, 1)
    one_block = jnp.eye(Y.shape[1], dtype=jnp.float64)[None]
    family = _family(w, Y, rho[0])
    return StructuredMixture((family,), one_block, jnp.ones(1, jnp.float64))


def empirical_mixture(x, labels=None):
    r"""Images as a structured mixture: empirical spectrum, class means.

    The coordinates are turned into the eigenbasis of the (within-class) covariance; each
    becomes a block of its own, mass 1/d. With one class it is the Gaussian with the
    empirical mean and covariance, tracked direction: the mean.

    Args:
        x: (n, d) with n >= 2, finite.
        labels: (n,) classes; None for one class.

    Returns:
        The law, and the eigenbasis as columns (d, d), leading eigenvalue first.
    """
    require_finite("x", x)
    x = np.asarray(x, dtype=np.float64)
    require(x.ndim == 2 and len(x) >= 2, "x", "of shape (n >= 2, d)", x.shape)
    labels = np.zeros(len(x), int) if labels is None else np.asarray(labels)
    fits = labels.shape == (len(x),)
    require(fits, "labels", f"of shape ({len(x)},)", labels.shape)
    classes, index = np.unique(labels, return_inverse=True)
    weights = np.bincount(index) / len(x)
    means = np.stack([x[index == k].mean(axis=0) for k in range(len(classes))])
    residual = x - means[index]
    values, basis = np.linalg.eigh(residual.T @ residual / len(x))
    values, basis = np.maximum(values[::-1], 0.0), basis[:, ::-1]
    d = x.shape[1]
    blocks = (means @ basis).T[:, :, None]  # (d, K, 1)
    law = structured_mixture(weights, blocks, values, np.full(d, 1.0 / d))
    return law, basis


def _family(weights, latents, variances) -> Family:
    arrays = (weights, latents, variances)
    return Family(*(jnp.asarray(v, jnp.float64) for v in arrays))


def _simplex(name: str, values) -> np.ndarray:
    require_positive(name, values)
    w = np.asarray(values, dtype=np.float64)
    require(w.ndim == 1 and w.size >= 1, name, "a vector", w.shape)
    require(abs(w.sum() - 1.0) <= 1e-9, f"sum of {name}", "1 within 1e-9", w.sum())
    return w / w.sum()


def _variances(values, K: int, S: int) -> np.ndarray:
    require_in("variances", values, 0.0, np.finfo(float).max)
    rho = np.asarray(values, dtype=np.float64)
    ok = rho.shape in ((), (S,), (K, S))
    require(ok, "variances", f"a number, ({S},) or ({K}, {S})", rho.shape)
    return np.broadcast_to(rho, (K, S))
