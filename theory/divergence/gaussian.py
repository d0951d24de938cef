"""Divergences between two Gaussians N(mean_p, cov_p) and N(mean_q, cov_q), closed form.

Means are ``(d,)`` or scalars; covariances ``(d, d)``, or a scalar v standing for v I.
All functions compute in float64 and go through `jit`, `vmap` and `grad`. A law that is
not positive definite is refused when its values are known, and gives NaN under a
transformation.
"""

import functools

import jax
import jax.numpy as jnp
import numpy as np
from jax.scipy.linalg import solve_triangular
from jax.scipy.special import erf, ndtr
from jaxtyping import Array, Float

from theory.validation import require, require_finite

__all__ = [
    "chi2_gaussian",
    "hellinger_squared_gaussian",
    "kl_gaussian",
    "renyi2_gaussian",
    "tv_gaussian_1d",
    "tv_gaussian_shared_covariance",
    "w2_gaussian",
    "w2_squared_gaussian",
]

Scalar = Float[Array, ""]

BOUNDARY_ROUNDING = 64 * float(np.finfo(np.float64).eps)
"""Variance ratios this close to 2 (relative) cannot be told from 2 in float64."""


def _compiled(formula):
    """Check and promote the moments of both laws, then run `formula` compiled."""
    fast = jax.jit(formula)

    @functools.wraps(formula)
    def checked(mean_p, cov_p, mean_q, cov_q):
        m_p, S_p = _moments(mean_p, cov_p, "p")
        m_q, S_q = _moments(mean_q, cov_q, "q")
        require(m_p.shape == m_q.shape, "mean_q", f"of shape {m_p.shape}", m_q.shape)
        return fast(m_p, S_p, m_q, S_q)

    return checked


@_compiled
def kl_gaussian(mean_p, cov_p, mean_q, cov_q) -> Scalar:
    r"""KL(P || Q) in nats.

    .. math:: \tfrac12\big[\operatorname{tr}\Sigma_q^{-1}\Sigma_p - d
        + |m_p-m_q|^2_{\Sigma_q^{-1}} - \log\det\Sigma_q^{-1}\Sigma_p\big]
    """
    W, z = _whitened(mean_p, cov_p, mean_q, cov_q)
    # W is lower triangular: grouping its diagonal avoids tr - d - logdet of nearby laws
    log_w = jnp.log(jnp.diagonal(W))
    diagonal = jnp.sum(0.5 * jnp.expm1(2.0 * log_w) - log_w)
    return diagonal + 0.5 * jnp.sum(jnp.tril(W, -1) ** 2) + 0.5 * z @ z


@_compiled
def renyi2_gaussian(mean_p, cov_p, mean_q, cov_q) -> Scalar:
    r"""Renyi divergence of order 2, :math:`\log(1+\chi^2(P\|Q))`, in nats; may be inf.

    With :math:`G=\Sigma_q^{-1/2}\Sigma_p\Sigma_q^{-1/2}`, its eigenvalues g and the
    whitened mean difference z,

    .. math:: -\tfrac12\sum_k\log g_k(2-g_k) + z^\top(2I-G)^{-1}z ,

    finite iff every g_k < 2, i.e. :math:`2\Sigma_p^{-1}-\Sigma_q^{-1}\succ0`.
    """
    W, z = _whitened(mean_p, cov_p, mean_q, cov_q)
    s = jnp.linalg.svd(W, compute_uv=False)  # unlike eigh, smooth at equal values
    finite = jnp.max(s) ** 2 < 2.0 * (1.0 - BOUNDARY_ROUNDING)
    broken = jnp.any(jnp.isnan(W))  # not positive definite: must not pass for infinite
    eye = jnp.eye(len(z), dtype=jnp.float64)
    s = jnp.where(finite, s, 1.0)
    gap = jnp.where(finite, 2.0 * eye - W @ W.T, eye)
    # log g(2-g) = log1p(-(g-1)^2): exact near g = 1, where small divergences live
    near = jnp.abs(s**2 - 1.0) < 0.5
    h = jnp.where(near, (s - 1.0) * (s + 1.0), 0.0)
    far = jnp.where(near, 1.0, s)
    log_det = jnp.log1p(-(h**2)) + jnp.log(far**2) + jnp.log(2.0 - far**2)
    value = -0.5 * jnp.sum(log_det) + z @ jnp.linalg.solve(gap, z)
    return jnp.where(finite, value, jnp.where(broken, jnp.nan, jnp.inf))


