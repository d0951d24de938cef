"""What the recursions of ep8 say of stationary drift, and where its contours lie."""

import numpy as np
import xarray as xr

from figures.contours import contour, on_boundary
from figures.error_propagation.evidence import one_step_evidence
from figures.error_propagation.presets import RegimeMap
from theory.claims import Evidence

__all__ = ["KINDS", "contours", "evidence"]

KINDS = ("aligned", "unbiased")
MARGIN = (
    0.10  # in log10 D: 26 % either way, for errors that are small but not infinitesimal
)
LOOSE = 0.30  # the same for contours of noisy cells
SMALL = 0.5  # drifts beyond this are outside the small-error prediction
FORGOTTEN = 0.01  # share of its stationary value that a settled drift may still lack
SHIFTED = 2.0  # factor of energy by which the control moves the boundary


def settled(trace: xr.Dataset) -> xr.DataArray:
    """Mean drift over the generations in which the start is forgotten; NaN without any.

    The slowest mode decays as (1-alpha)^n.
    """
    left = (1.0 - trace["alpha"]) ** (trace["generation"] + 1)
    return trace["D"].where(left < FORGOTTEN).mean("generation")


def contours(settings: RegimeMap, trace: xr.Dataset) -> xr.Dataset:
    """Energy at which the settled drift is each target: (kind, target, alpha)."""
    drift = settled(trace)
    lines = [
        [
            contour(drift.sel(kind=kind), "energy", np.log10(target), of=np.log10)
            for target in settings.targets
        ]
        for kind in KINDS
    ]
    targets = xr.DataArray(list(settings.targets), dims="target", name="target")
    kinds = xr.DataArray(list(KINDS), dims="kind", name="kind")
    rows = [xr.concat(row, targets, combine_attrs="override") for row in lines]
    return xr.concat(rows, kinds, combine_attrs="override")


def evidence(
    settings: RegimeMap, trace: xr.Dataset, curves: xr.Dataset
) -> list[Evidence]:
    """One-step identities, settled drift cell by cell, and contours."""
    found = one_step_evidence(trace, "regime map, 1-D Gaussian")
    drift, seeds = settled(trace), settings.seeds
    mean = drift.mean("seed")
    error = drift.std("seed", ddof=1) / np.sqrt(seeds) if seeds > 1 else 0.0 * mean
    for kind in KINDS:
        predicted = curves["predicted"].sel(kind=kind)
        ratio = np.log10(mean.sel(kind=kind) / predicted)
        relative = (error / mean).sel(kind=kind).transpose(*ratio.dims) / np.log(10.0)
        kept = ((predicted < SMALL) & np.isfinite(ratio)).transpose(*ratio.dims).values
        found.append(
            Evidence(
                claim="stationary-drift",
                setting=f"{kind} errors, drift < {SMALL:g}, settled",
                relation="==",
                slack=ratio.values[kept],
                standard_error=relative.values[kept],
                dof=max(seeds - 1, 1),
                margin=MARGIN if kind == "aligned" else 5 * MARGIN,
                seeds=seeds,
            )
        )
    lines, edge = contours(settings, trace), curves["edge"]
    aligned, unbiased = (lines.sel(kind=kind) for kind in KINDS)
    systematic, centred = (edge.sel(kind=kind) for kind in KINDS)
    said = f"D = {', '.join(f'{target:g}' for target in settings.targets)}"
    return [
        *found,
        on_boundary("drift-contour", f"aligned, {said}", aligned, systematic, MARGIN),
        on_boundary("drift-contour", f"unbiased, {said}", unbiased, centred, LOOSE),
        on_boundary(
            "drift-contour-shifted",
            f"aligned, {said}, boundary at {SHIFTED:g} times the energy",
            aligned,
            SHIFTED * systematic,
            MARGIN,
        ),
        on_boundary(
            "drift-combined-alike",
            f"unbiased, {said}, boundary of aligned errors",
            unbiased,
            systematic,
            LOOSE,
        ),
    ]
