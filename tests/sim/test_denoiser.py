"""The preconditioned denoiser: identities, rounding, training, replicas, refusals."""

from functools import partial

import jax
import jax.numpy as jnp
import jax.random as jr
import numpy as np
import pytest

from sim.heun import Heun
from sim.learners.denoiser import Denoiser, FittedDenoiser, denoising_loss
from sim.learners.perceptron import Perceptron
from sim.replicas import replicated
from sim.targets import Mixture
from theory.mixtures import gaussian_mixture
from theory.processes import ou
from theory.validation import InputError

PROCESS = ou(4.0, 0.02)
TARGET = Mixture(gaussian_mixture([0.25, 0.75], [[-0.6, 0.0], [0.4, 0.3]], 0.05**2))
SMALL = Denoiser(
    Perceptron(width=48, depth=3),
    steps=900, learning_rate=3e-3, warmup=50, segments=3,
)  # fmt: skip
SIGMAS = [0.002, 0.05, 0.5, 20.0]


def train(learner, seed, data=None, n=512):
    data = TARGET.sample(jr.key(1000 + seed), n) if data is None else data
    state = learner.init(jr.key(2000 + seed), data, None, PROCESS)
    advance = lambda s, state: learner.advance(
        jr.fold_in(jr.key(seed), s), state, data, PROCESS
    )
    return learner.finish(jax.lax.fori_loop(0, learner.segments, advance, state))


def untrained(learner, key, dim):
    data = jnp.zeros((2, dim), jnp.float32)
    start = jax.jit(lambda key: learner.init(key, data, None, PROCESS))
    return learner.finish(start(key))


def random_network(learner, key, dim, scale=1.0):
    """A fitted denoiser whose F is of order one: its last layer is grown."""
    fitted = untrained(learner, key, dim)
    last = f"Dense_{learner.network.depth}"
    params = {"params": dict(fitted.params["params"])}
    grown = jax.tree.map(lambda leaf: 1e3 * scale * leaf, params["params"][last])
    params["params"][last] = grown
    return FittedDenoiser(params, fitted.losses, fitted.finite, learner)


@pytest.fixture(scope="module")
def fitted():
    return jax.jit(partial(train, SMALL))(0)


@pytest.mark.parametrize("sigma", SIGMAS)
def test_without_a_network_it_is_the_posterior_mean_of_gaussian_data(sigma):
    start = random_network(SMALL, jr.key(0), 3)
    nothing = random_network(SMALL, jr.key(0), 3, scale=0.0)
    y = np.random.default_rng(0).normal(size=(20, 3)) * np.hypot(0.5, sigma)
    exact = 0.25 / (0.25 + sigma**2) * y
    np.testing.assert_allclose(nothing.denoise(y, sigma), exact, rtol=1e-6)
    # control: the network acts, by sigma s / r at every level
    acts = (
        np.std(start.denoise(y, sigma) - exact) * np.hypot(0.5, sigma) / (0.5 * sigma)
    )
    assert 0.1 < acts < 10


@pytest.mark.parametrize("sigma", SIGMAS)
def test_input_and_target_of_gaussian_data_are_white(sigma):
    n = 200_000
    rng = np.random.default_rng(1)
    x, z = (0.5 * rng.normal(size=(n, 1)), rng.normal(size=(n, 1)))
    noisy, target = SMALL.pair(x, z, np.full(n, sigma))
    for product, expected in (
        (noisy * noisy, 1.0),
        (target * target, 1.0),
        (noisy * target, 0.0),
    ):
        assert abs(product.mean() - expected) < 5 * product.std() / np.sqrt(n)
    # the target is what makes the denoiser return x
    y, r = x + sigma * z, np.hypot(sigma, 0.5)
    np.testing.assert_allclose(noisy, y / r, rtol=1e-9)
    found = (0.5 / r) ** 2 * y + sigma * 0.5 / r * target
    np.testing.assert_allclose(found, x, atol=1e-9)


def test_loss_is_the_weighted_error_of_the_denoiser():
    fitted = random_network(SMALL, jr.key(0), 2)
    rng = np.random.default_rng(2)
    x, z = (rng.normal(size=(30, 2)).astype(np.float32) for _ in range(2))
    for sigma in (0.05, 0.5, 5.0):
        each = jnp.full((30,), sigma, jnp.float32)
        loss = SMALL.losses(fitted.params, jnp.asarray(x), jnp.asarray(z), each)
        D = np.asarray(fitted.denoise(x + np.float32(sigma) * z, sigma), np.float64)
        weight = (sigma**2 + 0.25) / (sigma * 0.5) ** 2
        written = weight * ((D - x) ** 2).mean(1)
        np.testing.assert_allclose(loss, written, rtol=1e-3)


