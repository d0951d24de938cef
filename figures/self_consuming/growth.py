r"""sc1: total variation over generations, scheme by scheme.

Model s + 1 is a kernel density of :math:`n_s` independent draws from its mixture
:math:`p_s`, p_0 = N(0, 1), bandwidth :math:`cn_s^{-1/5}`: one recursion, in which the schemes
differ by shares and sizes alone. A few runs learn in the plane instead (`plane`).
"""

import numpy as np
import xarray as xr
from matplotlib.figure import Figure
from matplotlib.ticker import NullFormatter

from figures import style
from figures.replication import interval, over_seeds
from figures.self_consuming.evidence import mean_is, pathwise, sandwich
from figures.self_consuming.kernel_theory import predictions
from figures.self_consuming.loops import (
    by_reach,
    covering_grid,
    kernel_loop,
    measured_bound,
    simulate_lots,
)
from figures.self_consuming.plane import RATE as PLANE_RATE
from figures.self_consuming.plane import plane_loop, simulate_plane
from figures.self_consuming.presets.growth import Growth
from figures.self_consuming.schemes import Scheme, bandwidths, schemes
from sim.store import Group, Run
from theory.claims import Evidence
from theory.mixing import Schedule, fully_synthetic, latest
from theory.self_consuming.sample_size import schedule_factor
from theory.self_consuming.weights import accumulated_bound, rate_errors

__all__ = ["caption", "draw", "judge", "predict", "simulate"]

RATE = 0.4
LONGEST = 200
"""Models of the loops whose closed forms are compared."""
SHAPE = style.SERIES[3]
TICKS = (0.02, 0.05, 0.1, 0.2, 0.5)
NAMES = ("rate shape, constant from stage 0", "bound, measured one-step errors")


def _schedules(settings: Growth) -> list[Schedule]:
    G, n = settings.generations, settings.n
    return [scheme.schedule(G, n) for scheme in schemes(settings)]


def _widths(settings: Growth) -> np.ndarray:
    return np.stack([bandwidths(s, settings.bandwidth) for s in _schedules(settings)])


def _plane_schedules(settings: Growth) -> list[Schedule]:
    G, n = settings.plane_generations, settings.plane_n
    return [fully_synthetic(G, n), latest(settings.alpha, G, n)]


def simulate(settings: Growth, run: Run, progress) -> xr.Dataset:
    """Every scheme and seed; some seeds in the plane too."""
    schedules, h = _schedules(settings), _widths(settings)
    ids = [scheme.id for scheme in schemes(settings)]
    grid, note = covering_grid(settings.half_width, schedules, h)
    lots = {
        tuple(ids[k] for k in at): kernel_loop(
            [schedules[k] for k in at], "iid", h[at], grid
        )
        for at in by_reach(schedules)
    }
    at = _plane_schedules(settings)
    plane = plane_loop(
        at,
        np.stack([bandwidths(s, settings.plane_bandwidth, 2) for s in at]),
        settings.plane_n,
        settings.plane_width,
        settings.plane_nodes,
    )
    plane_labels = {"mix": [0.0, settings.alpha]}

    def one_group(group: Group) -> xr.Dataset:
        line = simulate_lots(lots, group, settings.seed, "scheme", {}, progress)
        points = simulate_plane(
            plane, group, settings.plane_seeds, settings.seed, plane_labels, progress
        ).rename(generation="step")
        line = line.sel(scheme=ids)
        return line.merge(points.rename({name: f"plane_{name}" for name in points}))

    return over_seeds(run, settings.seeds, one_group).assign_attrs(note=note)


def predict(settings: Growth, trace: xr.Dataset) -> xr.Dataset:
    """Exact predictions; bounds from measured errors; the rate's shape from stage 0."""
    schedules = _schedules(settings)
    curves = predictions(schedules, _widths(settings)).rename(schedule="scheme")
    curves = curves.assign_coords(
        scheme=trace["scheme"], generation=trace["generation"]
    )
    for name, at, along, rate, prefix in (
        ("tv", schedules, "scheme", RATE, ""),
        ("plane_tv", _plane_schedules(settings), "mix", PLANE_RATE, "plane_"),
    ):
        found = [
            _bounds(s, trace[[name, f"{name}_step"]].isel({along: k}), name, rate)
            for k, s in enumerate(at)
        ]
        joined = xr.concat(found, trace[along])
        curves = curves.merge(joined.rename({v: prefix + v for v in joined}))
    return curves


