"""Every statement on every loop: which speak, whether their hypotheses hold, their curves."""

import numpy as np
import xarray as xr

from figures.together import (
    of_autoencoder,
    of_error_propagation,
    of_memorization,
    of_self_consuming,
)
from figures.together.cases import Case, cases
from figures.together.presets import Together
from figures.together.statements import CURRENCIES, Check, Statement

__all__ = ["STATEMENTS", "evaluate", "of_case"]

STATEMENTS: dict[str, Statement] = {
    statement.id: statement
    for theory in (
        of_error_propagation,
        of_self_consuming,
        of_memorization,
        of_autoencoder,
    )
    for statement in theory.STATEMENTS
}


def of_case(trace: xr.Dataset, learner: str) -> xr.Dataset:
    """What was measured of one loop; what was not is left out."""
    at = trace.sel(learner=learner)
    return at[[name for name in at if at[name].notnull().any()]]


def evaluate(settings: Together, trace: xr.Dataset) -> xr.Dataset:
    """Over (learner, statement, seed, generation), NaN where a statement is silent.

    Returns:
        `own` in the statement's quantity and `tv` in total variation; `speaks` and `met`,
        whether it does and whether its hypotheses hold, and `why` not, or what was checked.
    """
    sizes = (trace.sizes["learner"], len(STATEMENTS))
    shape = (*sizes, trace.sizes["seed"], trace.sizes["generation"])
    own, tv = np.full(shape, np.nan), np.full(shape, np.nan)
    speaks, met = np.zeros(sizes, bool), np.zeros(sizes, bool)
    why = np.full(sizes, "", dtype=object)
    for k, (learner, case) in enumerate(cases(settings).items()):
        measured = of_case(trace, learner)
        for j, statement in enumerate(STATEMENTS.values()):
            why[k, j] = statement.silent(case)
            if why[k, j]:
                continue
            checks = statement.checks(case, measured)
            speaks[k, j], met[k, j] = True, all(c.met is not False for c in checks)
            why[k, j] = "; ".join(map(_said, checks))
            own[k, j], tv[k, j] = _curves(statement, case, measured, shape[2:])
    over = ("learner", "statement", "seed", "generation")
    return xr.Dataset(
        {
            "own": (over, own),
            "tv": (over, tv),
            "speaks": (over[:2], speaks),
            "met": (over[:2], met),
            "why": (over[:2], why.astype(str)),
        },
        {"learner": trace["learner"].values, "statement": list(STATEMENTS)},
    )


def _curves(
    statement: Statement, case: Case, measured: xr.Dataset, shape: tuple[int, int]
) -> tuple[np.ndarray, np.ndarray]:
    """The statement's curve and its total variation, each for every seed."""
    own = statement.curve(case, measured)
    values = own, CURRENCIES[statement.currency](own, case, measured)
    order = ("seed", "generation")
    rows = (v.transpose(*(d for d in order if d in v.dims)).values for v in values)
    return tuple(np.broadcast_to(row, shape) for row in rows)


def _said(check: Check) -> str:
    state = {True: "met", False: "NOT MET", None: "not checkable"}[check.met]
    return f"{check.name}: {state} ({check.detail})"
