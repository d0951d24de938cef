r"""Laws that are known exactly: Gaussian mixtures, kernel densities, and blends of laws.

Every law offers the same few things: `dim`, `log_density_and_score`, `log_density`,
`score`, `noised` (its marginal after OU time t), `mean` and `second_moment`. Points are
batched, ``(n, d)``. Laws are pytrees: `vmap`, `jit` and `grad` go through them.
"""

from dataclasses import dataclass, field, replace

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from theory.processes import OU
from theory.validation import require, require_finite, require_in, require_positive

__all__ = [
    "Blend",
    "GaussianMixture",
    "KernelDensity",
    "gaussian_mixture",
    "kernel_density",
]

LOG_2PI = float(np.log(2.0 * np.pi))


class _Law:
    def log_density(self, x: Float[Array, "n d"]) -> Float[Array, " n"]:
        """Log-density in nats at each row of `x`."""
        return self.log_density_and_score(x)[0]

    def score(self, x: Float[Array, "n d"]) -> Float[Array, "n d"]:
        """Gradient of the log-density at each row of `x`."""
        return self.log_density_and_score(x)[1]


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class GaussianMixture(_Law):
    r"""Law :math:`\sum_k w_k N(\mu_k, \Sigma_k)`; build with `gaussian_mixture`."""

    weights: Float[Array, " k"]
    means: Float[Array, "k d"]
    covariances: Float[Array, "k d d"]

    @property
    def dim(self) -> int:
        """Dimension d."""
        return self.means.shape[-1]

    def noised(self, process: OU, t: float) -> "GaussianMixture":
        r"""Marginal at OU time t.

        Means :math:`e^{-t/2}\mu_k`, covariances :math:`e^{-t}\Sigma_k + (1-e^{-t}) I`.
        """
        a, v = process.mean_factor(t), process.variance(t)
        eye = jnp.eye(self.dim, dtype=self.means.dtype)
        return replace(
            self,
            means=a * self.means,
            covariances=a**2 * self.covariances + v * eye[None],
        )

    def log_density_and_score(
        self, x: Float[Array, "n d"]
    ) -> tuple[Float[Array, " n"], Float[Array, "n d"]]:
        """Log-density and score at each row of `x`, sharing the whitened residuals."""
        chol = jnp.linalg.cholesky(self.covariances)
        half_logdet = jnp.sum(jnp.log(jnp.diagonal(chol, axis1=-2, axis2=-1)), axis=-1)
        eye = jnp.broadcast_to(jnp.eye(self.dim, dtype=chol.dtype), chol.shape)
        whiten = jax.scipy.linalg.solve_triangular(chol, eye, lower=True)
        delta = x[None, :, :] - self.means[:, None, :]  # (k, n, d)
        white = delta @ jnp.swapaxes(whiten, -1, -2)  # L^-1 (x - mu)
        pull = white @ whiten  # Sigma^-1 (x - mu)
        log_parts = (
            _safe_log(self.weights)[:, None]
            - 0.5 * jnp.sum(white**2, axis=-1)
            - half_logdet[:, None]
            - 0.5 * self.dim * LOG_2PI
        )
        log_p = jax.scipy.special.logsumexp(log_parts, axis=0)
        responsibility = jnp.exp(log_parts - log_p[None])  # (k, n)
        return log_p, -jnp.sum(responsibility[:, :, None] * pull, axis=0)

    def mean(self) -> Float[Array, " d"]:
        """Mean vector."""
        return self.weights @ self.means

    def second_moment(self) -> Float[Array, "d d"]:
        """Raw second moment E[x xᵀ]."""
        outer = self.means[:, :, None] * self.means[:, None, :] + self.covariances
        return jnp.einsum("k,kij->ij", self.weights, outer)


