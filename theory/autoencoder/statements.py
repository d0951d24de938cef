r"""Closed-form statements about the solvable denoiser (Cui, Pehlevan, Lu).

What the body of the paper states could not be read; the equations here are derived (one
is read off the official code), each from the model of `theory.denoiser`.
"""

import sympy as sp

from theory.symbolic import Statement, register

__all__ = [
    "PAPER",
    "bayes_noise",
    "bayes_skip",
    "bayes_weight",
    "bulk_continuous",
    "conditional_bulk",
    "critical_samples",
    "critical_time",
    "error_ee",
    "error_ex",
    "error_xx",
    "skip",
    "skip_limit",
    "skip_rate",
    "splitting",
    "splitting_continuous",
]

PAPER = "arXiv:2501.03937"

alpha, beta, kappa, eta = sp.symbols("alpha beta kappa eta", positive=True)
"""Noise and data coefficients of the trained level; eta_b/eta; learning rate of W."""
tau = sp.Symbol("tau", nonnegative=True)
"""Natural training time, 2 eta n / d."""
v = sp.Symbol("v", positive=True)
"""Variance of the data per coordinate (mean over coordinates and components)."""
b = sp.Symbol("b", real=True)
"""Skip connection."""
q = sp.Symbol("q", positive=True)
"""Overlap of the unit with itself."""
s1 = sp.Symbol("s1", positive=True)
s3 = sp.Symbol("s3", negative=True)
"""First and third derivative of the activation at 0."""
a1 = sp.Symbol("a1", positive=True)
a3 = sp.Symbol("a3", real=True)
"""The generated Z near 0 is a1 Z_0 + a3 Z_0^3."""
t_end = sp.Symbol("t_end", positive=True)
"""Where the sampler stops, in (0, 1)."""

_NOTATION = (
    (s1, r"\sigma'(0)"),
    (s3, r"\sigma'''(0)"),
    (a1, "a_1"),
    (a3, "a_3"),
    (t_end, r"t_{\mathrm{end}}"),
)


def _declare(name, title, reference, left, expression, arguments, holds, code=False):
    return register(
        Statement(
            key=f"autoencoder.{name}",
            title=title,
            paper=PAPER,
            reference=reference,
            provenance="reproduction" if code else "derived",
            expression=sp.sympify(expression),
            arguments=arguments,
            left=left,
            notation=_NOTATION,
            holds=holds,
        )
    )


# Input x = alpha x_0 + beta x_1 and error e = x_1 - b x, per coordinate
kept = 1 - b * beta
power = alpha**2 + beta**2 * v
error_xx = _declare(
    "error_xx", "Power of the input", "from the interpolant", "E^{xx}", power,
    (alpha, beta, v), "x = alpha x_0 + beta x_1, x_1 of variance v about its mean.",
)  # fmt: skip
error_ex = _declare(
    "error_ex", "Error against input", "from the interpolant", "E^{ex}",
    kept * beta * v - b * alpha**2, (alpha, beta, v, b), "e = x_1 - b x.",
)  # fmt: skip
error_ee = _declare(
    "error_ee", "Bulk error", "from the interpolant", "E^{ee}",
    kept**2 * v + b**2 * alpha**2, (alpha, beta, v, b), "e = x_1 - b x.",
)  # fmt: skip

# Learning of the skip connection
skip_rate = _declare(
    "skip_rate", "Learning of the skip", "official code, Theory.ipynb", r"\dot b",
    kappa * error_ex.expression, (alpha, beta, v, b, kappa),
    "d to infinity; the units contribute O(1/d). With several eigenvalues v is their "
    "mean weighted by the blocks' masses.", code=True,
)  # fmt: skip
skip_limit = _declare(
    "skip_limit", "Skip at the end of training", "zero of skip_rate", r"b^\star",
    beta * v / power, (alpha, beta, v), "The best linear denoiser of one coordinate.",
)  # fmt: skip
skip = _declare(
    "skip", "Skip during training", "solves skip_rate", r"b(\tau)",
    skip_limit.expression * (1 - sp.exp(-kappa * power * tau)),
    (alpha, beta, v, kappa, tau), "One noise level, b(0) = 0.",
)  # fmt: skip

