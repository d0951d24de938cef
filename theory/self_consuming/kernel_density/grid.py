r"""The periodic grid on which the laws of a kernel loop are tabulated.

Laws are held by their transform :math:`\hat f(\omega)=\int f(x)e^{-i\omega(x-x_0)}dx` at
:math:`\omega_k = 2\pi k/L`, k = 0 ... p/2; there, smoothing by a Gaussian of variance H is
multiplication by :math:`e^{-H\omega^2/2}`. For Gaussian mixtures sums over the grid are
integrals up to the tails beyond it and the frequencies beyond :math:`\pi/\Delta`.
"""

from dataclasses import dataclass, field

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Complex, Float

from theory.mixtures import GaussianMixture
from theory.self_consuming.kernel_density.protocols import per_stage
from theory.validation import require, require_in, require_positive

__all__ = ["Grid", "fitted_grid", "loop_grid"]

REACH = 9.0
"""Standard deviations covered beyond each mean: fluctuations fall off like the root of a
density, and are below 2e-9 of their largest there."""
PER_BANDWIDTH = 6.0
"""Points per bandwidth: products of two models stay below the highest frequency."""
PER_DEVIATION = 4.0
"""Points per standard deviation of the narrowest component of the real law."""


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class Grid:
    """p points from `low` on, a multiple of 4; build with `loop_grid` or `fitted_grid`."""

    low: Float[Array, ""]
    step: Float[Array, ""]
    points: int = field(metadata={"static": True})

    @property
    def x(self) -> Float[Array, " p"]:
        """The points."""
        return self.low + self.step * jnp.arange(self.points)

    @property
    def length(self) -> Float[Array, ""]:
        """One period L."""
        return self.step * self.points

    @property
    def frequencies(self) -> Float[Array, " half"]:
        r""":math:`\omega_k`, k = 0 ... p/2."""
        return 2.0 * jnp.pi / self.length * jnp.arange(self.points // 2 + 1)

    def transform(self, values: Float[Array, "*b p"]) -> Complex[Array, "*b half"]:
        """Transform of tabulated values."""
        return self.step * jnp.fft.rfft(values)

    def values(self, transform: Complex[Array, "*b half"]) -> Float[Array, "*b p"]:
        """Values at the points of a law given by its transform."""
        return jnp.fft.irfft(transform, self.points) / self.step

    def law(self, mixture: GaussianMixture) -> Complex[Array, " half"]:
        """Transform of a 1-D Gaussian mixture, exact."""
        w = self.frequencies[:, None]
        mean, variance = mixture.means[:, 0][None], mixture.covariances[:, 0, 0][None]
        parts = jnp.exp(-1j * w * (mean - self.low) - 0.5 * variance * w**2)
        return parts @ mixture.weights.astype(parts.dtype)


def fitted_grid(real: GaussianMixture, smallest: float, added: float) -> Grid:
    """A grid for models whose bandwidths and total smoothing are bounded.

    Args:
        real: the real law, d = 1.
        smallest: the smallest bandwidth that will be used, > 0.
        added: the largest sum of squared bandwidths along a lineage, >= 0.

    Raises:
        InputError: if d is not 1, or a bandwidth is not positive.
    """
    require(real.dim == 1, "real", "one-dimensional", f"dim = {real.dim}")
    require_positive("smallest", smallest)
    require_in("added", added, 0.0, np.finfo(float).max)
    mean, variance = np.asarray(real.means)[:, 0], np.asarray(real.covariances).ravel()
    reach = REACH * np.sqrt(variance + added)
    low, high = float(np.min(mean - reach)), float(np.max(mean + reach))
    step = min(smallest / PER_BANDWIDTH, np.sqrt(variance.min()) / PER_DEVIATION)
    points = _rounded_up((high - low) / step)
    return Grid(jnp.asarray(low), jnp.asarray((high - low) / points), points)


def _rounded_up(least: float) -> int:
    """A power of 2, or three times one: quick to transform, and few compilations.

    A multiple of 4 from 9 on; reach and step above ask for at least 72.
    """
    power = 1 << int(np.ceil(np.log2(least)))
    return 3 * power // 4 if 3 * power // 4 >= least else power


def loop_grid(real: GaussianMixture, bandwidths, stages: int) -> Grid:
    """A grid for one loop: covers a lineage that visits every stage.

    Args:
        real: the real law, d = 1.
        bandwidths: a number or (stages,), > 0.
        stages: models trained.
    """
    h = np.asarray(per_stage("bandwidths", bandwidths, stages))
    return fitted_grid(real, float(h.min()), float(np.sum(h**2)))
