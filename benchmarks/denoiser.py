"""What the solvable denoiser costs: ``python -m benchmarks.denoiser``.

The official case (trimodal mixture, r = 2, tanh, tau = 4): the theory's learning curve at
two accuracies, a map of 40 x 40 parameters, 40 000 online steps in d = 2000, the exact
chain at d = 200 000, one retraining generation. First calls include compilation; steady
times are the fastest of a few. Errors are measured against a curve ten times finer.
"""

import argparse
import os
import time
from collections.abc import Callable
from dataclasses import replace

import jax
import jax.numpy as jnp
import jax.random as jr
import numpy as np

from sim.learners.autoencoder.chain import chain_state, learn_chain
from sim.learners.autoencoder.network import weights_of
from sim.learners.autoencoder.online import learn_online
from sim.learners.autoencoder.realisation import initial_weights, realise
from sim.replicas import replicated, set_cpu_devices
from theory.autoencoder.averages import midpoint
from theory.autoencoder.learning import learning_curve
from theory.autoencoder.retraining import joint_rules, retrain
from theory.denoiser import initial_overlaps, training
from theory.precision import enable_x64
from theory.processes import euler_grid
from theory.structured import structured_mixture

TAU, POINTS = 4.0, 40
START = 0.1 * np.eye(2, 3)


def timed(label: str, fn: Callable, *args, rounds: int = 5, note: str = "") -> object:
    """Print first call and fastest of the others; return the result."""
    began = time.perf_counter()
    result = jax.block_until_ready(fn(*args))
    first, steady = time.perf_counter() - began, []
    for _ in range(rounds):
        began = time.perf_counter()
        jax.block_until_ready(fn(*args))
        steady.append(time.perf_counter() - began)
    print(f"{label:44s} first {first:7.3f} s   steady {min(steady):8.4f} s  {note}")
    return result


def theory(data, protocol) -> None:
    """Learning curves and the map."""
    start = initial_overlaps(data, START)
    curve = lambda nodes, substeps: jax.jit(
        lambda tau: learning_curve(data, protocol, start, tau, nodes, POINTS, substeps)
    )
    exact = curve(midpoint(2, 56, 7.5), 40)(TAU)
    for label, n, substeps in (("to 2e-3", 24, 1), ("to 1e-6", 38, 5)):
        found = timed(f"learning curve {label}", curve(midpoint(2, n), substeps), TAU)
        error = max(
            float(jnp.abs(a - b).max()) for a, b in zip(found, exact, strict=True)
        )
        print(
            f"{'':44s} {n} nodes a dimension, {substeps * POINTS} steps: error {error:.1e}"
        )
    nodes = midpoint(2, 20)

    def end(rate, decay):
        own = replace(protocol, rate=rate, decay=decay)
        return learning_curve(data, own, start, TAU, nodes, 1, POINTS).Q[-1]

    axis = jnp.linspace(0.02, 0.4, 40)
    plane = [v.ravel() for v in jnp.meshgrid(axis, axis)]
    timed("map of 40 x 40 parameters, two cores", replicated(end), *plane, rounds=2)
    rules, grid = joint_rules(2), euler_grid()
    again = jax.jit(
        lambda tau: retrain(data, protocol, grid, START, tau, 1, rules, steps=200).Q
    )
    timed("training and one retraining, 2^13 points", again, TAU, rounds=2)


def simulation(data, protocol, large: int) -> None:
    """Online learning in d = 2000, and the chain."""
    realised = realise(data, 2000)
    W = initial_weights(jr.key(0), realised, START)
    weights = weights_of(W, protocol)
    timed(
        "online learning, d = 2000, 40 000 steps",
        lambda key: learn_online(
            key, protocol, realised, realised, weights, 40_000, 1_000
        ),
        jr.key(1),
        rounds=3,
    )
    many = realise(data, large)
    state = chain_state(many, initial_overlaps(data, START))
    steps = 20 * large
    timed(
        f"exact chain, d = {large}, {steps} steps",
        lambda key: learn_chain(key, protocol, many, state, steps, steps // 20),
        jr.key(2),
        rounds=1,
    )


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--large", type=int, default=200_000, help="d of the chain")
    args = parser.parse_args()
    enable_x64()
    set_cpu_devices(os.cpu_count() or 1)
    means = [[3.0, 0.0], [0.0, -3.0], [-3.0, 0.0]]
    data, protocol = structured_mixture([1 / 3] * 3, means), training()
    theory(data, protocol)
    simulation(data, protocol, args.large)


if __name__ == "__main__":
    main()
