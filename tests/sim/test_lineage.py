"""Lines of copies, and how often two points share one."""

from types import SimpleNamespace

import jax.numpy as jnp
import jax.random as jr
import numpy as np
import pytest

from sim.measures.lineage import Lineage
from theory.validation import InputError

KEY = jr.key(0)


def found(points, radius=0.1):
    of = Lineage(radius)(KEY, SimpleNamespace(data=jnp.asarray(points, jnp.float32)))
    return float(of["lines"]), float(of["shared_ancestor"])


def test_lines_are_counted_as_they_are():
    points = np.array([0, 0.01, 5, 5.02, 5.04, 9])[:, None]
    lines, shared = found(points)
    assert lines == pytest.approx(3 / 6)
    assert shared == pytest.approx((2 + 6) / 30)  # ordered pairs


def test_all_different_and_all_alike():
    apart = np.arange(2000.0)[:, None] * [1.0, 2.0]
    assert found(apart) == (pytest.approx(1.0), 0.0)
    assert found(np.zeros((2000, 2))) == (pytest.approx(1 / 2000), pytest.approx(1.0))


def test_a_radius_that_joins_different_points_is_seen():
    points = np.array([0, 0.01, 5, 5.02, 5.04, 9])[:, None]
    assert found(points, radius=20.0)[0] == pytest.approx(1 / 6)


def test_no_radius_is_refused():
    with pytest.raises(InputError, match="radius"):
        Lineage(0.0)
