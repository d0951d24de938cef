r"""sc6: random-feature diffusion in the loop, the floor of its sampler, and its few rises.

Gradient flow for a time tau in proportion to N leaves :math:`\ell_0^{N/n}` of a mode that one
model on n points leaves at :math:`\ell_0`, and eq. (10) then has :math:`\delta_G\le\ell_0`
whatever m: a mode that is not learned cannot be lost again (derived: with u = N/n,
:math:`u\ell_0^{u-1}\le 1+(u-1)\ell_0^u`). What does not fall with N, the error of sampler and
features, is an r = 0 error that adds up to :math:`S_i` times itself.
"""

import numpy as np
import xarray as xr
from matplotlib.figure import Figure

from figures.replication import over_seeds
from figures.self_consuming import random_features_evidence
from figures.self_consuming.loops import measured_bound
from figures.self_consuming.presets.diffusion import Diffusion
from figures.self_consuming.random_feature_loops import (
    SAMPLERS,
    along_amounts,
    schedules_of,
    simulate_population,
    simulate_sampled,
)
from figures.self_consuming.random_features_picture import picture
from sim.store import Group, Run
from theory.claims import Evidence
from theory.self_consuming.phase_transition import shape_v1, threshold_v1
from theory.self_consuming.spectral_filter import contraction, gradient_flow_loss

__all__ = ["caption", "draw", "judge", "predict", "simulate"]

RATE = 0.25
FINE = 80
LOST = (0.9, 0.7, 0.4, 0.1)
"""What one model on n points leaves of the modes that are drawn."""
POWERS = (1.0, 0.5)
"""Of N, in the training time."""


def simulate(settings: Diffusion, run: Run, progress) -> xr.Dataset:
    """Finite samples of every seed; the population loops of the first `draws`."""

    def one_group(group: Group) -> xr.Dataset:
        population = simulate_population(settings, group, progress)
        sampled = simulate_sampled(settings, group, progress)
        names = {name: f"sampled_{name}" for name in sampled}
        return population.merge(sampled.rename(names), join="exact")

    return over_seeds(run, settings.seeds, one_group)


def predict(settings: Diffusion, trace: xr.Dataset) -> xr.Dataset:
    """Floors and their coherent sums, the bounds, and what a filter does to its modes."""
    top, G = settings.lams[-1], settings.models
    lam = np.unique(np.append(settings.lams, np.expm1(_even(np.log1p(top)))))
    models = 1 + np.arange(G)
    floors = [
        along_amounts(trace["tv"], settings, sampler, "endless") for sampler in SAMPLERS
    ]
    floor = xr.concat(
        [f.isel(generation=0, lam=0, drop=True) for f in floors], "sampler"
    ).assign_coords(sampler=list(SAMPLERS))
    lengths = [np.asarray(shape_v1(lam, int(i), 0.0)) for i in models]
    S = xr.DataArray(
        np.stack(lengths, 1),
        {"lam": lam, "generation": models - 1},
        ("lam", "generation"),
    )
    schedules = schedules_of(settings, settings.sampled_lams)
    steps = trace["sampled_tv_step"]
    bounds = [
        measured_bound(s, steps.isel(lam=k, drop=True)).mean("seed")
        for k, s in enumerate(schedules)
    ]
    return xr.Dataset(
        {
            "floor": floor,
            "coherent": floor * S,
            "shape": ("lam", np.asarray(shape_v1(lam, G, RATE))),
            "threshold": threshold_v1(G, RATE),
            "filter": (("power", "lost", "lam"), _lost(lam, G)),
            "bound": xr.concat(bounds, "sampled_lam"),
        },
        {
            "power": list(POWERS),
            "lost": list(LOST),
            "sampled_lam": list(settings.sampled_lams),
        },
    )


def _even(top: float) -> np.ndarray:
    return np.linspace(0.0, top, FINE)


def _lost(lam: np.ndarray, models: int) -> np.ndarray:
    r""":math:`\delta_G/\ell_0`, (powers, modes, amounts)."""
    l0, lam = np.array(LOST)[:, None], lam[None, :]
    found = []
    for power in POWERS:
        loss = gradient_flow_loss(-np.log(l0), (1.0 + lam) ** power)
        found.append(np.asarray(contraction(loss, lam / (1.0 + lam), models)) / l0)
    return np.stack(found)


def draw(settings: Diffusion, trace: xr.Dataset, curves: xr.Dataset) -> Figure:
    """See `random_features_picture`."""
    return picture(settings, trace, curves)


def judge(settings: Diffusion, trace: xr.Dataset, curves: xr.Dataset) -> list[Evidence]:
    """See `random_features_evidence`."""
    return random_features_evidence.judge(settings, trace, curves)


def caption(settings: Diffusion, trace: xr.Dataset) -> str:
    """What was run, what is known of the paper's model, and which curve is of which kind."""
    n, G = settings.n, settings.models
    return (
        f"Diffusion model with {settings.features} frozen ReLU features and one trained layer, "
        f"p_0 an equal mixture of N(+-1.2, .36), n = {n} real and m = lambda n points of the "
        f"latest model, N = n + m at every stage (V1), {G} models. The paper's network, "
        "embedding of time and constants are unknown to us; ours is trained by exact gradient "
        "flow for a time tau, and its generated law is carried as a density, without sampling "
        "error. Population loops learn from the mixture itself, no points are drawn: marks are "
        f"means over {settings.draws} draws of the features, bars their range, not intervals. "
        "Posterior: DDPM steps; matched: steps with the variance of the reverse process. "
        "Top: training long enough for the floor to matter (dotted: TV of one model after "
        "endless training; solid: that floor times S_i, a coherent error of r = 0, no free "
        "parameter; dash-dotted: the threshold of the bound's shape at r = 1/4, which is not "
        "the model's). Middle: TV over its value at m = 0 for three training times (dotted lines "
        "only join the marks; sqrt(N) is the paper's, as recalled), beside the bound's shape "
        "(rate shape only), and what eq. (10) says of one mode of which one model on n points "
        "leaves l_0: none is lost more when time grows with N. Bottom: finite samples, iid, "
        f"tau = {settings.time:g} N, matched steps, {trace.sizes['seed']} runs with features "
        "of their own, 95 % intervals, and the mean bound from their own one-step errors."
    )