@pytest.mark.parametrize("sigma", SIGMAS)
def test_score_and_denoiser_are_one_function_in_float32(sigma):
    fitted = random_network(SMALL, jr.key(0), 2)
    rng = np.random.default_rng(3)
    y = (rng.normal(size=(40, 2)) * np.hypot(0.5, sigma)).astype(np.float32)
    t, eps = np.float32(np.log1p(sigma**2)), np.finfo(np.float32).eps
    x = (y * np.exp(-np.float64(t) / 2)).astype(np.float32)
    score = np.asarray(fitted.score(x, t), np.float64)
    found = y + sigma**2 * np.exp(-np.float64(t) / 2) * score
    D = np.asarray(fitted.denoise(y, sigma), np.float64)
    np.testing.assert_allclose(found, D, atol=20 * eps * np.abs(y).max())
    # in the other direction the difference D - y keeps only its leading digits
    back = np.exp(np.float64(t) / 2) * (D - y) / sigma**2
    room = 20 * eps * np.abs(y).max() / sigma**2
    np.testing.assert_allclose(score, back, atol=room, rtol=1e-5)


def test_score_of_small_noise_keeps_its_digits():
    """sigma = .002: a difference D - y in float32 would lose four digits of seven."""
    nothing = random_network(SMALL, jr.key(0), 1, scale=0.0)
    x, t = np.linspace(0.2, 1.0, 9, dtype=np.float32)[:, None], np.float32(4e-6)
    sigma2 = np.expm1(np.float64(t))
    exact = -np.exp(np.float64(t)) * x.astype(np.float64) / (sigma2 + 0.25)
    np.testing.assert_allclose(nothing.score(x, t), exact, rtol=1e-6)
    y = jnp.exp(0.5 * t) * x
    naive = (nothing.denoise(y, jnp.sqrt(jnp.expm1(t))) - y) / jnp.expm1(t)
    assert np.abs(naive / exact - 1).max() > 1e-3


def test_untrained_loss_is_one_for_gaussian_data():
    rng = np.random.default_rng(4)
    rows = jnp.asarray(0.5 * rng.normal(size=(400, 3)), jnp.float32)
    loss = denoising_loss(untrained(SMALL, jr.key(0), 3), jr.key(1), rows, 50)
    assert loss.value.dtype == loss.standard_error.dtype == jnp.float64
    assert abs(float(loss.value) - 1.0) < 4 * float(loss.standard_error)
    assert float(loss.standard_error) < 0.05
    wide = denoising_loss(untrained(SMALL, jr.key(0), 3), jr.key(2), 2 * rows, 50)
    assert float(wide.value) > 1.5


def test_the_error_of_a_loss_is_its_spread():
    """Over sets of rows and noise, the standard error is the standard deviation."""
    start, rng = untrained(SMALL, jr.key(0), 1), np.random.default_rng(5)
    sets = jnp.asarray(0.5 * rng.normal(size=(300, 20, 1)), jnp.float32)
    one = lambda i: denoising_loss(start, jr.fold_in(jr.key(1), i), sets[i], 3)
    value, error = jax.jit(lambda: jax.lax.map(one, jnp.arange(300)))()
    ratio = np.std(value) / np.sqrt(np.mean(np.square(error)))
    assert abs(ratio - 1) < 5 / np.sqrt(2 * 300) * 2


def test_steps_are_adam_s_with_clipping_warm_up_and_cosine():
    """Against the formulas, in float64, for gradients of norms from .01 to 100."""
    learner = Denoiser(steps=40, warmup=8, learning_rate=0.1, segments=1)
    optimizer, rng = learner._optimizer(), np.random.default_rng(7)
    gradients = rng.normal(size=(40, 5)) * 10.0 ** rng.uniform(-2, 2, (40, 1))
    state = optimizer.init(jnp.zeros((5,), jnp.float32))
    update, m, v = jax.jit(optimizer.update), np.zeros(5), np.zeros(5)
    rates = []
    for k, g in enumerate(gradients):
        found, state = update(jnp.asarray(g, jnp.float32), state)
        g = g / max(1.0, np.linalg.norm(g))
        m, v = 0.9 * m + 0.1 * g, 0.999 * v + 0.001 * g**2
        along = m / (1 - 0.9 ** (k + 1))
        along /= np.sqrt(v / (1 - 0.999 ** (k + 1))) + 1e-8
        cosine = 0.5 + 0.5 * np.cos(np.pi * (k - 8) / 32)
        rates.append(0.1 * (k / 8 if k < 8 else 0.01 + 0.99 * cosine))
        np.testing.assert_allclose(found, -rates[-1] * along, rtol=1e-4, atol=1e-8)
    assert rates[0] == 0.0
    assert max(rates) == rates[8] == 0.1


