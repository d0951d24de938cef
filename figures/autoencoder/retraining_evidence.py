r"""Evidence that the figures about retraining give in the same way.

The skip learns from d coordinates of variance v and from the few in which the data have
structure, :math:`E|y|^2` in all; what it sees lies between v and :math:`v+E|y|^2/d`. So far
may the simulated bulk be from :math:`F_\tau(v)` in finite dimension (and at least `LEAST`).
"""

import numpy as np
import xarray as xr

from theory.autoencoder.bulk import bulk_map
from theory.claims import Evidence
from theory.processes import EulerGrid

__all__ = ["bulk_evidence", "mean_and_error"]

LEAST = 0.02
"""Differences in ln s^2 up to this are called equal in any dimension."""


def mean_and_error(values: xr.DataArray) -> tuple[xr.DataArray, xr.DataArray]:
    """Mean over seeds and its standard error (0 for one seed)."""
    n = values.sizes["seed"]
    mean = values.mean("seed")
    if n == 1:
        return mean, 0.0 * mean
    return mean, values.std("seed", ddof=1) / np.sqrt(n)


def bulk_evidence(
    setting: str,
    trace: xr.Dataset,
    grid: EulerGrid,
    kappa: float,
    real_signal: float,
    dim: int,
) -> Evidence:
    r"""Generated bulk variance against :math:`F_\tau` of the variance trained on.

    Args:
        setting: where.
        trace: s2, signal (seed, condition, generation), with coordinates tau, share, t.
        grid: of the sampler.
        kappa: learning rate of the skip over that of the weights.
        real_signal: E|mu|^2 of the real data, whose bulk variance is 1.
        dim: d.
    """
    before = trace[["s2", "signal"]].shift(generation=1)
    share = trace["share"].where(trace["generation"] > 0, 1.0)
    v = share + (1.0 - share) * before["s2"].fillna(0.0)
    energy = share * real_signal + (1.0 - share) * before["signal"].fillna(0.0)
    t = trace["t"]
    step = np.vectorize(
        lambda v, tau, t: float(bulk_map(v, tau, 1.0 - t, t, kappa, grid))
    )
    expected = xr.apply_ufunc(step, v, trace["tau"], t)
    most = xr.apply_ufunc(step, v + energy / dim, trace["tau"], t)
    mean, error = mean_and_error(np.log(trace["s2"] / expected))
    margin = np.maximum(abs(np.log(most / expected)).mean("seed"), LEAST)
    return Evidence(
        claim="ae-bulk-map",
        setting=setting,
        relation="==",
        slack=mean,
        standard_error=error,
        dof=max(trace.sizes["seed"] - 1, 1),
        margin=margin.transpose(*mean.dims).values,
        seeds=trace.sizes["seed"],
    )
