r"""One generation, Gaussian data, affine error: every quantity exactly, any dimension.

Data :math:`N(m_0,S_0)`, error :math:`e(x,t)=W(t)x+b(t)`. Both reverse processes stay
Gaussian, so the theory of one generation closes in ODEs (derived; clock s = T - t).
With :math:`\Sigma_t=I+(S_0-I)e^{-t}`, :math:`P_t=\Sigma_t^{-1}`, :math:`a=I/2-P_t`,
:math:`\beta=Wm_t+b`, the learned law :math:`N(m_t+d,\Sigma_t+\Delta)` obeys

.. math::
    \Delta' = (a+W)\Delta+\Delta(a+W)^\top+W\Sigma+\Sigma W^\top,\qquad
    d' = (a+W)d+\beta ,

and its linear response :math:`(\Delta_1,d_1)` the same with W dropped from a + W.
Deviations are integrated, not moments, so nothing is lost when the error is small.
"""

from collections.abc import Callable
from dataclasses import dataclass, field

import diffrax
import jax
import jax.numpy as jnp
import numpy as np
from jax.flatten_util import ravel_pytree
from jax.tree_util import Partial
from jaxtyping import Array, Float

from theory.processes import OU
from theory.validation import require, require_finite

__all__ = [
    "AffineError",
    "GaussianProblem",
    "GaussianPropagation",
    "affine_error",
    "constant_error",
    "flow_endpoint",
    "gaussian_divergences",
    "gaussian_problem",
    "matrix_error",
    "path_moment",
    "propagate_gaussian",
    "scaling_error",
    "time_orthogonal_error",
]

Scalar = Float[Array, ""] | float
STARTS = ("marginal", "normal")
RTOL, ATOL = 1e-12, 1e-15  # deviations scale with the error, so ATOL must not hide them


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class AffineError:
    """Score error W(t) x + b(t); the fields are pytrees: amplitudes can be traced."""

    W: Callable[[Scalar], Float[Array, "d d"]]
    b: Callable[[Scalar], Float[Array, " d"]]

    def __call__(self, x: Float[Array, " d"], t: Scalar) -> Float[Array, " d"]:
        """The error at one point."""
        return self.W(t) @ x + self.b(t)


def affine_error(W: Callable, b: Callable) -> AffineError:
    """Error from two functions of the noise time, t -> (d, d) and t -> (d,).

    Pass `jax.tree_util.Partial(f, amplitude)` for anything that varies under `vmap` or
    `grad`; a plain function is compiled in, once for each function object.
    """
    return AffineError(*(f if isinstance(f, Partial) else Partial(f) for f in (W, b)))


def matrix_error(
    W: Float[Array, "d d"], b: Float[Array, " d"] | float = 0.0
) -> AffineError:
    """W x + b with a constant matrix (d, d) and vector (d,) or scalar."""
    require_finite("W", W)
    require_finite("b", b)
    W = jnp.asarray(W, jnp.float64)
    square = W.ndim == 2 and W.shape[0] == W.shape[1]
    require(square, "W", "a square matrix (d, d)", W.shape)
    b = jnp.broadcast_to(jnp.asarray(b, jnp.float64), (W.shape[0],))
    return affine_error(Partial(_constant, W), Partial(_constant, b))


def constant_error(
    w: Scalar = 0.0, b: Array | float = 0.0, dim: int = 1
) -> AffineError:
    """W x + b with a scalar w for W = w I, and b a scalar or a (d,) vector."""
    return matrix_error(
        jnp.asarray(w, jnp.float64) * jnp.eye(dim, dtype=jnp.float64), b
    )


def scaling_error(lam: Scalar, mean, covariance) -> AffineError:
    r"""Score scaled by 1 + lam: :math:`e=-\lambda\Sigma_t^{-1}(x-m_t)`, data N(m0, S0).

    Negative amplitudes widen the generated law.
    """
    m0, S0 = _moments(mean, covariance)
    lam = jnp.asarray(lam, jnp.float64)
    return affine_error(Partial(_scaling_W, lam, S0), Partial(_scaling_b, lam, m0, S0))


