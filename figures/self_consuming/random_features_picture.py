"""The picture of sc6: six panels."""

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import NullFormatter

from figures import style
from figures.replication import interval
from figures.self_consuming.presets.diffusion import Diffusion
from figures.self_consuming.random_feature_loops import SAMPLERS, along_amounts

__all__ = ["picture"]

COLOURS = dict(zip(SAMPLERS, style.SERIES[1::-1], strict=False))
MARKERS = {"posterior": "s", "matched": "o"}
CLOCKS = {"short": (2, "o"), "long": (0, "D"), "root": (3, "^")}
"""Colour and mark of each training time."""
TV = r"TV$(\hat p_i, p_0)$"
AMOUNT = r"synthetic over real points $\lambda=m/n$"


def picture(settings: Diffusion, trace: xr.Dataset, curves: xr.Dataset) -> Figure:
    """Floor, growth; training times, filter; finite samples, their growth."""
    fig, axes = style.panels(3, 2, height=2.55)
    (floor, growth), (times, modes), (sampled, models) = axes
    G, long = settings.models, rf"$\tau={settings.long_time:g}N$"
    short = rf"$\tau={settings.time:g}N$"
    style.panel(floor, f"Population loop, {long}, model {G}", AMOUNT, TV)
    style.panel(growth, f"Population loop, {long}", "model $i$", TV, whole="x")
    style.panel(
        times,
        f"Population loop, matched, model {G}",
        AMOUNT,
        r"TV over TV at $m=0$",
        log="y",
    )
    style.panel(
        modes, f"One mode of a filter, model {G}", AMOUNT,
        r"lost, $\delta_G/\ell_0$",
    )  # fmt: skip
    style.panel(sampled, f"Finite samples, iid, {short}, model {G}", AMOUNT, TV)
    style.panel(models, f"Finite samples, iid, {short}", "model $i$", TV, whole="x")
    _floor(floor, settings, trace, curves)
    _growth(growth, settings, trace, curves)
    _times(times, settings, trace, curves)
    _modes(modes, curves)
    _sampled(sampled, settings, trace, curves)
    _models(models, settings, trace)
    for ax in (floor, times, modes, sampled):
        _amounts(ax, settings.lams[-1])
    return fig


def _amounts(ax: Axes, top: float) -> None:
    ax.set_xscale("symlog", linthresh=1.0, linscale=0.5)
    ticks = [t for t in (0, 1, 10, 100) if t <= top]
    ax.set_xticks(ticks, [str(t) for t in ticks])
    ax.set_xlim(-0.06, 1.15 * top)


def _ranged(ax: Axes, x, values: xr.DataArray, label: str, colour, marker: str) -> None:
    """Mean over the draws of features, and their range."""
    style.simulation(
        ax, x, values.mean("seed"), label, low=values.min("seed"),
        high=values.max("seed"), colour=colour, marker=marker,
    )  # fmt: skip


def _headroom(ax: Axes, share: float) -> None:
    ax.set_ylim(0.0, (1.0 + share) * ax.get_ylim()[1])


def _threshold(ax: Axes, curves: xr.Dataset) -> None:
    at = float(curves["threshold"])
    label = rf"$\lambda^\ast={at:.1f}$ of the bound, $r=1/4$"
    ax.axvline(at, color=style.BOUND, linewidth=0.9, linestyle="-.", label=label)


def _legend(ax: Axes, columns: int = 2) -> None:
    """Above all data, in front of the lines."""
    style.legend(
        ax, loc="upper left", fontsize="x-small", ncols=columns, columnspacing=1.0,
        frameon=True, framealpha=1.0, edgecolor="none", borderpad=0.2,
    )  # fmt: skip
    ax.get_legend().set_zorder(4)


def _floor(ax: Axes, settings, trace, curves) -> None:
    for sampler in SAMPLERS:
        colour = COLOURS[sampler]
        sums = curves["coherent"].sel(sampler=sampler).isel(generation=-1).mean("seed")
        style.theory(ax, curves["lam"], sums, f"{sampler}: floor times $S_i$", colour)
        level = float(curves["floor"].sel(sampler=sampler).mean("seed"))
        style.reference(ax, level, "floor: one model" if sampler == "posterior" else "")
        ax.lines[-1].set_color(colour)
        tv = along_amounts(trace["tv"], settings, sampler, "long").isel(generation=-1)
        _ranged(ax, tv["lam"], tv, f"{sampler} steps", colour, MARKERS[sampler])
    _threshold(ax, curves)
    _headroom(ax, 0.75)
    _legend(ax)


