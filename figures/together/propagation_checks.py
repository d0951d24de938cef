"""Hypotheses of the statements about error propagation, as far as a run can tell."""

import numpy as np
import xarray as xr
from scipy.special import stdtrit

from figures.together.cases import Case
from figures.together.statements import Check

__all__ = [
    "display_assumptions",
    "finite_chi2",
    "finite_path_chi2",
    "path_assumptions",
    "resolved_chain",
    "some_fresh",
    "unbiased_innovations",
]

TAIL = 5.0
"""Largest J/I that counts as a controlled tail."""
RESOLVED = 1e-3
"""Largest share of D from the rim of the grid."""
SEEN = 1e-6
"""Largest share of a law where its score is not known."""
UNBIASED = 0.01
"""Chance that the mean cosine of unbiased innovations is called off 0, over all models."""


def finite_chi2(case: Case, trace: xr.Dataset) -> tuple[Check, ...]:
    """Whether D is finite, as far as the rim of the grid shows."""
    worst = float(trace["tail_share"].max())
    name = "chi-square finite, and read off the grid"
    return (Check(name, worst < RESOLVED, f"{worst:.1g} of D from the rim"),)


def some_fresh(case: Case, trace: xr.Dataset) -> tuple[Check, ...]:
    """The same, and fresh data in every generation."""
    least = float(case.alpha.min())
    return (
        *finite_chi2(case, trace),
        Check("alpha > 0", least > 0, f"least {least:g}"),
    )


def unbiased_innovations(case: Case, trace: xr.Dataset) -> tuple[Check, ...]:
    """Whether innovations are unbiased: the mean cosine with what they meet is 0."""
    rho = 1.0 - xr.DataArray(case.alpha, dims="generation")
    before = trace["D"].shift(generation=1, fill_value=0.0)
    overlap = 0.5 * (trace["D"] - rho**2 * before - trace["J"]) / rho.where(rho > 0)
    cosine = (overlap / np.sqrt(before * trace["J"])).isel(generation=slice(1, None))
    runs, models = cosine.sizes["seed"], cosine.sizes["generation"]
    error = cosine.std("seed", ddof=1) / np.sqrt(runs)
    allowed = stdtrit(runs - 1, 1.0 - UNBIASED / (2 * models)) * error
    off = abs(cosine.mean("seed")).fillna(0.0)  # no cosine where nothing is inherited
    met, worst = not (off > allowed).any(), float(off.max())
    name = "innovations unbiased given the past"
    return (
        *finite_chi2(case, trace),
        Check(name, met, f"mean cosine up to {worst:.2g}"),
    )


def _energy_known(name: str, trace: xr.Dataset) -> tuple[Check, ...]:
    """Whether a law's energy, by transforms, was seen wherever the law is."""
    if name not in trace:
        return ()
    worst = float(trace[name].max())
    return (Check("scores known where the law is", worst < SEEN, f"lost {worst:.1g}"),)


MARTINGALE = Check("exp(Z) a true martingale (A2)", None, "assumed")


def path_assumptions(case: Case, trace: xr.Dataset) -> tuple[Check, ...]:
    """A1, checked, and A2, assumed."""
    largest = float(trace["eps_hat2"].max())
    finite = bool(np.isfinite(trace["eps_hat2"]).all())
    energy = Check("eps_hat^2 finite (A1)", finite, f"up to {largest:.2g}")
    return (energy, *_energy_known("hat_lost", trace), MARTINGALE)


def finite_path_chi2(case: Case, trace: xr.Dataset) -> tuple[Check, ...]:
    """The same, and a finite chi-square between the path laws."""
    finite = bool(np.isfinite(trace["chi2_path"]).all())
    largest = float(trace["chi2_path"].max())
    return (
        *path_assumptions(case, trace),
        Check("chi2_path finite", finite, f"up to {largest:.2g}"),
    )


def display_assumptions(case: Case, trace: xr.Dataset) -> tuple[Check, ...]:
    """What Thm 4.2 assumes, as far as it is known and measured."""
    energy, ratio = float(trace["eps_star2"].max()), trace["J"] / trace["intra"]
    moment = 1.0 + float(trace["chi2_path"].max()) if "chi2_path" in trace else np.nan
    known = np.isfinite(moment)
    detail = f"largest {moment:.3g}" if known else "path chi-square not measured"
    return (
        *finite_chi2(case, trace),
        *_energy_known("star_lost", trace),
        Check("eps*^2 <= 1", energy <= 1.0, f"largest {energy:.2g}"),
        Check("A3 at delta = 1", bool(moment < 10.0) if known else None, detail),
        Check(
            "A5: J/I bounded",
            float(ratio.max()) <= TAIL,
            f"up to {float(ratio.max()):.2g}",
        ),
    )


def resolved_chain(case: Case, trace: xr.Dataset) -> tuple[Check, ...]:
    """Whether the chain moves its data as an endless continuous one would."""
    start = float(np.exp(-case.settings.T))
    steps = float((trace["step_tv"] / trace["tv_step"]).max())
    return (
        Check("start forgotten: exp(-T) <= 0.01", start <= 0.01, f"{start:.2g}"),
        Check("steps resolve the shift to 10 %", steps <= 0.1, f"{steps:.2g} of it"),
    )
