r"""The deterministic sampler of Karras et al. (2022, arXiv:2206.00364, Alg. 1, no churn).

It solves the probability flow in the variance-exploding variable, :math:`y=e^{t/2}x` and
:math:`\sigma^2=e^t-1` in the loop's clock (`theory.processes.OU`),

.. math:: \frac{dy}{d\sigma} = \frac{y-D(y;\sigma)}{\sigma}, \qquad
    D(y;\sigma) = y + \sigma^2e^{-t/2}s(e^{-t/2}y,\,t),

s the learned score, from :math:`\sigma_{max}` down to 0 by Heun's second-order steps on

.. math:: \sigma_i = \Big(\sigma_{max}^{1/\rho}
    + \frac{i}{L-1}\big(\sigma_{min}^{1/\rho}-\sigma_{max}^{1/\rho}\big)\Big)^\rho,
    \qquad i = 0,\dots,L-1 ,

and one Euler step from the last of them to 0, which ends at the denoised point itself.
"""

from collections.abc import Callable
from dataclasses import dataclass

import jax
import jax.numpy as jnp
import jax.random as jr
import numpy as np
from jaxtyping import Array, Float, Float64

from theory.processes import OU
from theory.validation import require, require_positive

__all__ = ["Heun", "denoised", "heun_step"]


def heun_step(
    y: Array, sigma: Array, lower: Array, denoise: Callable[[Array, Array], Array]
) -> Array:
    """One step of Heun's method from `sigma` to `lower` > 0 (Alg. 1, lines 4 to 8)."""
    h = lower - sigma
    d = (y - denoise(y, sigma)) / sigma
    y_euler = y + h * d
    d_prime = (y_euler - denoise(y_euler, lower)) / lower
    return y + 0.5 * h * (d + d_prime)


def denoised(fitted, y: Float[Array, "n d"], sigma: Float[Array, ""]) -> Array:
    """D(y; sigma) of any fitted score; its own ``denoise`` where it has one."""
    if hasattr(fitted, "denoise"):
        return fitted.denoise(y, sigma)
    shrunk = jax.lax.rsqrt(1.0 + sigma**2)  # e^{-t/2}
    score = fitted.score(shrunk * y, jnp.log1p(sigma**2)).astype(y.dtype)
    return y + sigma**2 * shrunk * score


@dataclass(frozen=True)
class Heun:
    """Samples of the learned probability flow at noise 0."""

    levels: int = 24
    """noise levels above 0; all but the last cost two evaluations, the last one"""
    rho: float = 7.0
    """how far the levels crowd towards the smallest; 1 is uniform"""
    sigma_max: float = 20.0
    """first level"""
    sigma_min: float = 0.005
    """last level above 0"""

    def __post_init__(self) -> None:
        """Refuse impossible settings."""
        whole = isinstance(self.levels, int) and self.levels >= 2
        require(whole, "levels", "an integer >= 2", self.levels)
        for name in ("rho", "sigma_max", "sigma_min"):
            require_positive(name, getattr(self, name))
        below = self.sigma_min < self.sigma_max
        allowed = f"below sigma_max = {self.sigma_max:g}"
        require(below, "sigma_min", allowed, self.sigma_min)

    @property
    def sigmas(self) -> Float64[np.ndarray, " levels"]:
        """Noise levels, falling from `sigma_max` to `sigma_min`."""
        high, low = self.sigma_max ** (1 / self.rho), self.sigma_min ** (1 / self.rho)
        return np.linspace(high, low, self.levels) ** self.rho

    @property
    def times(self) -> Float64[np.ndarray, " levels"]:
        r"""OU times of the levels, :math:`t=\log(1+\sigma^2)`: where a score is asked for."""
        return np.log1p(self.sigmas**2)

    def domain(self, process: OU) -> OU:
        """The levels' own times."""
        return OU(T=float(self.times[0]), t0=float(self.times[-1]))

    def begin(
        self, key: Array, law, data: Array, shape: tuple[int, int], process: OU
    ) -> Float[Array, "n d"]:
        r"""Where samples start, :math:`N(0, \sigma_{max}^2I)` in float32."""
        return jnp.float32(self.sigma_max) * jr.normal(key, shape, jnp.float32)

    def sample(
        self, key: Array, fitted, start: Float[Array, "n d"], process: OU
    ) -> Float[Array, "n d"]:
        """Samples, in shape and dtype of `start`, points at `sigma_max`.

        `key` and `process` are unused: nothing is random, and the levels are their own
        times.
        """
        sigmas = jnp.asarray(self.sigmas, start.dtype)
        denoise = lambda y, sigma: denoised(fitted, y, sigma).astype(y.dtype)

        def step(y, k):
            return self._step(y, sigmas[k], sigmas[k + 1], denoise), None

        steps = jnp.arange(self.levels - 1, dtype=jnp.int32)
        y = jax.lax.scan(step, start, steps)[0]
        return denoise(y, sigmas[-1])

    def _step(self, y: Array, sigma: Array, lower: Array, denoise: Callable) -> Array:
        return heun_step(y, sigma, lower, denoise)
