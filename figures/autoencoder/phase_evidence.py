"""Contours and phases of ae10, simulated against predicted."""

import numpy as np
import xarray as xr

from figures.autoencoder.presets.phases import LearningPhases
from figures.autoencoder.retraining_evidence import mean_and_error
from figures.contours import contour, on_boundary
from theory.autoencoder.phases import Phase
from theory.claims import Evidence

__all__ = ["contours", "evidence"]

MARGIN = 0.05
"""Decades of samples."""
SHIFTED = 1.5
EVERY = 4
"""Recorded times from one row of judged cells to the next."""
CLEAR_COSINE = 0.15
CLEAR_INDEX = np.log(2.0)
"""Distances from a boundary, in cosine squared and in ln(1 + I), from which a cell is clear."""


def contours(settings: LearningPhases, curves: xr.Dataset) -> dict[str, xr.Dataset]:
    """Samples n/d at which runs align, split and merge: (level,) each."""
    over = lambda name: curves[name].assign_coords(
        tau=_samples(settings, curves["tau"])
    )
    split = np.log1p(over("run_index"))
    return {
        "aligns": contour(over("run_alignment"), "tau", 0.5),
        "splits": contour(split, "tau", 0.0),
        "merges": contour(split, "tau", 0.0, last=True),
    }


def evidence(settings: LearningPhases, curves: xr.Dataset) -> list[Evidence]:
    """Every contour against its boundary, every clear cell against its phase."""
    found, setting = contours(settings, curves), f"one unit, d = {settings.dim}"
    edge = {name: _samples(settings, curves[name]) for name in found}
    near = lambda claim, name, what, factor=1.0: on_boundary(
        claim, f"{setting}, {what}", found[name], factor * edge[name], MARGIN
    )
    return [
        near("ae-phase-aligned", "aligns", "cosine^2 rises to 1/2"),
        near("ae-phase-split", "splits", "index rises to 0"),
        near("ae-phase-split", "merges", "index falls to 0"),
        near(
            "ae-phase-shifted", "aligns", f"{SHIFTED:g} times the samples", SHIFTED
        ),
        *_cells(curves, setting),
    ]  # fmt: skip


def _samples(settings: LearningPhases, tau: xr.DataArray) -> xr.DataArray:
    return tau / (2.0 * settings.rate)


def _cells(curves: xr.Dataset, setting: str) -> list[Evidence]:
    """Sides of both boundaries in every clear cell; and whether what splits is aligned."""
    curves = curves.isel(tau=slice(None, None, EVERY))
    cosine = {of: curves[f"{of}alignment"] - 0.5 for of in ("", "run_")}
    index = {of: np.log1p(curves[f"{of}index"]) for of in ("", "run_")}
    noise = (curves["phase"] == Phase.NOISE) & (index[""] > CLEAR_INDEX)

    def cells(
        claim: str, what: str, slack: xr.DataArray, kept: xr.DataArray
    ) -> Evidence:
        kept = kept.transpose("level", "tau").values
        mean, error = mean_and_error(slack.transpose("seed", "level", "tau"))
        seeds = slack.sizes["seed"]
        return Evidence(
            claim, f"{setting}, {what}, {kept.sum()} of {kept.size} cells", "<=",
            mean.values[kept], error.values[kept], dof=max(seeds - 1, 1), seeds=seeds,
        )  # fmt: skip

    return [
        cells(
            "ae-phase-cells", "aligned or not", np.sign(cosine[""]) * cosine["run_"],
            abs(cosine[""]) > CLEAR_COSINE,
        ),
        cells(
            "ae-phase-cells", "one mode or two", np.sign(index[""]) * index["run_"],
            abs(index[""]) > CLEAR_INDEX,
        ),
        cells("ae-phase-two-are-learnt", "modes of noise", cosine["run_"], noise),
    ]  # fmt: skip
