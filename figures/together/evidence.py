"""Verdicts on all statements at once: bounds are not crossed, predictions are hit."""

import numpy as np
import xarray as xr

from figures.together.cases import cases
from figures.together.evaluation import STATEMENTS, of_case
from figures.together.presets import Together
from figures.together.propagation_curves import exact_shift_drift
from figures.together.statements import QUANTITIES, Side, Statement
from theory.claims import Evidence, Kind

__all__ = ["judged_at", "judgements"]

CLEARLY = 1.1
"""Factor by which the exact drift must exceed a display that is expected to fail."""
ROUNDING = 1e-12
"""Absolute accuracy of a quantity by quadrature, where it is 0."""


def judged_at(generations: int) -> list[int]:
    """Generations at which means are judged: the first, the middle and the last."""
    return sorted({0, (generations - 1) // 2, generations - 1})


def judgements(
    settings: Together, trace: xr.Dataset, curves: xr.Dataset
) -> list[Evidence]:
    """Evidence on every statement that speaks of a loop, its hypotheses met."""
    found = []
    for learner, case in cases(settings).items():
        measured, of = of_case(trace, learner), curves.sel(learner=learner)
        for statement in STATEMENTS.values():
            at = of.sel(statement=statement.id)
            if at["speaks"] and at["met"]:
                found += _of_statement(learner, settings, statement, measured, at)
        found.append(_control(learner, measured, of.sel(statement="measured")))
        if learner == "shift" and case.is_gaussian:
            found += _displayed(exact_shift_drift(case, measured), measured, of)
    return found


def _of_statement(
    learner: str,
    settings: Together,
    statement: Statement,
    measured: xr.Dataset,
    at: xr.Dataset,
) -> list[Evidence]:
    setting, n = f"{learner}: {statement.id}", settings.n
    value = measured[QUANTITIES[statement.quantity]]
    if statement.kind is Kind.RATE:
        return []
    if statement.every_run:
        found = [_in_every_run("all-guarantee", setting, statement, value, at["own"])]
        if statement.currency not in ("", "itself"):
            tv = measured["drift_tv"]
            found.append(
                _in_every_run("all-currency", setting, statement, tv, at["tv"])
            )
        return found
    some = {"generation": judged_at(settings.generations)}
    value, curve = value.isel(some), at["own"].isel(some)
    if statement.kind is Kind.EXACT:
        return [_hit(setting, statement, value, curve, n)]
    gap = curve - value if statement.side is Side.UPPER else value - curve
    return [_in_the_mean("all-mean", setting, "<=", gap, curve, n)]


def _in_every_run(
    claim: str, setting: str, statement: Statement, value, bound, **more
) -> Evidence:
    """Known laws have no sampling error: slacks are exact up to quadrature and rounding."""
    value, bound = xr.broadcast(value, bound)
    slack = bound - value if statement.side is Side.UPPER else value - bound
    return Evidence(
        claim,
        setting,
        "<=",
        slack.values,
        resolution=statement.resolution * np.maximum(abs(bound), abs(value)).values
        + ROUNDING,
        scale=bound.values,
        seeds=value.sizes["seed"],
        **more,
    )


def _hit(setting: str, statement: Statement, value, curve, n: int) -> Evidence:
    predicted = abs(curve.mean("seed"))
    margin = statement.margin * (predicted if statement.relative else 1.0)
    margin = (margin + xr.zeros_like(predicted)).values + ROUNDING
    return _in_the_mean("all-exact", setting, "==", value - curve, curve, n, margin)


def _in_the_mean(
    claim: str, setting: str, relation: str, gap, curve, n: int, margin=0.0
) -> Evidence:
    runs = gap.sizes["seed"]
    return Evidence(
        claim,
        setting,
        relation,
        gap.mean("seed").values,
        standard_error=gap.std("seed", ddof=1).values / np.sqrt(runs),
        dof=runs - 1,
        resolution=ROUNDING,
        scale=abs(curve.mean("seed")).values,
        margin=margin,
        seeds=runs,
        n=n,
    )


def _control(learner: str, measured: xr.Dataset, at: xr.Dataset) -> Evidence:
    statement, tv = STATEMENTS["measured"], measured["drift_tv"]
    return _in_every_run("all-control", learner, statement, tv, 0.9 * at["tv"])


def _displayed(exact, measured: xr.Dataset, of: xr.Dataset) -> list[Evidence]:
    """Thm 4.2's upper side, where the exact recursion foresees that it fails."""
    display = of.sel(statement="thm-4.2+")
    if not (exact > CLEARLY * display["own"]).any():
        return []
    checked = (
        "as far as can be checked",
        bool(display["met"]),
        str(display["why"].values),
    )
    statement = STATEMENTS["thm-4.2+"]
    return [
        _in_every_run(
            "all-displayed",
            "shift",
            statement,
            measured["D"],
            display["own"],
            hypotheses=(checked,),
        )
    ]
