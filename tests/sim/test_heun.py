"""Heun's sampler against exact flows: order, moments, any fitted score."""

from dataclasses import dataclass
from functools import partial

import jax
import jax.numpy as jnp
import jax.random as jr
import numpy as np
import pytest
from scipy.integrate import solve_ivp

from sim.heun import Heun, denoised
from sim.laws import draw
from sim.learners.perturbed import Linear, PerturbedScore
from theory.mixtures import gaussian_mixture
from theory.processes import ou
from theory.validation import InputError

PROCESS = ou(4.0, 0.02)
MEANS, WEIGHTS, SPREAD = np.array([[-1.0, 0.5], [0.8, 0.0]]), np.array([0.3, 0.7]), 0.3
LAW = gaussian_mixture(WEIGHTS, MEANS, SPREAD**2)
EXACT = PerturbedScore(LAW, Linear(jnp.zeros((2, 2))), PROCESS)


def posterior_mean(y, sigma):
    """Denoiser of the mixture, written out in numpy."""
    v = SPREAD**2 + sigma**2
    logits = np.log(WEIGHTS) - ((y[:, None] - MEANS) ** 2).sum(-1) / (2 * v)
    share = np.exp(logits - logits.max(1, keepdims=True))
    share /= share.sum(1, keepdims=True)
    centre = share @ MEANS
    return centre + SPREAD**2 / v * (y - centre)


class Euler(Heun):
    """The first half of each step only."""

    def _step(self, y, sigma, lower, denoise):
        return y + (lower - sigma) / sigma * (y - denoise(y, sigma))


def test_levels_are_those_of_the_paper():
    heun = Heun(levels=5, rho=7.0, sigma_max=80.0, sigma_min=0.002)
    high, low = 80.0 ** (1 / 7), 0.002 ** (1 / 7)
    written = [(high + i / 4 * (low - high)) ** 7 for i in range(5)]
    np.testing.assert_allclose(heun.sigmas, written, rtol=1e-12)
    np.testing.assert_allclose(np.expm1(heun.times), heun.sigmas**2, rtol=1e-12)


@pytest.mark.parametrize("sigma", [0.005, 0.3, 20.0])
def test_any_score_gives_its_denoiser(sigma):
    y = np.random.default_rng(0).normal(size=(50, 2)) * np.hypot(1.0, sigma)
    found = denoised(EXACT, jnp.asarray(y), jnp.asarray(sigma))
    np.testing.assert_allclose(found, posterior_mean(y, sigma), rtol=1e-9, atol=1e-9)


@pytest.fixture(scope="module")
def flow():
    """Starts at sigma = 3 and where the exact flow is at sigma = 0.05, by DOP853."""
    start = np.random.default_rng(1).normal(size=(20, 2)) * 3.0

    def velocity(sigma, y):
        y = y.reshape(start.shape)
        return ((y - posterior_mean(y, sigma)) / sigma).ravel()

    path = solve_ivp(
        velocity, (3.0, 0.05), start.ravel(), "DOP853", rtol=1e-11, atol=1e-12
    )
    return start, path.y[:, -1].reshape(start.shape)


def order(sampler, flow):
    """Slope of the error in the number of levels, and the smallest error."""
    start, end = flow
    exact = posterior_mean(end, 0.05)  # the last step is the same for all
    levels = np.array([48, 96, 192])
    errors = []
    for n in levels:
        kind = sampler(int(n), 7.0, 3.0, 0.05)
        found = kind.sample(jr.key(0), EXACT, jnp.asarray(start), PROCESS)
        errors.append(np.abs(found - exact).max())
    return -np.polyfit(np.log(levels - 1), np.log(errors), 1)[0], errors[-1]


def test_heun_reaches_the_exact_flow_with_order_two(flow):
    slope, error = order(Heun, flow)
    assert abs(slope - 2.0) < 0.1
    assert error < 1e-3
    slope_euler, error_euler = order(Euler, flow)
    assert abs(slope_euler - 1.0) < 0.1
    assert error_euler > 10 * error


@pytest.mark.parametrize("levels", [2, 24])
def test_gaussian_chain_is_the_product_of_its_step_factors(levels):
    """Of N(m, s^2): d(y - m)/dsigma = a (y - m) with a = sigma / (s^2 + sigma^2)."""
    law = gaussian_mixture([1.0], [0.5], 0.49)
    fitted = PerturbedScore(law, Linear(jnp.zeros((1, 1))), PROCESS)
    heun = Heun(levels)
    start = jnp.linspace(-40.0, 40.0, 8)[:, None]
    found = heun.sample(jr.key(0), fitted, start, PROCESS)
    s = heun.sigmas
    a, h = s / (0.49 + s**2), np.diff(s)
    factors = 1 + h * (a[:-1] + a[1:] * (1 + h * a[:-1])) / 2
    last = 0.49 / (0.49 + s[-1] ** 2)
    expected = 0.5 + (start - 0.5) * np.prod(factors) * last
    np.testing.assert_allclose(found, expected, rtol=1e-9)


