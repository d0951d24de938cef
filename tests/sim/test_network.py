import ast
import inspect
from dataclasses import dataclass
from functools import partial

import jax
import jax.numpy as jnp
import jax.random as jr
import numpy as np
import pytest
from scipy.integrate import quad

import sim.learners.protocol as protocol
from sim.learners.network import Network, Preconditioning
from sim.replicas import replicated
from sim.targets import bimodal
from theory.mixtures import gaussian_mixture
from theory.processes import ou
from theory.validation import InputError

PROCESS = ou(T=4.0, t0=0.02)
TARGET = bimodal()
SMALL = Network(width=32, depth=2, steps=300, batch=128, segments=3)


def train(learner, seed, n=4000):
    data = TARGET.sample(jr.key(1000 + seed), n)
    state = learner.init(jr.key(2000 + seed), data, None, PROCESS)
    advance = lambda s, state: learner.advance(
        jr.fold_in(jr.key(seed), s), state, data, PROCESS
    )
    return learner.finish(jax.lax.fori_loop(0, learner.segments, advance, state))


@pytest.fixture(scope="module")
def fitted():
    return jax.jit(partial(train, SMALL))(0)


def path_energy(score):
    """eps*^2 of a 1-D score by quadrature: Gauss-Legendre in log t, a fine rule in x."""
    nodes, weights = np.polynomial.legendre.leggauss(48)
    low, high = np.log(PROCESS.t0), np.log(PROCESS.T)
    times = np.exp(low + (nodes + 1) / 2 * (high - low))
    x = np.linspace(-7.0, 7.0, 1401)[:, None]

    def at(t):
        log_q, exact = TARGET.law.noised(PROCESS, t).log_density_and_score(x)
        return jnp.sum(jnp.exp(log_q)[:, None] * (score(x, t) - exact) ** 2) * 0.01

    energy = jax.jit(lambda t: jax.lax.map(at, t))(times)
    return float(jnp.sum(energy * weights * times) * (high - low) / 2)


def mean_and_error(values):
    values = np.asarray(values, float)
    return values.mean(), values.std() / np.sqrt(len(values))


def batch_losses(learner, params, state, data, batches):
    """Losses of independent batches at fixed parameters."""
    one = lambda k: learner._loss(params, jr.key(k), state, data, PROCESS)
    return jax.jit(lambda: jax.lax.map(one, jnp.arange(batches)))()


def test_untrained_score_is_exact_for_gaussian_data():
    rng = np.random.default_rng(0)
    data = rng.normal([1.0, -2.0, 0.5], [2.0, 0.3, 1.0], (500, 3)).astype(np.float32)
    score = SMALL.finish(SMALL.init(jr.key(0), jnp.asarray(data), None, PROCESS)).score
    law = gaussian_mixture([1.0], data.mean(0)[None], np.diag(data.var(0)))
    x = rng.normal(size=(20, 3))
    for t in (0.02, 0.3, 4.0):
        exact = law.noised(PROCESS, t).score(x)
        np.testing.assert_allclose(score(x, t), exact, rtol=1e-4, atol=1e-4)
    standard_normal = -x
    assert np.abs(score(x, 0.3) - standard_normal).max() > 0.1


@pytest.mark.parametrize("variance", [4.25, 0.01])
def test_times_follow_their_density(variance):
    V = jnp.asarray([variance], jnp.float32)
    u = jnp.linspace(0.0, 1.0, 9, dtype=jnp.float32)
    t, density = SMALL.times(u, V, PROCESS)
    np.testing.assert_allclose(t[jnp.array([0, -1])], [0.02, 4.0], rtol=1e-3)
    a2, sigma2 = np.exp(-np.array(t, float)), -np.expm1(-np.array(t, float))
    c2 = 1 / sigma2 - 1 / (a2 * variance + sigma2)

    def shape(s):
        sigma2 = -np.expm1(-s)
        return 1 / sigma2 - 1 / (np.exp(-s) * variance + sigma2)

    total = quad(shape, 0.02, 4.0, limit=200)[0]
    np.testing.assert_allclose(density, c2 / total, rtol=2e-3)
    below = [quad(shape, 0.02, float(end), limit=200)[0] / total for end in t]
    np.testing.assert_allclose(below, u, atol=1e-3)


def test_loss_is_the_path_energy_plus_a_constant(fitted):
    # constant: the mean conditional variance of the target, int 1/sigma^2 - E|score|^2 dt
    nothing = path_energy(lambda x, t: jnp.zeros_like(x))
    constant = quad(lambda t: 1 / -np.expm1(-t), PROCESS.t0, PROCESS.T)[0] - nothing
    data = TARGET.sample(jr.key(9), 200_000)
    state = SMALL.init(jr.key(0), data, None, PROCESS)
    loss, error = mean_and_error(batch_losses(SMALL, state.params, state, data, 1000))
    untrained = path_energy(SMALL.finish(state).score)
    finite_data = 3 * np.sqrt(2.0 / len(data)) * constant
    assert abs(loss - constant - untrained) < 4 * error + finite_data
    assert abs(loss - constant - 1.1 * untrained) > 4 * error + finite_data


