"""Laws that are known: Gaussian mixtures, and tables on grids or of categories."""

from dataclasses import dataclass

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from sim.grid import Grid, GridLaw, on_grid
from sim.laws import FiniteLaw, draw
from sim.targets.frames import orthonormal
from theory.mixtures import GaussianMixture, gaussian_mixture
from theory.validation import require, require_finite, require_in, require_positive

__all__ = [
    "Mixture",
    "Tabulated",
    "anisotropic",
    "bimodal",
    "categories",
    "eight_modes",
    "five_modes",
    "grid_of_modes",
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


def eight_modes() -> Mixture:
    """Eight equal modes in d = 8, overlapping: N(mu, 0.15² I), mu half a standard normal.

    Always the same means, drawn from the seed 123 in NumPy's default generator.
    """
    means = np.random.default_rng(123).standard_normal((8, 8))
    return Mixture(gaussian_mixture(np.full(8, 0.125), 0.5 * means, (0.5 * 0.3) ** 2))
