"""Divergences between laws: closed forms, quadrature, tables, and what links them.

KL in nats; chi-square with the reference law in the denominator; TV and squared
Hellinger in [0, 1]. An infinite divergence is returned as inf, never as a large number.
"""

from theory.divergence.gaussian import (
    chi2_gaussian,
    hellinger_squared_gaussian,
    kl_gaussian,
    renyi2_gaussian,
    tv_gaussian_1d,
    tv_gaussian_shared_covariance,
    w2_gaussian,
    w2_squared_gaussian,
)
from theory.divergence.grid import (
    Tabulated,
    log_tabulated_divergences,
    tabulated_divergences,
)
from theory.divergence.inequalities import (
    bretagnolle_huber,
    chi2_from_tv,
    hellinger_from_kl,
    kl_from_chi2,
    largest_tv,
    ordering_slacks,
    pinsker,
    tv_from_chi2,
    tv_from_hellinger,
)
from theory.divergence.mixture_pairs import mixture_divergences
from theory.divergence.pointwise import Divergences, finite_state, product
from theory.divergence.quadrature import (
    Quadrature,
    line_divergences,
    panel_divergences,
    plane_divergences,
)
from theory.divergence.tails import Finiteness, chi2_finiteness

__all__ = [
    "Divergences",
    "Finiteness",
    "Quadrature",
    "Tabulated",
    "bretagnolle_huber",
    "chi2_finiteness",
    "chi2_from_tv",
    "chi2_gaussian",
    "finite_state",
    "hellinger_from_kl",
    "hellinger_squared_gaussian",
    "kl_from_chi2",
    "kl_gaussian",
    "largest_tv",
    "line_divergences",
    "log_tabulated_divergences",
    "mixture_divergences",
    "ordering_slacks",
    "panel_divergences",
    "pinsker",
    "plane_divergences",
    "product",
    "renyi2_gaussian",
    "tabulated_divergences",
    "tv_from_chi2",
    "tv_from_hellinger",
    "tv_gaussian_1d",
    "tv_gaussian_shared_covariance",
    "w2_gaussian",
    "w2_squared_gaussian",
]
