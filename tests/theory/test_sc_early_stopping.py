"""Early stopping in a loop: the bound's optimum, and the loop's."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.optimize import minimize, minimize_scalar

from theory.mixing import fully_synthetic, latest, uniform_past
from theory.self_consuming.early_stopping import (
    StoppedError,
    loop_error,
    loop_time,
    loop_times,
    spectral_risk,
    spectral_time,
    stopped_bound,
)
from theory.validation import InputError

ERRORS = (StoppedError(), StoppedError(4.0, 2.0, 0.7, 1.3))
SIZES = np.array([100.0, 50, 200, 70, 300, 90])
SCHEME = uniform_past(0.8, 6, SIZES)


def jointly(objective, times):
    """Numerical minimum over the logarithms of all times, from 30 percent off."""
    slope = jax.jit(jax.value_and_grad(objective))
    start = np.log(times) + 0.3 * (-1.0) ** np.arange(len(times))
    return minimize(slope, start, jac=True, method="BFGS", options={"gtol": 1e-9})


@pytest.mark.parametrize("error", ERRORS)
def test_one_stage(error):
    found = minimize_scalar(
        lambda x: float(error.kl(np.exp(x), 1e3)), bounds=(-5, 15), method="bounded"
    )
    assert np.exp(found.x) == pytest.approx(float(error.time(1e3)), rel=1e-3)
    assert found.fun == pytest.approx(float(error.best_kl(1e3)), rel=1e-9)
    times, kls = error.time(np.array([1e3, 1e6])), error.best_kl(np.array([1e3, 1e6]))
    rate = error.b / (1 + error.a)
    assert float(times[1] / times[0]) == pytest.approx(1e3**rate)
    assert float(kls[0] / kls[1]) == pytest.approx(1e3**error.kl_rate)


def test_rates_of_the_two_readings():
    assert StoppedError(4.0, 2.0).kl_rate == pytest.approx(2 / 5)
    assert StoppedError(1.0, 1.0).kl_rate == pytest.approx(1 / 2)  # TV: n^{-1/4}


@pytest.mark.parametrize("error", ERRORS)
def test_in_the_bound_the_optimum_of_one_stage_is_best_in_every_stage(error):
    times = np.asarray(error.time(SIZES))
    best = float(stopped_bound(error, SCHEME, times))
    for s in range(6):
        for factor in (0.9, 1.1):
            moved = times * np.where(np.arange(6) == s, factor, 1.0)
            assert float(stopped_bound(error, SCHEME, moved)) > best
    joint = jointly(lambda x: stopped_bound(error, SCHEME, jnp.exp(x)), times)
    np.testing.assert_allclose(np.exp(joint.x), times, rtol=1e-4)


@pytest.mark.parametrize("error", ERRORS)
def test_times_that_minimise_the_loop_error(error):
    times = np.asarray(loop_times(error, SCHEME))
    best = float(loop_error(error, SCHEME, times))
    joint = jointly(lambda x: jnp.log(loop_error(error, SCHEME, jnp.exp(x))), times)
    np.testing.assert_allclose(np.exp(joint.x), times, rtol=1e-4)
    assert np.exp(joint.fun) == pytest.approx(best, rel=1e-10)
    at = jax.jit(lambda x: loop_error(error, SCHEME, jnp.exp(x)))
    one = minimize_scalar(
        lambda x: float(at(x)),
        bounds=(-5, 8),
        method="bounded",
        options={"xatol": 1e-10},
    )
    assert loop_time(error, SCHEME) == pytest.approx(np.exp(one.x), rel=1e-6)
    assert best < one.fun < float(loop_error(error, SCHEME, error.time(SIZES)))


def test_small_coherent_biases_ask_for_longer_training():
    error, n = StoppedError(4.0, 2.0), 1000.0
    for models in (1, 5, 20):
        ratio = loop_time(error, fully_synthetic(models, n)) / float(error.time(n))
        assert ratio == pytest.approx(models ** (1 / 5))  # S^2/V = models
    assert (loop_times(error, latest(0.3, 5, n)) > error.time(n)).all()
    unvisited = loop_times(error, latest(np.array([1.0, 1.0, 0.4]), 3, n))
    np.testing.assert_array_equal(np.isinf(unvisited), [True, False, False])


EV = 1.0 / np.arange(1, 30.0) ** 2
THETA = 1.0 / np.arange(1, 30.0)


def test_the_spectral_risk_is_its_recursion():
    tau, beta, noise = 7.0, 0.8, 1e-2
    f = 1 - np.exp(-EV * tau)
    mean, var = np.zeros(29), np.zeros(29)
    for G in range(1, 7):
        share = 0.0 if G == 1 else beta
        mean = f * ((1 - share) * THETA + share * mean)
        var = f**2 * (share**2 * var + noise)
        risk = np.sum((mean - THETA) ** 2 + var)
        found = float(spectral_risk(tau, THETA, EV, noise, beta, G))
        assert found == pytest.approx(risk, rel=1e-12)
    endless = float(spectral_risk(1e6, THETA, EV, noise, 1.0, 9))
    assert endless == pytest.approx(9 * 29 * noise)  # all learned: noises add up


def test_one_mode_stops_later_by_a_known_time():
    """2 l G^2 = nu G (G + 1) to first order in l = e^-tau: later stages filter the noise."""
    nu, G = 1e-6, 20
    mode = np.array([1.0]), np.array([1.0]), np.array([nu])
    times = [spectral_time(*mode, 1.0, G) for G in (1, G)]
    assert times[0] == pytest.approx(-np.log(nu), rel=1e-4)
    assert times[1] - times[0] == pytest.approx(np.log(2 * G / (G + 1)), rel=1e-3)


def test_with_a_tail_that_is_not_learned_the_loop_stops_earlier():
    wide = THETA, EV, np.full(29, 1e-2)
    times = [spectral_time(*wide, 0.9, G) for G in (1, 20)]
    assert times[1] < 0.9 * times[0]
    for G, time in zip((1, 20), times, strict=True):
        at = jax.jit(lambda x, G=G: spectral_risk(x, *wide, 0.9, G))
        least = min(float(at(x)) for x in np.geomspace(1e-2, 1e4, 300))
        assert float(at(time)) <= least


def test_bad_constants_and_times_are_refused():
    with pytest.raises(InputError, match="C_2 must be positive"):
        StoppedError(C_2=0.0)
    with pytest.raises(InputError, match="times must be positive"):
        loop_error(StoppedError(), SCHEME, jnp.zeros(6))
