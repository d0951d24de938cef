r"""Two closed loops solved exactly: every generation convolves its data with a kernel.

:math:`\hat p^{i+1} = q_i * K_i`, which is what a learner does whose score is the exact
score of perturbed data. The law is a mixture over the generation at which its data were
fresh, and every divergence is a bilinear form in the weights,

.. math:: D = \sum_{k,l} w_k w_l\,[\langle p_k/p,\,p_l/p\rangle_p - 1],

derived for p standard Gaussian, with p_k a widened or shifted copy of it.
"""

from collections.abc import Callable
from dataclasses import dataclass

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, ArrayLike, Float, Num

from theory.error_propagation.ages import age_weights
from theory.error_propagation.schedules import per_generation
from theory.mixtures import GaussianMixture
from theory.processes import OU
from theory.validation import require_in, require_positive

__all__ = [
    "ExactDrift",
    "gaussian_kernel_drift",
    "shift_drift",
    "shift_energy",
    "shift_law",
]

Scalar = Num[ArrayLike, ""]
History = Num[ArrayLike, " n"]


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class ExactDrift:
    """Drift, innovation and overlap of a closed loop started at p.

    They satisfy ``D[i+1] = rho_i^2 D[i] + 2 rho_i C[i] + J[i]``.
    """

    D: Float[Array, "*batch n_plus_1"]
    """chi2(p_hat^i || p)."""
    J: Float[Array, "*batch n"]
    C: Float[Array, "*batch n"]


def gaussian_kernel_drift(
    alpha: Scalar | History,
    g: History,
    dim: Scalar = 1,
) -> ExactDrift:
    r"""Drift when generation i adds Gaussian noise of variance :math:`g_i\sigma^2`.

    For data :math:`N(0,\sigma^2 I_d)` and parts with excess variances
    :math:`G_k\sigma^2` the form is :math:`(1-G_kG_l)^{-d/2} - 1`; infinite, and
    returned as infinite, once a part present in the law has :math:`G_k \ge 1`
    (constant g: :math:`n g \ge 1`).

    Args:
        alpha: fresh fraction in [0, 1], scalar or (N,).
        g: h^2 / sigma^2 of each generation, (N,), >= 0.
        dim: dimension d.
    """
    require_in("g", g, 0.0, np.inf)
    require_positive("dim", dim)
    g = jnp.asarray(g, dtype=jnp.float64)
    alpha = per_generation("alpha", alpha, len(g), 0.0, 1.0)

    return _gaussian_kernel_drift(alpha, g, jnp.asarray(dim, dtype=jnp.float64))


@jax.jit
def _gaussian_kernel_drift(alpha, g, dim):
    def excess(G_k, G_l):
        finite = G_k * G_l < 1.0
        product = jnp.where(finite, G_k * G_l, 0.0)
        return jnp.where(finite, jnp.expm1(-0.5 * dim * jnp.log1p(-product)), jnp.inf)

    return _drift(alpha, g, excess)


def shift_drift(alpha: Scalar | History, shifts: History) -> ExactDrift:
    r"""Drift when generation i moves its data by `shifts[i]` standard deviations.

    For data N(0, I), parts moved by S_k along one direction, the form is
    :math:`e^{S_kS_l} - 1`. Equal shifts are aligned errors, alternating ones cancel,
    random signs are nearly unbiased.

    Args:
        alpha: fresh fraction in [0, 1], scalar or (N,).
        shifts: (N,), any sign.
    """
    require_in("shifts", shifts, -np.inf, np.inf)
    shifts = jnp.asarray(shifts, dtype=jnp.float64)
    alpha = per_generation("alpha", alpha, len(shifts), 0.0, 1.0)
    return _shift_drift(alpha, shifts)


