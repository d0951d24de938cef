r"""Kernel densities of points in the plane, retrained on what they generated.

Real law :math:`N(0, I_2)`, n points a stage, drawn independently from
:math:`p_s=\alpha p_0+(1-\alpha)\hat p_s`; bandwidth :math:`cn^{-1/6}`, so that the rate of one
step is r = 2/(4 + d) = 1/3. Laws are exact mixtures; their distance is a sum over a grid,
for which triangle inequality and convexity hold as they do for the integral.
"""

from collections.abc import Mapping, Sequence

import xarray as xr

from figures.self_consuming.loops import Loop, simulate_loop
from sim.composition import Mixing, Points, scheduled
from sim.grid import Grid
from sim.learners.kernel import Kernel
from sim.measures.tabulated import TotalVariation
from sim.recursion import Recursion
from sim.sampling import EndpointDraw
from sim.store import Group
from sim.targets import Mixture
from theory.mixing import Schedule
from theory.mixtures import gaussian_mixture
from theory.processes import ou

__all__ = ["RATE", "plane_loop", "simulate_plane"]

RATE = 1.0 / 3.0


def plane_loop(
    schedules: Sequence[Schedule], bandwidths, n: int, width: float, nodes: int
) -> Loop:
    """One condition a schedule; all of the latest model alone, n points a stage.

    Args:
        schedules: of equally many stages.
        bandwidths: (schedules, stages).
        n: points of every stage.
        width: half-width of the grid of total variation.
        nodes: per axis.
    """
    shares, reach = scheduled(schedules, "iid", n)
    recursion = Recursion(
        target=Mixture(gaussian_mixture([1.0], [[0.0, 0.0]], 1.0)),
        learner=lambda at: Kernel(at["bandwidth"]),
        sampler=EndpointDraw(),
        process=ou(1.0, 0.0),
        n=n,
        generations=schedules[0].stages,
        composition=Mixing(Points(n), "iid", reach),
        measures=(TotalVariation(Grid(width, nodes, 2)),),
    )
    return Loop(recursion, shares | {"bandwidth": bandwidths}, tuple(schedules))


def simulate_plane(
    loop: Loop, group: Group, most: int, seed: int, labels: Mapping, progress
) -> xr.Dataset:
    """`tv` and `tv_step` of the seeds below `most`, of the group's; NaN of its others."""
    seeds = range(
        group.seeds.start, max(min(group.seeds.stop, most), group.seeds.start)
    )
    names = ["tv", "tv_step"]
    if seeds:
        part = Group(group.path / "plane", seeds, group.hold)
        trace = simulate_loop(loop, part, seed, labels, progress)[names]
        return trace.reindex(seed=list(group.seeds))
    sizes = {k: len(v) for k, v in labels.items()}
    sizes |= {"seed": len(group.seeds), "generation": loop.recursion.generations}
    axes = {k: list(v) for k, v in labels.items()} | {"seed": list(group.seeds)}
    axes["generation"] = range(sizes["generation"])
    empty = xr.DataArray(float("nan"), axes, ["seed", *labels, "generation"])
    return xr.Dataset(dict.fromkeys(names, empty))
