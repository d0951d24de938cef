"""Branching estimates as labelled results: one record per seed, pooled over seeds."""

from collections.abc import Callable, Mapping, Sequence

import jax
import jax.random as jr
import numpy as np
import xarray as xr

from figures.replication import replica_keys
from sim.measures.branching import Branching
from sim.store import Group, resumable

__all__ = ["per_seed", "pooled"]

Estimator = Callable[[jax.Array], Sequence[Branching]]


def per_seed(
    group: Group,
    estimator: Estimator,
    run_seed: int,
    coords: Mapping,
    progress,
    condition: int = 0,
) -> xr.Dataset:
    """The estimates of every error for each seed of a group; stored seed by seed.

    Args:
        group: where the records go.
        estimator: see `sim.measures.branching.branching_over_devices`.
        run_seed: from which, with the seed and the condition, the randomness follows.
        coords: name of each dimension the errors run over, outermost first, to its labels.
        progress: shows a stage with a tick per seed.
        condition: tells apart estimates of one seed that shall be independent.

    Returns:
        Fields of `Branching`, each with its `_se`, over "seed" and the given dimensions.
    """
    shape = tuple(len(labels) for labels in coords.values())

    def one_seed(index: int, state: None) -> tuple[None, xr.Dataset]:
        seed = group.seeds[index]
        key = replica_keys(run_seed, range(seed, seed + 1))[0]
        estimates = estimator(jr.fold_in(key, condition))
        stacked = jax.tree.map(lambda *parts: np.reshape(parts, shape), *estimates)
        values = stacked._asdict()
        record = xr.Dataset(coords=coords)
        for name, estimate in values.items():
            record[name] = (tuple(coords), estimate.value)
            record[f"{name}_se"] = (tuple(coords), estimate.standard_error)
        return None, record

    with progress.stage(group.path.name, len(group.seeds)) as stage:
        trace = resumable(group, len(group.seeds), lambda: None, one_seed, stage.tick)
    trace = trace.rename(generation="seed")
    return trace.assign_coords(seed=np.array(group.seeds))


def pooled(trace: xr.Dataset, name: str) -> tuple[xr.DataArray, xr.DataArray]:
    """Mean over seeds and its standard error, from the endpoints of all seeds together."""
    error = np.sqrt((trace[f"{name}_se"] ** 2).sum("seed")) / trace.sizes["seed"]
    return trace[name].mean("seed"), error
