"""Intrinsic dimension: its formula, known dimensions, duplicates, its error."""

import numpy as np
import pytest
from point_sets import rotation

from sim.measures.intrinsic_dimension import intrinsic_dimension
from sim.measures.neighbours import nearest_distances
from theory.validation import InputError


def spacing(x, k=5):
    return nearest_distances(x, x, k, exclude_self=True).distance


def test_two_neighbours_have_a_closed_form():
    r = np.array([[1.0, 2.0], [1.0, 3.0], [2.0, 5.0]])
    expected = (3 - 1) / (np.log(2) + np.log(3) + np.log(2.5))
    assert float(intrinsic_dimension(r).value) == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("dim", [1, 2, 5])
def test_cubes_in_many_coordinates(dim):
    rng = np.random.default_rng(0)
    x = rng.random((2000, dim)) @ rotation(12, 0)[:dim]
    m, error = intrinsic_dimension(spacing(x))
    assert abs(float(m) - dim) < 5.0 * float(error) + 0.05 * dim  # corners


def test_a_circle_has_one():
    angle = 2.0 * np.pi * np.random.default_rng(1).random(1000)
    x = np.stack([np.cos(angle), np.sin(angle)], axis=1) @ rotation(16, 1)[:2]
    m, error = intrinsic_dimension(spacing(x))
    assert abs(float(m) - 1.0) < 4.0 * float(error)


def test_duplicates_say_nothing():
    x = np.random.default_rng(2).standard_normal((400, 3))
    alone = spacing(x)
    doubled = np.concatenate([alone, [[0.0, 1.0, 1.0, 1.0, 1.0]] * 50])
    whole, left = intrinsic_dimension(alone), intrinsic_dimension(doubled)
    assert float(left.value) == pytest.approx(float(whole.value), rel=1e-12)
    assert np.isnan(float(intrinsic_dimension(np.zeros((10, 3))).value))


def test_the_error_is_that_of_repeated_samples():
    rng = np.random.default_rng(3)
    found = [
        [float(a) for a in intrinsic_dimension(spacing(rng.standard_normal((300, 2))))]
        for _ in range(60)
    ]
    values, errors = np.array(found).T
    assert 0.6 < np.mean(errors) / np.std(values) < 1.3  # neighbours share distances


def test_one_neighbour_is_refused():
    with pytest.raises(InputError, match="neighbours"):
        intrinsic_dimension(np.ones((5, 1)))