def _growth(ax: Axes, settings, trace, curves) -> None:
    for sampler in SAMPLERS:
        colour = COLOURS[sampler]
        tv = along_amounts(trace["tv"], settings, sampler, "long")
        i = 1 + tv["generation"].values
        top = settings.lams[-1]
        sums = curves["coherent"].sel(sampler=sampler, lam=top).mean("seed")
        style.theory(ax, i, sums, rf"{sampler}: floor times $S_i$", colour)
        for lam, fill in ((0.0, 0.35), (top, 1.0)):
            label = rf"{sampler}, $\lambda={lam:g}$"
            at = tv.sel(lam=lam)
            shade = (*_rgb(colour), fill)
            _ranged(ax, i, at, label, shade, MARKERS[sampler])
    _headroom(ax, 0.6)
    _legend(ax)


def _rgb(colour: str) -> tuple[float, ...]:
    return tuple(int(colour[k : k + 2], 16) / 255 for k in (1, 3, 5))


def _times(ax: Axes, settings, trace, curves) -> None:
    said = {
        "short": rf"$\tau={settings.time:g}N$",
        "long": rf"$\tau={settings.long_time:g}N$",
        "root": rf"$\tau={settings.time * np.sqrt(settings.n):g}\sqrt{{N}}$",
    }
    for clock, (k, marker) in CLOCKS.items():
        tv = along_amounts(trace["tv"], settings, "matched", clock)
        ratio = tv.isel(generation=-1) / tv.isel(generation=-1, lam=0)
        colour = style.SERIES[k]
        ax.plot(tv["lam"], ratio.mean("seed"), ":", color=colour, lw=0.9)
        _ranged(ax, tv["lam"], ratio, said[clock], colour, marker)
    ax.plot(
        curves["lam"], curves["shape"], "--", color=style.BOUND, lw=1.1,
        label="bound's shape $f_1$, $r=1/4$ (shape only)",
    )  # fmt: skip
    style.reference(ax, 1.0)
    _threshold(ax, curves)
    ax.set_ylim(0.8 * ax.get_ylim()[0], 14.0)
    ticks = (0.3, 0.5, 1.0, 2.0, 4.0)
    ax.set_yticks(ticks, [f"{v:g}" for v in ticks])
    ax.yaxis.set_minor_formatter(NullFormatter())
    _legend(ax)


def _modes(ax: Axes, curves: xr.Dataset) -> None:
    for k, lost in enumerate(curves["lost"].values):
        for power, dash in ((1.0, "-"), (0.5, "--")):
            line = curves["filter"].sel(power=power, lost=lost)
            label = rf"$\ell_0={lost:g}$" if power == 1.0 else ""
            ax.plot(curves["lam"], line, dash, color=style.SERIES[k], label=label)
    ax.plot([], [], "-", color=style.BOUND, label=r"$\tau\propto N$")
    ax.plot([], [], "--", color=style.BOUND, label=r"$\tau\propto\sqrt{N}$")
    style.reference(ax, 1.0)
    _headroom(ax, 0.45)
    _legend(ax, 3)


def _sampled(ax: Axes, settings, trace, curves) -> None:
    style.bound(
        ax, curves["sampled_lam"], curves["bound"].isel(generation=-1),
        "bound, measured one-step errors", forbids="above",
    )  # fmt: skip
    tv = along_amounts(trace["tv"], settings, "matched", "short").isel(generation=-1)
    colour = style.SERIES[CLOCKS["short"][0]]
    ax.plot(tv["lam"], tv.mean("seed"), ":", color=colour, lw=0.9)
    _ranged(ax, tv["lam"], tv, "population loop", colour, "o")
    mean, low, high = interval(trace["sampled_tv"].isel(generation=-1))
    style.simulation(ax, trace["lam"], mean, "simulated, 95 %", low=low, high=high)
    _threshold(ax, curves)
    _headroom(ax, 0.55)
    _legend(ax)


def _models(ax: Axes, settings, trace) -> None:
    i = 1 + trace["generation"].values
    for k, lam in enumerate(settings.sampled_lams):
        mean, low, high = interval(trace["sampled_tv"].sel(lam=lam))
        style.simulation(
            ax, i + 0.12 * (k - 1.5), mean, rf"$\lambda={lam:g}$", low=low, high=high,
            colour=style.SERIES[k], marker="osD^vP"[k % 6],
        )  # fmt: skip
    _headroom(ax, 0.3)
    _legend(ax, 4)
