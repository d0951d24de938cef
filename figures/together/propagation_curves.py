"""Curves of the statements about error propagation, run by run.

Bounds take the *measured* innovations and energies: they are tests, not fits.
"""

from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np
import xarray as xr

from figures.together.cases import Case
from figures.together.statements import in_each_run
from theory.divergence.grid import absolute_integral
from theory.error_propagation.accumulation import (
    delayed_floor,
    discounted_energy,
    drift_bounds,
    tv_bound,
)
from theory.error_propagation.kernel_recursion import shift_drift, shift_law
from theory.error_propagation.one_generation import sandwich
from theory.symbolic import statement

__all__ = [
    "curve_of",
    "delayed",
    "displayed",
    "exact_shift_drift",
    "girsanov",
    "linear",
    "mean_unbiased",
    "of_sandwich",
    "path_energy",
    "root",
    "shift_tv",
    "weighted",
]

WIDE, NODES = 14.0, 1401
"""Half-width and nodes of the grid on which exact laws of shifts are compared."""


def root(alpha, J):
    """(U1)."""
    return drift_bounds(alpha, J).root[1:]


def linear(alpha, J):
    """(U2)."""
    return drift_bounds(alpha, J).linear[1:]


def weighted(alpha, J):
    """(U3)."""
    return drift_bounds(alpha, J).weighted[1:]


def unbiased(alpha, J):
    """(X)."""
    return drift_bounds(alpha, J).unbiased[1:]


def delayed(alpha, J, D):
    """(L1) solved for its last drift, the earlier ones as measured."""
    sides = delayed_floor(alpha, J, jnp.concatenate([jnp.zeros((1,), D.dtype), D]))
    return jnp.maximum(D - (sides.left - sides.right)[1:], 0.0)


def _energies(alpha, energy):
    return tv_bound(alpha, energy)[1:]


def _discounted(alpha, energy):
    return discounted_energy(alpha, energy)[1:]


def _shifted(alpha, shifts):
    return shift_drift(alpha, shifts).D[1:]


def curve_of(function: Callable, *names: str) -> Callable:
    """The curve that a function of the fresh fractions makes of measured histories."""
    return lambda case, trace: in_each_run(
        function, case.alpha, *(trace[name] for name in names)
    )


def mean_unbiased(case: Case, trace: xr.Dataset) -> xr.DataArray:
    """(X) in the mean over runs."""
    return curve_of(unbiased, "J")(case, trace).mean("seed")


def _reach(case: Case, trace: xr.Dataset) -> xr.DataArray:
    r"""Path energy of all that parts phat from q: twice its bound on KL.

    An exact diffusion starts from its own marginal; a chain in steps ends near q, at its
    measured distance, which twice adds to half the root of the energy.
    """
    if case.estimates:
        return trace["eps_hat2"] + 2.0 * trace["start_kl"]
    return (np.sqrt(trace["eps_hat2"]) + 2.0 * trace["step_tv"]) ** 2


def path_energy(case: Case, trace: xr.Dataset) -> xr.DataArray:
    """TV from the energies of all steps, discounted."""
    return in_each_run(_energies, case.alpha, _reach(case, trace))


def girsanov(case: Case, trace: xr.Dataset) -> xr.DataArray:
    """Prop 3.1 with the start law of the chain."""
    start = trace["start_kl"]
    at = statement("error_propagation.kl_girsanov_start")
    return start.copy(data=np.asarray(at(trace["eps_hat2"].values, start.values)))


def of_sandwich(side: str, case: Case, trace: xr.Dataset) -> xr.DataArray:
    """One side of the sharp sandwich of one step, "lower" or "upper"."""
    inputs = ("observability", "eps_star2", "eps_hat2", "chi2_path")
    bounds = sandwich(*(np.maximum(trace[name].values, 0.0) for name in inputs))
    return trace["chi2_step"].copy(data=np.asarray(getattr(bounds, side)))


def displayed(factor, case: Case, trace: xr.Dataset) -> xr.DataArray:
    """The right side of Thm 4.2 as displayed, times a factor of the trace."""
    return factor(trace) * curve_of(_discounted, "eps_star2")(case, trace)


exact_shift_drift = curve_of(_shifted, "shift")
"""D by the exact recursion of the shifts alone, every run; data N(0, 1)."""


def shift_tv(shared, shifts):
    """TV from p of all laws that shifts make of it, on a grid of its own."""
    law, alpha = shared
    G = len(alpha)
    x = jnp.linspace(-WIDE, WIDE, NODES, dtype=jnp.float64)[:, None]
    p = jnp.exp(law.log_density(x))
    # Histories of n generations, as long as all: before them nothing moves p.
    rows = np.arange(G)[None] - np.arange(G - 1, -1, -1)[:, None]

    def after(part):
        moved = jnp.exp(shift_law(law, *part).log_density(x))
        return 0.5 * absolute_integral(moved - p, 2.0 * WIDE / (NODES - 1))

    histories = (
        jnp.where(rows >= 0, h[rows], h0) for h, h0 in ((alpha, 1.0), (shifts, 0.0))
    )
    return jax.lax.map(after, tuple(histories))
