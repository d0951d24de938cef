r"""Modes of what is generated: when one splits into two, and which survive (Sec. 5.3, derived).

Near Z = 0 the flow along an axis on which Q is diagonal is :math:`Z=a_1Z_0+a_3Z_0^3`, and for
an odd activation the generated law has two modes there iff

.. math:: I = -6\,q\,a_3/a_1 - 1 > 0 .
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float
from scipy.optimize import brentq

from theory.autoencoder.learning import learning_curve
from theory.autoencoder.retraining import Generation
from theory.autoencoder.sampling import Projection
from theory.autoencoder.statements import splitting
from theory.denoiser import Activation, Overlaps, Training
from theory.processes import EulerGrid
from theory.structured import StructuredMixture
from theory.validation import InputError, require

__all__ = [
    "Edge",
    "mode_masses",
    "splitting_index",
    "splitting_time",
    "survival",
    "survival_edges",
]


def splitting_index(
    q: Float[Array, "*n"],
    b: Float[Array, "*n"],
    grid: EulerGrid,
    activation: Activation,
) -> Float[Array, "*n"]:
    r"""Bimodality index of the Euler scheme; two modes iff positive.

    .. math:: a_3 \leftarrow A a_3 + h\,\Gamma q\,\sigma'''(0)/6\; a_1^3,\quad
        a_1 \leftarrow A a_1,\quad A = 1 + h(\Delta+\Gamma q\,\sigma'(0)) .

    Args:
        q: diagonal entries of Q.
        b: skip, of the same shape.
        grid: of the probability flow.
        activation: smooth and odd.

    Raises:
        InputError: for an activation with a kink at 0.
    """
    s1, s3 = activation.series()

    def step(a, k: EulerGrid):
        a1, a3 = a
        A = 1.0 + k.h * (k.contraction + k.gain * (b + q * s1))
        return (A * a1, A * a3 + k.h * k.gain * q * s3 / 6.0 * a1**3), None

    (a1, a3), _ = jax.lax.scan(step, (jnp.ones_like(q), jnp.zeros_like(q)), grid)
    return splitting(q, a1, a3)


def splitting_time(
    data: StructuredMixture,
    training: Training,
    start: Overlaps,
    grid: EulerGrid,
    nodes,
    unit: int = 0,
    until: float = 10.0,
    scan: int = 200,
    steps: int = 400,
) -> float:
    """First training time at which `splitting_index` of a unit is 0; NaN if none by `until`.

    Bracketed on `scan` times, then solved to rounding on curves of `steps` steps.
    """
    index = lambda at: splitting_index(
        at.Q[..., unit, unit], at.b[..., 0], grid, training.activation
    )
    curve = jax.jit(
        lambda tau: learning_curve(data, training, start, tau, nodes, scan)
    )(until)
    values = np.asarray(index(curve))
    crossing = np.flatnonzero((values[:-1] <= 0) & (values[1:] > 0))
    if not len(crossing):
        return float("nan")
    times = np.linspace(0.0, until, scan + 1)
    low, high = times[crossing[0]], times[crossing[0] + 1]

    @jax.jit
    def at_time(tau):
        end = learning_curve(data, training, start, tau, nodes, 1, steps)
        return index(end)[-1]

    return float(brentq(lambda tau: float(at_time(tau)), low, high, xtol=1e-12))


def mode_masses(
    law: Projection, centres: Float[Array, "k e"], normals: Float[Array, "n e"]
) -> Float[Array, " k"]:
    """Probability that a projected sample is nearest to each centre.

    `normals` are N(0, I) points, quasi-random jointly with the law's nodes.
    """
    points = law.draws(normals)
    squared = jnp.sum((points[:, None, :] - centres[None]) ** 2, axis=-1)
    nearest = jnp.argmin(squared, axis=1)
    return jax.ops.segment_sum(law.weights, nearest, centres.shape[0])


def survival(
    generations: Generation, grid: EulerGrid, activation: Activation
) -> Float[Array, "*g r"]:
    """Bimodality index of every axis in every generation; the mode is there iff > 0."""
    q = jnp.diagonal(generations.Q, axis1=-2, axis2=-1)
    b = jnp.broadcast_to(generations.b[..., :1], q.shape)
    return splitting_index(q, b, grid, activation)


class Edge(NamedTuple):
    """A training time at which a mode appears or is lost."""

    tau: float
    appears: bool
    """whether the mode is there for longer training"""


def survival_edges(index, times, tolerance: float = 1e-4) -> list[Edge]:
    """Training times at which `index` changes sign: scanned, then bisected.

    Survival after some generations is not monotone in the training time: a mode may be
    lost to too little and to too much of it.

    Args:
        index: training time -> bimodality index after the generations asked for.
        times: (n,) increasing scan.
        tolerance: width > 0 of the final bracket.

    Raises:
        InputError: fewer than two times, or an index that is no number.
    """
    times = np.asarray(times, dtype=np.float64)
    require(times.ndim == 1 and len(times) >= 2, "times", "two or more", times.shape)
    values = np.array([float(index(t)) for t in times])
    if np.isnan(values).any():
        raise InputError("index must be a number at every time of the scan, got nan.")
    edges = []
    for k in np.flatnonzero((values[:-1] > 0) != (values[1:] > 0)):
        low, high, appears = times[k], times[k + 1], bool(values[k + 1] > 0)
        while high - low > tolerance:
            middle = 0.5 * (low + high)
            if (float(index(middle)) > 0) == appears:
                high = middle
            else:
                low = middle
        edges.append(Edge(0.5 * (low + high), appears))
    return edges
