r"""One generation on the line: the endpoint ratio R = p_hat/q of a mixture, to 1e-9.

With :math:`g_t=\partial_xe+e\,\partial_x\log q_t`, the ratio and its linear response h
obey backward Kolmogorov equations of the *forward* process (derived; s = T - t),

.. math::
    \partial_sR=\tfrac12R''-(y/2+e)R'-g_{T-s}R,\quad R=1\text{ at }s=0;\qquad
    \partial_sh=\tfrac12h''-\tfrac y2h'-g_{T-s},\quad h=0 ,

which stay well conditioned in the tails because the density is divided out. Carried is
log R: small errors keep their digits, large ratios their sign. Space: Chebyshev
collocation with nodes spread by an arcsine map; diffusion is dropped at the two end
nodes, where the flow leaves the interval. Time: Gauss-Legendre collocation (implicit,
order 2 x stages), steps growing with t like the noised variances do.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
from jax.scipy.linalg import lu_factor, lu_solve
from jax.tree_util import Partial
from jaxtyping import Array, Float

from theory.mixtures import GaussianMixture
from theory.processes import OU
from theory.validation import require

__all__ = [
    "FAST",
    "REFERENCE",
    "RatioPropagation",
    "Resolution",
    "Scheme",
    "collocation_scheme",
    "evolve_log_ratio",
    "factor_transport",
    "march",
    "propagate_mixture",
    "path_integral",
    "ratio_divergences",
    "ratio_or_zero",
    "respond",
    "response_factors",
    "sine_error",
    "tabulate_error",
    "tabulate_law",
    "tanh_error",
    "windowed_linear_error",
]

Scalar = Float[Array, ""] | float
SPREAD = 0.99  # arcsine map parameter: 0 is plain Chebyshev, 1 evenly spaced nodes

NEWTON_CHANGE = 1e-6  # relative; convergence is quadratic, so 1e-12 remains
NEWTON_LIMIT = 20


@dataclass(frozen=True)
class Resolution:
    """Size of the collocation in space and time."""

    nodes: int = 128
    """nodes on the interval, >= 16"""
    steps: int = 12
    """time steps from T to t0, >= 1"""
    stages: int = 4
    """Gauss stages of a step, >= 1"""
    reach: float = 7.0
    """half-width of the interval beyond every noised mean, in standard deviations"""

    def __post_init__(self) -> None:
        """Refuse impossible sizes."""
        require(self.nodes >= 16, "nodes", ">= 16", self.nodes)
        require(self.steps >= 1, "steps", ">= 1", self.steps)
        require(self.stages >= 1, "stages", ">= 1", self.stages)
        require(self.reach > 0, "reach", "> 0", self.reach)


REFERENCE = Resolution()
"""About 1e-9 absolute on bimodal targets."""
FAST = Resolution(nodes=80, steps=8, stages=3)
"""About 1e-6 absolute, a tenth of the time."""


def tanh_error(a: Scalar) -> Partial:
    """Bounded error a tanh(x); a > 0 pushes modes apart."""
    return Partial(_tanh, jnp.asarray(a, jnp.float64))


def sine_error(a: Scalar) -> Partial:
    """Bounded error a sin(1.5 x + 0.7) exp(-t/2), neither even nor odd."""
    return Partial(_sine, jnp.asarray(a, jnp.float64))


def windowed_linear_error(a: Scalar) -> Partial:
    """Bounded error a x exp(-x²/6), linear in the middle, vanishing in the tails."""
    return Partial(_windowed_linear, jnp.asarray(a, jnp.float64))


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class Scheme:
    """Nodes, operators and time steps of a collocation; see `collocation_scheme`."""

    x: Float[Array, " n"]  # nodes, descending
    weights: Float[Array, " n"]  # quadrature on the nodes
    D: Float[Array, "n n"]  # d/dx
    diffusion: Float[Array, "n n"]  # (1/2) d²/dx², zero rows at the end nodes
    h: Float[Array, " steps"]  # step sizes, from T down to t0
    t: Float[Array, "steps stages"]  # noise time of every stage
    stages: int = field(metadata={"static": True})


def collocation_scheme(
    mixture: GaussianMixture, process: OU, resolution: Resolution
) -> Scheme:
    """The interval, nodes and steps that suit a 1-D mixture and a process."""
    low, high = _interval(mixture, process, resolution.reach)
    x, D, weights = _mapped_chebyshev(resolution.nodes, low, high)
    inner = jnp.ones_like(x).at[jnp.array([0, -1])].set(0.0)

    # t - t0 = tau (e^z - 1), z even: steps grow with the noised variance v + t
    t0, S = process.t0, process.T - process.t0
    tau = 2.0 * jnp.min(mixture.noised(process, t0).covariances)
    z = jnp.linspace(1.0, 0.0, resolution.steps + 1, dtype=jnp.float64)
    edges = t0 + tau * jnp.expm1(z * jnp.log1p(S / tau))
    h = edges[:-1] - edges[1:]
    _, _, c = _gauss(resolution.stages)
    t = edges[:-1, None] - h[:, None] * jnp.asarray(c[None, :])
    return Scheme(
        x, weights, D, 0.5 * inner[:, None] * (D @ D), h, t, resolution.stages
    )


def tabulate_law(
    scheme: Scheme, mixture: GaussianMixture, process: OU
) -> tuple[Float[Array, "steps stages n"], Float[Array, "steps stages n"]]:
    """Density and score of the noised mixture at every stage and node."""

    def at(t):
        log_q, score = mixture.noised(process, t).log_density_and_score(
            scheme.x[:, None]
        )
        return jnp.exp(log_q), score[:, 0]

    return jax.vmap(jax.vmap(at))(scheme.t)


def tabulate_error(
    scheme: Scheme, error: Callable
) -> tuple[Float[Array, "steps stages n"], Float[Array, "steps stages n"]]:
    """The error e(x, t) and its x-derivative at every stage and node."""

    def at(t):
        ones = jnp.ones_like(scheme.x)
        return jax.jvp(lambda x: error(x, t), (scheme.x,), (ones,))

    return jax.vmap(jax.vmap(at))(scheme.t)


def factor_transport(
    scheme: Scheme, h: Scalar, velocity: Float[Array, "stages n"]
) -> tuple[Array, Array]:
    r"""LU factors of one Gauss step of :math:`u'=\mathcal Lu`.

    With :math:`\mathcal L_j=\tfrac12\partial^2-\text{velocity}_j\partial` at stage j, the
    (stages n, stages n) matrix of blocks :math:`\delta_{ij}I-hA_{ij}\mathcal L_j`.
    """
    A, _, _ = _gauss(scheme.stages)
    L = scheme.diffusion[None] - velocity[:, :, None] * scheme.D[None]
    size = velocity.size
    blocks = jnp.einsum("ij,jnm->injm", jnp.asarray(A), L).reshape(size, size)
    return lu_factor(jnp.eye(size, dtype=jnp.float64) - h * blocks)


def march(
    scheme: Scheme,
    h: Scalar,
    factors: tuple,
    source: Float[Array, "stages n"],
    u: Array,
) -> tuple[Float[Array, " n"], Float[Array, "stages n"]]:
    """One Gauss step of u' = L u + source from its factors: (new u, u at the stages).

    The new value is extrapolated from the stages: no product with the stiff L.
    """
    A, b, _ = _gauss(scheme.stages)
    known = u[None, :] + h * jnp.asarray(A) @ source
    stage_u = lu_solve(factors, known.ravel()).reshape(source.shape)
    d = np.linalg.solve(A.T, b)
    return (1.0 - d.sum()) * u + jnp.asarray(d) @ stage_u, stage_u


def evolve_log_ratio(
    scheme: Scheme, velocity: Array, rate: Array, start: Float[Array, " n"]
) -> tuple[Float[Array, " n"], Float[Array, "steps stages n"]]:
    r"""Log of the solution of :math:`u'=\tfrac12u''-\text{velocity}\,u'-\text{rate}\,u`.

    :math:`\phi'=\tfrac12\phi_{yy}+\tfrac12\phi_y^2-\text{velocity}\,\phi_y-\text{rate}` by
    Newton's method, each step of which is a linear transport with velocity - phi_y. A
    ratio of many orders of magnitude across the interval so keeps its relative accuracy,
    and its sign.

    Args:
        scheme: the collocation.
        velocity: (steps, stages, n), pointing outwards at both ends.
        rate: (steps, stages, n).
        start: log u at the first time.

    Returns:
        log u at the last time, (n,), and at every stage, (steps, stages, n).
    """

    def step(phi, xs):
        h, velocity_k, rate_k = xs

        def newton(state):
            stages, _, _, count = state
            slope = stages @ scheme.D.T
            factors = factor_transport(scheme, h, velocity_k - slope)
            source = -0.5 * slope**2 - rate_k
            end, new = march(scheme, h, factors, source, phi)
            change = jnp.max(jnp.abs(new - stages))
            return new, end, change / jnp.max(jnp.abs(new - phi[None, :])), count + 1

        def unsettled(state):
            return (state[2] > NEWTON_CHANGE) & (state[3] < NEWTON_LIMIT)

        guess = jnp.broadcast_to(phi[None, :], rate_k.shape)
        state = (guess, phi, jnp.full((), jnp.inf, jnp.float64), 0)
        stages, end, _, _ = jax.lax.while_loop(unsettled, newton, state)
        return end, stages

    return jax.lax.scan(step, start, (scheme.h, velocity, rate))


def response_factors(scheme: Scheme) -> tuple[Array, Array]:
    """Factors of the steps of the response equation: no error enters them."""
    velocity = jnp.broadcast_to(0.5 * scheme.x[None, :], (scheme.stages, len(scheme.x)))
    return jax.lax.map(lambda h: factor_transport(scheme, h, velocity), scheme.h)


def respond(scheme: Scheme, factors: tuple, g: Array) -> Float[Array, " n"]:
    r"""Linear response h at t0 from `response_factors` and g at the stages."""

    def step(h_y, xs):
        h, lu, g_k = xs
        return march(scheme, h, lu, -g_k, h_y)[0], None

    return jax.lax.scan(step, jnp.zeros_like(scheme.x), (scheme.h, factors, g))[0]


def path_integral(scheme: Scheme, density: Float[Array, "steps stages n"]) -> Scalar:
    """Integral over x and over the noise time of a function tabulated at the stages."""
    _, b, _ = _gauss(scheme.stages)
    return jnp.einsum("k,j,n,kjn->", scheme.h, jnp.asarray(b), scheme.weights, density)


def ratio_divergences(mass: Float[Array, " n"], log_R: Float[Array, " n"]):
    """(KL, chi2) of the law with log-ratio `log_R` to the law with node masses `mass`."""
    # R log R - R + 1 is >= 0 and its last two terms integrate to 0: no cancellation
    excess = jnp.expm1(log_R)
    return jnp.sum(mass * ((1 + excess) * log_R - excess)), jnp.sum(mass * excess**2)


def ratio_or_zero(part: Scalar, whole: Scalar) -> Scalar:
    """The quotient, 0 where the whole is 0."""
    return jnp.where(whole > 0, part / jnp.where(whole > 0, whole, 1.0), 0.0)


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class RatioPropagation:
    """All one-generation quantities, and the functions behind them at the nodes.

    Names as in `GaussianPropagation`; divergences are at t0, in nats.
    """

    eps_star2: Scalar
    eps_hat2: Scalar
    eta: Scalar
    KL: Scalar
    chi2: Scalar
    chi2_path: Scalar
    r: Scalar
    r_m: Scalar
    start_KL: Scalar
    kappa: Scalar
    r_m2: Scalar  # E_q (R - 1 - h)²
    mass_defect: Scalar  # E_q R - 1, zero but for the time and interval errors
    tail_share: Scalar  # part of chi2 + chi2_path from the outer tenth of the interval
    x: Float[Array, " n"]
    weights: Float[Array, " n"]
    q: Float[Array, " n"]  # density of q_{t0}
    p_hat: Float[Array, " n"]  # density of the generated law
    R: Float[Array, " n"]
    h: Float[Array, " n"]  # linear response E[M | Y_{t0}]


def propagate_mixture(
    mixture: GaussianMixture,
    error: Callable[[Float[Array, " n"], Scalar], Float[Array, " n"]],
    process: OU,
    resolution: Resolution = REFERENCE,
    start: str = "marginal",
) -> RatioPropagation:
    """Solve one generation for a 1-D Gaussian mixture and any smooth score error.

    Args:
        mixture: 1-D target, the law of the data.
        error: e(x, t), acting on each x by itself; growing slower than |x|/2, so that
            the ends of the interval stay outflow. A `Partial` can carry amplitudes.
        process: noising process.
        resolution: `REFERENCE`, `FAST` or another `Resolution`. Narrow modes (standard
            deviation at t0 below about a fiftieth of the interval) need more nodes.
        start: law of the learned chain at T, 'marginal' (q_T) or 'normal' (N(0, 1)).

    Returns:
        `RatioPropagation`; goes through `vmap` in amplitudes, weights and means. A
        `tail_share` above about 1e-6 says: trust no chi2, it is infinite or the interval
        is too short.

    Raises:
        InputError: if the mixture is not 1-D or the start is unknown.
    """
    require(mixture.dim == 1, "mixture", "one-dimensional", mixture.dim)
    require(start in ("marginal", "normal"), "start", "'marginal' or 'normal'", start)
    error = error if isinstance(error, Partial) else Partial(error)
    return _propagate(mixture, error, process, resolution, start)


@partial(jax.jit, static_argnames=("resolution", "start"))
def _propagate(mixture, error, process, resolution, start) -> RatioPropagation:
    scheme = collocation_scheme(mixture, process, resolution)
    q_t, score = tabulate_law(scheme, mixture, process)
    e, e_x = tabulate_error(scheme, error)
    g = e_x + e * score
    w = scheme.weights

    q_T = mixture.noised(process, process.T).log_density(scheme.x[:, None])
    log_normal = -0.5 * (scheme.x**2 + jnp.log(2.0 * jnp.pi))
    log_start = log_normal - q_T if start == "normal" else jnp.zeros_like(q_T)
    start_KL, _ = ratio_divergences(w * jnp.exp(q_T), log_start)

    x = scheme.x[None, None, :]
    log_R, log_R_t = evolve_log_ratio(scheme, 0.5 * x + e, g, log_start)
    log_tilt, _ = evolve_log_ratio(scheme, 0.5 * x + 2 * e, 2 * g - e**2, 2 * log_start)
    h = respond(scheme, response_factors(scheme), g)

    q = jnp.exp(mixture.noised(process, process.t0).log_density(scheme.x[:, None]))
    eps_star2 = path_integral(scheme, q_t * e**2)
    eps_hat2 = path_integral(scheme, q_t * jnp.exp(log_R_t) * e**2)
    KL, chi2 = ratio_divergences(w * q, log_R)
    excess, tilt = jnp.expm1(log_R), jnp.expm1(log_tilt)
    visible = jnp.sum(w * q * h**2)
    chi2_path = jnp.sum(w * q * tilt)
    chi2_path = jnp.where(jnp.isfinite(chi2_path), chi2_path, jnp.inf)  # log exploded
    r_m2 = jnp.sum(w * q * (excess - h) ** 2)
    middle, half = (
        0.5 * (scheme.x[0] + scheme.x[-1]),
        0.5 * (scheme.x[0] - scheme.x[-1]),
    )
    outer = jnp.abs(scheme.x - middle) > 0.9 * half
    squares = w * q * (excess**2 + jnp.abs(tilt))
    return RatioPropagation(
        eps_star2=eps_star2,
        eps_hat2=eps_hat2,
        eta=ratio_or_zero(visible, eps_star2),
        KL=KL,
        chi2=chi2,
        chi2_path=chi2_path,
        r=jnp.sqrt(jnp.maximum(chi2_path + eps_star2 - 2.0 * eps_hat2, 0.0)),
        r_m=jnp.sqrt(r_m2),
        start_KL=start_KL,
        kappa=ratio_or_zero(KL, start_KL + 0.5 * eps_hat2),
        r_m2=r_m2,
        mass_defect=jnp.sum(w * q * excess),
        tail_share=ratio_or_zero(jnp.sum(squares * outer), jnp.sum(squares)),
        x=scheme.x,
        weights=w,
        q=q,
        p_hat=q * jnp.exp(log_R),
        R=jnp.exp(log_R),
        h=h,
    )


def _interval(mixture: GaussianMixture, process: OU, reach: float) -> tuple:
    """Ends `reach` standard deviations beyond every mean at every noise time."""
    times = jnp.linspace(process.t0, process.T, 65, dtype=jnp.float64)
    noised = jax.vmap(lambda t: mixture.noised(process, t))(times)
    mean, sd = noised.means[..., 0], jnp.sqrt(noised.covariances[..., 0, 0])
    return jnp.min(mean - reach * sd), jnp.max(mean + reach * sd)


def _mapped_chebyshev(nodes: int, low: Scalar, high: Scalar) -> tuple:
    r"""Descending nodes, derivative matrix and Clenshaw-Curtis weights on [low, high].

    The map :math:`\arcsin(\beta\xi)/\arcsin\beta` (Kosloff and Tal-Ezer) spreads the
    Chebyshev nodes, which crowd at the ends, to where the modes are.
    """
    n = nodes - 1
    k = np.arange(nodes)
    angle = np.pi * k / n
    xi = np.cos(angle)
    sign = (-1.0) ** k * np.where((k == 0) | (k == n), 2.0, 1.0)
    # xi_i - xi_j as a product of sines: no cancellation between close nodes
    half_sum, half_gap = (angle[:, None] + angle) / 2, (angle[:, None] - angle) / 2
    gap = -2.0 * np.sin(half_sum) * np.sin(half_gap) + np.eye(nodes)
    D = sign[:, None] / sign / gap - np.eye(nodes)
    D = D - np.diag(D.sum(axis=1))

    j = np.arange(2, n + 1, 2)
    share = np.where(j == n, 1.0, 2.0) / (j**2 - 1.0)
    weights = 2.0 / n * (1.0 - np.cos(np.outer(angle, j)) @ share)
    weights[[0, -1]] /= 2.0

    half = 0.5 * (high - low)
    slope = SPREAD / np.arcsin(SPREAD) / np.sqrt(1.0 - (SPREAD * xi) ** 2)
    x = low + half * (1.0 + jnp.asarray(np.arcsin(SPREAD * xi) / np.arcsin(SPREAD)))
    return (
        x,
        jnp.asarray(D / slope[:, None]) / half,
        jnp.asarray(weights * slope) * half,
    )


def _gauss(stages: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Gauss-Legendre collocation on [0, 1]: matrix A, weights b, nodes c."""
    c, b = np.polynomial.legendre.leggauss(stages)
    c, b = 0.5 * (c + 1.0), 0.5 * b
    powers = np.arange(stages)
    V = c[:, None] ** powers
    A = (c[:, None] ** (powers + 1) / (powers + 1)) @ np.linalg.inv(V)
    return A, b, c


def _tanh(a: Scalar, x: Array, t: Scalar) -> Array:
    return a * jnp.tanh(x)


def _sine(a: Scalar, x: Array, t: Scalar) -> Array:
    return a * jnp.sin(1.5 * x + 0.7) * jnp.exp(-0.5 * t)


def _windowed_linear(a: Scalar, x: Array, t: Scalar) -> Array:
    return a * x * jnp.exp(-(x**2) / 6.0)
