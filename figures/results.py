"""Results as tables for other programs: verdicts, values over seeds, labelled arrays.

A row of a frame is one verdict, or one number with its standard error; a column stands
for every field of the settings that the rows are to be told apart by. The labelled arrays
of a run are a tree: "trace" is what was simulated, "curves" what was predicted from it.
"""

import dataclasses
import itertools
import json
from collections.abc import Iterator, Sequence

import numpy as np
import pandas as pd
import xarray as xr

from figures import catalogue
from figures.overrides import as_text, labels
from figures.pipeline import Result, judged
from figures.replication import mean_over

__all__ = ["attributes", "tree", "value_frame", "varied", "verdict_frame"]

CELLS = 64
"""A variable with more numbers than this in a generation is a curve or a cloud of points:
it is in the tree, not in the frame of values."""

_NUMERIC = "iufb"


def varied(results: Sequence[Result]) -> tuple[str, ...]:
    """The fields of the settings in which results of one figure differ."""
    found: dict[str, None] = {}
    for of_figure in _by_figure(results):
        for field in dataclasses.fields(of_figure[0].settings):
            if len({getattr(r.settings, field.name) for r in of_figure}) > 1:
                found[field.name] = None
    return tuple(found)


def verdict_frame(
    results: Sequence[Result], fields: Sequence[str] | None = None
) -> pd.DataFrame:
    """One row per verdict: where it comes from, what was decided and by how much.

    All verdicts of the frame share one error rate, as in a report: their `intervals`
    cover together with probability `confidence`.

    Args:
        results: what to judge, all together.
        fields: settings to have columns of their own, by default those that differ
            between results of one figure.

    Returns:
        Columns figure, run, preset, the fields, claim, reference, provenance, setting,
        outcome, expected, as_expected, slack, low, high (its interval), relative_slack,
        detectable, n_seeds, n_samples, intervals, confidence, reason.
    """
    claims = catalogue.claims()
    verdicts = iter(judged(results))
    rows = []
    for result, where in _with_columns(results, fields):
        for v in (next(verdicts).verdict for _ in result.evidence):
            low, high = v.interval
            rows.append(
                {
                    **where,
                    "claim": v.claim,
                    "reference": claims[v.claim].reference,
                    "provenance": claims[v.claim].provenance,
                    "setting": v.setting,
                    "outcome": v.outcome.value,
                    "expected": " or ".join(v.expected),
                    "as_expected": v.as_expected,
                    "slack": v.slack,
                    "low": low,
                    "high": high,
                    "relative_slack": v.relative_slack,
                    "detectable": v.detectable,
                    "n_seeds": v.seeds,
                    "n_samples": v.n,
                    "intervals": v.intervals,
                    "confidence": v.confidence,
                    "reason": v.reason,
                }
            )
    return (
        pd.DataFrame(rows).astype({"n_samples": "Int64"})
        if rows
        else pd.DataFrame(rows)
    )


def value_frame(
    results: Sequence[Result], fields: Sequence[str] | None = None
) -> pd.DataFrame:
    """One row per number at the end of the loop: its mean over seeds, with error.

    That is the last "generation", or the last "law" of curves that count those.

    A variable over conditions (kinds of error, fresh fractions) has one row for each of
    them, up to `CELLS`. Without seeds there is no mean to take: the standard error is
    then that which the variable brings along as ``NAME_se``, if it does.

    Args:
        results: in the order of the rows.
        fields: as in `verdict_frame`.

    Returns:
        Columns figure, run, preset, the fields, source ("trace" or "curves"), variable,
        generation, at (the conditions: ``kind=aligned, alpha=0.1``), value,
        standard_error, n_seeds (the finite ones).
    """
    rows = [
        {**where, "source": source, **row}
        for result, where in _with_columns(results, fields)
        for source in ("trace", "curves")
        for row in _values(getattr(result, source))
    ]
    whole = {"generation": "Int64", "n_seeds": "Int64"}
    return pd.DataFrame(rows).astype(whole) if rows else pd.DataFrame(rows)


def tree(result: Result) -> xr.DataTree:
    """The arrays of a run, "trace" and "curves", with where they come from."""
    return xr.DataTree.from_dict(
        {
            "/": xr.Dataset(attrs=attributes(result)),
            "/trace": result.trace,
            "/curves": result.curves,
        }
    )


def attributes(result: Result, without: Sequence[str] = ()) -> dict[str, str | int]:
    """Figure, preset, settings (JSON, less the fields `without`), version and commit."""
    settings = dataclasses.asdict(result.settings)
    stored = result.run.provenance()
    return {
        "figure": result.figure.id,
        "title": result.figure.title,
        "preset": result.run.preset,
        "run": result.run.id,
        "settings": json.dumps({k: v for k, v in settings.items() if k not in without}),
        "driftlab_version": stored["versions"]["driftlab"],
        "commit": stored["commit"],
    }


def _by_figure(results: Sequence[Result]) -> list[list[Result]]:
    grouped: dict[str, list[Result]] = {}
    for result in results:
        grouped.setdefault(result.figure.id, []).append(result)
    return list(grouped.values())


def _with_columns(
    results: Sequence[Result], fields: Sequence[str] | None
) -> Iterator[tuple[Result, dict]]:
    """Every result, with what its rows begin with."""
    fields = varied(results) if fields is None else fields
    columns = {
        field: labels(getattr(r.settings, field, None) for r in results)
        for field in fields
    }
    for k, result in enumerate(results):
        where = {
            "figure": result.figure.id,
            "run": result.run.id,
            "preset": result.run.preset,
        }
        yield result, where | {field: columns[field][k] for field in fields}


def _values(dataset: xr.Dataset) -> Iterator[dict]:
    """The rows of one trace, or of its curves, by name."""
    last = dataset.isel(generation=-1, law=-1, missing_dims="ignore")
    for name in sorted(map(str, last.data_vars)):
        variable, base = last[name], name.removesuffix("_se")
        is_error = base != name and base in last
        cells = variable.size // variable.sizes.get("seed", 1)
        if variable.dtype.kind not in _NUMERIC or is_error or not 0 < cells <= CELLS:
            continue
        values, errors, counts = _over_seeds(variable, last.get(f"{name}_se"))
        of_generation = "generation" in dataset[name].dims
        generation = last.coords.get("generation") if of_generation else None
        for k, condition in enumerate(_conditions(values)):
            yield {
                "variable": name,
                "generation": None if generation is None else int(generation),
                "at": condition,
                "value": float(values.values.flat[k]),
                "standard_error": float(errors.values.flat[k]),
                "n_seeds": None if counts is None else int(counts.values.flat[k]),
            }


def _over_seeds(
    variable: xr.DataArray, error: xr.DataArray | None
) -> tuple[xr.DataArray, xr.DataArray, xr.DataArray | None]:
    """Mean, standard error, number; without seeds the value, its own error, None."""
    values = variable.astype(float)
    if "seed" in variable.dims:
        return mean_over(values)
    known = error is not None and error.dims == variable.dims
    return values, error if known else values * np.nan, None


def _conditions(values: xr.DataArray) -> Iterator[str]:
    """``kind=aligned, alpha=0.1``: where every entry stands, in the order of `flat`."""
    along = [
        [f"{dim}={_label(at)}" for at in values[dim].values.tolist()]
        for dim in values.dims
    ]
    return map(", ".join, itertools.product(*along))


def _label(at) -> str:
    return f"{at:.12g}" if isinstance(at, float) else as_text(at)
