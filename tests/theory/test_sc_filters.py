"""Spectral filters in a loop, and how the errors of the stages add up."""

import jax.numpy as jnp
import numpy as np
import pytest
from scipy.optimize import minimize_scalar

from theory.mixing import fixed_mixture, latest, uniform_past
from theory.self_consuming.accumulation_modes import (
    all_weights,
    asymptotic_quadrature_slope,
    coherent_error,
    quadrature_error,
    quadrature_shape,
    quadrature_thresholds,
)
from theory.self_consuming.phase_transition import shape_v1, threshold_v1
from theory.self_consuming.spectral_filter import (
    contraction,
    gradient_flow_loss,
    kde_loss,
    minimax_bias,
    minimax_threshold,
    mode_contraction,
    pseudo_count,
    ridge_loss,
    saturation,
    weak_filter,
)
from theory.self_consuming.weights import stage_weights
from theory.validation import InputError


def test_filters_are_what_their_learner_does_to_a_mode():
    h, w = 0.3, 1.7
    x = np.linspace(-12, 12, 4001)
    kernel = np.exp(-(x**2) / (2 * h**2)) / np.sqrt(2 * np.pi) / h
    kept = np.trapezoid(kernel * np.cos(w * x), x)
    assert 1 - kept == pytest.approx(float(kde_loss(h, w)), rel=1e-8)
    # gradient flow on (ev/2)(theta - 1)^2 from 0, by small Euler steps
    theta, ev, tau, steps = 0.0, 2.0, 0.8, 100_000
    for _ in range(steps):
        theta += tau / steps * ev * (1.0 - theta)
    assert 1 - theta == pytest.approx(float(gradient_flow_loss(ev, tau)), rel=1e-4)
    ridge = minimize_scalar(lambda t: ev * (t - 1) ** 2 + 0.5 * t**2).x
    assert 1 - ridge == pytest.approx(float(ridge_loss(ev, 0.5)), rel=1e-6)
    drawn = (12.0 + 2.0) / (20.0 + 3 * 2.0)  # count 12 of 20, three categories
    loss = float(pseudo_count(20.0, 3, 2.0))
    assert drawn == pytest.approx((1 - loss) * 12 / 20 + loss / 3)


@pytest.mark.parametrize("beta", [0.0, 0.4, 0.97, 1.0])
@pytest.mark.parametrize("loss", [0.0, 1e-9, 0.3, 1.0])
def test_contraction_is_its_recursion(beta, loss):
    each = mode_contraction(latest(1 - beta, 8, 5.0), loss)
    found = contraction(loss, beta, np.arange(1, 9))
    np.testing.assert_allclose(each, found, rtol=1e-12)
    kept = 1 - loss
    for delta in np.asarray(found):  # mode of the mean, the real one is 1
        assert delta == pytest.approx(1 - kept, rel=1e-6, abs=1e-15)
        kept = (1 - loss) * ((1 - beta) + beta * kept)


def test_contraction_of_any_schedule():
    scheme, losses = uniform_past(0.8, 5, 9.0), np.array([0.2, 0.1, 0.4, 0.0, 0.3])
    kept = []
    for s in range(5):
        data = float(scheme.alpha[s]) + sum(
            float(scheme.beta[s, t]) * kept[t] for t in range(s)
        )
        kept.append((1 - losses[s]) * data)
    np.testing.assert_allclose(mode_contraction(scheme, losses), 1 - np.array(kept))


def test_weak_filters_follow_the_bound_and_strong_ones_saturate():
    beta, G = 0.9, 20
    weak = float(contraction(1e-8, beta, G))
    assert weak == pytest.approx(float(weak_filter(1e-8, beta, G)), rel=1e-6)
    assert float(contraction(0.5, beta, G)) < 0.25 * float(weak_filter(0.5, beta, G))
    late = float(contraction(0.1, beta, 5000))
    assert late == pytest.approx(float(saturation(0.1, beta)), rel=1e-12)
    assert float(weak_filter(0.1, 1.0, 7)) == pytest.approx(0.7)
    lam = jnp.array([0.0, 1.0, 8.0])
    shape = weak_filter((1 + lam) ** -0.4, lam / (1 + lam), 6.0)
    np.testing.assert_allclose(shape, shape_v1(lam, 6, 0.4), rtol=1e-12)


