r"""Closed-form statements: one SymPy expression behind number, LaTeX and proof.

A paper's module registers its statements on import; `statement("PAPER.NAME")` imports
``theory.PAPER`` when it has to, so a key is all a report needs.
"""

import difflib
import importlib
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property

import sympy as sp

from theory.validation import require

__all__ = ["PROVENANCES", "Statement", "declaring", "keys", "register", "statement"]

PROVENANCES = ("paper", "reproduction", "derived")

_REGISTRY: dict[str, "Statement"] = {}


@dataclass(frozen=True)
class Statement:
    """An inequality or identity ``left relation expression`` of a paper.

    Calling a statement evaluates its right-hand side; `vmap`, `grad` and `jit` go
    through it. Arguments broadcast like any JAX arrays of equal rank.
    """

    key: str
    """``PAPER.NAME``, PAPER being the module of `theory` that registers it."""
    title: str
    paper: str
    """Where it was published, e.g. an arXiv number."""
    reference: str
    """Number in the paper (``Prop 3.1``), or what it was derived from."""
    provenance: str
    """One of `PROVENANCES`: stated by the paper, by a reproduction, or derived."""
    expression: sp.Expr
    arguments: tuple[sp.Symbol | sp.IndexedBase, ...]
    left: str = ""
    """LaTeX of the left-hand side."""
    relation: str = "="
    notation: tuple[tuple[sp.Basic, str], ...] = field(default=(), repr=False)
    """LaTeX of symbols whose name does not give it."""
    holds: str = ""
    """Hypotheses, range, and the steps of the derivation where the paper has none."""

    @cached_property
    def latex(self) -> str:
        """LaTeX of the whole statement, without delimiters."""
        shown, names = _through_roots(self.expression, dict(self.notation))
        right = sp.latex(shown, symbol_names=names)
        return f"{self.left} {self.relation} {right}" if self.left else right

    @cached_property
    def function(self) -> Callable:
        """The right-hand side as a JAX function of `arguments`, by position or name."""
        return sp.lambdify(self.arguments, self.expression, modules="jax")

    def __call__(self, *args, **named):
        """Value of the right-hand side, see `function`."""
        return self.function(*args, **named)


def register(new: Statement) -> Statement:
    """Add a statement to the registry and return it.

    Raises:
        InputError: on a key already taken, an unknown provenance, or an expression with
            a symbol that is not among its arguments.
    """
    require(new.key not in _REGISTRY, "key", "not yet registered", new.key)
    require(
        new.provenance in PROVENANCES,
        "provenance",
        f"one of {', '.join(PROVENANCES)}",
        new.provenance,
    )
    # An indexed symbol J is free as the base J, its label J and each J[i].
    labels = {a.label for a in new.arguments if isinstance(a, sp.IndexedBase)}
    free = {s for s in new.expression.free_symbols if not isinstance(s, sp.Indexed)}
    stray = free - set(new.arguments) - labels
    require(not stray, f"arguments of {new.key}", "all the free symbols", stray)
    _REGISTRY[new.key] = new
    return new


def declaring(
    module: str, paper: str, notation: tuple[tuple[sp.Basic, str], ...]
) -> Callable[..., Statement]:
    """A paper's way to register statements that were derived here.

    Args:
        module: of `theory`, the first part of their keys.
        paper: where it was published.
        notation: LaTeX of symbols whose name does not give it.

    Returns:
        ``declare(name, title, left, expression, arguments, holds, relation="=",
        source=None)``; `source` says what a statement was derived from.
    """

    def declare(
        name, title, left, expression, arguments, holds, relation="=", source=None
    ) -> Statement:
        return register(
            Statement(
                key=f"{module}.{name}",
                title=title,
                paper=paper,
                reference=source or "derived here",
                provenance="derived",
                expression=sp.sympify(expression),
                arguments=arguments,
                left=left,
                relation=relation,
                notation=notation,
                holds=holds,
            )
        )

    return declare


def statement(key: str) -> Statement:
    """The registered statement of that key.

    Raises:
        InputError: if there is none; the message names the closest keys.
    """
    paper = key.partition(".")[0]
    if key not in _REGISTRY and paper.isidentifier():
        home = f"theory.{paper}"
        try:
            importlib.import_module(home)
        except ModuleNotFoundError as error:
            if error.name != home:
                raise
    close = difflib.get_close_matches(key, _REGISTRY, n=3) or ["none is close"]
    require(key in _REGISTRY, "key", f"a known statement ({', '.join(close)})", key)
    return _REGISTRY[key]


def keys(paper: str = "") -> tuple[str, ...]:
    """Keys registered so far, in order of registration, for one paper or for all."""
    return tuple(key for key in _REGISTRY if key.startswith(paper))


def _through_roots(
    expression: sp.Expr, names: dict[sp.Basic, str]
) -> tuple[sp.Expr, dict[sp.Basic, str]]:
    r"""Write a symbol named ``x^{2}`` as the square of x, so that its root is x."""
    shown = dict(names)
    for square in (s for s, name in names.items() if name.endswith("^{2}")):
        root = sp.Symbol(f"root_{square.name}", positive=True)
        shown[root] = names[square].removesuffix("^{2}")
        roots = sp.IndexedBase(root, positive=True)
        expression = expression.replace(
            lambda e, s=square: isinstance(e, sp.Indexed) and e.base.label == s,
            lambda e, b=roots: b[e.indices] ** 2,
        ).subs(square, root**2)
    return expression, shown
