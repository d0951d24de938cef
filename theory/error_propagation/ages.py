r"""How old the data behind a generation are.

Each generation keeps a share :math:`\rho_i` of the last law, so :math:`\hat p^n` is a
mixture over ages: the part of age k was fresh at generation n - k and has since been
through k generations of learning and sampling.
"""

import jax.numpy as jnp
from jaxtyping import Array, ArrayLike, Float, Num

from theory.error_propagation.schedules import per_generation

__all__ = ["age_weights"]

Scalar = Num[ArrayLike, ""]


def age_weights(
    alpha: Scalar | Num[ArrayLike, " n"], generations: int
) -> Float[Array, " ages"]:
    r"""Weights of ages 1 ... n in :math:`\hat p^n`, youngest first; ([1] for n = 0).

    .. math:: w_k = \alpha_{n-k}\prod_{j=n-k+1}^{n-1}\rho_j\ (k<n),\qquad
              w_n = \prod_{j=1}^{n-1}\rho_j

    For constant alpha :math:`\alpha\rho^{k-1}` and :math:`\rho^{n-1}`. Generation 0
    learns from p whatever alpha_0 is.

    Args:
        alpha: fresh fraction in [0, 1], scalar or (n,).
        generations: n >= 0.
    """
    if generations == 0:
        return jnp.ones((1,), dtype=jnp.float64)
    past = per_generation("alpha", alpha, generations, 0.0, 1.0)[:0:-1]
    one = jnp.ones((1,), dtype=jnp.float64)
    survived = jnp.concatenate([one, jnp.cumprod(1.0 - past)])
    return survived * jnp.concatenate([past, one])
