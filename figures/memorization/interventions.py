r"""gm13: does entropy act, or distance? Training sets of lower entropy, and smaller ones.

N points of F families: F different images, N/F jittered copies of each. The twin is another
set of jittered copies of the same images. One model is trained on each set.
"""

from functools import partial

import jax.random as jr
import numpy as np
import xarray as xr
from matplotlib.figure import Figure

from figures import style
from figures.memorization.data import described, drawn
from figures.memorization.loops import learner, sampler, summary
from figures.memorization.marks import RUNS, in_every_run, in_the_mean, trained
from figures.memorization.presets.mechanisms import MEMORY, Interventions
from figures.replication import over_seeds, replica_keys
from sim.composition import Pooled
from sim.measures.memorisation import Copying, Spacing, Twin
from sim.recursion import Recursion
from sim.recursion import run as recurse
from sim.store import Group, Run
from sim.targets import Split
from theory.claims import Evidence
from theory.processes import ou

__all__ = ["caption", "draw", "judge", "predict", "simulate"]

KEEPS = 0.15  # change of a twin ratio that is called none, over families
SCALES = 0.1  # the same for halved data, and of their score, relative
REMEMBERS = 0.95  # twin ratio above which there is no memory to change
HALF = 0.5


def simulate(settings: Interventions, run: Run, progress) -> xr.Dataset:
    """One model for each family count and seed, and for the halved data."""
    at = sampler(settings)
    recursion = Recursion(
        target=lambda at: Split(at["train"], at["held_out"]),
        learner=lambda at: learner(settings, at["train"].shape[-1]),
        sampler=at,
        process=ou(float(at.times[0]), 0.0),
        n=settings.n,
        generations=1,
        composition=Pooled(settings.n),
        measures=(Spacing(), Copying(), Twin()),
        twin=settings.n,
    )
    labels = [*map(float, settings.families), HALF]

    def one_group(group: Group) -> xr.Dataset:
        sets = [_sets(settings, seed) for seed in group.seeds]
        rows = {
            name: np.concatenate([of[name] for of in sets])[:, None]
            for name in ("train", "held_out")
        }
        keys = replica_keys(settings.seed, group.seeds, len(labels))
        trace = recurse(
            recursion,
            keys,
            {"alpha": np.ones((len(keys), 1)), **rows},
            {"seed": np.array(group.seeds), "set": np.array(labels)},
            group,
            progress,
        )
        return summary(trace).isel(generation=0)

    trace = over_seeds(run, settings.seeds, one_group)
    return trace.assign_attrs(data=described(settings))


def _sets(settings: Interventions, seed: int) -> dict[str, np.ndarray]:
    """Training sets and their twins, for every family count and for halved data."""
    key = jr.fold_in(jr.key(settings.seed), seed)
    found = {"train": [], "held_out": []}
    images, _ = drawn(settings, seed, settings.n, 0)
    for k, families in enumerate((*settings.families, settings.families[0])):
        chosen = images[np.arange(settings.n) % families]
        scale = HALF if k == len(settings.families) else 1.0
        for j, name in enumerate(found):
            z = jr.normal(jr.fold_in(key, 1 + 2 * k + j), chosen.shape, np.float32)
            found[name].append(scale * (chosen + settings.jitter * np.asarray(z)))
    return {name: np.stack(rows).astype(np.float32) for name, rows in found.items()}


def predict(settings: Interventions, trace: xr.Dataset) -> xr.Dataset:
    """Nothing: whether entropy acts is asked of the runs."""
    return xr.Dataset()


def draw(settings: Interventions, trace: xr.Dataset, curves: xr.Dataset) -> Figure:
    """Score, and twin ratio, against the entropy of the training set."""
    fig, (axes,) = style.panels(1, 2, height=2.7)
    names = (("score", "GS (data units)"), ("twin_ratio", r"twin ratio $\rho_1$"))
    for ax, (name, label) in zip(axes, names, strict=True):
        style.panel(ax, "", "$H(D_1)$ (nats)", label)
        for called, at, colour, marker in (
            (
                "families of jittered images",
                list(settings.families),
                style.SERIES[0],
                "o",
            ),
            ("all data halved", [HALF], style.SERIES[1], "s"),
        ):
            of = trace.sel(set=at)
            y = of[name]
            style.simulation(
                ax,
                of["data_entropy"].mean("seed"),
                y.mean("seed"),
                called,
                low=y.min("seed"),
                high=y.max("seed"),
                colour=colour,
                marker=marker,
            )
        for families in settings.families:
            of = trace.sel(set=families).mean("seed")
            place = float(of["data_entropy"]), float(of[name])
            ax.annotate(
                f"{families}", place, xytext=(0, 7), textcoords="offset points",
                ha="center", fontsize="x-small",
            )  # fmt: skip
        ax.set_ylim(0, 1.25 * float(trace[name].max()))
    style.reference(axes[1], 1.0)
    style.legend(axes[0], loc="lower right")
    return fig


def judge(
    settings: Interventions, trace: xr.Dataset, curves: xr.Dataset
) -> list[Evidence]:
    """Fewest families against most; halved data against the same unhalved."""
    most, fewest = (trace.sel(set=settings.families[k]) for k in (0, -1))
    half = trace.sel(set=HALF)
    sets = f"{settings.data}, N = {settings.n}, families {settings.families[-1]} and "
    setting = sets + f"{settings.families[0]}"
    halved = f"{settings.data}, N = {settings.n}, all halved"

    mean = float(most["twin_ratio"].mean())
    memory = ((MEMORY, mean < REMEMBERS, f"it is {mean:.2f}"),)

    equal = partial(in_the_mean, n=settings.n)
    rho = "twin_ratio"
    return [
        in_every_run(
            "gm-entropy-lowers-score",
            setting,
            most["score"] - fewest["score"],
            most["score_se"],
            fewest["score_se"],
            scale=most["score"],
            n=settings.n,
        ),
        equal("gm-entropy-not-memory", setting, fewest[rho] - most[rho], KEEPS, hypotheses=memory),
        equal(
            "gm-scale-halves-score", halved,
            half["score"] / (HALF * most["score"]) - 1.0, SCALES,
        ),
        equal("gm-scale-not-memory", halved, half[rho] - most[rho], SCALES, hypotheses=memory),
    ]  # fmt: skip


def caption(settings: Interventions, trace: xr.Dataset) -> str:
    """What is shown, with every setting needed to repeat it."""
    return (
        f"One model for each training set of N = {settings.n} points: N/F jittered copies "
        f"(standard deviation {settings.jitter:g}) of F images, F beside the points; and the "
        "set with the most families, all data halved. Left: score against the entropy of the "
        "training set. Right: ratio of distances to the training set and to a twin of it, "
        "other jittered copies of the same images. "
        f"{RUNS} {trace.sizes['seed']} runs. " + trained(settings, trace)
    )
