r"""gm11: copies and nothing else: exact theory of lines of copies over loops that copy.

A kernel density of vanishing bandwidth resamples its training set. Left: lines of copies
left when they replace the data, when a share of the data is new, and when they accumulate.
Right: with a visible bandwidth h the score stays while entropy falls.
"""

import jax.numpy as jnp
import numpy as np
import xarray as xr
from matplotlib.figure import Figure

from figures import style
from figures.memorization.copies import EXACT, RADIUS, copier
from figures.memorization.loops import summary
from figures.memorization.marks import in_every_run, in_the_mean
from figures.memorization.presets.mechanisms import Genealogy
from figures.replication import interval, over_seeds, replica_keys
from sim.measures.memorisation import Copying, Spacing
from sim.recursion import run as recurse
from sim.replicas import folded
from sim.store import Group, Run
from theory.claims import Evidence
from theory.memorization.accumulated_copies import (
    accumulated_distinct_share,
    accumulated_shared_ancestor,
)
from theory.memorization.genealogy import (
    fresh_shared_ancestor,
    shared_ancestor,
    surviving_share_finite,
)
from theory.memorization.memoriser import memoriser_score

__all__ = ["caption", "draw", "judge", "predict", "simulate"]

EQUAL = 0.02  # difference of shares and of chances that is called none
STAYS = 0.05  # relative change of a score that is called none
NAMES = {"replace": "replace", "fresh": "with new points", "accumulate": "accumulate"}
COLOURS = dict(zip(NAMES, style.SERIES, strict=False))


def simulate(settings: Genealogy, run: Run, progress) -> xr.Dataset:
    """Lines in three loops of exact copies; score and entropy of a memoriser."""
    rounds = settings.rounds
    plane = copier(settings.n, rounds)
    accumulating = copier(settings.n, rounds, batches=rounds)
    measures = (Spacing(), Copying())
    n, d = settings.memoriser_n, settings.memoriser_dim
    memoriser = copier(n, rounds, d, settings.bandwidth, measures)
    loops = {
        "replace": (plane, 0.0),
        "fresh": (plane, settings.fresh),
        "accumulate": (accumulating, 0.0),
        "memoriser": (memoriser, 0.0),
    }

    def one_group(group: Group) -> xr.Dataset:
        keys = replica_keys(settings.seed, group.seeds)
        traces = {}
        for k, (name, (recursion, alpha)) in enumerate(loops.items()):
            with progress.stage(name):
                traces[name] = recurse(
                    recursion,
                    folded(keys, k),
                    {"alpha": np.full((len(group.seeds), settings.rounds), alpha)},
                    {"seed": np.array(group.seeds)},
                    group.part(name),
                    progress,
                )
        memory = summary(traces.pop("memoriser"))
        lines = [trace[["lines", "shared_ancestor"]] for trace in traces.values()]
        names = xr.DataArray(list(traces), dims="loop", name="loop")
        copies = xr.concat(lines, names, combine_attrs="drop")
        return copies.merge(memory[["score", "score_se", "data_entropy"]])

    return over_seeds(run, settings.seeds, one_group)


def predict(settings: Genealogy, trace: xr.Dataset) -> xr.Dataset:
    """Lines and ancestors after 0, 1, ... rounds of copying; the memoriser's score."""
    n, rounds, f = settings.n, settings.rounds - 1, settings.fresh
    after = lambda first, later: np.concatenate([[first], np.asarray(later)])
    t = jnp.arange(rounds + 1)
    ancestor = {
        "replace": np.asarray(shared_ancestor(n, t)),
        "fresh": after(0.0, fresh_shared_ancestor(n, f, rounds, "fresh")),
        "accumulate": after(0.0, accumulated_shared_ancestor(n, rounds)),
    }
    lines = {
        "replace": after(1.0, surviving_share_finite(n, rounds)),
        "accumulate": after(1.0, accumulated_distinct_share(rounds)),
    }
    unknown = np.full(rounds + 1, np.nan)
    stacked = lambda of: np.stack([of.get(name, unknown) for name in NAMES])
    return xr.Dataset(
        {
            "lines": (("loop", "generation"), stacked(lines)),
            "shared_ancestor": (("loop", "generation"), stacked(ancestor)),
            "score": float(memoriser_score(settings.bandwidth, settings.memoriser_dim)),
        },
        coords={"loop": list(NAMES), "generation": trace["generation"]},
    )


