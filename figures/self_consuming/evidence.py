"""Evidence that several figures give in the same way."""

from collections.abc import Mapping, Sequence

import numpy as np
import xarray as xr

from figures.self_consuming.loops import measured_bound
from theory.claims import Evidence
from theory.mixing import Schedule

__all__ = [
    "RESOLUTION",
    "TOLERANCE",
    "mean_is",
    "pathwise",
    "sandwich",
    "skewed_sandwich",
]

RESOLUTION = 1e-9
"""Relative accuracy of what is carried on a grid."""
ROUNDING = 1e-14
"""Absolute accuracy of a TV: where frequencies are exactly right only rounding is left."""
TOLERANCE = 0.05
"""Relative size below which a prediction's error is called none."""
SKEWED = 0.1
"""How far below its prediction, which takes fluctuations as Gaussian, TV may lie."""


def pathwise(
    trace: xr.Dataset, schedules: Sequence[Schedule], along: str, setting: str
) -> list[Evidence]:
    r"""TV against the bound from measured one-step errors, every run and generation.

    The control takes 0.9 of the bound, which model 1 attains.

    Args:
        trace: `tv` and `tv_step` over (seed, generation, `along`).
        schedules: one for each place along `along`.
        along: the dimension of the conditions.
        setting: named in the verdict.
    """
    bounds = xr.concat(
        [
            measured_bound(schedule, trace["tv_step"].isel({along: k}))
            for k, schedule in enumerate(schedules)
        ],
        along,
    ).transpose(*trace["tv"].dims)
    shared = {
        "setting": setting,
        "relation": "<=",
        "resolution": RESOLUTION * bounds.values + ROUNDING,
        "scale": bounds.values,
        "seeds": trace.sizes["seed"],
    }
    tv = trace["tv"].values
    return [
        Evidence("sc-pathwise", slack=bounds.values - tv, **shared),
        Evidence("sc-pathwise-control", slack=0.9 * bounds.values - tv, **shared),
    ]


def mean_is(
    claim: str,
    setting: str,
    values: xr.DataArray,
    predicted: xr.DataArray | float,
    tolerance: float = TOLERANCE,
    relation: str = "==",
    **more,
) -> Evidence:
    """The mean over seeds equals, or with "<=" is at most, what is predicted.

    One slack for each entry of `values` without its "seed"; equal means to `tolerance`
    times the prediction.
    """
    n = values.sizes["seed"]
    mean, error = values.mean("seed"), values.std("seed", ddof=1) / np.sqrt(n)
    predicted = predicted + xr.zeros_like(mean)
    slack = (mean - predicted) if relation == "==" else (predicted - mean)
    return Evidence(
        claim,
        setting,
        relation,
        slack.values,
        standard_error=error.values,
        dof=n - 1,
        scale=abs(predicted).values,
        margin=tolerance * abs(predicted).values if relation == "==" else 0.0,
        seeds=n,
        **more,
    )


def sandwich(
    setting: str, tv: xr.DataArray, predicted: Mapping[str, xr.DataArray], **more
) -> list[Evidence]:
    """Mean TV against its prediction and the rigorous `lower` and `upper` companions."""
    return [
        mean_is("sc-prediction", setting, tv, predicted["prediction"], **more),
        mean_is("sc-lower", setting, -tv, -predicted["lower"], relation="<=", **more),
        mean_is("sc-upper", setting, tv, predicted["upper"], relation="<=", **more),
    ]


def skewed_sandwich(
    setting: str, tv: xr.DataArray, predicted: Mapping[str, xr.DataArray], **more
) -> list[Evidence]:
    """The same where the prediction is known to be high, by no more than `SKEWED`."""
    _, *companions = sandwich(setting, tv, predicted, **more)
    middle = (1.0 - SKEWED / 2) * predicted["prediction"]
    half = SKEWED / (2.0 - SKEWED)
    inside = mean_is("sc-prediction-skewed", setting, tv, middle, half, **more)
    return [inside, *companions]
