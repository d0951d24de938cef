"""What sc2 says of TV, of its threshold, and of the bound's."""

from collections.abc import Sequence

import numpy as np
import xarray as xr

from figures.self_consuming.evidence import mean_is, pathwise, sandwich
from figures.self_consuming.peak import (
    curve_of,
    higher_at,
    peak,
    rise_and_fall,
    threshold_is,
)
from figures.self_consuming.presets.transition import Transition
from theory.claims import Evidence
from theory.mixing import Schedule, fixed_mixture
from theory.self_consuming.phase_transition import shape_v1, threshold_v1

__all__ = ["RATES", "bound_shape", "far_of", "judge", "schedules_of"]

RATES = {"quarter": 0.25, "moment": 0.4}
"""Exponents r whose thresholds are marked: as recalled for diffusion; kernel densities."""
SHAPES = (0.25, 0.4, 0.5)
BEYOND = 10.0
"""Standard errors by which TV has to rise and to fall."""
BRACKET = 1.5
SAME = 0.1
"""Share of a threshold below which another is the same."""
MOMENT_TOLERANCE = 0.02
ROUNDING = 1e-13
"""Relative size above which a change of the shape is one."""
CELLS = 4_000


def schedules_of(settings: Transition, lams: Sequence[float]) -> list[Schedule]:
    """One a synthetic amount: V1, every stage has n + m points."""
    n, G = settings.n, settings.models
    return [fixed_mixture(n, n * lam, G, "V1") for lam in lams]


def far_of(trace: xr.Dataset) -> xr.Dataset:
    """The large amounts, named as the others are."""
    names = {f"far_{name}": name for name in (*trace, "seed", "lam")}
    found = {far: name for far, name in names.items() if far in trace.variables}
    return trace[[far for far in found if far in trace]].rename(found)


def judge(
    settings: Transition, trace: xr.Dataset, curves: xr.Dataset
) -> list[Evidence]:
    """Every claim of sc2."""
    model = f"kernel density, n = {settings.n}, {settings.models} models, iid, V1"
    near, far = trace, far_of(trace)
    found = []
    for part, lams in ((near, settings.lams), (far, settings.far_lams)):
        where = f"{model}, lambda = {lams[0]:g} to {lams[-1]:g}"
        found += pathwise(part, schedules_of(settings, lams), "lam", where)
        last, at = part.isel(generation=-1), curves.sel(lam=list(lams))
        found += sandwich(where, last["tv"], at)
        identity = curves["identity"].sel(simulated=list(lams))
        identity = identity.rename(simulated="lam")
        moment = last["law_second_moment"]
        found.append(
            mean_is("sc-second-moment", where, moment, identity, MOMENT_TOLERANCE)
        )
    tv = curve_of([part["tv"].isel(generation=-1) for part in (near, far)])
    found += _transition(model, tv, curves, settings.seeds)
    found += [bound_shape(settings.models, rate) for rate in SHAPES]
    return found


def _transition(
    model: str, tv: xr.Dataset, curves: xr.Dataset, seeds: int
) -> list[Evidence]:
    """Rise and fall, and where the threshold is."""
    own, bounds = (float(curves[f"threshold_{k}"]) for k in ("prediction", "quarter"))
    lam, shared = tv["lam"].values, {"seeds": seeds}
    outside = lam[(lam < own / BRACKET) | (lam > own * BRACKET)]
    found = peak(tv, own)
    predicted = f"{model}; predicted {own:.2f}, found {found[0]:.2f}"
    said = f"{model}; bound's {bounds:.2f}, found {found[0]:.2f}"
    ends = lam[[0, -1]]
    return [
        higher_at("sc-transition", model, tv, own, ends, **shared),
        rise_and_fall("sc-rise-and-fall", model, tv, own, BEYOND, **shared),
        higher_at("sc-peak-bracket", model, tv, own, outside, **shared),
        threshold_is("sc-model-threshold", predicted, found, own, SAME, **shared),
        threshold_is("sc-threshold-of-bound", said, found, bounds, SAME, **shared),
        higher_at("sc-large-m", model, tv, 0.0, ends[1:], **shared),
    ]


def bound_shape(models: int, rate: float, threshold: float | None = None) -> Evidence:
    """Changes of f_1 from cell to cell, positive up to its threshold, negative beyond.

    The grid is uniform in log lambda, four decades on both sides of the threshold, which
    is one of its points; the first cell starts at lambda = 0.
    """
    at = threshold_v1(models, rate) if threshold is None else threshold
    lam = np.append(0.0, at * 10.0 ** (4.0 * np.arange(-CELLS, CELLS + 1) / CELLS))
    change = np.diff(np.asarray(shape_v1(lam, models, rate)))
    sign = np.where(lam[1:] <= at, 1.0, -1.0)
    height = float(shape_v1(at, models, rate))
    where = f"G = {models}, r = {rate:g}, threshold {at:.2f}"
    slack = sign * change - ROUNDING * height
    return Evidence("sc-bound-shape", where, "<=", slack, scale=height)
