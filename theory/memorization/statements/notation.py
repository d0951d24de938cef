r"""Symbols of memorization in the loop (after Shi et al. 2025, arXiv:2509.16499).

Round t trains on :math:`D_t`, N points in d dimensions, and generates :math:`G_t`. The
entropy is the nearest-neighbour estimate (Kozachenko-Leonenko),

.. math:: H = \psi(N)-\psi(1)+\log c_d+\frac dN\sum_i\log\epsilon_i ,

:math:`\epsilon_i` the distance to the nearest other point, in nats. What the body of the
paper states could not be read: every formula here is derived.
"""

import sympy as sp

from theory.symbolic import declaring

__all__ = ["PAPER", "declare"]

PAPER = "arXiv:2509.16499"

# Sizes
N = sp.Symbol("N", positive=True)
"""Points of a training set."""
dim, manifold = sp.symbols("dim manifold", positive=True)
"""Dimension of the space, and of a manifold in it."""
t = sp.Symbol("t", integer=True, nonnegative=True)
"""Rounds; batches in a growing pool."""
j, n = sp.symbols("j n", integer=True, positive=True)
"""Index of sums; points selected."""

# Entropy and spacing
H = sp.Symbol("H", real=True)
log_spacing = sp.Symbol("log_spacing", real=True)
"""Mean of the log of the nearest distance, within a set or from one set to another."""
factor = sp.Symbol("factor", positive=True)
pairs = sp.Symbol("pairs", positive=True)
floor = sp.Symbol("floor", positive=True)
"""What a distance of zero is replaced by."""
log_det = sp.Symbol("log_det", real=True)
h = sp.Symbol("h", positive=True)
"""Bandwidth: standard deviation, per coordinate, of the noise on a copy."""

# Copying
s = sp.Symbol("s", positive=True)
"""Share of the first round's points that have descendants."""
F = sp.Symbol("F", nonnegative=True)
"""Probability that two different points have one ancestor."""
q = sp.Symbol("q", nonnegative=True)
"""Probability that both of two different points are copies."""
z = sp.Symbol("z", nonnegative=True)

# Noise and selection
sigma2 = sp.Symbol("sigma2", positive=True)
"""Variance of the noise added to a point."""
picks = sp.IndexedBase("picks", positive=True)
"""Entry n, from 2 on: distance of the n-th farthest-point pick to those before it."""

NOTATION = (
    (dim, "d"),
    (manifold, "m"),
    (s, "s_{t}"),
    (F, "F_{t}"),
    (log_spacing, r"\overline{\log\epsilon}"),
    (factor, "a"),
    (pairs, "k"),
    (floor, "f"),
    (log_det, r"\log\det A^{\top}A"),
    (sigma2, r"\sigma^{2}"),
    (picks.label, "r"),
)


declare = declaring("memorization", PAPER, NOTATION)
"""Registers ``memorization.NAME``, see `theory.symbolic.declaring`."""
