r"""Fresh data and samples that keep the drift below a target."""

import jax.numpy as jnp
from jaxtyping import Array, ArrayLike, Float, Num

from theory.error_propagation.statements import (
    fresh_fraction_cosine,
    samples_aligned,
    samples_unbiased,
)
from theory.validation import require_in, require_positive

__all__ = ["fresh_fraction", "samples_per_generation"]

Values = Num[ArrayLike, "*batch"]


def fresh_fraction(J: Values, target: Values, cosine: Values) -> Float[Array, "*batch"]:
    r"""Smallest constant alpha whose stationary drift stays below `target`.

    cosine 1: aligned errors, :math:`\sqrt{J/D^*}`; 0: unbiased,
    :math:`1-\sqrt{1-J/D^*}`. Infinite where J > target: the last generation alone, even
    trained on fresh data only, drifts by J.

    Args:
        J: innovation per generation, >= 0.
        target: drift D*, > 0.
        cosine: C / sqrt(D J), in [0, 1].
    """
    require_in("J", J, 0.0, float("inf"))
    require_positive("target", target)
    require_in("cosine", cosine, 0.0, 1.0)
    J, target, cosine = (jnp.asarray(x, dtype=jnp.float64) for x in (J, target, cosine))
    within = (J > 0) & (target >= J)
    alpha = fresh_fraction_cosine(jnp.where(within, J, 0.5 * target), target, cosine)
    return jnp.where(within, alpha, jnp.where(J > 0, jnp.inf, 0.0))


def samples_per_generation(
    target: Values,
    alpha: Values,
    eta: Values,
    t0: Values,
    dim: Values,
    rate_constant: Values,
    *,
    aligned: bool,
    tail_factor: Values = 1.0,
) -> Float[Array, "*batch"]:
    r"""Training samples per generation that keep the stationary drift below `target`.

    With :math:`J = (J/I)\,\eta\varepsilon_\star^2` and the minimax
    :math:`\varepsilon_\star^2 = c\,n^{-1}t_0^{-d/2}` (Khelifa et al., eq. 12). An order
    of magnitude: the constant c, which holds polylog(n), is not known.

    Args:
        target: drift D*, > 0.
        alpha: fresh fraction, in (0, 1].
        eta: observability, in [0, 1].
        t0: early-stopping time, > 0.
        dim: dimension d, or intrinsic dimension d*, > 0.
        rate_constant: c, > 0.
        aligned: whether errors are aligned (else unbiased).
        tail_factor: J / I, > 0; report it with the answer.
    """
    for name, value in (
        ("target", target),
        ("alpha", alpha),
        ("t0", t0),
        ("dim", dim),
        ("rate_constant", rate_constant),
        ("tail_factor", tail_factor),
    ):
        require_positive(name, value)
    require_in("alpha", alpha, 0.0, 1.0)
    require_in("eta", eta, 0.0, 1.0)
    samples = samples_aligned if aligned else samples_unbiased
    needed = samples(target, alpha, eta, t0, dim, rate_constant)
    return jnp.asarray(tail_factor * needed, dtype=jnp.float64)
