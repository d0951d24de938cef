"""Random bits: those of the cipher, those of JAX, and programs that compile."""

import subprocess
import sys

import jax
import jax.numpy as jnp
import jax.random as jr
import numpy as np
import pytest

from sim.threefry import threefry

DRAWS = """
def draws(key):
    keys = jr.split(jr.fold_in(key, 7), 4)
    return (
        jr.bits(keys[0], (1_001,)),
        jr.bits(keys[1], (3, 5), "uint8"),
        jr.normal(keys[2], (17, 3), jnp.float64),
        jr.permutation(keys[3], 100),
    )
"""
SETUP = """
import jax, jax.numpy as jnp, jax.random as jr, numpy as np
jax.config.update("jax_enable_x64", True)
"""


@pytest.mark.parametrize(
    ("key", "counter", "bits"),
    [
        ((0x00000000, 0x00000000), (0x00000000, 0x00000000), (0x6B200159, 0x99BA4EFE)),
        ((0xFFFFFFFF, 0xFFFFFFFF), (0xFFFFFFFF, 0xFFFFFFFF), (0x1CB996FC, 0xBB002BE7)),
        ((0x13198A2E, 0x03707344), (0x243F6A88, 0x85A308D3), (0xC4923A9C, 0x483DF7A0)),
    ],
)
def test_the_bits_are_those_published_with_the_cipher(key, counter, bits):
    found = threefry(*map(jnp.uint32, (*key, *counter)))
    assert tuple(map(int, found)) == bits


def test_no_draw_differs_from_jaxs_own(tmp_path):
    write = f"np.savez({str(tmp_path / 'own.npz')!r}, *jax.jit(draws)(jr.key(3)))"
    subprocess.run([sys.executable, "-c", SETUP + DRAWS + write], check=True)
    names = {"jr": jr, "jnp": jnp}
    exec(DRAWS, names)
    with np.load(tmp_path / "own.npz") as own:
        for ours, theirs in zip(
            jax.jit(names["draws"])(jr.key(3)), own.values(), strict=True
        ):
            np.testing.assert_array_equal(ours, theirs)


def test_the_loop_is_gone_and_the_rounds_come_in_pieces():
    """In one piece, jaxlib 0.12 never compiles some of the programs that draw."""
    if jax.default_backend() != "cpu":
        pytest.skip("other platforms keep their own kernels")
    text = jax.jit(jr.bits, static_argnums=1).lower(jr.key(1), (64,)).as_text()
    assert "while" not in text
    assert text.count("optimization_barrier") == 5
