"""Path energies of density learners, against Gaussians and against an identity."""

import jax
import jax.numpy as jnp
import jax.random as jr
import numpy as np
import pytest
from scipy.integrate import quad

from sim.grid import Grid
from sim.measures.diffused import DiffusedEnergies
from sim.measures.scene import Scene
from theory.divergence import kl_gaussian
from theory.mixtures import gaussian_mixture, kernel_density
from theory.processes import ou
from theory.validation import InputError

Q = gaussian_mixture([1.0], [0.0], 1.0)
MEAN, VARIANCE = 0.3, 1.2


def measured(after, q=Q, T=3.0, grid=None, **more):
    nothing = jnp.zeros((1, 1), jnp.float32)
    scene = Scene(None, q, after, None, ou(1.0, 0.0), nothing, nothing, nothing)
    measure = DiffusedEnergies(grid or Grid(10.0, 401), T, **more)
    found = jax.jit(lambda: measure(jr.key(0), scene))()
    return {name: float(value) for name, value in found.items()}


@pytest.mark.parametrize("T", [1.0, 5.0])
def test_energies_of_two_gaussians(T):
    """Scores -(x - m)/(v_t) in the clock of the process, by an independent quadrature."""

    def energy(along_m, along_v):
        def rate(t):
            a, b = np.exp(-t), 1.0 - np.exp(-t)
            v = a * VARIANCE + b
            m, mu = np.exp(-t / 2) * MEAN, np.exp(-t / 2) * along_m
            slope, level = 1.0 - 1.0 / v, m / v
            return (
                slope**2 * (a * along_v + b + mu**2) + 2 * slope * level * mu + level**2
            )

        return quad(rate, 0.0, T, epsabs=1e-13)[0]

    found = measured(gaussian_mixture([1.0], [MEAN], VARIANCE), T=T)
    assert found["eps_star2"] == pytest.approx(energy(0.0, 1.0), rel=1e-9)
    assert found["eps_hat2"] == pytest.approx(energy(MEAN, VARIANCE), rel=1e-9)
    late = np.exp(-T / 2) * MEAN, np.exp(-T) * (VARIANCE - 1.0) + 1.0
    kl = kl_gaussian(np.array([late[0]]), np.array([[late[1]]]), np.zeros(1), np.eye(1))
    assert found["start_kl"] == pytest.approx(float(kl), rel=1e-6)
    assert found["hat_lost"] < 1e-10


@pytest.mark.parametrize("h", [0.1, 0.4])
def test_energy_and_start_make_up_the_divergence_of_a_consistent_score(h):
    """KL(phat || q) = KL(p'_T || q_T) + eps_hat^2/2, whatever T."""
    centres = np.random.default_rng(0).normal(size=(60, 1))
    after, grid = kernel_density(centres, h), Grid(9.0, round(90 / h) + 1)
    log_p, log_q = (law.log_density(grid.points) for law in (after, Q))
    kl = grid.step * float(jnp.sum(jnp.exp(log_p) * (log_p - log_q)))
    for T in (1.0, 4.0):
        found = measured(after, T=T, grid=grid)
        whole = found["start_kl"] + 0.5 * found["eps_hat2"]
        assert whole == pytest.approx(kl, rel=1e-6)
    few = measured(after, T=4.0, grid=grid, times=4)  # control: too few times
    assert few["start_kl"] + 0.5 * few["eps_hat2"] != pytest.approx(kl, rel=1e-6)


def test_what_transforms_cannot_resolve_is_reported():
    narrow = gaussian_mixture([1.0], [0.0], 0.04)
    found = measured(gaussian_mixture([1.0], [0.0], 4.0), q=narrow)
    assert found["hat_lost"] > 0.1
    assert found["star_lost"] < 1e-10


def test_impossible_settings_are_refused():
    with pytest.raises(InputError, match="T must be"):
        DiffusedEnergies(Grid(9.0, 91), 0.0)
    with pytest.raises(InputError, match="times must be >= 2"):
        DiffusedEnergies(Grid(9.0, 91), 1.0, times=1)
    with pytest.raises(InputError, match=r"grid.dim must be 1"):
        DiffusedEnergies(Grid(9.0, 91, 2), 1.0)
