"""Plans in words."""

import math

from theory.planning.inverse import Interval, Plan
from theory.planning.variables import VARIABLES

__all__ = ["feasible", "interval"]


def feasible(plan: Plan) -> str:
    """The values that meet the target: "alpha >= 0.316"."""
    name = plan.unknown
    if not plan.found:
        return (
            f"no {name} is enough: at best {_number('', plan.reached)} "
            f"at {name} = {_number(name, plan.best_at)}"
        )
    return " or ".join(interval(name, found) for found in plan.feasible)


def interval(name: str, found: Interval) -> str:
    """One interval of the unknown, ends inside."""
    low = _number(name, found.low, up=True)
    high = _number(name, found.high, up=False)
    if found.from_edge and found.to_edge:
        return f"any {name} (searched from {low} to {high})"
    if found.from_edge:
        return f"{name} <= {high}"
    if found.to_edge:
        return f"{name} >= {low}"
    return f"{low} <= {name} <= {high}"


def _number(name: str, value: float, up: bool | None = None) -> str:
    """Four digits, rounded into the interval, so that what is printed is feasible."""
    whole = name in VARIABLES and VARIABLES[name].scale == "whole"
    if whole and float(value).is_integer():
        return f"{int(value)}"
    if value == 0 or not math.isfinite(value) or up is None:
        return f"{value:.4g}"
    scale = 10.0 ** (math.floor(math.log10(abs(value))) - 3)
    rounded = (math.ceil if up else math.floor)(value / scale) * scale
    return f"{rounded:.4g}"
