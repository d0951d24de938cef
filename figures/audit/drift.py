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

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float

from figures.audit.clouds import Clouds
from figures.audit.composition import Composition
from sim.measures.embedding import (
    Products,
    embedded,
    energy_kernel,
    moment_kernel,
)
from sim.measures.estimate import Estimate
from theory.error_propagation.regimes import innovation_cosine

__all__ = ["Drift", "energy_drift", "moment_drift"]


@dataclass(frozen=True)
class Drift:
    """Squared distances and steps in one geometry, with standard errors."""

    geometry: str
    distance: Estimate
    """(G + 1,) D of the floor's real points, then of every generation"""
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
    products = embedded(_sets(clouds), energy_kernel)
    scale = -float(products.value[0, 0])
    scaled = Products(*(np.asarray(x) / scale for x in products))
    return _drift("energy", scaled, clouds, found)


def moment_drift(clouds: Clouds, found: Composition) -> Drift:
    """In first and second moments, standardised by the real data (needs a regular space)."""
    products = embedded(_sets(clouds) / clouds.space.deviations, moment_kernel)
    return _drift("moments", products, clouds, found)


def _sets(clouds: Clouds) -> Float[np.ndarray, "s m k"]:
    """Reference, floor, generations."""
    return np.concatenate([[clouds.reference, clouds.floor], clouds.samples])


def _drift(
    geometry: str, products: Products, clouds: Clouds, found: Composition
) -> Drift:
    G = clouds.generations
    alpha, beta = (np.asarray(x) for x in (found.schedule.alpha, found.schedule.beta))
    away = np.eye(G + 2)[1:]  # a law less the real one
    away[:, 0] -= 1.0
    inherited = np.column_stack([-np.sum(beta, axis=1), np.zeros(G), beta])
    steps = away[1:] - inherited

    def product(left: np.ndarray, right: np.ndarray) -> Callable[[np.ndarray], Any]:
        return lambda K: np.einsum("gs,st,gt->g", left, K, right)

    I, J, C = (
        product(left, right)
        for left, right in ((inherited, inherited), (steps, steps), (inherited, steps))
    )
    share = np.column_stack([alpha, beta])
    given = np.array([len(clouds.real), *map(len, clouds.pools)], dtype=np.float64)
    seen = np.array([clouds.real_seen, *[clouds.samples_seen] * G])
    variance = np.delete(np.asarray(products.spread), 1)
    hidden = 2.0 * share @ (seen * variance / given)

    def averages(K: np.ndarray, larger: np.ndarray) -> np.ndarray:
        return _averages(I(K)[1:], (J(K) + larger)[1:], (C(K) - 0.5 * larger)[1:])

    K, nothing = np.asarray(products.value), np.zeros(G)
    means = products.estimate(lambda K: averages(K, nothing))
    return Drift(
        geometry,
        products.estimate(product(away, away)),
        products.estimate(J),
        products.estimate(I),
        products.estimate(C),
        hidden,
        means,
        averages(K, hidden),
        _cosine(means, I(K)[1:], C(K)[1:]),
    )


def _averages(I: np.ndarray, J: np.ndarray, C: np.ndarray) -> np.ndarray:
    r"""D, J and C of the generations that inherit something.

    C is that of a mean step's length along what is inherited,
    :math:`\sum C\sqrt{I}/\sum I`, times the root of the mean D.
    """
    if not len(I):
        return np.full(3, np.nan)
    root, D = np.sqrt(np.maximum(I, 0.0)), np.mean(I)
    along = np.sum(C * root) / max(np.sum(root**2), 1e-300)
    return np.array([D, np.mean(J), along * np.sqrt(max(D, 0.0))])


def _cosine(means: Estimate, I: np.ndarray, C: np.ndarray) -> Estimate:
    """Of the averages: how generations scatter counts, and how well J is known."""
    (D, J, C_mean), (_, J_error, C_error) = means
    count = len(I)
    if not (D > 0 and J > 0 and count > 1):
        return Estimate(np.float64(np.nan), np.float64(np.nan))
    I = np.maximum(I, 0.0)
    rest = C - C_mean * np.sqrt(I / D)
    scatter = np.sqrt(np.sum(rest**2 * I) * D * count / (count - 1.0)) / np.sum(I)
    cosine = float(innovation_cosine(D, J, C_mean))
    of_C = max(C_error, scatter) / np.sqrt(D * J)
    return Estimate(np.float64(cosine), np.hypot(of_C, 0.5 * cosine * J_error / J))
