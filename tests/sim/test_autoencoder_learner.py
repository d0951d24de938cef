"""The autoencoder in the generational loop."""

import contextlib
from dataclasses import replace

import jax
import jax.numpy as jnp
import jax.random as jr
import numpy as np
import pytest

from figures.progress import SILENT
from sim.grid import uniform_grid
from sim.learners.autoencoder.learner import Autoencoder, AutoencoderScore
from sim.learners.autoencoder.network import Weights
from sim.measures.samples import Moments, SlicedW2
from sim.recursion import Recursion, run
from sim.sampling import ProbabilityFlow, ReverseSDE
from sim.store.group import Group
from sim.targets import Mixture
from theory.denoiser import ACTIVATIONS
from theory.mixtures import gaussian_mixture
from theory.processes import ou
from theory.validation import InputError

PROCESS = ou(2.5, 0.25)


def two_modes(dim, distance=1.5):
    means = np.zeros((2, dim))
    means[:, 0] = distance, -distance
    return Mixture(gaussian_mixture([0.5, 0.5], means, 0.25))


def go(recursion, folder, alphas=(0.0, 0.5)):
    group = Group(folder, range(1), contextlib.nullcontext)
    alpha = np.tile(np.asarray(alphas)[:, None], (1, recursion.generations))
    axes = {"seed": np.arange(1), "alpha": np.asarray(alphas)}
    keys = jr.split(jr.key(0), len(alphas))
    return run(recursion, keys, {"alpha": alpha}, axes, group, SILENT)


def fit(learner, data):
    state = learner.init(jr.key(0), data, None, PROCESS)
    for s in range(learner.segments):
        state = learner.advance(jr.key(s + 1), state, data, PROCESS)
    return learner.finish(state)


@pytest.mark.parametrize("t", [0.3, 1.0])
@pytest.mark.parametrize("dtype", [jnp.float32, jnp.float64])
def test_the_score_of_a_gaussian_at_the_training_time(t, dtype):
    v, beta2 = 0.6, np.exp(-t)
    b = np.sqrt(beta2) * v / (1 - beta2 + beta2 * v)
    weights = Weights(jnp.zeros((1, 3), jnp.float32), jnp.full((1,), b, jnp.float32))
    score = AutoencoderScore(weights, PROCESS, jnp.array(True), ACTIVATIONS["tanh"])
    x = jr.normal(jr.key(0), (5, 3), dtype)
    got = score.score(x, jnp.asarray(t, dtype))
    assert got.dtype == dtype
    np.testing.assert_allclose(got, -x / (1 - beta2 + beta2 * v), rtol=1e-5)


def test_learning_approaches_the_score():
    target = two_modes(2)
    data = target.sample(jr.key(5), 6000)
    t = jnp.float32(0.7)
    law = target.law.noised(PROCESS, 0.7)
    x = law.means[0][None] + jr.normal(jr.key(6), (500, 2), jnp.float64)
    error = lambda fitted: float(
        jnp.mean(jnp.sum((fitted.score(x, t) - law.score(x)) ** 2, axis=1))
    )
    taught = fit(Autoencoder(rate=0.02), data)
    untaught = fit(Autoencoder(rate=1e-9), data)
    assert bool(taught.finite)
    assert error(taught) < 0.1 * error(untaught)


def test_every_pass_sees_every_point():
    data = jnp.arange(8.0, dtype=jnp.float32)[:, None] + 1
    learner = Autoencoder(width=1, spread=0.0, rate=1e-4, skip_ratio=1.0, decay=0.0)
    two = replace(learner, passes=2)
    assert two.segments == 2
    # with W = 0 nothing but b moves, by 2 eta e.x at each point
    once, twice = (float(fit(x, data).weights.b[0]) for x in (learner, two))
    power = float(jnp.sum(data**2))
    expected = 2e-4 * np.exp(-0.35) * power
    assert abs(once / expected - 1) < 0.2
    assert abs(twice / expected - 2) < 0.4


@pytest.mark.slow
def test_errors_of_the_autoencoder_are_measured_in_the_loop(tmp_path):
    steps = 30
    recursion = Recursion(
        two_modes(2),
        lambda at: Autoencoder(rate=0.02),
        ReverseSDE(steps),
        PROCESS,
        n=1500,
        generations=2,
        grid=uniform_grid(5.0, 31, 2, 2.25 / steps),
        measures=(Moments(),),
    )
    trace = go(recursion, tmp_path)
    assert trace.attrs["known_as"] == "grid"
    assert bool(trace["finite"].all())
    kl, eps_hat2 = trace["kl"].values, trace["eps_hat2"].values
    assert (kl > 0).all()
    assert (kl <= 0.5 * eps_hat2).all()
    assert (trace["eps_star2"] > 0.1).all()
    assert (trace["chi2"] > 0.01).all()


@pytest.mark.slow
def test_the_loop_in_twenty_dimensions(tmp_path):
    recursion = Recursion(
        two_modes(20, 3.0),
        lambda at: Autoencoder(width=1, rate=0.05),
        ProbabilityFlow(40),
        PROCESS,
        n=2000,
        generations=2,
        measures=(Moments(), SlicedW2(8)),
        keep=50,
    )
    trace = go(recursion, tmp_path)
    assert trace.attrs["known_as"] == "samples"
    assert bool(trace["finite"].all())
    first = abs(trace["points"].isel(generation=0)).mean("points_0").values
    assert (first[..., 0] > 3 * first[..., 1:].max()).all()  # it has found the modes


def test_a_fit_that_diverges_is_marked():
    data = two_modes(2).sample(jr.key(0), 500)
    assert not bool(fit(Autoencoder(rate=1e3, activation="relu"), data).finite)


def test_it_maps_over_parameters():
    data = two_modes(2).sample(jr.key(0), 200)
    scores = jax.vmap(lambda rate: fit(Autoencoder(rate=rate), data).weights.b)(
        jnp.array([0.001, 0.01])
    )
    assert scores.shape == (2, 1)
    assert float(scores[1, 0]) > float(scores[0, 0])


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"width": 0}, "width must be an integer >= 1, got 0"),
        ({"passes": 0}, "passes must be an integer >= 1, got 0"),
        ({"times": (0.5, 0.0)}, "times must be positive and finite, got 0 at index 1"),
        ({"rate": -0.1}, "rate must be positive and finite, got -0.1"),
        ({"decay": -1.0}, "decay must be in"),
        ({"activation": "step"}, "activation must be one of"),
    ],
)
def test_impossible_learners_are_refused_in_one_line(change, says):
    with pytest.raises(InputError, match=says):
        Autoencoder(**change)
