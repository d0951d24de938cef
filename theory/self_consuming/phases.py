r"""Phases in the synthetic amount and the models trained (derived; after Fu et al. 2024).

n real points, :math:`m=\lambda n` of the latest model, G models. More synthetic data hurt up
to :math:`\lambda^\ast(G)` and help beyond; only beyond the break-even do they beat none at
all. What is compared, each over its value at :math:`\lambda=0`:

* the bound at rate r, :math:`f_1(\lambda)` (V1: every stage has n + m points);
* "kernel": the excess second moment of kernel densities of bandwidth :math:`cN^{-1/5}`, V1,
  :math:`(\int x^2\hat p_G-\sigma_0^2)/(c^2n^{-2/5}) = f_1` at r = 2/5 in the mean, exactly;
* "gaussian-iid": :math:`nE\mu_G^2` of a fitted Gaussian, V1, independent draws, exact: it
  falls from the start, so there is no phase in which synthetic data hurt;
* "gaussian-reused": the same with the n real points reused (V2), exact: it rises to a
  threshold and returns to 1, so they never beat none.

The threshold of the last is that of the mirror identity, to leading order in 1/n.
"""

from enum import IntEnum

import jax
import jax.numpy as jnp
import numpy as np
import xarray as xr
from jaxtyping import Array, ArrayLike, Num

from theory.self_consuming.gaussian_mle import mean_square_latest, mirror_thresholds
from theory.self_consuming.phase_transition import (
    break_evens,
    shape_v1,
    thresholds_v1,
)
from theory.validation import require, require_in, require_positive

__all__ = ["COMPARED", "KERNEL_RATE", "Effect", "synthetic_phases"]

COMPARED = ("bound", "kernel", "gaussian-iid", "gaussian-reused")
"""The bound, and three learners."""
KERNEL_RATE = 0.4
"""Rate of kernel densities in 1-D."""


class Effect(IntEnum):
    """What synthetic data do."""

    HURT = 0
    """More of them raise the error: below the threshold."""
    RECOVER = 1
    """More of them lower it, yet none would be better: threshold to break-even."""
    HELP = 2
    """Better than none: from the break-even on."""


def synthetic_phases(
    lam: Num[ArrayLike, " l"],
    models: Num[ArrayLike, " g"],
    rate: float = 0.25,
    n: float = 100.0,
) -> xr.Dataset:
    """Error over its value without synthetic data, phases and their boundaries.

    One compiled program for all of it.

    Args:
        lam: synthetic over real points, each 0 or >= 1/n.
        models: how many are trained, real numbers >= 1.
        rate: r of the bound, in (0, 1).
        n: real points, > 1 (of the Gaussians; the others do not depend on it).

    Returns:
        Dataset over (compared, models, lam): `relative` and `effect` (`Effect`); over
        (compared, models): `turns`, the threshold, and `evens`, the break-even (0 where
        there is no phase below it, infinite where it is never reached).
    """
    require_in("lam", lam, 0.0, 1e12)
    require_in("models", models, 1.0, 1e9)
    require_in("rate", rate, 1e-6, 1.0 - 1e-6)
    require_positive("n", n)
    require(n > 1, "n", "> 1", n)
    axes = {"models": models, "lam": lam}
    for name, values in axes.items():
        require(np.ndim(values) == 1, name, "a vector", np.shape(values))
    inputs = (jnp.asarray(v, jnp.float64) for v in (lam, models, rate, n))
    found = jax.device_get(_phases(*inputs))
    dims = ("compared", "models", "lam")
    return xr.Dataset(
        {name: (dims[: np.ndim(v)], v) for name, v in found.items()},
        coords={"compared": list(COMPARED), **{k: np.asarray(v) for k, v in axes.items()}},
    )  # fmt: skip


@jax.jit
def _phases(lam: Array, models: Array, rate: Array, n: Array) -> dict[str, Array]:
    L, G = lam[None, :], models[:, None]
    gaussian = lambda protocol: n * mean_square_latest(n, n * L, G, protocol)
    relative = jnp.stack(
        [
            shape_v1(L, G, rate),
            shape_v1(L, G, KERNEL_RATE),
            gaussian("iid"),
            gaussian("reused"),
        ]
    )
    none, never = jnp.zeros_like(models), jnp.full_like(models, jnp.inf)
    never = jnp.where(models > 1, never, none)  # one model sees no synthetic data
    turns = [
        thresholds_v1(models, rate),
        thresholds_v1(models, KERNEL_RATE),
        none,
        mirror_thresholds(models - 1.0),
    ]
    evens = [break_evens(models, rate), break_evens(models, KERNEL_RATE), none, never]
    turns, evens = jnp.stack(turns), jnp.stack(evens)
    turned, even = (L[None] >= edge[:, :, None] for edge in (turns, evens))
    effect = turned.astype(jnp.int32) + even.astype(jnp.int32)
    return {"relative": relative, "effect": effect, "turns": turns, "evens": evens}
