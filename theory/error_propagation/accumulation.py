r"""Drift of a whole history, for any schedule of fresh data.

Generation i has fresh fraction :math:`\alpha_i`, :math:`\rho_i = 1-\alpha_i`, and obeys
:math:`D_{i+1} = \rho_i^2 D_i + 2\rho_i C_i + J_i`. Histories J, eps2 have shape (N,),
one value per generation; curves have shape (N + 1,) and start at generation 0.

The statements `unrolled_root` ... `displayed_right` are these curves at constant alpha.
For a schedule the one-step inequalities hold with alpha_i; unrolling them turns
:math:`\rho^{n-1-i}` into :math:`P_{i,n} = \prod_{j=i+1}^{n-1}\rho_j`, and
:math:`\rho^n` into :math:`P_n = \prod_{j<n}\rho_j`.
"""

from dataclasses import dataclass

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, ArrayLike, Float, Num

from theory.error_propagation.linear_recursion import unroll
from theory.error_propagation.schedules import per_generation
from theory.validation import require, require_in

__all__ = [
    "DelayedFloor",
    "DriftBounds",
    "contributions",
    "delayed_floor",
    "discounted_energy",
    "displayed_ratio",
    "drift_bounds",
    "exact_drift",
    "tv_bound",
]

Scalar = Num[ArrayLike, ""]
History = Num[ArrayLike, " n"]
Drifts = Num[ArrayLike, " n_plus_1"]
Curve = Float[Array, " n_plus_1"]
BASEL = np.pi**2 / 6  # sum of 1/m^2, the price of the weights (m+1)^2


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class DriftBounds:
    """Bounds on D_0 ... D_N from the innovations alone; `root` is the tightest."""

    root: Float[Array, "*batch n_plus_1"]
    """(U1), squared."""
    linear: Float[Array, "*batch n_plus_1"]
    """(U2); infinite once an error was made at alpha_i = 0."""
    weighted: Float[Array, "*batch n_plus_1"]
    """(U3)."""
    unbiased: Float[Array, "*batch n_plus_1"]
    """(X): no bound but the exact mean, if innovations are unbiased given the past."""


def drift_bounds(alpha: Scalar | History, J: History, D_0: Scalar = 0.0) -> DriftBounds:
    r"""Upper bounds U1, U2, U3 on the drift and its value X for unbiased innovations.

    .. math::
        \sqrt{D_n} &\le P_n\sqrt{D_0} + \sum_i P_{i,n}\sqrt{J_i} && (U1) \\
        D_n &\le P_n D_0 + \sum_i P_{i,n} J_i/\alpha_i && (U2) \\
        D_n &\le 2P_n^2 D_0 + \tfrac{\pi^2}{3}\sum_i (n-i)^2 P_{i,n}^2 J_i && (U3) \\
        E D_n &= P_n^2 D_0 + \sum_i P_{i,n}^2 J_i && (X)

    Args:
        alpha: fresh fraction in [0, 1], scalar or (N,).
        J: innovations, (N,), >= 0, infinite allowed. From I or an energy use
            `innovation_upper`, `innovation_moment` or `innovation_good_set`.
        D_0: drift before the first of them, >= 0.

    Raises:
        InputError: outside these ranges or shapes.
    """
    alpha, J = _histories(alpha, J=J)
    require_in("D_0", D_0, 0.0, np.inf)
    return _drift_bounds(alpha, J, jnp.asarray(D_0, dtype=jnp.float64))


@jax.jit
def _drift_bounds(alpha, J, D_0):
    rho = 1.0 - alpha
    start = unroll(rho**2, jnp.zeros_like(J), D_0)
    # Sums over past errors of (m+1)^k P^2 J for k = 0, 1, 2, m the age of the error:
    # one more generation turns m into m + 1.
    sum_0 = unroll(rho**2, J, jnp.zeros_like(D_0))
    sum_1 = unroll(rho**2, J + _forget(rho, sum_0[:-1]), jnp.zeros_like(D_0))
    sum_2 = unroll(
        rho**2, J + _forget(rho, 2 * sum_1[:-1] + sum_0[:-1]), jnp.zeros_like(D_0)
    )
    gain = jnp.where(J > 0, J / jnp.where(J > 0, alpha, 1.0), 0.0)
    return DriftBounds(
        root=unroll(rho, jnp.sqrt(J), jnp.sqrt(D_0)) ** 2,
        linear=unroll(rho, gain, D_0),
        weighted=2 * start + 2 * BASEL * sum_2,
        unbiased=start + sum_0,
    )


def _forget(rho, x):
    return jnp.where(rho == 0, 0.0, rho**2 * x)


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class DelayedFloor:
    """Both sides of (L1), left >= right; both 0 at generation 0."""

    left: Float[Array, "*batch n_plus_1"]
    right: Float[Array, "*batch n_plus_1"]


