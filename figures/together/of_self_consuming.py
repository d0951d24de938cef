"""What is said of a loop after Fu, Zhang, Wang, Tian and Tao (2024): sums of one-step errors.

The sums take the *measured* errors; the predictions take the settings alone, and the rate its
constant from model 1, never from the loop.
"""

import functools
from functools import partial

import jax
import numpy as np
import xarray as xr

from figures.together.cases import Case
from figures.together.statements import (
    Check,
    Side,
    Statement,
    history,
    in_each_run,
)
from theory.claims import Kind
from theory.self_consuming.floor import accumulated_floor
from theory.self_consuming.gaussian_mle import (
    entropy_loss,
    mean_square_iid,
    predicted_tv,
)
from theory.self_consuming.kernel_density import total_variation
from theory.self_consuming.kernel_density.grid import fitted_grid
from theory.self_consuming.kernel_density.latest import latest_kernel_loop
from theory.self_consuming.weights import accumulated_bound, rate_errors

__all__ = ["STATEMENTS", "data_entropy"]

PAPER = "fu2024"
SMALL = 0.2
"""Largest TV at which a Gaussian's errors count as small."""
MANY = 100
"""Fewest points for predictions to leading order in 1/n."""


def _measured(case: Case, trace: xr.Dataset) -> xr.DataArray:
    return in_each_run(accumulated_bound, case.schedule, trace["tv_step"])


def _floor(case: Case, trace: xr.Dataset) -> xr.DataArray:
    return in_each_run(accumulated_floor, case.schedule, trace["tv_step"])


def _rate(case: Case, trace: xr.Dataset) -> xr.DataArray:
    """C n^-r S_i with C from model 1, which no loop has touched."""
    sizes, first = (
        case.schedule.sizes,
        float(trace["drift_tv"].isel(generation=0).mean()),
    )
    C = first * float(sizes[0]) ** case.rate
    errors = rate_errors(sizes, case.rate, C)
    return history(accumulated_bound(case.schedule, errors))


@functools.cache
def _kernel_tv(case: Case) -> total_variation.TvPrediction:
    """Mean TV of kernel densities from their exact mean and variance, bracketed."""
    G, h = case.settings.generations, case.bandwidth
    h_s = np.full(G, h)
    lineage = float(accumulated_bound(case.schedule, h_s**2)[-1])
    grid = fitted_grid(case.law, h, 2.0 * lineage)

    @jax.jit
    def predicted(schedule):
        moments = latest_kernel_loop(schedule, h_s, case.law, grid, "iid")
        return total_variation.predicted_tv(*moments, case.law, grid)

    return predicted(case.schedule)


def _kernel(name: str, case: Case, trace: xr.Dataset) -> xr.DataArray:
    return history(getattr(_kernel_tv(case), name))


def _gaussian(case: Case, trace: xr.Dataset) -> xr.DataArray:
    return history(predicted_tv(mean_square_iid(case.schedule)))


def _entropy(case: Case, trace: xr.Dataset) -> xr.DataArray:
    loss = entropy_loss(mean_square_iid(case.schedule))
    return history(data_entropy(case) - np.asarray(loss))


def data_entropy(case: Case) -> float:
    """Of the data law where it is one Gaussian, nats."""
    return 0.5 * float(np.log(2.0 * np.pi * np.e * case.variance))


def _small(case: Case, trace: xr.Dataset) -> tuple[Check, ...]:
    largest, n = float(trace["drift_tv"].mean("seed").max()), case.settings.n
    return (
        Check(f"mean TV <= {SMALL:g}", largest <= SMALL, f"largest {largest:.2g}"),
        Check(f"n >= {MANY}", n >= MANY, f"n = {n}"),
    )


def _estimated(case: Case) -> str:
    if not case.estimates:
        return "a rate in the number of points: this learner knows its law"
    if case.misfits:
        return "its one-step error does not fall with n: the data are no Gaussian"
    return ""


def _of_kernels(case: Case) -> str:
    return "" if case.learner == "kernel" else "speaks of kernel densities only"


def _of_gaussians(case: Case) -> str:
    if case.learner != "gaussian":
        return "speaks of a Gaussian's maximum likelihood only"
    return "the data are no Gaussian" if case.misfits else ""


on_tv = partial(
    Statement,
    paper=PAPER,
    provenance="derived",
    kind=Kind.GUARANTEE,
    quantity="TV",
    currency="itself",
)
of_kernels = partial(
    on_tv, reference="exact mean and variance", silent=_of_kernels, every_run=False
)

STATEMENTS = (
    on_tv(
        "measured",
        r"$\Sigma A_s\varepsilon_s$",
        reference="after Fu et al.",
        side=Side.UPPER,
        curve=_measured,
    ),
    on_tv(
        "floor",
        "reverse triangle",
        reference="triangle inequality from below",
        side=Side.LOWER,
        curve=_floor,
    ),
    on_tv(
        "rate",
        "$Cn^{-r}S_i$",
        reference="after Fu et al., C from model 1",
        kind=Kind.RATE,
        side=Side.UPPER,
        curve=_rate,
        silent=_estimated,
        every_run=False,
    ),
    of_kernels(
        "kernel+", "mean, variance", side=Side.UPPER, curve=partial(_kernel, "upper")
    ),
    of_kernels(
        "kernel-", "TV of the mean", side=Side.LOWER, curve=partial(_kernel, "lower")
    ),
    of_kernels(
        "kernel",
        "prediction",
        kind=Kind.EXACT,
        side=Side.VALUE,
        curve=partial(_kernel, "prediction"),
        margin=0.05,
    ),
    on_tv(
        "gaussian",
        r"$C_G\sqrt{w/n}$",
        reference="small Gaussian errors",
        kind=Kind.EXACT,
        side=Side.VALUE,
        curve=_gaussian,
        silent=_of_gaussians,
        checks=_small,
        every_run=False,
        margin=0.05,
    ),
    Statement(
        "gaussian-entropy",
        r"$H - w/n$",
        PAPER,
        "small Gaussian errors",
        "derived",
        Kind.EXACT,
        "entropy",
        Side.VALUE,
        _entropy,
        _of_gaussians,
        _small,
        every_run=False,
        margin=0.01,
        relative=False,
    ),
)
