r"""Bandwidths: for one sample, for a loop, and from the data (derived).

A bandwidth chosen for one sample is too wide in a loop: biases of successive stages add up,
noises only in quadrature. With A the stage weights and

.. math:: S=\sum_sA_s,\qquad V=\sum_s\frac{A_s^2}{\sqrt{i-s+1}}

the AMISE bandwidth gives :math:`(S^2+4V)/5` times the error of one model; the loop's best one,
:math:`h_{AMISE}(V/S^2)^{1/5}`, gives :math:`(S^2V^4)^{1/5}` times (latest model only, equal stages,
to leading order).
"""

from dataclasses import dataclass

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float
from scipy.optimize import minimize_scalar

from theory.mixing import Schedule
from theory.mixtures import GaussianMixture
from theory.self_consuming.kernel_density.grid import fitted_grid
from theory.self_consuming.kernel_density.loop import only_latest
from theory.self_consuming.kernel_density.mise import iid_mise, latest_mise
from theory.self_consuming.kernel_density.total_variation import absolute_integral
from theory.self_consuming.weights import stage_weights
from theory.validation import require, require_positive

__all__ = [
    "GAUSSIAN_REFERENCE",
    "ROUNDED_REFERENCE",
    "LoopBandwidth",
    "LoopFactors",
    "amise_bandwidth",
    "data_driven_moments",
    "kernel_rate",
    "loop_factors",
    "loop_optimal",
    "one_step_error",
    "roughness",
]

GAUSSIAN_REFERENCE = (4.0 / 3.0) ** 0.2
r"""AMISE constant of a normal law in d = 1, :math:`h = (4/3)^{1/5}\sigma N^{-1/5}`."""
ROUNDED_REFERENCE = 1.06
"""The same as printed in textbooks, after Silverman 1986."""
KERNEL_ROUGHNESS = 0.5 / np.sqrt(np.pi)
r""":math:`R(K)=\int K^2` of the Gaussian kernel."""


def kernel_rate(dim: int) -> float:
    """Exponent r = 2/(4 + d) of the one-step total variation, second-order kernel."""
    require(dim >= 1, "dim", ">= 1", dim)
    return 2.0 / (4.0 + dim)


def roughness(real: GaussianMixture) -> Float[Array, ""]:
    r""":math:`\int (p'')^2` of a 1-D mixture, in closed form.

    The sum over pairs of :math:`w_kw_l\,\phi^{(4)}(\mu_k-\mu_l)`, the normal density of
    variance :math:`\sigma_k^2+\sigma_l^2` differentiated four times.
    """
    variance = real.covariances[:, 0, 0]
    s2 = variance[:, None] + variance[None, :]
    z2 = (real.means - real.means.T) ** 2 / s2
    pair = jnp.exp(-0.5 * z2) * (z2**2 - 6.0 * z2 + 3.0)
    pair = pair / (jnp.sqrt(2.0 * jnp.pi * s2) * s2**2)
    return real.weights @ pair @ real.weights


def amise_bandwidth(real: GaussianMixture, size) -> Array:
    r""":math:`(R(K)/(N\int p''^2))^{1/5}`: the best for one sample, to leading order."""
    require_positive("size", size)
    N = jnp.asarray(size, jnp.float64)
    return (KERNEL_ROUGHNESS / (N * roughness(real))) ** 0.2


def one_step_error(law: GaussianMixture, bandwidth, size) -> tuple[Array, Array]:
    r"""Bias and noise part of the bound on the one-step total variation, to leading order.

    .. math:: E\,\varepsilon \le \tfrac12\Big[\tfrac{h^2}2\int|p''|
        + \sqrt{\tfrac{R(K)}{Nh}}\int\sqrt p\Big]

    Args:
        law: what the stage is trained on, d = 1.
        bandwidth: h > 0.
        size: N > 0.
    """
    require_positive("bandwidth", bandwidth)
    require_positive("size", size)
    variance = np.asarray(law.covariances).ravel()
    # the root of a density is wider by sqrt(2)
    grid = fitted_grid(law, float(np.sqrt(variance.min())) / 8.0, float(variance.max()))
    w, p = grid.frequencies, grid.law(law)
    first, second, third = (grid.values((1j * w) ** k * p) for k in (1, 2, 3))
    curvature = absolute_integral(first, second, third, grid.step)
    spread = grid.step * jnp.sum(jnp.exp(0.5 * law.log_density(grid.x[:, None])))
    noise = jnp.sqrt(KERNEL_ROUGHNESS / (size * bandwidth)) * spread
    return 0.25 * bandwidth**2 * curvature, 0.5 * noise


