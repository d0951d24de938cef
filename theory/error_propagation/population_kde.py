r"""Population kernel density, generation by generation, for any schedule.

Each generation blurs its data by :math:`h_i` and diffuses the result to noise time
:math:`t_{0,i}` (0: samples are reused at the level they have; > 0: "re-noise"). The
part of the data that has been through the last k generations is
:math:`m_k X + \sqrt{b_k}\,\xi`, X ~ p, whatever p is.
"""

from dataclasses import dataclass

import jax
import jax.numpy as jnp
from jaxtyping import Array, ArrayLike, Float, Num

from theory.error_propagation.ages import age_weights
from theory.error_propagation.linear_recursion import unroll
from theory.error_propagation.schedules import per_generation
from theory.mixtures import GaussianMixture
from theory.validation import require_in, require_positive

__all__ = ["AgeMixture", "KdeMoments", "age_mixture", "kde_law", "kde_moments"]

Scalar = Num[ArrayLike, ""]
History = Num[ArrayLike, " n"]


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class AgeMixture:
    """The law p_hat^n by age 1 ... n, youngest first; (1, 1, 0) for n = 0."""

    weights: Float[Array, "*batch ages"]
    mean_factors: Float[Array, "*batch ages"]
    """m_k."""
    noise: Float[Array, "*batch ages"]
    """b_k, variance per coordinate of what was added."""

    def variances(self, sigma2: Scalar) -> Float[Array, " ages"]:
        r"""Variance :math:`m_k^2\sigma^2 + b_k` by age, for a mode of sigma2."""
        return self.mean_factors**2 * sigma2 + self.noise


def age_mixture(
    alpha: Scalar | History,
    h2: Scalar | History,
    t0: Scalar | History,
    generations: int,
) -> AgeMixture:
    r"""Weights, mean factors and added variances of p_hat^n by age.

    One generation takes (m, b) to

    .. math:: (e^{-t_0/2}\,m,\ \ e^{-t_0}(b+h^2) + 1-e^{-t_0}),

    so, with :math:`\kappa_l = e^{-t_{0,n-l}}`, :math:`m_k^2 = \prod_{l\le k}\kappa_l`
    and :math:`b_k = \sum_{l\le k} m_{l-1}^2\,(\kappa_l h_{n-l}^2 + 1-\kappa_l)`.

    Args:
        alpha: fresh fraction in [0, 1], scalar or (n,).
        h2: squared bandwidth, >= 0, scalar or (n,).
        t0: early-stopping time, >= 0, scalar or (n,).
        generations: n >= 0.
    """
    weights = age_weights(alpha, generations)
    if generations == 0:
        one = jnp.ones((1,), dtype=jnp.float64)
        return AgeMixture(weights, one, jnp.zeros_like(one))
    keep = jnp.exp(-per_generation("t0", t0, generations))[
        ::-1
    ]  # last generation first
    added = keep * per_generation("h2", h2, generations)[::-1] + (1.0 - keep)
    kept = jnp.cumprod(keep)
    since = jnp.concatenate([jnp.ones((1,), dtype=jnp.float64), kept[:-1]])
    return AgeMixture(weights, jnp.sqrt(kept), jnp.cumsum(since * added))


def kde_law(
    p: GaussianMixture,
    alpha: Scalar | History,
    h2: Scalar | History,
    t0: Scalar | History,
    generations: int,
) -> GaussianMixture:
    """The exact law p_hat^n of a Gaussian mixture p: (ages x components) parts."""
    ages = age_mixture(alpha, h2, t0, generations)
    m = ages.mean_factors[:, None, None]
    m2, noise = m[..., None] ** 2, ages.noise[:, None, None, None]
    eye = jnp.eye(p.dim, dtype=jnp.float64)[None, None]
    covariances = m2 * p.covariances[None] + noise * eye
    return GaussianMixture(
        weights=(ages.weights[:, None] * p.weights[None, :]).reshape(-1),
        means=(m * p.means[None]).reshape(-1, p.dim),
        covariances=covariances.reshape(-1, p.dim, p.dim),
    )


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class KdeMoments:
    """Moments of p_hat^0 ... p_hat^n, averaged over ages."""

    mode_variance: Float[Array, "*batch n_plus_1"]
    mean_factor: Float[Array, "*batch n_plus_1"]
    second_moment: Float[Array, "*batch n_plus_1"]
    """E|X|^2."""
    relative_drift: Float[Array, "*batch n_plus_1"]
    """Second moment relative to that of p, minus 1."""


def kde_moments(
    alpha: Scalar | History,
    sigma2: Scalar,
    h2: Scalar | History,
    t0: Scalar | History,
    mean_square: Scalar,
    dim: int,
    generations: int,
) -> KdeMoments:
    """Moments along the loop for a mixture with modes of equal variance.

    The statements `kde_variance`, `kde_variance_renoised`, `kde_mean_factor` and
    `kde_relative_drift` are their closed forms for constant alpha, h and t0.

    Args:
        alpha: fresh fraction in [0, 1], scalar or (n,).
        sigma2: variance per coordinate of a mode of p, > 0.
        h2: squared bandwidth, >= 0, scalar or (n,).
        t0: early-stopping time, >= 0, scalar or (n,).
        mean_square: mean over the components of |mean|^2 (p centred or not), >= 0.
        dim: dimension d.
        generations: n >= 0.
    """
    require_positive("sigma2", sigma2)
    require_positive("dim", dim)
    require_in("mean_square", mean_square, 0.0, float("inf"))
    alpha = per_generation("alpha", alpha, generations, 0.0, 1.0)
    h2 = per_generation("h2", h2, generations)
    keep = jnp.exp(-per_generation("t0", t0, generations))
    rho, one = 1.0 - alpha, jnp.ones((), dtype=jnp.float64)
    # Generation 0 learns from p: its alpha is immaterial because the start is p itself.
    variance = unroll(
        keep * rho, keep * (alpha * sigma2 + h2) + (1.0 - keep), one * sigma2
    )
    mean_factor = unroll(jnp.sqrt(keep) * rho, jnp.sqrt(keep) * alpha, one)
    mean_square_factor = unroll(keep * rho, keep * alpha, one)
    second_moment = mean_square_factor * mean_square + dim * variance
    baseline = mean_square + dim * sigma2
    return KdeMoments(
        variance, mean_factor, second_moment, second_moment / baseline - 1.0
    )