def time_orthogonal_error(beta: Scalar, j: int, process: OU) -> AffineError:
    r"""Time-only error :math:`\beta e^{(t-t_0)/2}\cos(2\pi j(t-t_0)/(T-t_0))`, d = 1.

    Invisible (eta = 0) for data N(0, 1) and j >= 1, since the shifts it makes cancel.
    """
    parts = (jnp.asarray(beta, jnp.float64), j, process.T, process.t0)
    return affine_error(Partial(_constant, jnp.zeros((1, 1))), Partial(_cosine, *parts))


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class GaussianProblem:
    """Data N(mean, covariance), affine error, process; see `gaussian_problem`."""

    mean: Float[Array, " d"]
    covariance: Float[Array, "d d"]
    error: AffineError
    process: OU
    start: str = field(metadata={"static": True}, default="marginal")

    @property
    def dim(self) -> int:
        """Dimension d."""
        return self.mean.shape[-1]

    def mean_at(self, t: Scalar) -> Float[Array, " d"]:
        """Mean of q_t."""
        return self.process.mean_factor(t) * self.mean

    def covariance_at(self, t: Scalar) -> Float[Array, "d d"]:
        """Covariance of q_t."""
        return _noised_covariance(self.covariance, t)

    def start_deviation(self) -> tuple[Float[Array, " d"], Float[Array, "d d"]]:
        """Start law of the learned chain minus q_T: (mean, covariance)."""
        m_T, Sigma_T = self.mean_at(self.process.T), self.covariance_at(self.process.T)
        if self.start == "marginal":
            return jnp.zeros_like(m_T), jnp.zeros_like(Sigma_T)
        return -m_T, jnp.eye(self.dim, dtype=jnp.float64) - Sigma_T


def gaussian_problem(
    mean, covariance, error: AffineError, process: OU, start: str = "marginal"
) -> GaussianProblem:
    """Validated `GaussianProblem` in float64.

    Args:
        mean: (d,), or a scalar for d = 1.
        covariance: (d, d) symmetric positive definite, or a variance v > 0 for v I.
        error: the affine error, of the same dimension.
        process: noising process.
        start: law of the learned chain at T, 'marginal' (q_T) or 'normal' (N(0, I)).

    Raises:
        InputError: on NaN, wrong shapes, a covariance that is not positive definite, or
            an unknown start.
    """
    m0, S0 = _moments(mean, covariance)
    require(start in STARTS, "start", "'marginal' or 'normal'", start)
    shapes = (jax.eval_shape(error.W, 1.0).shape, jax.eval_shape(error.b, 1.0).shape)
    d = len(m0)
    require(
        shapes == ((d, d), (d,)), "error", f"of shapes ({d}, {d}) and ({d},)", shapes
    )
    T, t0 = (jnp.asarray(t, jnp.float64) for t in (process.T, process.t0))
    return GaussianProblem(m0, S0, error, OU(T, t0), start)


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class GaussianPropagation:
    """All one-generation quantities; divergences compare laws at t0, in nats."""

    eps_star2: Scalar  # path energy of the error under the ideal process
    eps_hat2: Scalar  # the same under the learned process
    eta: Scalar  # observability, in [0, 1]; 0 if the energy is 0
    KL: Scalar  # KL(p_hat || q)
    chi2: Scalar  # chi2(p_hat || q), inf unless 2 V_hat^-1 > q_cov^-1
    chi2_path: Scalar  # chi2 between path laws, inf where its Riccati equation explodes
    r: Scalar  # |sqrt chi2 - sqrt(eta eps_star2)| <= r_m <= r
    r_m: Scalar  # the marginal remainder
    start_KL: Scalar  # KL(start || q_T), to be added to every KL budget
    kappa: Scalar  # KL / (start_KL + eps_hat2 / 2): 1 where Prop 3.1 is an equality
    V_hat: Float[Array, "d d"]
    mean_shift: Float[Array, " d"]  # learned minus ideal endpoint mean
    q_mean: Float[Array, " d"]
    q_cov: Float[Array, "d d"]