def draw(settings: Genealogy, trace: xr.Dataset, curves: xr.Dataset) -> Figure:
    """Lines left, shared ancestors, and the memoriser."""
    fig, (axes,) = style.panels(1, 3, height=2.7)
    rounds = trace["generation"].values
    labels = {"lines": "lines of copies left, over $N$",
              "shared_ancestor": "two points share an ancestor"}  # fmt: skip
    for ax, (name, label) in zip(axes, labels.items(), strict=False):
        style.panel(ax, "", "rounds of copying $t$", label, whole="x")
        for loop, called in NAMES.items():
            colour, of = COLOURS[loop], curves[name].sel(loop=loop)
            if np.isfinite(of).all():
                style.theory(ax, rounds, of, "", colour=colour)
            mean, low, high = interval(trace[name].sel(loop=loop))
            style.simulation(
                ax, rounds, mean, called, low=low, high=high, colour=colour
            )
        ax.set_ylim(0, None)
    style.legend(axes[0], loc="upper right")
    _memoriser(axes[2], settings, trace, curves)
    return fig


def _memoriser(ax, settings: Genealogy, trace: xr.Dataset, curves: xr.Dataset) -> None:
    style.panel(ax, "", "model $n$", r"GS over $E|hz|$", whole="x")
    models = 1 + trace["generation"].values
    score = trace["score"] / float(curves["score"])
    mean, low, high = interval(score)
    style.simulation(ax, models, mean, "score (left)", low=low, high=high)
    style.reference(ax, 1.0)
    ax.set_ylim(0, 1.5)
    other = ax.twinx()
    mean, low, high = interval(trace["data_entropy"])
    style.simulation(
        other, models, mean, "entropy (right)", low=low, high=high,
        colour=style.SERIES[2], marker="s",
    )  # fmt: skip
    other.set_ylabel("$H(D_n)$ (nats)")
    other.grid(visible=False)
    style.joint_legend((ax, other), loc="center right")


def judge(settings: Genealogy, trace: xr.Dataset, curves: xr.Dataset) -> list[Evidence]:
    """Means over runs against the exact chain; the memoriser in every run."""
    n, runs = settings.n, trace.sizes["seed"]
    later = trace.isel(generation=slice(1, None))
    expected = curves.isel(generation=slice(1, None))

    def of_mean(claim: str, name: str, loop: str, against: str = "") -> Evidence:
        gap = later[name].sel(loop=loop) - expected[name].sel(loop=against or loop)
        setting = f"{NAMES[loop]}, N = {n}, {settings.rounds - 1} rounds"
        return in_the_mean(claim, setting, gap, EQUAL, n=n)

    found = [
        of_mean("gm-survival", "lines", "replace"),
        of_mean("gm-survival", "lines", "accumulate"),
        of_mean("gm-ancestors", "shared_ancestor", "replace"),
        of_mean("gm-ancestors", "shared_ancestor", "accumulate"),
        of_mean("gm-fresh-stops", "shared_ancestor", "fresh"),
        of_mean("gm-fresh-none", "shared_ancestor", "fresh", against="replace"),
    ]
    setting = (
        f"N = {settings.memoriser_n}, d = {settings.memoriser_dim}, "
        f"h = {settings.bandwidth:g}, {settings.rounds} models"
    )
    score = trace["score"].mean("generation")
    spread = trace["score"].std("generation", ddof=1).mean("seed")
    gap = score.mean("seed") - curves["score"]
    fall = trace["data_entropy"].isel(generation=0) - trace["data_entropy"].isel(
        generation=-1
    )
    found += [
        Evidence(
            "gm-memoriser-constant",
            setting,
            "==",
            [float(gap), float(spread)],
            standard_error=[float(score.std("seed", ddof=1)) / np.sqrt(runs), 0.0],
            dof=runs - 1,
            scale=float(curves["score"]),
            margin=STAYS * float(curves["score"]),
            seeds=runs,
            n=settings.memoriser_n,
        ),
        in_every_run("gm-memoriser-entropy", setting, fall, n=settings.memoriser_n),
    ]
    return found


def caption(settings: Genealogy, trace: xr.Dataset) -> str:
    """What is shown, with every setting needed to repeat it."""
    return (
        f"Loops that copy: each model resamples its training set of N = {settings.n} points in "
        f"the plane (a kernel density with h = {EXACT:g}); lines are told by distance below "
        f"{RADIUS:g}. Lines: exact occupancy chain (replace), limit of many points "
        f"(accumulate); chance of a shared ancestor exact for all three, new points being "
        f"{settings.fresh:.0%} of every training set. Points: means over "
        f"{trace.sizes['seed']} runs with 95 % intervals. Right: h = {settings.bandwidth:g} "
        f"and N = {settings.memoriser_n} points of N(0, I) in {settings.memoriser_dim} "
        "dimensions: the score stays at the mean length of the noise, while copies of copies "
        "lower the entropy of the training set."
    )
