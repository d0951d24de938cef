"""What a phase diagram costs: ``python -m benchmarks.phase_maps``.

The theory maps of ep8, sc8, ae10 and gm14 on 200 x 200 cells with all their boundaries, each
one call of one compiled program. Prints the first call, which compiles, and the fastest and
the median of the others; the target is a median of 50 ms.
"""

import argparse
import time
from collections.abc import Callable

import jax
import numpy as np

from theory.autoencoder.averages import midpoint
from theory.autoencoder.phases import learning_phases
from theory.denoiser import initial_overlaps, training
from theory.error_propagation.regimes import regime_map
from theory.memorization.phases import copying_phases
from theory.precision import enable_x64
from theory.processes import euler_grid
from theory.self_consuming.phases import synthetic_phases
from theory.structured import structured_mixture

TARGET = 0.050


def maps(cells: int) -> dict[str, Callable]:
    """Each map as a function of nothing, (cells x cells)."""
    fresh, energy = np.geomspace(0.1, 1.0, cells), np.geomspace(1e-4, 0.3, cells)
    amount, models = np.geomspace(0.05, 1e3, cells), np.linspace(1.0, 8.0, cells)
    points, rounds = np.geomspace(5.0, 200.0, cells), np.geomspace(1.0, 100.0, cells)
    levels = np.linspace(0.18, 0.97, cells)
    data, nodes = structured_mixture([1.0], [[1.5]]), midpoint(1, 16, 5.0)
    start, protocol = initial_overlaps(data, [[0.05]], 0.5), training()
    grid = euler_grid()
    return {
        "fresh fraction, energy": lambda: regime_map(fresh, energy, [0.63], 0.01),
        "synthetic amount, models": lambda: synthetic_phases(amount, models),
        "samples, noise level": lambda: learning_phases(
            data, protocol, start, grid, levels, 6.0, nodes, cells
        ),
        "points, rounds": lambda: copying_phases(points, rounds),
    }


def seconds(fn: Callable) -> float:
    """Wall time of one call; its result is on the host."""
    began = time.perf_counter()
    fn()
    return time.perf_counter() - began


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--cells", type=int, default=200, help="per axis")
    parser.add_argument("--rounds", type=int, default=21)
    args = parser.parse_args()
    enable_x64()
    jax.config.update("jax_enable_compilation_cache", False)  # compile, as a first run
    for name, fn in maps(args.cells).items():
        first = seconds(fn)
        later = np.array([seconds(fn) for _ in range(args.rounds)])
        median = float(np.median(later))
        print(
            f"{name:26s} first {first:6.2f} s   fastest {1e3 * later.min():6.1f} ms"
            f"   median {1e3 * median:6.1f} ms"
            f"   {'within' if median <= TARGET else 'above'} {1e3 * TARGET:.0f} ms"
        )


if __name__ == "__main__":
    main()
