"""Inverse questions: fresh data and samples for a drift one accepts."""

import sympy as sp

from theory.error_propagation.statements.notation import (
    J,
    alpha,
    cosine,
    declare,
    dim,
    eta,
    rate_constant,
    samples,
    t0,
    target,
)

__all__ = [
    "fresh_fraction_aligned",
    "fresh_fraction_cosine",
    "fresh_fraction_unbiased",
    "rate_factor",
    "samples_aligned",
    "samples_unbiased",
    "score_energy",
]

fresh_fraction_cosine = declare(
    "fresh_fraction_cosine", "Fresh fraction for a target drift", "from one_step",
    "derived", r"\alpha", r"\ge",
    1 - (sp.sqrt(cosine**2 - 1 + target / J) - cosine) * sp.sqrt(J / target),
    (J, target, cosine),
    "J <= target, cosine >= 0: inverse of stationary_cosine in alpha.",
)  # fmt: skip
fresh_fraction_aligned = declare(
    "fresh_fraction_aligned", "Fresh fraction, aligned errors", "from one_step",
    "derived", r"\alpha", r"\ge", sp.sqrt(J / target), (J, target),
    "J <= target: inverse of stationary_aligned.",
)  # fmt: skip
fresh_fraction_unbiased = declare(
    "fresh_fraction_unbiased", "Fresh fraction, unbiased errors", "from one_step",
    "derived", r"\alpha", r"\ge", 1 - sp.sqrt(1 - J / target), (J, target),
    "J <= target: inverse of stationary_unbiased.",
)  # fmt: skip

rate_factor = declare(
    "rate_factor", "Price of early stopping", "eq. 12", "paper",
    r"\varepsilon_\star^{2} n / c", "=", t0 ** (-dim / 2), (t0, dim),
    "Dimension d, or d* for data on a d*-dimensional set.",
)  # fmt: skip
score_energy = declare(
    "score_energy", "Minimax score energy", "eq. 12", "paper",
    r"\varepsilon_\star^{2}", r"\lesssim",
    rate_constant * rate_factor.expression / samples,
    (samples, t0, dim, rate_constant),
    "c stands for the constant and the polylog(n), both unknown.",
)  # fmt: skip
_samples = rate_constant * eta * rate_factor.expression / target
samples_aligned = declare(
    "samples_aligned", "Samples per generation, aligned errors", "from eq. 12",
    "derived", "n", r"\ge", _samples / alpha**2,
    (target, alpha, eta, t0, dim, rate_constant),
    "J = eta eps_star2 (tail factor J/I = 1) and score_energy in stationary_aligned.",
)  # fmt: skip
samples_unbiased = declare(
    "samples_unbiased", "Samples per generation, unbiased errors", "from eq. 12",
    "derived", "n", r"\ge", _samples / (alpha * (2 - alpha)),
    (target, alpha, eta, t0, dim, rate_constant),
    "As samples_aligned, in stationary_unbiased.",
)  # fmt: skip
