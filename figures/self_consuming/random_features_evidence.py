"""What sc6 says: of each draw of features, of the mean over finite samples, of a filter."""

import numpy as np
import xarray as xr

from figures.self_consuming.evidence import pathwise
from figures.self_consuming.presets.diffusion import Diffusion
from figures.self_consuming.random_feature_loops import (
    SAMPLERS,
    along_amounts,
    cases,
    schedules_of,
)
from theory.claims import Evidence
from theory.self_consuming.spectral_filter import contraction, gradient_flow_loss

__all__ = ["filtered", "judge"]

MOST_RISE = 0.15
COHERENT = 0.25
"""Relative size up to which TV is the floor's coherent sum."""
ROUNDING = 1e-13


def judge(settings: Diffusion, trace: xr.Dataset, curves: xr.Dataset) -> list[Evidence]:
    """Every claim of sc6; statements on population loops are exact, draw by draw."""
    found = []
    for sampler in SAMPLERS:
        chosen = cases(settings, sampler)
        part = trace[["tv", "tv_step"]].sel(case=[c.label for c in chosen])
        schedules = schedules_of(settings, [c.lam for c in chosen])
        where = f"population, {sampler} steps, V1"
        drawn = part.sel(seed=part["seed"] < settings.draws)
        found += pathwise(drawn, schedules, "case", where)
    sampled = trace[["sampled_tv", "sampled_tv_step"]]
    sampled = sampled.rename(sampled_tv="tv", sampled_tv_step="tv_step")
    where = f"finite samples, iid, V1, tau = {settings.time:g} N"
    schedules = schedules_of(settings, settings.sampled_lams)
    found += pathwise(sampled, schedules, "lam", where)
    found += _population(settings, trace, curves)
    last = sampled["tv"].isel(generation=-1)
    found += _sampled(settings, last, _of(settings, trace, "matched", "short"), where)
    return found + [
        filtered("sc-rf-filter", settings.models, 1.0),
        filtered("sc-rf-filter-root", settings.models, 0.5),
    ]


def _of(settings: Diffusion, trace: xr.Dataset, sampler: str, clock: str):
    """TV of the last model, (draw, lam)."""
    tv = along_amounts(trace["tv"], settings, sampler, clock)
    return tv.isel(generation=-1).transpose("seed", "lam")


def _population(
    settings: Diffusion, trace: xr.Dataset, curves: xr.Dataset
) -> list[Evidence]:
    found, at = [], float(curves["threshold"])
    times = {
        "short": f"{settings.time:g} N",
        "long": f"{settings.long_time:g} N",
        "root": f"{settings.time * np.sqrt(settings.n):g} sqrt(N)",
    }
    for clock, time in times.items():
        tv = _of(settings, trace, "matched", clock)
        where = f"population, matched steps, tau = {time}"
        own = "-long" if clock == "long" else ""
        start, end = tv.isel(lam=0), tv.isel(lam=-1)
        top = tv.isel(lam=slice(1, -1)).argmax("lam") + 1
        peak = tv.isel(lam=top)
        gaps = [peak - start, peak - end]
        found.append(_exact(f"sc-rf-transition{own}", where, gaps, tv))
        if clock == "root":
            other = _of(settings, trace, "matched", "short").isel(lam=top)
            found.append(_exact("sc-rf-clock", where, [peak - start, peak - other], tv))
            continue
        rise = (1.0 + MOST_RISE) * start - tv.max("lam")
        said = f"{where}, bound's threshold {at:.3g}"
        near = int(abs(np.log1p(tv["lam"].values) - np.log1p(at)).argmin())
        lesser = tv.isel(lam=near) - tv.isel(lam=slice(0, max(near, 1)))
        found += [
            _exact("sc-rf-small-rise", where, [rise], tv),
            _exact("sc-rf-fall", where, [start - end], tv),
            _exact("sc-rf-threshold-of-bound", said, [lesser], tv),
        ]
    return [*found, *_floor(settings, trace, curves)]


def _floor(
    settings: Diffusion, trace: xr.Dataset, curves: xr.Dataset
) -> list[Evidence]:
    tv = _of(settings, trace, "posterior", "long")
    end, lesser = tv.isel(lam=-1), tv.isel(lam=slice(0, -1)).min("lam")
    where = f"population, posterior steps, tau = {settings.long_time:g} N"
    sums = curves["coherent"].sel(sampler="posterior", seed=tv["seed"].values)
    sums = sums.isel(generation=-1).sel(lam=settings.lams[-1])
    gap = Evidence(
        "sc-rf-floor-coherent",
        f"{where}, lambda = {settings.lams[-1]:g}",
        "==",
        (end - sums).values,
        scale=sums.values,
        margin=COHERENT * sums.values,
        seeds=tv.sizes["seed"],
    )
    return [_exact("sc-rf-floor-returns", where, [end - lesser], tv), gap]


def _exact(claim: str, where: str, slack: list, tv: xr.DataArray) -> Evidence:
    """Slacks of every draw of features; nothing was sampled."""
    values = np.concatenate([np.ravel(s.values) for s in slack])
    draws = tv.sizes["seed"]
    scale = float(tv.isel(lam=0).mean())
    return Evidence(
        claim, f"{where}, {draws} draws", "<=", values, scale=scale, seeds=draws
    )


def _sampled(
    settings: Diffusion, tv: xr.DataArray, population: xr.DataArray, where: str
) -> list[Evidence]:
    """Run by run: the runs of all amounts share their features."""
    between = population.sel(lam=list(settings.sampled_lams)).mean("seed")
    peak = tv.isel(lam=1 + int(np.argmax(between.values[1:-1])))
    start, end = tv.isel(lam=0), tv.isel(lam=-1)
    at = f"{where}, lambda = {float(peak['lam']):g}"
    return [
        _mean("sc-rf-sampled-fall", where, [start - end], start),
        _mean("sc-rf-transition-sampled", at, [peak - start, peak - end], start),
    ]


def _mean(claim: str, where: str, gaps: list, start: xr.DataArray) -> Evidence:
    runs = start.sizes["seed"]
    error = [float(g.std("seed", ddof=1)) / np.sqrt(runs) for g in gaps]
    return Evidence(
        claim,
        where,
        "<=",
        [float(g.mean("seed")) for g in gaps],
        standard_error=error,
        dof=runs - 1,
        scale=float(start.mean()),
        seeds=runs,
    )


def filtered(claim: str, models: int, power: float) -> Evidence:
    r""":math:`\ell_0-\delta_G` of modes and amounts, training time in proportion to N^power."""
    l0 = np.linspace(0.001, 0.999, 200)[:, None]
    lam = np.append(0.0, np.geomspace(1e-3, 1e5, 400))[None, :]
    loss = gradient_flow_loss(-np.log(l0), (1.0 + lam) ** power)
    slack = l0 - np.asarray(contraction(loss, lam / (1.0 + lam), models))
    where = f"tau in proportion to N^{power:g}, G = {models}, lambda up to 1e5"
    return Evidence(claim, where, "<=", slack, resolution=ROUNDING)
