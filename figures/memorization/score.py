r"""gm1: the generalisation score over generations, by the size of the training set.

:math:`GS(n)`, the mean distance of a sample of model n to the nearest point of its training
set D_n, relative to that of held-out real points to D_1. It also falls where data merely
shrink or clump: gm4 and gm5 look at it relative to those.
"""

import numpy as np
import xarray as xr
from matplotlib.figure import Figure
from matplotlib.ticker import NullFormatter

from figures import style
from figures.memorization.data import described, drawn, pictured
from figures.memorization.loops import Loop, run_loop
from figures.memorization.marks import (
    RUNS,
    in_every_run,
    no_worse,
    over_runs,
    size_colour,
    trained,
)
from figures.memorization.presets.sizes import COPIES, Sizes
from figures.replication import over_seeds
from sim.store import Group, Run
from theory.claims import Evidence

__all__ = ["caption", "draw", "judge", "predict", "simulate"]

SHOWN = 512  # real points that are kept for pictures
TICKS = (0.1, 0.2, 0.3, 0.5, 0.7, 1.0)
COLLAPSED = 1 / 20  # of the first score: what the control claims
VISIBLE = 0.1  # rise of the absolute fraction that counts as copies
BLIND = 0.5  # part of the rise of one fraction that the other should show


def simulate(settings: Sizes, run: Run, progress) -> xr.Dataset:
    """Replacing loops of every size and seed."""

    def one_group(group: Group) -> xr.Dataset:
        traces = []
        for k, n in enumerate(settings.sizes):
            with progress.stage(f"N = {n}"):
                loop = Loop(n, keep=settings.keep)
                part = group.part(f"n{n}")
                traces.append(run_loop(settings, loop, k, part, progress))
        sizes = xr.DataArray(list(settings.sizes), dims="size", name="size")
        return xr.concat(traces, sizes, combine_attrs="drop")

    trace = over_seeds(run, settings.seeds, one_group)
    trace.attrs["data"] = described(settings)
    real, _ = drawn(settings, 0, min(settings.sizes[-1], SHOWN), 0)
    trace["real_points"] = ("real", "coordinate"), real
    return trace.assign(pictured(settings, 0))


def predict(settings: Sizes, trace: xr.Dataset) -> xr.Dataset:
    """Nothing: what is claimed here are trends."""
    return xr.Dataset()


def relative_score(trace: xr.Dataset) -> xr.DataArray:
    """GS over that of held-out real points against D_1."""
    return trace["score"] / trace["held_out_score"].isel(generation=0)


def draw(settings: Sizes, trace: xr.Dataset, curves: xr.Dataset) -> Figure:
    """Score, and both memorised fractions."""
    fig, (axes,) = style.panels(1, 3, height=2.6)
    style.panel(
        axes[0], "generalisation score", "model $n$", r"GS / GS$_{\rm ref}$",
        log="y", whole="x",
    )  # fmt: skip
    style.panel(
        axes[1], "within a third of the first spacing", "model $n$",
        "memorised (absolute)", whole="x",
    )  # fmt: skip
    style.panel(axes[2], "$d_1 < d_2/3$", "model $n$", "memorised (ratio)", whole="x")
    relative = relative_score(trace)
    for k, n in enumerate(settings.sizes):
        marks = {"colour": size_colour(k, len(settings.sizes))}
        values = (relative, trace["memorised_absolute"], trace["memorised_ratio"])
        for ax, of in zip(axes, values, strict=True):
            over_runs(ax, of.sel(size=n), f"$N = {n}$", **marks)
    style.reference(axes[0], 1.0)
    axes[0].set_yticks(TICKS, [f"{v:g}" for v in TICKS])
    axes[0].yaxis.set_minor_formatter(NullFormatter())
    for ax in axes[1:]:
        ax.set_ylim(-0.03, 1.03)
    style.legend(axes[0], loc="lower left")
    return fig


def judge(settings: Sizes, trace: xr.Dataset, curves: xr.Dataset) -> list[Evidence]:
    """Falls within every run; the order of sizes; what the two fractions say."""
    score, error = trace["score"], trace["score_se"]
    first, last = score.isel(generation=0), score.isel(generation=-1)
    first_se, last_se = error.isel(generation=0), error.isel(generation=-1)
    relative = (last / first).transpose("seed", "size")
    relative_se = abs(relative) * np.hypot(last_se / last, first_se / first)
    found = []
    for n in settings.sizes:
        at = {"size": n}
        hypotheses = no_worse(trace.sel(at))
        setting = f"{settings.data}, replace, N = {n}, model {settings.generations}"
        shared = {"scale": first.sel(at), "hypotheses": hypotheses, "n": n}
        fall = (first - last).sel(at)
        ends = (first_se.sel(at), last_se.sel(at))
        found.append(in_every_run("gm-score-falls", setting, fall, *ends, **shared))
        step = -score.sel(at).diff("generation", label="upper")
        before = error.sel(at).shift(generation=1).isel(generation=slice(1, None))
        after = error.sel(at).isel(generation=slice(1, None))
        each = f"{settings.data}, replace, N = {n}"
        found.append(
            in_every_run("gm-score-falls-each", each, step, before, after, **shared)
        )
        found += _fractions(trace.sel(at), setting, n)
    setting = f"{settings.data}, replace, model {settings.generations}"
    found.append(
        in_every_run("gm-score-collapses", setting, COLLAPSED - relative, relative_se)
    )
    rises = relative.diff("size", label="upper")
    below = relative_se.shift(size=1).isel(size=slice(1, None))
    above = relative_se.isel(size=slice(1, None))
    found.append(in_every_run("gm-smaller-faster", setting, rises, below, above))
    return found


def _fractions(trace: xr.Dataset, setting: str, n: int) -> list[Evidence]:
    """Both memorised fractions from the first model to the last."""
    rise, errors = {}, {}
    for kind in ("absolute", "ratio"):
        of, se = trace[f"memorised_{kind}"], trace[f"memorised_{kind}_se"]
        rise[kind] = of.isel(generation=-1) - of.isel(generation=0)
        errors[kind] = np.hypot(se.isel(generation=-1), se.isel(generation=0))
    least = float(rise["absolute"].min())
    visible = ((COPIES, least > VISIBLE, f"{least:.2f} at least"),)
    return [
        in_every_run(
            "gm-absolute-copies",
            setting,
            rise["absolute"] - VISIBLE,
            errors["absolute"],
            n=n,
        ),
        in_every_run(
            "gm-ratio-blind",
            setting,
            rise["ratio"] - BLIND * rise["absolute"],
            errors["ratio"],
            BLIND * errors["absolute"],
            hypotheses=visible,
            n=n,
        ),
    ]


def caption(settings: Sizes, trace: xr.Dataset) -> str:
    """What is shown, with every setting needed to repeat it."""
    return (
        "Left: mean distance of a model's samples to the nearest point of its training set, "
        "over that of held-out real points to the first training set. Middle: share of "
        "samples within a third of the mean spacing of the first training set; right: share "
        "with d1 < d2/3, which near-duplicates in the training set hide copies from. "
        f"{RUNS} {trace.sizes['seed']} runs; their training sets differ. "
        + trained(settings, trace)
    )
