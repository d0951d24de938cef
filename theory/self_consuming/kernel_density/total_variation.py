r"""Total variation and squared error of a random density from its mean and variance.

With :math:`b=E\hat p-p_0` and v the pointwise variance (derived):

.. math:: \tfrac12\int|b| \ \le\ E\,TV(\hat p,p_0)\ \le\ \tfrac12\int\sqrt{b^2+v},\qquad
    E\,TV \approx \tfrac12\int E|N(b,v)|,\quad E|N(b,v)|=\sqrt{2v/\pi}\,e^{-b^2/2v}
      + b\,(1-2\Phi(-b/\sqrt v)) .

The bounds are Jensen's, for any law of the fluctuation; the prediction takes it as Gaussian at
each point and was seen 0-3 % high for 100 points a stage and more, up to 5 % high at 50.
"""

from dataclasses import dataclass

import jax
import jax.numpy as jnp
from jax.scipy.special import erf
from jaxtyping import Array, Float

from theory.mixtures import GaussianMixture
from theory.self_consuming.kernel_density.grid import Grid

__all__ = [
    "TvPrediction",
    "absolute_integral",
    "integrated_squared_error",
    "mean_absolute_normal",
    "predicted_tv",
]

REFINED = 8
"""Finer steps per step of the grid where densities nearly cross, by interpolation."""
ROUNDING = 1e-15
"""Variances below this share of the largest are rounding, and taken as 0."""


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class TvPrediction:
    """Expected total variation from the real law: bracketed, and predicted."""

    lower: Float[Array, "*n"]
    """Total variation of the mean density."""
    prediction: Float[Array, "*n"]
    upper: Float[Array, "*n"]


def mean_absolute_normal(b: Float[Array, "*n"], v: Float[Array, "*n"]) -> Array:
    """E|N(b, v)|, v >= 0; |b| where v = 0."""
    s = jnp.sqrt(v)
    t = b / jnp.where(s > 0, s, 1.0)
    smeared = s * jnp.sqrt(2.0 / jnp.pi) * jnp.exp(-0.5 * t**2)
    return jnp.where(s > 0, smeared + b * erf(t / jnp.sqrt(2.0)), jnp.abs(b))


def predicted_tv(
    mean: Float[Array, "*n p"],
    variance: Float[Array, "*n p"],
    real: GaussianMixture,
    grid: Grid,
) -> TvPrediction:
    r"""The three numbers, one for each row of `mean` and `variance`.

    Tables are interpolated by their transforms to 1/8 of the step. The lower one sums the
    changes of :math:`\int b` between the zeros of b; the others are sums over the grid,
    exact while :math:`\sqrt v/|b'|` at a crossing is wider than the finer step.

    Args:
        mean: mean density at the points of the grid.
        variance: its pointwise variance.
        real: the real law.
        grid: where both are tabulated.
    """
    row = lambda m, v: _predicted(m, v, grid.law(real), grid)
    return TvPrediction(
        *jnp.vectorize(row, signature="(p),(p)->(),(),()")(mean, variance)
    )


@jax.jit
def _predicted(mean, variance, p0, grid: Grid) -> tuple[Array, Array, Array]:
    w = grid.frequencies
    gap = grid.transform(mean) - p0
    fine = lambda f: jnp.fft.irfft(f, REFINED * grid.points) * (REFINED / grid.step)
    b, v = fine(gap), fine(grid.transform(variance))
    v = jnp.where(v > ROUNDING * jnp.max(v), v, 0.0)
    total = lambda f: 0.5 * grid.step / REFINED * jnp.sum(f)
    whole = fine(jnp.where(w > 0, gap / (1j * jnp.where(w > 0, w, 1.0)), 0.0))
    area = absolute_integral(whole, b, fine(1j * w * gap), grid.step / REFINED)
    return 0.5 * area, total(mean_absolute_normal(b, v)), total(jnp.sqrt(b**2 + v))


def integrated_squared_error(
    mean: Float[Array, "*n p"],
    variance: Float[Array, "*n p"],
    real: GaussianMixture,
    grid: Grid,
) -> Float[Array, "*n"]:
    r"""Exact mean integrated squared error :math:`\int b^2+v`, one for each row."""
    p0 = grid.values(grid.law(real))
    row = lambda m, v: grid.step * jnp.sum((m - p0) ** 2 + v)
    return jnp.vectorize(row, signature="(p),(p)->()")(mean, variance)


def absolute_integral(
    B: Float[Array, "*n p"],
    b: Float[Array, "*n p"],
    slope: Float[Array, "*n p"],
    step: float,
) -> Float[Array, "*n"]:
    r""":math:`\int|b|` over one period from B, B' = b and b', cells split at zeros of b.

    The sum of the changes of B between zeros of b; within a cell b is Hermite's cubic.
    """
    after = lambda f: jnp.roll(f, -1, axis=-1)
    b0, b1 = b, after(b)
    crosses = b0 * b1 < 0
    t = jnp.where(crosses, b0 / jnp.where(crosses, b0 - b1, 1.0), 0.5)
    for _ in range(3):  # Newton's steps on the cubic through values and slopes
        value, rate = _cubic(t, b0, b1, step * slope, step * after(slope))
        t = jnp.clip(t - value / jnp.where(rate == 0, 1.0, rate), 0.0, 1.0)
    # B from the left end: the integral of that cubic
    gain = _integral(t, b0, b1, step * slope, step * after(slope)) * step
    there = B + gain
    split = jnp.abs(gain) + jnp.abs(after(B) - there)
    return jnp.sum(jnp.where(crosses, split, jnp.abs(after(B) - B)), axis=-1)


def _cubic(t, b0, b1, d0, d1) -> tuple[Array, Array]:
    """Hermite's cubic on [0, 1] and its derivative."""
    c2 = 3.0 * (b1 - b0) - 2.0 * d0 - d1
    c3 = 2.0 * (b0 - b1) + d0 + d1
    return b0 + t * (d0 + t * (c2 + t * c3)), d0 + t * (2.0 * c2 + 3.0 * t * c3)


def _integral(t, b0, b1, d0, d1) -> Array:
    """Integral of Hermite's cubic from 0 to t."""
    c2 = 3.0 * (b1 - b0) - 2.0 * d0 - d1
    c3 = 2.0 * (b0 - b1) + d0 + d1
    return t * (b0 + t * (d0 / 2.0 + t * (c2 / 3.0 + t * c3 / 4.0)))
