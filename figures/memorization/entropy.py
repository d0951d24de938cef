"""gm2: entropy over generations by size, and the streaks on which generated points gather.

Both entropies are drawn: of the training set, H(D_n), and of the model's samples, H(G_n).
Under replacement H(D_{n+1}) = H(G_n) up to the choice of points.
"""

import numpy as np
import xarray as xr
from matplotlib.figure import Figure

from figures import style
from figures.memorization.marks import RUNS, over_runs, size_colour, trained
from figures.memorization.presets.sizes import Sizes
from figures.memorization.score import simulate
from sim.measures.spread import singular_plane
from theory.claims import Evidence

__all__ = ["caption", "draw", "judge", "predict", "simulate"]

GENERATED = style.SERIES[1]
REAL = "#9aa2ad"


def predict(settings: Sizes, trace: xr.Dataset) -> xr.Dataset:
    """Real and generated points in a plane of the real data's singular vectors."""
    plane = singular_plane(trace["real_points"].values)
    points = trace["points"].isel(size=0, seed=0, generation=[0, -1])
    project = lambda of: np.asarray(plane.project(of))
    return xr.Dataset(
        {
            "real": (("real_point", "axis"), project(trace["real_points"].values)),
            "generated": (
                ("look", "point", "axis"),
                np.stack([project(of) for of in points.values]),
            ),
        }
    )


def draw(settings: Sizes, trace: xr.Dataset, curves: xr.Dataset) -> Figure:
    """Entropies; below, real points under generated ones of the first and last model."""
    fig, axes = style.panels(2, 2, height=2.6)
    names = {"data": r"$H(D_n)$, training sets", "generated": r"$H(G_n)$, samples"}
    for ax, (kind, title) in zip(axes[0], names.items(), strict=True):
        style.panel(ax, title, "model $n$", "entropy $H_1$ (nats)", whole="x")
        for k, n in enumerate(settings.sizes):
            of = trace[f"{kind}_entropy"].sel(size=n)
            colour = size_colour(k, len(settings.sizes))
            over_runs(ax, of, f"$N = {n}$", colour=colour)
    style.legend(axes[0, 0], loc="lower left")
    n = settings.sizes[0]
    real = curves["real"].values
    for k, (ax, g) in enumerate(
        zip(axes[1], (0, settings.generations - 1), strict=True)
    ):
        title = f"$N = {n}$, model {g + 1}"
        style.panel(ax, title, "second axis of the real data", "third axis")
        style.cloud(ax, real, "real", REAL, size=6.0)
        style.cloud(ax, curves["generated"][k].values, "generated", GENERATED, size=6.0)
        reach = 1.1 * abs(real).max()
        ax.set(xlim=(-reach, reach), ylim=(-reach, reach), aspect="equal")
    style.legend(axes[1, 0], loc="upper right", markerscale=2)
    return fig


def judge(settings: Sizes, trace: xr.Dataset, curves: xr.Dataset) -> list[Evidence]:
    """Nothing is claimed of entropy alone: gm3 sets it against the score."""
    return []


def caption(settings: Sizes, trace: xr.Dataset) -> str:
    """What is shown, with every setting needed to repeat it."""
    return (
        "Above: Kozachenko-Leonenko entropy (k = 1, in the space of the data, in which its "
        "values for different N may not be compared if the data lie on a manifold) of "
        "training sets and of samples. Below: real and generated points of one run in the "
        "plane of the second and third right singular vectors of the real data, as in the "
        "released script. "
        f"{RUNS} {trace.sizes['seed']} runs. " + trained(settings, trace)
    )
