r"""Inequalities between divergences: each function turns one into a bound on another.

Conventions as in `Divergences`: KL in nats, TV in [0, 1], H² = 1 - affinity in [0, 1].
All are classical; they hold for every pair of laws and need no density.
"""

import jax.numpy as jnp
from jaxtyping import Array, Float

from theory.divergence.pointwise import Divergences

__all__ = [
    "bretagnolle_huber",
    "chi2_from_tv",
    "hellinger_from_kl",
    "kl_from_chi2",
    "largest_tv",
    "ordering_slacks",
    "pinsker",
    "tv_from_chi2",
    "tv_from_hellinger",
]

Values = Float[Array, "..."] | float


def pinsker(kl: Values) -> Array:
    r"""Upper bound on TV: :math:`\sqrt{\mathrm{KL}/2}` (may exceed 1)."""
    return jnp.sqrt(0.5 * jnp.asarray(kl, jnp.float64))


def bretagnolle_huber(kl: Values) -> Array:
    r"""Upper bound on TV, below 1 for finite KL: :math:`\sqrt{1-e^{-\mathrm{KL}}}`."""
    return jnp.sqrt(-jnp.expm1(-jnp.asarray(kl, jnp.float64)))


def tv_from_chi2(chi2: Values) -> Array:
    r"""Upper bound on TV: :math:`\sqrt{\chi^2}/2` (Cauchy-Schwarz)."""
    return 0.5 * jnp.sqrt(jnp.asarray(chi2, jnp.float64))


def chi2_from_tv(tv: Values) -> Array:
    r"""Smallest chi-square at a given TV, attained by two-point laws.

    :math:`4\,\mathrm{TV}^2` up to TV = 1/2, then :math:`\mathrm{TV}/(1-\mathrm{TV})`.
    """
    tv = jnp.asarray(tv, jnp.float64)
    return jnp.where(tv < 0.5, 4.0 * tv**2, tv / (1.0 - jnp.maximum(tv, 0.5)))


def largest_tv(chi2: Values) -> Array:
    r"""Largest TV at a given chi-square, the inverse of `chi2_from_tv`: below 1 if finite.

    :math:`\sqrt{\chi^2}/2` up to :math:`\chi^2=1`, then :math:`\chi^2/(1+\chi^2)`.
    """
    chi2 = jnp.asarray(chi2, jnp.float64)
    finite = jnp.where(jnp.isinf(chi2), 1.0, chi2)
    far = jnp.where(jnp.isinf(chi2), 1.0, finite / (1.0 + finite))
    return jnp.where(chi2 < 1.0, tv_from_chi2(chi2), far)


def kl_from_chi2(chi2: Values) -> Array:
    r"""Upper bound on KL: :math:`\log(1+\chi^2)` (Jensen; Renyi order 1 <= order 2)."""
    return jnp.log1p(jnp.asarray(chi2, jnp.float64))


def hellinger_from_kl(kl: Values) -> Array:
    r"""Upper bound on H²: :math:`1-e^{-\mathrm{KL}/2}` (Renyi order 1/2 <= order 1)."""
    return -jnp.expm1(-0.5 * jnp.asarray(kl, jnp.float64))


def tv_from_hellinger(hellinger_squared: Values) -> tuple[Array, Array]:
    r"""Both bounds on TV: :math:`H^2\le\mathrm{TV}\le\sqrt{H^2(2-H^2)}` (Le Cam)."""
    H2 = jnp.asarray(hellinger_squared, jnp.float64)
    return H2, jnp.sqrt(H2 * (2.0 - H2))


def ordering_slacks(of: Divergences) -> dict[str, Array]:
    """Slack (bound minus bounded) of every inequality above; all are >= 0 in truth.

    A negative slack beyond rounding exposes a wrong divergence. (Near TV = 1 the smallest
    chi-square magnifies the rounding of TV.)
    """
    lower, upper = tv_from_hellinger(of.hellinger_squared)
    return {
        "TV <= sqrt(KL/2)": pinsker(of.kl) - of.tv,
        "TV <= sqrt(1 - exp(-KL))": bretagnolle_huber(of.kl) - of.tv,
        "TV <= sqrt(chi2)/2": tv_from_chi2(of.chi2) - of.tv,
        "chi2 >= smallest at this TV": of.chi2 - chi2_from_tv(of.tv),
        "KL <= log(1 + chi2)": kl_from_chi2(of.chi2) - of.kl,
        "H2 <= 1 - exp(-KL/2)": hellinger_from_kl(of.kl) - of.hellinger_squared,
        "H2 <= TV": of.tv - lower,
        "TV <= sqrt(H2 (2 - H2))": upper - of.tv,
    }
