"""What is learned: mixtures, manifolds in many dimensions, small images.

Each target offers `dim`, `law` (exact, or None where no density is known) and
``sample(key, n)`` in float32 (`sim.learners.protocol.Target`). Build with the functions
below, which validate.
"""

from collections.abc import Callable
from dataclasses import dataclass, field

import jax
import jax.numpy as jnp
import jax.random as jr
import numpy as np
from jaxtyping import Array, Float

from sim.grid import Grid, GridLaw, on_grid
from sim.laws import FiniteLaw, draw
from theory.mixtures import GaussianMixture, gaussian_mixture
from theory.validation import require, require_finite, require_in, require_positive

__all__ = [
    "EmbeddedManifold",
    "Images",
    "Mixture",
    "Tabulated",
    "anisotropic",
    "bimodal",
    "categories",
    "digits",
    "five_modes",
    "grid_of_modes",
    "ring",
    "swiss_roll",
    "tabulated",
]


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class Mixture:
    """A Gaussian mixture, known exactly."""

    law: GaussianMixture

    @property
    def dim(self) -> int:
        """Dimension d."""
        return self.law.dim

    def sample(self, key: Array, n: int) -> Float[Array, "n d"]:
        """`n` independent float32 draws."""
        return draw(self.law, key, n, jnp.float32)


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class Tabulated:
    """A law that is a table: a density on a grid, or the probabilities of categories."""

    law: GridLaw | FiniteLaw

    @property
    def dim(self) -> int:
        """Dimension d; 1 for categories, which are numbered."""
        return self.law.dim

    def sample(self, key: Array, n: int) -> Float[Array, "n d"]:
        """`n` independent float32 draws."""
        return draw(self.law, key, n, jnp.float32)


def tabulated(law: GaussianMixture, grid: Grid) -> Tabulated:
    """A mixture as its table on a grid; refuses a grid that misses more than 1e-6 of it."""
    table = jax.jit(on_grid)(law, grid)
    mass = float(jnp.sum(table.mass))
    ok = abs(mass - 1.0) < 1e-6
    require(ok, "grid", "wide and fine enough to hold the law", f"mass {mass:.7f}")
    return Tabulated(table)


def categories(probabilities) -> Tabulated:
    """A law on K >= 2 categories: probabilities in [0, 1] that sum to 1 within 1e-9."""
    require_in("probabilities", probabilities, 0.0, 1.0)
    p = np.asarray(probabilities, dtype=np.float64)
    require(p.ndim == 1 and p.size >= 2, "probabilities", "(K >= 2,)", p.shape)
    total = float(p.sum())
    require(abs(total - 1.0) <= 1e-9, "sum of probabilities", "1 within 1e-9", total)
    return Tabulated(FiniteLaw(jnp.asarray(p)))


def five_modes(sigma: float = 0.6, distance: float = 4.0, dim: int = 10) -> Mixture:
    """Five equal modes N(mu, sigma² I): the origin and (±distance, ±distance, 0, ...).

    Dimension, number of modes and sigma as in Khelifa et al.'s mixture experiment; the
    means as reported by a public reproduction. Needs dim >= 2, sigma > 0.
    """
    require_positive("sigma", sigma)
    require_finite("distance", distance)
    require(dim >= 2, "dim", ">= 2", dim)
    means = np.zeros((5, dim))
    means[1:, :2] = distance * np.array([(i, j) for i in (1, -1) for j in (1, -1)])
    return Mixture(gaussian_mixture(np.full(5, 0.2), means, sigma**2))


def bimodal(
    distance: float = 2.0, variance: float = 0.25, weight: float = 0.5
) -> Mixture:
    """1-D modes at -distance (with the given weight in [0, 1]) and +distance."""
    means = np.array([-distance, distance])
    return Mixture(gaussian_mixture([weight, 1.0 - weight], means, variance))


def grid_of_modes(side: int = 3, spacing: float = 2.0, sigma: float = 0.3) -> Mixture:
    """2-D: side x side equal modes N(mu, sigma² I) on a centred square lattice."""
    require(side >= 1, "side", ">= 1", side)
    require_positive("spacing", spacing)
    require_positive("sigma", sigma)
    line = spacing * (np.arange(side) - (side - 1) / 2)
    means = np.stack(np.meshgrid(line, line), axis=-1).reshape(-1, 2)
    return Mixture(gaussian_mixture(np.full(side**2, 1.0 / side**2), means, sigma**2))


