r"""Symbols of self-consuming loops (after Fu et al. 2024, arXiv:2402.11778).

Stage s = 0, 1, ... trains model s + 1 on :math:`n_s` points of
:math:`p_s=\alpha_s p_0+\sum_j\beta_s^j\hat p_j`; :math:`D_j = TV(\hat p_j, p_0)` and
:math:`\varepsilon_s = TV(\hat p_{s+1}, p_s)`. What the body of the paper states could not
be read: every formula here is derived, the form of some as recalled.
"""

import sympy as sp

from theory.symbolic import declaring

__all__ = ["PAPER", "declare"]

PAPER = "arXiv:2402.11778"

# Schedule
i, s, t, j = sp.symbols("i s t j", integer=True, nonnegative=True)
"""Stage of the model looked at; an earlier stage; indices of sums."""
beta = sp.Symbol("beta", positive=True)
"""Synthetic fraction, in [0, 1]; the real one is 1 - beta."""
b = sp.Symbol("b", positive=True)
"""Synthetic share that is spread over all past models."""
c = sp.Symbol("c", positive=True)
"""Real fraction c/t; root of the equation of the large-G threshold."""
share = sp.IndexedBase("share", nonnegative=True)
"""Entry s, t: what stage s takes from the model of stage t."""
weight = sp.IndexedBase("weight", nonnegative=True)
drift = sp.IndexedBase("drift", nonnegative=True)
"""Entry t: TV of the model of stage t."""
error = sp.IndexedBase("error", nonnegative=True)
variance = sp.IndexedBase("variance", nonnegative=True)
bandwidth = sp.IndexedBase("bandwidth", nonnegative=True)

# Sizes and rates
n, m, N = sp.symbols("n m N", positive=True)
"""Real points, synthetic points, points of a stage."""
lam = sp.Symbol("lam", positive=True)
"""m/n."""
r = sp.Symbol("r", positive=True)
"""Rate of one step, in (0, 1)."""
C = sp.Symbol("C", positive=True)
"""Constant of one step, unknown."""
target = sp.Symbol("target", positive=True)
length = sp.Symbol("length", positive=True)
"""Sum of the weights, expected length of a lineage."""
a = sp.Symbol("a", positive=True)
"""Exponent of growing sizes n (s+1)^a, or of the time in early stopping."""
G, g = sp.symbols("G g", positive=True)
"""Models trained; recursive stages g = G - 1."""
dim = sp.Symbol("dim", positive=True)

# Moments and learners
p = sp.Symbol("p", positive=True)
"""True probability of a category."""
v = sp.Symbol("v", nonnegative=True)
e = sp.Symbol("e", nonnegative=True)
"""E mu^2 of the current model; its excess over 1/n where real data are reused."""
w = sp.Symbol("w", positive=True)
"""Weight of real data; n times the squared size of an error."""
k = sp.Symbol("k", positive=True)
"""Synthetic points per real point."""
bias = sp.Symbol("bias", real=True)
loss = sp.Symbol("loss", positive=True)
"""1 - s: what the learner removes from a mode in one step, in (0, 1]."""
h, sigma2, mu2 = sp.symbols("h sigma2 mu2", positive=True)
"""Bandwidth; variance of p_0; second moment of the kernel."""
S, V = sp.symbols("S V", positive=True)
"""Sums of the weights and of their squares."""

# Early stopping: KL(tau) = C_1 tau^a n^-b + C_2/tau
tau, C_1, C_2 = sp.symbols("tau C_1 C_2", positive=True)

NOTATION = (
    (lam, r"\lambda"),
    (dim, "d"),
    (target, r"\epsilon"),
    (length, "S_i"),
    (loss, r"\ell"),
    (bias, "b"),
    (sigma2, r"\sigma_0^{2}"),
    (mu2, r"\mu_2"),
    (share.label, r"\beta"),
    (weight.label, "A"),
    (drift.label, "D"),
    (error.label, r"\varepsilon"),
    (variance.label, r"\tau^{2}"),
    (bandwidth.label, "h"),
)


declare = declaring("self_consuming", PAPER, NOTATION)
"""Registers ``self_consuming.NAME``, see `theory.symbolic.declaring`."""
