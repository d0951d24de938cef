r"""How well a trained denoiser denoises: :math:`E|f(x)-x_1|^2`.

The risk splits into a bulk, proportional to d, and a part of order one that holds what
the units have learned (derived, Sec. 2.4 of the specification):

.. math:: E|f-x_1|^2 = d\sum_{c,s}\pi_c\varphi_s E^{ee}_{cs} + R + o(1) .
"""

import jax.numpy as jnp
from jaxtyping import Array, Float

from theory.autoencoder import statements
from theory.autoencoder.averages import fields
from theory.autoencoder.learning import error_moments, quadrature
from theory.denoiser import Overlaps, Training, training
from theory.structured import StructuredMixture, structured_mixture
from theory.validation import require_positive

__all__ = ["bayes_fixed_point", "excess_risk", "mse_per_dim"]


def mse_per_dim(
    data: StructuredMixture, training: Training, at: Overlaps
) -> Float[Array, ""]:
    r"""Bulk of the loss per coordinate, :math:`\sum_{c,s}\pi_c\varphi_s E^{ee}_{cs}`.

    Several levels enter with their weights, as in the loss.
    """
    b = jnp.broadcast_to(at.b, training.alpha.shape)
    total = jnp.zeros((), jnp.float64)
    for level in range(training.alpha.shape[-1]):
        alpha, beta = training.alpha[level], training.beta[level]
        for family in data.families:
            ee = error_moments(family.variances, alpha, beta, b[level]).ee
            share = training.level_weights[level] * jnp.sum(family.weights)
            total += share * jnp.sum(data.masses * ee)
    return total


def excess_risk(
    data: StructuredMixture, training: Training, at: Overlaps, nodes
) -> Float[Array, ""]:
    r"""The part of order one, weighted over levels.

    .. math:: R = \sum_c\pi_c\Big\{(1-b\beta)^2|\mu_c|^2
        - 2\sum_\gamma E_c[\sigma_\gamma(\lambda^1_\gamma-b\omega_\gamma)]
        + \sum_{\gamma\delta}Q_{\gamma\delta}E_c[\sigma_\gamma\sigma_\delta]\Big\}

    By Stein's lemma the second mean is
    :math:`(1-b\beta)M_cE_c[\sigma] + (\beta Q^c-b\,\Omega)_{\gamma\gamma}E_c[\sigma'_\gamma]`.

    Args:
        data: what is learned.
        training: noise levels and activation.
        at: the overlaps.
        nodes: rule of averaging, see `theory.autoencoder.learning.quadrature`.
    """
    b = jnp.broadcast_to(at.b, training.alpha.shape)
    total = jnp.zeros((), jnp.float64)
    for level in range(training.alpha.shape[-1]):
        alpha, beta = training.alpha[level], training.beta[level]
        kept = 1.0 - b[level] * beta
        for family, rule in zip(data.families, quadrature(data, nodes), strict=True):
            f = fields(family, at.q, at.M, alpha, beta, b[level])
            a = rule(family, f, training.activation)
            lengths = jnp.einsum(
                "lj,jk,lk->l", family.latents, data.total_gram, family.latents
            )
            response = jnp.diagonal(beta * f.Qc - b[level] * f.Omega)
            aligned = kept * jnp.sum(at.M * a.Y_act) + jnp.sum(response * a.slope)
            own = jnp.sum(f.Q * a.act_act)
            risk = kept**2 * jnp.sum(family.weights * lengths) - 2.0 * aligned + own
            total += training.level_weights[level] * risk
    return total


def bayes_fixed_point(
    mu_norm: float, variance: float
) -> tuple[StructuredMixture, Training, Overlaps]:
    r"""The one setting where a tied network of one unit is the exact posterior mean.

    Two modes at :math:`\pm\mu` of equal weight, one tanh unit, linear path at
    :math:`\alpha^2=\beta`, no decay and a vanishing learning rate: training rests there.

    Args:
        mu_norm: length of mu > 0.
        variance: of each mode > 0.

    Returns:
        The data, the protocol, and the overlaps of the exact denoiser.
    """
    require_positive("mu_norm", mu_norm)
    require_positive("variance", variance)
    alpha = float(statements.bayes_noise())
    beta = 1.0 - alpha
    data = structured_mixture([0.5, 0.5], [[mu_norm], [-mu_norm]], variance)
    c = statements.bayes_weight(alpha, beta, variance)
    projections = mu_norm**2 * c * jnp.array([1.0, -1.0], jnp.float64)
    at = Overlaps(
        m=projections[None, :, None],
        q=jnp.full((1, 1, 1), (c * mu_norm) ** 2, jnp.float64),
        b=jnp.full((1,), statements.bayes_skip(alpha, beta, variance), jnp.float64),
    )
    return data, training(alpha, beta, rate=0.0, decay=0.0, activation="tanh"), at