def gaussian_mixture(weights, means, covariances) -> GaussianMixture:
    """Validated `GaussianMixture` in float64.

    Args:
        weights: (k,) non-negative, summing to 1 within 1e-9.
        means: (k, d), or (k,) for d = 1.
        covariances: scalar, (k,) variances, (d, d), or (k, d, d); positive definite.

    Raises:
        InputError: on NaN, wrong shapes, weights off the simplex, or a covariance that
            is not symmetric positive definite.
    """
    for name, value in (
        ("weights", weights),
        ("means", means),
        ("covariances", covariances),
    ):
        require_finite(name, value)
    w = np.asarray(weights, dtype=np.float64)
    m = np.asarray(means, dtype=np.float64)
    S = np.asarray(covariances, dtype=np.float64)
    require(
        w.ndim == 1 and w.size >= 1, "weights", "a vector (k,) with k >= 1", w.shape
    )
    require_in("weights", w, 0.0, 1.0)
    require(
        abs(w.sum() - 1.0) <= 1e-9, "sum of weights", "1 within 1e-9", float(w.sum())
    )
    m = m[:, None] if m.ndim == 1 else m
    require(
        m.ndim == 2 and len(m) == len(w), "means", f"of shape ({len(w)}, d)", m.shape
    )
    k, d = m.shape
    if S.ndim <= 1:
        require(
            S.ndim == 0 or S.shape == (k,), "covariances", f"({k},) variances", S.shape
        )
        S = np.broadcast_to(S, (k,))[:, None, None] * np.eye(d)
    fits = S.shape in ((d, d), (1, d, d), (k, d, d))
    require(fits, "covariances", f"of shape ({d}, {d}) or ({k}, {d}, {d})", S.shape)
    S = np.broadcast_to(S, (k, d, d))
    require(bool(np.allclose(S, np.swapaxes(S, 1, 2))), "covariances", "symmetric", S)
    lowest = float(np.linalg.eigvalsh(S).min())
    require(
        lowest > 0, "covariances", "positive definite (smallest eigenvalue > 0)", lowest
    )
    return GaussianMixture(jnp.asarray(w), jnp.asarray(m), jnp.asarray(S))


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class KernelDensity(_Law):
    r"""Gaussian kernel density :math:`\sum_j w_j N(c_j, v I)` with many centres.

    Evaluated in blocks of `block` centres by a streaming log-sum-exp, so no
    (points x centres) array is ever formed. Build with `kernel_density`.
    """

    centres: Float[Array, "m d"]
    log_weights: Float[Array, " m"]
    variance: Float[Array, ""]
    block: int = field(default=1024, metadata={"static": True})

    @property
    def dim(self) -> int:
        """Dimension d."""
        return self.centres.shape[-1]

    def noised(self, process: OU, t: float) -> "KernelDensity":
        r"""Marginal at OU time t: the data blurred, then diffused.

        Centres :math:`e^{-t/2}c_j`, variance :math:`e^{-t}v + 1-e^{-t}`.
        """
        a, v = process.mean_factor(t), process.variance(t)
        return replace(
            self, centres=a * self.centres, variance=a**2 * self.variance + v
        )

    def log_density_and_score(
        self, x: Float[Array, "n d"]
    ) -> tuple[Float[Array, " n"], Float[Array, "n d"]]:
        """Log-density and score at each row of `x`; memory is n x block."""
        m, d = self.centres.shape
        shift = jnp.mean(
            self.centres, axis=0
        )  # centred: |x-c|^2 by matrix product loses less
        y, centres = x - shift[None], self.centres - shift[None]
        pad = -m % self.block
        centres = jnp.pad(centres, ((0, pad), (0, 0))).reshape(-1, self.block, d)
        log_w = jnp.pad(self.log_weights, (0, pad), constant_values=-jnp.inf)
        bias = (
            log_w.reshape(-1, self.block)
            - 0.5 * jnp.sum(centres**2, -1) / self.variance
        )

        def add_block(carry, part):
            top, total, weighted = carry
            c, b = part
            logits = y @ c.T / self.variance + b[None]
            new_top = jnp.maximum(top, jnp.max(logits, axis=1))
            safe_top = jnp.where(jnp.isfinite(new_top), new_top, 0.0)
            mass = jnp.exp(logits - safe_top[:, None])
            keep = jnp.exp(top - safe_top)
            total = keep * total + jnp.sum(mass, axis=1)
            weighted = keep[:, None] * weighted + mass @ c
            return (new_top, total, weighted), None

        n = x.shape[0]
        start = (
            jnp.full((n,), -jnp.inf, x.dtype),
            jnp.zeros((n,), x.dtype),
            jnp.zeros((n, d), x.dtype),
        )
        (top, total, weighted), _ = jax.lax.scan(add_block, start, (centres, bias))
        log_norm = 0.5 * d * (LOG_2PI + jnp.log(self.variance))
        log_p = (
            top + jnp.log(total) - 0.5 * jnp.sum(y**2, -1) / self.variance - log_norm
        )
        return log_p, (weighted / total[:, None] - y) / self.variance

    def mean(self) -> Float[Array, " d"]:
        """Mean vector."""
        return jnp.exp(self.log_weights) @ self.centres

    def second_moment(self) -> Float[Array, "d d"]:
        """Raw second moment E[x xᵀ]."""
        w = jnp.exp(self.log_weights)
        eye = jnp.eye(self.dim, dtype=self.centres.dtype)
        return (self.centres * w[:, None]).T @ self.centres + self.variance * eye


