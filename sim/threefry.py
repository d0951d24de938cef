r"""JAX's random bits, the same ones, faster on a CPU.

Every random number comes from Threefry-2x32 with 20 rounds (Salmon, Moraes, Dror, Shaw,
*Parallel random numbers: as easy as 1, 2, 3*, 2011). JAX compiles it for CPUs as a loop over
groups of rounds, each of which passes over memory; written out, the rounds are one pass.

Between groups stands a barrier. LLVM's vectoriser (that of jaxlib 0.12) follows every path
from a result back to the counters, of which each round makes several times as many: inside a
loop that it vectorises, twenty rounds in one piece are never compiled.
"""

import jax
import jax.numpy as jnp
from jax.extend.random import threefry2x32_p
from jax.interpreters import mlir
from jaxtyping import Array, UInt32

__all__ = ["threefry", "write_out_threefry"]

_ROTATIONS = ((13, 15, 26, 6), (17, 29, 16, 24))
_PARITY = 0x1BD11BDA


def threefry(
    key_0: UInt32[Array, "*n"],
    key_1: UInt32[Array, "*n"],
    x_0: UInt32[Array, "*n"],
    x_1: UInt32[Array, "*n"],
) -> tuple[UInt32[Array, "*n"], UInt32[Array, "*n"]]:
    """Threefry-2x32-20 of the counters x under the keys, entry by entry."""
    keys = (key_0, key_1, key_0 ^ key_1 ^ jnp.uint32(_PARITY))
    x_0, x_1 = x_0 + keys[0], x_1 + keys[1]
    for group in range(5):
        for r in _ROTATIONS[group % 2]:
            x_0 = x_0 + x_1
            x_1 = x_0 ^ ((x_1 << r) | (x_1 >> (32 - r)))
        x_0 = x_0 + keys[(group + 1) % 3]
        x_1 = x_1 + keys[(group + 2) % 3] + jnp.uint32(group + 1)
        x_0, x_1 = jax.lax.optimization_barrier((x_0, x_1))
    return x_0, x_1


def write_out_threefry() -> None:
    """Let this process compile `jax.random` for CPUs with the rounds written out.

    No bit of any random number changes, and nothing on other platforms. What was compiled
    before is forgotten, and compiled anew when it is called again.
    """
    rule = mlir.lower_fun(threefry, multiple_results=True)
    mlir.register_lowering(threefry2x32_p, rule, platform="cpu")
    jax.clear_caches()