@jax.jit
def propagate_gaussian(problem: GaussianProblem) -> GaussianPropagation:
    r"""Integrate the moment equations and evaluate every quantity of one generation.

    With :math:`\Sigma_{t_0}=LL^\top` and the whitened response
    :math:`A_1=L^{-1}\Delta_1L^{-\top}`, :math:`z_1=L^{-1}d_1`:

    .. math:: \eta\,\varepsilon_\star^2=|z_1|^2+\tfrac12|A_1|_F^2,\qquad
        r^2=\chi^2_{path}+\varepsilon_\star^2-2\hat\varepsilon^2,\qquad
        r_m^2=\chi^2+\eta\varepsilon_\star^2-2E_{\hat p}h .

    Goes through `jit`, `vmap` and reverse-mode `grad` in amplitudes and data.
    """
    p = problem
    d0, Delta0 = p.start_deviation()
    zero = jnp.zeros((), jnp.float64)
    moments = (Delta0, d0, jnp.zeros_like(Delta0), jnp.zeros_like(d0), zero, zero)
    moments, tilt = _integrate(_all_rates, (moments, _tilt_start(p, 2.0)), p)
    Delta, d, Delta1, d1, eps_star2, eps_hat2 = moments

    Sigma = p.covariance_at(p.process.t0)
    A, z = _whiten(Sigma, Delta, d)
    A1, z1 = _whiten(Sigma, Delta1, d1)
    KL, chi2 = _relative_divergences(A, z)
    visible = z1 @ z1 + 0.5 * jnp.sum(A1 * A1)  # E_q h²
    h_hat = z @ z1 + 0.5 * (jnp.sum(A1 * A) + z @ A1 @ z)  # E_phat h
    start_KL, _ = gaussian_divergences(p.covariance_at(p.process.T), Delta0, d0)
    budget = start_KL + 0.5 * eps_hat2
    chi2_path = _tilt_mass(p, tilt)
    return GaussianPropagation(
        eps_star2=eps_star2,
        eps_hat2=eps_hat2,
        eta=_ratio(visible, eps_star2),
        KL=KL,
        chi2=chi2,
        chi2_path=chi2_path,
        r=_root(chi2_path + eps_star2 - 2.0 * eps_hat2),
        r_m=_root(chi2 + visible - 2.0 * h_hat),
        start_KL=start_KL,
        kappa=_ratio(KL, budget),
        V_hat=Sigma + Delta,
        mean_shift=d,
        q_mean=p.mean_at(p.process.t0),
        q_cov=Sigma,
    )


@jax.jit
def path_moment(problem: GaussianProblem, k: Scalar) -> Scalar:
    r""":math:`E_\star[(d\hat P/dP_\star)^k]-1` for k > 1, inf where it explodes.

    k = 2 is the path chi-square; k = 1 + delta is the moment assumption A3 asks for.
    Derivation: it is the mean of :math:`\exp\frac{k(k-1)}2\int|e|^2` under drift error
    k e, and the law so weighted has the density ratio
    :math:`\exp(\tfrac12z^\top Gz+n^\top z+c)` to q_t, z = x - m_t, with

    .. math::
        G' &= G^2-G+k(W^\top\Lambda+\Lambda W)+k(k-1)W^\top W,\qquad\Lambda=P-G\\
        n' &= Gn-n/2-kW^\top n+k\Lambda\beta+k(k-1)W^\top\beta\\
        c' &= \tfrac12\mathrm{tr}G+\tfrac12|n|^2-k\beta\cdot n-k\,\mathrm{tr}W
              +\tfrac{k(k-1)}2|\beta|^2

    and the moment explodes when the precision :math:`\Lambda` stops being positive. It
    cannot recover, so the state is frozen there.
    """
    tilt = _integrate(_tilt_rates, _tilt_start(problem, k), problem, k)
    return _tilt_mass(problem, tilt)


@jax.jit
def flow_endpoint(
    problem: GaussianProblem,
) -> tuple[Float[Array, " d"], Float[Array, "d d"]]:
    r"""(mean, covariance) at t0 by the probability flow, :math:`dY=\tfrac12(Y+\hat s)ds`.

    Not the law of the reverse SDE once the error is nonzero: the two must not be mixed.
    """
    d0, Delta0 = problem.start_deviation()
    Delta, d = _integrate(_flow_rates, (Delta0, d0), problem)
    t0 = problem.process.t0
    return problem.mean_at(t0) + d, problem.covariance_at(t0) + Delta


def gaussian_divergences(
    Sigma: Float[Array, "d d"], Delta: Float[Array, "d d"], d: Float[Array, " d"]
) -> tuple[Scalar, Scalar]:
    """(KL, chi2) of N(m + d, Sigma + Delta) from N(m, Sigma); small ones keep digits."""
    return _relative_divergences(*_whiten(Sigma, Delta, d))


def _all_rates(s: Scalar, state: tuple, args: tuple) -> tuple:
    """Moments and the k = 2 tilt in one integration."""
    moments, tilt = state
    return _moment_rates(s, moments, args), _tilt_rates(s, tilt, (*args, 2.0))


