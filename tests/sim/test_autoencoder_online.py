"""The network's step against its gradient; online learning against its exact chain."""

import jax
import jax.numpy as jnp
import jax.random as jr
import numpy as np
import pytest

from sim.learners.autoencoder import chain
from sim.learners.autoencoder.chain import chain_state, learn_chain
from sim.learners.autoencoder.network import (
    Weights,
    denoise,
    norms,
    overlaps,
    sgd_step,
    weights_of,
)
from sim.learners.autoencoder.online import draw_levels, learn_online
from sim.learners.autoencoder.realisation import initial_weights, realise
from sim.replicas import replicated
from theory.denoiser import ACTIVATIONS, initial_overlaps, training
from theory.structured import curve, empirical_mixture, structured_mixture
from theory.validation import InputError

TWO_BLOCKS = structured_mixture(
    [0.5, 0.3, 0.2],
    [
        [[2.0, 0], [-1.0, 1.5], [0, -1.0]],
        [[0.5, 0.0], [0.0, 1.0], [-1.5, -0.5]],
    ],
    [[0.4, 1.3], [1.0, 0.5], [0.4, 1.3]],
    [0.3, 0.7],
)
ONE_BLOCK = structured_mixture([0.7, 0.3], [[2.0], [-2.0]], 0.6)

TRAININGS = {
    "official": training(),
    "decay, erf, kappa": training(0.4, 0.6, 0.2, 1.5, 0.2, "erf"),
    "relu": training(activation="relu"),
    "random levels": training([0.3, 0.6], [0.7, 0.4], level_weights=[0.2, 0.8]),
    "own skips": training([0.3, 0.6], [0.7, 0.4], skip="per-level"),
    "together": training([0.3, 0.6], [0.7, 0.4], levels="together"),
    "together, own skips": training(
        [0.3, 0.6], [0.7, 0.4], levels="together", skip="per-level"
    ),
}


def in_float64(tr):
    return jax.tree.map(lambda v: jnp.asarray(v, jnp.float64), tr)


@pytest.mark.parametrize("name", TRAININGS)
def test_a_step_is_the_gradient_step(name):
    tr = TRAININGS[name]
    d, r = 7, 2
    rng = np.random.default_rng(0)
    pair = jnp.asarray(rng.normal(size=(2, d)))
    W = jnp.asarray(rng.normal(size=(r, d)))
    b = jnp.asarray(rng.normal(size=tr.skips))
    levels = jax.tree.map(lambda v: v[0], draw_levels(jr.key(3), tr, 1))

    def loss(weights):
        x1, x0 = pair
        total = 0.0
        for alpha, beta, p, which in zip(*levels, strict=True):
            at_level = Weights(weights.W, (which @ weights.b)[None])
            x = alpha * x0 + beta * x1
            f = denoise(at_level, x[None], tr.activation)[0]
            total += p * jnp.sum((f - x1) ** 2)
        return total

    at = Weights(W, b)
    dW, db = jax.grad(loss)(at)
    stepped = sgd_step(tr, at, levels, pair, norms(*pair[:, None])[0])
    W_expected = W - tr.rate * dW - tr.rate * tr.decay / d * W
    b_expected = b - tr.skip_ratio * tr.rate / d**2 * db
    np.testing.assert_allclose(stepped.W, W_expected, rtol=1e-12)
    np.testing.assert_allclose(stepped.b, b_expected, rtol=1e-12)


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_activations_keep_float32(name):
    u = jnp.linspace(-1.0, 1.0, 5, dtype=jnp.float32)
    assert ACTIVATIONS[name].value(u).dtype == jnp.float32
    assert ACTIVATIONS[name].slope(u).dtype == jnp.float32


def test_levels_are_drawn_with_their_probabilities():
    tr = TRAININGS["random levels"]
    levels = draw_levels(jr.key(0), tr, 20_000)
    share = float(jnp.mean(levels.alpha == tr.alpha[0]))
    assert abs(share - 0.2) < 4 * (0.2 * 0.8 / 20_000) ** 0.5
    assert levels.alpha.shape == (20_000, 1)
    assert float(levels.weight.min()) == float(levels.weight.max()) == 1.0


PIXELS = np.random.default_rng(0).normal(size=(60, 40)) + np.arange(60)[:, None] % 3
IMAGES = empirical_mixture(PIXELS, np.arange(60) % 3)[0]  # each coordinate a block


