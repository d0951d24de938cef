r"""What a theory says of a loop as a curve over generations, ready to be inverted.

A `Relation` is one statement: a quantity after generations 1 ... N as a function of a few
variables. Planning turns it round (`theory.planning.inverse`): which values of one variable
keep the quantity within a target.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

import numpy as np

from theory.claims import Kind
from theory.divergence.inequalities import tv_from_chi2
from theory.planning.variables import VARIABLES

__all__ = ["Relation", "through_tv"]


@dataclass(frozen=True)
class Relation:
    """One statement of one theory, as a curve over generations."""

    id: str
    paper: str
    """id of the section that it belongs to"""
    reference: str
    """number in the paper, or how it was derived"""
    quantity: str
    """a name in `QUANTITIES`"""
    kind: Kind
    says: str
    assumes: tuple[str, ...]
    variables: tuple[str, ...]
    """names in `VARIABLES` that it takes, besides generations"""
    curve: Callable[..., np.ndarray]
    """(generations, **variables) -> the quantity after generations 1 ... N, (N,)"""
    horizon: int = 1000
    """generations that are searched at most"""
    ranges: Mapping[str, tuple[float, float]] | None = None
    """narrower ranges of variables, where the statement needs them"""
    excludes: tuple[str, ...] = ()
    """variables of which one must not be given: the statement is for loops without"""

    def range_of(self, name: str) -> tuple[float, float]:
        """Lowest and highest value of a variable here."""
        known = VARIABLES[name]
        if name == "generations":
            return 1, self.horizon
        return (self.ranges or {}).get(name, (known.low, known.high))

    def last(self, generations: int, **variables: float) -> float:
        """The quantity after the last generation."""
        return float(self.curve(generations, **variables)[-1])


def through_tv(relation: Relation) -> Relation:
    r"""A relation on chi-square as one on total variation, by :math:`TV\le\tfrac12\sqrt D`.

    Where D is a mean over runs the bound is on the mean, by Jensen's inequality.
    """
    mean = relation.kind is Kind.EXACT
    kind = Kind.GUARANTEE if mean else relation.kind
    return replace(
        relation,
        id=f"{relation.id}-tv",
        quantity="tv",
        kind=kind,
        says=f"{relation.says}; then TV <= sqrt(D)/2",
        curve=lambda generations, **v: np.asarray(
            tv_from_chi2(relation.curve(generations, **v))
        ),
    )
