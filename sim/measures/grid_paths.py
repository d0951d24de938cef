r"""Everything about one generation's path laws, exactly, on a grid.

For the Euler-Maruyama chains of the ideal and of the learned score, with common times and
start, the stochastic integral M = sum e(Y_k) . dB_k, its bracket and Z = M - <M>/2 obey
the discrete Girsanov identity exactly. Carrying p_k, phat_k, p_k E[M | Y_k] and
p_k E[exp(2Z) | Y_k] through the steps (`sim.grid.push`) therefore gives, free of sampling
and of step-size error, every quantity of Khelifa et al., Sec. 3-5 for these chains. The
reference endpoint is the *ideal chain's*, not q_{t0}; the distance between these two is
returned too.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from sim.grid import Grid, GridLaw, push, push_along, step_kernel
from sim.sampling import ReverseSDE
from theory.processes import OU, noise_times

__all__ = ["GridPaths", "accumulated", "grid_paths"]

Scalar = Float[Array, ""]
_TINY = 1e-300


class GridPaths(NamedTuple):
    """One generation's functionals (all divergences in nats or pure numbers)."""

    eps_star2: Scalar  # energy of the score error on the ideal path
    eps_hat2: Scalar  # the same on the learned path
    observability: Scalar  # eta in [0, 1]
    chi2: Scalar  # I = chi2(phat || ideal endpoint)
    kl: Scalar  # KL(phat || ideal endpoint)
    tv: Scalar  # TV(phat, ideal endpoint)
    chi2_path: Scalar  # chi2 of the path laws
    remainder: Scalar  # r, from chi2_path + eps*^2 - 2 eps_hat^2
    marginal_remainder: Scalar  # r_m <= r
    start_kl: Scalar  # KL(start law || q_T): 0 when started from q_T
    step_kl: Scalar  # KL(ideal endpoint || q_{t0}): the step-size error
    step_tv: Scalar  # TV(ideal endpoint, q_{t0})
    mass_lost: Scalar  # largest share of either law that left the grid


def grid_paths(
    q, q_t0, fitted, process: OU, grid: Grid, sampler: ReverseSDE
) -> tuple[GridPaths, GridLaw, GridLaw]:
    """Carry the ideal and the learned reverse chain of one generation over the grid.

    Args:
        q: law the generation was trained on (exact, grid, or a blend), dimension 1 or 2.
        q_t0: its density at t0 at the nodes (at t0 = 0 that of `q` itself).
        fitted: learned score, ``fitted.score(points, t)``.
        process: noising process.
        grid: resolves the chain's smallest step.
        sampler: the chain: number and grading of steps, start law.

    Returns:
        The functionals, the learned endpoint law phat, and the ideal endpoint law.
    """
    times = noise_times(process, sampler.steps, sampler.power)
    points, cell = grid.points, grid.cell
    q_T = jnp.exp(q.noised(process, process.T).log_density(points))
    normal = jnp.exp(-0.5 * jnp.sum(points**2, -1)) / (2 * jnp.pi) ** (grid.dim / 2)
    start = q_T if sampler.start == "marginal" else normal

    def step(carry, k):
        p, p_hat, response, path2, eps_star2, eps_hat2 = carry
        t, h = times[k], times[k] - times[k + 1]
        score = q.noised(process, t).score(points)
        e = fitted.score(points, t).astype(points.dtype) - score
        e2 = jnp.sum(e**2, axis=-1)
        ideal = points + h * process.reverse_drift(points, score)
        eps_star2 = eps_star2 + h * cell * jnp.sum(p * e2)
        eps_hat2 = eps_hat2 + h * cell * jnp.sum(p_hat * e2)
        kernel = step_kernel(grid, ideal, h)
        response = push(kernel, response) + push_along(kernel, p, grid, ideal, e)
        p = push(kernel, p)
        p_hat = push(step_kernel(grid, ideal + h * e, h), p_hat)
        # E*[e^{2Z}]: change of measure to drift + 2e leaves the weight exp(h |e|^2)
        doubled = step_kernel(grid, ideal + 2.0 * h * e, h)
        path2 = push(doubled, path2 * jnp.exp(h * e2))
        return (p, p_hat, response, path2, eps_star2, eps_hat2), None

    zero = jnp.zeros((), points.dtype)
    carry = (start, start, jnp.zeros_like(start), start, zero, zero)
    carry, _ = jax.lax.scan(step, carry, jnp.arange(sampler.steps))
    p, p_hat, response, path2, eps_star2, eps_hat2 = carry

    def total(f):
        return cell * jnp.sum(f)

    chi2 = total((p_hat - p) ** 2 / (p + _TINY))
    visible = total(response**2 / (p + _TINY))
    chi2_path = total(path2) - 1.0
    remainder2 = chi2_path + eps_star2 - 2.0 * eps_hat2
    tilted = total(p_hat * response / (p + _TINY))  # E_phat[h]
    paths = GridPaths(
        eps_star2=eps_star2,
        eps_hat2=eps_hat2,
        observability=jnp.where(eps_star2 > 0, visible / (eps_star2 + _TINY), 0.0),
        chi2=chi2,
        kl=total(_kl_integrand(p_hat, p)),
        tv=0.5 * total(jnp.abs(p_hat - p)),
        chi2_path=chi2_path,
        remainder=jnp.sqrt(jnp.maximum(remainder2, 0.0)),
        marginal_remainder=jnp.sqrt(jnp.maximum(chi2 + visible - 2.0 * tilted, 0.0)),
        start_kl=total(_kl_integrand(start, q_T)),
        step_kl=total(_kl_integrand(p, q_t0)),
        step_tv=0.5 * total(jnp.abs(p - q_t0)),
        mass_lost=jnp.maximum(1.0 - total(p), 1.0 - total(p_hat)),
    )
    return paths, GridLaw(grid, p_hat), GridLaw(grid, p)


