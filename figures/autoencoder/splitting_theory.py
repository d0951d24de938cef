"""Learning curves, splitting times and laws of Z that ae6 sets its runs against."""

from functools import cache

import jax
import jax.numpy as jnp
import numpy as np
import xarray as xr
from jaxtyping import Array, Float

from figures.autoencoder.presets.retraining import Splitting
from figures.autoencoder.problems import informed, training_of, two_modes
from sim.replicas import replicated
from theory.autoencoder.averages import midpoint
from theory.autoencoder.learning import learning_curve
from theory.autoencoder.modes import splitting_index
from theory.autoencoder.sampling import latent_law, start_nodes
from theory.denoiser import Overlaps, initial_overlaps
from theory.processes import euler_grid

__all__ = ["DISTANCE", "FINE", "along_training", "first_zero", "laws_of_Z", "start_of"]

DISTANCE = 2.0  # of the modes from the centre
NODES = 40  # of the averages
FINE = 10  # recorded intervals of the theory in one of the simulation
STARTS = np.geomspace(0.004, 0.3, 13)  # of the curve of splitting times


def start_of(warm: float) -> Overlaps:
    """Overlaps of a start at `warm` times the mean of a mode."""
    return initial_overlaps(two_modes(DISTANCE), informed(1, 2, warm))


@cache
def along_training(settings: Splitting) -> xr.Dataset:
    """Q, b and index along learning curves: from the settings' starts, then `STARTS`."""
    data, training, grid = two_modes(DISTANCE), training_of(settings), euler_grid()
    warms = np.concatenate([settings.warms, STARTS])
    starts = jax.tree.map(lambda *leaves: jnp.stack(leaves), *map(start_of, warms))
    points, rule = FINE * settings.records, midpoint(1, NODES)
    curve = replicated(
        lambda at: learning_curve(data, training, at, settings.until, rule, points)
    )(starts)
    Q, b = curve.Q[..., 0, 0], curve.b[..., 0]
    index = splitting_index(Q, b, grid, training.activation)
    dims = ("start", "time")
    return xr.Dataset(
        {"Q": (dims, Q), "b": (dims, b), "index": (dims, index)},
        coords={"start": warms, "time": np.linspace(0.0, settings.until, points + 1)},
    )


def first_zero(
    time: Float[np.ndarray, " n"], values: Float[np.ndarray, "*batch n"]
) -> Float[np.ndarray, "*batch"]:
    """Where each row first rises through 0, by linear interpolation; NaN where nowhere."""
    time, values = np.asarray(time), np.asarray(values)
    found = []
    for row in values.reshape(-1, values.shape[-1]):
        up = np.flatnonzero((row[:-1] <= 0) & (row[1:] > 0))
        around = slice(up[0], up[0] + 2) if len(up) else None
        there = np.interp(0.0, row[around], time[around]) if around else np.nan
        found.append(there)
    return np.reshape(found, values.shape[:-1])


def laws_of_Z(
    settings: Splitting, tau: Float[np.ndarray, " n"], edges: Float[np.ndarray, " k"]
) -> Float[np.ndarray, "n k-1"]:
    """Probability of each bin of Z over its spread, after training for each tau."""
    data, training = two_modes(DISTANCE), training_of(settings)
    start, rule, nodes = (
        start_of(settings.shown),
        midpoint(1, NODES),
        start_nodes(1, 4000),
    )

    def probabilities(tau: Array, edges: Array) -> Array:
        end = learning_curve(data, training, start, tau, rule, 1, 200)
        Q, b = end.Q[-1], end.b[-1, 0]
        law = latent_law(Q, b, euler_grid(), training.activation, nodes)
        spread = jnp.sqrt(law.mean(lambda Z: Z[:, 0] ** 2))
        below = jnp.cumsum(law.weights) - 0.5 * law.weights  # the flow keeps the order
        return jnp.diff(jnp.interp(edges, law.points[:, 0] / spread, below, 0.0, 1.0))

    repeated = np.broadcast_to(edges, (len(tau), len(edges)))
    return np.asarray(
        replicated(probabilities)(jnp.asarray(tau), jnp.asarray(repeated))
    )
