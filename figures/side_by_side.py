"""Several figures computed and drawn at a time, each in a process of its own.

A figure's compilation keeps one core busy and its simulation several; two figures at a time
keep the machine busy throughout. Numbers do not depend on it: every process sees the same
devices as one that works alone.
"""

import contextlib
import multiprocessing
import os
import sys
import threading
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from pathlib import Path
from typing import Any, NamedTuple

from figures.catalogue import Figure
from figures.pipeline import Result, compute, find
from figures.progress import SILENT, Lines, Progress
from figures.report import drawing
from theory.claims import Evidence
from theory.validation import require

__all__ = ["Lot", "compute_all", "default_jobs", "from_evidence", "jobs_for", "workers"]

WORTH_IT = 4
"""Independent figures from which on starting processes pays."""


class Lot(NamedTuple):
    """Figures that look at one run, and their settings by figure id."""

    figures: tuple[Figure, ...]
    settings: Mapping[str, Any]


class Done(NamedTuple):
    """What a worker sends back of a figure: its numbers are on disk."""

    figure: str
    evidence: tuple[Evidence, ...]
    files: dict[str, Path]


def default_jobs(chosen: Sequence[Figure], settings: Mapping[str, Any]) -> int:
    """Two on a CPU with several cores and enough to do; one on an accelerator."""
    return jobs_for(len(_lots(chosen, settings)))


def jobs_for(lots: int) -> int:
    """How many of so many independent simulations to do at a time."""
    import jax

    several = (os.cpu_count() or 1) > 1 and jax.default_backend() == "cpu"
    return 2 if several and lots >= WORTH_IT else 1


def compute_all(
    chosen: Sequence[Figure],
    preset: str,
    settings: Mapping[str, Any],
    root: Path,
    shown: Progress,
    jobs: int,
    platform: str | None = None,
    draw: bool = True,
) -> tuple[list[Result], dict[str, dict[str, Path]]]:
    """Simulate, predict and judge every chosen figure; `jobs` of them at a time.

    Figures that look at one run are computed one after the other.

    Returns:
        The results in the order of `chosen`, and by figure id the files of those that were
        drawn on the way (with several jobs).

    Raises:
        InputError: from any of the figures; what has begun is ended first, and stays.
    """
    require(jobs >= 1, "jobs", ">= 1", jobs)
    if jobs == 1:
        return [compute(f, preset, settings[f.id], root, shown) for f in chosen], {}
    lots = sorted(_lots(chosen, settings), key=lambda lot: -_seconds(lot, preset))
    done: dict[str, Done] = {}
    with (
        workers(lots, preset, root, shown, jobs, platform, draw) as futures,
        shown.stage("figures", len(chosen)) as bar,
    ):
        for future in as_completed(futures):
            found = future.result()
            done |= {d.figure: d for d in found}
            bar.tick(len(found))
    results = [
        from_evidence(f, preset, settings[f.id], root, done[f.id].evidence)
        for f in chosen
    ]
    return results, {d.figure: d.files for d in done.values() if draw}


@contextlib.contextmanager
def workers(
    lots: Sequence[Lot],
    preset: str,
    root: Path,
    shown: Progress,
    jobs: int,
    platform: str | None = None,
    draw: bool = False,
) -> Iterator[dict[Future, int]]:
    """`jobs` processes at work on the lots, the first ones first.

    Yields:
        The place of its lot in `lots` for every future; a future gives one `Done` per
        figure. An exception in the `with` block ends what has begun and drops the rest.
    """
    # fresh interpreters: forking one that runs JAX's threads is not safe
    pool = ProcessPoolExecutor(
        min(jobs, len(lots)),
        multiprocessing.get_context("spawn"),
        _start,
        (platform, shown is SILENT or sys.stderr.isatty()),
    )
    with pool:
        futures = {
            pool.submit(_compute_lot, lot, preset, root, draw): k
            for k, lot in enumerate(lots)
        }
        try:
            yield futures
        except BaseException:
            for future in futures:
                future.cancel()
            raise


def from_evidence(
    figure: Figure, preset: str, settings: Any, root: Path, evidence: Sequence[Evidence]
) -> Result:
    """The result that a worker stored and judged."""
    run = find(figure, preset, settings, root)
    trace, curves = run.trace(), run.curves(figure.id)
    return Result(figure, settings, run, trace, curves, tuple(evidence))


def _lots(chosen: Sequence[Figure], settings: Mapping[str, Any]) -> list[Lot]:
    """Figures that share a run, together."""
    grouped: dict[tuple, list[Figure]] = {}
    for figure in chosen:
        grouped.setdefault((figure.run_id, settings[figure.id]), []).append(figure)
    return [
        Lot(tuple(lot), {f.id: settings[f.id] for f in lot}) for lot in grouped.values()
    ]


def _seconds(lot: Lot, preset: str) -> float:
    return sum(f.seconds.get(preset, 0.0) for f in lot.figures)


# In a worker

_shown: Progress = SILENT


def _start(platform: str | None, quiet: bool) -> None:
    """Set JAX up as the command line does; end with the process that asked."""
    global _shown
    from figures.cli import start_jax

    _shown = SILENT if quiet else Lines(depth=1)
    threading.Thread(target=_end_with_parent, daemon=True).start()
    start_jax(platform)


def _end_with_parent() -> None:
    multiprocessing.parent_process().join()
    os._exit(1)


def _compute_lot(lot: Lot, preset: str, root: Path, draw: bool) -> list[Done]:
    done = []
    for figure in lot.figures:
        result = compute(figure, preset, lot.settings[figure.id], root, _shown)
        files = drawing(root, result) if draw else {}
        done.append(Done(figure.id, result.evidence, files))
    return done
