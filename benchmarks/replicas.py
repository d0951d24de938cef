"""What the replica mesh gains: ``python -m benchmarks.replicas --width 64 128``.

Trains the same networks through the mesh (mapped or vmapped inside a device) and one
after the other on the default device, alternating within one process so that other work
on the machine hits all of them alike. Compilation is not counted. Prints the fastest
round of each, its ratio to one by one, and the ratio of the medians. What the mesh must
reach on two idle cores: at most 0.55 at width 64, at most 1 at width 128.
"""

import argparse
import os
import time
from collections.abc import Callable

import jax
import jax.numpy as jnp
import jax.random as jr
import numpy as np

from sim.learners.network import Network
from sim.replicas import replicated, set_cpu_devices
from sim.targets import bimodal
from theory.precision import enable_x64
from theory.processes import ou

POINTS = 10_000


def compare(width: int, replicas: int, rounds: int) -> dict[str, np.ndarray]:
    """Seconds for all replicas, (rounds,), for each way of running them."""
    network, process = Network(width=width, steps=1000, segments=1), ou()

    def train(key, data):
        state = network.init(jr.fold_in(key, 0), data, None, process)
        return network.finish(network.advance(jr.fold_in(key, 1), state, data, process))

    keys = jr.split(jr.key(0), replicas)
    target = bimodal()
    data = jnp.stack([target.sample(k, POINTS) for k in jr.split(jr.key(1), replicas)])
    pairs = list(zip(keys, data, strict=True))
    mapped, vmapped = replicated(train), replicated(train, "vmap")
    single = jax.jit(train)
    ways: dict[str, Callable] = {
        "mesh": lambda: mapped(keys, data),
        "mesh, vmap": lambda: vmapped(keys, data),
        "one by one": lambda: [jax.block_until_ready(single(*pair)) for pair in pairs],
    }
    for way in ways.values():  # compile
        jax.block_until_ready(way())
    seconds: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(rounds):
        for name, way in ways.items():
            seconds[name].append(_seconds(way))
    return {name: np.array(value) for name, value in seconds.items()}


def _seconds(way: Callable) -> float:
    start = time.perf_counter()
    jax.block_until_ready(way())
    return time.perf_counter() - start


def main() -> None:
    """Print seconds per replica and ratios to one by one."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--width", type=int, nargs="+", default=[64, 128])
    parser.add_argument("--replicas", type=int, default=30)
    parser.add_argument("--rounds", type=int, default=3)
    args = parser.parse_args()
    enable_x64()
    set_cpu_devices(os.cpu_count() or 1)
    for width in args.width:
        seconds = compare(width, args.replicas, args.rounds)
        alone = seconds["one by one"]
        for name, value in seconds.items():
            print(
                f"width {width:4d}  {name:11s}"
                f"  fastest {value.min() / args.replicas:.3f} s a replica"
                f"  ratio {value.min() / alone.min():.2f}"
                f"  (median {np.median(value) / np.median(alone):.2f})"
            )


if __name__ == "__main__":
    main()