def test_samples_have_the_moments_of_their_law():
    n, heun = 20_000, Heun()
    clean = draw(LAW, jr.key(1), n).astype(jnp.float32)
    start = clean + heun.begin(
        jr.key(2), None, None, (n, 2), PROCESS
    )  # the law's own marginal at sigma_max
    run = jax.jit(partial(Heun.sample, fitted=EXACT, process=PROCESS), static_argnums=0)
    x = np.asarray(run(heun, jr.key(3), start=start), np.float64)
    mean, second = np.asarray(LAW.mean()), np.asarray(LAW.second_moment())
    squares = x[:, :, None] * x[:, None, :]
    errors = [
        np.abs(x.mean(0) - mean) / (x.std(0) / np.sqrt(n)),
        np.abs(squares.mean(0) - second) / (squares.std(0) / np.sqrt(n)),
    ]
    assert max(e.max() for e in errors) < 4
    poor = np.asarray(run(Euler(levels=6), jr.key(4), start=start), np.float64)
    squares = poor[:, :, None] * poor[:, None, :]
    off = np.abs(squares.mean(0) - second) / (squares.std(0) / np.sqrt(n))
    assert off.max() > 8


def test_starts_are_noise_of_the_first_level():
    n, heun = 8000, Heun(sigma_max=12.0)
    x = heun.begin(jr.key(0), LAW, jnp.ones((3, 2)), (n, 2), PROCESS)
    assert x.dtype == jnp.float32
    assert x.shape == (n, 2)
    x = np.asarray(x, np.float64)
    assert np.all(np.abs(x.mean(0)) < 5 * 12.0 / np.sqrt(n))
    assert np.all(np.abs(x.std(0) / 12.0 - 1) < 5 / np.sqrt(2 * n))


def test_domain_is_where_a_score_is_asked_for():
    asked = []

    class Asked:
        def score(self, x, t):
            jax.debug.callback(lambda t: asked.append(float(t)), t)
            return -x

    heun = Heun(levels=4)
    start = jnp.ones((2, 2))
    jax.block_until_ready(heun.sample(jr.key(0), Asked(), start, PROCESS))
    jax.effects_barrier()
    assert len(asked) == 2 * 3 + 1
    domain = heun.domain(PROCESS)
    found = [domain.T, domain.t0]
    np.testing.assert_allclose(found, [max(asked), min(asked)], rtol=1e-12)


def test_samples_keep_their_dtype_and_nothing_is_random():
    heun = Heun(levels=3)
    start = jr.normal(jr.key(1), (4, 2), jnp.float32)
    for dtype in (jnp.float32, jnp.float64):
        first = heun.sample(jr.key(2), EXACT, start.astype(dtype), PROCESS)
        second = heun.sample(jr.key(3), EXACT, start.astype(dtype), PROCESS)
        assert first.dtype == dtype
        assert np.array_equal(first, second)


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class AtHome:
    """A fitted object whose own denoiser, everything to 1, disagrees with its score."""

    scale: jax.Array

    def score(self, x, t):
        return -x

    def denoise(self, y, sigma):
        return jnp.full_like(y, 1.0) * self.scale


def test_a_denoiser_is_used_where_there_is_one():
    start = jnp.full((3, 2), 7.0)
    found = Heun().sample(jr.key(0), AtHome(jnp.asarray(1.0)), start, PROCESS)
    assert np.array_equal(found, np.ones((3, 2)))


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"levels": 1}, "levels must be an integer >= 2, got 1"),
        ({"levels": 8.0}, "levels must be an integer >= 2, got 8"),
        ({"rho": 0.0}, "rho must be positive and finite, got 0"),
        ({"sigma_max": float("inf")}, "sigma_max must be positive and finite"),
        ({"sigma_min": -1.0}, "sigma_min must be positive and finite, got -1"),
        ({"sigma_min": 30.0}, "sigma_min must be below sigma_max = 20, got 30"),
    ],
)
def test_bad_settings_are_refused(settings, message):
    with pytest.raises(InputError, match=message):
        Heun(**settings)
