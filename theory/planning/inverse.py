r"""Turning a relation round: which values of one variable meet a target.

The unknown is tried over its whole range, then every change from met to missed is bisected.
So a set of several intervals is found where the quantity is not monotone (training time,
bandwidth, synthetic amount). Whatever is returned was evaluated and meets the target.
"""

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

import numpy as np

from theory.planning.relations import Relation
from theory.planning.variables import QUANTITIES, VARIABLES, Quantity, Variable
from theory.validation import InputError, require, require_in

__all__ = ["Interval", "Plan", "check", "known_shares", "meets", "solve"]

TRIED = 41
"""Values of the unknown that are tried before bisection."""
HALVINGS = 40
PRECISE = 1e-6
"""relative width at which a bracket is narrow enough, unless it is of whole numbers"""


@dataclass(frozen=True)
class Interval:
    """Values of the unknown that meet the target, both ends included."""

    low: float
    high: float
    from_edge: bool = False
    """whether `low` is the end of the range that was searched, not of what is feasible"""
    to_edge: bool = False
    """likewise for `high`"""


@dataclass(frozen=True)
class Plan:
    """What a relation answers."""

    relation: Relation
    unknown: str
    target: float
    generations: int | None
    """None where they are asked for"""
    known: Mapping[str, float]
    feasible: tuple[Interval, ...]
    value: float
    """of the unknown: the least, largest or best feasible one; NaN if there is none"""
    reached: float
    """the quantity there, or the best that can be had"""
    best_at: float
    """where the quantity is best among the values tried"""
    tried: np.ndarray
    """values of the unknown that were tried"""
    values: np.ndarray
    """the quantity at each of them; NaN where there is no such loop"""

    @property
    def found(self) -> bool:
        """Whether the target can be met."""
        return len(self.feasible) > 0

    @property
    def settled(self) -> dict[str, float]:
        """All variables of the relation and the generations, the answer among them."""
        given = dict(self.known) | {self.unknown: self.value}
        if self.generations is not None:
            given["generations"] = self.generations
        return _shared(self.relation, given) | {"generations": given["generations"]}


def meets(quantity: Quantity, values, target: float) -> np.ndarray:
    """Whether values meet a target; NaN does not."""
    values = np.asarray(values, dtype=np.float64)
    return values <= target if quantity.wanted == "low" else values >= target


def check(name: str, value: float) -> None:
    """Refuse an unknown variable, a value outside its range, or part of a count."""
    require(name in VARIABLES, "variable", f"one of {', '.join(VARIABLES)}", name)
    known = VARIABLES[name]
    require_in(name, value, known.low, known.high)
    whole = known.scale != "whole" or float(value).is_integer()
    require(whole, name, "a whole number", value)


def known_shares(relation: Relation, given: Iterable[str]) -> set[str]:
    """Names that follow from those given: n, m, points and alpha from any two of them."""
    names = set(given)
    shares = names & {"alpha", "points", "n", "m"}
    if len(shares) >= 2 and "points" in relation.variables:
        names |= {"alpha", "points"}
    return names


def solve(
    relation: Relation,
    unknown: str,
    target: float,
    generations: int | None,
    known: Mapping[str, float],
) -> Plan:
    """All values of `unknown` for which the relation meets the target.

    Args:
        relation: the statement.
        unknown: a variable of it, "generations", or "n" or "m" where it takes "points".
        target: of its quantity; at most that, or at least for modes.
        generations: models trained; None where they are the unknown.
        known: the other variables; of alpha, points, n, m any two (one, if the unknown is
            another of them).

    Raises:
        InputError: a target or value outside its range, something missing or too much.
    """
    quantity = QUANTITIES[relation.quantity]
    require_in("target", target, 0.0, quantity.highest)
    for name, value in known.items():
        check(name, value)
    _require_complete(relation, unknown, generations, known)
    variable = VARIABLES[unknown]
    if unknown == "generations":
        return _how_long(relation, target, known)
    low, high = _searched(relation, unknown, known)

    def value_at(x: float) -> float:
        try:
            settled = _shared(relation, dict(known) | {unknown: x})
        except InputError:
            return math.nan  # no such shares: alpha above 1
        return relation.last(generations, **settled)

    met = lambda x: bool(meets(quantity, value_at(x), target))
    tried = _values(variable, low, high)
    values = np.array([value_at(x) for x in tried])
    feasible = _intervals(variable, tried, meets(quantity, values, target), met)
    sign = 1.0 if quantity.wanted == "low" else -1.0
    best_at = _best(tried, sign * values)
    value = _named(variable, feasible, tried, sign * values)
    reached = value_at(value if feasible else best_at)
    return Plan(
        relation, unknown, target, generations, dict(known), feasible, value, reached,
        best_at, tried, values,
    )  # fmt: skip


