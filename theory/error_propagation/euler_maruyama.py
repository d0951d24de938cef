r"""What discretisation does to the theory: exact moments of the Euler chains.

On decreasing times :math:`T=t_0'>\dots>t_K'=t_0` with steps h, score and error taken at
the start of each step, a chain of a `GaussianProblem` stays Gaussian (derived):

.. math:: \mu_{k+1}=A\mu_k+h\,u,\quad V_{k+1}=AVA^\top+\nu^2hI,\quad
    A=I+h\{\tfrac12I+c(W-P_t)\},\quad u=c(P_tm_t+b)

with c = 1, nu = 1 for the reverse SDE and c = 1/2, nu = 0 for the probability flow; the
ideal chain has W = 0, b = 0. For the SDE the path KL is exactly half the summed energy,
so Prop 3.1 holds at every step size, but towards the *ideal chain's* endpoint, not
q_{t0}.
"""

from dataclasses import dataclass
from functools import partial

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from theory.error_propagation.linear_gaussian import (
    GaussianProblem,
    gaussian_divergences,
)
from theory.validation import require

__all__ = ["SAMPLERS", "EulerPropagation", "propagate_euler"]

Scalar = Float[Array, ""] | float
SAMPLERS = {"sde": (1.0, 1.0), "ode": (0.5, 0.0)}
"""Name -> (share c of score and error in the drift, noise nu)."""


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class EulerPropagation:
    """Energies along the two chains and their endpoint laws."""

    eps_star2: Scalar  # sum of E|e|² h along the ideal chain
    eps_hat2: Scalar  # the same along the learned chain
    KL: Scalar  # KL(learned || ideal endpoint)
    chi2: Scalar  # chi2 between the same
    mean_hat: Float[Array, " d"]
    V_hat: Float[Array, "d d"]
    mean_star: Float[Array, " d"]
    V_star: Float[Array, "d d"]


@partial(jax.jit, static_argnames="sampler")
def propagate_euler(
    problem: GaussianProblem, times: Float[Array, " steps+1"], sampler: str = "sde"
) -> EulerPropagation:
    """Moments of the ideal and the learned Euler chain over a grid of noise times.

    Args:
        problem: Gaussian data, affine error, process and start law.
        times: decreasing, from T to t0; any grid, e.g. `theory.processes.noise_times`.
        sampler: 'sde' (Euler-Maruyama) or 'ode' (Euler on the probability flow).

    Returns:
        `EulerPropagation`. The ideal chain always starts from q_T, the learned one from
        the problem's start law.
    """
    require(sampler in SAMPLERS, "sampler", "'sde' or 'ode'", sampler)
    c, nu = SAMPLERS[sampler]
    eye = jnp.eye(problem.dim, dtype=jnp.float64)

    def step(state, t_pair):
        (m_star, V_star), (m_hat, V_hat), eps_star2, eps_hat2 = state
        t, h = t_pair[0], t_pair[0] - t_pair[1]
        W, b = problem.error.W(t), problem.error.b(t)
        P = jnp.linalg.inv(problem.covariance_at(t))
        pull = P @ problem.mean_at(t)

        def moved(m, V, W, b):
            A = eye + h * (0.5 * eye + c * (W - P))
            return A @ m + h * c * (pull + b), A @ V @ A.T + nu**2 * h * eye

        def energy(m, V):
            at_mean = W @ m + b
            return h * (jnp.sum((W @ V) * W) + at_mean @ at_mean)

        return (
            moved(m_star, V_star, jnp.zeros_like(W), jnp.zeros_like(b)),
            moved(m_hat, V_hat, W, b),
            eps_star2 + energy(m_star, V_star),
            eps_hat2 + energy(m_hat, V_hat),
        ), None

    T, zero = times[0], jnp.zeros((), jnp.float64)
    m_T, Sigma_T = problem.mean_at(T), problem.covariance_at(T)
    d0, Delta0 = problem.start_deviation()
    start = ((m_T, Sigma_T), (m_T + d0, Sigma_T + Delta0), zero, zero)
    pairs = jnp.stack([times[:-1], times[1:]], axis=1)
    (m_star, V_star), (m_hat, V_hat), eps_star2, eps_hat2 = jax.lax.scan(
        step, start, pairs
    )[0]
    KL, chi2 = gaussian_divergences(V_star, V_hat - V_star, m_hat - m_star)
    return EulerPropagation(eps_star2, eps_hat2, KL, chi2, m_hat, V_hat, m_star, V_star)
