"""Branching estimates as labelled results: one record per seed, pooled over seeds."""

from collections.abc import Callable, Mapping, Sequence

import jax
import numpy as np
import xarray as xr

from sim.measures.branching import Branching
from sim.store import Group, resumable

__all__ = ["per_seed", "pooled"]

Estimator = Callable[[jax.Array], Sequence[Branching]]


def per_seed(
    group: Group, estimator: Estimator, keys: jax.Array, coords: Mapping, progress
) -> xr.Dataset:
    """The estimates of every error for each seed of a group; stored seed by seed.

    Args:
        group: where the records go.
        estimator: see `sim.measures.branching.branching_over_devices`.
        keys: one per seed of the group.
        coords: name of each dimension the errors run over, outermost first, to its labels.
        progress: shows a stage with a tick per seed.

    Returns:
        Fields of `Branching`, each with its `_se`, over "seed" and the given dimensions.
    """
    shape = tuple(len(labels) for labels in coords.values())

    def one_seed(index: int, state: None) -> tuple[None, xr.Dataset]:
        estimates = estimator(keys[index])
        stacked = jax.tree.map(lambda *parts: np.reshape(parts, shape), *estimates)
        values = stacked._asdict()
        record = xr.Dataset(coords=coords)
        for name, estimate in values.items():
            record[name] = (tuple(coords), estimate.value)
            record[f"{name}_se"] = (tuple(coords), estimate.standard_error)
        return None, record

    with progress.stage(group.path.name, len(keys)) as stage:
        trace = resumable(group, len(keys), lambda: None, one_seed, stage.tick)
    trace = trace.rename(generation="seed")
    return trace.assign_coords(seed=np.array(group.seeds))


def pooled(trace: xr.Dataset, name: str) -> tuple[xr.DataArray, xr.DataArray]:
    """Mean over seeds and its standard error, from the endpoints of all seeds together."""
    error = np.sqrt((trace[f"{name}_se"] ** 2).sum("seed")) / trace.sizes["seed"]
    return trace[name].mean("seed"), error