@_compiled
def chi2_gaussian(mean_p, cov_p, mean_q, cov_q) -> Scalar:
    r"""Chi-square :math:`\int p^2/q-1`, inf where that diverges.

    Finite iff :math:`2\Sigma_p^{-1}\succ\Sigma_q^{-1}`; beyond 1e308 it overflows to inf,
    and `renyi2_gaussian` tells the two apart. In 1-D
    :math:`1+\chi^2=v_q\,(v_p(2v_q-v_p))^{-1/2}\exp\{(m_p-m_q)^2/(2v_q-v_p)\}`.
    """
    return jnp.expm1(renyi2_gaussian(mean_p, cov_p, mean_q, cov_q))


@_compiled
def hellinger_squared_gaussian(mean_p, cov_p, mean_q, cov_q) -> Scalar:
    r"""Squared Hellinger distance :math:`1-\int\sqrt{pq}`, in [0, 1].

    .. math:: 1 - \prod_k\Big(\frac{2\sqrt{g_k}}{1+g_k}\Big)^{1/2}
        \exp\{-\tfrac14 z^\top(I+G)^{-1}z\}
    """
    W, z = _whitened(mean_p, cov_p, mean_q, cov_q)
    s = jnp.linalg.svd(W, compute_uv=False)
    eye = jnp.eye(len(z), dtype=jnp.float64)
    # 2s/(1+s²) = 1 - (s-1)²/(1+s²)
    log_affinity = 0.5 * jnp.sum(jnp.log1p(-((s - 1.0) ** 2) / (1.0 + s**2)))
    return -jnp.expm1(log_affinity - 0.25 * z @ jnp.linalg.solve(eye + W @ W.T, z))


@_compiled
def w2_squared_gaussian(mean_p, cov_p, mean_q, cov_q) -> Scalar:
    r"""Squared Wasserstein-2 distance (Bures plus squared mean difference).

    .. math:: |m_p-m_q|^2+\operatorname{tr}\Sigma_p+\operatorname{tr}\Sigma_q
        -2\operatorname{tr}(\Sigma_p^{1/2}\Sigma_q\Sigma_p^{1/2})^{1/2}

    The last trace is the nuclear norm of :math:`L_p^\top L_q` (Cholesky factors), which
    needs no matrix square root. Absolute accuracy about 1e-15 of the traces.
    """
    m_p, S_p, m_q, S_q = mean_p, cov_p, mean_q, cov_q
    if len(m_p) == 1:  # (sigma_p - sigma_q)² has no cancellation
        bures = jnp.sum((jnp.sqrt(S_p) - jnp.sqrt(S_q)) ** 2)
    else:
        cross = jnp.linalg.cholesky(S_p).T @ jnp.linalg.cholesky(S_q)
        nuclear = jnp.sum(jnp.linalg.svd(cross, compute_uv=False))
        bures = jnp.trace(S_p) + jnp.trace(S_q) - 2.0 * nuclear
    return jnp.sum((m_p - m_q) ** 2) + jnp.maximum(bures, 0.0)


@_compiled
def w2_gaussian(mean_p, cov_p, mean_q, cov_q) -> Scalar:
    """Wasserstein-2 distance, root of `w2_squared_gaussian`; gradient 0 at P = Q."""
    squared = w2_squared_gaussian(mean_p, cov_p, mean_q, cov_q)
    apart = squared > 0
    return jnp.where(apart, jnp.sqrt(jnp.where(apart, squared, 1.0)), 0.0)


def tv_gaussian_shared_covariance(mean_p, mean_q, cov) -> Scalar:
    r"""TV between Gaussians of one covariance, in any dimension.

    .. math:: \mathrm{erf}\big(|m_p-m_q|_{\Sigma^{-1}}/\sqrt8\big)
    """
    return _tv_shared(mean_p, cov, mean_q, cov)


