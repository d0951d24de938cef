"""Monte Carlo energies and divergences against closed forms, errors included."""

import jax
import jax.numpy as jnp
import jax.random as jr
import numpy as np
import pytest
from scipy.integrate import quad

from sim.learners.kernel import KernelScore
from sim.learners.perturbed import Perturbed, aligned
from sim.measures.exact_laws import (
    ConsistentEnergies,
    EndpointDivergences,
    path_energy,
)
from sim.measures.observability import Branches
from sim.measures.scene import Scene
from theory.mixtures import gaussian_mixture, kernel_density
from theory.processes import OU, ou

PROCESS = ou(4.0, 0.02)
Q = gaussian_mixture([1.0], [0.0], 1.0)  # N(0, 1): the same at every noise level
WIDE = 1.3  # variance of the learned law


def learned(variance: float) -> KernelScore:
    """The score of N(0, variance), as one kernel on one centre."""
    one = kernel_density(jnp.zeros((1, 1)), variance**0.5)
    return KernelScore(one, one.variance, PROCESS)


def scene(variance: float) -> Scene:
    fitted, nothing = learned(variance), jnp.zeros((2, 1), jnp.float32)
    after = fitted.endpoint(PROCESS)
    return Scene(Q, Q, after, fitted, PROCESS, nothing, nothing, nothing)


def at(t: float, variance: float = WIDE) -> float:
    return 1.0 + (variance - 1.0) * np.exp(-t)


def energy(weight) -> float:
    return quad(lambda t: (1.0 / at(t) - 1.0) ** 2 * weight(t), PROCESS.t0, PROCESS.T)[
        0
    ]


def kl(v: float) -> float:
    return 0.5 * (v - 1.0 - np.log(v))


def test_energies_and_kl_of_a_widened_gaussian():
    found = jax.jit(ConsistentEnergies(n=512, strata=32))(jr.key(0), scene(WIDE))
    found |= jax.jit(EndpointDivergences(n=8192))(jr.key(1), scene(WIDE))
    v = at(PROCESS.t0)
    truth = {
        "eps_star2": energy(lambda t: 1.0),
        "eps_hat2": energy(at),
        "start_kl": kl(at(PROCESS.T)),
        "kl": kl(v),
        "chi2": 1.0 / np.sqrt(v * (2.0 - v)) - 1.0,
    }
    for name, value in truth.items():
        assert abs(found[name] - value) < 4.5 * found[f"{name}_se"], name
    # the equality case of Prop 3.1, and its control
    assert truth["kl"] == pytest.approx(truth["start_kl"] + truth["eps_hat2"] / 2)
    assert truth["kl"] > truth["start_kl"] + 0.499 * truth["eps_hat2"]


def test_standard_error_of_an_energy_is_that_of_its_repetitions():
    def draw(key):
        return path_energy(Q, Q, learned(WIDE), PROCESS, key, 16, 16)

    found = jax.jit(jax.vmap(draw))(jr.split(jr.key(2), 400))
    z = (found.value - energy(lambda t: 1.0)) / found.standard_error
    assert (
        abs(np.mean(found.value) - energy(lambda t: 1.0)) < 4 * np.std(found.value) / 20
    )
    ratio = np.sqrt(np.mean(np.square(found.standard_error))) / np.std(found.value)
    assert 0.85 < ratio < 1.15
    assert 0.8 < np.std(z) < 1.4  # Student's t, with few degrees of freedom


@pytest.mark.parametrize(("variance", "trusted"), [(1.3, True), (4.0, False)])
def test_infinite_chi2_is_given_away_by_its_largest_draw(variance, trusted):
    # chi2 of N(0, V) against N(0, 1) is infinite from V = 2 on; the share is not small
    found = jax.jit(EndpointDivergences(n=4096))(jr.key(3), scene(variance))
    assert np.isfinite(found["chi2"])
    assert (found["chi2_largest_share"] < 0.1) == trusted


def test_chi2_far_out_is_not_missed():
    # R is exp(c x - c^2/2) with c = 2.5: E R^2 - 1 = 517, whose mass lies at x = 5, where
    # q alone draws one point in 3.5 million
    centre = kernel_density(jnp.full((1, 1), 2.5), 1.0)
    process = OU(T=4.0, t0=0.0)
    fitted, nothing = KernelScore(centre, centre.variance, process), jnp.zeros((2, 1))
    far = Scene(Q, Q, centre, fitted, process, nothing, nothing, nothing)
    found = jax.jit(EndpointDivergences(n=20_000))(jr.key(4), far)
    truth = np.expm1(2.5**2)
    assert abs(found["chi2"] - truth) < 5 * found["chi2_se"]
    assert found["chi2_se"] < 0.2 * truth


def test_observability_of_a_linear_error():
    w, S = 0.05, PROCESS.T - PROCESS.t0
    fitted = Perturbed(aligned(w, 1)).init(jr.key(0), None, Q, PROCESS)
    nothing = jnp.zeros((2, 1), jnp.float32)
    here = Scene(Q, Q, Q, fitted, PROCESS, nothing, nothing, nothing)
    found = jax.jit(Branches(n=20_000, steps=64))(jr.key(5), here)
    eta = 2 * (1 - np.exp(-S)) ** 2 / S
    assert abs(found["observability"] - eta) < 4.5 * found["observability_se"]
    visible = eta * w**2 * S
    assert abs(found["visible_energy"] - visible) < 4.5 * found["visible_energy_se"]
    assert found["remainder"] == pytest.approx(0.01599, rel=0.2)
