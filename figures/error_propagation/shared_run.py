"""The run that ep3, ep4 and ep5 look at, and what all three do with it.

Three recursions: a kernel score on five modes in 10-D, whose laws are known exactly, and
networks in 1-D and 2-D, whose laws are carried on a grid.
"""

import numpy as np
import xarray as xr
from matplotlib.axes import Axes

from figures import style
from figures.error_propagation.evidence import RESOLUTION
from figures.error_propagation.presets import OneGeneration
from figures.replication import interval, over_seeds, replica_keys, spread_over
from sim.grid import uniform_grid
from sim.learners.kernel import Kernel
from sim.learners.network import Network
from sim.measures.exact_laws import ConsistentEnergies, EndpointDivergences
from sim.measures.observability import Branches
from sim.measures.samples import Moments
from sim.recursion import Recursion
from sim.recursion import run as recurse
from sim.replicas import folded
from sim.sampling import EndpointDraw, ReverseSDE
from sim.store import Group, Run
from sim.targets import Mixture, bimodal, five_modes
from theory.claims import Evidence
from theory.mixtures import gaussian_mixture
from theory.processes import ou
from theory.symbolic import statement
from theory.validation import require

__all__ = [
    "CLEAN",
    "LEARNERS",
    "NETWORKS",
    "SMALL",
    "STRATA",
    "evaluated",
    "of_means",
    "of_networks",
    "points",
    "resolution",
    "simulate",
    "typical",
    "where_it_applies",
]

LEARNERS = {
    "kernel": "Kernel score, 10-D",
    "network1d": "Network, 1-D",
    "network2d": "Network, 2-D",
}
NETWORKS = ("network1d", "network2d")
STRATA = 32  # of the path energies in 10-D
SEGMENTS = 10  # of a network's training: how often progress ticks
VARIANCE = 0.5  # of each mode in 1-D and 2-D, to be resolved by few reverse steps
HALF_WIDTH = {1: 8.0, 2: 6.0}  # of the grid; what leaves it is measured

SMALL = "eps*^2 <= 1"
CLEAN = "eps*^2 small: sqrt(eta) eps* > 2 r, so C is not needed"


def simulate(settings: OneGeneration, run: Run, progress) -> xr.Dataset:
    """Every measured quantity of every (learner, seed, alpha) at each generation."""
    recursions = _recursions(settings)
    alphas = np.array(settings.alphas)

    def one_group(group: Group) -> xr.Dataset:
        keys = replica_keys(settings.seed, group.seeds, len(alphas))
        alpha = spread_over(alphas[:, None], len(group.seeds))
        traces = []
        for k, (learner, recursion) in enumerate(recursions.items()):
            with progress.stage(LEARNERS[learner]):
                trace = recurse(
                    recursion,
                    folded(keys, k),
                    {"alpha": np.tile(alpha, (1, settings.generations))},
                    {"seed": np.array(group.seeds), "alpha": alphas},
                    group.part(learner),
                    progress,
                )
            traces.append(trace)
        learner = xr.DataArray(list(recursions), dims="learner", name="learner")
        return xr.concat(traces, learner, join="outer", combine_attrs="drop")

    return over_seeds(run, settings.seeds, one_group)


def _recursions(settings: OneGeneration) -> dict[str, Recursion]:
    of_strata = settings.n_eval // STRATA
    even = of_strata >= 2 and settings.n_eval % (2 * STRATA) == 0
    require(even, "n_eval", f"a multiple of {2 * STRATA}", settings.n_eval)
    process = ou(settings.T, settings.t0)
    kernel = Recursion(
        target=five_modes(),
        learner=lambda at: Kernel(settings.bandwidth),
        sampler=EndpointDraw(),
        process=process,
        n=settings.n_kernel,
        generations=settings.generations,
        convention="re-noise",
        measures=(
            EndpointDivergences(settings.n_eval),
            ConsistentEnergies(of_strata, STRATA),
            Branches(settings.n_branch, settings.branch_steps),
            Moments(),
        ),
    )
    network = Network(
        width=settings.width,
        steps=settings.training_steps,
        batch=settings.batch,
        segments=SEGMENTS,
    )

    def on_grid(target: Mixture, steps: int, nodes: int) -> Recursion:
        step = (settings.T - settings.t0) / steps
        return Recursion(
            target=target,
            learner=lambda at: network,
            sampler=ReverseSDE(steps),
            process=process,
            n=settings.n_network,
            generations=settings.generations,
            grid=uniform_grid(HALF_WIDTH[target.dim], nodes, target.dim, step),
        )

    return {
        "kernel": kernel,
        "network1d": on_grid(
            bimodal(variance=VARIANCE), settings.steps_1d, settings.nodes_1d
        ),
        "network2d": on_grid(_triangle(), settings.steps_2d, settings.nodes_2d),
    }


