r"""Learners that multiply a mode by a factor: contraction in a loop, exact (Sec. 6.4, eq. 10).

If every stage returns the mode of its data's law times :math:`s = 1-\ell`, the mean of
model G has :math:`1-\delta_G` of the true mode, for any protocol. Real data and the latest model,

.. math:: \delta_G = \frac{\ell\,(1-(s\beta)^G)}{1-s\beta}\quad\longrightarrow\quad
    \ell\,\frac{1-\beta^G}{1-\beta}\ (\ell\ll1-\beta),\qquad
    \frac{\ell}{1-s\beta} < 1\ (G\to\infty) .

The first limit is the coherent sum of the bound; the second is why a heavily regularised
learner shows little rise. All functions take the loss, 1 - s, which stays exact near s = 1.
"""

from typing import Any

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float
from scipy.optimize import brentq

from theory.mixing import Schedule
from theory.self_consuming.phase_transition import threshold_v1
from theory.self_consuming.statements import pseudo_count_loss
from theory.self_consuming.weights import accumulated_bound
from theory.validation import require_in, require_positive

__all__ = [
    "contraction",
    "gradient_flow_loss",
    "kde_loss",
    "minimax_bias",
    "minimax_threshold",
    "mode_contraction",
    "pseudo_count",
    "ridge_loss",
    "saturation",
    "weak_filter",
]

Values = Float[Array, "*n"] | float


def kde_loss(bandwidth: Values, frequency: Values) -> Array:
    r"""Gaussian kernel: :math:`1-e^{-h^2\omega^2/2}`."""
    u = jnp.asarray(bandwidth, jnp.float64) * frequency
    return -jnp.expm1(-0.5 * u**2)


def gradient_flow_loss(eigenvalue: Values, time: Values) -> Array:
    r"""Gradient flow from zero: :math:`e^{-\lambda\tau}` is not yet learned."""
    return jnp.exp(-jnp.asarray(eigenvalue, jnp.float64) * time)


def ridge_loss(eigenvalue: Values, ridge: Values) -> Array:
    r"""Ridge regression: :math:`\rho/(\lambda+\rho)`, rho > 0."""
    return jnp.asarray(ridge, jnp.float64) / (eigenvalue + ridge)


def pseudo_count(size: Values, categories: int, pseudo: Values) -> Array:
    r"""Pseudo-counts pull towards the uniform law: :math:`K\kappa/(N+K\kappa)`."""
    added = categories * jnp.asarray(pseudo, jnp.float64)
    return added / (size + added)


def _decay(loss: Values, beta: Values) -> tuple[Array, Array]:
    r"""The loss and :math:`1-s\beta = (1-\beta)+\beta\ell`, without cancellation at s = 1."""
    loss, beta = jnp.asarray(loss, jnp.float64), jnp.asarray(beta, jnp.float64)
    return loss, (1.0 - beta) + beta * loss


def contraction(loss: Values, beta: Values, models: Values) -> Array:
    r""":math:`\delta_G` of eq. (10), in [0, 1].

    Args:
        loss: 1 - s of a stage, in [0, 1].
        beta: synthetic fraction, in [0, 1].
        models: G >= 1.
    """
    for name, value in (("loss", loss), ("beta", beta)):
        require_in(name, value, 0.0, 1.0)
    loss, decay = _decay(loss, beta)
    moving = decay > 0
    decay = jnp.where(moving, decay, 1.0)
    gone = -jnp.expm1(jnp.asarray(models, jnp.float64) * jnp.log1p(-decay))
    return jnp.where(moving, loss / decay * gone, 0.0)


def saturation(loss: Values, beta: Values) -> Array:
    r""":math:`\delta_\infty = \ell/(1-s\beta)`; 0 where nothing is lost."""
    loss, decay = _decay(loss, beta)
    return jnp.where(decay > 0, loss / jnp.where(decay > 0, decay, 1.0), 0.0)


def weak_filter(loss: Values, beta: Values, models: Values) -> Array:
    r""":math:`\ell(1-\beta^G)/(1-\beta)`: the bound's shape; at beta = 1 it is :math:`G\ell`."""
    beta = jnp.asarray(beta, jnp.float64)
    inside = jnp.where(beta < 1, beta, 0.5)
    length = -jnp.expm1(models * jnp.log(inside)) / (1.0 - inside)
    return loss * jnp.where(beta < 1, length, models)


def mode_contraction(schedule: Schedule, loss: Values) -> Float[Array, " models"]:
    r""":math:`\delta` of every model for any schedule and any loss of each stage.

    .. math:: \delta_{s+1} = \ell_s + (1-\ell_s)\sum_j\beta_s^j\,\delta_j

    Args:
        schedule: S stages.
        loss: in [0, 1], a number or (S,).
    """
    require_in("loss", loss, 0.0, 1.0)
    loss = jnp.broadcast_to(jnp.asarray(loss, jnp.float64), (schedule.stages,))
    kept = Schedule(
        schedule.alpha, (1.0 - loss)[:, None] * schedule.beta, schedule.sizes
    )
    return accumulated_bound(kept, loss)


def minimax_bias(p, n: float, lam: Values, models: int) -> Array:
    r"""TV(E p_hat, p) of the minimax binomial estimator, N = n (1 + lambda) in every stage.

    :math:`\delta_G\,TV(u, p)` with :math:`\ell = 1/(1+\sqrt N)`, exact, any number of categories.

    Args:
        p: (K,) probabilities.
        n: real points > 0.
        lam: m/n >= 0.
        models: G >= 1.
    """
    require_positive("n", n)
    require_in("lam", lam, 0.0, np.finfo(float).max)
    p, lam = jnp.asarray(p, jnp.float64), jnp.asarray(lam, jnp.float64)
    loss = pseudo_count_loss(n * (1.0 + lam))
    delta = contraction(loss, lam / (1.0 + lam), models)
    return delta * 0.5 * jnp.sum(jnp.abs(p - 1.0 / p.shape[-1]))


def minimax_threshold(n: float, models: int) -> float:
    r"""Where `minimax_bias` peaks: above the bound's threshold at r = 1/2, to it as n grows.

    In log lambda the bias rises from lambda = 0 (slope s/2) and falls in the end.

    Args:
        n: real points > 0.
        models: G >= 2.
    """
    require_positive("n", n)
    high = np.log(threshold_v1(models, 0.5))

    def slope(log_lam: float) -> float:
        lam = jnp.exp(log_lam + jnp.array([1e-4, -1e-4]))
        up, down = np.log(minimax_bias((1.0, 0.0), n, lam, models))
        return float(up - down)

    while slope(high) > 0:
        high += 0.5
    root: Any = brentq(slope, -5.0, high, xtol=1e-12)
    return float(np.exp(root))
