"""Points a stage needs so that the bound stays below a target."""

import sympy as sp

from theory.self_consuming.statements.notation import (
    C,
    a,
    declare,
    i,
    j,
    length,
    m,
    n,
    r,
    s,
    target,
)

__all__ = ["full_data_factor", "growing_factor", "batches_factor", "required_points"]

required_points = declare(
    "required_points", "Points of a stage", "n", (C * length / target) ** (1 / r),
    (length, target, C, r),
    "C n^{-r} S_i <= epsilon; S_i is the length of a lineage, or the factor of a "
    "schedule whose stages differ.", r"\ge",
)  # fmt: skip
growing_factor = declare(
    "growing_factor", "Factor of growing stages, fully synthetic", "S_i",
    sp.Sum((s + 1) ** (-r * a), (s, 0, i)), (i, r, a),
    "n_s = n (s + 1)^a; bounded, by zeta(r a), iff a > 1/r.",
)  # fmt: skip
full_data_factor = declare(
    "full_data_factor", "Factor of all the data ever seen", "S_i",
    (i + 1) ** -r + sp.Sum(j**-r / (j + 1), (j, 1, i)), (i, r),
    "Equal shares, n_s = (s + 1) n. Bounded: the sum to infinity is C_acc(r).",
)  # fmt: skip
batches_factor = declare(
    "batches_factor", "Factor of a batch of every model", "S_i",
    (1 + i * m / n) ** -r
    + sp.Sum(m / (n + (s + 1) * m) * (1 + s * m / n) ** -r, (s, 0, i - 1)), (i, n, m, r),
    "n real points and m from each past model, N_s = n + s m. Bounded for any r > 0.",
)  # fmt: skip