def test_training_lowers_the_path_energy(fitted):
    untrained = Network(width=32, depth=2, steps=1, segments=1, learning_rate=1e-12)
    start = path_energy(jax.jit(partial(train, untrained))(0).score)
    assert path_energy(fitted.score) < 0.2 * start
    assert fitted.losses.shape == (3,)
    assert np.all(np.diff(fitted.losses) < 0)
    assert bool(fitted.finite)


def test_everything_learned_is_float32(fitted):
    learned = (fitted.params, fitted.centre, fitted.variance, fitted.losses)
    assert {leaf.dtype for leaf in jax.tree.leaves(learned)} == {jnp.dtype("float32")}
    for dtype in (jnp.float32, jnp.float64):
        assert fitted.score(jnp.zeros((2, 1), dtype), 0.5).dtype == dtype


def test_replicas_train_as_one_alone_and_reproducibly(fitted):
    many = replicated(partial(train, SMALL))
    first, second = many(np.arange(3)), many(np.arange(3))
    for a, b in zip(jax.tree.leaves(first), jax.tree.leaves(second), strict=True):
        assert np.array_equal(a, b)
    x = np.linspace(-3.0, 3.0, 7)[:, None]
    scores = jax.vmap(lambda f: f.score(x, 0.3))(first)
    # training amplifies the rounding that different compilations leave
    np.testing.assert_allclose(scores[0], fitted.score(x, 0.3), atol=0.1)
    assert np.abs(scores[0] - scores[1]).max() > 1e-3


def test_divergence_is_marked(fitted):
    wild = Network(width=8, depth=1, steps=20, segments=2, learning_rate=1e30)
    assert not bool(jax.jit(partial(train, wild))(0).finite)


def test_collapsed_data_train():
    """All samples equal: the score stays that of one noised point."""
    learner = Network(width=8, depth=1, steps=20, segments=1)
    data = jnp.full((50, 2), 3.0, jnp.float32)
    state = learner.init(jr.key(0), data, None, PROCESS)
    state = jax.jit(learner.advance)(jr.key(1), state, data, PROCESS)
    fitted = learner.finish(state)
    x, t = np.array([[2.0, 4.0]]), 0.5
    exact = -(x - 3.0 * np.exp(-t / 2)) / -np.expm1(-t)
    assert bool(fitted.finite)
    np.testing.assert_allclose(fitted.score(x, t), exact, rtol=1e-3)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"width": 0}, "width must be an integer >= 1, got 0"),
        ({"depth": 1.5}, "depth must be an integer >= 1, got 1.5"),
        ({"steps": 30}, "steps must be a multiple of segments = 20, got 30"),
        ({"learning_rate": 0.0}, "learning_rate must be positive and finite, got 0"),
        ({"weight_decay": -1.0}, "weight_decay must be in"),
        ({"ema": 1.0}, r"ema must be in \[0, 1\), got 1"),
    ],
)
def test_bad_settings_are_refused(settings, message):
    with pytest.raises(InputError, match=message):
        Network(**settings)


def test_a_process_without_early_stop_is_refused():
    with pytest.raises(InputError, match=r"process\.t0 must be positive"):
        SMALL.init(jr.key(0), jnp.zeros((5, 1), jnp.float32), None, ou(4.0, 0.0))


def test_the_documented_learner_works():
    text = inspect.getdoc(protocol).split("data::")[1].split("Give the loop")[0]
    code = inspect.cleandoc(text)
    names = {"jax": jax, "jnp": jnp, "dataclass": dataclass}
    names |= {"Array": jax.Array, "OU": type(PROCESS)}
    exec(compile(ast.parse(code), "docstring", "exec"), names)
    x = np.random.default_rng(0).normal(size=(300, 2)) @ np.array(
        [[1.0, 0.5], [0.0, 2]]
    )
    learner = names["OneGaussian"]()
    fitted = learner.finish(learner.init(jr.key(0), jnp.asarray(x), None, PROCESS))
    law = gaussian_mixture([1.0], x.mean(0)[None], np.cov(x.T))
    exact = law.noised(PROCESS, 0.3).score(x[:5])
    np.testing.assert_allclose(fitted.score(x[:5], 0.3), exact, rtol=1e-9)


@dataclass(frozen=True)
class Plain(Network):
    """Noise prediction with t uniform on [t0, T]: no skip, no scaling of the input."""

    def precondition(self, t, variance, process):
        one = jnp.ones_like(variance)
        return Preconditioning(0 * one, process.variance(t) ** -0.5 * one, one)

    def times(self, u, variance, process):
        span = process.T - process.t0
        t = (process.t0 + u * span).astype(jnp.float32)
        return t, jnp.full_like(t, 1 / span)


@pytest.mark.slow
def test_preconditioning_halves_the_path_energy_at_equal_cost():
    energies = {}
    for kind in (Network, Plain):
        learner = kind(steps=1000, segments=1)
        fits = replicated(partial(train, learner, n=20_000))(np.arange(4))
        replica = lambda r, fits=fits: jax.tree.map(lambda leaf: leaf[r], fits)
        energies[kind] = [path_energy(replica(r).score) for r in range(4)]
    (better, se), (worse, se_plain) = (mean_and_error(v) for v in energies.values())
    assert worse - 2 * better > 2 * np.hypot(2 * se, se_plain)
