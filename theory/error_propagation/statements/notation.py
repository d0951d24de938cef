r"""Symbols of the error-propagation theory (Khelifa et al., arXiv:2602.16601).

Generation i learns from :math:`q_i = \alpha p + (1-\alpha)\hat p^i` and yields
:math:`\hat p^{i+1}`. With :math:`\delta_i = \hat p^i/p - 1` and the innovation
:math:`\zeta_i = (\hat p^{i+1}-q_i)/p`,

    D = |delta|^2 = chi2(p_hat^i || p)      I = chi2(p_hat^{i+1} || q_i)
    J = |zeta|^2                            C = <delta, zeta>        (all in L2(p))

`eps_star2` and `eps_hat2` are the score-error energies on the ideal and on the learned
path, both squared quantities, over noise times [t0, T] of length S.
"""

import sympy as sp

from theory.symbolic import Statement, register

__all__ = ["PAPER", "declare"]

PAPER = "arXiv:2602.16601"

# Shares and exponents
alpha = sp.Symbol("alpha", positive=True)
"""Fresh fraction, in [0, 1]."""
theta = sp.Symbol("theta", positive=True)
"""Free weight of Young's inequality."""
cosine = sp.Symbol("cosine", real=True)
"""C / sqrt(D J), in [-1, 1]."""

# One generation
eta = sp.Symbol("eta", nonnegative=True)
"""Observability, in [0, 1]."""
eps_star2 = sp.Symbol("eps_star2", nonnegative=True)
eps_hat2 = sp.Symbol("eps_hat2", nonnegative=True)
start_kl = sp.Symbol("start_kl", nonnegative=True)
"""KL of the learned chain's start law against q_T."""
chi2_path = sp.Symbol("chi2_path", nonnegative=True)
"""chi2 of the learned against the ideal path law."""
mean_response = sp.Symbol("mean_response", real=True)
"""Mean of the linear response h under p_hat."""
r = sp.Symbol("r", nonnegative=True)
"""Remainder of the sandwich."""
C_low, c_up = sp.symbols("C_low c_up", nonnegative=True)
"""Unknown constants of Prop 3.3 and Thm 3.4."""
C_1 = sp.Symbol("C_1", nonnegative=True)
"""Constant in r <= sqrt(C_1) eps_star2, from A2-A4."""
energy_max = sp.Symbol("energy_max", nonnegative=True)
"""Sure bound on the energy along a path."""
tv = sp.Symbol("tv", nonnegative=True)
"""TV(p_hat^i, p)."""
S = sp.Symbol("S", positive=True)
"""T - t0."""

# Many generations
D, J, I = sp.symbols("D J I", nonnegative=True)
C = sp.Symbol("C", real=True)
D_0 = sp.Symbol("D_0", nonnegative=True)
tv_0 = sp.Symbol("tv_0", nonnegative=True)
n = sp.Symbol("n", integer=True, nonnegative=True)
"""Number of generations since the first one counted."""
i = sp.Symbol("i", integer=True, nonnegative=True)
J_hist = sp.IndexedBase("J_hist", nonnegative=True)
D_hist = sp.IndexedBase("D_hist", nonnegative=True)
eps_star2_hist = sp.IndexedBase("eps_star2_hist", nonnegative=True)
eps_hat2_hist = sp.IndexedBase("eps_hat2_hist", nonnegative=True)
ratio_sup = sp.Symbol("ratio_sup", positive=True)
"""Supremum of q_i / p."""
tail = sp.Symbol("tail", nonnegative=True)
"""tau_i: what the innovation puts outside the good set."""
moment_q, moment_R = sp.symbols("moment_q moment_R", nonnegative=True)
"""E_q (q/p)^{a'} and E_q |R-1|^{2a}."""
a = sp.Symbol("a", positive=True)
"""Hoelder exponent > 1, with 2a <= 1 + delta."""
bias = sp.Symbol("bias", nonnegative=True)
"""C_bias."""
floor_eps2 = sp.Symbol("floor_eps2", nonnegative=True)
"""Lower bound on eps_star2 from some generation on."""

# Planning
target = sp.Symbol("target", positive=True)
"""Drift D one is ready to accept."""
samples = sp.Symbol("samples", positive=True)
rate_constant = sp.Symbol("rate_constant", positive=True)
"""Constant and polylog factor of the minimax rate."""
dim = sp.Symbol("dim", positive=True)
"""Dimension, or intrinsic dimension d*, of the data."""

# Kernel densities
sigma2, h2 = sp.symbols("sigma2 h2", positive=True)
"""Variance of a mode of p, and squared bandwidth."""
t0 = sp.Symbol("t0", nonnegative=True)
"""Early-stopping time."""
mean_square = sp.Symbol("mean_square", nonnegative=True)
"""Mean over the components of p of their squared mean."""
v_0 = sp.Symbol("v_0", positive=True)
mode = sp.Symbol("mode", positive=True)
"""Order of a Hermite mode."""
u2 = sp.Symbol("u2", nonnegative=True)
"""Squared frequency."""

_NOTATION = (
    (eps_star2, r"\varepsilon_\star^{2}"),
    (eps_hat2, r"\hat\varepsilon^{2}"),
    (start_kl, r"\mathrm{KL}(\pi\|q_{i,T})"),
    (chi2_path, r"\chi^2_{\mathrm{path}}"),
    (mean_response, r"\mathbb{E}_{\hat p}[h]"),
    (C_low, "C"),
    (c_up, "c"),
    (cosine, r"\gamma"),
    (energy_max, r"E_{\max}"),
    (tv, r"\mathrm{TV}_i"),
    (tv_0, r"\mathrm{TV}_0"),
    (J_hist.label, "J"),
    (D_hist.label, "D"),
    (eps_star2_hist.label, r"\varepsilon_\star^{2}"),
    (eps_hat2_hist.label, r"\hat\varepsilon^{2}"),
    (ratio_sup, r"\|q_i/p\|_\infty"),
    (tail, r"\tau_i"),
    (moment_q, r"\mathbb{E}_{q}(q/p)^{a'}"),
    (moment_R, r"\mathbb{E}_{q}|R-1|^{2a}"),
    (bias, r"C_{\mathrm{bias}}"),
    (floor_eps2, r"\varepsilon_{\mathrm{floor}}^{2}"),
    (target, r"D^{\ast}"),
    (samples, "n"),
    (rate_constant, "c"),
    (dim, "d"),
    (sigma2, r"\sigma^{2}"),
    (h2, "h^{2}"),
    (t0, "t_0"),
    (mean_square, r"\overline{|\mu|^2}"),
    (mode, "j"),
    (u2, "|u|^{2}"),
)


def declare(
    name, title, reference, provenance, left, relation, expression, arguments, holds
):
    """Register a statement of this paper under ``error_propagation.NAME``."""
    return register(
        Statement(
            key=f"error_propagation.{name}",
            title=title,
            paper=PAPER,
            reference=reference,
            provenance=provenance,
            expression=sp.sympify(expression),
            arguments=arguments,
            left=left,
            relation=relation,
            notation=_NOTATION,
            holds=holds,
        )
    )
