"""Two-sided bound on one generation's divergence, computable from energies."""

from dataclasses import dataclass

import jax
import jax.numpy as jnp
from jaxtyping import Array, ArrayLike, Float, Num

from theory.error_propagation.statements import (
    remainder2,
    sandwich_lower,
    sandwich_upper,
)
from theory.validation import require_in

__all__ = ["Sandwich", "sandwich"]

Values = Num[ArrayLike, "*batch"]


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class Sandwich:
    r"""Bounds on :math:`I=\chi^2(\hat p^{i+1}\|q_i)` without unknown constants."""

    lower: Float[Array, "*batch"]
    upper: Float[Array, "*batch"]
    remainder: Float[Array, "*batch"]
    """r."""
    sharpness: Float[Array, "*batch"]
    r""":math:`\sqrt\eta\varepsilon_\star / r`; above 1 the lower bound is positive."""


def sandwich(
    eta: Values, eps_star2: Values, eps_hat2: Values, chi2_path: Values
) -> Sandwich:
    r"""Sharp sandwich :math:`|\sqrt I - \sqrt\eta\,\varepsilon_\star| \le r`.

    .. math:: r^2 = \chi^2_{path} + \varepsilon_\star^2 - 2\hat\varepsilon^2

    Derived (the paper's constants are unknown): A1, A2 and finite `chi2_path`. An
    estimate of r^2 below 0, which noise can produce, counts as 0.

    Args:
        eta: observability, in [0, 1].
        eps_star2: energy on the ideal path, >= 0.
        eps_hat2: energy on the learned path, >= 0.
        chi2_path: chi2 between the path laws, >= 0, infinite allowed.
    """
    require_in("eta", eta, 0.0, 1.0)
    for name, value in (
        ("eps_star2", eps_star2),
        ("eps_hat2", eps_hat2),
        ("chi2_path", chi2_path),
    ):
        require_in(name, value, 0.0, float("inf"))
    eta, eps_star2, eps_hat2, chi2_path = (
        jnp.asarray(x, dtype=jnp.float64) for x in (eta, eps_star2, eps_hat2, chi2_path)
    )
    r = jnp.sqrt(jnp.maximum(remainder2(eps_star2, eps_hat2, chi2_path), 0.0))
    return Sandwich(
        lower=sandwich_lower(eta, eps_star2, r),
        upper=sandwich_upper(eta, eps_star2, r),
        remainder=r,
        sharpness=jnp.sqrt(eta * eps_star2) / r,
    )