# Retraining on generated data: the bulk
bulk_continuous = _declare(
    "bulk_continuous", "Generated bulk variance", "probability flow, linear path",
    "s^2", (1 - t_end) ** (-2 * (b - 1)), (b, t_end),
    "ds^2/dt = 2 (b - 1)/(1 - t) s^2 from s^2(0) = 1; time continuous.",
)  # fmt: skip
critical_time = _declare(
    "critical_time", "Critical training time of the bulk", "b(tau; v = 1) = 1",
    r"\tau_c",
    -sp.log(1 - (alpha**2 + beta**2) / beta) / (kappa * (alpha**2 + beta**2)),
    (alpha, beta, kappa),
    "Linear path. Retrained on its own samples from v = 1 on, the bulk variance falls "
    "if tau < tau_c and grows if tau > tau_c. Exists if beta > alpha^2 + beta^2; NaN "
    "otherwise: then the bulk always collapses.",
)  # fmt: skip
critical_samples = _declare(
    "critical_samples", "Critical number of samples of the bulk", "tau = 2 eta n/d",
    "n_c/d", critical_time.expression / (2 * eta), (alpha, beta, kappa, eta),
    "As critical_time.",
)  # fmt: skip
conditional_bulk = _declare(
    "conditional_bulk", "Bulk recursion with a skip for each noise level",
    "perfect training at every t", "v_{g+1}", (1 - t_end) ** 2 + t_end**2 * v,
    (v, t_end),
    "Linear path, time continuous. b_t = t v/((1-t)^2 + t^2 v), and (b_t - 1)/(1 - t) "
    "is half of d/dt ln((1-t)^2 + t^2 v).",
)  # fmt: skip

# When one generated mode becomes two
splitting = _declare(
    "splitting", "Bimodality index", "second derivative of the density at 0", "I",
    -6 * q * a3 / a1 - 1, (q, a1, a3),
    "Odd activation, one unit or an axis on which Q is diagonal; Z_0 ~ N(0, q) and "
    "Z = a1 Z_0 + a3 Z_0^3 + O(Z_0^5). The density of Z has a minimum at 0 iff I > 0.",
)  # fmt: skip
_gain = b - 1 + q * s1
splitting_continuous = _declare(
    "splitting_continuous", "Bimodality index, time continuous", "from splitting", "I",
    -(q**2) * s3 * ((1 - t_end) ** (-2 * _gain) - 1) / (2 * _gain) - 1,
    (q, b, s1, s3, t_end),
    "Linear path; a1 = e^{gS}, a3 = q s3/6 e^{gS} (e^{2gS} - 1)/(2g) with "
    "g = b - 1 + q s1 nonzero, S = -ln(1 - t_end).",
)  # fmt: skip

# Where tied weights hold the exact posterior mean
bayes_noise = _declare(
    "bayes_noise", "Noise level at which tied weights can be exact",
    "alpha^2 = beta on the linear path", r"\alpha", (sp.sqrt(5) - 1) / 2, (),
    "Read-out needs c = alpha^2/(alpha^2 + beta^2 v), read-in c = beta/(...).",
)  # fmt: skip
bayes_weight = _declare(
    "bayes_weight", "Weight of the exact denoiser", "posterior mean, alpha^2 = beta",
    "c", beta / power, (alpha, beta, v),
    "Two components at +mu and -mu of equal weight, variance v, one tanh unit, "
    "w/sqrt(d) = c mu; alpha^2 = beta.",
)  # fmt: skip
bayes_skip = _declare(
    "bayes_skip", "Skip of the exact denoiser", "posterior mean",
    "b", skip_limit.expression, (alpha, beta, v), "As bayes_weight.",
)  # fmt: skip
