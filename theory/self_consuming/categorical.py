r"""Categorical learners in a self-consuming loop, exactly (derived, Sec. 6.3).

A stage draws N iid points of :math:`q = \alpha p + \beta\hat p` (real data and the latest
model) and estimates :math:`\hat p = (k+\kappa)/(N+K\kappa)`. Each of the K categories is then a
Wright-Fisher chain of its own on the counts k,

.. math:: T_{kl} = \mathrm{Binom}(l;\ N,\ \alpha p + \beta\,\hat p(k)),\qquad
    k_1\sim\mathrm{Binom}(N_0, p),

and :math:`E\,TV = \tfrac12\sum_a E|\hat p_a-p_a|` needs no approximation.
"""

from dataclasses import dataclass
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
from jax.scipy.special import gammaln, xlog1py, xlogy
from jaxtyping import Array, Float

from theory.mixing import Schedule
from theory.self_consuming.statements import categorical_variance, folded_normal
from theory.validation import require, require_in

__all__ = [
    "CategoryLaw",
    "category_law",
    "category_moments",
    "expected_tv",
    "fixed_fraction_variance",
    "latest_shares",
    "small_noise_deviation",
]

BLOCK = 256
"""Columns of the transition matrix held at once."""


@dataclass(frozen=True)
class CategoryLaw:
    """Exact law of one category's estimate, for every model."""

    p: float
    """true probability"""
    values: Float[np.ndarray, "models counts"]
    """estimate at each count 0..N, N the largest stage's"""
    mass: Float[np.ndarray, "models counts"]
    """probability of each count; 0 above a smaller stage's N"""

    @property
    def mean(self) -> Float[np.ndarray, " models"]:
        """Mean of the estimate."""
        return np.sum(self.mass * self.values, axis=1)

    @property
    def variance(self) -> Float[np.ndarray, " models"]:
        """Variance of the estimate."""
        return np.sum(self.mass * (self.values - self.mean[:, None]) ** 2, axis=1)

    @property
    def mean_abs_dev(self) -> Float[np.ndarray, " models"]:
        r""":math:`E|\hat p-p|`."""
        return np.sum(self.mass * np.abs(self.values - self.p), axis=1)

    @property
    def lost(self) -> Float[np.ndarray, " models"]:
        """Probability that the category was not drawn at all."""
        return self.mass[:, 0]


def category_law(p: float, schedule: Schedule, pseudo=0.0, categories: int = 2):
    r"""`CategoryLaw` of every model of a latest-only schedule.

    Vector times matrix, `BLOCK` columns at a time: memory O(N), time O(models N^2).

    Args:
        p: true probability, in [0, 1].
        schedule: each stage from real data and the latest model alone; whole sizes.
        pseudo: kappa >= 0, a number or (stages,).
        categories: K >= 2.

    Raises:
        InputError: on p outside [0, 1], another schedule, sizes that are not whole.
    """
    require_in("p", p, 0.0, 1.0)
    beta, sizes, kappa = _latest(schedule, pseudo, categories)
    whole = bool(jnp.all(sizes == jnp.round(sizes)))
    require(whole, "sizes", "whole numbers", sizes.tolist())
    counts = int(sizes.max()) + 1
    room = 1 << (counts - 1).bit_length()  # few shapes, so few compilations
    found = _chain(float(p), beta, sizes, kappa, categories, room)
    mass, values = (np.asarray(a)[:, :counts] for a in found)
    return CategoryLaw(float(p), values, mass)


def latest_shares(schedule: Schedule) -> Float[Array, " stages"]:
    """Synthetic share of each stage, where only the latest model is learned from.

    Raises:
        InputError: on another schedule.
    """
    beta = jnp.pad(jnp.diagonal(schedule.beta, -1), (1, 0))
    others = jnp.abs(jnp.sum(schedule.beta, axis=1) - beta)
    require_in("shares of models other than the latest", others, 0.0, 1e-12)
    return beta


def _latest(schedule: Schedule, pseudo, categories: int):
    """Synthetic shares, sizes and pseudo-counts, (stages,) each."""
    beta = latest_shares(schedule)
    require(categories >= 2, "categories", ">= 2", categories)
    require_in("pseudo", pseudo, 0.0, np.finfo(float).max)
    kappa = jnp.broadcast_to(jnp.asarray(pseudo, jnp.float64), beta.shape)
    return beta, schedule.sizes, kappa