def test_training_finds_both_modes(fitted):
    law = TARGET.law
    heun = Heun()
    start = heun.begin(jr.key(5), None, None, (2000, 2), PROCESS)
    sample = jax.jit(heun.sample)
    x = np.asarray(sample(jr.key(6), fitted, start, PROCESS), np.float64)
    far = lambda x: np.linalg.norm(x[:, None] - np.asarray(law.means)[None], axis=-1)
    share = np.mean(far(x).argmin(1) == 0)
    assert np.median(far(x).min(1)) < 3 * 0.05 * np.sqrt(2)
    assert 0.125 < share < 0.375  # nearer to 1/4 than to none and to a half
    y = np.asarray(
        sample(jr.key(7), untrained(SMALL, jr.key(8), 2), start, PROCESS), np.float64
    )
    assert np.median(far(y).min(1)) > 3 * np.median(far(x).min(1))
    assert bool(fitted.finite)
    assert np.all(np.diff(fitted.losses) < 0)
    fresh = TARGET.sample(jr.key(9), 400)
    after = denoising_loss(fitted, jr.key(10), fresh, 40)
    before = denoising_loss(untrained(SMALL, jr.key(11), 2), jr.key(12), fresh, 40)
    gap = np.hypot(float(after.standard_error), float(before.standard_error))
    assert float(before.value) - 2 * float(after.value) > 5 * gap


def test_a_few_points_are_remembered():
    """The loss is lower on 32 training points than on 32 others of their law."""
    law = Mixture(gaussian_mixture([1.0], np.zeros((1, 8)), 0.25))
    data, twin = law.sample(jr.key(1), 32), law.sample(jr.key(2), 32)
    loss = jax.jit(denoising_loss, static_argnums=3)

    def gap(fitted, key):
        """Twin's loss minus training set's, in standard errors."""
        seen, unseen = (
            loss(fitted, jr.fold_in(key, k), rows, 50)
            for k, rows in enumerate((data, twin))
        )
        error = np.hypot(float(seen.standard_error), float(unseen.standard_error))
        return (float(unseen.value) - float(seen.value)) / error

    assert gap(jax.jit(partial(train, SMALL))(3, data), jr.key(4)) > 5
    # control: one that never saw the points
    assert abs(gap(untrained(SMALL, jr.key(5), 8), jr.key(6))) < 4


def test_everything_learned_is_float32(fitted):
    learned = (fitted.params, fitted.losses)
    assert {leaf.dtype for leaf in jax.tree.leaves(learned)} == {jnp.dtype("float32")}
    x = np.random.default_rng(6).normal(size=(5, 2)).astype(np.float32)
    for ask in (fitted.score, fitted.denoise):
        single, double = ask(x, 0.5), ask(x.astype(np.float64), 0.5)
        assert single.dtype == jnp.float32
        assert double.dtype == jnp.float64
        assert np.array_equal(single, double)
    state = SMALL.init(jr.key(0), jnp.zeros((3, 2), jnp.float32), None, PROCESS)
    types = {leaf.dtype for leaf in jax.tree.leaves(state)}
    assert types == {jnp.dtype("float32"), jnp.dtype("int32")}


def test_replicas_have_the_same_bits_whatever_runs_beside_them():
    quick = Denoiser(Perceptron(16, 2), steps=40, batch=16, warmup=5, segments=1)
    run = partial(train, quick, n=64)
    many = replicated(run)
    four, again, turned = (
        many(np.array(seeds)) for seeds in ([0, 1, 2, 3], [0, 1, 2, 3], [2, 3, 1, 0])
    )
    for a, b, c in zip(*map(jax.tree.leaves, (four, again, turned)), strict=True):
        assert np.array_equal(a, b)
        assert np.array_equal(a[jnp.array([2, 3, 1, 0])], c)
    # all at once: the same training, up to rounding
    vmapped = jax.jit(jax.vmap(run))(np.arange(4))
    np.testing.assert_allclose(vmapped.losses, four.losses, rtol=1e-3)
    assert np.unique(four.losses).size == 4


def test_bad_data_and_divergence_are_marked():
    quick = Denoiser(Perceptron(8, 1), steps=40, batch=32, warmup=0, segments=2)
    run = jax.jit(partial(train, quick))
    data = TARGET.sample(jr.key(0), 16)
    assert bool(run(0, data).finite)
    assert not bool(run(1, data.at[3, 0].set(jnp.nan)).finite)
    assert not bool(run(2, 1e30 * data).finite)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Perceptron(width=0), "width must be an integer >= 1, got 0"),
        (lambda: Perceptron(depth=1.5), "depth must be an integer >= 1, got 1.5"),
        (lambda: Denoiser(steps=30), "steps must be a multiple of segments = 20"),
        (lambda: Denoiser(batch=0), "batch must be an integer >= 1, got 0"),
        (lambda: Denoiser(learning_rate=0.0), "learning_rate must be positive"),
        (lambda: Denoiser(sigma_data=-1.0), "sigma_data must be positive"),
        (lambda: Denoiser(steps=200), r"warmup must be an integer in \[0, steps\)"),
        (lambda: Denoiser(warmup=-1), r"warmup must be an integer in \[0, steps\)"),
    ],
)
def test_bad_settings_are_refused(make, message):
    with pytest.raises(InputError, match=message):
        make()


def test_a_loss_without_draws_is_refused():
    start = untrained(SMALL, jr.key(0), 1)
    with pytest.raises(InputError, match="draws must be an integer >= 1, got 0"):
        denoising_loss(start, jr.key(1), jnp.zeros((3, 1), jnp.float32), 0)
