r"""What farthest-point selection guarantees, for any pool and any metric."""

import sympy as sp

from theory.memorization.statements.notation import declare, j, n, picks

__all__ = ["best_log_spacing_bound", "best_spacing_bound"]

best_spacing_bound = declare(
    "best_spacing_bound", "Largest spacing of any selection",
    r"\max_{|S|=n}\ \min_{x\ne y\in S}\|x-y\|", 2 * picks[n], (n, picks),
    "n >= 2. r_n never rises, and every point of the pool is within r_n of one of the "
    "first n - 1 picks: two points of any S of n share one and are at most 2 r_n apart. "
    "The first n picks themselves are at least r_n apart.", r"\le", "Gonzalez 1985",
)  # fmt: skip
best_log_spacing_bound = declare(
    "best_log_spacing_bound", "Largest entropy of any selection",
    r"\max_{|S|=n}\ \sum_{x\in S}\log\min_{y\ne x}\|x-y\|",
    sp.Sum(sp.log(2 * picks[j]), (j, 2, n)) + sp.log(2 * picks[n]), (n, picks),
    "n >= 2. Give each x of S to the nearest of the first j - 1 picks: at most j - 2 are "
    "alone, and the others have a neighbour within 2 r_j. So the (j-1)-th largest spacing "
    "is at most 2 r_j, and the smallest two 2 r_n. H is this times d/n plus constants.",
    r"\le",
)  # fmt: skip