def _moment_rates(s: Scalar, state: tuple, args: tuple) -> tuple:
    """Right-hand sides of (Delta, d, Delta1, d1, eps_star2, eps_hat2)."""
    (p,) = args
    Delta, d, Delta1, d1, _, _ = state
    W, beta, Sigma, _, a = _coefficients(p, s)
    forcing = W @ Sigma + Sigma @ W.T
    shift = W @ d + beta
    return (
        _lyapunov(a + W, Delta) + forcing,
        a @ d + shift,
        _lyapunov(a, Delta1) + forcing,
        a @ d1 + beta,
        jnp.sum((W @ Sigma) * W) + beta @ beta,
        jnp.sum((W @ (Sigma + Delta)) * W) + shift @ shift,
    )


def _tilt_start(p: GaussianProblem, k: Scalar) -> tuple:
    """(G, n, c) of (d start / d q_T)^k, a Gaussian ratio."""
    P_T = jnp.linalg.inv(p.covariance_at(p.process.T))
    d0, Delta0 = p.start_deviation()
    P_pi = jnp.linalg.inv(p.covariance_at(p.process.T) + Delta0)
    pull = P_pi @ d0
    log_det = jnp.linalg.slogdet(P_pi)[1] - jnp.linalg.slogdet(P_T)[1]
    return k * (P_T - P_pi), k * pull, 0.5 * k * (log_det - d0 @ pull)


def _tilt_mass(p: GaussianProblem, tilt: tuple) -> Scalar:
    """Mass of the tilted law at t0, minus 1; inf if its precision is not positive."""
    G, n, c = tilt
    L = jnp.linalg.cholesky(p.covariance_at(p.process.t0))
    G_white, n_white = L.T @ G @ L, L.T @ n
    finite = jnp.linalg.eigvalsh(jax.lax.stop_gradient(G_white))[-1] < 1.0
    gap = jnp.eye(p.dim, dtype=jnp.float64) - jnp.where(finite, G_white, 0.0)
    quadratic = n_white @ jnp.linalg.solve(gap, n_white)
    log_mass = c + 0.5 * (quadratic - jnp.linalg.slogdet(gap)[1])
    return jnp.where(finite, jnp.expm1(jnp.where(finite, log_mass, 0.0)), jnp.inf)


def _tilt_rates(s: Scalar, state: tuple, args: tuple) -> tuple:
    """Right-hand sides of (G, n, c); zero once the moment has exploded."""
    p, k = args
    G, n, _ = state
    W, beta, _, P, _ = _coefficients(p, s)
    Lam = P - G
    half = k * (k - 1.0)
    rates = (
        G @ G - G + k * (W.T @ Lam + Lam @ W) + half * W.T @ W,
        G @ n - 0.5 * n - k * W.T @ n + k * Lam @ beta + half * W.T @ beta,
        0.5 * (jnp.trace(G) + n @ n + half * beta @ beta)
        - k * (beta @ n + jnp.trace(W)),
    )
    alive = jnp.linalg.eigvalsh(jax.lax.stop_gradient(Lam))[0] > 0
    return jax.tree.map(lambda rate: jnp.where(alive, rate, 0.0), rates)


def _flow_rates(s: Scalar, state: tuple, args: tuple) -> tuple:
    """Right-hand sides of (Delta, d) for the probability flow."""
    (p,) = args
    Delta, d = state
    W, beta, Sigma, P, _ = _coefficients(p, s)
    a = 0.5 * (jnp.eye(p.dim, dtype=jnp.float64) - P + W)
    return _lyapunov(a, Delta) + 0.5 * (W @ Sigma + Sigma @ W.T), a @ d + 0.5 * beta


def _coefficients(p: GaussianProblem, s: Scalar) -> tuple:
    t = p.process.T - s
    Sigma = p.covariance_at(t)
    P = jnp.linalg.inv(Sigma)
    W = p.error.W(t)
    a = 0.5 * jnp.eye(p.dim, dtype=jnp.float64) - P
    return W, W @ p.mean_at(t) + p.error.b(t), Sigma, P, a


