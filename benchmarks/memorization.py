"""What a self-consuming loop of denoisers costs: ``python -m benchmarks.memorization``.

One generation of the main setting (256 of scikit-learn's digits in 16 dimensions; width
256, depth 4, 4000 steps at batch 128; 512 points by 24 levels of Heun's method), for two
replicas on a mesh of one device per core, set up as the command line does. Compilation
is apart; the steady time is the fastest of the rounds. A run is eight generations, and
two runs share the cores: its price is half their wall time. The target is 40 s.
"""

import argparse
import time
from collections.abc import Callable
from typing import Any

import jax
import jax.random as jr
import numpy as np

from figures.cli import start_jax

GENERATIONS, TARGET = 8, 40.0
N, DRAWN, DIM = 256, 512, 16


def pieces(learner: Any, sampler: Any, process: Any) -> tuple[Callable, Callable]:
    """Training and sampling of one replica."""

    def train(key, data):
        state = learner.init(jr.fold_in(key, 0), data, None, process)
        advance = lambda s, state: learner.advance(
            jr.fold_in(jr.fold_in(key, 1), s), state, data, process
        )
        return learner.finish(jax.lax.fori_loop(0, learner.segments, advance, state))

    def draw(key, fitted):
        start = sampler.begin(jr.fold_in(key, 2), None, None, (DRAWN, DIM), process)
        return sampler.sample(jr.fold_in(key, 3), fitted, start, process)

    return train, draw


def data(seed: int) -> np.ndarray:
    """N digits on the 16 leading directions, overall standard deviation 1/2."""
    from sim.targets import digits

    rows = np.asarray(digits(DIM).images)
    rows = rows[np.random.default_rng(seed).permutation(len(rows))[:N]]
    return (0.5 / rows.std() * rows).astype(np.float32)


def seconds(fn: Callable, *args: Any) -> tuple[float, Any]:
    """Wall time of one call, with its result."""
    began = time.perf_counter()
    result = jax.block_until_ready(fn(*args))
    return time.perf_counter() - began, result


def main() -> None:
    """Print compilation and steady times, and the price of a run."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--replicas", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=3)
    args = parser.parse_args()
    start_jax()
    jax.config.update("jax_enable_compilation_cache", False)  # compile, as a first run
    from sim.heun import Heun
    from sim.learners.denoiser import Denoiser
    from sim.replicas import replicated
    from theory.processes import ou

    train, draw = map(replicated, pieces(Denoiser(), Heun(), ou()))
    keys = jr.split(jr.key(0), args.replicas)
    rows = np.stack([data(seed) for seed in range(args.replicas)])
    train_first, fitted = seconds(train, keys, rows)
    draw_first, _ = seconds(draw, keys, fitted)
    train_s = [seconds(train, keys, rows)[0] for _ in range(args.rounds)]
    draw_s = [seconds(draw, keys, fitted)[0] for _ in range(args.rounds)]
    for name, first, steady in (
        ("training", train_first, train_s),
        ("sampling", draw_first, draw_s),
    ):
        print(
            f"{name:9s} compiled in {first - min(steady):5.1f} s"
            f"   steady {min(steady):6.2f} s  (median {np.median(steady):.2f})"
        )
    print(
        f"loss {np.asarray(fitted.losses)[:, -1]}  finite {np.asarray(fitted.finite)}"
    )
    both = GENERATIONS * (min(train_s) + min(draw_s))
    print(
        f"{GENERATIONS} generations of {args.replicas} runs: {both:.1f} s,"
        f" {both / args.replicas:.1f} s a run (target {TARGET:.0f} s)"
    )


if __name__ == "__main__":
    main()
