r"""Drift regimes: how the errors of successive generations combine.

In :math:`D_{i+1} = \rho^2 D_i + 2\rho C_i + J_i` all depends on the cosine
:math:`C_i/\sqrt{D_iJ_i}`: systematic errors add up in size (stationary drift
:math:`J/\alpha^2`), unbiased ones in square (:math:`J/(\alpha(2-\alpha))`), cancelling
ones undo the past.
"""

from enum import IntEnum

import jax
import jax.numpy as jnp
import numpy as np
import xarray as xr
from jaxtyping import Array, ArrayLike, Float, Int, Num

from theory.error_propagation.statements import (
    stationary_aligned,
    stationary_cancelling,
    stationary_unbiased,
)
from theory.validation import require, require_in, require_positive

__all__ = [
    "Outlook",
    "Regime",
    "classify",
    "innovation_cosine",
    "memoryless_from",
    "regime_map",
]

Values = Num[ArrayLike, "*batch"]
Scalar = Num[ArrayLike, ""]


class Regime(IntEnum):
    """What one generation does to the drift it inherits."""

    MEMORYLESS = 0
    """Too little of the past is left to matter."""
    UNBIASED = 1
    ALIGNED = 2
    CANCELLING = 3
    HEAVY_TAILED = 4
    """The innovation is infinite, or out of proportion to the error that made it."""


class Outlook(IntEnum):
    """Where the stationary drift of a setting ends up, compared with a target."""

    CONTAINED = 0
    """Below the target even if errors are aligned."""
    DEPENDS = 1
    """Below if errors are unbiased, above if they are aligned."""
    EXCEEDED = 2
    """Above even if errors are unbiased."""


def innovation_cosine(D: Values, J: Values, C: Values) -> Float[Array, "*batch"]:
    r""":math:`C/\sqrt{DJ}` in [-1, 1]; NaN where D or J is 0 or infinite."""
    D, J, C = (jnp.asarray(x, dtype=jnp.float64) for x in (D, J, C))
    known = (D > 0) & (J > 0) & jnp.isfinite(D) & jnp.isfinite(J)
    norm = jnp.sqrt(jnp.where(known, D, 1.0)) * jnp.sqrt(jnp.where(known, J, 1.0))
    return jnp.where(known, C / norm, jnp.nan)


def classify(
    alpha: Values,
    D: Values,
    J: Values,
    C: Values,
    tail_factor: Values = 1.0,
    *,
    cosine_cut: float = 0.5,
    memory_cut: float = 0.1,
    tail_cut: float = 10.0,
) -> Int[Array, "*batch"]:
    r"""`Regime` of each generation, as integers.

    Args:
        alpha: fresh fraction in [0, 1].
        D: drift before the generation.
        J: its innovation.
        C: overlap of the two.
        tail_factor: J / I, 1 for bounded ratios.
        cosine_cut: errors within arccos of this (60 degrees) of the inherited drift
            count as aligned, of its opposite as cancelling.
        memory_cut: memoryless below this share :math:`\rho^2D/(\rho^2D+J)`.
        tail_cut: heavy-tailed above this `tail_factor`.
    """
    require_in("alpha", alpha, 0.0, 1.0)
    require_in("cosine_cut", cosine_cut, 0.0, 1.0)
    alpha, D, J = (jnp.asarray(x, dtype=jnp.float64) for x in (alpha, D, J))
    past = (1.0 - alpha) ** 2 * D
    cosine = innovation_cosine(D, J, C)
    heavy = ~jnp.isfinite(D) | ~jnp.isfinite(J) | (tail_factor > tail_cut)
    return jnp.select(
        [
            heavy,
            past <= memory_cut * (past + J),
            cosine >= cosine_cut,
            cosine <= -cosine_cut,
        ],
        [Regime.HEAVY_TAILED, Regime.MEMORYLESS, Regime.ALIGNED, Regime.CANCELLING],
        Regime.UNBIASED,
    )


