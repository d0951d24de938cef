"""Evidence of sc4: predictions, how one-step errors add up, and what turns with m."""

from collections.abc import Iterator

import numpy as np
import xarray as xr

from figures.replication import with_error
from figures.self_consuming.coherence import coherent, exponent, quadrature
from figures.self_consuming.evidence import (
    TOLERANCE,
    mean_is,
    sandwich,
    skewed_sandwich,
)
from figures.self_consuming.learners import BIASED, KERNELS, UNBIASED, schedules
from figures.self_consuming.presets.coherence import NotVisible
from theory.claims import Evidence
from theory.self_consuming.phase_transition import threshold_v1

__all__ = ["RATES", "added_up", "of_learner", "predictions", "rise", "turns"]

RATES = {"gaussian": 0.5, "categorical": 0.5, "kernel-loop": 0.4}
"""One-step rates of the learners whose truth does not turn."""
LINEAR_MARGIN, ROOT_MARGIN = 0.15, 0.1


def of_learner(trace: xr.Dataset, learner: str) -> tuple[xr.DataArray, xr.DataArray]:
    """TV and one-step errors over (seed, lam, generation)."""
    one = trace.sel(learner=learner).transpose("seed", "lam", "generation", ...)
    return one["tv"], one["tv_step"]


def _where(settings: NotVisible, learner: str, what: str) -> str:
    return f"{learner}, iid, V1, model {settings.models}, {what}"


def predictions(
    settings: NotVisible, learner: str, one: xr.Dataset, curves: xr.Dataset
) -> Iterator[Evidence]:
    """The last model at every amount, and early, middle, last fully synthetic models."""
    G = settings.models
    at = sorted({0, (G - 1) // 2, G - 1})
    mixed = {"lam": slice(None, -1), "generation": -1}
    alone = {"lam": -1, "generation": at}
    for what, pick in ((_where(settings, learner, "all m/n"), mixed), ("", alone)):
        setting = what or f"{learner}, fully synthetic, models {[i + 1 for i in at]}"
        tv, expected = one["tv"].isel(pick), curves.isel(pick)
        if learner == "kernel-loop":
            yield from skewed_sandwich(setting, tv, expected)
        elif learner in KERNELS:
            yield from sandwich(setting, tv, expected)
        else:
            yield mean_is("sc-prediction", setting, tv, expected["prediction"])


def added_up(settings: NotVisible, learner: str, trace: xr.Dataset) -> list[Evidence]:
    """Truth against the quadrature sum at the last model, and growth exponents."""
    all_of = schedules(settings, learner)
    tv, errors = of_learner(trace, learner)
    seeds = tv.sizes["seed"]
    shared = {"dof": seeds - 1, "seeds": seeds}
    where = f"{learner}, iid, model {settings.models}, every m/n and fully synthetic"
    met = ("unbiased at rate 1/2", learner in UNBIASED, "consistent frequencies or ML")

    def excess(t, e):
        Q = quadrature(all_of, e)[..., -1]
        return t[..., -1] / Q - 1.0

    over, error = with_error(excess, tv, errors)
    growth = tv.isel(lam=-1)
    synthetic = f"{learner}, fully synthetic, models 1 to"
    found = []
    if learner in UNBIASED:
        found.append(
            Evidence(
                "sc-quadrature",
                where,
                "==",
                over,
                standard_error=error,
                margin=TOLERANCE,
                hypotheses=(met,),
                **shared,
            )  # fmt: skip
        )
        slope, error = with_error(exponent, growth)
        every = f"{synthetic} {settings.models}"
        for claim, expected, margin in (
            ("sc-root-growth", 0.5, ROOT_MARGIN),
            ("sc-root-growth-control", 1.0, LINEAR_MARGIN),
        ):
            found.append(
                Evidence(
                    claim,
                    every,
                    "==",
                    slope - expected,
                    standard_error=error,
                    margin=margin,
                    **shared,
                )  # fmt: skip
            )
    if learner in BIASED:
        # where synthetic data matter most, and without real data
        at = [_peak(settings, 0.4), -1]
        where = f"{learner}, iid, m/n = {settings.lams[at[0]]:g} and fully synthetic"
        found.append(
            Evidence(
                "sc-above-quadrature",
                where,
                "<=",
                over[at],
                standard_error=error[at],
                **shared,
            )  # fmt: skip
        )
    if learner in ("minimax", "smooth"):
        early = lambda t: exponent(t, settings.early)
        slope, error = with_error(early, growth)
        found.append(
            Evidence(
                "sc-linear-growth",
                f"{synthetic} {settings.early}",
                "==",
                slope - 1.0,
                standard_error=error,
                margin=LINEAR_MARGIN,
                **shared,
            )  # fmt: skip
        )
    return found


def rise(
    settings: NotVisible,
    claim: str,
    learner: str,
    trace: xr.Dataset,
    factor: float = 1.0,
) -> Evidence:
    """Mean TV at m > 0 is at most `factor` times that at m = 0; independent runs."""
    tv = trace["tv"].sel(learner=learner).isel(generation=-1, lam=slice(None, -1))
    mean, error = tv.mean("seed"), tv.std("seed", ddof=1) / np.sqrt(tv.sizes["seed"])
    without, synthetic = {"lam": 0}, {"lam": slice(1, None)}
    spread = np.hypot(factor * error.isel(without), error.isel(synthetic))
    rate = ("unbiased at rate 1/2", learner in UNBIASED, learner)
    first = ("every stage n + m points (V1)", True, "by construction")
    return Evidence(
        claim,
        _where(settings, learner, "every m/n > 0"),
        "<=",
        (factor * mean.isel(without) - mean.isel(synthetic)).values,
        standard_error=spread.values,
        dof=tv.sizes["seed"] - 1,
        scale=float(mean.isel(without)),
        hypotheses=(rate, first) if claim == "sc-never-above" else (),
        seeds=tv.sizes["seed"],
    )


def turns(settings: NotVisible, learner: str, trace: xr.Dataset) -> Evidence:
    """Mean bound nearest its predicted threshold, less those at no and at most m."""
    all_of = schedules(settings, learner)
    _, errors = of_learner(trace, learner)
    peak = _peak(settings, RATES[learner])

    def rises(e):
        bound = coherent(all_of, e)[..., :-1, -1]
        top = bound[..., peak]
        return np.stack([top - bound[..., 0], top - bound[..., -1]], axis=-1)

    slack, error = with_error(rises, errors)
    return Evidence(
        "sc-bound-turns",
        _where(settings, learner, f"m/n = 0, {settings.lams[peak]:g}, largest"),
        "<=",
        slack,
        standard_error=error,
        dof=errors.sizes["seed"] - 1,
        scale=coherent(all_of, errors.mean("seed").values)[peak, -1],
        seeds=errors.sizes["seed"],
    )


def _peak(settings: NotVisible, rate: float) -> int:
    """The amount nearest the bound's threshold, neither the first nor the last."""
    threshold = threshold_v1(settings.models, rate)
    gap = abs(np.log1p(settings.lams) - np.log1p(threshold))
    return 1 + int(np.argmin(gap[1:-1]))
