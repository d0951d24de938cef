"""Laws on curved sets: manifolds in few dimensions, carried into many."""

from collections.abc import Callable
from dataclasses import dataclass, field

import jax
import jax.numpy as jnp
import jax.random as jr
import numpy as np
from jaxtyping import Array, Float

from sim.targets.frames import orthonormal
from theory.validation import require, require_in, require_positive

__all__ = [
    "EmbeddedManifold",
    "HiddenManifold",
    "hidden_manifold",
    "ring",
    "sphere",
    "swiss_roll",
    "torus",
]

ACTIVATIONS = {"identity": lambda x: x, "tanh": jnp.tanh}


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


def ring(
    dim: int = 10, noise: float = 0.05, seed: int = 0, radius: float = 2.0**0.5
) -> EmbeddedManifold:
    """Circle, uniform, by default of radius sqrt 2 (unit variance in its plane); d >= 2."""
    require_positive("radius", radius)
    return _embedded(_Circle(float(radius)), 2, dim, noise, seed)


def torus(
    dim: int = 16,
    noise: float = 0.0,
    seed: int = 0,
    radii: tuple[float, float] = (1.0, 0.5),
) -> EmbeddedManifold:
    """Flat torus, uniform: a circle of each radius, in planes of their own; d >= 4."""
    require_positive("radii", radii)
    require(len(radii) == 2, "radii", "two", radii)
    first, second = map(float, radii)
    return _embedded(_Torus((first, second)), 4, dim, noise, seed)


def sphere(
    dim: int = 16, noise: float = 0.0, seed: int = 0, radius: float = 1.0
) -> EmbeddedManifold:
    """2-sphere of that radius, uniform; d >= 3."""
    require_positive("radius", radius)
    return _embedded(_Sphere(float(radius)), 3, dim, noise, seed)


def swiss_roll(dim: int = 10, noise: float = 0.05, seed: int = 0) -> EmbeddedManifold:
    """Spiral (s cos s, s sin s)/8, s uniform on [3π/2, 9π/2], times [-1, 1]; d >= 3."""
    return _embedded(_roll, 3, dim, noise, seed)


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class HiddenManifold:
    """x = F(A z), z ~ N(0, I_m): m hidden coordinates seen through d of their mixtures."""

    mixing: Float[Array, "d m"]
    activation: str = field(metadata={"static": True})
    """F, coordinate by coordinate: a key of `ACTIVATIONS`"""

    @property
    def dim(self) -> int:
        """Ambient dimension d."""
        return self.mixing.shape[-2]

    @property
    def law(self) -> None:
        """No density is offered: it lives on the manifold."""
        return None

    def sample(self, key: Array, n: int) -> Float[Array, "n d"]:
        """`n` independent float32 draws."""
        z = jr.normal(key, (n, self.mixing.shape[-1]), jnp.float32)
        return ACTIVATIONS[self.activation](z @ self.mixing.T)


def hidden_manifold(
    dim: int = 16, intrinsic: int = 2, activation: str = "tanh", seed: int = 0
) -> HiddenManifold:
    """A `HiddenManifold` with A normal of variance 1/m: A z has unit variance on average.

    Args:
        dim: d >= m.
        intrinsic: m >= 1.
        activation: "identity" (a Gaussian on a subspace, its entropy is
            `theory.memorization.entropy.linear_manifold_entropy`) or "tanh".
        seed: of A, in NumPy's default generator.
    """
    require(intrinsic >= 1, "intrinsic", ">= 1", intrinsic)
    require(dim >= intrinsic, "dim", f">= intrinsic = {intrinsic}", dim)
    known = ", ".join(ACTIVATIONS)
    require(activation in ACTIVATIONS, "activation", f"one of {known}", activation)
    A = np.random.default_rng(seed).standard_normal((dim, intrinsic))
    mixing = jnp.asarray(A / np.sqrt(intrinsic), jnp.float32)
    return HiddenManifold(mixing, activation)


def _embedded(
    flat: Callable, k: int, dim: int, noise: float, seed: int
) -> EmbeddedManifold:
    require(dim >= k, "dim", f">= {k}", dim)
    require_in("noise", noise, 0.0, 1e3)
    embedding = jnp.asarray(orthonormal(dim, k, seed), jnp.float32)
    return EmbeddedManifold(embedding, jnp.asarray(noise, jnp.float32), flat)


@dataclass(frozen=True)  # compares by its radius: equal targets are compiled once
class _Circle:
    radius: float

    def __call__(self, key: Array, n: int) -> Float[Array, "n 2"]:
        angle = 2.0 * jnp.pi * jr.uniform(key, (n,), jnp.float32)
        return self.radius * jnp.stack([jnp.cos(angle), jnp.sin(angle)], axis=1)


@dataclass(frozen=True)
class _Torus:
    radii: tuple[float, float]

    def __call__(self, key: Array, n: int) -> Float[Array, "n 4"]:
        circles = zip(map(_Circle, self.radii), jr.split(key, 2), strict=True)
        return jnp.concatenate([circle(k, n) for circle, k in circles], axis=1)


@dataclass(frozen=True)
class _Sphere:
    radius: float

    def __call__(self, key: Array, n: int) -> Float[Array, "n 3"]:
        z = jr.normal(key, (n, 3), jnp.float32)
        return self.radius * z / jnp.linalg.norm(z, axis=1, keepdims=True)


def _roll(key: Array, n: int) -> Float[Array, "n 3"]:
    u, strip = jr.uniform(key, (2, n), jnp.float32)
    s = 1.5 * jnp.pi * (1.0 + 2.0 * u)
    spiral = (s / 8 * jnp.cos(s), s / 8 * jnp.sin(s))
    return jnp.stack([*spiral, 2.0 * strip - 1.0], axis=1)