@dataclass(frozen=True)
class LoopFactors:
    """Leading-order factors of the last model, relative to one sample at its AMISE bandwidth."""

    bandwidth: float
    """best bandwidth"""
    mise: float
    """error with it"""
    mise_amise: float
    """error with the AMISE bandwidth"""


def loop_factors(schedule: Schedule) -> LoopFactors:
    """Leading-order factors, schedules of the latest model alone with equal stages."""
    require(only_latest(schedule), "schedule", "of the latest model alone", "others")
    n = np.asarray(schedule.sizes)
    require(bool(np.ptp(n) == 0), "sizes", "equal", n)
    A = np.asarray(stage_weights(schedule))
    S, V = A.sum(), np.sum(A**2 / np.sqrt(np.arange(len(A), 0, -1.0)))
    return LoopFactors(
        float((V / S**2) ** 0.2),
        float((S**2 * V**4) ** 0.2),
        float((S**2 + 4.0 * V) / 5.0),
    )


@dataclass(frozen=True)
class LoopBandwidth:
    """The AMISE bandwidth of every stage times the factor that is best for the last model."""

    factor: float
    bandwidths: Float[Array, " stages"]
    mise: float
    """exact error of the last model with them"""
    mise_amise: float
    """and with factor 1"""


def loop_optimal(
    schedule: Schedule, real: GaussianMixture, lowest: float = 0.1, highest: float = 3.0
) -> LoopBandwidth:
    """Minimise the exact error of the last model over one common factor, independent draws.

    Args:
        schedule: mixing schedule.
        real: the real law, d = 1.
        lowest: smallest factor tried, > 0.
        highest: largest factor tried, > 1.

    Raises:
        InputError: if the best factor lies at an end of the range.
    """
    require_positive("lowest", lowest)
    require(highest > max(1.0, lowest), "highest", "> 1 and > lowest", highest)
    amise = amise_bandwidth(real, schedule.sizes)
    most = max(1.0, highest)
    grid = fitted_grid(
        real,
        float(min(1.0, lowest) * jnp.min(amise)),
        float(most**2 * jnp.sum(amise**2)),
    )
    path = latest_mise if only_latest(schedule) else iid_mise
    error = jax.jit(lambda factor: path(schedule, factor * amise, real, grid).total[-1])
    tried = np.linspace(np.log(lowest), np.log(highest), 25)
    best = int(np.argmin([float(error(np.exp(t))) for t in tried]))
    inside = 0 < best < len(tried) - 1
    require(inside, "best factor", "inside the range", float(np.exp(tried[best])))
    found = minimize_scalar(
        lambda t: float(error(np.exp(t))),
        bounds=(tried[best - 1], tried[best + 1]),
        method="bounded",
        options={"xatol": 1e-9},
    )
    factor = float(np.exp(found.x))
    return LoopBandwidth(factor, factor * amise, float(found.fun), float(error(1.0)))


def data_driven_moments(
    schedule: Schedule, constant: float = ROUNDED_REFERENCE, variance: float = 1.0
) -> tuple[Float[Array, " stages"], Float[Array, " stages"]]:
    r"""Bandwidths from the sample, :math:`h=cN^{-1/5}s`: E variance and E mean^2 of the models.

    s^2 the unbiased sample variance, independent draws, the latest model alone; exact:

    .. math:: V_p=\alpha\sigma_0^2+\beta V+\alpha\beta e,\quad
        V'=V_p\big(\tfrac{N-1}N+c^2N^{-2/5}\big),\quad e'=\beta^2e+V_p/N .

    Fully synthetic, the variance grows exponentially in the generation.

    Raises:
        InputError: if the schedule uses older models, or the constant is not positive.
    """
    require(only_latest(schedule), "schedule", "of the latest model alone", "others")
    require_positive("constant", constant)
    beta = jnp.concatenate([jnp.zeros((1,)), jnp.diagonal(schedule.beta, -1)])

    def stage(carry, part):
        V, e = carry
        a, b, N = part
        V_p = a * variance + b * V + a * b * e
        now = (V_p * ((N - 1.0) / N + constant**2 * N**-0.4), b**2 * e + V_p / N)
        return now, now

    start = (jnp.zeros(()), jnp.zeros(()))
    return jax.lax.scan(stage, start, (schedule.alpha, beta, schedule.sizes))[1]
