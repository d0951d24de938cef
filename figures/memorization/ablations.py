"""gm10: twice as many training points instead of selection, and the filter's factor."""

import xarray as xr
from matplotlib import colormaps
from matplotlib.figure import Figure

from figures import style
from figures.memorization.data import described
from figures.memorization.loops import Loop, run_loop
from figures.memorization.marks import RUNS, faithful, in_every_run, over_runs, trained
from figures.memorization.presets.selection import Ablations
from figures.replication import over_seeds
from sim.composition import Greedy, ThresholdDecay
from sim.store import Group, Run
from theory.claims import Evidence

__all__ = ["caption", "draw", "judge", "predict", "simulate"]

REPLACE = {
    "N": "$N$ samples",
    "2N": "$2N$ samples, no selection",
    "greedy": "$N$ of $2N$, greedy",
}
MARKERS = "osD^v<>"


def loops(settings: Ablations) -> dict[str, Loop]:
    """By name; those named by a number accumulate, it is the factor of the filter."""
    n = settings.n
    found = {
        "N": Loop(n),
        "2N": Loop(2 * n),
        "greedy": Loop(n, Greedy(), generate=2 * n),
    }
    for decay in settings.decays:
        rule = ThresholdDecay(settings.threshold, decay)
        found[f"{decay:g}"] = Loop(n, rule, accumulates=True)
    return found


def simulate(settings: Ablations, run: Run, progress) -> xr.Dataset:
    """Every loop of every seed."""

    def one_group(group: Group) -> xr.Dataset:
        traces, named = [], loops(settings)
        for k, (name, loop) in enumerate(named.items()):
            with progress.stage(name):
                traces.append(run_loop(settings, loop, k, group.part(name), progress))
        names = xr.DataArray(list(named), dims="loop", name="loop")
        return xr.concat(traces, names, combine_attrs="drop")

    trace = over_seeds(run, settings.seeds, one_group)
    return trace.assign_attrs(data=described(settings))


def predict(settings: Ablations, trace: xr.Dataset) -> xr.Dataset:
    """Nothing: what is claimed here is an order."""
    return xr.Dataset()


def draw(settings: Ablations, trace: xr.Dataset, curves: xr.Dataset) -> Figure:
    """Frechet distance and score; left replacing loops, right factors of the filter."""
    fig, axes = style.panels(2, 2, height=2.2, sharex=True, sharey="row")
    factors = [f"{decay:g}" for decay in settings.decays]
    rows = (("frechet", "Frechet distance"), ("score", "GS (data units)"))
    for row, (name, label) in zip(axes, rows, strict=True):
        style.panel(row[0], "replace" if row is axes[0] else "", "", label, whole="x")
        for k, (loop, called) in enumerate(REPLACE.items()):
            marks = {"colour": style.SERIES[k], "marker": MARKERS[k]}
            over_runs(row[0], trace[name].sel(loop=loop), called, **marks)
        title = "accumulate, threshold decay" if row is axes[0] else ""
        style.panel(row[1], title, "", "", whole="x")
        for k, factor in enumerate(factors):
            colour = colormaps["plasma"](0.8 * k / max(len(factors) - 1, 1))
            marks = {"colour": colour, "marker": MARKERS[k % len(MARKERS)]}
            over_runs(row[1], trace[name].sel(loop=factor), f"factor {factor}", **marks)
        row[0].set_ylim(bottom=0)
    for ax in axes[-1]:
        ax.set_xlabel("model $n$")
    style.legend(axes[0, 0], loc="upper left", fontsize="x-small")
    style.legend(axes[0, 1], loc="upper left", fontsize="x-small")
    return fig


def judge(settings: Ablations, trace: xr.Dataset, curves: xr.Dataset) -> list[Evidence]:
    """The last model's Frechet distance: 2N points against N selected ones."""
    last = trace.isel(generation=-1)
    more, selected = last.sel(loop="2N"), last.sel(loop="greedy")
    return [
        in_every_run(
            "gm-not-only-more",
            f"{settings.data}, replace, N = {settings.n}, model {settings.generations}",
            more["frechet"] - selected["frechet"],
            more["frechet_se"],
            selected["frechet_se"],
            scale=more["frechet"],
            hypotheses=faithful(trace.sel(loop=["2N", "greedy"])),
            n=settings.n,
        )
    ]


def caption(settings: Ablations, trace: xr.Dataset) -> str:
    """What is shown, with every setting needed to repeat it."""
    return (
        f"Left: replacing loops with N = {settings.n} points, with all 2N that a model "
        "generates, and with N selected of 2N. Scores of N and 2N points may not be compared: "
        "denser sets are nearer. Right: loops that accumulate under the threshold decay "
        f"filter, by its factor. {RUNS} {trace.sizes['seed']} runs. "
        + trained(settings, trace)
    )
