"""Spheres, tori, hidden manifolds and the eight modes: where they lie, and how evenly."""

import jax
import jax.numpy as jnp
import jax.random as jr
import numpy as np
import pytest

from sim.laws import known_as
from sim.targets import eight_modes, hidden_manifold, ring, sphere, torus
from theory.memorization.entropy import linear_manifold_entropy
from theory.validation import InputError

N = 20_000
TARGETS = {
    "sphere": sphere(),
    "torus": torus(),
    "hidden, tanh": hidden_manifold(),
    "hidden, linear": hidden_manifold(12, 3, "identity", seed=2),
    "eight modes": eight_modes(),
}

sample = jax.jit(lambda target, key, n: target.sample(key, n), static_argnums=2)


def on_manifold(target):
    """Draws in the coordinates of the flat manifold."""
    return np.asarray(sample(target, jr.key(0), N) @ target.embedding, float)


def close_to(values, expected):
    """Whether means over the rows are the expected ones within five standard errors."""
    return np.abs(values.mean(0) - expected) < 5 * values.std(0) / np.sqrt(len(values))


@pytest.mark.parametrize("name", TARGETS)
def test_samples_are_float32_reproducible_and_mappable(name):
    target = TARGETS[name]
    both = jax.jit(jax.vmap(lambda seed: target.sample(jr.key(seed), 50)))(np.arange(2))
    assert both.shape == (2, 50, target.dim)
    assert both.dtype == jnp.float32
    np.testing.assert_allclose(both[1], sample(target, jr.key(1), 50), atol=1e-6)
    assert not np.array_equal(both[0], both[1])


@pytest.mark.parametrize("radius", [1.0, 2.5])
def test_sphere_is_uniform_on_its_radius(radius):
    target = sphere(dim=9, seed=3, radius=radius)
    E = np.asarray(target.embedding, float)
    np.testing.assert_allclose(E.T @ E, np.eye(3), atol=1e-6)
    x = on_manifold(target)
    np.testing.assert_allclose(np.linalg.norm(x, axis=1), radius, rtol=1e-5)
    # each coordinate is uniform on [-radius, radius] (Archimedes)
    assert np.all(close_to(x, 0.0))
    assert np.all(close_to(x**2, radius**2 / 3))
    assert np.all(close_to(x**4, radius**4 / 5))
    assert not np.any(close_to(x**2, radius**2 / 2))  # a circle's
    products = np.stack([x[:, 0] * x[:, 1], x[:, 1] * x[:, 2]], axis=1)
    assert np.all(close_to(products, 0.0))
    assert target.law is None


def test_torus_is_two_circles_that_turn_independently():
    x = on_manifold(torus(dim=7, seed=1))
    radii = np.hypot(x[:, ::2], x[:, 1::2])
    np.testing.assert_allclose(radii, np.tile([1.0, 0.5], (N, 1)), rtol=1e-5)
    first, second = (np.arctan2(x[:, k + 1], x[:, k]) for k in (0, 2))
    waves = [np.cos(j * first + k * second) for j in range(3) for k in range(-2, 3)]
    waves = np.stack(waves, axis=1)[:, 3:]  # without the constant and its mirror images
    assert np.all(close_to(waves, 0.0))
    together = np.cos(first - (first + 0.3 * second))  # that would be seen
    assert not close_to(together, 0.0)


def test_ring_has_the_radius_it_is_given():
    x = on_manifold(ring(dim=5, noise=0.0, radius=2.0))
    np.testing.assert_allclose(np.linalg.norm(x, axis=1), 2.0, rtol=1e-5)
    same = ring(dim=5, noise=0.0), ring(dim=5, noise=0.0, radius=2.0**0.5)
    draws = [np.asarray(sample(target, jr.key(0), 9)) for target in same]
    np.testing.assert_array_equal(*draws)


def test_noise_is_added_in_every_direction():
    clean, noisy = sphere(dim=6), sphere(dim=6, noise=0.1)
    x, y = (
        np.asarray(sample(target, jr.key(0), N), float) for target in (clean, noisy)
    )
    square = (y - x) ** 2  # the same key draws the same points
    assert np.all(close_to(square, 0.01))
    assert not np.any(close_to(square, 0.011))


