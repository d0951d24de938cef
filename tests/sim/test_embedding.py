"""Laws as vectors: products without bias, their errors, and what the norms are."""

import jax.numpy as jnp
import numpy as np
import pytest
from scipy.spatial.distance import cdist

from sim.measures.embedding import (
    embedded,
    energy_kernel,
    moment_kernel,
    nearness_kernel,
)
from theory.divergence import chi2_gaussian
from theory.validation import InputError

KERNELS = {
    "energy": (energy_kernel, lambda x, y: -cdist(x, y)),
    "moments": (
        moment_kernel,
        lambda x, y: (
            x @ y.T
            + 0.5
            * ((x @ y.T) ** 2 - np.sum(x**2, 1)[:, None] - np.sum(y**2, 1) + x.shape[1])
        ),
    ),
    "nearness": (nearness_kernel, lambda x, y: 1.0 * (cdist(x, y) <= 1.0)),
}


def directly(sets, kernel):
    """All pairs of different points, set by set."""
    S, n = sets.shape[:2]
    K = np.array([[kernel(x, y).mean() for y in sets] for x in sets])
    for s in range(S):
        table = kernel(sets[s], sets[s])
        K[s, s] = (table.sum() - np.trace(table)) / (n * (n - 1))
    return K


@pytest.mark.parametrize("name", KERNELS)
def test_products_are_means_over_pairs(name):
    kernel, plain = KERNELS[name]
    sets = np.random.default_rng(0).standard_normal((3, 20, 2))
    found = embedded(sets, kernel, groups=5)
    np.testing.assert_allclose(
        found.value, directly(sets, plain), rtol=1e-9, atol=1e-12
    )
    groups = sets.reshape(3, 5, 4, 2)
    for j in range(5):
        left = np.delete(groups, j, axis=1).reshape(3, 16, 2)
        np.testing.assert_allclose(
            found.without[j], directly(left, plain), rtol=1e-9, atol=1e-12
        )


def test_squared_distances_have_no_bias_and_the_right_error():
    rng = np.random.default_rng(1)
    truth = 3 * 0.2**2 + 0.5 * (3 * 0.2**2) ** 2  # mean 0.2 in three coordinates
    sets = rng.standard_normal((200, 2, 40, 3))
    sets[:, 1] += 0.2
    values, errors = [], []
    for pair in sets:
        found = embedded(pair, moment_kernel, groups=10)
        square = found.estimate(lambda K: K[0, 0] + K[1, 1] - 2.0 * K[0, 1])
        values.append(float(square.value))
        errors.append(float(square.standard_error))
    spread = np.std(values)
    assert abs(np.mean(values) - truth) < 4.0 * spread / np.sqrt(200)
    assert 0.9 < np.mean(errors) / spread < 1.4  # a jackknife errs upwards
    own = 2.0 * (3 + 0.5 * (2 * 3 + 2 * 3)) / 40  # pairs of a point with itself
    assert abs(np.mean(values) + own - truth) > 4.0 * spread / np.sqrt(200)


def test_the_norm_of_moments_is_chi_square_to_second_order():
    mean, var = 0.02, 1.03
    square = mean**2 + 0.5 * (var + mean**2 - 1.0) ** 2
    exact = float(chi2_gaussian(mean, var, 0.0, 1.0))
    assert square == pytest.approx(exact, rel=0.05)


def test_a_mixture_is_nearer_by_the_share_it_keeps():
    rng = np.random.default_rng(2)
    p, q = rng.standard_normal((2, 4000, 2))
    q = q + 0.5
    mixed = np.where(rng.random(4000)[:, None] < 0.4, rng.standard_normal((4000, 2)), q)
    mixed = rng.permutation(mixed)
    sets = np.stack([p, rng.standard_normal((4000, 2)) + 0.5, mixed])
    found = embedded(sets, energy_kernel)
    of = lambda s: lambda K: K[0, 0] + K[s, s] - 2.0 * K[0, s]
    gap = found.estimate(lambda K: of(2)(K) - 0.6**2 * of(1)(K))
    assert abs(float(gap.value)) < 4.0 * float(gap.standard_error)
    linear = found.estimate(lambda K: of(2)(K) - 0.6 * of(1)(K))
    assert abs(float(linear.value)) > 4.0 * float(linear.standard_error)


def test_the_spread_is_the_variance_of_one_point():
    x = np.random.default_rng(3).standard_normal((1, 2000, 3))
    spread = float(embedded(x, moment_kernel).spread[0])
    assert spread == pytest.approx(3 + 0.5 * (2 * 3 + 3 * 2), rel=0.1)


def test_other_shapes_are_refused():
    x = jnp.zeros((2, 30, 2))
    with pytest.raises(InputError, match="multiple of 20"):
        embedded(x, energy_kernel)
    with pytest.raises(InputError, match="groups"):
        embedded(x, energy_kernel, groups=1)
