r"""Noising processes: Ornstein-Uhlenbeck (Khelifa et al., Sec. 2), and interpolants.

An interpolant :math:`x_t = \alpha(t)\,x_0 + \beta(t)\,x_1` runs from noise (t = 0) to data
(t = 1); the official code of Cui et al. uses the linear one.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from theory.validation import require, require_finite, require_in

__all__ = [
    "OU",
    "EulerGrid",
    "Interpolant",
    "euler_grid",
    "linear",
    "noise_times",
    "ou",
    "trigonometric",
]

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


@dataclass(frozen=True)
class Interpolant:
    r"""Path from noise to data: alpha(0) = beta(1) = 1, alpha(1) = beta(0) = 0."""

    name: str
    alpha: Callable[[Scalar], Scalar]
    r"""noise coefficient :math:`\alpha(t) > 0` for t < 1"""
    beta: Callable[[Scalar], Scalar]
    r"""data coefficient :math:`\beta(t) \ge 0`"""

    def gain(self, t: Scalar) -> Scalar:
        r""":math:`\Gamma_t = \beta' - \alpha'\beta/\alpha`, of the denoiser in the flow.

        .. math:: \dot x = \frac{\alpha'}{\alpha}x + \Gamma_t f(x)
        """
        return jax.grad(self.beta)(t) - self.contraction(t) * self.beta(t)

    def contraction(self, t: Scalar) -> Scalar:
        r""":math:`\alpha'/\alpha`, the coefficient of x in the flow."""
        return jax.grad(self.alpha)(t) / self.alpha(t)


@cache
def linear() -> Interpolant:
    r"""The linear path: :math:`\alpha = 1-t`, :math:`\beta = t`."""
    return Interpolant("linear", lambda t: 1.0 - t, lambda t: 1.0 * t)


@cache
def trigonometric() -> Interpolant:
    r"""The variance-preserving path: :math:`\alpha=\cos(\pi t/2)`, :math:`\beta=\sin(\pi t/2)`."""
    quarter = 0.5 * jnp.pi
    return Interpolant(
        "trigonometric",
        lambda t: jnp.cos(quarter * t),
        lambda t: jnp.sin(quarter * t),
    )


class EulerGrid(NamedTuple):
    r"""Steps of a sampler from t = 0 towards data, the score replaced by a denoiser f.

    .. math:: x \leftarrow x + h_k\,(c_k x + g_k f(x)) + \sqrt{2\varepsilon_k h_k}\,\xi

    Probability flow has :math:`\varepsilon = 0`.
    """

    h: Float[Array, " steps"]
    contraction: Float[Array, " steps"]
    r""":math:`c_k = \alpha'/\alpha - \varepsilon/\alpha^2` at the start of the step"""
    gain: Float[Array, " steps"]
    r""":math:`g_k = \Gamma + \varepsilon\beta/\alpha^2`"""
    diffusion: Float[Array, " steps"]
    r""":math:`\varepsilon_k \ge 0`"""


def euler_grid(
    path: Interpolant | None = None,
    steps: int = 99,
    of: int = 100,
    diffusion: float = 0.0,
) -> EulerGrid:
    r"""`steps` Euler steps of length 1/`of`; the end :math:`t = steps/of` must be below 1.

    The official sampler takes 99 of 100 linear steps. For a reverse SDE the diffusion is
    :math:`\varepsilon_t = \mathrm{diffusion}\cdot\alpha(t)`, which keeps the last steps stable.

    Raises:
        InputError: unless 1 <= steps < of and diffusion in [0, 2].
    """
    path = path or linear()
    require(steps >= 1, "steps", ">= 1", steps)
    require(steps < of, "t_end = steps/of", "< 1", steps / of)
    require_in("diffusion", diffusion, 0.0, 2.0)
    t = jnp.arange(steps, dtype=jnp.float64) / of
    alpha, beta = path.alpha(t), path.beta(t)
    eps = diffusion * alpha
    return EulerGrid(
        h=jnp.full((steps,), 1.0 / of, jnp.float64),
        contraction=jax.vmap(path.contraction)(t) - eps / alpha**2,
        gain=jax.vmap(path.gain)(t) + eps * beta / alpha**2,
        diffusion=eps,
    )
