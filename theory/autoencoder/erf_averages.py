r"""Gaussian averages in closed form for :math:`\sigma(u)=\mathrm{erf}(g u/\sqrt2)`.

With :math:`u = g\,\omega` the activation is :math:`\sigma = 2\Phi(u)-1` and its slope
:math:`2g\varphi(u)`, a Gaussian factor. It only *tilts* a jointly Gaussian vector x
(Sec. 3 of the specification, derived): with :math:`m, a-1` the mean and variance of u,

.. math:: E[2\varphi(u)F(x)] = \sqrt{\tfrac{2}{\pi a}}\,e^{-m^2/2a}\,\tilde E[F(x)],\qquad
    \tilde E[x] = E[x]-\mathrm{Cov}[x,u]\tfrac ma,\quad
    \widetilde{\mathrm{Cov}}[x] = \mathrm{Cov}[x]-\mathrm{Cov}[x,u]\tfrac1a\mathrm{Cov}[u,x] ;

two slopes are two tilts, one after the other. What is left are means
of products of two among linear functions and :math:`\sigma`'s: no quadrature in the r
units, and no inverse of an overlap.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.scipy.stats import norm
from jaxtyping import Array, Float

from theory.autoencoder.averages import Averages, Fields
from theory.denoiser import Activation
from theory.structured import Family
from theory.validation import InputError

__all__ = ["bivariate_normal", "in_closed_form"]

_LINE, _LINE_WEIGHTS = np.polynomial.legendre.leggauss(64)


def bivariate_normal(h, k, rho) -> Array:
    r"""Standard bivariate normal distribution function.

    .. math:: \Phi_2(h,k;\rho) = \Phi(h)\Phi(k) + \frac1{2\pi}\int_0^{\arcsin\rho}
        \exp\Big(-\frac{h^2+k^2-2hk\sin\theta}{2\cos^2\theta}\Big)d\theta

    by 64 Gauss-Legendre nodes: exact to rounding for correlations up to 0.999, to 4e-11
    at 0.9999.
    """
    end = jnp.arcsin(rho)
    theta = 0.5 * end * (1.0 + _LINE)
    exponent = (h * h + k * k - 2.0 * h * k * jnp.sin(theta)) / jnp.cos(theta) ** 2
    integral = 0.5 * end * jnp.sum(_LINE_WEIGHTS * jnp.exp(-0.5 * exponent))
    return norm.cdf(h) * norm.cdf(k) + integral / (2.0 * jnp.pi)


class _Law(NamedTuple):
    """Mass times a Gaussian law of x = (l, u): linear part of h, and scaled fields."""

    mass: Float[Array, ""]
    mean: Float[Array, " 2r"]
    cov: Float[Array, "2r 2r"]

    def tilted(self, unit: Array) -> "_Law":
        r"""Under the extra factor :math:`2\varphi(u)` of this unit."""
        at = unit + self.mean.shape[0] // 2
        m, across = self.mean[at], self.cov[:, at]
        a = 1.0 + across[at]
        weight = jnp.sqrt(2.0 / (jnp.pi * a)) * jnp.exp(-0.5 * m * m / a)
        return _Law(
            self.mass * weight,
            self.mean - across * m / a,
            self.cov - across[:, None] * across[None, :] / a,
        )


class _Moments(NamedTuple):
    r"""Means over a law of :math:`\sigma`, h and products of two, times its mass."""

    act: Float[Array, " r"]
    h: Float[Array, " r"]
    act_act: Float[Array, "r r"]
    act_h: Float[Array, "r r"]
    field_h: Float[Array, "r r"]
    h_h: Float[Array, "r r"]


def _moments(law: _Law, Q: Float[Array, "r r"]) -> _Moments:
    r"""With :math:`h = l - Q\sigma(u)`; linear against sigma by Stein's lemma."""
    r = Q.shape[0]
    mean, cov = law.mean, law.cov
    scale = jnp.sqrt(1.0 + jnp.diagonal(cov)[r:])
    place = mean[r:] / scale
    act = 2.0 * norm.cdf(place) - 1.0
    slope = 2.0 * norm.pdf(place) / scale
    rho = cov[r:, r:] / (scale[:, None] * scale[None, :])
    over = jax.vmap(bivariate_normal, (None, 0, 0))
    both = jax.vmap(over, (0, None, 0))(place, place, rho)
    act_act = 4.0 * both - 1.0 - act[:, None] - act[None, :]
    linear_act = mean[:, None] * act[None, :] + cov[:, r:] * slope[None, :]
    linear = cov + mean[:, None] * mean[None, :]
    l_act, field_act = linear_act[:r], linear_act[r:]
    crossed = l_act @ Q
    h_h = linear[:r, :r] - crossed - crossed.T + Q @ act_act @ Q
    means = _Moments(
        act,
        mean[:r] - Q @ act,
        act_act,
        l_act.T - act_act @ Q,
        linear[r:, :r] - field_act @ Q,
        h_h,
    )
    return jax.tree.map(lambda v: law.mass * v, means)


def in_closed_form(family: Family, f: Fields, activation: Activation) -> Averages:
    r"""As `theory.autoencoder.averages.by_quadrature`, without nodes; cost O(L r^4).

    Raises:
        InputError: unless the activation is an error function.
    """
    g = activation.erf_gain
    if g is None:
        allowed = "an error function (erf, probit) for closed averages"
        raise InputError(f"activation must be {allowed}, got {activation.name!r}.")
    r = f.Q.shape[-1]
    own = f.Qc - 2.0 * f.b * f.beta * f.Qc + f.b**2 * f.Omega
    across = g * (f.beta * f.Qc - f.b * f.Omega)
    cov = jnp.block([[own, across], [across.T, g**2 * f.Omega]])
    units = jnp.arange(r)

    def of_component(M: Array) -> Averages:
        """All averages for one component; Y stands for 1."""
        mean = jnp.concatenate([(1.0 - f.b * f.beta) * M, g * f.beta * M])
        law = _Law(jnp.ones((), M.dtype), mean, cov)
        one = jax.vmap(law.tilted)(units)
        two = jax.vmap(lambda t: jax.vmap(t.tilted)(units))(one)
        plain = _moments(law, f.Q)
        single = jax.vmap(lambda t: _moments(t, f.Q))(one)
        double = jax.vmap(jax.vmap(lambda t: _moments(t, f.Q).h_h))(two)
        return Averages(
            Y_act=plain.act,
            Y_slope_h=g * single.h[units, units],
            slope=g * one.mass,
            curve_h=-(g**2) * single.field_h[units, units, units],
            act_act=plain.act_act,
            slope_slope=g**2 * two.mass,
            act_slope_h=g * single.act_h[units, :, units].T,
            slope_h_slope_h=g**2 * jnp.einsum("ijij->ij", double),
        )

    each = jax.vmap(of_component)(f.M)
    total = jax.tree.map(lambda v: jnp.tensordot(family.weights, v, axes=1), each)
    weighted = family.weights[:, None] * family.latents
    return total._replace(
        Y_act=weighted.T @ each.Y_act, Y_slope_h=weighted.T @ each.Y_slope_h
    )
