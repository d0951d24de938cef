r"""The steps of a loop as vectors: how far they lead, and how they add up (derived).

Embedded in a Hilbert space (`sim.measures.embedding`), with p the real law and
:math:`q_g = \alpha_g p + \sum_j\beta_g^j\hat p^j` what generation g was trained on,

.. math:: \hat p^g - p = (q_g - p) + \zeta_g,\qquad
    D_g = |q_g-p|^2 + 2\langle q_g-p,\zeta_g\rangle + J_g ,

the one-step identity of error propagation with its chi-square replaced by the square of another
distance: all it needs is that mixtures of laws are mixtures of vectors. So its bounds
hold as well, and every term is estimated without bias from independent samples.

If model g was trained on the very samples of generation j that are compared, it is nearer to
them than to their law, and the estimate of J_g falls short by up to

.. math:: h_g = 2\sum_j \beta_g^j\,v_j/n_j + 2\alpha_g v_0/n_0

(v the variance of one embedded point, n the samples; all of it for a model that keeps
every fluctuation of its training set), that of the overlap is too high by half of it.
"""

from dataclasses import dataclass

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from figures.audit.clouds import Clouds
from figures.audit.composition import Composition
from sim.measures.embedding import Kernel, embedded, energy_kernel, moment_kernel
from sim.measures.estimate import Estimate
from theory.error_propagation.regimes import innovation_cosine

__all__ = ["Drift", "energy_drift", "moment_drift"]


@dataclass(frozen=True)
class Drift:
    """Squared distances and steps in one geometry, with standard errors."""

    geometry: str
    distance: Estimate
    """(G + 1,) D of the held-out points, then of every generation"""
    step: Estimate
    """(G,) J of every generation"""
    inherited: Estimate
    """(G,) squared distance of what each was trained on; 0 for the first"""
    overlap: Estimate
    """(G,) of the step with what is inherited"""
    hidden: Float[np.ndarray, " G"]
    """(G,) by which each step may be larger; 0 where nobody trained on the samples"""
    means: Estimate
    """(3,) D, J and C of what is inherited and the step, over generations 2, ..., G"""
    means_hidden: Float[np.ndarray, "3"]
    """the same if every step were larger by `hidden`"""
    cosine: Estimate
    """of the averages; its error is at least how generations scatter"""


def energy_drift(clouds: Clouds, found: Composition) -> Drift:
    """In energy distance over the mean distance of two real points: 0 for equal laws only."""
    sets = _sets(clouds)
    scale = -float(embedded(sets[:1], energy_kernel).value[0, 0])
    return _drift("energy", sets / scale, energy_kernel, clouds, found)


def moment_drift(clouds: Clouds, found: Composition) -> Drift:
    """In first and second moments, standardised by the real data (needs a regular space)."""
    sets = _sets(clouds) / clouds.space.deviations
    return _drift("moments", sets, moment_kernel, clouds, found)


def _sets(clouds: Clouds) -> Float[np.ndarray, "s m k"]:
    """Reference, held-out points, generations."""
    return np.concatenate([[clouds.reference, clouds.held_out], clouds.samples])


def _drift(
    geometry: str, sets: np.ndarray, kernel: Kernel, clouds: Clouds, found: Composition
) -> Drift:
    products = embedded(jnp.asarray(sets), kernel)
    G = clouds.generations
    beta = np.asarray(found.schedule.beta)
    alpha = np.asarray(found.schedule.alpha)
    away = np.eye(G + 2)[1:]  # a law less the real one
    away[:, 0] -= 1.0
    inherited = np.column_stack([-np.sum(beta, axis=1), np.zeros(G), beta])
    steps = away[1:] - inherited

    def square(rows: np.ndarray):
        return lambda K: jnp.einsum("gs,st,gt->g", rows, K, rows)

    def overlap(K: Array) -> Array:
        return jnp.einsum("gs,st,gt->g", inherited, K, steps)

    own = np.array([len(clouds.real), *map(len, clouds.pools)], dtype=np.float64)
    share = np.column_stack([alpha, beta])
    seen = np.array([clouds.real_seen, *[clouds.samples_seen] * G])
    variance = np.delete(np.asarray(products.spread), 1)
    hidden = 2.0 * share @ (seen * variance / own)

    def averages(K: Array, larger: np.ndarray) -> Array:
        r"""D, J and C of the generations that inherit something, were J so much larger.

        C is that of a mean step's length along what is inherited,
        :math:`\sum C\sqrt{I}/\sum I`, times the root of the mean D.
        """
        I, J = square(inherited)(K)[1:], (square(steps)(K) + larger)[1:]
        C = (overlap(K) - 0.5 * larger)[1:]
        root = jnp.sqrt(jnp.maximum(I, 0.0))
        D = jnp.mean(I)
        along = jnp.sum(C * root) / jnp.maximum(jnp.sum(root**2), 1e-300)
        return jnp.stack([D, jnp.mean(J), along * jnp.sqrt(jnp.maximum(D, 0.0))])

    nothing = np.zeros(G)
    means = products.estimate(lambda K: averages(K, nothing))
    return Drift(
        geometry,
        products.estimate(square(away)),
        products.estimate(square(steps)),
        products.estimate(square(inherited)),
        products.estimate(overlap),
        hidden,
        means,
        np.asarray(averages(products.value, hidden)),
        _cosine(means, products.value, square(inherited), overlap),
    )


def _cosine(means: Estimate, K: Array, inherited, overlap) -> Estimate:
    """Of the averages: how generations scatter counts, and how well J is known."""
    (D, J, C), (_, J_error, C_error) = (np.asarray(x) for x in means)
    if not (D > 0 and J > 0):
        return Estimate(jnp.asarray(np.nan), jnp.asarray(np.nan))
    I = np.maximum(np.asarray(inherited(K))[1:], 0.0)
    count = len(I)
    rest = np.asarray(overlap(K))[1:] - C * np.sqrt(I / D)
    scatter = np.sqrt(np.sum(rest**2 * I) * D) / np.sum(I)
    scatter = scatter * np.sqrt(count / (count - 1.0)) if count > 1 else np.nan
    cosine = float(innovation_cosine(D, J, C))
    of_C = np.maximum(C_error, scatter) / np.sqrt(D * J)
    return Estimate(
        jnp.asarray(cosine), jnp.asarray(np.hypot(of_C, 0.5 * cosine * J_error / J))
    )
