"""Branching against closed forms, the ratio equation and brute force."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import jax.random as jr
import numpy as np
import pytest

from sim.learners.perturbed import (
    Shift,
    Tanh,
    aligned,
    constant,
    orthogonal_time_only,
    rotation,
)
from sim.measures.branching import Branching, branching, branching_over_devices
from sim.measures.estimate import Estimate
from theory.error_propagation.ratio_equation import propagate_mixture, tanh_error
from theory.mixtures import gaussian_mixture
from theory.processes import ou
from theory.validation import InputError

PROCESS = ou(4.0, 0.02)
S = 3.98
BIMODAL = gaussian_mixture([0.5, 0.5], [-2.0, 2.0], 0.25)
AMPLITUDES = (0.1, 0.3, -0.2)


def deviation(estimate: Estimate, truth: float) -> float:
    """In standard errors."""
    return float(abs(estimate.value - truth) / estimate.standard_error)


def step_bias_in_errors(found: Branching, name: str) -> float:
    bias = getattr(found, f"{name}_step_bias")
    return float(abs(bias.value) / getattr(found, name).standard_error)


@pytest.fixture(scope="module")
def bimodal() -> tuple[Branching, ...]:
    errors = tuple(Tanh(jnp.asarray(a)) for a in AMPLITUDES)
    return branching(BIMODAL, errors, PROCESS, jr.key(3), n=16_384, steps=64)


@pytest.mark.parametrize(("row", "index"), [("B1", 0), ("B2", 1)])
def test_every_quantity_of_a_bimodal_law(reference, bimodal, row, index):
    truth, found = reference["mixture_1d"][row], bimodal[index]
    assert deviation(found.eps_star2, truth["eps_star2"]) < 4
    assert deviation(found.eps_hat2, truth["eps_hat2"]) < 4
    assert deviation(found.observability, truth["eta"]) < 4
    assert deviation(found.visible_energy, truth["eta"] * truth["eps_star2"]) < 4
    assert deviation(found.chi2, truth["chi2"]) < 4
    assert deviation(found.martingale, 1.0) < 4
    assert deviation(found.variance_ratio, 1.0) < 4
    for name in ("observability", "chi2"):
        assert step_bias_in_errors(found, name) < 1


def test_the_sign_of_the_error_shows(bimodal):
    exact = propagate_mixture(BIMODAL, tanh_error(-0.2), PROCESS)
    assert deviation(bimodal[2].chi2, exact.chi2) < 4
    assert deviation(bimodal[2].remainder2, exact.r**2) < 4
    mirrored = propagate_mixture(BIMODAL, tanh_error(0.2), PROCESS)
    assert deviation(bimodal[2].chi2, mirrored.chi2) > 4  # it can tell them apart


def test_errors_are_read_along_the_same_paths(bimodal):
    for found in bimodal[1:]:  # M is linear in the error
        eta, other = bimodal[0].observability.value, found.observability.value
        assert float(other) == pytest.approx(float(eta), rel=1e-12)


def test_blocks_give_the_same_draws_on_any_device():
    errors = (Tanh(jnp.asarray(0.3)),)
    size = {"n": 600, "steps": 8, "block": 200}
    alone = branching(BIMODAL, errors, PROCESS, jr.key(5), **size)
    spread = branching_over_devices(BIMODAL, errors, PROCESS, **size)(jr.key(5))
    for a, b in zip(jax.tree.leaves(alone), jax.tree.leaves(spread), strict=True):
        assert float(a) == pytest.approx(float(b), rel=1e-12)


class Case(NamedTuple):
    error: object
    eta: float
    eps_star2: float
    chi2: float


def time_only(eta: float, eps_star2: float) -> tuple[float, float, float]:
    """chi2 = exp(eta eps*^2) - 1 for a shift of Gaussian data."""
    return eta, eps_star2, np.expm1(eta * eps_star2)


def linear(w: float) -> tuple[float, float, float]:
    """e = w x on N(0, I), two coordinates: V' = -(1 - 2 w) V + 1 in each."""
    V = 1 / (1 - 2 * w) + (1 - 1 / (1 - 2 * w)) * np.exp(-(1 - 2 * w) * S)
    eta = 2 * (1 - np.exp(-S)) ** 2 / S
    return eta, 2 * w**2 * S, 1 / (V * (2 - V)) - 1


B, J = 0.2, 0.15
ON_GAUSSIAN = {
    "constant": Case(
        constant(jnp.array([B, 0.0]), PROCESS),
        *time_only(4 * (1 - np.exp(-S / 2)) ** 2 / S, B**2 * S),
    ),
    "orthogonal in time": Case(
        orthogonal_time_only(jnp.array([0.0, 0.1]), PROCESS),
        *time_only(0.0, 0.286523914759),  # G13 of the reference numbers
    ),
    "consistent shift": Case(
        Shift(jnp.array([0.3, 0.0])),
        *time_only(1 - np.exp(-S), 0.3**2 * np.exp(-0.02) * (1 - np.exp(-S))),
    ),
    "rotation": Case(rotation(J, 2), 0.0, 2 * J**2 * S, 0.0),
    "linear": Case(aligned(0.05, 2), *linear(0.05)),
}


