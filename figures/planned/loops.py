"""A loop for each relation of `theory.planning`, in which a plan can come true or not.

Each takes the variables of a plan and returns the quantity after its last generation, one
value a seed, with the hypotheses that were measured on the way. None of them draws from the
relation that it checks; where a loop has a knob (the size of a shift), it is set so that the
hypotheses hold, and whether they do is then measured.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

import jax
import jax.numpy as jnp
import numpy as np
import xarray as xr

from figures.autoencoder.generations import conditions, recipe, simulate_generations
from figures.memorization.copies import EXACT, copier
from figures.replication import replica_keys
from figures.self_consuming.loops import (
    Loop,
    covering_grid,
    frequency_loop,
    gaussian_loop,
    kernel_loop,
    simulate_loop,
)
from sim.composition import Mixing, Points
from sim.grid import grid_for_kernels, uniform_grid
from sim.learners.density import GaussianFit
from sim.learners.perturbed import Perturbed, Shift
from sim.measures.gaussian_entropy import GaussianEntropy
from sim.measures.tabulated import Support
from sim.recursion import Recursion
from sim.recursion import run as recurse
from sim.sampling import EndpointDraw, ReverseSDE
from sim.store import Group
from sim.targets import Mixture
from theory.autoencoder.modes import splitting_index
from theory.denoiser import training
from theory.error_propagation.kernel_recursion import shift_drift, shift_energy
from theory.mixing import latest
from theory.mixtures import gaussian_mixture
from theory.planning.survival import START
from theory.processes import OU, euler_grid, ou
from theory.structured import structured_mixture

__all__ = ["LOOPS", "WITHOUT_CHANCE", "Simulated"]

PROCESS, STEPS, NODES = OU(3.0, 0.0), 100, 97
"""Noising process, reverse steps and nodes of the grid."""
SMALL = 1e-3
"""Relative numerical error of the grid, by which a hypothesis may be missed."""
DIM = 400
"""Dimension in which the autoencoder is trained."""


@dataclass(frozen=True)
class Simulated:
    """What came out."""

    values: np.ndarray
    """the quantity after the last generation, (seeds,)"""
    loop: str
    """what was run, in words"""
    hypotheses: Mapping[str, bool]
    """those measured"""


Settled = Mapping[str, float]


def _size_of_innovation(alpha, innovation, signs) -> float:
    """The largest shift with which no generation's mean innovation exceeds J.

    A knob of the experiment; what the innovations are is measured afterwards.
    """
    largest = jax.jit(
        lambda s: jnp.max(
            jnp.mean(jax.vmap(lambda k: shift_drift(alpha, s * k).J)(signs), 0)
        )
    )
    low, high = 0.0, float(np.sqrt(np.log1p(innovation)))
    for _ in range(40):
        middle = 0.5 * (low + high)
        low, high = (middle, high) if largest(middle) <= innovation else (low, middle)
    return low


def _shifted(plan: Settled, size: float, signs, group: Group, seed: int, progress):
    """Laws on a grid, N(0, 1) data, every generation moved by the size times its sign."""
    G = signs.shape[1]
    recursion = Recursion(
        target=Mixture(gaussian_mixture([1.0], [0.0], 1.0)),
        learner=lambda at: Perturbed(Shift(at["shift"][None])),
        sampler=ReverseSDE(STEPS),
        process=PROCESS,
        n=0,
        generations=G,
        grid=uniform_grid(9.0, NODES, 1, PROCESS.T / STEPS),
    )
    return recurse(
        recursion,
        replica_keys(seed, group.seeds),
        {
            "alpha": np.full(signs.shape, float(plan["alpha"])),
            "shift": size * np.asarray(signs),
        },
        {"seed": np.array(group.seeds)},
        group,
        progress,
    )


def _signs(group: Group, seed: int, generations: int, aligned: bool) -> np.ndarray:
    if aligned:
        return np.ones((len(group.seeds), generations))
    of_seed = lambda s: np.random.default_rng([seed, s]).choice(
        [-1.0, 1.0], generations
    )
    return np.stack([of_seed(s) for s in group.seeds])


def _drift(aligned: bool, name: str) -> Callable:
    """Chi-square or total variation when every generation's innovation is at most J."""

    def loop(plan: Settled, group: Group, seed: int, progress) -> Simulated:
        J = plan.get("innovation") or plan["observability"] * plan["energy"]
        signs = _signs(group, seed, int(plan["generations"]), aligned)
        size = _size_of_innovation(plan["alpha"], J, jnp.asarray(signs))
        trace = _shifted(plan, size, signs, group, seed, progress)
        measured = trace["J"].mean("seed").max().item()
        kind = "the same way" if aligned else "either way at random"
        return Simulated(
            trace[name].isel(generation=-1).values,
            f"N(0, 1) data moved {kind} by {size:.3g} in every generation, law on a grid",
            {
                f"mean innovation <= J (largest {measured:.3g})": measured
                <= J * (1 + SMALL)
            },
        )

    return loop