def _bounds(
    schedule: Schedule, trace: xr.Dataset, name: str, rate: float
) -> xr.Dataset:
    """Mean over seeds of the measured bound, and the shape that model 1 sets."""
    time = next(d for d in trace.dims if d in ("generation", "step"))
    trace = trace.dropna("seed").rename({time: "generation"})
    mean = trace[name].mean("seed")
    C = float(mean[0]) * schedule.sizes[0] ** rate
    shape = accumulated_bound(schedule, rate_errors(schedule.sizes, rate, C))
    measured = measured_bound(schedule, trace[f"{name}_step"]).mean("seed")
    bounds = {"measured": measured, "shape": mean.copy(data=np.asarray(shape))}
    return xr.Dataset(bounds).rename(generation=time)


def draw(settings: Growth, trace: xr.Dataset, curves: xr.Dataset) -> Figure:
    """A panel a scheme, and one of points in the plane."""
    fig, axes = style.panels(4, 3, height=1.75, sharey=True)
    flat = axes.ravel()
    chosen = schemes(settings)
    for ax, scheme in zip(flat, chosen, strict=False):
        style.panel(ax, scheme.title, "", "", log="y", whole="x")
        _scheme(ax, trace.sel(scheme=scheme.id), curves.sel(scheme=scheme.id))
    _plane(flat[len(chosen)], settings, trace, curves)
    for k, ax in enumerate(flat[: len(chosen) + 1]):
        ax.title.set_fontsize(9)
        ax.set_ylabel(r"TV$(\hat p_i, p_0)$" if k % 3 == 0 else "")
        ax.set_xlabel("model $i$" if k + 3 > len(chosen) else "")
    flat[0].set_yticks(TICKS, [f"{v:g}" for v in TICKS])
    flat[0].yaxis.set_minor_formatter(NullFormatter())
    for ax in flat[len(chosen) + 1 :]:
        ax.set_axis_off()
    marks = flat[0].get_legend_handles_labels()
    key = flat[len(chosen) + 1].legend(*marks, loc="center left", fontsize=9)
    key.set_in_layout(False)  # it spreads over the two empty places
    return fig


def _scheme(ax, trace: xr.Dataset, curves: xr.Dataset) -> None:
    models = 1 + trace["generation"].values
    style.bound(ax, models, curves["measured"], NAMES[1], forbids="above")
    ax.plot(models, curves["shape"], "--", color=SHAPE, lw=1.0, label=NAMES[0])
    style.spread(
        ax, models, curves["lower"], curves["upper"],
        "rigorous, from exact mean and variance", style.THEORY,
    )  # fmt: skip
    style.theory(ax, models, curves["prediction"], "prediction (no free parameter)")
    mean, low, high = interval(trace["tv"])
    style.simulation(ax, models, mean, "simulated", low=low, high=high)


def _plane(ax, settings: Growth, trace: xr.Dataset, curves: xr.Dataset) -> None:
    title = f"points in the plane, $n = {settings.plane_n}$"
    style.panel(ax, title, "", "", log="y", whole="x")
    models = 1 + trace["step"].values
    for k, (alpha, marker) in enumerate(zip(trace["mix"].values, "os", strict=True)):
        colour = style.SERIES[1 + k]
        at = curves.sel(mix=alpha)
        style.bound(
            ax, models, at["plane_measured"], "", forbids="above", colour=colour
        )
        ax.plot(models, at["plane_shape"], "--", color=colour, lw=1.0)
        mean, low, high = interval(trace["plane_tv"].sel(mix=alpha).dropna("seed"))
        style.simulation(
            ax, models, mean, rf"$\alpha = {alpha:g}$", low=low, high=high,
            colour=colour, marker=marker,
        )  # fmt: skip
    style.legend(ax, loc="lower right")


