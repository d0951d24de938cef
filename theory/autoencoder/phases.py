r"""Phases of learning over training time and noise level (derived).

One unit learns two modes at :math:`\pm\mu`. Along training at a noise level t:

* aligned or not: :math:`\cos^2 = M^2/(|\mu|^2Q)`, the share of the unit along the modes,
  against 1/2;
* one mode generated or two: the bimodality index I (`theory.autoencoder.modes`) against 0.

Two modes of a unit that is not aligned are two modes of noise. Beyond
:math:`\tau_c(t)` (`theory.autoencoder.bulk`) the generated bulk grows as well. The number of
samples is :math:`n/d = \tau/2\eta`.
"""

from dataclasses import replace
from enum import IntEnum
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import xarray as xr
from jaxtyping import Array, ArrayLike, Float, Num

from theory.autoencoder.averages import Nodes
from theory.autoencoder.bulk import critical
from theory.autoencoder.learning import learning_curve
from theory.autoencoder.modes import splitting_index
from theory.denoiser import Overlaps, Training
from theory.processes import EulerGrid
from theory.structured import StructuredMixture
from theory.validation import require, require_in, require_positive

__all__ = ["Phase", "alignment", "learning_phases"]


class Phase(IntEnum):
    """What has been learnt, and what is generated along the unit."""

    NOTHING = 0
    """Not aligned, one mode."""
    NOISE = 1
    """Not aligned, two modes all the same."""
    DIRECTION = 2
    """Aligned, one mode."""
    MODES = 3
    """Aligned, two modes."""


def alignment(
    M: Float[Array, "*n"], Q: Float[Array, "*n"], distance2: Float[Array, ""]
) -> Float[Array, "*n"]:
    r""":math:`M^2/(|\mu|^2Q)` in [0, 1]: squared cosine of the unit with the modes."""
    return M**2 / (distance2 * Q)


def learning_phases(
    data: StructuredMixture,
    training: Training,
    start: Overlaps,
    grid: EulerGrid,
    levels: Num[ArrayLike, " t"],
    until: float,
    nodes: Nodes,
    columns: int = 200,
) -> xr.Dataset:
    """Alignment, index, phases and boundaries for all noise levels in one program.

    Args:
        data: modes at plus and minus the first tracked direction, variance 1; the one at
            plus will do, of which an odd unit learns what it learns of both.
        training: step sizes and a smooth odd activation; its own level is not used.
        start: overlaps of one unit at time 0.
        grid: of the probability flow.
        levels: noise levels t of the linear path, in (0, 1).
        until: longest training time > 0.
        nodes: rule of averaging.
        columns: training times, equally spaced up to the last; one Runge-Kutta step each.

    Returns:
        Dataset over (level, tau): `alignment`, `index`, `phase` (`Phase`). Over level:
        `aligns` and `splits`, the times at which these first rise to 1/2 and to 0,
        `merges`, at which the index last falls back to 0 (linear between columns, the
        index by its log(1 + I)), and `grows`, the critical time of the bulk; NaN where
        there is none.
    """
    require_in("levels", levels, 1e-3, 1.0 - 1e-3)
    require(np.ndim(levels) == 1, "levels", "a vector", np.shape(levels))
    require_positive("until", until)
    require(columns >= 1, "columns", ">= 1", columns)
    t, last = (jnp.asarray(v, jnp.float64) for v in (levels, until))
    found = _phases(data, training, start, grid, t, last, nodes, columns)
    found = jax.device_get(found)
    tau = np.linspace(0.0, until, columns + 1)[1:]
    dims = ("level", "tau")
    return xr.Dataset(
        {name: (dims[: np.ndim(v)], v) for name, v in found.items()},
        coords={"level": np.asarray(t), "tau": tau},
    )


@partial(jax.jit, static_argnames="columns")
def _phases(
    data, training, start, grid, t, until, nodes, columns: int
) -> dict[str, Array]:
    distance2 = data.total_gram[0, 0]

    def curve(level: Array) -> tuple[Array, Array, Array]:
        own = replace(training, alpha=1.0 - level[None], beta=level[None])
        at = learning_curve(data, own, start, until, nodes, columns)
        return at.M[:, 0, 0], at.Q[:, 0, 0], at.b[:, 0]

    M, Q, b = (v[:, 1:] for v in jax.vmap(curve)(t))
    cosine2 = alignment(M, Q, distance2)
    index = splitting_index(Q, b, grid, training.activation)
    phase = 2 * (cosine2 >= 0.5).astype(jnp.int32) + (index > 0).astype(jnp.int32)
    tau = until * jnp.arange(1, columns + 1) / columns
    first, split = jax.vmap(_first_zero, in_axes=(None, 0)), jnp.log1p(index)
    return {
        "alignment": cosine2,
        "index": index,
        "phase": phase,
        "aligns": first(tau, cosine2 - 0.5),
        "splits": first(tau, split),
        "merges": first(tau[::-1], split[:, ::-1]),
        "grows": critical(1.0 - t, t, training.skip_ratio, training.rate)[0],
    }


def _first_zero(x: Float[Array, " n"], y: Float[Array, " n"]) -> Float[Array, ""]:
    """Where y first rises through 0, linear in between; NaN where it does not."""
    up = (y[:-1] <= 0) & (y[1:] > 0)
    k = jnp.argmax(up)
    share = y[k] / (y[k] - y[k + 1])
    return jnp.where(up[k], x[k] + share * (x[k + 1] - x[k]), jnp.nan)
