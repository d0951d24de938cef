"""One question, put to every theory that can answer it."""

from collections.abc import Mapping
from dataclasses import dataclass

from theory.planning import copying, drift, mixing, survival
from theory.planning.inverse import Plan, known_shares, solve
from theory.planning.relations import Relation, through_tv
from theory.planning.variables import QUANTITIES, VARIABLES
from theory.validation import require, require_in

__all__ = ["RELATIONS", "Answers", "answers"]

_OWN = (
    *drift.RELATIONS,
    *mixing.RELATIONS,
    *copying.RELATIONS,
    *survival.RELATIONS,
)
RELATIONS = {
    r.id: r
    for r in (*_OWN, *(through_tv(r) for r in drift.RELATIONS if r.quantity == "drift"))
}
"""Every relation by id; those on chi-square once more as relations on total variation."""


@dataclass(frozen=True)
class Answers:
    """One question, put to all theories."""

    plans: tuple[Plan, ...]
    left_out: Mapping[str, str]
    """why a relation on that quantity does not answer, by its id"""


def answers(
    quantity: str,
    target: float,
    unknown: str,
    generations: int | None,
    known: Mapping[str, float],
) -> Answers:
    """What every relation on that quantity says.

    Args:
        quantity: a name in `QUANTITIES`.
        target: at most that much; at least for modes.
        unknown: a name in `VARIABLES`.
        generations: models trained; None where they are the unknown.
        known: further variables by name.

    Raises:
        InputError: unknown names, values out of range, or no relation that can answer.
    """
    for name, value, among in (
        ("quantity", quantity, QUANTITIES),
        ("unknown", unknown, VARIABLES),
    ):
        require(value in among, name, f"one of {', '.join(among)}", value)
    require_in("target", target, 0.0, QUANTITIES[quantity].highest)
    plans, left_out = [], {}
    for relation in RELATIONS.values():
        if relation.quantity != quantity:
            continue
        reason = _obstacle(relation, unknown, known)
        if reason:
            left_out[relation.id] = reason
        else:
            plans.append(solve(relation, unknown, target, generations, known))
    told = "; ".join(f"{id} {why}" for id, why in left_out.items())
    require(
        bool(plans), "the question", f"one that a theory can answer ({told})", unknown
    )
    return Answers(tuple(plans), left_out)


def _obstacle(relation: Relation, unknown: str, known: Mapping[str, float]) -> str:
    given = {*known, unknown}
    barred = [name for name in relation.excludes if name in given]
    if barred:
        return f"is for loops without {', '.join(barred)}"
    has = known_shares(relation, given)
    missing = [name for name in relation.variables if name not in has]
    if missing:
        return f"needs {', '.join(missing)}"
    takes = {*relation.variables, "generations"}
    takes |= {"n", "m"} if "points" in takes else set()
    return "" if unknown in takes else f"says nothing of {unknown}"