def _triangle() -> Mixture:
    """Three equal modes in the plane, at distance 2 from the origin."""
    angle = np.pi / 2 + 2 * np.pi * np.arange(3) / 3
    means = 2.0 * np.stack([np.cos(angle), np.sin(angle)], axis=1)
    return Mixture(gaussian_mixture(np.full(3, 1 / 3), means, VARIANCE))


def evaluated(key: str, *arguments) -> xr.DataArray:
    """Right-hand side of a statement of this paper, element by element."""
    of = statement(f"error_propagation.{key}")
    return xr.apply_ufunc(lambda *a: np.asarray(of(*a)), *arguments)


def resolution(scale: xr.DataArray, of: xr.Dataset) -> xr.DataArray:
    """Accuracy of a slack on the grid: rounding, and the mass that left it."""
    return RESOLUTION * scale + abs(of["mass_lost"])


def where_it_applies(
    claim: str,
    slack: xr.DataArray,
    scale: xr.DataArray,
    hypotheses: dict[str, xr.DataArray],
    *,
    standard_error: xr.DataArray | float = 0.0,
    resolution: xr.DataArray | float = 0.0,
    **more,
) -> Evidence:
    """Evidence from those generations of those seeds at which all hypotheses hold.

    Where none does, all are given with the hypotheses that fail: the claim does not apply.
    """
    applies = xr.concat(list(hypotheses.values()), "hypothesis").all("hypothesis")
    chosen = applies if applies.any() else xr.ones_like(applies)

    def pick(values) -> np.ndarray:
        return (values + xr.zeros_like(slack)).values[chosen.values]

    return Evidence(
        claim=claim,
        relation="<=",
        slack=pick(slack),
        standard_error=pick(standard_error),
        resolution=pick(resolution),
        scale=pick(scale),
        hypotheses=tuple(
            (name, bool(applies.any() or holds.all()), _share(holds))
            for name, holds in hypotheses.items()
        ),
        **more,
    )


def _share(holds: xr.DataArray) -> str:
    return f"at {int(holds.sum())} of {holds.size} generations and seeds"


def typical(values: xr.DataArray) -> xr.DataArray:
    """Geometric mean over seeds, where all of them have a positive value."""
    return np.exp(np.log(values.where(values > 0)).mean("seed", skipna=False))


def points(
    ax: Axes,
    x,
    values: xr.DataArray,
    bound: xr.DataArray,
    label: str,
    colour,
    marker: str = "o",
) -> None:
    """Simulated values at their geometric mean over seeds.

    The bound differs from seed to seed as the value does, so the interval is that of
    their ratio, applied at the mean bound: it shows how sure the gap between them is.
    """
    ratio = values / bound
    whole = (ratio > 0).all("seed")
    _, low, high = interval(np.log(ratio.where(ratio > 0)))
    low, high = (np.exp(end).where(whole) * typical(bound) for end in (low, high))
    style.simulation(
        ax, x, typical(values), label, low=low, high=high, colour=colour, marker=marker
    )


def of_networks(settings: OneGeneration, trace: xr.Dataset) -> str:
    """The part of a caption that describes the networks and what is exact about them."""
    step_kl = float(trace["step_kl"].max())
    return (
        f"Networks: three layers of {settings.width}, {settings.training_steps:,} steps of "
        f"{settings.batch} on {settings.n_network:,} points of two modes in 1-D and three in "
        f"2-D, variance {VARIANCE:g}; the learned law is carried through {settings.steps_1d} "
        f"reverse steps on {settings.nodes_1d} nodes (1-D) and {settings.steps_2d} on "
        f"{settings.nodes_2d} x {settings.nodes_2d} (2-D). This is exact for the chain, and "
        "the reference endpoint is that of the same chain with the true score (its KL from "
        f"q_i is at most {step_kl:.1g}). Model 1 sees fresh data only; T = {settings.T:g}, "
        f"t0 = {settings.t0:g}."
    )


def of_means(settings: OneGeneration) -> str:
    """The part of a caption that says what `points` shows."""
    return (
        f"Geometric means over {settings.seeds} seeds; intervals (95 %) are those of the ratio "
        "to the bound, which differs from seed to seed too. "
    )
