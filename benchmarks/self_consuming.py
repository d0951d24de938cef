"""What batching a self-consuming loop gains: ``python -m benchmarks.self_consuming``.

Runs the loop of sc2 (kernel densities, n = 100, 20 models, V1) for all seeds and amounts at
once through the mesh (mapped or vmapped inside a device) and one replica after the other on
the default device, alternating within one process so that other work on the machine hits
all of them alike. Prints compilation apart, the fastest round of each, its ratio to one by
one, and the ratio of the medians; then what the 1500 seeds of the quick preset would take.
"""

import argparse
import os
import time
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import jax.random as jr
import numpy as np

from figures.progress import SILENT
from figures.replication import replica_keys, spread_over
from sim.recursion import _Stages
from sim.replicas import replicated, set_cpu_devices
from theory.mixing import fixed_mixture
from theory.precision import enable_x64

N, MODELS, CONSTANT = 100, 20, 1.06
LAMS = (0, 1, 4, 8, 16, 24, 32, 64, 128)
SEEDS = 1_500


def loop_of() -> Any:
    """The near loop of sc2's quick preset."""
    # this module computes on import: the devices must be set before
    from figures.self_consuming.loops import covering_grid, kernel_loop

    schedules = [fixed_mixture(N, N * lam, MODELS, "V1") for lam in LAMS]
    h = CONSTANT * np.array([[N * (1.0 + lam)] for lam in LAMS]) ** -0.2
    grid, _ = covering_grid(8.0, schedules, h)
    return kernel_loop(schedules, "iid", h, grid)


def one_replica(loop: Any) -> Callable:
    """All models of one replica, as one function of its key and its parameters."""
    first = {k: jnp.asarray(v[0, 0]) for k, v in loop.parameters.items()}
    one = _Stages(loop.recursion, loop.recursion.learner(first), "map", SILENT)

    def generation(state, step):
        key, at = step
        data, memory = one._compose_one(key, at, state)
        state = state._replace(memory=memory)
        fit = one._init_one(key, at, state, data)
        state, record = one._finish_one(key, at, state, data, fit)
        return state, record["tv"]

    def run(key, parameters):
        start = one._start_one(key, {k: v[0] for k, v in parameters.items()})
        keys = jax.vmap(lambda i: jr.fold_in(key, i))(jnp.arange(MODELS))
        return jax.lax.scan(generation, start, (keys, parameters))[1]

    return run


def compare(seeds: int, rounds: int) -> tuple[dict, dict]:
    """Seconds to compile and, (rounds,), to run, for each way of running."""
    loop = loop_of()
    run = one_replica(loop)
    keys = replica_keys(0, range(seeds), len(LAMS))
    parameters = {
        name: jnp.asarray(spread_over(value, seeds))
        for name, value in loop.parameters.items()
    }
    rows = [
        (keys[k], {name: value[k] for name, value in parameters.items()})
        for k in range(len(keys))
    ]
    mapped, vmapped, single = replicated(run), replicated(run, "vmap"), jax.jit(run)
    ways: dict[str, Callable] = {
        "mesh": lambda: mapped(keys, parameters),
        "mesh, vmap": lambda: vmapped(keys, parameters),
        "one by one": lambda: [jax.block_until_ready(single(*row)) for row in rows],
    }
    first = {name: _seconds(way) for name, way in ways.items()}
    seconds: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(rounds):
        for name, way in ways.items():
            seconds[name].append(_seconds(way))
    runs = {name: np.array(value) for name, value in seconds.items()}
    return {name: first[name] - runs[name].min() for name in ways}, runs


def _seconds(way: Callable) -> float:
    start = time.perf_counter()
    jax.block_until_ready(way())
    return time.perf_counter() - start


def main() -> None:
    """Print seconds per replica and ratios to one by one."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=30)
    parser.add_argument("--rounds", type=int, default=3)
    args = parser.parse_args()
    enable_x64()
    set_cpu_devices(os.cpu_count() or 1)
    compiling, seconds = compare(args.seeds, args.rounds)
    alone = seconds["one by one"]
    for name, value in seconds.items():
        print(
            f"{name:11s}  compiled in {compiling[name]:.1f} s"
            f"  fastest {1e3 * value.min() / (args.seeds * len(LAMS)):.2f} ms a replica"
            f"  ratio {value.min() / alone.min():.2f}"
            f"  (median {np.median(value) / np.median(alone):.2f})"
            f"  {SEEDS} seeds: {value.min() / args.seeds * SEEDS:.0f} s"
        )


if __name__ == "__main__":
    main()
