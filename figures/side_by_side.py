"""Several figures computed and drawn at a time, each in a process of its own.

A figure's compilation keeps one core busy and its simulation several; two figures at a time
keep the machine busy throughout. Numbers do not depend on it: every process sees the same
devices as one that works alone.
"""

import multiprocessing
import os
import sys
import threading
from collections.abc import Mapping, Sequence
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from pathlib import Path
from typing import Any, NamedTuple

from figures.catalogue import Figure
from figures.pipeline import Result, compute, find
from figures.progress import SILENT, Lines, Progress
from figures.report import drawing
from theory.claims import Evidence
from theory.validation import require

__all__ = ["compute_all", "default_jobs"]

WORTH_IT = 4
"""Independent figures from which on starting processes pays."""


class _Done(NamedTuple):
    figure: str
    evidence: tuple[Evidence, ...]
    files: dict[str, Path]


def default_jobs(chosen: Sequence[Figure], settings: Mapping[str, Any]) -> int:
    """Two on a CPU with several cores and enough to do; one on an accelerator."""
    import jax

    several = (os.cpu_count() or 1) > 1 and jax.default_backend() == "cpu"
    return 2 if several and len(_lots(chosen, settings)) >= WORTH_IT else 1


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
    lots = _lots(chosen, settings)
    # fresh interpreters: forking one that runs JAX's threads is not safe
    pool = ProcessPoolExecutor(
        min(jobs, len(lots)),
        multiprocessing.get_context("spawn"),
        _start,
        (platform, shown is SILENT or sys.stderr.isatty()),
    )
    done: dict[str, _Done] = {}
    with pool, shown.stage("figures", len(chosen)) as bar:
        futures = [
            pool.submit(_lot, lot, preset, settings, root, draw)
            for lot in sorted(lots, key=lambda lot: -_seconds(lot, preset))
        ]
        try:
            for future in as_completed(futures):
                found = future.result()
                done |= {d.figure: d for d in found}
                bar.tick(len(found))
        except BaseException:
            _cancel(futures)
            raise
    results = [
        _result(f, preset, settings[f.id], root, done[f.id].evidence) for f in chosen
    ]
    return results, {d.figure: d.files for d in done.values() if draw}


def _lots(
    chosen: Sequence[Figure], settings: Mapping[str, Any]
) -> list[tuple[Figure, ...]]:
    """Figures that share a run, together."""
    lots: dict[tuple, list[Figure]] = {}
    for figure in chosen:
        lots.setdefault((figure.run_id, settings[figure.id]), []).append(figure)
    return [tuple(lot) for lot in lots.values()]


def _seconds(lot: Sequence[Figure], preset: str) -> float:
    return sum(f.seconds.get(preset, 0.0) for f in lot)


def _result(figure, preset, settings, root, evidence) -> Result:
    run = find(figure, preset, settings, root)
    return Result(figure, settings, run, run.trace(), run.curves(figure.id), evidence)


def _cancel(futures: Sequence[Future]) -> None:
    for future in futures:
        future.cancel()


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


def _lot(figures, preset, settings, root: Path, draw: bool) -> list[_Done]:
    done = []
    for figure in figures:
        result = compute(figure, preset, settings[figure.id], root, _shown)
        files = drawing(root, result) if draw else {}
        done.append(_Done(figure.id, result.evidence, files))
    return done