def kernel_density(
    centres, bandwidth, weights=None, block: int = 1024
) -> KernelDensity:
    """Validated `KernelDensity` (dtype of `centres`): bandwidth h > 0 is a standard deviation."""
    require_positive("bandwidth", bandwidth)
    require_finite("centres", centres)
    require(block >= 1, "block", ">= 1", block)
    c = jnp.asarray(centres)
    if not jnp.issubdtype(c.dtype, jnp.floating):
        c = c.astype(jnp.float64)  # integers would truncate bandwidth and weights to 0
    require(c.ndim == 2 and c.shape[0] >= 1, "centres", "of shape (m >= 1, d)", c.shape)
    m = c.shape[0]
    if weights is None:
        log_w = jnp.full((m,), -np.log(m), c.dtype)
    else:
        require_in("weights", weights, 0.0, 1.0)
        w = jnp.asarray(weights, c.dtype)
        require(w.shape == (m,), "weights", f"of shape ({m},)", w.shape)
        if not isinstance(w, jax.core.Tracer):
            total = float(np.sum(np.asarray(weights, dtype=np.float64)))
            require(abs(total - 1.0) <= 1e-5, "sum of weights", "1 within 1e-5", total)
        log_w = _safe_log(w)
    return KernelDensity(c, log_w, jnp.asarray(bandwidth, c.dtype) ** 2, min(block, m))


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class Blend(_Law):
    r"""Law :math:`\alpha\,p + (1-\alpha)\,q` of two laws, e.g. fresh and synthetic data.

    ``alpha`` may be 0 or 1 exactly; the absent law then contributes nothing.
    """

    alpha: Float[Array, ""]
    first: _Law
    second: _Law

    @property
    def dim(self) -> int:
        """Dimension d."""
        return self.first.dim

    def noised(self, process: OU, t: float) -> "Blend":
        """Both parts noised to OU time t."""
        return replace(
            self,
            first=self.first.noised(process, t),
            second=self.second.noised(process, t),
        )

    def log_density(self, x: Float[Array, "n d"]) -> Float[Array, " n"]:
        """Log-density; asks the parts for no score, so tabulated laws will do."""
        return self._combine(self.first.log_density(x), self.second.log_density(x))[0]

    def log_density_and_score(
        self, x: Float[Array, "n d"]
    ) -> tuple[Float[Array, " n"], Float[Array, "n d"]]:
        """Log-density and score at each row of `x`."""
        log_1, score_1 = self.first.log_density_and_score(x)
        log_2, score_2 = self.second.log_density_and_score(x)
        log_p, share = self._combine(log_1, log_2)
        return log_p, share[:, None] * score_1 + (1.0 - share)[:, None] * score_2

    def _combine(self, log_1: Array, log_2: Array) -> tuple[Array, Array]:
        """Log-density of the blend, and the first law's share of it."""
        # relative to the larger part that is present: right, with its gradient in alpha,
        # also where alpha is exactly 0 or 1
        top = jnp.maximum(
            jnp.where(self.alpha > 0, log_1, -jnp.inf),
            jnp.where(self.alpha < 1, log_2, -jnp.inf),
        )
        top = jax.lax.stop_gradient(jnp.where(jnp.isfinite(top), top, 0.0))
        first, second = (
            jnp.exp(jnp.minimum(part - top, 700.0)) for part in (log_1, log_2)
        )
        total = self.alpha * first + (1.0 - self.alpha) * second
        return top + jnp.log(total), self.alpha * first / total

    def mean(self) -> Float[Array, " d"]:
        """Mean vector."""
        return self.alpha * self.first.mean() + (1.0 - self.alpha) * self.second.mean()

    def second_moment(self) -> Float[Array, "d d"]:
        """Raw second moment E[x xᵀ]."""
        first, second = self.first.second_moment(), self.second.second_moment()
        return self.alpha * first + (1.0 - self.alpha) * second


def _safe_log(x: Array) -> Array:
    """log with log 0 = -inf and a zero, not NaN, gradient there."""
    positive = x > 0
    return jnp.where(positive, jnp.log(jnp.where(positive, x, 1.0)), -jnp.inf)