def _energy(plan: Settled, group: Group, seed: int, progress) -> Simulated:
    signs = _signs(group, seed, int(plan["generations"]), True)
    # a little less than of that energy, for the chain's steps
    size = 0.98 * float(np.sqrt(plan["energy"] / shift_energy(1.0, PROCESS)))
    trace = _shifted(plan, size, signs, group, seed, progress)
    largest = float(trace["eps_hat2"].max())
    return Simulated(
        trace["drift_tv"].isel(generation=-1).values,
        f"N(0, 1) data moved by {size:.3g} in every generation, law on a grid",
        {f"energy <= eps^2 (largest {largest:.3g})": largest <= plan["energy"]},
    )


def _latest(plan: Settled):
    return [latest(plan["alpha"], int(plan["generations"]), round(plan["points"]))]


def _mixed(plan: Settled, loop: Loop, group, seed, progress, batching="map"):
    trace = simulate_loop(loop, group, seed, {"loop": [0]}, progress, batching)
    return trace.isel(loop=0)


def _kernel(plan: Settled, group: Group, seed: int, progress) -> Simulated:
    trace = _kernel_trace(plan, plan["bandwidth"], group, seed, progress)
    loop = f"kernel density, h = {plan['bandwidth']:.3g}, N(0, 1) data"
    return Simulated(trace["tv"].isel(generation=-1).values, loop, {})


def _kernel_trace(plan: Settled, bandwidth: float, group, seed, progress) -> xr.Dataset:
    schedules = _latest(plan)
    grid, _ = covering_grid(8.0, schedules, np.full((1, 1), bandwidth))
    loop = kernel_loop(schedules, "iid", np.full((1, 1), bandwidth), grid)
    return _mixed(plan, loop, group, seed, progress)


def _gaussian_trace(plan: Settled, group, seed, progress) -> xr.Dataset:
    loop = gaussian_loop(_latest(plan), "iid", grid_for_kernels(8.0, 0.5))
    return _mixed(plan, loop, group, seed, progress, "vmap")


def _gaussian(plan: Settled, group: Group, seed: int, progress) -> Simulated:
    trace = _gaussian_trace(plan, group, seed, progress)
    loop = "one Gaussian, maximum likelihood, N(0, 1) data"
    return Simulated(trace["tv"].isel(generation=-1).values, loop, {})


def _rate(plan: Settled, group: Group, seed: int, progress) -> Simulated | None:
    """A learner of that rate, if there is one; whether its constant is C is measured."""
    rate = plan.get("rate") or 2.0 / (4.0 + plan["dim"])
    if np.isclose(rate, 0.5):
        loop = "one Gaussian, maximum likelihood, rate 1/2"
        trace = _gaussian_trace(plan, group, seed, progress)
    elif np.isclose(rate, 0.4):
        h = 1.06 * round(plan["points"]) ** -0.2
        loop = f"kernel density, h = 1.06 N^(-1/5) = {h:.3g}, rate 2/5"
        trace = _kernel_trace(plan, h, group, seed, progress)
    else:
        return None
    C = float(trace["tv_step"].mean("seed").max()) * round(plan["points"]) ** rate
    return Simulated(
        trace["tv"].isel(generation=-1).values,
        loop,
        {f"one-step errors <= C N^-r (C = {C:.3g} measured)": plan["constant"] >= C},
    )