def memoryless_from(memory_cut: float = 0.1) -> tuple[float, float]:
    r"""Fresh fraction from which stationary aligned, and unbiased, errors are memoryless.

    With :math:`D = J/\alpha^2` the inherited share :math:`\rho^2D/(\rho^2D+J)` is c at
    :math:`\alpha = 1/(1+\sqrt{c/(1-c)})`, with :math:`D = J/(1-\rho^2)` it is
    :math:`\rho^2`, so that :math:`\alpha = 1-\sqrt c` (derived).

    Args:
        memory_cut: c in (0, 1), that of `classify`.
    """
    require(0.0 < memory_cut < 1.0, "memory_cut", "in (0, 1)", memory_cut)
    odds = memory_cut / (1.0 - memory_cut)
    return float(1.0 / (1.0 + np.sqrt(odds))), float(1.0 - np.sqrt(memory_cut))


def regime_map(
    alpha: Num[ArrayLike, " a"],
    eps_star2: Num[ArrayLike, " e"],
    eta: Num[ArrayLike, " h"],
    target: Scalar,
    tail_factor: Scalar = 1.0,
) -> xr.Dataset:
    r"""Stationary drift over (alpha, eps_star2, eta).

    The innovation takes its small-error value
    :math:`J = (J/I)\,\eta\varepsilon_\star^2`.

    Args:
        alpha: fresh fractions in [0, 1].
        eps_star2: energies per generation, >= 0.
        eta: observabilities in [0, 1].
        target: drift one is ready to accept, > 0.
        tail_factor: J / I, > 0.

    Returns:
        Dataset over (alpha, eps_star2, eta): stationary drifts `aligned`, `unbiased`,
        `cancelling`; `outlook` (`Outlook`); `perturbative` (eps_star2 <= 1, standing
        in Khelifa et al.). Over (alpha, eta): `contained_to` and `exceeded_from`, the
        energies at which the aligned and the unbiased drift are the target.
    """
    axes = {"alpha": alpha, "eps_star2": eps_star2, "eta": eta}
    for name, top in (("alpha", 1.0), ("eps_star2", np.inf), ("eta", 1.0)):
        require_in(name, axes[name], 0.0, top)
        require(np.ndim(axes[name]) == 1, name, "a vector", np.shape(axes[name]))
    require_positive("target", target)
    require_positive("tail_factor", tail_factor)
    inputs = (*axes.values(), target, tail_factor)
    inputs = (jnp.asarray(x, dtype=jnp.float64) for x in inputs)
    cells, edges = jax.device_get(_regimes(*inputs))
    values = {name: (tuple(axes), v) for name, v in cells.items()}
    values |= {name: (("alpha", "eta"), v) for name, v in edges.items()}
    return xr.Dataset(
        values,
        coords={name: np.asarray(v, dtype=np.float64) for name, v in axes.items()},
        attrs={"target": float(target), "tail_factor": float(tail_factor)},
    )


@jax.jit
def _regimes(alpha, eps_star2, eta, target, tail_factor) -> tuple[dict, dict]:
    """Values in the cells, and boundaries: one compiled program."""
    a, e, h = jnp.meshgrid(alpha, eps_star2, eta, indexing="ij")
    J = tail_factor * h * e
    drifts = {
        name: jnp.where(J > 0, law(a, J), 0.0)  # no error, no drift, even at alpha = 0
        for name, law in (
            ("aligned", stationary_aligned),
            ("unbiased", stationary_unbiased),
            ("cancelling", stationary_cancelling),
        )
    }
    outlook = jnp.where(
        drifts["aligned"] <= target,
        Outlook.CONTAINED,
        jnp.where(drifts["unbiased"] <= target, Outlook.DEPENDS, Outlook.EXCEEDED),
    )
    # all drifts are proportional to J
    a, h = jnp.meshgrid(alpha, eta, indexing="ij")
    edges = {
        "contained_to": target / (tail_factor * h * stationary_aligned(a, 1.0)),
        "exceeded_from": target / (tail_factor * h * stationary_unbiased(a, 1.0)),
    }
    return drifts | {"outlook": outlook, "perturbative": e <= 1.0}, edges
