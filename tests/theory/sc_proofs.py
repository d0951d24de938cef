"""What the proofs about self-consuming loops share."""

import sympy as sp

from theory.self_consuming import statements as sc
from theory.self_consuming.statements import notation as of


def vanishes(expression) -> bool:
    return sp.simplify(sp.expand_func(expression)) == 0


def cancels(expression) -> bool:
    """As `vanishes`, where Gamma functions differ by whole numbers: much faster."""
    return sp.cancel(sp.together(sp.expand_func(expression))) == 0


def shares(stages):
    """Symbolic shares of every stage, and of the real data what completes them."""
    return sp.Matrix(stages, stages, lambda t, x: sp.Symbol(f"b{t}{x}") if x < t else 0)


def unfolded(statement, arrays, **at):
    """The expression with its sums written out and its arrays replaced."""
    values = {argument: at[str(argument)] for argument in statement.arguments
              if str(argument) in at}  # fmt: skip
    whole = statement.expression.subs(values).doit()
    for base, entry in arrays.items():
        whole = whole.replace(
            lambda x, base=base: isinstance(x, sp.Indexed) and x.base == base,
            lambda x, entry=entry: entry(*x.indices),
        )
    return whole


def stage_weights(B, last):
    A = {last: sp.Integer(1)}
    for x in range(last - 1, -1, -1):
        A[x] = unfolded(
            sc.weight_recursion,
            {of.weight: lambda t: A[t], of.share: lambda t, y: B[t, y]},
            s=x,
            i=last,
        )
    return [A[x] for x in range(last + 1)]
