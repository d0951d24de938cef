"""Roots of many monotone functions at once."""

import jax
import jax.numpy as jnp
import numpy as np

from theory.roots import bisect


def test_square_roots_to_the_last_bits_and_ends_where_nothing_turns():
    a = jnp.array([2.0, 9.0, 1e-6, 1e9])
    low, high = jnp.zeros(4), jnp.full(4, 1e3)
    found = jax.jit(lambda a: bisect(lambda x: x**2 > a, low, high))(a)
    np.testing.assert_allclose(found[:3], np.sqrt(a[:3]), rtol=1e-12)
    assert found[3] == 1e3  # beyond the bracket
    assert bisect(lambda x: x > -1.0, low, high)[0] < 1e-15