def anisotropic(
    dim: int = 2, condition: float = 25.0, distance: float = 2.0, seed: int = 0
) -> Mixture:
    """Two equal modes at ±distance along a random axis, with turned covariances.

    Each covariance has eigenvalues falling geometrically from 1 to 1/condition; all
    directions come from `seed`. Needs dim >= 2, condition in [1, 1e6].
    """
    require(dim >= 2, "dim", ">= 2", dim)
    require_in("condition", condition, 1.0, 1e6)
    require_finite("distance", distance)
    axes = [orthonormal(dim, dim, seed + k) for k in range(3)]
    eigenvalues = np.geomspace(1.0, 1.0 / condition, dim)
    covariances = [(Q * eigenvalues) @ Q.T for Q in axes[:2]]
    means = distance * axes[2][:, 0] * np.array([[-1.0], [1.0]])
    return Mixture(gaussian_mixture([0.5, 0.5], means, np.stack(covariances)))


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class EmbeddedManifold:
    """A manifold in k dimensions carried into d >= k by x -> E x, plus noise.

    E has orthonormal columns, so distances along the manifold are kept; the isotropic
    noise has standard deviation `noise` in all d coordinates.
    """

    embedding: Float[Array, "d k"]
    noise: Float[Array, ""]
    flat: Callable[[Array, int], Array] = field(metadata={"static": True})
    """draws (key, n) -> (n, k) on the manifold"""

    @property
    def dim(self) -> int:
        """Ambient dimension d."""
        return self.embedding.shape[-2]

    @property
    def law(self) -> None:
        """No density is offered."""
        return None

    def sample(self, key: Array, n: int) -> Float[Array, "n d"]:
        """`n` independent float32 draws."""
        key_flat, key_noise = jr.split(key)
        z = jr.normal(key_noise, (n, self.dim), jnp.float32)
        return self.flat(key_flat, n) @ self.embedding.T + self.noise * z


def ring(dim: int = 10, noise: float = 0.05, seed: int = 0) -> EmbeddedManifold:
    """Circle of radius sqrt 2 (unit variance in its plane), uniform; dim >= 2."""
    return _embedded(_ring, 2, dim, noise, seed)


def swiss_roll(dim: int = 10, noise: float = 0.05, seed: int = 0) -> EmbeddedManifold:
    """Spiral (s cos s, s sin s)/8, s uniform on [3π/2, 9π/2], times [-1, 1]; d >= 3."""
    return _embedded(_roll, 3, dim, noise, seed)


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class Images:
    """A finite set of flattened images; draws are without replacement."""

    images: Float[Array, "m d"]

    @property
    def dim(self) -> int:
        """Dimension d."""
        return self.images.shape[-1]

    @property
    def law(self) -> None:
        """Not known."""
        return None

    def sample(self, key: Array, n: int) -> Float[Array, "n d"]:
        """`n` different float32 images, in random order."""
        m = self.images.shape[-2]
        require(1 <= n <= m, "n", f"in [1, {m}], the number of images", n)
        return self.images[jr.permutation(key, jnp.arange(m, dtype=jnp.int32))[:n]]


def digits(components: int | None = None) -> Images:
    """The 1797 handwritten digits of scikit-learn, 8 x 8 pixels scaled to [-1, 1].

    With `components` = k in [1, 64]: the k leading principal components of the centred
    pixels, in pixel units, each with its largest loading positive.
    """
    from sklearn.datasets import load_digits

    pixels = load_digits().data / 8.0 - 1.0
    if components is not None:
        require(1 <= components <= 64, "components", "in [1, 64]", components)
        centred = pixels - pixels.mean(axis=0)
        loadings = np.linalg.svd(centred, full_matrices=False)[2][:components]
        largest = np.abs(loadings).argmax(axis=1)
        loadings *= np.sign(loadings[np.arange(components), largest])[:, None]
        pixels = centred @ loadings.T
    return Images(jnp.asarray(pixels, jnp.float32))


def orthonormal(rows: int, columns: int, seed: int) -> np.ndarray:
    """A uniformly random (rows, columns) matrix with orthonormal columns."""
    gaussian = np.random.default_rng(seed).standard_normal((rows, columns))
    Q, R = np.linalg.qr(gaussian)
    return Q * np.sign(np.diag(R))  # without the signs QR is not uniform


def _embedded(
    flat: Callable, k: int, dim: int, noise: float, seed: int
) -> EmbeddedManifold:
    require(dim >= k, "dim", f">= {k}", dim)
    require_in("noise", noise, 0.0, 1e3)
    embedding = jnp.asarray(orthonormal(dim, k, seed), jnp.float32)
    return EmbeddedManifold(embedding, jnp.asarray(noise, jnp.float32), flat)


def _ring(key: Array, n: int) -> Float[Array, "n 2"]:
    angle = 2.0 * jnp.pi * jr.uniform(key, (n,), jnp.float32)
    return 2.0**0.5 * jnp.stack([jnp.cos(angle), jnp.sin(angle)], axis=1)


def _roll(key: Array, n: int) -> Float[Array, "n 3"]:
    u, strip = jr.uniform(key, (2, n), jnp.float32)
    s = 1.5 * jnp.pi * (1.0 + 2.0 * u)
    spiral = (s / 8 * jnp.cos(s), s / 8 * jnp.sin(s))
    return jnp.stack([*spiral, 2.0 * strip - 1.0], axis=1)
