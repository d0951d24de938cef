"""The common table: statements and how far they are from the truth, generation by generation."""

import numpy as np
import xarray as xr

from figures.together.evaluation import STATEMENTS
from figures.together.statements import QUANTITIES, Side
from figures.together.tightest import measured_tv, tightest, vacuous
from theory.claims import Kind

__all__ = ["generation_rows", "statement_rows"]

Row = dict[str, float | int | str]


def statement_rows(trace: xr.Dataset, curves: xr.Dataset, learner: str) -> list[Row]:
    """One row for every statement: what it is, whether it speaks, where it ends.

    `last` is the last model's value in the statement's own quantity, `measured` what was
    measured of that, `tv` the statement in total variation and `over` that over the measured
    one; means over runs. `vacuous from` is the first model of which it says nothing.
    """
    of, at = curves.sel(learner=learner), trace.sel(learner=learner)
    last, blank = {"generation": -1}, vacuous(of)
    tv = float(at["drift_tv"].isel(last).mean("seed"))
    rows = []
    for id, statement in STATEMENTS.items():
        mine = of.sel(statement=id)
        own, total = (float(mine[v].isel(last).mean("seed")) for v in ("own", "tv"))
        empty = np.flatnonzero(blank.sel(statement=id).values)
        measured = np.nan
        if mine["speaks"]:
            variable = at[QUANTITIES[statement.quantity]]
            measured = float(variable.isel(last).mean("seed"))
        rows.append(
            {
                "statement": id,
                "theory": statement.paper,
                "reference": statement.reference,
                "from": statement.provenance,
                "kind": statement.kind.value,
                "side": statement.side.value,
                "of": statement.quantity,
                "about": "every run" if statement.every_run else "the mean",
                "state": _state(mine),
                "last": own,
                "measured": measured,
                "tv": total,
                "over": total / tv,
                "vacuous from": int(empty[0]) + 1 if len(empty) else "",
                "through": statement.currency,
                "why": str(mine["why"].values),
            }
        )
    return rows


def generation_rows(trace: xr.Dataset, curves: xr.Dataset, learner: str) -> list[Row]:
    """One row for every model: measured, the tightest guarantees, the exact prediction."""
    of, at = curves.sel(learner=learner), trace.sel(learner=learner)
    mean, error = measured_tv(at)
    best = tightest(of)
    predicted = _prediction(of)
    rows = []
    for k, (tv, se) in enumerate(zip(mean.values, error.values, strict=True)):
        here = best.isel(generation=k)
        row: Row = {"model": k + 1, "TV": float(tv), "s.e.": float(se)}
        for side in (Side.UPPER, Side.LOWER):
            value = float(here[f"{side}_tv"])
            row |= {
                f"tightest {side}": str(here[side.value].values) or "none",
                side.value: value,
                f"{side}/TV": value / float(tv),
            }
        row |= {"predicted": float(predicted[k]), "pred./TV": float(predicted[k] / tv)}
        rows.append(row)
    return rows


def _state(mine: xr.Dataset) -> str:
    if not mine["speaks"]:
        return "silent"
    return "applies" if mine["met"] else "hypotheses not met"


def _prediction(of: xr.Dataset) -> np.ndarray:
    """The exact prediction of total variation, NaN without one."""
    for id, statement in STATEMENTS.items():
        mine = of.sel(statement=id)
        own = statement.kind is Kind.EXACT and statement.quantity == "TV"
        if own and mine["speaks"] and mine["met"]:
            return mine["tv"].mean("seed").values
    return np.full(of.sizes["generation"], np.nan)
