"""Evidence that several figures give in the same way, from a recursion carried on a grid.

Such a trace has no sampling error: given the run, each quantity is exact up to quadrature
and rounding, so its slacks carry a resolution instead of a standard error.
"""

import numpy as np
import xarray as xr

from theory.claims import Evidence

__all__ = ["RESOLUTION", "exact", "one_step_evidence", "per_replica"]

RESOLUTION = 1e-9
"""Relative accuracy of quantities carried on a grid (quadrature, mass lost, rounding)."""


def per_replica(function, *arrays: xr.DataArray, outputs: int = 1):
    """Apply a function of whole histories (generation,) -> (N + 1,) to every replica.

    Returns curves with dimension "law" (0 ... N) in place of "generation".
    """
    return xr.apply_ufunc(
        function,
        *arrays,
        input_core_dims=[["generation"]] * len(arrays),
        output_core_dims=[["law"]] * outputs,
        vectorize=True,
    )


def exact(
    claim: str,
    setting: str,
    slack: xr.DataArray,
    scale: xr.DataArray,
    relation: str = "<=",
    **more,
) -> Evidence:
    """Evidence without sampling error: slack resolved to `RESOLUTION` times its scale."""
    slack, scale = xr.broadcast(slack, scale)
    slack, scale = slack.values, scale.values
    return Evidence(
        claim=claim,
        setting=setting,
        relation=relation,
        slack=slack,
        resolution=RESOLUTION * np.abs(scale),
        scale=scale,
        **more,
    )


def one_step_evidence(trace: xr.Dataset, setting: str) -> list[Evidence]:
    """Mixing lemma, one-step identity and alpha I <= J at every generation and replica."""
    rho = 1.0 - trace["alpha"]
    seeds = trace.sizes.get("seed", 1)
    kept = rho**2 * trace["D_before"]
    rebuilt = kept + 2.0 * rho * trace["C"] + trace["J"]
    size = kept + 2.0 * rho * abs(trace["C"]) + trace["J"]
    # generation 0 is trained on p alone: D_before = 0, whatever alpha is
    later = trace["generation"] > 0
    alpha = xr.where(later, trace["alpha"], 1.0)
    return [
        exact(
            "mixing", setting, trace["mixed"] - kept, kept + 1e-12, "==", seeds=seeds
        ),
        exact("one-step", setting, trace["D"] - rebuilt, size, "==", seeds=seeds),
        exact(
            "innovation",
            setting,
            trace["J"] - alpha * trace["intra"],
            trace["J"],
            seeds=seeds,
        ),
    ]