class Accumulated(NamedTuple):
    """Divergence from the data law p, and the innovation that moved it."""

    D_before: Scalar  # chi2(phat^i || p)
    mixed: Scalar  # chi2(q_i || p)
    D: Scalar  # chi2(phat^{i+1} || p)
    J: Scalar  # |(phat^{i+1} - q_i)/p|^2 in L2(p)
    C: Scalar  # <phat^i/p - 1, (phat^{i+1} - q_i)/p>_p
    intra: Scalar  # I_i = chi2(phat^{i+1} || q_i)
    drift_kl: Scalar  # KL(phat^{i+1} || p)
    drift_tv: Scalar  # TV(phat^{i+1}, p)
    tail_share: Scalar  # share of D from where p < 1e-12 max p


def accumulated(
    p: Float[Array, " n"],
    before: Float[Array, " n"],
    q: Float[Array, " n"],
    after: Float[Array, " n"],
    cell: Scalar,
) -> Accumulated:
    """Accumulated quantities of one generation.

    Densities p, phat^i, q_i and phat^{i+1} are tabulated on cells of volume `cell`.
    """

    def chi2(a, b, reference):
        return cell * jnp.sum((a - b) ** 2 / (reference + _TINY))

    contribution = (after - p) ** 2 / (p + _TINY)
    tail = cell * jnp.sum(jnp.where(p < 1e-12 * jnp.max(p), contribution, 0.0))
    D = chi2(after, p, p)
    return Accumulated(
        D_before=chi2(before, p, p),
        mixed=chi2(q, p, p),
        D=D,
        J=chi2(after, q, p),
        C=cell * jnp.sum((before - p) * (after - q) / (p + _TINY)),
        intra=chi2(after, q, q),
        drift_kl=cell * jnp.sum(_kl_integrand(after, p)),
        drift_tv=0.5 * cell * jnp.sum(jnp.abs(after - p)),
        tail_share=jnp.where(D > 0, tail / (D + _TINY), 0.0),
    )


def _kl_integrand(p: Array, q: Array) -> Array:
    # p log(p/q) - p + q is non-negative: rounding cannot make a small KL negative
    return p * (jnp.log(p + _TINY) - jnp.log(q + _TINY)) - p + q