def test_equal_settings_are_one_program():
    for build in (sphere, torus, ring):
        one, two = (jax.tree.structure(build(seed=seed)) for seed in (0, 1))
        assert one == two
    assert jax.tree.structure(ring(radius=1.0)) != jax.tree.structure(ring())


def test_linear_hidden_manifold_is_gaussian_on_its_subspace():
    target = TARGETS["hidden, linear"]
    A = np.asarray(target.mixing, float)
    x = np.asarray(sample(target, jr.key(0), N), float)
    z, off = np.linalg.lstsq(A, x.T, rcond=None)[:2]
    assert np.max(off) < 1e-10  # squared, float32
    products = (z.T[:, :, None] * z.T[:, None, :]).reshape(N, -1)
    assert np.all(close_to(products, np.eye(3).ravel()))
    # minus the mean log density on the subspace is its entropy
    log_volume = 0.5 * np.linalg.slogdet(A.T @ A)[1]
    minus_log = 0.5 * np.sum(z**2, axis=0) + 1.5 * np.log(2 * np.pi) + log_volume
    entropy = float(linear_manifold_entropy(A))
    assert close_to(minus_log, entropy)
    assert not close_to(minus_log, entropy - log_volume)


def test_hidden_coordinates_pass_through_the_activation():
    linear = hidden_manifold(8, 3, "identity", seed=2)
    curved = hidden_manifold(8, 3, "tanh", seed=2)
    x, y = (np.asarray(sample(target, jr.key(0), 50)) for target in (linear, curved))
    np.testing.assert_allclose(np.tanh(x), y, atol=1e-6)
    assert np.linalg.matrix_rank(x, tol=1e-3) == 3
    assert np.linalg.matrix_rank(y, tol=1e-3) > 3
    wide = hidden_manifold(2000, 4, "identity", seed=0)
    variance = np.sum(np.asarray(wide.mixing, float) ** 2, axis=1)  # of each coordinate
    assert close_to(variance, 1.0)
    assert wide.law is None


def test_eight_modes_are_the_specified_ones():
    law = eight_modes().law
    assert known_as(law) == "exact"
    means = np.random.default_rng(123).standard_normal((8, 8)) / 2
    np.testing.assert_allclose(law.means, means, rtol=1e-14)
    np.testing.assert_allclose(law.weights, 0.125)
    x = np.asarray(sample(eight_modes(), jr.key(0), N), float)
    assert np.all(close_to(x, np.asarray(law.mean())))
    squares = np.asarray(jnp.diag(law.second_moment()))
    assert np.all(close_to(x**2, squares))
    # the mean square, mode by mode: 0.15^2 about each mean
    np.testing.assert_allclose(squares, 0.15**2 + np.mean(means**2, axis=0), rtol=1e-12)


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: sphere(dim=2), "dim must be >= 3, got 2"),
        (lambda: sphere(radius=0.0), "radius must be positive and finite, got 0"),
        (lambda: sphere(noise=np.nan), "noise must be in .*, got nan"),
        (lambda: torus(dim=3), "dim must be >= 4, got 3"),
        (lambda: torus(radii=(1.0, -1.0)), "radii must be positive and finite, got -1"),
        (lambda: torus(radii=(1.0,)), r"radii must be two, got \(1.0,\)"),
        (lambda: ring(radius=np.inf), "radius must be positive and finite, got inf"),
        (lambda: hidden_manifold(4, 5), "dim must be >= intrinsic = 5, got 4"),
        (lambda: hidden_manifold(4, 0), "intrinsic must be >= 1, got 0"),
        (
            lambda: hidden_manifold(4, 2, "relu"),
            "activation must be one of identity, t",
        ),
    ],
)
def test_bad_settings_are_refused_in_one_line(build, message):
    with pytest.raises(InputError, match=message) as refused:
        build()
    assert "\n" not in str(refused.value)
