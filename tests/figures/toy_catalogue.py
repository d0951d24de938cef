"""A small catalogue of its own: two papers, figures that take milliseconds."""

import os
import time
from dataclasses import dataclass

import numpy as np
import xarray as xr
from matplotlib.figure import Figure as Drawing

from figures import style
from figures.catalogue import Figure, Paper
from sim.store import Group, resumable
from theory.claims import Claim, Evidence, Outcome
from theory.validation import require

CALLS: list[str] = []
"""What was simulated in this process: "FIGURE seeds START-STOP"."""


@dataclass(frozen=True)
class Walk:
    """Settings of the toy figures."""

    seeds: int = 4
    """independent walks"""
    seed: int = 0
    """run key"""
    generations: int = 5
    """steps of each walk"""
    step: float = 0.1
    """size of a step, > 0"""
    bias: float = 0.0
    """what breaks the bound"""
    marks: tuple[int, ...] = (1, 2)
    """generations to mark"""
    tilted: bool = False
    """draw from a tilted law"""
    label: str = "walk"
    """name of the walk"""

    def __post_init__(self) -> None:
        require(self.step > 0, "step", "> 0", self.step)


def simulate(settings, run, progress):
    require(settings.bias < 100, "bias", "< 100, as a run finds out", settings.bias)
    return xr.concat(
        [_group(settings, group, progress) for group in run.groups(settings.seeds)],
        "seed",
    ).isel(seed=slice(settings.seeds))


def _group(settings: Walk, group: Group, progress) -> xr.Dataset:
    CALLS.append(f"{group.seeds.start}-{group.seeds.stop}")

    def body(i, x):
        time.sleep(float(os.environ.get("TOY_PAUSE", "0")))
        rng = [np.random.default_rng([settings.seed, s, i]) for s in group.seeds]
        x = x + settings.step * np.array([r.normal() for r in rng]) + settings.bias
        return x, xr.Dataset({"x": (("seed",), x)}, {"seed": list(group.seeds)})

    with progress.stage("walk", settings.generations) as stage:
        return resumable(
            group,
            settings.generations,
            lambda: np.zeros(len(group.seeds)),
            body,
            stage.tick,
        )


def predict(settings, trace):
    n = np.arange(1, settings.generations + 1)
    marks = np.array(settings.marks)
    return xr.Dataset(
        {
            "spread": (("generation",), settings.step * np.sqrt(n)),
            "marked": (("mark",), settings.step * np.sqrt(marks)),
            "marked_se": (("mark",), 0.1 * marks),
            "step": ((), 1.0),
        },
        {"mark": marks},
    )


def draw(settings, trace, curves) -> Drawing:
    fig, axes = style.panels(1, 2)
    ax, n = axes[0, 0], np.arange(1, settings.generations + 1)
    spread = curves["spread"].values
    style.panel(ax, "(a) walk", "generation $i$", "$x_i$")
    style.bound(ax, n, 5 * spread, r"$5\sigma\sqrt{i}$", forbids="above")
    style.theory(ax, n, 0 * spread, "mean")
    mean = trace["x"].mean("seed").values
    style.simulation(ax, n, mean, "simulated", low=mean - spread, high=mean + spread)
    style.legend(ax)
    ax = axes[0, 1]
    style.panel(ax, "(b) table", "generation $i$", "seed")
    x = trace["x"].transpose("seed", "generation").values
    style.heat(ax, n, trace["seed"].values, x, "$x_i$")
    return fig


def judge(settings, trace, curves):
    x, spread = (
        trace["x"].transpose("seed", "generation").values,
        curves["spread"].values,
    )
    return [
        Evidence("toy.bound", "all walks", "<=", 5 * spread - np.abs(x), seeds=len(x)),
        Evidence(
            "toy.tight", "all walks", "<=", 0.01 * spread - np.abs(x), seeds=len(x)
        ),
        Evidence(
            "toy.mean",
            "last generation, $x_n$",
            "==",
            x[:, -1].mean(),
            standard_error=spread[-1] / np.sqrt(len(x)),
            margin=10.0,
            seeds=len(x),
            n=len(x),
        ),
    ]


def caption(settings, trace) -> str:
    return (
        f"{settings.seeds} walks <of> {settings.generations} steps of size "
        rf"$\sigma = {settings.step:g}$."
    )


PAPERS = (
    Paper(
        id="walks",
        title="Walks that stay near",
        citation="Nobody, 2026",
        question=r"How far does a walk of step $\sigma$ go?",
        url="https://example.org/walks",
    ),
)

CLAIMS = (
    Claim(
        "toy.bound",
        "walks",
        "Prop 1",
        "paper",
        "No walk leaves five standard deviations",
        hypotheses=("independent steps",),
        formula="error_propagation.unrolled_root",
    ),
    Claim(
        "toy.tight",
        "walks",
        "Prop 2",
        "derived",
        "No walk leaves a hundredth of a standard deviation",
        expected=(Outcome.VIOLATED,),
    ),
    Claim("toy.mean", "other", "Lemma 3", "reproduction", "The mean stays at zero"),
)

_PRESETS = {
    "smoke": Walk(seeds=2, generations=2),
    "quick": Walk(),
    "paper": Walk(seeds=50),
}
_COMMON = {
    "module": __name__,
    "presets": _PRESETS,
    "claims": ("toy.bound", "toy.tight", "toy.mean"),
    "seconds": {"smoke": 1.0, "quick": 8.0},
    "megabytes": {"quick": 300.0},
}

FIGURES = (
    Figure(
        id="walk",
        paper="walks",
        title="A walk & its bound",
        shows="walks within five standard deviations",
        formulas=("error_propagation.unrolled_root", "error_propagation.one_step"),
        **_COMMON,
    ),
    Figure(
        id="walk-again",
        paper="unnamed",
        title="The same walk",
        shows="the walks of the first figure",
        runs_of="walk",
        **_COMMON,
    ),
)