def shift_energy(shift: Scalar, process: OU) -> Scalar:
    r"""Energy :math:`\varepsilon_*^2=s^2(e^{-t_0}-e^{-T})` of an error that moves data by s.

    Derived, for N(0, 1) data: the score error is :math:`e = e^{-t/2}s`.
    """
    return shift**2 * (process.variance(process.T) - process.variance(process.t0))


def shift_law(
    p: GaussianMixture, alpha: Scalar | History, shifts: History
) -> GaussianMixture:
    r"""The law p_hat^n itself, n = len(shifts), for 1-D data of any Gaussian mixture.

    .. math:: \hat p^n = \sum_k w_k\,p(\cdot - S_k),\qquad S_k = s_{n-1}+\dots+s_{n-k},

    w_k the age weights: (n x components) parts.

    Args:
        p: the data law, d = 1.
        alpha: fresh fraction in [0, 1], scalar or (n,).
        shifts: (n,), n >= 1, in data units.
    """
    require_in("shifts", shifts, -np.inf, np.inf)
    moved = jnp.cumsum(jnp.asarray(shifts, dtype=jnp.float64)[::-1])
    weights = age_weights(alpha, len(moved))
    n, k = len(moved), p.weights.shape[0]
    return GaussianMixture(
        weights=(weights[:, None] * p.weights[None, :]).reshape(-1),
        means=(moved[:, None, None] + p.means[None]).reshape(n * k, 1),
        covariances=jnp.broadcast_to(p.covariances, (n, k, 1, 1)).reshape(-1, 1, 1),
    )


@jax.jit
def _shift_drift(alpha, shifts):
    return _drift(alpha, shifts, lambda S_k, S_l: jnp.expm1(S_k * S_l))


def _drift(
    alpha: Float[Array, " n"], kernel: Float[Array, " n"], excess: Callable
) -> ExactDrift:
    """Run the loop; part j of the law is what was fresh at generation j.

    `kernel` adds to the parameter of each part, `excess(x, y)` is <p_x/p, p_y/p>_p - 1.
    """
    born = jnp.arange(len(alpha))

    def generation(state, inputs):
        w, present, x, within = state  # p_hat^n, and excess(x, x)
        n, alpha_n, k_n = inputs
        fresh = jnp.where(n == 0, 1.0, alpha_n)  # q_0 = p
        u = jnp.where(born == n, fresh, (1.0 - alpha_n) * w)  # q_n
        mixed = jnp.where(born == n, fresh > 0, present & (alpha_n < 1))
        moved = jnp.where(born <= n, x + k_n, x)  # p_hat^{n+1} = (u, moved)

        across = excess(x[:, None], moved[None, :])
        after = excess(moved[:, None], moved[None, :])
        old, new = (w, present), (u, mixed)
        D_next, overlap = _form(new, after, new), _form(old, across, new)
        J = D_next - 2.0 * _form(new, across, new) + _form(new, within, new)
        C = overlap - _form(old, within, new)
        # The widest part dominates: where its term is infinite so is the whole.
        J = jnp.where(jnp.isinf(D_next), jnp.inf, J)
        C = jnp.where(jnp.isinf(overlap), jnp.inf, C)
        return (u, mixed, moved, after), (D_next, J, C)

    zeros = jnp.zeros(len(alpha), dtype=jnp.float64)
    nothing = (zeros, jnp.zeros(len(alpha), dtype=bool), zeros, jnp.outer(zeros, zeros))
    _, (D, J, C) = jax.lax.scan(generation, nothing, (born, alpha, kernel))
    return ExactDrift(D=jnp.concatenate([jnp.zeros(1, dtype=jnp.float64), D]), J=J, C=C)


def _form(left, value, right):
    """Bilinear form in the weights of the parts present; infinite if one term is."""
    (a, in_a), (b, in_b) = left, right
    both = in_a[:, None] & in_b[None, :]
    finite = jnp.isfinite(value)
    total = a @ jnp.where(both & finite, value, 0.0) @ b
    return jnp.where(jnp.any(both & ~finite), jnp.inf, total)