@pytest.fixture(scope="module")
def on_gaussian() -> dict[str, Branching]:
    law = gaussian_mixture([1.0], np.zeros((1, 2)), 1.0)
    errors = tuple(case.error for case in ON_GAUSSIAN.values())
    found = branching_over_devices(law, errors, PROCESS, n=16_384, steps=64)(jr.key(4))
    return dict(zip(ON_GAUSSIAN, found, strict=True))


@pytest.mark.parametrize("name", ON_GAUSSIAN)
def test_closed_forms_on_a_gaussian(on_gaussian, name):
    case, found = ON_GAUSSIAN[name], on_gaussian[name]
    assert found.eps_star2.value == pytest.approx(case.eps_star2, rel=0.01)
    assert deviation(found.observability, case.eta) < 4
    assert deviation(found.chi2, case.chi2) < 4
    assert deviation(found.martingale, 1.0) < 4
    assert deviation(found.variance_ratio, 1.0) < 4


def test_remainder_of_a_time_only_error(on_gaussian):
    energy = B**2 * S  # chi2_path = exp(eps*^2) - 1, eps_hat = eps*
    found = on_gaussian["constant"].remainder2
    assert deviation(found, np.expm1(energy) - energy) < 4


def test_time_only_errors_can_be_the_most_visible(on_gaussian):
    constant, linear = (on_gaussian[k].observability for k in ("constant", "linear"))
    assert constant.value > linear.value + 8 * linear.standard_error
    assert deviation(constant, 0.0) > 8  # a claim that they are invisible is rejected


def test_a_linear_regressor_misses_odd_errors(reference, bimodal):
    """Regress M on Y, by brute force in NumPy: the fitted class decides the answer."""
    rng = np.random.default_rng(11)
    n, times = 20_000, 0.02 + S * np.linspace(0, 1, 201) ** 2
    Y = rng.choice([-1.0, 1.0], n) * 2 * np.exp(-0.01)
    Y = Y + np.sqrt(0.25 * np.exp(-0.02) - np.expm1(-0.02)) * rng.standard_normal(n)
    x, M, energy = Y, np.zeros(n), 0.0
    for t, h in zip(times[1:], np.diff(times), strict=True):
        late = np.exp(-h / 2) * x + np.sqrt(-np.expm1(-h)) * rng.standard_normal(n)
        v, m = 0.25 * np.exp(-t) - np.expm1(-t), 2 * np.exp(-t / 2)
        score = (m * np.tanh(m * late / v) - late) / v
        e = 0.1 * np.tanh(late)
        M += e * (x - late - h * (late / 2 + score))
        energy += h * np.mean(e**2)
        x = late
    linear = np.corrcoef(Y, M)[0, 1] ** 2 * M.var() / energy
    even = np.polynomial.chebyshev.chebvander(np.clip(abs(Y) - 2, -2, 2) / 2, 8)
    fitted = even @ np.linalg.lstsq(even, M, rcond=None)[0]
    eta = reference["mixture_1d"]["B1"]["eta"]
    assert linear < 0.01
    assert fitted.var() / energy == pytest.approx(eta, abs=0.05)
    assert deviation(bimodal[0].observability, 0.0) > 40


def test_what_is_left_of_the_step_bias_is_less_than_reported():
    """Coarse even steps, where extrapolating to first order alone is plainly wrong."""
    errors, eta = (Tanh(jnp.asarray(0.1)),), 0.5616447506
    sampled = branching_over_devices(BIMODAL, errors, PROCESS, 65_536, 24, power=1.0)
    (found,) = sampled(jr.key(6))
    reported = float(found.observability_step_bias.value)
    error = float(found.observability.standard_error)
    off = float(found.observability.value) - eta
    assert abs(off) < abs(reported) + 2 * error
    assert abs(off + reported) > 8 * error


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"steps": 10}, "steps must be a positive multiple of 4, got 10"),
        ({"steps": 0}, "steps must be a positive multiple of 4"),
        ({"n": 1}, "n must be >= 2"),
        ({"power": 0.5}, "power must be >= 1"),
        ({"errors": ()}, "errors must be a tuple of at least one"),
    ],
)
def test_refuses_impossible_sizes(change, message):
    size = {"errors": (Tanh(jnp.asarray(0.1)),), "n": 64, "steps": 8} | change
    with pytest.raises(InputError, match=message):
        branching_over_devices(BIMODAL, size.pop("errors"), PROCESS, **size)


@pytest.mark.slow
@pytest.mark.parametrize("row", ["B1", "B2"])
def test_many_endpoints_agree_within_four_standard_errors(reference, row):
    truth = reference["mixture_1d"][row]
    errors = (Tanh(jnp.asarray(truth["inputs"]["error"]["a"])),)
    sampled = branching_over_devices(BIMODAL, errors, PROCESS, 200_000, 128)
    (found,) = sampled(jr.key(8))
    for name, value in (("observability", truth["eta"]), ("chi2", truth["chi2"])):
        estimate, bias = getattr(found, name), getattr(found, f"{name}_step_bias")
        print(name, *map(float, (*estimate, *bias)))
        assert deviation(estimate, value) < 4
        assert step_bias_in_errors(found, name) < 1
        assert deviation(estimate, 1.1 * value) > 4  # what n = 2e5 can tell apart