def _integrate(rates: Callable, start: tuple, p: GaussianProblem, *args) -> tuple:
    flat, unravel = ravel_pytree(start)
    solution = diffrax.diffeqsolve(
        diffrax.ODETerm(lambda s, y, a: ravel_pytree(rates(s, unravel(y), a))[0]),
        diffrax.Dopri8(),
        t0=0.0,
        t1=p.process.T - p.process.t0,
        dt0=None,
        y0=flat,
        args=(p, *args),
        stepsize_controller=diffrax.PIDController(rtol=RTOL, atol=ATOL),
        max_steps=4096,
    )
    return unravel(solution.ys[0])


def _lyapunov(a: Float[Array, "d d"], V: Float[Array, "d d"]) -> Float[Array, "d d"]:
    return a @ V + V @ a.T


def _whiten(Sigma: Array, Delta: Array, d: Array) -> tuple[Array, Array]:
    r""":math:`(L^{-1}\Delta L^{-\top}, L^{-1}d)` with :math:`\Sigma=LL^\top`."""
    L = jnp.linalg.cholesky(Sigma)
    half = jax.scipy.linalg.solve_triangular(L, Delta, lower=True)
    A = jax.scipy.linalg.solve_triangular(L, half.T, lower=True)
    return 0.5 * (A + A.T), jax.scipy.linalg.solve_triangular(L, d, lower=True)


def _relative_divergences(A: Array, z: Array) -> tuple[Scalar, Scalar]:
    """(KL, chi2) of N(z, I + A) from N(0, I)."""
    lam = jnp.linalg.eigvalsh(A)
    KL = 0.5 * (jnp.sum(lam - jnp.log1p(lam)) + z @ z)
    finite = lam[-1] < 1.0
    lam = jnp.where(finite, lam, 0.0)
    gap = jnp.eye(len(z), dtype=jnp.float64) - jnp.where(finite, A, 0.0)
    log1p_chi2 = -0.5 * jnp.sum(jnp.log1p(-lam * lam)) + z @ jnp.linalg.solve(gap, z)
    return KL, jnp.where(finite, jnp.expm1(log1p_chi2), jnp.inf)


def _moments(mean, covariance) -> tuple[Array, Array]:
    for name, value in (("mean", mean), ("covariance", covariance)):
        require_finite(name, value)
    m0 = jnp.atleast_1d(jnp.asarray(mean, jnp.float64))
    S0 = jnp.asarray(covariance, jnp.float64)
    S0 = S0 * jnp.eye(len(m0), dtype=jnp.float64) if S0.ndim == 0 else S0
    d = len(m0)
    require(m0.shape == (d,), "mean", "a vector (d,)", m0.shape)
    require(S0.shape == (d, d), "covariance", f"of shape ({d}, {d})", S0.shape)
    if not isinstance(S0, jax.core.Tracer):
        symmetric = bool(np.allclose(S0, S0.T))
        require(symmetric, "covariance", "symmetric", covariance)
        lowest = float(np.linalg.eigvalsh(S0).min())
        require(lowest > 0, "covariance", "positive definite", lowest)
    return m0, S0


def _noised_covariance(S0: Float[Array, "d d"], t: Scalar) -> Float[Array, "d d"]:
    eye = jnp.eye(S0.shape[-1], dtype=jnp.float64)
    return eye + jnp.exp(-t) * (S0 - eye)


def _ratio(part: Scalar, whole: Scalar) -> Scalar:
    """Part / whole, 0 where the whole is 0; gradients stay finite."""
    some = whole > 0
    return jnp.where(some, part / jnp.where(some, whole, 1.0), 0.0)


def _root(square: Scalar) -> Scalar:
    """Square root of a quantity that is >= 0 but for rounding; gradient 0 at 0."""
    some = square > 0
    return jnp.where(some, jnp.sqrt(jnp.where(some, square, 1.0)), 0.0)


def _constant(value: Array, t: Scalar) -> Array:
    return value


def _scaling_W(lam: Scalar, S0: Array, t: Scalar) -> Array:
    return -lam * jnp.linalg.inv(_noised_covariance(S0, t))


def _scaling_b(lam: Scalar, m0: Array, S0: Array, t: Scalar) -> Array:
    return lam * jnp.linalg.solve(_noised_covariance(S0, t), jnp.exp(-0.5 * t) * m0)


def _cosine(beta: Scalar, j: int, T: Scalar, t0: Scalar, t: Scalar) -> Array:
    phase = 2.0 * jnp.pi * j * (t - t0) / (T - t0)
    return jnp.atleast_1d(beta * jnp.exp(0.5 * (t - t0)) * jnp.cos(phase))
