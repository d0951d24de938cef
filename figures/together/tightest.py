"""Which guarantee is tightest at each generation, and which say nothing, and why."""

import numpy as np
import xarray as xr

from figures.together.evaluation import STATEMENTS
from figures.together.statements import Side
from theory.claims import Kind

__all__ = ["binding", "measured_tv", "tightest", "vacuous"]


def binding(curves: xr.Dataset, side: Side) -> xr.DataArray:
    """Mean over runs, in total variation, of the guarantees that hold; NaN for others."""
    listed = [STATEMENTS[id] for id in curves["statement"].values]
    chosen = xr.DataArray(
        [s.kind is Kind.GUARANTEE and s.side is side for s in listed], dims="statement"
    )
    return curves["tv"].mean("seed").where(chosen & curves["met"])


def vacuous(curves: xr.Dataset) -> xr.DataArray:
    """Where an upper bound is infinite or 1 or more in total variation, a lower one is 0."""
    tv, own = (curves[name].mean("seed") for name in ("tv", "own"))
    lower = xr.DataArray(
        [STATEMENTS[id].side is Side.LOWER for id in curves["statement"].values],
        dims="statement",
    )
    return xr.where(lower, own <= 0.0, (tv >= 1.0) | np.isposinf(own))


def measured_tv(trace: xr.Dataset) -> tuple[xr.DataArray, xr.DataArray]:
    """Mean over runs of the total variation from the data law, and its standard error."""
    tv = trace["drift_tv"]
    error = tv.std("seed", ddof=1) / np.sqrt(tv.sizes["seed"])
    return tv.mean("seed"), error


def tightest(curves: xr.Dataset) -> xr.Dataset:
    """The smallest upper and the largest lower guarantee at each generation.

    Returns:
        `upper` and `lower`, ids over (learner, generation), "" where none says anything;
        `upper_tv` and `lower_tv`, their values, 1 and 0 there.
    """
    useful = ~vacuous(curves)
    found = {}
    for name, side, worst in (("upper", Side.UPPER, 1.0), ("lower", Side.LOWER, 0.0)):
        sign = 1.0 if side is Side.UPPER else -1.0
        values = (sign * binding(curves, side)).where(useful).fillna(np.inf)
        known = np.isfinite(values).any("statement")
        best = values.argmin("statement")
        ids = curves["statement"].values[best.values]
        found[name] = best.copy(data=np.where(known, ids, ""))
        found[f"{name}_tv"] = (sign * values.min("statement")).where(known, worst)
    return xr.Dataset(found)
