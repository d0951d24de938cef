"""Samplers against exact chain moments; data-processing of laws and draws."""

import jax
import jax.numpy as jnp
import jax.random as jr
import numpy as np
import pytest

from sim.laws import draw, known_as, noise
from sim.learners.kernel import Kernel
from sim.learners.perturbed import Linear, PerturbedScore
from sim.sampling import (
    EndpointDraw,
    ProbabilityFlow,
    ReverseSDE,
)
from theory.error_propagation.euler_maruyama import propagate_euler
from theory.error_propagation.linear_gaussian import constant_error, gaussian_problem
from theory.mixtures import Blend, gaussian_mixture, kernel_density
from theory.processes import noise_times, ou
from theory.validation import InputError

DATA = gaussian_mixture([1.0], [1.0], 0.36)
PROCESS = ou(4.0, 0.02)
EXACT_SCORE = PerturbedScore(DATA, Linear(jnp.zeros((1, 1))), PROCESS)
SAMPLERS = {"sde": ReverseSDE, "ode": ProbabilityFlow}


def exact_chain(steps: int, sampler: str):
    problem = gaussian_problem([1.0], [[0.36]], constant_error(), PROCESS)
    return propagate_euler(problem, noise_times(PROCESS, steps), sampler)


@pytest.mark.parametrize("name", SAMPLERS)
def test_exact_score_chain_has_the_exact_euler_moments(name):
    n, steps = 40_000, 40
    sampler = SAMPLERS[name](steps)
    key_start, key_run = jr.split(jr.key(0))
    start = sampler.begin(key_start, DATA, None, (n, 1), PROCESS)
    out = np.asarray(sampler.sample(key_run, EXACT_SCORE, start, PROCESS), np.float64)
    assert start.dtype == jnp.float32
    chain = exact_chain(steps, name)
    mean, var = float(chain.mean_hat[0]), float(chain.V_hat[0, 0])
    assert abs(out.mean() - mean) < 4 * np.sqrt(var / n)
    assert abs(out.var() - var) < 4 * var * np.sqrt(2 / n)
    # control: the wrong clock's drift would miss by far more
    assert abs(out.var() - 2 * var) > 4 * var * np.sqrt(2 / n)


@pytest.mark.parametrize("name", SAMPLERS)
def test_euler_chain_reaches_q_t0_with_order_one(name):
    steps = np.array([200, 400, 800])
    q = DATA.noised(PROCESS, PROCESS.t0)
    error = [
        abs(float(exact_chain(int(k), name).V_hat[0, 0] - q.covariances[0, 0, 0]))
        for k in steps
    ]
    slope = -np.polyfit(np.log(steps), np.log(error), 1)[0]
    assert abs(slope - 1.0) < 0.1


def test_endpoint_draw_has_the_smoothed_bootstrap_moments():
    data = draw(DATA, jr.key(1), 2_000)
    fitted = Kernel(0.3).init(jr.key(2), data, None, PROCESS)
    x = EndpointDraw().sample(jr.key(3), fitted, jnp.zeros((50_000, 1)), PROCESS)
    a = float(PROCESS.mean_factor(PROCESS.t0))
    var = a**2 * (float(data.var()) + 0.09) + 1 - a**2
    assert abs(float(x.mean()) - a * float(data.mean())) < 5 * np.sqrt(var / 50_000)
    assert abs(float(x.var()) - var) < 5 * var * np.sqrt(2 / 50_000)


def test_kernel_reverse_sde_approaches_its_exact_endpoint_law():
    data = draw(DATA, jr.key(1), 300)
    fitted = Kernel(0.6).init(jr.key(2), data, None, PROCESS)
    law = fitted.endpoint(PROCESS)
    n, sampler = 20_000, ReverseSDE(200, power=2.0)
    # from its own marginal at T, as the exactness of the endpoint law asks
    start = draw(fitted.at(jnp.asarray(PROCESS.T)), jr.key(4), n)
    x = np.asarray(sampler.sample(jr.key(5), fitted, start, PROCESS), np.float64)
    mean, second = float(law.mean()[0]), float(law.second_moment()[0, 0])
    var = second - mean**2
    assert abs(x.mean() - mean) < 5 * np.sqrt(var / n)
    assert abs(x.var() - var) < 0.01 * var + 5 * var * np.sqrt(2 / n)


def test_kernel_variant_b_blurs_at_every_level():
    data = draw(DATA, jr.key(1), 200)
    a, b = (Kernel(0.6, v).init(jr.key(2), data, None, PROCESS) for v in "AB")
    t = jnp.asarray(1.0)
    decay = float(jnp.exp(-t))
    assert float(a.at(t).variance) == pytest.approx(decay * 0.36 + 1 - decay, rel=1e-6)
    assert float(b.at(t).variance) == pytest.approx(0.36 + 1 - decay, rel=1e-6)
    with pytest.raises(InputError, match="variant must be 'A'"):
        b.endpoint(PROCESS)


LAWS = {
    "mixture": gaussian_mixture([0.3, 0.7], [[-1.0, 0.0], [2.0, 1.0]], [0.5, 0.2]),
    "kernel": kernel_density(np.linspace(-1, 1, 14).reshape(7, 2), 0.4),
}
LAWS["blend"] = Blend(jnp.asarray(0.25), LAWS["mixture"], LAWS["kernel"])


@pytest.mark.parametrize("name", LAWS)
def test_draws_have_the_moments_of_their_law(name):
    law, n = LAWS[name], 40_000
    x = np.asarray(draw(law, jr.key(7), n), np.float64)
    assert known_as(law) == "exact"
    second = np.asarray(law.second_moment())
    spread = x.std(0) / np.sqrt(n)
    assert (abs(x.mean(0) - np.asarray(law.mean())) < 5 * spread).all()
    squares = x[:, :, None] * x[:, None, :]
    assert (abs(squares.mean(0) - second) < 5 * squares.std(0) / np.sqrt(n)).all()


def test_noise_has_the_marginal_of_the_process():
    x = draw(LAWS["mixture"], jr.key(1), 40_000)
    y = np.asarray(noise(x, PROCESS, 0.7, jr.key(2)), np.float64)
    exact = np.asarray(LAWS["mixture"].noised(PROCESS, 0.7).second_moment())
    squares = y[:, :, None] * y[:, None, :]
    assert (abs(squares.mean(0) - exact) < 5 * squares.std(0) / np.sqrt(len(y))).all()


def test_graded_times_end_where_they_must():
    times = noise_times(PROCESS, 10, 2.0)
    assert times[0] == PROCESS.T
    assert times[-1] == PROCESS.t0
    assert bool((jnp.diff(jnp.diff(times)) > 0).all())


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda: ReverseSDE(0), "steps must be >= 1, got 0"),
        (lambda: ReverseSDE(5, power=0.5), "power must be >= 1"),
        (
            lambda: ProbabilityFlow(5, start="prior"),
            "start must be 'marginal' or 'normal'",
        ),
        (lambda: Kernel(0.0), "bandwidth must be positive"),
        (lambda: Kernel(0.1, "C"), "variant must be 'A' or 'B'"),
    ],
)
def test_impossible_settings_are_refused_in_one_line(make, says):
    with pytest.raises(InputError, match=says) as refused:
        make()
    assert "\n" not in str(refused.value)


def test_samplers_keep_float32_and_jit():
    start = jnp.zeros((8, 1), jnp.float32)
    run = jax.jit(lambda k: ReverseSDE(5).sample(k, EXACT_SCORE, start, PROCESS))
    assert run(jr.key(0)).dtype == jnp.float32