@_compiled
def _tv_shared(mean_p, cov_p, mean_q, cov_q) -> Scalar:
    _, z = _whitened(mean_p, cov_p, mean_q, cov_q)
    squared = z @ z
    apart = squared > 0
    distance = jnp.sqrt(jnp.where(apart, squared, 1.0))
    return jnp.where(apart, erf(distance / np.sqrt(8.0)), 0.0)


@_compiled
def tv_gaussian_1d(mean_p, var_p, mean_q, var_q) -> Scalar:
    r"""TV between two 1-D Gaussians, from the two points where their densities cross.

    Let Q be the narrower law, standardised, and P = N(delta, r²), delta >= 0, r >= 1.
    The densities cross where (r²-1)u² + 2 delta u - delta² - 2r² log r = 0, that is at
    :math:`u_\pm=(-\delta\pm rD)/(r^2-1)` with :math:`D^2=\delta^2+2(r^2-1)\log r`, and

    .. math:: \mathrm{TV}=[\Phi(u)-\Phi(w)]_{u_-}^{u_+},\qquad w=(u-\delta)/r .

    The upper point is written without the cancellation at r = 1, where the lower one
    leaves to minus infinity. Absolute accuracy about 1e-15.
    """
    require(len(mean_p) == 1, "mean_p", "a scalar (1-D laws only)", mean_p.shape)
    v_p, v_q = var_p[0, 0], var_q[0, 0]
    delta = jnp.abs(mean_p[0] - mean_q[0]) / jnp.sqrt(jnp.minimum(v_p, v_q))
    log_r = 0.5 * jnp.abs(jnp.log(v_p) - jnp.log(v_q))
    r, excess = jnp.exp(log_r), jnp.expm1(2.0 * log_r)  # r, r² - 1
    D2 = delta**2 + 2.0 * excess * log_r
    distinct = D2 > 0
    D = jnp.sqrt(jnp.where(distinct, D2, 1.0))
    u_high = (delta**2 + 2.0 * r**2 * log_r) / (r * D + delta)
    w_high = (2.0 * log_r - delta**2) / (D + delta * r)
    # beyond 40 standard deviations the lower crossing carries no mass
    reached = r * D + delta < 40.0 * excess
    safe_excess = jnp.where(reached, excess, 1.0)
    u_low = -(delta + r * D) / safe_excess
    w_low = -(delta * r + D) / safe_excess
    lower = jnp.where(reached, ndtr(u_low) - ndtr(w_low), 0.0)
    return jnp.where(distinct, ndtr(u_high) - ndtr(w_high) - lower, 0.0)


def _whitened(mean_p, cov_p, mean_q, cov_q) -> tuple[Array, Array]:
    r"""The pair :math:`W=L_q^{-1}L_p` and :math:`z=L_q^{-1}(m_p-m_q)`.

    W is lower triangular; :math:`WW^\top=G` has the eigenvalues of
    :math:`\Sigma_q^{-1}\Sigma_p`.
    """
    L_p, L_q = jnp.linalg.cholesky(cov_p), jnp.linalg.cholesky(cov_q)
    W = solve_triangular(L_q, L_p, lower=True)
    return W, solve_triangular(L_q, mean_p - mean_q, lower=True)


def _moments(mean, cov, law: str) -> tuple[Array, Array]:
    require_finite(f"mean_{law}", mean)
    require_finite(f"cov_{law}", cov)
    m = jnp.atleast_1d(jnp.asarray(mean, jnp.float64))
    S = jnp.asarray(cov, jnp.float64)
    require(m.ndim == 1, f"mean_{law}", "a scalar or a vector (d,)", m.shape)
    d = len(m)
    S = S * jnp.eye(d, dtype=jnp.float64) if S.ndim == 0 else S
    require(
        S.shape == (d, d), f"cov_{law}", f"a scalar or of shape ({d}, {d})", S.shape
    )
    if not isinstance(S, jax.core.Tracer):
        values = np.asarray(S)
        ok = np.allclose(values, values.T) and np.linalg.eigvalsh(values)[0] > 0
        require(ok, f"cov_{law}", "symmetric positive definite", values.tolist())
    return m, S
