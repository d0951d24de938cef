r"""sc7: the points a stage needs so that the last model stays within a target.

The bound asks for :math:`n\ge(CS_i/\epsilon)^{1/r}`: how that grows with the generation
depends on the scheme alone. For kernel densities the mean TV is known up to a few per cent
without a free parameter, and so is what it needs; runs at those sizes check it. The
prediction decides where one looks, not what one sees there.
"""

from functools import lru_cache

import numpy as np
import xarray as xr
from matplotlib.figure import Figure

from figures.replication import over_seeds
from figures.self_consuming.loops import (
    by_reach,
    covering_grid,
    kernel_loop,
    simulate_lots,
)
from figures.self_consuming.needed import RATE, ladder, needed, one_model
from figures.self_consuming.presets.growth import SizeMap
from figures.self_consuming.schemes import Scheme, bandwidths, schemes
from figures.self_consuming.size_map_evidence import evidence
from figures.self_consuming.size_map_panels import panels
from sim.store import Group, Run
from theory.claims import Evidence
from theory.mixing import Schedule, latest
from theory.self_consuming.sample_size import latest_factor

__all__ = ["caption", "draw", "judge", "predict", "simulate"]

SIMULATED = ("synthetic", "latest", "all")
BOUNDED = ("synthetic", "vanishing", "equal", "latest", "growing", "batches", "all")
KINDS = ("prediction", "upper", "one")
"""Whose points are simulated: the prediction's, the rigorous ones, those of one model."""
DIFFUSION = 0.25


def _chosen(settings: SizeMap, ids: tuple[str, ...]) -> list[Scheme]:
    by_id = {scheme.id: scheme for scheme in schemes(settings)}
    return [by_id[id] for id in ids]


@lru_cache(maxsize=4)
def _needs(settings: SizeMap) -> xr.Dataset:
    """Points over (scheme, models): `prediction`, `upper`, and `one`, which is constant."""
    chosen = _chosen(settings, SIMULATED)
    target, models = settings.target, settings.longest
    found = ladder(chosen, models, target, settings.bandwidth)
    at = {"scheme": list(SIMULATED), "models": 1 + np.arange(models)}
    table = {
        kind: (
            tuple(at),
            np.stack(
                [
                    needed(n, tv, target)
                    for n, tv in zip(found.n, getattr(found, kind), strict=True)
                ]
            ),
        )
        for kind in ("prediction", "upper")
    }
    one = np.full((len(chosen), models), one_model(target, settings.bandwidth))
    return xr.Dataset(table | {"one": (tuple(at), one)}, at)


def _sizes(settings: SizeMap) -> np.ndarray:
    """Whole points of the first stage, (schemes, kinds); the guarantee's rounded up."""
    needs = _needs(settings).sel(models=settings.generations)
    counts = {k: np.round(needs[k]) for k in KINDS} | {"upper": np.ceil(needs["upper"])}
    return np.stack([counts[kind].values for kind in KINDS], axis=1)


def _schedules(settings: SizeMap, sizes: np.ndarray) -> list[Schedule]:
    return [
        scheme.schedule(settings.generations, float(n))
        for scheme, row in zip(_chosen(settings, SIMULATED), sizes, strict=True)
        for n in row
    ]