def judge(settings: Growth, trace: xr.Dataset, curves: xr.Dataset) -> list[Evidence]:
    """Pathwise bounds, predictions, control by sizes or real data, and closed forms."""
    schedules = _schedules(settings)
    found = pathwise(trace, schedules, "scheme", "kernel densities, nine schemes, iid")
    plane = trace[["plane_tv", "plane_tv_step"]].dropna("seed")
    plane = plane.rename(plane_tv="tv", plane_tv_step="tv_step", step="generation")
    found += pathwise(
        plane, _plane_schedules(settings), "mix", "points in the plane, iid"
    )
    judged = sorted({0, (settings.generations - 1) // 2, settings.generations - 1})
    for scheme in schemes(settings):
        at = {"scheme": scheme.id}
        tv = trace["tv"].sel(at).isel(generation=judged)
        predicted = curves.sel(at).isel(generation=judged)
        models = ", ".join(str(k + 1) for k in judged)
        setting = f"{scheme.id}, iid, n = {settings.n}, models {models}"
        found += sandwich(setting, tv, predicted, n=settings.n)
        if scheme.controlled or scheme.id == "synthetic":
            found.append(_control(settings, scheme, trace["tv"].sel(at)))
    found.append(_together(settings, trace, curves, judged))
    return found + _closed_forms(settings)


def _together(settings: Growth, trace, curves, judged: list[int]) -> Evidence:
    """The prediction of all schemes at once: fewer seeds are enough to decide it."""
    relative = (trace["tv"] / curves["prediction"]).isel(generation=judged)
    models = ", ".join(str(k + 1) for k in judged)
    setting = f"mean over the schemes, iid, n = {settings.n}, models {models}"
    return mean_is("sc-prediction", setting, relative.mean("scheme"), 1.0)


def _control(settings: Growth, scheme: Scheme, tv: xr.DataArray) -> Evidence:
    """Last model against a multiple of model 1, run by run."""
    excess = settings.times * tv.isel(generation=0) - tv.isel(generation=-1)
    claim = "sc-controlled" if scheme.controlled else "sc-uncontrolled"
    gap = excess if scheme.controlled else -excess
    runs = gap.sizes["seed"]
    return Evidence(
        claim,
        f"{scheme.id}, model {settings.generations}, {settings.times:g} times model 1",
        "<=",
        float(gap.mean("seed")),
        standard_error=float(gap.std("seed", ddof=1)) / np.sqrt(runs),
        dof=runs - 1,
        scale=settings.times * float(tv.isel(generation=0).mean()),
        seeds=runs,
        n=settings.n,
    )


def _closed_forms(settings: Growth) -> list[Evidence]:
    """The recursion's bound against S_i and its limit, for loops of up to LONGEST models."""
    lengths = [1, 2, 3, 5, 10, 20, 50, 100, LONGEST]
    found = []
    for scheme in schemes(settings):
        direct, closed, limit = np.transpose(
            [
                (
                    float(schedule_factor(scheme.schedule(G, 1.0), RATE)),
                    f.value,
                    f.limit,
                )
                for G in lengths
                for f in [scheme.factor(G, RATE)]
            ]
        )
        setting = f"{scheme.id}, up to {LONGEST} models, r = {RATE:g}"
        exact = {"resolution": 1e-12 * closed, "scale": closed}
        found.append(
            Evidence("sc-bound-closed", setting, "==", direct - closed, **exact)
        )
        if np.isfinite(limit).all():
            slack = limit - direct
            found.append(Evidence("sc-bound-limit", setting, "<=", slack, **exact))
        if scheme.id == "synthetic":
            slack = 1.0 / settings.alpha - direct
            found.append(Evidence("sc-bound-linear", setting, "<=", slack, **exact))
    return found


def caption(settings: Growth, trace: xr.Dataset) -> str:
    """What was run."""
    note = trace.attrs.get("note", "")
    return (
        f"Total variation of model i from the real law N(0, 1), kernel densities of "
        f"bandwidth {settings.bandwidth:g} n_s^(-1/5), protocol iid, n = {settings.n}, over "
        f"{trace.sizes['seed']} runs; shares and sizes as in the titles (V1: model 1 has "
        f"n + m real points). Points: mean with 95 % intervals. Line: exact mean and variance "
        f"of the model, its fluctuation taken as Gaussian; band: rigorous from the same two. "
        f"Grey edge: the sum of measured one-step errors weighted by A_s, which holds in every "
        f"run. Dashed: the rate r = 2/5 with its constant from model 1 alone, never fitted; "
        f"the shape, not a bound of this learner. Last panel: points in 2-D, "
        f"{settings.plane_n} a stage, bandwidth {settings.plane_bandwidth:g} n^(-1/6), "
        f"r = 1/3, {min(settings.plane_seeds, trace.sizes['seed'])} runs."
        + (f" Note: {note}." if note else "")
    )
