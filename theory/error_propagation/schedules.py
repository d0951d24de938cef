r"""Fresh-data schedules: the share :math:`\alpha_i` of real data in generation i.

Where a schedule replaces a constant, products of :math:`\rho_j = 1-\alpha_j` over the
generations between an error and now replace powers of :math:`1-\alpha`.
"""

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, ArrayLike, Float, Num

from theory.validation import require, require_in

__all__ = ["constant", "fresh_last", "from_values", "per_generation", "periodic_resets"]

Scalar = Num[ArrayLike, ""]


def constant(alpha: float, generations: int) -> Float[Array, " n"]:
    """The same fresh fraction, in [0, 1], for every generation."""
    return per_generation("alpha", alpha, generations, low=0.0, high=1.0)


def periodic_resets(
    period: int, generations: int, kept: float = 0.0
) -> Float[Array, " n"]:
    """Only fresh data in every `period`-th generation, a share `kept` in the others.

    Generation 0 is fresh. With ``kept = 0`` it spends what `constant` spends at
    ``alpha = 1/period``.
    """
    require(period >= 1, "period", ">= 1", period)
    alpha = constant(kept, generations)
    return jnp.where(jnp.arange(generations) % period == 0, 1.0, alpha)


def fresh_last(budget: float, generations: int) -> Float[Array, " n"]:
    """Spend a total fresh share `budget`, in [0, generations], as late as possible.

    The best schedule for the drift of the last generation.
    """
    require_in("budget", budget, 0.0, float(generations))
    left = budget - jnp.arange(generations - 1, -1, -1, dtype=jnp.float64)
    return jnp.clip(left, 0.0, 1.0)


def from_values(alpha: Num[ArrayLike, " n"]) -> Float[Array, " n"]:
    """A schedule given value by value, each in [0, 1]."""
    require_in("alpha", alpha, 0.0, 1.0)
    return jnp.asarray(alpha, dtype=jnp.float64)


def per_generation(
    name: str,
    value: Scalar | Num[ArrayLike, " n"],
    generations: int,
    low: float = 0.0,
    high: float = np.inf,
) -> Float[Array, " n"]:
    """A scalar or a history as a float64 history of that length, in [low, high].

    Raises:
        InputError: outside the range, on NaN, or on a history of another length.
    """
    require_in(name, value, low, high)
    require(generations >= 0, "generations", ">= 0", generations)
    history = jnp.asarray(value, dtype=jnp.float64)
    require(
        history.shape in ((), (generations,)),
        name,
        f"a scalar or of shape ({generations},)",
        history.shape,
    )
    return jnp.broadcast_to(history, (generations,))
