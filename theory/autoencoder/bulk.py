r"""The bulk under retraining: one number, solvable, decoupled from the modes (derived, Sec. 5.2).

With :math:`v_g` the data's bulk variance in generation g, the skip learns
:math:`b_g=b^\star(v_g)(1-e^{-\kappa(\alpha^2+\beta^2v_g)\tau})` and generates

.. math:: v_{g+1} = F_\tau(v_g) = \prod_k (1+h_k\Delta_k(b_g))^2 ,\qquad
    v \leftarrow p + (1-p)F_\tau(v)\ \text{with a real fraction } p .
"""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from theory.autoencoder.sampling import amplitude
from theory.autoencoder.statements import critical_samples, critical_time, skip
from theory.processes import EulerGrid, Interpolant, linear
from theory.validation import require, require_in

__all__ = [
    "bulk_history",
    "bulk_map",
    "conditional_bulk_map",
    "critical",
    "critical_at_noise_level",
    "stationary_bulk",
]

Scalar = Float[Array, ""] | float


def bulk_map(
    v: Scalar, tau: Scalar, alpha: Scalar, beta: Scalar, kappa: Scalar, grid: EulerGrid
) -> Float[Array, ""]:
    r""":math:`F_\tau(v)`, bulk variance generated after training for tau on variance v.

    Increases in v, so histories from any start are monotone.
    """
    return amplitude(skip(alpha, beta, v, kappa, tau), grid) ** 2


def conditional_bulk_map(
    v: Scalar,
    tau: Scalar,
    kappa: Scalar,
    steps: int = 99,
    of: int = 100,
    path: Interpolant | None = None,
) -> Float[Array, ""]:
    r"""The same for a skip of its own at every noise level, each trained for tau.

    Perfect training leaves the shrinkage of early stopping alone (`conditional_bulk`);
    a finite time multiplies by :math:`e^{-2\int b^\star_t e^{-\kappa(\alpha_t^2+\beta_t^2v)\tau}
    /(1-t)\,dt}`: a slow collapse, whose lifetime grows like :math:`e^{\kappa\tau}`.
    """
    require(1 <= steps < of, "steps", f"in [1, {of - 1}]: t_end < 1", steps)
    path = path or linear()
    t = jnp.arange(steps, dtype=jnp.float64) / of
    b = skip(path.alpha(t), path.beta(t), v, kappa, tau)
    delta = jax.vmap(path.contraction)(t) + b * jax.vmap(path.gain)(t)
    return jnp.prod(1.0 + delta / of) ** 2


def bulk_history(
    step, generations: int, start: Scalar = 1.0, real_fraction: Scalar = 0.0
):
    r"""Bulk variances :math:`v_0 \dots v_G` of ``v <- p v_0 + (1-p) step(v)``.

    Args:
        step: v -> F(v), e.g. `bulk_map` with the rest filled in.
        generations: G >= 1.
        start: v_0, the variance of the real data.
        real_fraction: p in [0, 1].

    Returns:
        (G + 1,) variances of the data that generations 0 ... G are trained on.
    """
    require(generations >= 1, "generations", ">= 1", generations)
    require_in("real_fraction", real_fraction, 0.0, 1.0)
    v_0 = jnp.asarray(start, jnp.float64)

    def one(v, _):
        v = real_fraction * v_0 + (1.0 - real_fraction) * step(v)
        return v, v

    _, later = jax.lax.scan(one, v_0, None, length=generations)
    return jnp.concatenate([v_0[None], later])


def stationary_bulk(step, start: Scalar = 1.0, real_fraction: Scalar = 0.0, limit=4000):
    """Where `bulk_history` ends: its value after `limit` generations."""
    return bulk_history(step, limit, start, real_fraction)[-1]


def critical(alpha: Scalar, beta: Scalar, kappa: Scalar, eta: Scalar):
    r"""Critical training time :math:`\tau_c` and sample number :math:`n_c/d`; NaN where none.

    Below it the bulk of a retrained model collapses, above it explodes. It exists where
    :math:`\beta > \alpha^2+\beta^2`; otherwise every training time collapses.
    """
    exists = beta > alpha**2 + beta**2
    time = jnp.where(exists, critical_time(alpha, beta, kappa), jnp.nan)
    return time, jnp.where(exists, critical_samples(alpha, beta, kappa, eta), jnp.nan)


def critical_at_noise_level(t, kappa: Scalar = 1.0, eta: Scalar = 0.1, path=None):
    """`critical` at noise levels t in (0, 1) of a path, elementwise."""
    path = path or linear()
    t = jnp.asarray(t, jnp.float64)
    return critical(path.alpha(t), path.beta(t), kappa, eta)