@pytest.mark.parametrize("data", [ONE_BLOCK, TWO_BLOCKS, curve(np.eye(5)), IMAGES])
def test_realised_law_has_the_moments_of_the_mixture(data):
    dim, n = 40, 40_000
    realised = realise(data, dim)
    x = realised.sample(jr.key(0), n)
    assert x.shape == (n, dim)
    assert x.dtype == jnp.float32
    V = realised.directions
    for s, (T, (a, width)) in enumerate(
        zip(data.gram, _explicit_columns(realised), strict=True)
    ):
        block = V[:, a : a + width]
        np.testing.assert_allclose(block @ block.T, T, atol=1e-5, err_msg=f"{s}")
    projected = realised.project(x)
    mean = data.weights @ data.latents @ data.total_gram
    error = jnp.std(projected, axis=0) / n**0.5
    assert (abs(jnp.mean(projected, axis=0) - mean) < 4.5 * error).all()
    power = jnp.sum(x**2, axis=1)
    means2 = jnp.einsum("cj,jk,ck->c", data.latents, data.total_gram, data.latents)
    expected = dim * data.mean_variance + data.weights @ means2
    assert abs(jnp.mean(power) - expected) < 4.5 * jnp.std(power) / n**0.5


def _explicit_columns(realised):
    widths = realised.explicit
    return list(zip(np.cumsum((0, *widths[:-1])), widths, strict=True))


def test_each_component_has_its_own_covariance():
    data = structured_mixture([0.5, 0.5], [[30.0], [-30.0]], [[0.25], [4.0]])
    realised = realise(data, 10)
    x = realised.draw(jr.key(0), 20_000)
    first = realised.project(x)[:, 0] > 0
    for which, variance in ((first, 0.25), (~first, 4.0)):
        assert abs(float(jnp.var(x[which, 5])) / variance - 1) < 0.06


def test_initial_weights_have_the_initial_overlaps():
    C = np.array([[0.3, 0.1, -0.2], [0.1, 0.0, 0.4]])
    realised = realise(TWO_BLOCKS, 50)
    tr = training()
    W = initial_weights(jr.key(0), realised, C)
    got = overlaps(weights_of(W, tr, 0.3), realised)
    expected = initial_overlaps(TWO_BLOCKS, C, skip=0.3)
    for a, b in zip(got, expected, strict=True):
        np.testing.assert_allclose(a, b, atol=2e-6)
    big = realise(TWO_BLOCKS, 20_000)
    W = initial_weights(jr.key(1), big, C, spread=0.5)
    q = overlaps(weights_of(W, tr), big).q
    expected = initial_overlaps(TWO_BLOCKS, C, spread=0.5).q
    np.testing.assert_allclose(q, expected, atol=0.02)
    assert (abs(q - initial_overlaps(TWO_BLOCKS, C).q)[:, 0, 0] > 0.05).all()


CASES = {
    "two blocks": (TWO_BLOCKS, "own skips"),
    "together": (ONE_BLOCK, "together"),
    "erf": (TWO_BLOCKS, "decay, erf, kappa"),
}
C = {2: np.array([[0.25, 0.0], [0.1, 0.2]]), 3: np.array([[0.2, 0, 0.1], [0, 0.3, 0]])}
DIM, STEPS, SEEDS = 30, 60, 1500


def both_ends(name):
    """Final overlaps, as rows over seeds: of networks in 30 dimensions, of the chain."""
    data, which = CASES[name]
    tr, realised = TRAININGS[which], realise(data, DIM)
    coefficients = C[data.gram.shape[-1]]
    W = initial_weights(jr.key(0), realised, coefficients, spread=0.3)
    at_start = weights_of(W, tr)

    def direct(key):
        weights, _ = learn_online(key, tr, realised, realised, at_start, STEPS, STEPS)
        return overlaps(weights, realised)

    keys = jr.split(jr.key(1), SEEDS)
    start = overlaps(at_start, realised)
    network = replicated(direct, "vmap")(keys)
    state = chain_state(realised, start)
    chained = jax.vmap(lambda key: learn_chain(key, tr, realised, state, STEPS, STEPS))(
        jr.split(jr.key(2), SEEDS)
    )
    last = jax.tree.map(lambda v: v[:, -1], chained)
    flat = lambda o: np.concatenate([np.reshape(v, (SEEDS, -1)) for v in o], axis=1)
    return flat(network), flat(last)


