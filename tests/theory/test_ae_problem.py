"""The problem that theory and simulation share: laws, protocols, starts."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from theory.autoencoder.averages import midpoint, normal_sobol, sobol
from theory.autoencoder.learning import rates
from theory.denoiser import (
    activation,
    at_noise_level,
    custom_activation,
    initial_overlaps,
    steps_for,
    training,
)
from theory.processes import euler_grid, trigonometric
from theory.structured import curve, empirical_mixture, structured_mixture
from theory.validation import InputError

MEANS = [[2.0, 0.0], [0.0, -1.0]]


def pair():
    return structured_mixture([0.5, 0.5], MEANS)


REFUSED = {
    "negative eigenvalue": (
        lambda: structured_mixture([0.5, 0.5], MEANS, [[1.0], [-0.2]]),
        r"variances must be in \[0, .*got -0.2 at index \(1, 0\)",
    ),
    "weights not 1": (
        lambda: structured_mixture([0.5, 0.4], MEANS),
        r"sum of weights must be 1 within 1e-9, got",
    ),
    "masses not 1": (
        lambda: structured_mixture([0.5, 0.5], np.ones((2, 2, 1)), 1.0, [0.5, 0.6]),
        r"sum of masses must be 1 within 1e-9, got",
    ),
    "NaN mean": (
        lambda: structured_mixture([0.5, 0.5], [[np.nan], [1.0]]),
        r"means must be finite, got nan",
    ),
    "means of another number": (
        lambda: structured_mixture([0.5, 0.5], [[1.0]]),
        r"means must be of shape",
    ),
    "NaN alpha": (lambda: training(np.nan), r"alpha must be positive and finite"),
    "negative rate": (lambda: training(rate=-0.1), r"rate must be in \[0, .*-0.1"),
    "levels of two sizes": (
        lambda: training([0.3, 0.2], 0.7),
        r"beta must be of alpha's shape",
    ),
    "level weights not 1": (
        lambda: training([0.3, 0.2], [0.7, 0.8], level_weights=[0.5, 0.6]),
        r"sum of level_weights must be 1",
    ),
    "weights of summed levels": (
        lambda: training(
            [0.3, 0.2], [0.7, 0.8], level_weights=[0.5, 0.5], levels="together"
        ),
        r"level_weights must be given for random levels only",
    ),
    "unknown activation": (
        lambda: training(activation="step"),
        r"activation must be one of",
    ),
    "no unit": (
        lambda: initial_overlaps(pair(), np.zeros((0, 2))),
        r"width r must be >= 1, got 0",
    ),
    "NaN start": (
        lambda: initial_overlaps(pair(), [[np.nan, 0.0]]),
        r"coefficients must be finite",
    ),
    "negative spread": (
        lambda: initial_overlaps(pair(), [[0.1, 0.0]], -1.0),
        r"spread must be in \[0,",
    ),
    "start of another width": (
        lambda: initial_overlaps(pair(), [[0.1]]),
        r"coefficients must be of shape",
    ),
    "series of a kink": (
        lambda: activation("relu").series(),
        r"activation must have a second derivative for .*, got 'relu'",
    ),
    "activation not finite": (
        lambda: custom_activation("log", jnp.log),
        r"activation 'log' must be finite",
    ),
    "Sobol size": (lambda: normal_sobol(2, 100), r"Sobol size must be a power of two"),
    "no Sobol dimension": (lambda: sobol(0), r"width r must be >= 1"),
    "midpoint of many units": (lambda: midpoint(5), r"width r must be in \[1, 4\]"),
    "sampling to t = 1": (
        lambda: euler_grid(steps=100),
        r"t_end = steps/of must be < 1, got 1",
    ),
    "sampling beyond": (lambda: euler_grid(steps=120), r"t_end .* < 1, got 1.2"),
    "noise level 1": (lambda: at_noise_level(1.0), r"t must be in \(0, 1\), got 1"),
    "noise level NaN": (lambda: at_noise_level(np.nan), r"t must be in \(0, 1\)"),
    "labels of another number": (
        lambda: empirical_mixture(np.zeros((4, 2)), [0, 1]),
        r"labels must be of shape \(4,\)",
    ),
    "one image": (lambda: empirical_mixture(np.zeros((1, 2))), r"x must be of shape"),
    "steps at rate 0": (lambda: steps_for(1.0, 0.0, 100), r"rate must be positive"),
}


@pytest.mark.parametrize("what", REFUSED)
def test_bad_input_is_refused_in_one_line(what):
    call, message = REFUSED[what]
    with pytest.raises(InputError, match=f"^{message}") as caught:
        call()
    assert "\n" not in str(caught.value)


def test_noise_levels_of_a_path():
    there = at_noise_level(0.7)
    np.testing.assert_allclose([there.alpha[0], there.beta[0]], [0.3, 0.7])
    there = at_noise_level(0.3, trigonometric())
    np.testing.assert_allclose(there.alpha**2 + there.beta**2, 1.0)


def test_official_time_is_four_after_forty_thousand_steps():
    assert steps_for(4.0, 0.1, 2000) == 40_000


@pytest.mark.parametrize("name", ["tanh", "erf", "probit", "softplus", "silu"])
def test_derivatives_of_the_activations(name):
    sigma = activation(name)
    u = jnp.linspace(-3.0, 3.0, 13)
    each = lambda fn: jax.vmap(jax.grad(fn))(u)
    np.testing.assert_allclose(sigma.slope(u), each(sigma.value), atol=1e-14)
    np.testing.assert_allclose(sigma.curvature(u), each(sigma.slope), atol=1e-14)


def test_the_start_has_the_overlaps_of_its_weights():
    """Against weights in 4000 coordinates."""
    rng = np.random.default_rng(0)
    d, spread = 4000, 0.5
    means = rng.normal(size=(2, 3, 2))
    data = structured_mixture([0.5, 0.3, 0.2], means, 1.0, [0.25, 0.75])
    C = rng.normal(size=(2, 3))
    start = initial_overlaps(data, C, spread)
    first = d // 4
    v = np.zeros((3, d))
    v[:, :2], v[:, first : first + 2] = means
    w = C @ v + spread * rng.normal(size=(2, d)) / np.sqrt(d)
    for s, part in enumerate((slice(0, first), slice(first, d))):
        np.testing.assert_allclose(start.m[s], v[:, part] @ w[:, part].T, atol=0.1)
        np.testing.assert_allclose(start.q[s], w[:, part] @ w[:, part].T, atol=0.15)


def test_a_ring_as_a_curve_is_a_mixture_of_many_components():
    angle = 2 * np.pi * np.arange(24) / 24
    points = 2.0 * np.stack([np.cos(angle), np.sin(angle)], axis=1)
    ring = curve(points, variance=0.7)
    dense = structured_mixture(np.full(24, 1 / 24), points, 0.7)
    C = np.array([[0.2, 0.1], [0.0, 0.3]])
    on_ring = initial_overlaps(ring, C, 0.3, 0.4)
    # the same weights from the means at angles 0 and pi/2, which are 2 e_1 and 2 e_2
    of_means = np.zeros((2, 24))
    of_means[:, [0, 6]] = C / 2.0
    on_dense = initial_overlaps(dense, of_means, 0.3, 0.4)
    np.testing.assert_allclose(on_ring.q, on_dense.q, atol=1e-14)
    speed = lambda data, at: jax.jit(
        lambda s: rates(data, training(), s, midpoint(2, 20))
    )(at)
    a, b = speed(ring, on_ring), speed(dense, on_dense)
    np.testing.assert_allclose(a.q, b.q, atol=1e-13)
    np.testing.assert_allclose(a.b, b.b, atol=1e-13)
    np.testing.assert_allclose(points @ a.m[0], b.m[0], atol=1e-12)


def test_an_empirical_mixture_keeps_means_and_spectrum():
    rng = np.random.default_rng(1)
    labels = np.repeat([0, 1, 2], [40, 30, 30])
    shape = np.diag([2.0, 1.0, 0.5, 0.1])
    x = rng.normal(size=(100, 4)) @ shape + rng.normal(size=(3, 4))[labels]
    law, basis = empirical_mixture(x, labels)
    means = np.stack([x[labels == k].mean(0) for k in range(3)])
    np.testing.assert_allclose(law.total_gram, means @ means.T, atol=1e-12)
    within = x - means[labels]
    covariance = within.T @ within / len(x)
    np.testing.assert_allclose(
        law.variances[0], np.linalg.eigvalsh(covariance)[::-1], atol=1e-12
    )
    back = basis @ np.diag(law.variances[0]) @ basis.T
    np.testing.assert_allclose(back, covariance, atol=1e-12)
    np.testing.assert_allclose(law.weights, [0.4, 0.3, 0.3])
    np.testing.assert_allclose(law.mean_variance, np.trace(covariance) / 4)
    alone, _ = empirical_mixture(x)
    total = np.cov(x.T, bias=True)
    np.testing.assert_allclose(alone.mean_variance, np.trace(total) / 4)


def test_covariances_of_their_own_make_families():
    data = structured_mixture([0.5, 0.5], MEANS, [[0.5], [2.0]])
    assert len(data.families) == 2
    np.testing.assert_allclose(data.variances, [[0.5], [2.0]])
    np.testing.assert_allclose(data.mean_variance, 1.25)