def _modes(plan: Settled, group: Group, seed: int, progress) -> Simulated:
    K = int(plan["modes"])
    loop = frequency_loop(_latest(plan), "iid", np.full(K, 1.0 / K))
    recursion = replace(loop.recursion, measures=(Support(),))
    loop = replace(loop, recursion=recursion)
    trace = _mixed(plan, loop, group, seed, progress, "vmap")
    said = f"frequencies of {K} categories, equally likely"
    return Simulated(trace["support"].isel(generation=-1).values, said, {})


def _kinship(plan: Settled, group: Group, seed: int, progress) -> Simulated:
    n, G = round(plan["points"]), int(plan["generations"])
    copies = copier(n, G + 1)  # the first training set is real
    recursion = replace(copies, composition=Mixing(Points(n), "iid"))
    trace = recurse(
        recursion,
        replica_keys(seed, group.seeds),
        {"alpha": np.full((len(group.seeds), G + 1), float(plan["alpha"]))},
        {"seed": np.array(group.seeds)},
        group,
        progress,
    )
    said = f"{n} points in the plane, copied to {EXACT:g}"
    return Simulated(trace["shared_ancestor"].isel(generation=-1).values, said, {})


def _refit(plan: Settled, group: Group, seed: int, progress) -> Simulated:
    n, d, G = round(plan["points"]), int(plan["dim"]), int(plan["generations"])
    law = gaussian_mixture([1.0], np.zeros((1, d)), 1.0)
    recursion = Recursion(
        target=Mixture(law),
        learner=lambda at: GaussianFit(),
        sampler=EndpointDraw(),
        process=ou(1.0, 0.0),
        n=n,
        generations=G,
        measures=(GaussianEntropy(),),
    )
    trace = recurse(
        recursion,
        replica_keys(seed, group.seeds),
        {"alpha": np.zeros((len(group.seeds), G))},
        {"seed": np.array(group.seeds)},
        group,
        progress,
    )
    real = 0.5 * d * np.log(2.0 * np.pi * np.e)
    lost = real - trace["entropy"].isel(generation=-1).values
    return Simulated(lost, f"one Gaussian refitted to {n} of its samples in {d}-D", {})


def _survival(plan: Settled, group: Group, seed: int, progress) -> Simulated:
    mu, G = plan["distance"], int(plan["generations"])
    protocol = training()
    law = structured_mixture([0.5, 0.5], [[mu], [-mu]])
    what = recipe(law, protocol, jnp.array([[START, 0.0]]), DIM, G)
    at = conditions(what, [protocol], [plan["time"]], plan["alpha"])
    trace = simulate_generations(what, at, group, seed, progress).isel(condition=0)
    q, b = trace["Q"].isel(unit=0, other=0), trace["b"]
    b = b.isel(dict.fromkeys(set(b.dims) - set(q.dims), 0))
    index = splitting_index(
        jnp.asarray(q.values), jnp.asarray(b.transpose(*q.dims).values), euler_grid(),
        protocol.activation,
    )  # fmt: skip
    last = xr.DataArray(np.asarray(index), dims=q.dims).isel(generation=-1)
    said = f"a network in {DIM} dimensions, trained for tau = {at.tau[0]:.3g}"
    return Simulated(np.where(last > 0, 1.0, 0.5), said, {})


LOOPS: Mapping[str, Callable] = {
    "drift-root": _drift(True, "D"),
    "drift-root-tv": _drift(True, "drift_tv"),
    "drift-small": _drift(True, "D"),
    "drift-small-tv": _drift(True, "drift_tv"),
    "drift-unbiased": _drift(False, "D"),
    "drift-unbiased-tv": _drift(False, "drift_tv"),
    "drift-energy": _energy,
    "mixing-rate": _rate,
    "mixing-dimension": _rate,
    "mixing-kernel": _kernel,
    "mixing-kernel-upper": _kernel,
    "mixing-gaussian": _gaussian,
    "mixing-modes": _modes,
    "copying-kinship": _kinship,
    "refit-entropy": _refit,
    "survival-time": _survival,
}
"""By id of the relation; one without a loop cannot be verified here."""

WITHOUT_CHANCE = frozenset(
    ["drift-root", "drift-root-tv", "drift-small", "drift-small-tv", "drift-energy"]
)
"""Loops of laws alone, whose errors are not drawn: every run is the same."""
