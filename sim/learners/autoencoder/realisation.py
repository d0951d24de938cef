r"""A structured mixture in d dimensions, drawn on the fly.

Block s takes :math:`n_s = \mathrm{round}(\varphi_s d)` coordinates, one block after the
other. Its tracked directions live in its first :math:`\min(n_s, J)` coordinates, factors
of the Gram matrix, :math:`V^s V^{sT} = T^s`; only those coordinates are stored.
"""

from dataclasses import dataclass, field

import jax
import jax.numpy as jnp
import jax.random as jr
import numpy as np
from jaxtyping import Array, Float

from sim.laws import categorical
from theory.structured import StructuredMixture
from theory.validation import InputError, require, require_count, require_in

__all__ = ["Realised", "initial_weights", "realise"]


MANY = 16  # runs of coordinates from which indices compile faster than slices


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class Realised:
    """A law in d dimensions, a `sim.learners.protocol.Target`; build with `realise`."""

    weights: Float[Array, " c"]
    """probability of each component"""
    means: Float[Array, "c l"]
    """of each component, in the explicit coordinates; 0 in all others"""
    directions: Float[Array, "j l"]
    """tracked directions, in the explicit coordinates"""
    deviations: Float[Array, "c s"]
    """standard deviation of each component in each block; one row where all agree"""
    sizes: tuple[int, ...] = field(metadata={"static": True})
    """coordinates of each block"""

    @property
    def dim(self) -> int:
        """Dimension d."""
        return sum(self.sizes)

    @property
    def law(self) -> None:
        """No density is offered."""
        return None

    @property
    def explicit(self) -> tuple[int, ...]:
        """How many leading coordinates of each block are explicit."""
        J = self.directions.shape[-2]
        return tuple(min(n, J) for n in self.sizes)

    def draw(self, key: Array, n: int) -> Float[Array, "n d"]:
        """`n` independent float32 draws."""
        key_component, key_noise = jr.split(key)
        z = jr.normal(key_noise, (n, self.dim), jnp.float32)
        c = categorical(key_component, self.weights, n)
        common = self.deviations.shape[-2] == 1
        s = self.deviations if common else self.deviations[c]
        return self.embed(self.means[c], onto=self._across(s) * z)

    sample = draw

    def embed(
        self, x: Float[Array, "n l"], onto: Float[Array, "n d"]
    ) -> Float[Array, "n d"]:
        """`onto` plus vectors given by their explicit coordinates."""
        runs = self._runs
        if len(runs) > MANY:
            return onto.at[:, self._columns].add(x.astype(onto.dtype))
        for (a, b), (i, j) in runs:
            onto = onto.at[:, a:b].add(x[:, i:j].astype(onto.dtype))
        return onto

    def restrict(self, x: Float[Array, "n d"]) -> Float[Array, "n l"]:
        """The explicit coordinates of vectors."""
        runs = self._runs
        if len(runs) > MANY:
            return x[:, self._columns]
        return jnp.concatenate([x[:, a:b] for (a, b), _ in runs], axis=1)

    def project(self, x: Float[Array, "n d"]) -> Float[Array, "n j"]:
        r"""Projections :math:`v_j\cdot x` on the tracked directions."""
        return self.restrict(x) @ self.directions.T.astype(x.dtype)

    @property
    def _columns(self) -> np.ndarray:
        """Where the explicit coordinates are."""
        return np.concatenate([np.arange(a, b) for (a, b), _ in self._runs])

    @property
    def _runs(self) -> list[tuple[tuple[int, int], tuple[int, int]]]:
        """Explicit coordinates as runs: where in d, where among the explicit ones."""
        starts = np.cumsum((0, *self.sizes[:-1]))
        runs, i = [], 0
        for a, width in zip(starts.tolist(), self.explicit, strict=True):
            if runs and runs[-1][0][1] == a:  # the previous block is all explicit
                (a, _), (start, _) = runs.pop()
                width += i - start
                i = start
            runs.append(((a, a + width), (i, i + width)))
            i += width
        return runs

    def _across(self, per_block: Float[Array, "n s"]) -> Float[Array, "n d"]:
        if len(self.sizes) == 1:
            return per_block
        repeats = np.asarray(self.sizes)
        return jnp.repeat(per_block, repeats, axis=1, total_repeat_length=self.dim)


