"""The arrays of all points of a sweep as one, with the swept fields for dimensions."""

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import xarray as xr

from figures.overrides import labels
from figures.results import attributes
from figures.sweep.run import Sweep

__all__ = ["swept_tree"]


def swept_tree(sweep: Sweep) -> tuple[xr.DataTree, list[str]]:
    """Groups "trace" and "curves" over the swept fields, which are coordinates above.

    A grid has a dimension for every field, lists side by side one named "point". Entries
    of a point that was refused are NaN, or "" where text stands; counts and truth values
    are then floats. A name of the simulation that is also that of a swept field is
    prefixed by its group: ``trace_n``. Coordinates that differ between points, such as
    the one fresh fraction of each, become variables ``NAME_values``.

    Returns:
        The tree, and a line for whatever the points do not share in shape, which is left
        out: it is in the file of each run (``driftlab export``).
    """
    sizes = sweep.design.sizes
    taken = {*sizes, *sweep.design.fields}
    datasets, left_out = {"/": _points(sweep)}, []
    for group in ("trace", "curves"):
        parts = [
            None if r is None else _renamed(getattr(r, group), group, taken)
            for r in sweep.results
        ]
        datasets[f"/{group}"], lost = _joined(parts, sizes)
        if lost:
            left_out.append(
                f"{', '.join(lost)} left out of the {group}: "
                "not of one shape at all points."
            )
    return xr.DataTree.from_dict(datasets), left_out


def _points(sweep: Sweep) -> xr.Dataset:
    """Which run is where: the top of the tree."""
    design, sizes = sweep.design, sweep.design.sizes
    coordinates = {
        axis.field: ("point" if design.zipped else axis.field, labels(axis.values))
        for axis in design.axes
    }
    found = [attributes(r) if r else {} for r in sweep.results]

    def over_points(values: Iterable[Any]) -> tuple[tuple[str, ...], np.ndarray]:
        return tuple(sizes), np.array(list(values)).reshape(tuple(sizes.values()))

    runs = {
        "run": over_points(of.get("run", "") for of in found),
        "run_commit": over_points(of.get("commit", "") for of in found),
    }
    shared = attributes(sweep.completed[0], without=design.fields)
    del shared["run"], shared["commit"]
    refused = {design.points[k].label: why for k, why in sweep.refusals.items()}
    about = {"swept": json.dumps(design.fields), "refused": json.dumps(refused)}
    return xr.Dataset(runs, coordinates, shared | about)


def _renamed(dataset: xr.Dataset, group: str, taken: set[str]) -> xr.Dataset:
    names = {*dataset.variables, *dataset.dims} & taken
    return dataset.rename({name: f"{group}_{name}" for name in names})


def _joined(
    parts: Sequence[xr.Dataset | None], sizes: Mapping[str, int]
) -> tuple[xr.Dataset, list[str]]:
    """Every variable that all parts share, over the points; the names of the others."""
    present = [part for part in parts if part is not None]
    names = sorted({str(name) for part in present for name in part.variables})
    data, coordinates, lost = {}, {}, []
    for name in names:
        found = [part.variables.get(name) for part in present]
        shapes = {v is not None and (v.dims, v.shape, v.dtype.kind) for v in found}
        if len(shapes) > 1:
            lost.append(name)
            continue
        first = found[0]
        if name in present[0].coords and all(v.equals(first) for v in found):
            coordinates[name] = first
            continue
        values = _filled(
            [None if part is None else part[name].values for part in parts]
        )
        stacked = values.reshape((*sizes.values(), *first.shape))
        label = f"{name}_values" if name in first.dims else name
        data[label] = ((*sizes, *first.dims), stacked, first.attrs)
    return xr.Dataset(data, coordinates, _agreed([p.attrs for p in present])), lost


def _filled(values: Sequence[np.ndarray | None]) -> np.ndarray:
    """All of them, (points, ...), with NaN or "" where there is none."""
    like = next(v for v in values if v is not None)
    gap = np.full(like.shape, np.nan if like.dtype.kind in "iufb" else "")
    return np.stack([gap if v is None else v for v in values])


def _agreed(attributes: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """The attributes that are the same at all points."""
    first, *others = attributes
    return {
        name: value
        for name, value in first.items()
        if all(repr(o.get(name)) == repr(value) for o in others)
    }
