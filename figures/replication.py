"""From settings to replicas, and from replicas to intervals: shared by every figure."""

from collections.abc import Callable

import jax
import jax.random as jr
import numpy as np
import xarray as xr
from scipy.special import stdtrit

from sim.store import Group, Run

__all__ = [
    "interval",
    "mean_over",
    "over_seeds",
    "replica_keys",
    "spread_over",
    "with_error",
]

LEVEL = 0.95
"""Coverage of the intervals drawn in figures, each on its own."""
RESAMPLES = 200
"""Bootstrap resamples of the seeds."""


def over_seeds(
    run: Run, seeds: int, simulate: Callable[[Group], xr.Dataset]
) -> xr.Dataset:
    """Simulate each group of seeds that `run` needs and join them along "seed"."""
    parts = [simulate(group) for group in run.groups(seeds)]
    joined = xr.concat(
        parts, "seed", data_vars="minimal", join="exact", compat="equals"
    )
    return joined.isel(seed=slice(seeds))


def replica_keys(seed: int, seeds: range, conditions: int = 1) -> jax.Array:
    """One key per (seed, condition), seeds outermost: shape (len(seeds) * conditions,).

    A replica's key depends on its own indices alone, so more seeds never move old draws.
    """
    return _keys(jr.key(seed), np.asarray(seeds), np.arange(conditions))


@jax.jit
def _keys(root: jax.Array, seeds: jax.Array, conditions: jax.Array) -> jax.Array:
    each = jax.vmap(jr.fold_in, in_axes=(None, 0))
    keys = jax.vmap(each, in_axes=(0, None))(each(root, seeds), conditions)
    return keys.reshape(-1)


def spread_over(values: np.ndarray, seeds: int) -> np.ndarray:
    """Parameters of the conditions, (conditions, ...), repeated for each seed."""
    return np.tile(values, (seeds,) + (1,) * (values.ndim - 1))


def mean_over(
    values: xr.DataArray, over: str = "seed"
) -> tuple[xr.DataArray, xr.DataArray, xr.DataArray]:
    """Mean over seeds, its standard error, and how many seeds: (mean, error, n).

    Replicas that diverged (not finite) are left out; `trace["finite"]` says how many.
    With fewer than two finite ones the error is NaN.
    """
    finite = values.where(np.isfinite(values))
    n = finite.count(over)
    return finite.mean(over), finite.std(over, ddof=1) / np.sqrt(n), n


def interval(
    values: xr.DataArray, over: str = "seed"
) -> tuple[xr.DataArray, xr.DataArray, xr.DataArray]:
    """Mean over seeds and the 95 % t interval around it: (mean, low, high).

    With fewer than two finite replicas, see `mean_over`, the interval is the value itself.
    """
    mean, error, n = mean_over(values, over)
    quantile = stdtrit(np.maximum(n - 1, 1), 0.5 + LEVEL / 2)
    half = (quantile * error).fillna(0.0)
    return mean, mean - half, mean + half


def with_error(
    statistic: Callable, *runs: xr.DataArray
) -> tuple[np.ndarray, np.ndarray]:
    """A function of means over seeds, and its bootstrap standard error over whole seeds.

    Args:
        statistic: of one array for each of `runs`, any leading batch axis.
        runs: over "seed" and other dimensions, in the order that `statistic` expects.
    """
    rows = [run.transpose("seed", ...).values for run in runs]
    seeds = len(rows[0])
    rng = np.random.default_rng(0)
    shares = rng.multinomial(seeds, np.full(seeds, 1.0 / seeds), RESAMPLES) / seeds
    again = [np.tensordot(shares, row, 1) for row in rows]
    estimate = statistic(*(row.mean(axis=0) for row in rows))
    return estimate, np.std(statistic(*again), axis=0, ddof=1)
