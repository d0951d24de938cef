import jax
import jax.numpy as jnp
import jax.random as jr
import numpy as np
import pytest
from sklearn.datasets import load_digits
from sklearn.decomposition import PCA

from sim.laws import known_as
from sim.targets import (
    anisotropic,
    bimodal,
    digits,
    five_modes,
    grid_of_modes,
    ring,
    swiss_roll,
)
from theory.validation import InputError

N = 20_000
MIXTURES = {
    "five modes": five_modes(),
    "bimodal": bimodal(weight=0.3),
    "grid": grid_of_modes(),
    "anisotropic": anisotropic(dim=4),
}
TARGETS = {**MIXTURES, "swiss roll": swiss_roll(), "digits": digits()}

sample = jax.jit(lambda target, key, n: target.sample(key, n), static_argnums=2)


@pytest.mark.parametrize("name", ["bimodal", "swiss roll", "digits"])
def test_samples_are_float32_reproducible_and_mappable(name):
    target = TARGETS[name]
    both = jax.jit(jax.vmap(lambda seed: target.sample(jr.key(seed), 50)))(np.arange(2))
    assert both.shape == (2, 50, target.dim)
    assert both.dtype == jnp.float32
    alone = sample(target, jr.key(1), 50)
    np.testing.assert_allclose(both[1], alone, atol=1e-6)
    assert not np.array_equal(both[0], both[1])


@pytest.mark.parametrize("target", MIXTURES.values(), ids=MIXTURES)
def test_mixture_samples_have_the_moments_of_the_law(target):
    x = np.asarray(sample(target, jr.key(0), N), float)
    assert known_as(target.law) == "exact"
    products = np.concatenate([x, (x[:, :, None] * x[:, None, :]).reshape(N, -1)], 1)
    exact = np.concatenate([target.law.mean(), target.law.second_moment().ravel()])
    error = products.mean(0) - exact
    standard_error = products.std(0) / np.sqrt(N)
    assert np.all(np.abs(error) < 5 * standard_error)


def test_five_modes_are_the_published_geometry():
    # mean square of the means 25.6, second moment 29.2 in d = 10: specification, Sec. 9
    law = five_modes().law
    assert law.dim == 10
    assert float(jnp.sum(law.weights[:, None] * law.means**2)) == pytest.approx(25.6)
    assert float(jnp.trace(law.second_moment())) == pytest.approx(29.2)


def test_anisotropic_covariances_are_conditioned_as_asked_and_differ():
    covariances = np.asarray(anisotropic(dim=3, condition=16.0).law.covariances)
    eigenvalues = np.linalg.eigvalsh(covariances)
    np.testing.assert_allclose(eigenvalues, [[1 / 16, 1 / 4, 1]] * 2, rtol=1e-12)
    assert np.abs(covariances[0] - covariances[1]).max() > 0.1


@pytest.mark.parametrize(("target", "k"), [(ring(7), 2), (swiss_roll(7), 3)])
def test_embedding_is_an_isometry_and_noise_fills_the_rest(target, k):
    E = np.asarray(target.embedding, float)
    np.testing.assert_allclose(E.T @ E, np.eye(k), atol=1e-6)
    x = np.asarray(sample(target, jr.key(0), N), float)
    outside = x - x @ E @ E.T  # noise in the d - k other directions
    square = np.sum(outside**2, axis=1) / 0.05**2
    assert abs(square.mean() - (7 - k)) < 5 * square.std() / np.sqrt(N)
    assert target.law is None


def test_ring_without_noise_is_a_circle():
    target = ring(dim=12, noise=0.0)
    x = np.asarray(sample(target, jr.key(0), N) @ target.embedding, float)
    np.testing.assert_allclose(np.linalg.norm(x, axis=1), np.sqrt(2), atol=1e-5)
    assert np.all(np.abs(x.mean(0)) < 5 / np.sqrt(N))


def test_swiss_roll_without_noise_is_a_spiral_strip():
    target = swiss_roll(dim=12, noise=0.0)
    x, y, strip = np.asarray(sample(target, jr.key(0), N) @ target.embedding, float).T
    s = 8 * np.hypot(x, y)
    np.testing.assert_allclose(x, s / 8 * np.cos(s), atol=1e-4)
    low, high = 1.5 * np.pi, 4.5 * np.pi
    assert low - 1e-4 < s.min() < s.max() < high + 1e-4
    spread = (high - low) / np.sqrt(12)
    assert abs(s.mean() - (low + high) / 2) < 5 * spread / np.sqrt(N)
    assert abs(strip.mean()) < 5 / np.sqrt(3 * N)


def test_seed_turns_the_embedding():
    assert not np.allclose(ring(seed=0).embedding, ring(seed=1).embedding)
    assert np.array_equal(ring(seed=0).embedding, ring(seed=0).embedding)


def test_digits_are_the_images_each_drawn_once():
    target = digits()
    drawn = np.asarray(sample(target, jr.key(0), 1797))
    expected = load_digits().data / 8 - 1
    order = np.lexsort(drawn.T), np.lexsort(expected.T)
    np.testing.assert_array_equal(drawn[order[0]], expected[order[1]])
    assert (drawn.min(), drawn.max()) == (-1.0, 1.0)


def test_projected_digits_are_the_principal_components():
    images = np.asarray(digits(5).images)
    reference = PCA(5, svd_solver="full").fit_transform(load_digits().data / 8)
    signs = np.sign(np.sum(images * reference, axis=0))
    np.testing.assert_allclose(images * signs, reference, atol=1e-4)


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: five_modes(sigma=0.0), "sigma must be positive and finite, got 0"),
        (lambda: five_modes(distance=np.inf), "distance must be finite, got inf"),
        (lambda: five_modes(dim=1), "dim must be >= 2, got 1"),
        (lambda: bimodal(weight=1.5), "weights must be in"),
        (lambda: grid_of_modes(side=0), "side must be >= 1, got 0"),
        (lambda: anisotropic(condition=0.5), "condition must be in"),
        (lambda: ring(dim=1), "dim must be >= 2, got 1"),
        (lambda: swiss_roll(dim=2), "dim must be >= 3, got 2"),
        (lambda: ring(noise=-0.1), "noise must be in"),
        (lambda: digits(65), r"components must be in \[1, 64\], got 65"),
        (lambda: digits().sample(jr.key(0), 1798), r"n must be in \[1, 1797\]"),
    ],
)
def test_bad_settings_are_refused(build, message):
    with pytest.raises(InputError, match=message):
        build()
