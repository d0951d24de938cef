r"""Many generations on the line, exactly: the laws that the loop theorems speak of.

Level-t0 convention: data are defined at level t0, generated samples are used there
without being noised again, so with :math:`\delta_i=\hat p^i/p-1`, :math:`\rho_i=1-\alpha_i`

.. math:: q_i=p\,(1+\rho_i\delta_i),\qquad \zeta_i=(1+\rho_i\delta_i)(R_i-1),\qquad
    \delta_{i+1}=\rho_i\delta_i+\zeta_i .

The score of the noised q_i comes from :math:`u_t=q_{i,t}/p_t`, the posterior mean of
:math:`1+\rho_i\delta_i`. It obeys (derived) the backward equation of p's *reverse* process,

.. math:: \partial_tu=\tfrac12u''+(x/2+\partial_x\log p_t)u',\qquad
    \partial_x\log q_{i,t}=\partial_x\log p_t+\partial_x\log u_t ,

well conditioned in the tails for the same reason as the ratio equation. Its logarithm is
solved on the ratio equation's own steps and stages, since Gauss nodes are symmetric.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial

import jax
import jax.numpy as jnp
from jax.tree_util import Partial
from jaxtyping import Array, Float

from theory.error_propagation.ratio_equation import (
    REFERENCE,
    Resolution,
    Scheme,
    collocation_scheme,
    evolve_log_ratio,
    path_integral,
    ratio_divergences,
    ratio_or_zero,
    respond,
    response_factors,
    tabulate_error,
    tabulate_law,
)
from theory.mixtures import GaussianMixture
from theory.processes import OU
from theory.validation import require, require_finite, require_in

__all__ = ["ClosedLoop", "run_closed_loop"]

VARIANCE_LIMIT = 2.0  # above it the equation of u would need a boundary condition


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class ClosedLoop:
    """One row for each generation i = 0, 1, ...; names as in `RatioPropagation`."""

    D: Float[Array, " generations"]  # D_{i+1} = chi2(p_hat^{i+1} || p)
    I: Float[Array, " generations"]  # chi2(p_hat^{i+1} || q_i)
    J: Float[Array, " generations"]  # |zeta_i|² in L2(p)
    C: Float[Array, " generations"]  # <delta_i, zeta_i> in L2(p)
    KL: Float[Array, " generations"]  # KL(p_hat^{i+1} || q_i)
    eps_star2: Float[Array, " generations"]
    eps_hat2: Float[Array, " generations"]
    eta: Float[Array, " generations"]
    tail_share: Float[
        Array, " generations"
    ]  # of D, from the outer tenth of the interval
    x: Float[Array, " n"]
    weights: Float[Array, " n"]  # quadrature on the nodes
    p: Float[Array, " n"]  # data density at level t0
    delta: Float[Array, "generations n"]  # p_hat^{i+1} / p - 1


def run_closed_loop(
    mixture: GaussianMixture,
    shape: Callable[[Float[Array, " n"], float], Float[Array, " n"]],
    amplitudes: Float[Array, " generations"],
    alpha: Float[Array, " generations"] | float,
    process: OU,
    resolution: Resolution = REFERENCE,
) -> ClosedLoop:
    r"""Run the loop; generation i errs by :math:`a_i\,\text{shape}(x,t)` on q_i's score.

    Args:
        mixture: 1-D data law at t = 0, component variances below 2.
        shape: e(x, t) / a, as in `propagate_mixture`.
        amplitudes: a_i, one for each generation.
        alpha: fresh fraction in [0, 1], one number or one for each generation.
        process: T and t0; the loop runs at level t0, so it only sees p_{t0} and T - t0.
        resolution: `REFERENCE`, `FAST` or another `Resolution`.

    Returns:
        `ClosedLoop`; `vmap` over (amplitudes, alpha) works. A `tail_share` that is not
        tiny says that D is infinite or needs a longer interval (`Resolution.reach`).

    Raises:
        InputError: on a mixture that is not 1-D or too wide, or alpha outside [0, 1].
    """
    require(mixture.dim == 1, "mixture", "one-dimensional", mixture.dim)
    if not isinstance(mixture.covariances, jax.core.Tracer):
        widest = float(jnp.max(mixture.covariances))
        require(widest < VARIANCE_LIMIT, "component variances", "< 2", widest)
    require_finite("amplitudes", amplitudes)
    require_in("alpha", alpha, 0.0, 1.0)
    amplitudes = jnp.asarray(amplitudes, jnp.float64)
    require(amplitudes.ndim == 1, "amplitudes", "a vector", amplitudes.shape)
    alpha = jnp.broadcast_to(jnp.asarray(alpha, jnp.float64), amplitudes.shape)
    shape = shape if isinstance(shape, Partial) else Partial(shape)
    return _run(mixture, shape, amplitudes, alpha, process, resolution)


@partial(jax.jit, static_argnames="resolution")
def _run(mixture, shape, amplitudes, alpha, process, resolution) -> ClosedLoop:
    level = mixture.noised(process, process.t0)
    process = OU(T=process.T - process.t0, t0=jnp.zeros((), jnp.float64))
    scheme = collocation_scheme(level, process, resolution)
    p_t, p_score = tabulate_law(scheme, level, process)
    e_unit, e_x_unit = tabulate_error(scheme, shape)
    response = response_factors(scheme)
    w, p = scheme.weights, jnp.exp(level.log_density(scheme.x[:, None]))
    half_x = 0.5 * scheme.x[None, None, :]
    middle, half = (
        0.5 * (scheme.x[0] + scheme.x[-1]),
        0.5 * (scheme.x[0] - scheme.x[-1]),
    )
    outer = jnp.abs(scheme.x - middle) > 0.9 * half

    def generation(log_ratio, xs):
        a, alpha_i = xs
        delta = jnp.expm1(log_ratio)  # phat^i / p - 1
        log_u = jnp.log1p((1.0 - alpha_i) * delta)
        log_u_t = _noised_log_ratio(scheme, half_x + p_score, log_u)
        q_t = p_t * jnp.exp(log_u_t)
        e = a * e_unit
        g = a * e_x_unit + e * (p_score + log_u_t @ scheme.D.T)

        log_R, log_R_t = evolve_log_ratio(scheme, half_x + e, g, jnp.zeros_like(delta))
        h = respond(scheme, response, g)

        q = p * jnp.exp(log_u)
        KL, I = ratio_divergences(w * q, log_R)
        eps_star2 = path_integral(scheme, q_t * e**2)
        zeta = jnp.exp(log_u) * jnp.expm1(log_R)
        new = (1.0 - alpha_i) * delta + zeta
        D = jnp.sum(w * p * new**2)
        row = {
            "D": D,
            "I": I,
            "J": jnp.sum(w * p * zeta**2),
            "C": jnp.sum(w * p * delta * zeta),
            "KL": KL,
            "eps_star2": eps_star2,
            "eps_hat2": path_integral(scheme, q_t * jnp.exp(log_R_t) * e**2),
            "eta": ratio_or_zero(jnp.sum(w * q * h**2), eps_star2),
            "tail_share": ratio_or_zero(jnp.sum(w * p * new**2 * outer), D),
            "delta": new,
        }
        return log_u + log_R, row

    _, rows = jax.lax.scan(generation, jnp.zeros_like(p), (amplitudes, alpha))
    return ClosedLoop(**rows, x=scheme.x, weights=w, p=p)


def _noised_log_ratio(
    scheme: Scheme, inward: Float[Array, "steps stages n"], start: Float[Array, " n"]
) -> Float[Array, "steps stages n"]:
    """log q_{i,t}/p_t at every stage; time runs up, through the same stages reversed."""
    upward = replace(scheme, h=scheme.h[::-1])
    velocity = -inward[::-1, ::-1]
    _, stages = evolve_log_ratio(upward, velocity, jnp.zeros_like(velocity), start)
    return stages[::-1, ::-1]
