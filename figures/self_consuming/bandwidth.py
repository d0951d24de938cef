r"""sc5: the bandwidth that is best for one sample is too wide in a loop.

A kernel's biases add up coherently, its noises in quadrature, and later kernels smooth
earlier noise away; so the loop's best bandwidth is smaller by :math:`(V/S^2)^{1/5}` and its error
:math:`(S^2V^4)^{1/5}` instead of :math:`(S^2+4V)/5` times that of one model (leading order).
"""

import numpy as np
import xarray as xr
from matplotlib.figure import Figure

from figures.replication import over_seeds
from figures.self_consuming.bandwidth_picture import picture
from figures.self_consuming.bandwidth_theory import (
    DRIVEN,
    RULES,
    asymptotics,
    bandwidths,
    driven_moments,
    exact_curves,
    loop_of,
)
from figures.self_consuming.evidence import (
    mean_is,
    pathwise,
    sandwich,
    skewed_sandwich,
)
from figures.self_consuming.loops import (
    WIDTHS,
    covering_grid,
    kernel_loop,
    simulate_loop,
)
from figures.self_consuming.presets.coherence import Bandwidth
from sim.grid import grid_for_kernels
from sim.store import Group, Run
from theory.claims import Evidence

__all__ = ["caption", "draw", "judge", "predict", "simulate"]

MARGIN = 10.0  # standard errors
LARGE, DEEPEST = 10_000_000, 20
LEADING_ORDER = 0.03
SPREAD = 1.5
"""Reach beyond the mean variance: a scale that the data set fluctuates."""
MEASURED = ["tv", "tv_step", "ise", "law_second_moment"]


def simulate(settings: Bandwidth, run: Run, progress) -> xr.Dataset:
    """Measures over (seed, generation, scheme, rule), and of data-driven bandwidths."""
    h = bandwidths(settings)
    driven = _driven_loop(settings)
    lots = {"iid": ["synthetic", "mixed"], "fresh": ["fresh"], "reused": ["reused"]}
    plain = {protocol: _loop(settings, names, h) for protocol, names in lots.items()}

    def one_group(group: Group) -> xr.Dataset:
        found = []
        for protocol, names in lots.items():
            labels = {"scheme": names, "rule": list(RULES)}
            part = group.part(protocol)
            trace = simulate_loop(
                plain[protocol], part, settings.seed, labels, progress
            )
            found.append(trace[MEASURED])
        trace = xr.concat(found, "scheme", join="exact", compat="equals")
        part, labels = group.part("driven"), {"driven": list(DRIVEN)}
        more = simulate_loop(driven, part, settings.seed, labels, progress)[MEASURED]
        return trace.merge(more.rename({k: f"driven_{k}" for k in MEASURED}))

    trace = over_seeds(run, settings.seeds, one_group)
    trace["bandwidth"] = h
    return trace.transpose("seed", "generation", "scheme", "rule", "driven")


def _loop(settings: Bandwidth, names: list[str], h: xr.DataArray):
    chosen = [loop_of(settings, name) for name in names for _ in RULES]
    schedules = [schedule for _, schedule in chosen]
    rows = h.sel(scheme=names).values.reshape(len(chosen), -1)
    grid, _ = covering_grid(settings.half_width, schedules, rows)
    return kernel_loop(schedules, chosen[0][0], rows, grid)


def _driven_loop(settings: Bandwidth):
    """Bandwidths in units of the sample's own deviation."""
    schedules = [loop_of(settings, name)[1] for name in DRIVEN]
    h = [settings.constant * np.asarray(s.sizes) ** -0.2 for s in schedules]
    widest = np.sqrt(driven_moments(settings).max())
    reach = max(settings.half_width, SPREAD * WIDTHS * float(widest))
    grid = grid_for_kernels(reach, 0.8 * float(np.min(h)))
    return kernel_loop(schedules, "iid", np.stack(h), grid, scaled=True)


def predict(settings: Bandwidth, trace: xr.Dataset) -> xr.Dataset:
    """Exact errors and moments, predicted TV, and leading-order factors beside exact ones."""
    curves = exact_curves(settings, trace["bandwidth"])
    curves["driven_second_moment"] = driven_moments(settings)
    curves = curves.merge(asymptotics(settings))
    return curves.assign_coords(generation=trace["generation"].values)


def draw(settings: Bandwidth, trace: xr.Dataset, curves: xr.Dataset) -> Figure:
    """Errors, TV and variance against the model; best bandwidths and their errors."""
    schedule = loop_of(settings, "synthetic")[1]
    return picture(settings, trace, curves, schedule)


