r"""gm12: the first model over training-set size and training time.

One training per size, looked at along the way: the step size does not fall, so a look after
k steps is a model trained for k steps. Samples start from the same noise at every look.
"""

from dataclasses import replace
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import xarray as xr
from matplotlib.figure import Figure

from figures import style
from figures.memorization.data import described, drawn
from figures.memorization.loops import learner, sampler
from figures.memorization.marks import in_every_run, trained
from figures.memorization.presets.mechanisms import TrainingTime
from figures.replication import over_seeds, replica_keys
from sim.measures.estimate import mean_estimate
from sim.measures.generalisation import twin_ratio
from sim.measures.neighbours import nearest
from sim.replicas import folded, replicated
from sim.store import Group, Run, resumable
from theory.claims import Evidence
from theory.processes import ou
from theory.validation import require

__all__ = ["caption", "draw", "judge", "predict", "simulate"]

FLAT = 100  # how many times longer the step size's schedule is than the training
PARTS = ("data", "init", "train", "noise")  # of a run's randomness


def simulate(settings: TrainingTime, run: Run, progress) -> xr.Dataset:
    """Score and twin ratio at every look, for every size and seed."""

    def one_group(group: Group) -> xr.Dataset:
        traces = []
        for k, n in enumerate(settings.sizes):
            with progress.stage(f"N = {n}", settings.looks) as bar:
                part = group.part(f"n{n}")
                traces.append(_one_size(settings, n, k, part, bar))
        sizes = xr.DataArray(list(settings.sizes), dims="size", name="size")
        return xr.concat(traces, sizes, combine_attrs="drop")

    trace = over_seeds(run, settings.seeds, one_group)
    return trace.assign_attrs(data=described(settings))


def _one_size(settings: TrainingTime, n: int, k: int, group: Group, bar) -> xr.Dataset:
    whole = settings.steps % settings.looks == 0
    require(whole, "steps", f"a multiple of looks = {settings.looks}", settings.steps)
    sets = [drawn(settings, seed, n, n) for seed in group.seeds]
    model = replace(
        learner(settings, sets[0][0].shape[1]),
        steps=FLAT * settings.steps,
        segments=FLAT * settings.looks,
    )
    at = sampler(settings)
    process = ou(float(at.times[0]), 0.0)
    data, twin = (
        jnp.asarray(np.stack(of), jnp.float32) for of in zip(*sets, strict=True)
    )
    keys = folded(replica_keys(settings.seed, group.seeds), k)
    of = lambda name: folded(keys, PARTS.index(name))
    init = replicated(lambda key, x: model.init(key, x, None, process))
    advance = replicated(lambda key, fit, x: model.advance(key, fit, x, process))

    def look_one(key, fit, x, twin):
        fitted = model.finish(fit)
        start = at.begin(key, None, x, (settings.samples, x.shape[1]), process)
        samples = at.sample(key, fitted, start, process)
        near = nearest(samples, x[: len(twin)], 1).distance[:, 0]
        other = nearest(samples, twin, 1).distance[:, 0]
        whole = mean_estimate(nearest(samples, x, 1).distance[:, 0])
        held = mean_estimate(nearest(twin, x, 1).distance[:, 0])
        rho = twin_ratio(near, other)
        return {
            "score": whole.value,
            "score_se": whole.standard_error,
            "held_out_score": held.value,
            "twin_ratio": rho.value,
            "twin_ratio_se": rho.standard_error,
        }

    look = replicated(look_one)

    def body(i: int, fit: Any) -> tuple[Any, xr.Dataset]:
        fit = advance(folded(of("train"), i), fit, data)
        record = jax.block_until_ready(look(of("noise"), fit, data, twin))
        seeds = {"seed": np.array(group.seeds)}
        found = {name: ("seed", np.asarray(v)) for name, v in record.items()}
        return fit, xr.Dataset(found, coords=seeds)

    trace = resumable(
        group, settings.looks, lambda: init(of("init"), data), body, bar.tick
    )
    steps = settings.steps // settings.looks * (1 + np.arange(settings.looks))
    return trace.rename(generation="look").assign_coords(look=steps)


def predict(settings: TrainingTime, trace: xr.Dataset) -> xr.Dataset:
    """Nothing: no theory of the transition in training time is offered."""
    return xr.Dataset()


def draw(settings: TrainingTime, trace: xr.Dataset, curves: xr.Dataset) -> Figure:
    """Two maps over size and training time."""
    fig, (axes,) = style.panels(1, 2, height=2.8)
    relative = trace["score"] / trace["held_out_score"]
    panels = (
        ("score of the first model", r"GS / GS$_{\rm ref}$", relative),
        ("memory of particular points", r"twin ratio $\rho_1$", trace["twin_ratio"]),
    )
    looks, sizes = trace["look"].values, trace["size"].values
    for ax, (title, label, values) in zip(axes, panels, strict=True):
        style.panel(ax, title, "training steps", "training points $N$")
        shown = values.mean("seed").transpose("size", "look").values
        rows = np.arange(len(sizes))
        high = max(1.0, float(shown.max()))
        style.heat(ax, looks, rows, shown, label, vmin=0.0, vmax=high, cmap="viridis")
        if shown.min() < 0.9 < shown.max() and min(shown.shape) >= 2:
            lines = ax.contour(looks, rows, shown, levels=[0.5, 0.9], colors="white")
            ax.clabel(lines, fmt="%g", fontsize=7)
        ax.set_yticks(rows, [str(n) for n in sizes])
    return fig


def judge(
    settings: TrainingTime, trace: xr.Dataset, curves: xr.Dataset
) -> list[Evidence]:
    """Along training with the fewest points; across sizes at its end."""
    rho, error = trace["twin_ratio"], trace["twin_ratio_se"]
    few, many = settings.sizes[0], settings.sizes[-1]
    first, last = {"size": few, "look": trace["look"][0]}, {"look": trace["look"][-1]}
    ends = last | {"size": few}
    return [
        in_every_run(
            "gm-longer-nearer",
            f"{settings.data}, N = {few}, up to {settings.steps:,} steps",
            rho.sel(first) - rho.sel(ends),
            error.sel(first),
            error.sel(ends),
            n=few,
        ),
        in_every_run(
            "gm-more-points-further",
            f"{settings.data}, N = {few} and {many}, {settings.steps:,} steps",
            rho.sel(last | {"size": many}) - rho.sel(ends),
            error.sel(last | {"size": many}),
            error.sel(ends),
        ),
    ]


def caption(settings: TrainingTime, trace: xr.Dataset) -> str:
    """What is shown, with every setting needed to repeat it."""
    return (
        "The first model, trained on N real points, by N and by the steps it was trained for "
        f"(the step size does not fall). Left: mean distance of {settings.samples} samples to "
        "the training set over that of held-out points; above 1 samples are bad, not new. "
        "Right: the same over the distance to as many held-out points: 1 means no memory of "
        f"particular points. Means over {trace.sizes['seed']} runs. "
        + trained(settings, trace)
    )
