"""The energy distance against SciPy's, its p-values against what they promise."""

import jax.random as jr
import numpy as np
import pytest
from scipy import stats
from scipy.spatial.distance import cdist, pdist

from sim.measures.two_sample import energy_test
from theory.validation import InputError


def test_the_statistic_is_scipys_without_own_pairs():
    rng = np.random.default_rng(0)
    x, y = rng.standard_normal((30, 1)), rng.standard_normal((20, 1)) + 0.3
    T, _ = energy_test(jr.key(0), x, y, 3)
    squared = stats.energy_distance(x[:, 0], y[:, 0]) ** 2  # with own pairs
    own = 2.0 * pdist(x).sum() * (1 / 30**2 - 1 / (30 * 29))
    own += 2.0 * pdist(y).sum() * (1 / 20**2 - 1 / (20 * 19))
    assert float(T) == pytest.approx(squared + own, rel=1e-9)


def test_unequal_sizes_in_many_coordinates():
    rng = np.random.default_rng(1)
    x, y = rng.standard_normal((25, 40)), rng.standard_normal((60, 40))
    T, _ = energy_test(jr.key(0), x, y, 3)
    mean = lambda a: 2.0 * pdist(a).sum() / (len(a) * (len(a) - 1))
    assert float(T) == pytest.approx(
        2 * cdist(x, y).mean() - mean(x) - mean(y), rel=1e-9
    )


def test_p_values_of_one_law_are_uniform():
    rng = np.random.default_rng(2)
    p = []
    for k in range(150):
        x, y = rng.standard_normal((2, 30, 2))
        p.append(float(energy_test(jr.key(k), x, y, 99)[1]))
    assert stats.kstest(p, "uniform").pvalue > 0.01
    assert np.mean(np.array(p) <= 0.05) < 0.05 + 3.0 * np.sqrt(0.05 * 0.95 / 150)


def test_another_law_has_the_smallest_p_value():
    rng = np.random.default_rng(3)
    x, y = rng.standard_normal((2, 100, 2))
    assert float(energy_test(jr.key(0), x, y + 1.0, 199)[1]) == 1 / 200


def test_equal_points_cannot_be_told_apart():
    x = np.ones((10, 2))
    T, p = energy_test(jr.key(0), x, x, 19)
    assert float(T) == pytest.approx(0.0, abs=1e-12)
    assert float(p) == 1.0


def test_bad_input_is_refused():
    x = np.zeros((10, 2))
    with pytest.raises(InputError, match="dimension"):
        energy_test(jr.key(0), x, np.zeros((10, 3)))
    with pytest.raises(InputError, match="two points"):
        energy_test(jr.key(0), x, x[:1])
    with pytest.raises(InputError, match="permutations"):
        energy_test(jr.key(0), x, x, 0)