def deviations(x, y):
    """Differences of means and of standard deviations, in standard errors."""
    se = lambda v: v.std(0) / SEEDS**0.5
    spread = lambda v: (v - v.mean(0)) ** 2
    z = lambda a, b: abs(a.mean(0) - b.mean(0)) / np.hypot(se(a), se(b))
    return z(x, y), z(spread(x), spread(y))


@pytest.mark.parametrize(
    "name",
    [
        "two blocks",
        *(pytest.param(n, marks=pytest.mark.slow) for n in ("together", "erf")),
    ],
)
def test_the_chain_has_the_law_of_the_networks(name):
    of_means, of_spreads = deviations(*both_ends(name))
    assert of_means.max() < 4
    assert of_spreads.max() < 4


def test_the_comparison_sees_a_missing_degree_of_freedom(monkeypatch):
    # a thirtieth of the coordinates forgotten: the deviation must show
    chi2 = chain._chi2
    monkeypatch.setattr(chain, "_chi2", lambda key, df, n: chi2(key, df - 1, n))
    jax.clear_caches()
    of_means, _ = deviations(*both_ends("two blocks"))
    jax.clear_caches()
    assert of_means.max() > 5


def test_records_begin_at_the_start_and_do_not_depend_on_how_often():
    tr, realised = TRAININGS["official"], realise(ONE_BLOCK, 20)
    at_start = weights_of(initial_weights(jr.key(0), realised, C[2]), tr)
    go = lambda every: learn_online(
        jr.key(1), tr, realised, realised, at_start, 12, every
    )
    weights, history = go(4)
    assert history.q.shape == (4, 1, 2, 2)
    for got, start in zip(history, overlaps(at_start, realised), strict=True):
        np.testing.assert_array_equal(got[0], start)
    for got, end in zip(history, overlaps(weights, realised), strict=True):
        np.testing.assert_allclose(got[-1], end, rtol=1e-12)
    assert weights.W.dtype == jnp.float32


def test_training_that_diverges_is_visible():
    tr = training(rate=1e4, activation="relu")
    realised = realise(ONE_BLOCK, 20)
    W = initial_weights(jr.key(0), realised, C[2])
    weights, _ = learn_online(
        jr.key(1), tr, realised, realised, weights_of(W, tr), 200, 200
    )
    assert not bool(jnp.isfinite(weights.W).all())


def at_start():
    tr = training()
    realised = realise(ONE_BLOCK, 20)
    return tr, realised, weights_of(initial_weights(jr.key(0), realised, C[2]), tr)


@pytest.mark.parametrize(
    ("call", "says"),
    [
        (lambda: realise(ONE_BLOCK, 0), "dim must be an integer >= 1, got 0"),
        (lambda: realise(TWO_BLOCKS, 1), "dim must be such that round"),
        (
            lambda: realise(curve(np.eye(5)), 4),
            "dim must give block 0 at least 5 coordinates for its directions, got 4",
        ),
        (
            lambda: initial_weights(jr.key(0), at_start()[1], np.zeros((0, 2))),
            "width r must be >= 1, got 0",
        ),
        (
            lambda: weights_of(np.full((1, 4), np.nan), training()),
            "W must be finite, got nan",
        ),
        (
            lambda: learn_online(jr.key(0), *_with(at_start(), np.inf), 4, 4),
            "b must be finite, got inf",
        ),
        (
            lambda: learn_online(jr.key(0), *_with(at_start()), 0, 1),
            "steps must be an integer >= 1, got 0",
        ),
        (
            lambda: learn_online(jr.key(0), *_with(at_start()), 10, 4),
            "steps must be a multiple of record_every = 4, got 10",
        ),
        (
            lambda: chain_state(
                realise(ONE_BLOCK, 4), initial_overlaps(ONE_BLOCK, C[2])
            ),
            "dim must give block 0 more than J . r = 4 coordinates, got 4",
        ),
        (
            lambda: chain_state(
                realise(ONE_BLOCK, 20),
                initial_overlaps(ONE_BLOCK, C[2])._replace(q=jnp.zeros((1, 2, 2))),
            ),
            "start must be overlaps that some weights have",
        ),
    ],
)  # fmt: skip
def test_bad_input_is_refused_in_one_line(call, says):
    with pytest.raises(InputError, match=says):
        call()


def _with(start, b=0.0):
    tr, realised, weights = start
    return tr, realised, realised, weights._replace(b=jnp.full(1, b, jnp.float32))