def realise(data: StructuredMixture, dim: int) -> Realised:
    """`data` in `dim` dimensions.

    Raises:
        InputError: where the masses do not fill `dim` coordinates, or a block has fewer
            coordinates than its directions need.
    """
    require_count("dim", dim)
    masses, gram = np.asarray(data.masses), np.asarray(data.gram)
    sizes = np.round(masses * dim).astype(int)
    filled = sizes.sum() == dim and (sizes > 0).all()
    allowed = "such that round(mass * dim) >= 1 over all blocks sum to it"
    require(bool(filled), "dim", allowed, dim)
    factors = [
        _factor(T, n, s) for s, (T, n) in enumerate(zip(gram, sizes, strict=True))
    ]
    V = np.concatenate(factors, axis=1)
    deviations = np.sqrt(np.asarray(data.variances))
    if np.all(deviations == deviations[:1]):
        deviations = deviations[:1]
    as32 = lambda v: jnp.asarray(v, jnp.float32)
    return Realised(
        jnp.asarray(data.weights, jnp.float64),
        as32(np.asarray(data.latents) @ V),
        as32(V),
        as32(deviations),
        tuple(sizes.tolist()),
    )


def _factor(T: np.ndarray, n: int, s: int) -> np.ndarray:
    """V of shape (J, min(n, J)) with V Vᵀ = T, within 1e-9 of T's norm."""
    values, vectors = np.linalg.eigh(T)
    keep = min(n, len(T))
    V = (vectors * np.sqrt(np.maximum(values, 0.0)))[:, ::-1][:, :keep]
    residual = np.abs(V @ V.T - T).max()
    if residual > 1e-9 * max(np.abs(T).max(), 1.0):
        rank = int((values > 1e-9 * np.abs(values).max()).sum())
        raise InputError(
            f"dim must give block {s} at least {rank} coordinates for its directions, "
            f"got {n}."
        )
    return V


def initial_weights(
    key: Array, realised: Realised, coefficients, spread: float = 0.0
) -> Float[Array, "r d"]:
    r"""W with :math:`w_\gamma/\sqrt d = \sum_j C_{\gamma j} v_j` plus random entries.

    The meaning of `theory.denoiser.initial_overlaps`, whose overlaps these weights have
    up to fluctuations of order :math:`d^{-1/2}`.

    Args:
        key: of the random entries.
        realised: the tracked directions.
        coefficients: C, (r, J), or (s, r, J) for coefficients of each block.
        spread: standard deviation >= 0 of the random entries of w.
    """
    require_in("spread", spread, 0.0, 1e6)
    C = np.asarray(coefficients, dtype=np.float64)
    require(bool(np.isfinite(C).all()), "coefficients", "finite", coefficients)
    J, S = realised.directions.shape[-2], len(realised.sizes)
    ok = C.ndim in (2, 3) and C.shape[-1] == J and C.shape[:-2] in ((), (S,))
    require(ok, "coefficients", f"of shape (r, {J}) or ({S}, r, {J})", C.shape)
    require(C.shape[-2] >= 1, "width r", ">= 1", C.shape[-2])
    per_block = jnp.asarray(np.broadcast_to(C, (S, *C.shape[-2:])), jnp.float32)
    columns = np.repeat(np.arange(S), realised.explicit)
    informed = jnp.einsum("lrj,jl->rl", per_block[columns], realised.directions)
    random = spread * jr.normal(key, (C.shape[-2], realised.dim), jnp.float32)
    return realised.embed(realised.dim**0.5 * informed, onto=random)
