import jax
import jax.numpy as jnp
import jax.random as jr
import numpy as np
import pytest
from jax.extend.random import threefry_2x32

from sim.threefry import threefry, write_out_threefry


def test_the_written_out_rounds_are_jaxs_own():
    rng = np.random.default_rng(0)
    key = rng.integers(0, 2**32, 2, dtype=np.uint32)
    x = rng.integers(0, 2**32, 2_000, dtype=np.uint32)
    ours = threefry(jnp.uint32(key[0]), jnp.uint32(key[1]), *jnp.split(x, 2))
    theirs = threefry_2x32(jnp.asarray(key), jnp.asarray(x))
    np.testing.assert_array_equal(jnp.concatenate(ours), theirs)
    other = threefry(jnp.uint32(key[0] ^ 1), jnp.uint32(key[1]), *jnp.split(x, 2))
    assert np.mean(np.asarray(jnp.concatenate(other)) == np.asarray(theirs)) < 0.01


def test_no_draw_changes_and_the_loop_is_gone():
    def draws(key):
        keys = jr.split(jr.fold_in(key, 7), 4)
        return (
            jr.bits(keys[0], (1_001,)),
            jr.bits(keys[1], (3, 5), "uint8"),
            jr.normal(keys[2], (17, 3), jnp.float64),
            jr.permutation(keys[3], 100),
        )

    def loops():
        return jax.jit(jr.bits, static_argnums=1).lower(jr.key(1), (64,)).as_text()

    before = jax.jit(draws)(jr.key(3))
    write_out_threefry()
    jax.tree.map(np.testing.assert_array_equal, before, jax.jit(draws)(jr.key(3)))
    if jax.default_backend() != "cpu":
        pytest.skip("other platforms keep their own kernels")
    assert "while" not in loops()