@partial(jax.jit, static_argnames=("categories", "counts"))
def _chain(p, beta, sizes, kappa, categories, counts):
    """Masses and estimates (models, counts) by a scan over the stages."""
    count = jnp.arange(counts, dtype=jnp.float64)
    start = jnp.zeros_like(count).at[0].set(1.0)

    def stage(carry, at):
        mass, value = carry
        beta_s, N, kappa_s = at
        chance = (1.0 - beta_s) * p + beta_s * value
        new = _drawn(mass, jnp.clip(chance, 0.0, 1.0), N, count)
        estimate = (count + kappa_s) / (N + categories * kappa_s)
        return (new, estimate), (new, estimate)

    return jax.lax.scan(stage, (start, count), (beta, sizes, kappa))[1]


def _drawn(mass, chance, N, count):
    """Law of the next count: the mixture of Binom(N, chance_k) with weights mass_k."""
    log_choose = gammaln(N + 1.0) - gammaln(count + 1.0)
    log_choose -= gammaln(jnp.maximum(N - count, 0.0) + 1.0)

    def column(at):
        l, log_c = at
        rest = jnp.maximum(N - l, 0.0)
        log_t = log_c + xlogy(l, chance) + xlog1py(rest, -chance)
        return jnp.where(l <= N, jnp.sum(mass * jnp.exp(log_t)), 0.0)

    new = jax.lax.map(column, (count, log_choose), batch_size=min(BLOCK, len(count)))
    return new / jnp.sum(new)  # the log-Gammas round at 1e-12


def expected_tv(p: Float[Array, " K"], schedule: Schedule, pseudo=0.0) -> np.ndarray:
    r""":math:`E\,TV(\hat p_i, p)` of every model, exact, all categories.

    Args:
        p: (K,) probabilities that sum to 1.
        schedule: latest-only, see `category_law`.
        pseudo: kappa >= 0, a number or (stages,).
    """
    probabilities = np.asarray(p, dtype=np.float64)
    require(probabilities.ndim == 1, "p", "of shape (K,)", probabilities.shape)
    K, total = len(probabilities), probabilities.sum()
    require(abs(total - 1.0) <= 1e-9, "p", "summing to 1 within 1e-9", total)
    kinds, copies = np.unique(probabilities, return_counts=True)
    laws = [category_law(kind, schedule, pseudo, K) for kind in kinds]
    total_deviation = np.zeros((schedule.stages,))
    for copy, law in zip(copies, laws, strict=True):
        total_deviation += copy * law.mean_abs_dev
    return 0.5 * total_deviation


def category_moments(p, schedule: Schedule, pseudo=0.0, categories: int = 2):
    r"""Mean and variance (models,) of the estimate by their recursion, no chain.

    With :math:`c = N/(N+K\kappa)` and :math:`\bar q = \alpha p+\beta m`,

    .. math:: m' = c\,\bar q + \frac{1-c}{K},\qquad
        v' = c^2\Big[\frac{\bar q(1-\bar q)}{N} + \Big(1-\frac1N\Big)\beta^2 v\Big] .
    """
    require_in("p", p, 0.0, 1.0)
    beta, sizes, kappa = _latest(schedule, pseudo, categories)

    def stage(carry, at):
        m, v = carry
        b, N, k = at
        c = N / (N + categories * k)
        q = (1.0 - b) * p + b * m
        m_next = c * q + categories * k / (N + categories * k) / categories
        v_next = c**2 * (q * (1.0 - q) / N + (1.0 - 1.0 / N) * b**2 * v)
        return (m_next, v_next), (m_next, v_next)

    start = jnp.asarray(p, jnp.float64), jnp.zeros((), jnp.float64)
    return jax.lax.scan(stage, start, (beta, sizes, kappa))[1]


def fixed_fraction_variance(p, alpha, size, models: int) -> Float[Array, " models"]:
    r"""Variance of models 1..G at constant N and real fraction, empirical frequencies."""
    require_in("p", p, 0.0, 1.0)
    require_in("alpha", alpha, 0.0, 1.0)
    i = jnp.arange(1, models + 1, dtype=jnp.float64)
    return categorical_variance(p, 1.0 - alpha, size, i)


def small_noise_deviation(bias, variance) -> Array:
    r""":math:`E|\hat p-p|` if the estimate were Gaussian; :math:`\sqrt{2v/\pi}` at no bias.

    Args:
        bias: mean of the estimate minus p.
        variance: > 0.
    """
    return folded_normal(jnp.asarray(bias, jnp.float64), variance)