def simulate(settings: SizeMap, run: Run, progress) -> xr.Dataset:
    """Three schemes, each at the points that three answers ask for."""
    with progress.stage("points needed"):
        sizes = _sizes(settings)
    schedules = _schedules(settings, sizes)
    h = np.stack([bandwidths(s, settings.bandwidth) for s in schedules])
    lots = {}
    for at in by_reach(schedules):
        chosen = [schedules[k] for k in at]
        grid, _ = covering_grid(settings.half_width, chosen, h[at])
        names = dict.fromkeys(SIMULATED[k // len(KINDS)] for k in at)
        lots[tuple(names)] = kernel_loop(chosen, "iid", h[at], grid)

    def one_group(group: Group) -> xr.Dataset:
        by = {"by": list(KINDS)}
        return simulate_lots(lots, group, settings.seed, "scheme", by, progress)

    trace = over_seeds(run, settings.seeds, one_group).sel(scheme=list(SIMULATED))
    return trace.assign(n=(("scheme", "by"), sizes))


def predict(settings: SizeMap, trace: xr.Dataset) -> xr.Dataset:
    """What is needed: by bound and rate, by exact prediction, and the maps over alpha."""
    needs = _needs(settings)
    curves = needs.rename({kind: f"need_{kind}" for kind in KINDS})
    one = float(needs["one"][0, 0])
    curves["need_bound"] = curves["need_prediction"].copy(
        data=[
            [
                one * s.factor(G, RATE).value ** (1.0 / RATE)
                for G in needs["models"].values
            ]
            for s in _chosen(settings, SIMULATED)
        ]
    )
    lengths = np.unique(np.geomspace(1, settings.horizon, 40).round().astype(int))
    curves["multiplier"] = xr.DataArray(
        [
            [
                [s.factor(int(G), r).value ** (1.0 / r) for G in lengths]
                for s in _chosen(settings, BOUNDED)
            ]
            for r in (DIFFUSION, RATE)
        ],
        {"rate": [DIFFUSION, RATE], "bounded": list(BOUNDED), "length": lengths},
        ["rate", "bounded", "length"],
    )
    return curves.merge(_maps(settings))


def _maps(settings: SizeMap) -> xr.Dataset:
    """Over real fraction and models: the bound's multiplier at r = 1/4, exact points."""
    alphas = np.arange(1, settings.fractions + 1) / settings.fractions
    models = 1 + np.arange(settings.longest)
    mixed = [
        Scheme(
            "latest",
            "",
            lambda G, n, a=a: latest(a, G, n),
            lambda G, r, a=a: latest_factor(G, a),
        )
        for a in alphas.tolist()
    ]
    found = ladder(mixed, settings.longest, settings.target, settings.bandwidth)
    exact = [
        needed(n, tv, settings.target)
        for n, tv in zip(found.n, found.prediction, strict=True)
    ]
    bound = [
        [s.factor(int(G), DIFFUSION).value ** (1.0 / DIFFUSION) for G in models]
        for s in mixed
    ]
    axes = ("alpha", "models")
    return xr.Dataset(
        {"map_exact": (axes, exact), "map_bound": (axes, bound)},
        {"alpha": alphas, "models": models},
    )


def draw(settings: SizeMap, trace: xr.Dataset, curves: xr.Dataset) -> Figure:
    """The bound's growth laws, two maps, needs of kernel densities, and their check."""
    titles = {s.id: s.title for s in schemes(settings)}
    return panels(settings, trace, curves, titles)


def judge(settings: SizeMap, trace: xr.Dataset, curves: xr.Dataset) -> list[Evidence]:
    """Simulation at the needed sizes; growth laws of the bound."""
    schedules = _schedules(settings, trace["n"].transpose("scheme", "by").values)
    return evidence(settings, trace, schedules)


def caption(settings: SizeMap, trace: xr.Dataset) -> str:
    """What was run."""
    n = trace["n"].sel(by="prediction").values.astype(int)
    found = ", ".join(
        f"{s} {k}" for s, k in zip(trace["scheme"].values, n, strict=True)
    )
    return (
        f"Points of a stage (of the first, where stages grow) that keep the total variation "
        f"of the last model within a target. Top: the bound's multiple of what one model "
        f"needs, S_i^(1/r), for the diffusion rate r = 1/4 (as recalled) and for kernel "
        f"densities, r = 2/5: shapes, whatever the constant. Middle: the same over real "
        f"fraction and models, latest model, r = 1/4; and points of a kernel density, exact "
        f"prediction for TV = {settings.target:g}. Bottom left: points over models by exact "
        f"prediction (line), by the rigorous upper companion (dotted), by the rate bound with "
        f"its constant from one model (dashed; a shape, not a bound of this learner). Bottom "
        f"right: mean TV of model {settings.generations} over {trace.sizes['seed']} runs at "
        f"the points asked for by prediction ({found}), by the companion, and by one model; "
        f"95 % intervals, band 5 %. Kernel densities of N(0, 1), protocol iid, bandwidth "
        f"{settings.bandwidth:g} n_s^(-1/5)."
    )
