r"""Six learners, the conditions under which each is looped, and what is predicted of it.

A condition is a synthetic amount lambda = m/n with n + m points at every stage (V1), drawn
independently; one more, lambda = infinity, is the fully synthetic loop.
"""

from collections.abc import Sequence

import jax
import jax.numpy as jnp
import numpy as np

from figures.self_consuming.kernel_theory import predictions
from figures.self_consuming.loops import (
    Loop,
    covering_grid,
    frequency_loop,
    gaussian_loop,
    kernel_loop,
    standard,
)
from figures.self_consuming.presets.coherence import NotVisible
from sim.grid import Grid
from theory.mixing import Schedule, fixed_mixture, fully_synthetic
from theory.self_consuming.categorical import expected_tv
from theory.self_consuming.gaussian_mle import SMALL_ERROR, mean_square_iid
from theory.self_consuming.kernel_density.bandwidth import (
    ROUNDED_REFERENCE,
    loop_optimal,
)

__all__ = [
    "BIASED",
    "KERNELS",
    "LEARNERS",
    "UNBIASED",
    "bandwidths",
    "conditions",
    "loops",
    "predicted",
    "schedules",
]

UNBIASED = ("gaussian", "categorical")
KERNELS = ("kernel", "kernel-loop", "smooth")
BIASED = ("minimax", "kernel", "smooth")
LEARNERS = (*UNBIASED, "minimax", *KERNELS)
SMOOTH = 2.0
"""Bandwidth of the kernel that is too wide, over the best for one sample."""
NODES = 128
"""Of the grid on which Gaussians are compared; the trapezoidal rule is spectral there."""


def conditions(settings: NotVisible) -> np.ndarray:
    """Every lambda, and infinity."""
    return np.array([*settings.lams, np.inf])


def schedules(settings: NotVisible, learner: str) -> list[Schedule]:
    """One for each condition."""
    few = learner in ("categorical", "minimax")
    n = settings.n_categorical if few else settings.n
    N = settings.n_smooth if learner == "smooth" else settings.n_synthetic
    G = settings.models
    mixed = [fixed_mixture(n, n * lam, G) for lam in settings.lams]
    return [*mixed, fully_synthetic(G, float(N))]


def bandwidths(settings: NotVisible) -> np.ndarray:
    """(kernels, conditions): for one sample, best for the loop, too wide."""
    best = [loop_optimal(s, standard()) for s in schedules(settings, "kernel-loop")]
    plain = lambda name: np.array(
        [float(s.sizes[0]) ** -0.2 for s in schedules(settings, name)]
    )
    return np.stack(
        [
            ROUNDED_REFERENCE * plain("kernel"),
            np.array([float(found.bandwidths[0]) for found in best]),
            SMOOTH * ROUNDED_REFERENCE * plain("smooth"),
        ]
    )


def loops(settings: NotVisible, h: np.ndarray) -> dict[tuple[str, ...], Loop]:
    """Loops by the learners whose conditions they hold, learners outermost.

    Args:
        settings: which conditions.
        h: from `bandwidths`.
    """
    of = lambda name: schedules(settings, name)

    def kernels(*names: str) -> Loop:
        schedules_of = [s for name in names for s in of(name)]
        rows = np.concatenate([h[KERNELS.index(name)] for name in names])[:, None]
        grid, _ = covering_grid(settings.half_width, schedules_of, rows)
        return kernel_loop(schedules_of, "iid", rows, grid)

    frequent = [settings.probability, 1.0 - settings.probability]
    rare = [settings.rare, 1.0 - settings.rare]
    return {
        ("gaussian",): gaussian_loop(
            of("gaussian"), "iid", Grid(settings.half_width, NODES)
        ),
        ("categorical",): frequency_loop(of("categorical"), "iid", frequent),
        ("minimax",): frequency_loop(
            of("minimax"), "iid", rare, minimax_counts(of("minimax"))
        ),
        ("kernel", "smooth"): kernels("kernel", "smooth"),
        ("kernel-loop",): kernels("kernel-loop"),  # needs a finer grid
    }


def minimax_counts(schedules: Sequence[Schedule]) -> np.ndarray:
    r""":math:`\kappa=\sqrt N/2` of two categories, (conditions, stages)."""
    return np.stack([0.5 * np.sqrt(np.asarray(s.sizes)) for s in schedules])


def predicted(
    settings: NotVisible, learner: str, h: np.ndarray | None = None
) -> dict[str, np.ndarray]:
    """`prediction`, and `lower` and `upper` of kernels: (conditions, models).

    Args:
        settings: which conditions.
        learner: one of `LEARNERS`.
        h: of a kernel, its row of `bandwidths`.
    """
    all_of = schedules(settings, learner)
    if learner == "gaussian":
        stacked = jax.tree.map(lambda *leaves: jnp.stack(leaves), *all_of)
        square = jax.jit(jax.vmap(mean_square_iid))(stacked)
        return {"prediction": SMALL_ERROR * np.sqrt(np.asarray(square))}
    if learner in KERNELS:
        rows = np.broadcast_to(h[:, None], (len(all_of), settings.models))
        found = predictions(all_of, rows)
        return {name: found[name].values for name in found}
    p = settings.rare if learner == "minimax" else settings.probability
    kappa = minimax_counts(all_of) * (learner == "minimax")
    exact = [
        expected_tv(np.array([p, 1.0 - p]), s, k)
        for s, k in zip(all_of, kappa, strict=True)
    ]
    return {"prediction": np.stack([np.asarray(v) for v in exact])}
