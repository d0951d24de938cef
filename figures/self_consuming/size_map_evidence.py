"""What the runs and closed forms of sc7 say about the points that are needed."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import xarray as xr

from figures.self_consuming.evidence import mean_is, pathwise
from figures.self_consuming.schemes import schemes
from theory.claims import Evidence
from theory.mixing import Schedule
from theory.self_consuming.sample_size import required, schedule_factor

__all__ = ["evidence"]

LENGTHS = (2, 4, 10, 25, 50, 100, 200)
"""Models of the loops whose weights are summed, not taken from a closed form."""
RATES = (0.25, 0.4)
TARGET = 0.05
"""Any will do: laws of growth do not depend on it."""


def evidence(
    settings: Any, trace: xr.Dataset, schedules: Sequence[Schedule]
) -> list[Evidence]:
    """All of it.

    Args:
        settings: `presets.growth.SizeMap`.
        trace: from `size_map.simulate`.
        schedules: of its conditions, in the order (scheme, by).
    """
    runs = trace[["tv", "tv_step"]].stack(condition=("scheme", "by"))  # noqa: PD013
    runs = runs.reset_index("condition", drop=True)
    found = pathwise(
        runs, schedules, "condition", "kernel densities, needed sizes, iid"
    )
    last = trace["tv"].isel(generation=-1)
    for scheme in trace["scheme"].values:
        for by, claim, relation in (
            ("prediction", "sc-size-prediction", "=="),
            ("upper", "sc-size-guarantee", "<="),
            ("one", "sc-size-one-model", "<="),
        ):
            if by == "one" and scheme == "all":  # there one model's are nearly enough
                continue
            n = int(trace["n"].sel(scheme=scheme, by=by))
            setting = f"{scheme}, model {settings.generations}, iid, n = {n}"
            values = last.sel(scheme=scheme, by=by)
            more = {"relation": relation, "n": n}
            found.append(mean_is(claim, setting, values, settings.target, **more))
    return found + _growth(settings)


def _growth(settings: Any) -> list[Evidence]:
    """Laws of growth of what the bound asks for, from the weights of the recursion."""
    by_id = {scheme.id: scheme for scheme in schemes(settings)}
    found = []
    for r in RATES:
        setting = f"bound, r = {r:g}, up to {LENGTHS[-1]} models"
        need = lambda id, r=r: _needs(by_id[id].schedule, r)
        one = float(required(1.0, TARGET, r))
        G = np.array(LENGTHS, float)
        slope = np.diff(np.log(need("synthetic"))) / np.diff(np.log(G))
        if r == 0.25:
            found.append(
                Evidence(
                    "sc-size-fourth-power", setting, "==", slope - 4.0, resolution=1e-9
                )
            )
        ratio = need("latest") / one
        most = settings.alpha ** (-1.0 / r)
        found.append(_at_most("sc-size-constant", setting, most - ratio, ratio))
        ratio = need("equal") / one
        inside = np.stack(
            [ratio - np.log(G) ** (1.0 / r), (1.0 + np.log(G)) ** (1.0 / r) - ratio]
        )
        found.append(_at_most("sc-size-logarithm", setting, inside, ratio))
        c = settings.vanishing
        saved = (need("synthetic") / need("vanishing"))[-1]
        law = (c + 1.0) ** (1.0 / r)
        found.append(
            Evidence(
                "sc-size-vanishing",
                f"bound, r = {r:g}, {LENGTHS[-1]} models, c = {c:g}",
                "==",
                saved - law,
                margin=0.01 * law,
                scale=law,
            )
        )
    return found


def _needs(schedule: Any, rate: float) -> np.ndarray:
    """Points for `TARGET` at each of `LENGTHS`, one-step constant 1."""
    factors = [float(schedule_factor(schedule(G, 1.0), rate)) for G in LENGTHS]
    return np.asarray(required(np.array(factors), TARGET, rate))


def _at_most(claim: str, setting: str, slack, scale) -> Evidence:
    scale = np.broadcast_to(scale, np.shape(slack))
    return Evidence(claim, setting, "<=", slack, resolution=1e-10 * scale, scale=scale)