def test_the_threshold_of_the_minimax_bias_goes_to_that_of_the_bound():
    found = [minimax_threshold(n, 20) for n in (50.0, 1e4, 1e10)]
    bound = threshold_v1(20, 0.5)
    assert found[0] > found[1] > found[2] > bound
    assert found[2] == pytest.approx(bound, rel=1e-4)
    lam = np.geomspace(1.0, 300.0, 200_000)
    peak = lam[np.argmax(minimax_bias((0.05, 0.95), 50.0, lam, 20))]
    assert found[0] == pytest.approx(peak, rel=1e-4)


def test_biases_add_with_the_weights_and_noises_with_their_squares():
    scheme = uniform_past(0.7, 6, 10.0)
    rng = np.random.default_rng(0)
    biases, noises = rng.normal(size=6), rng.normal(size=(50_000, 6))
    A = all_weights(scheme)
    np.testing.assert_allclose(A[-1], stage_weights(scheme), rtol=1e-13)
    models = np.zeros((50_000, 6))
    for s in range(6):  # the recursion of one number, run many times
        models[:, s] = models @ np.asarray(scheme.beta[s]) + biases[s] + noises[:, s]
    se = models.std(axis=0) / np.sqrt(50_000)
    assert (np.abs(models.mean(axis=0) - coherent_error(scheme, biases)) < 4 * se).all()
    sd = np.asarray(quadrature_error(scheme, np.ones(6)))
    np.testing.assert_allclose(models.std(axis=0), sd, rtol=0.02)
    assert (np.asarray(coherent_error(scheme, np.ones(6))) >= sd).all()


def test_noise_in_the_synthetic_amount_is_that_of_its_schedule():
    for lam in (0.0, 0.5, 3.0, 40.0):
        scheme = fixed_mixture(100.0, 100.0 * lam, 8)
        sd = quadrature_error(scheme, (scheme.sizes / 100.0) ** -0.5)[-1]
        assert float(quadrature_shape(lam, 8, 0.25)) == pytest.approx(float(sd))


@pytest.mark.parametrize(("models", "rate"), [(10, 0.25), (5, 0.1), (20, 0.4)])
def test_noise_falls_then_rises_then_falls(models, rate):
    low, peak = quadrature_thresholds(models, rate)
    lam = np.geomspace(1e-4, 1e5, 400_000)
    f = np.asarray(quadrature_shape(lam, models, rate))
    turns = lam[1:-1][np.diff(np.sign(np.diff(f))) != 0]
    np.testing.assert_allclose(turns, [low, peak], rtol=1e-3)


def test_noise_of_few_models_or_of_the_parametric_rate_only_falls():
    lam = np.geomspace(1e-4, 1e5, 20_000)
    for models, rate in ((2, 0.25), (10, 0.49), (1000, 0.5), (1, 0.1)):
        assert quadrature_thresholds(models, rate) is None
        assert (np.diff(quadrature_shape(lam, models, rate)) < 0).all()


def test_the_threshold_of_the_noise_is_linear_in_the_generations():
    for rate in (0.1, 0.25, 0.4):
        c = asymptotic_quadrature_slope(rate)
        assert 2 * c / np.expm1(2 * c) == pytest.approx(1 - 2 * rate, rel=1e-12)
        ends = [quadrature_thresholds(G, rate)[1] for G in (10_000, 20_000)]
        assert (ends[1] - ends[0]) / 10_000 == pytest.approx(1 / c, rel=1e-6)


def test_shares_that_are_none_are_refused():
    with pytest.raises(InputError, match=r"loss must be in \[0, 1\]"):
        contraction(1.5, 0.5, 3)
    with pytest.raises(InputError, match="n must be positive"):
        minimax_bias((0.5, 0.5), 0.0, 1.0, 3)