def _require_complete(relation, unknown, generations, known) -> None:
    askable = {*relation.variables, "generations"}
    if "points" in askable:
        askable |= {"n", "m"}
    allowed = f"one of {', '.join(sorted(askable))} for {relation.id}"
    require(unknown in askable, "unknown", allowed, unknown)
    require(unknown not in known, unknown, "asked for or given, not both", "both")
    has = known_shares(relation, {*known, unknown})
    missing = [name for name in relation.variables if name not in has]
    require(not missing, relation.id, f"given {', '.join(missing)}", "nothing for it")
    if unknown != "generations":
        require(generations is not None, "generations", "given", "nothing")
        require_in("generations", generations, 1, relation.horizon)


def _shared(relation: Relation, given: Mapping[str, float]) -> dict[str, float]:
    """The relation's own variables from what is given."""
    given = dict(given)
    if "points" in relation.variables:
        n, m = given.get("n"), given.get("m")
        points, alpha = given.get("points"), given.get("alpha")
        if n is not None and m is not None:
            points, alpha = n + m, n / (n + m)
        elif n is not None and alpha is not None:
            require(alpha > 0, "alpha", "> 0 with n real points", alpha)
            points = n / alpha
        elif m is not None and alpha is not None:
            require(alpha < 1, "alpha", "< 1 with m generated points", alpha)
            points = m / (1.0 - alpha)
        elif n is not None and points is not None:
            alpha = n / points
        elif m is not None and points is not None:
            alpha = 1.0 - m / points
        given |= {"points": points, "alpha": alpha}
        if "alpha" in relation.variables:
            require_in("alpha", alpha, 0.0, 1.0)
    return {name: given[name] for name in relation.variables}


def _searched(relation: Relation, unknown: str, known) -> tuple[float, float]:
    if unknown not in ("n", "m"):
        return relation.range_of(unknown)
    low, high = relation.range_of("points")
    if "points" in known:
        return (VARIABLES[unknown].low, known["points"])
    other = known.get("m" if unknown == "n" else "n", 0.0)
    return max(VARIABLES[unknown].low, low - other), max(high - other, 1.0)


def _values(variable: Variable, low: float, high: float) -> np.ndarray:
    """Values to try, both ends among them."""
    if variable.scale == "linear":
        return np.linspace(low, high, TRIED)
    start = low if low > 0 else min(1.0, high)
    values = np.geomspace(start, high, TRIED)
    values[[0, -1]] = start, high
    if low <= 0:
        values = np.concatenate([[low], values])
    return np.unique(np.round(values)) if variable.scale == "whole" else values


def _intervals(variable, tried, met, is_met) -> tuple[Interval, ...]:
    found, k = [], 0
    while k < len(tried):
        if not met[k]:
            k += 1
            continue
        first = k
        while k + 1 < len(tried) and met[k + 1]:
            k += 1
        low, high = tried[first], tried[k]
        if first > 0:
            low = _edge(variable, tried[first], tried[first - 1], is_met)
        if k + 1 < len(tried):
            high = _edge(variable, tried[k], tried[k + 1], is_met)
        edges = first == 0, k + 1 == len(tried)
        found.append(Interval(float(low), float(high), *edges))
        k += 1
    return tuple(found)


def _edge(variable: Variable, inside: float, outside: float, is_met: Callable):
    """The last value found to meet the target, from `inside` towards `outside`."""
    whole = variable.scale == "whole"
    for _ in range(HALVINGS):
        wide = 1.0 if whole else PRECISE * max(abs(inside), abs(outside))
        if abs(inside - outside) <= wide:
            break
        middle = 0.5 * (inside + outside)
        middle = math.floor(middle) if whole else middle
        if is_met(middle):
            inside = middle
        else:
            outside = middle
    return inside


def _best(tried: np.ndarray, cost: np.ndarray) -> float:
    known = np.where(np.isnan(cost), np.inf, cost)
    ties = np.flatnonzero(known <= known.min())
    return float(tried[ties[len(ties) // 2]])


def _named(variable: Variable, feasible, tried, cost) -> float:
    if not feasible:
        return math.nan
    if variable.prefer == "least":
        return feasible[0].low
    if variable.prefer == "most":
        return feasible[-1].high
    return _best(tried, cost)


def _how_long(relation: Relation, target: float, known) -> Plan:
    """How many generations the target is met without a break."""
    quantity = QUANTITIES[relation.quantity]
    curve = relation.curve(relation.horizon, **_shared(relation, known))
    met = meets(quantity, curve, target)
    last = len(met) if met.all() else int(np.argmin(met))
    whole = last == len(met)
    feasible = (Interval(1.0, float(last), True, whole),) if last else ()
    value = float(last) if last else math.nan
    return Plan(
        relation, "generations", target, None, dict(known), feasible, value,
        float(curve[max(last, 1) - 1]), 1.0, np.arange(1.0, len(curve) + 1.0), curve,
    )  # fmt: skip
