"""Divergences of known laws on a grid, against closed forms."""

import jax.numpy as jnp
import jax.random as jr
import numpy as np
import pytest
from scipy.integrate import quad
from scipy.stats import norm

from sim.grid import Grid
from sim.measures.drift import Drift
from sim.measures.scene import Scene
from theory.divergence import chi2_gaussian, kl_gaussian, tv_gaussian_1d
from theory.mixtures import Blend, gaussian_mixture
from theory.processes import ou

P = gaussian_mixture([1.0], [0.0], 1.0)
AFTER = gaussian_mixture([1.0], [0.3], 1.21)
BEFORE = gaussian_mixture([1.0], [-0.2], 0.9)
Q = Blend(jnp.float64(0.25), P, BEFORE)


def measured(q=Q, after=AFTER, grid=None):
    nothing = jnp.zeros((1, 1), jnp.float32)
    scene = Scene(P, q, after, None, ou(1.0, 0.0), nothing, nothing, nothing)
    found = Drift(grid or Grid(9.0, 361))(jr.key(0), scene)
    return {name: float(value) for name, value in found.items()}


def test_distances_from_the_data_law():
    found = measured()
    m, S, one = np.array([0.3]), np.array([[1.21]]), np.eye(1)
    zero = np.zeros(1)
    assert found["D"] == pytest.approx(float(chi2_gaussian(m, S, zero, one)), rel=1e-9)
    kl = float(kl_gaussian(m, S, zero, one))
    assert found["drift_kl"] == pytest.approx(kl, rel=1e-9)
    tv = float(tv_gaussian_1d(0.3, 1.21, 0.0, 1.0))
    assert found["drift_tv"] == pytest.approx(tv, rel=1e-3)
    entropy = 0.5 * np.log(2 * np.pi * np.e * 1.21)
    assert found["law_entropy"] == pytest.approx(entropy, rel=1e-9)
    assert found["tail_share"] < 1e-6


def test_distances_from_the_training_law_and_the_innovation():
    found = measured()
    p, after = norm.pdf, lambda x: norm.pdf(x, 0.3, 1.1)
    q = lambda x: 0.25 * p(x) + 0.75 * norm.pdf(x, -0.2, np.sqrt(0.9))
    integral = lambda f: quad(f, -12, 12, epsabs=1e-13, limit=300)[0]
    intra = integral(lambda x: (after(x) - q(x)) ** 2 / q(x))
    assert found["intra"] == pytest.approx(intra, rel=1e-7)
    J = integral(lambda x: (after(x) - q(x)) ** 2 / p(x))
    assert found["J"] == pytest.approx(J, rel=1e-7)
    kl = integral(lambda x: after(x) * np.log(after(x) / q(x)))
    assert found["kl_step"] == pytest.approx(kl, rel=1e-7)
    tv = 0.5 * integral(lambda x: abs(after(x) - q(x)))
    assert found["tv_step"] == pytest.approx(tv, rel=1e-3)


def test_an_infinite_chi_square_shows_at_the_rim():
    wide = gaussian_mixture([1.0], [0.0], 2.5)
    assert measured(after=wide)["tail_share"] > 0.3
    assert measured(after=P)["D"] == 0.0
