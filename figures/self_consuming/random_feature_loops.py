r"""The loops of sc6: random-feature diffusion, learned from the law itself or from samples.

p_0 is an equal mixture of N(+-1.2, .36). n real and m = lambda n points of the latest model,
all n + m of them in every stage (V1), drawn independently; in a population loop nothing is
drawn, the learner sees the mixture itself, and the number of points sets its training time
alone. Each run has features of its own, the same at every stage.
"""

from dataclasses import dataclass

import jax.numpy as jnp
import numpy as np
import xarray as xr

from figures.self_consuming.loops import Loop, density_loop, simulate_loop
from figures.self_consuming.presets.diffusion import Diffusion
from sim.composition import Counts
from sim.grid import Grid, uniform_grid
from sim.learners.random_features import RandomFeatures
from sim.learners.random_features.density_chain import (
    posterior_transitions,
    reverse_times,
)
from sim.measures.tabulated import TotalVariation
from sim.store import Group
from sim.targets import tabulated
from theory.mixing import Schedule, fixed_mixture
from theory.mixtures import gaussian_mixture
from theory.processes import ou

__all__ = [
    "SAMPLERS",
    "Case",
    "along_amounts",
    "cases",
    "schedules_of",
    "simulate_population",
    "simulate_sampled",
]

PROCESS = ou(6.0, 0.04)
TARGET = gaussian_mixture([0.5, 0.5], [-1.2, 1.2], 0.36)
ENDLESS = 1e14
"""Training time over N after which nothing changes."""
REVERSE_STEPS = 120
MEASURED = ("tv", "tv_step")
SAMPLERS = ("posterior", "matched")
"""Reverse steps: posterior (DDPM), and those with the variance of the reverse process."""


@dataclass(frozen=True)
class HowMany:
    """Data of a population loop (see `sim.composition.datasets`): their number alone."""

    def real(self, real, key, count):
        """So many real points, (1,)."""
        return jnp.reshape(count, (1,))

    def draw(self, law, key, count):
        """So many points of a model."""
        return jnp.reshape(count, (1,))

    def join(self, first, upto, second):
        """All of them."""
        return first + second

    def complete(self, batch, size):
        """The number."""
        return batch


@dataclass(frozen=True)
class Case:
    """A condition of the population loops."""

    sampler: str
    clock: str
    """of training: "short" and "long" in proportion to N, "root" to sqrt(N); "endless" """
    lam: float

    @property
    def label(self) -> str:
        """Its place along the axis "case"."""
        return f"{self.sampler} {self.clock} {self.lam:g}"


def cases(settings: Diffusion, sampler: str) -> list[Case]:
    """Conditions of one sampler, its floor last."""
    clocks = ("long",) if sampler == "posterior" else ("short", "long", "root")
    amounts = [(clock, lam) for clock in clocks for lam in settings.lams]
    return [Case(sampler, *at) for at in (*amounts, ("endless", 0.0))]


def schedules_of(settings: Diffusion, lams) -> list[Schedule]:
    """One a synthetic amount."""
    n, G = settings.n, settings.models
    return [fixed_mixture(n, n * lam, G, "V1") for lam in lams]


def along_amounts(
    values: xr.DataArray, settings: Diffusion, sampler: str, clock: str
) -> xr.DataArray:
    """The runs of the population loops of one sampler and clock, along "lam"."""
    chosen = [c for c in cases(settings, sampler) if c.clock == clock]
    picked = values.sel(case=[c.label for c in chosen])
    picked = picked.sel(seed=picked["seed"] < settings.draws)
    return picked.assign_coords(case=[c.lam for c in chosen]).rename(case="lam")


def simulate_population(settings: Diffusion, group: Group, progress) -> xr.Dataset:
    """`tv` and `tv_step` over (seed, case, generation); NaN of seeds without such loops."""
    seeds = [s for s in group.seeds if s < settings.draws]
    parts = []
    for sampler in SAMPLERS:
        chosen = cases(settings, sampler)
        labels = {"case": [c.label for c in chosen]}
        if not seeds:
            parts.append(_nothing(settings, labels["case"]))
            continue
        only = range(seeds[0], seeds[-1] + 1)
        part = Group(group.path / sampler, only, group.hold)
        parts.append(
            _run(settings, _population(settings, chosen), part, labels, progress)
        )
    joined = xr.concat(parts, "case", join="exact", compat="equals")
    return joined.reindex(seed=list(group.seeds))


def simulate_sampled(settings: Diffusion, group: Group, progress) -> xr.Dataset:
    """`tv` and `tv_step` over (seed, lam, generation), short training, matched steps."""
    lams = settings.sampled_lams
    scale = np.full((len(lams), settings.models), settings.time)
    loop = _loop(settings, lams, True, False, scale, np.ones_like(scale))
    part = group.part("sampled")
    return _run(settings, loop, part, {"lam": list(lams)}, progress)


def _population(settings: Diffusion, chosen: list[Case]) -> Loop:
    scale = {
        "short": settings.time,
        "long": settings.long_time,
        "root": settings.time * np.sqrt(settings.n),
        "endless": ENDLESS,
    }
    shape = (1, settings.models)
    scales = np.tile([[scale[c.clock]] for c in chosen], shape)
    powers = np.tile([[0.5 if c.clock == "root" else 1.0] for c in chosen], shape)
    matched = chosen[0].sampler == "matched"
    return _loop(settings, [c.lam for c in chosen], matched, True, scales, powers)


def _grid(settings: Diffusion) -> Grid:
    times = reverse_times(PROCESS, REVERSE_STEPS)
    finest = float(posterior_transitions(PROCESS, times).variance[-1])
    return uniform_grid(settings.half_width, settings.nodes, 1, finest)


def _loop(
    settings: Diffusion, lams, matched: bool, population: bool, scale, power
) -> Loop:
    grid = _grid(settings)

    def learner(at) -> RandomFeatures:
        return RandomFeatures(
            grid,
            scale=at["scale"],
            power=at["power"],
            feature_seed=at["feature_seed"],
            features=settings.features,
            population=population,
            reverse_steps=REVERSE_STEPS,
            matched=matched,
        )

    return density_loop(
        schedules_of(settings, lams),
        "fresh" if population else "iid",
        learner,
        tabulated(TARGET, grid),
        HowMany() if population else Counts(),
        (TotalVariation(grid),),
        process=PROCESS,
        convention="re-noise",
        scale=scale,
        power=power,
    )


def _run(settings: Diffusion, loop: Loop, group: Group, labels, progress):
    own = {"feature_seed": settings.first_features + np.array(group.seeds)}
    trace = simulate_loop(loop, group, settings.seed, labels, progress, of_seed=own)
    return trace[list(MEASURED)]


def _nothing(settings: Diffusion, labels: list[str]) -> xr.Dataset:
    axes = {"seed": [], "case": labels, "generation": range(settings.models)}
    empty = xr.DataArray(np.nan, axes, list(axes))
    return xr.Dataset(dict.fromkeys(MEASURED, empty))
