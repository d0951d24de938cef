r"""Noising processes. Variance-preserving Ornstein-Uhlenbeck (Khelifa et al., Sec. 2)."""

from dataclasses import dataclass

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from theory.validation import require, require_finite

__all__ = ["OU", "noise_times", "ou"]

Scalar = Float[Array, ""] | float


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class OU:
    r"""Forward noising :math:`dX = -\tfrac12 X\,dt + dB` on ``[0, T]``, stopped early at ``t0``.

    .. math:: X_t \mid X_0 \sim N(e^{-t/2} X_0,\ (1-e^{-t}) I)

    The reverse process runs in the increasing clock ``s = T - t`` with drift
    :math:`y/2 + \nabla\log q_{T-s}(y)` and unit noise. Build with `ou`, which validates.
    """

    T: Scalar
    """Horizon, > t0."""
    t0: Scalar
    """Early-stopping time, in [0, T)."""

    def mean_factor(self, t: Scalar) -> Scalar:
        r""":math:`e^{-t/2}`."""
        return jnp.exp(-0.5 * t)

    def variance(self, t: Scalar) -> Scalar:
        r"""Variance of the added noise, :math:`1-e^{-t}`."""
        return -jnp.expm1(-t)

    def reverse_drift(self, y: Array, score: Array) -> Array:
        r"""Drift of the reverse SDE in the increasing clock: :math:`y/2 + s`.

        The sign is the commonest bug of the field: the decreasing-clock drift
        :math:`-y/2 - s` must not be used with a positive step.
        """
        return 0.5 * y + score


def ou(T: float = 4.0, t0: float = 0.02) -> OU:
    """An `OU` with 0 <= t0 < T, both finite; raises `InputError` otherwise."""
    require_finite("T", T)
    require_finite("t0", t0)
    require(t0 >= 0, "t0", ">= 0", t0)
    require(t0 < T, "t0", f"< T = {T:g}", t0)
    return OU(T=T, t0=t0)


def noise_times(
    process: OU, steps: int, power: float = 1.0
) -> Float[Array, " steps+1"]:
    r"""Decreasing noise times :math:`t_k = t_0 + (T-t_0)(1-k/K)^{power}`, k = 0 ... K.

    Power 1 is uniform; larger powers make steps shorter towards t0.

    Raises:
        InputError: unless steps >= 1 and power >= 1.
    """
    require(steps >= 1, "steps", ">= 1", steps)
    require(power >= 1, "power", ">= 1", power)
    left = jnp.linspace(1.0, 0.0, steps + 1, dtype=jnp.float64) ** power
    return process.t0 + (process.T - process.t0) * left