def judge(settings: Bandwidth, trace: xr.Dataset, curves: xr.Dataset) -> list[Evidence]:
    """Every run against the bound; identities; the loop's bandwidth; leading orders."""
    found, G = [], settings.models
    at = sorted({0, (G - 1) // 2, G - 1})
    models = f"models {', '.join(str(i + 1) for i in at)}"
    for name in trace["scheme"].values:
        protocol, schedule = loop_of(settings, name)
        one, expected = trace.sel(scheme=name), curves.sel(scheme=name)
        found += pathwise(one, [schedule] * len(RULES), "rule", f"{name}, {protocol}")
        for rule in RULES:
            setting = f"{name}, {protocol}, {rule} bandwidth, {models}"
            pick = {"generation": at}
            runs = one.sel(rule=rule).isel(pick)
            theory = expected.sel(rule=rule).isel(pick)
            skewed = name == "synthetic" or rule == "loop"
            judged = skewed_sandwich if skewed else sandwich
            found += judged(setting, runs["tv"], theory)
            found.append(mean_is("sc-mise", setting, runs["ise"], theory["mise"]))
            found.append(
                mean_is(
                    "sc-loop-second-moment",
                    setting,
                    runs["law_second_moment"],
                    theory["second_moment"],
                )
            )
        found.append(_better(one["ise"].isel(generation=-1), name, protocol))
    ratio = (trace["ise"] / curves["mise"]).mean(["scheme", "rule", "generation"])
    found.append(mean_is("sc-mise", "mean ratio over all loops and models", ratio, 1.0))
    found += _driven(settings, trace, curves, at)
    found.append(_leading_order(curves))
    return found


def _better(ise: xr.DataArray, name: str, protocol: str) -> Evidence:
    """Mean squared errors of the last model apart by more than `MARGIN` standard errors."""
    n = ise.sizes["seed"]
    mean, error = ise.mean("seed"), ise.std("seed", ddof=1) / np.sqrt(n)
    apart = mean.sel(rule="one-sample") - mean.sel(rule="loop")
    spread = np.hypot(error.sel(rule="one-sample"), error.sel(rule="loop"))
    return Evidence(
        "sc-loop-bandwidth",
        f"{name}, {protocol}, last model; {MARGIN:g} standard errors in the slack",
        "<=",
        float(apart - MARGIN * spread),
        scale=float(mean.sel(rule="one-sample")),
        hypotheses=(("noise not reused", protocol != "reused", protocol),),
        seeds=n,
    )


def _driven(settings, trace, curves, at: list[int]) -> list[Evidence]:
    """Data-driven bandwidths: the bound, the recursion, and what it is not."""
    names = {name: f"driven_{name}" for name in ("tv", "tv_step")}
    one = xr.Dataset({name: trace[stored] for name, stored in names.items()})
    schedules = [loop_of(settings, name)[1] for name in DRIVEN]
    found = pathwise(one, schedules, "driven", "data-driven bandwidth, iid")
    for name in DRIVEN:
        setting = f"{name}, iid, data-driven bandwidth"
        runs = trace["driven_law_second_moment"].sel(driven=name).isel(generation=at)
        exact = curves["driven_second_moment"].sel(driven=name).isel(generation=at)
        found.append(mean_is("sc-data-driven", setting, runs, exact))
    last = {"generation": [-1]}
    runs = trace["driven_law_second_moment"].sel(driven="synthetic").isel(last)
    given = curves["second_moment"].sel(scheme="synthetic", rule="one-sample")
    setting = "synthetic, iid, data-driven bandwidth, last model"
    found.append(mean_is("sc-data-driven-control", setting, runs, given.isel(last)))
    return found


def _leading_order(curves: xr.Dataset) -> Evidence:
    """Exact factors against leading order at the most points a stage."""
    N = int(curves["size"].max())
    chosen = (curves["depth"] >= 2) & (curves["depth"] <= DEEPEST)
    depths = curves["depth"][chosen]
    names = ("factor", "best", "one_sample")
    exact = [curves[n].sel(size=N, depth=depths).values for n in names]
    leading = [curves[f"leading_{n}"].sel(depth=depths).values for n in names]
    off = abs(np.array(exact) / np.array(leading) - 1.0)
    return Evidence(
        "sc-loop-asymptotics",
        f"fully synthetic, N = {N}, {', '.join(map(str, depths.values))} models",
        "<=",
        LEADING_ORDER - off,
        resolution=1e-5,
        scale=LEADING_ORDER,
        hypotheses=(
            ("10^7 points a stage", N >= LARGE, f"N = {N}"),
            ("from 2 to 20 models", bool(len(depths)), f"{len(depths)} depths"),
        ),
    )


def caption(settings: Bandwidth, trace: xr.Dataset) -> str:
    """What is shown, with every setting needed to repeat it."""
    c, N = settings.constant, settings.n_synthetic
    return (
        f"Kernel densities of N(0, 1) in loops of {settings.models} models, rate r = 2/5; "
        f"{trace.sizes['seed']} seeds, 95 % intervals. One-sample bandwidth: {c:g} N^(-1/5) of "
        "each stage's own size; loop-optimal: the AMISE bandwidth times the factor with "
        "which the exact error of the last model is least. Loops: fully synthetic "
        f"(iid, N = {N}); iid with real fraction {settings.alpha:g} of N = {settings.n_mixed} "
        f"(V1); fresh and reused, {settings.n} real and {settings.m} synthetic points, model 1 "
        "from the real ones (V2). Lines without free parameter: (a, b) exact mean integrated "
        "squared error, (c) predicted TV, (d) exact second moments; shaded edges: bound from "
        "measured one-step errors. Data-driven: bandwidth in units of the sample's own "
        "standard deviation. (e, f) theory alone: exact minimiser of the fully synthetic loop "
        "for several N, dotted the leading order."
    )
