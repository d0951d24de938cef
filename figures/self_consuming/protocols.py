r"""The loops of sc3: three learners, real data fresh or reused, and what theory says of each.

Kernel densities and Gaussians: model 1 sees the n real points, later ones n + m in fixed
counts (V2). Binomials: n + m independent draws at every stage (V1).
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

import jax
import jax.numpy as jnp
import numpy as np
import xarray as xr

from figures.self_consuming.loops import (
    Loop,
    covering_grid,
    frequency_loop,
    gaussian_loop,
    kernel_loop,
    standard,
)
from figures.self_consuming.presets.transition import Learners
from sim.grid import grid_for_kernels
from sim.measures.moments import Mean
from sim.measures.tabulated import TotalVariation
from theory.mixing import Schedule, fixed_mixture
from theory.self_consuming.categorical import expected_tv
from theory.self_consuming.gaussian_mle import (
    mean_square_fixed_mixture,
    mirror,
    mirror_threshold,
    predicted_tv,
)
from theory.self_consuming.kernel_density import total_variation
from theory.self_consuming.kernel_density.grid import fitted_grid
from theory.self_consuming.kernel_density.latest import latest_kernel_loop
from theory.self_consuming.phase_transition import threshold_v1, threshold_v2
from theory.self_consuming.spectral_filter import minimax_bias, minimax_threshold

__all__ = ["CASES", "Case", "case_theory", "vertex"]

SMOOTHEST = 0.5
"""Bandwidth that the grid of the Gaussians would resolve: their TV is exact to 1e-5."""


@dataclass(frozen=True)
class Case:
    """A learner under a protocol."""

    name: str
    learner: str
    protocol: str
    said: str
    """in settings of verdicts"""
    loop: Callable[[Learners, "Case"], Loop]
    batching: str = "vmap"

    def lams(self, settings: Learners) -> tuple[float, ...]:
        """Simulated synthetic over real points."""
        own = {"gaussian": settings.gaussian_lams, "binomial": settings.binomial_lams}
        return own.get(self.learner, settings.lams)

    def models(self, settings: Learners) -> int:
        """How many are trained."""
        kernel = self.learner == "kernel"
        return settings.models if kernel else settings.cheap_models

    def copies(self, settings: Learners) -> int:
        """Runs for each seed."""
        return 1 if self.learner == "kernel" else settings.copies

    def schedules(self, settings: Learners, lams=None) -> list[Schedule]:
        """One a synthetic amount."""
        n, G = settings.n, self.models(settings)
        first = "V1" if self.learner == "binomial" else "V2"
        lams = self.lams(settings) if lams is None else lams
        return [fixed_mixture(n, round(n * lam), G, first) for lam in lams]

    def setting(self, settings: Learners) -> str:
        """What was run, in words."""
        return f"{self.said}, n = {settings.n}, {self.models(settings)} models"


def _bandwidths(settings: Learners, schedules) -> np.ndarray:
    sizes = np.stack([np.asarray(s.sizes) for s in schedules])
    return settings.constant * sizes**-0.2


def _kernels(settings: Learners, case: Case) -> Loop:
    schedules = case.schedules(settings)
    h = _bandwidths(settings, schedules)
    grid, _ = covering_grid(settings.half_width, schedules, h)
    return kernel_loop(schedules, case.protocol, h, grid)


def _gaussians(settings: Learners, case: Case) -> Loop:
    grid = grid_for_kernels(settings.half_width, SMOOTHEST)
    schedules = case.schedules(settings) * case.copies(settings)
    loop = gaussian_loop(schedules, case.protocol, grid)
    measures = (TotalVariation(grid), Mean())
    return replace(loop, recursion=replace(loop.recursion, measures=measures))


def _pseudo(schedule: Schedule) -> np.ndarray:
    """The minimax choice for two categories."""
    return np.sqrt(np.asarray(schedule.sizes)) / 2.0


def _binomials(settings: Learners, case: Case) -> Loop:
    schedules = case.schedules(settings) * case.copies(settings)
    pseudo = np.stack([_pseudo(s) for s in schedules])
    p = (settings.p, 1.0 - settings.p)
    return frequency_loop(schedules, case.protocol, p, pseudo)


CASES = (
    Case("kernel_fresh", "kernel", "fresh", "kernel density, fresh, V2", _kernels, "map"),
    Case("kernel_reused", "kernel", "reused", "kernel density, reused, V2", _kernels, "map"),
    Case("gaussian_fresh", "gaussian", "fresh", "Gaussian, fresh, V2", _gaussians),
    Case("gaussian_reused", "gaussian", "reused", "Gaussian, reused, V2", _gaussians),
    Case("binomial", "binomial", "iid", "minimax binomial, iid, V1", _binomials),
)  # fmt: skip


def kernel_theory(settings: Learners, case: Case, lams: np.ndarray) -> dict:
    """TV of the last kernel density, predicted and bracketed, at each amount."""
    schedules = case.schedules(settings, lams)
    h = _bandwidths(settings, schedules)
    grid = fitted_grid(standard(), float(h.min()), float(np.sum(h**2, axis=1).max()))

    def last(part):
        schedule, bandwidths = part
        moments = latest_kernel_loop(
            schedule, bandwidths, standard(), grid, case.protocol
        )
        mean, variance = (m[-1] for m in moments)
        return total_variation.predicted_tv(mean, variance, standard(), grid)

    stacked = jax.tree.map(lambda *leaves: jnp.stack(leaves), *schedules)
    tv = jax.jit(lambda *parts: jax.lax.map(last, parts))(stacked, jnp.asarray(h))
    G = case.models(settings)
    return {
        "prediction": tv.prediction,
        "lower": tv.lower,
        "upper": tv.upper,
        "threshold": vertex(lams, np.asarray(tv.prediction)),
        "bounds_threshold": threshold_v2(G, 0.4),
    }


def gaussian_theory(settings: Learners, case: Case, lams: np.ndarray) -> dict:
    """TV to first order by the mirror identity; E mu^2 by the exact recursion."""
    n, G = settings.n, case.models(settings)
    sign = 1.0 if case.protocol == "reused" else -1.0
    square = [
        mean_square_fixed_mixture(n, n * lam, G, case.protocol)[-1] for lam in lams
    ]
    return {
        "prediction": predicted_tv((1.0 + sign * mirror(lams, G - 1)) / n),
        "mean_square": np.array(square),
        "threshold": mirror_threshold(G - 1),
        "bounds_threshold": threshold_v2(G, 0.5),
    }


def binomial_theory(settings: Learners, case: Case, lams: np.ndarray) -> dict:
    """TV of the mean law in closed form; mean TV by the exact chain at simulated amounts."""
    n, G = settings.n, case.models(settings)
    p = np.array([settings.p, 1.0 - settings.p])
    chain = np.full(len(lams), np.nan)
    simulated = case.lams(settings)
    for lam, schedule in zip(simulated, case.schedules(settings), strict=True):
        tv = expected_tv(p, schedule, _pseudo(schedule))
        chain[np.searchsorted(lams, lam)] = float(tv[-1])
    return {
        "prediction": chain,
        "lower": minimax_bias(p, n, lams, G),
        "threshold": minimax_threshold(n, G),
        "bounds_threshold": threshold_v1(G, 0.5),
    }


def vertex(lams: np.ndarray, values: np.ndarray) -> float:
    """Where the parabola in log(1 + lambda) through the largest value and its neighbours peaks."""
    k = int(np.clip(np.argmax(values), 1, len(values) - 2))
    a, b, _ = np.polyfit(np.log1p(lams[k - 1 : k + 2]), values[k - 1 : k + 2], 2)
    return float(np.expm1(-b / (2.0 * a)))


THEORY = {
    "kernel": kernel_theory,
    "gaussian": gaussian_theory,
    "binomial": binomial_theory,
}


def case_theory(settings: Learners, case: Case, fine: int) -> xr.Dataset:
    """What is predicted of a case, along its simulated amounts and `fine` others."""
    simulated = np.array(case.lams(settings))
    between = np.expm1(np.linspace(0.0, np.log1p(simulated[-1]), fine))
    whole = np.round(settings.n * between) / settings.n
    lams = np.unique(np.concatenate([simulated, whole]))
    found = THEORY[case.learner](settings, case, lams)
    curves = {
        name: ("lam", np.asarray(value)) if np.ndim(value) else value
        for name, value in found.items()
    }
    return xr.Dataset(curves, coords={"lam": lams})