def delayed_floor(alpha: Scalar | History, J: History, D: Drifts) -> DelayedFloor:
    r"""Lower bound L1: the drifts so far cannot all be small.

    .. math:: \sum_i P_{i,n}(D_{i+1}+\rho_i D_i) \ge \sum_i P_{i,n}\frac{J_i}{1+\rho_i}

    At constant alpha the left side is
    :math:`D_n + 2\sum_{i=1}^{n-1}\rho^{n-i}D_i + \rho^n D_0`.

    Args:
        alpha: fresh fraction in [0, 1], scalar or (N,).
        J: innovations, (N,).
        D: drifts, (N + 1,).
    """
    alpha, J = _histories(alpha, J=J)
    require_in("D", D, 0.0, np.inf)
    D = jnp.asarray(D, dtype=jnp.float64)
    require(D.shape == (len(J) + 1,), "D", f"of shape ({len(J) + 1},)", D.shape)
    return _delayed_floor(alpha, J, D)


@jax.jit
def _delayed_floor(alpha, J, D):
    rho, zero = 1.0 - alpha, jnp.zeros((), dtype=jnp.float64)
    return DelayedFloor(
        left=unroll(rho, D[1:] + jnp.where(rho == 0, 0.0, rho * D[:-1]), zero),
        right=unroll(rho, J / (1.0 + rho), zero),
    )


def exact_drift(
    alpha: Scalar | History, J: History, C: History, D_0: Scalar = 0.0
) -> Curve:
    r"""The one-step identity iterated: D_0 ... D_N from innovations and overlaps."""
    alpha, J = _histories(alpha, J=J)
    rho = 1.0 - alpha
    return unroll(rho**2, J + 2.0 * rho * jnp.asarray(C, dtype=jnp.float64), D_0)


def tv_bound(alpha: Scalar | History, eps_hat2: History, tv_0: Scalar = 0.0) -> Curve:
    r"""Bound on TV(p_hat^n, p) under A1-A2 alone; vacuous where it reaches 1.

    .. math:: P_n\,\mathrm{TV}_0 + \tfrac12\sum_i P_{i,n}\,\hat\varepsilon_i
    """
    alpha, eps_hat2 = _histories(alpha, eps_hat2=eps_hat2)
    require_in("tv_0", tv_0, 0.0, 1.0)
    return unroll(1.0 - alpha, 0.5 * jnp.sqrt(eps_hat2), tv_0)


def discounted_energy(
    alpha: Scalar | History, eps_star2: History, D_0: Scalar = 0.0
) -> Curve:
    r"""Right side of Thm 4.2 as displayed (Khelifa et al.), at generations 0 ... N.

    .. math:: \sum_i P_{i,n}^2\,\varepsilon_{\star,i}^2 + P_n^2 D_0
    """
    alpha, eps_star2 = _histories(alpha, eps_star2=eps_star2)
    require_in("D_0", D_0, 0.0, np.inf)
    return unroll((1.0 - alpha) ** 2, eps_star2, D_0)


def displayed_ratio(
    alpha: Scalar | History, eps_star2: History, D: Drifts, bias: Scalar
) -> Curve:
    """(D_n + C_bias) over `discounted_energy`, bounded both ways by Thm 4.2's display.

    It is not bounded: summable energies with bias > 0 make it grow without limit, so do
    aligned errors at bias = 0, and cancelling errors send it to 0. NaN where both sides
    are 0.
    """
    require_in("bias", bias, 0.0, np.inf)
    D = jnp.asarray(D, dtype=jnp.float64)
    return (D + bias) / discounted_energy(alpha, eps_star2, D[0])


def contributions(alpha: Scalar | History, eps_star2: History) -> Float[Array, "n n"]:
    r"""Share of each past error in `discounted_energy`, lower triangular.

    Entry [k, i] is :math:`P_{i,k+1}^2\,\varepsilon_{\star,i}^2`, what the error of
    generation i still counts in law k + 1; a row sums to the discounted energy of that
    law, at D_0 = 0.
    """
    alpha, eps_star2 = _histories(alpha, eps_star2=eps_star2)
    k = jnp.arange(len(alpha))
    between = k[:, None] > k[None, :]  # generation k came after error i
    discount = jnp.cumprod(
        jnp.where(between, ((1.0 - alpha) ** 2)[:, None], 1.0), axis=0
    )
    return jnp.tril(discount) * eps_star2[None, :]


def _histories(alpha, **history):
    ((name, values),) = history.items()
    require_in(name, values, 0.0, np.inf)
    values = jnp.asarray(values, dtype=jnp.float64)
    require(values.ndim == 1, name, "one value per generation, (N,)", values.shape)
    return per_generation("alpha", alpha, len(values), 0.0, 1.0), values
