"""The way of a figure: simulate, predict, judge; and the verdicts over all of them."""

import contextlib
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import xarray as xr

from figures import catalogue
from figures.catalogue import Figure
from figures.overrides import from_stored
from figures.progress import Progress
from sim.store import Run
from theory.claims import Evidence, Verdict, decide
from theory.validation import InputError, require

__all__ = [
    "LEVEL",
    "Judged",
    "Result",
    "compute",
    "find",
    "judged",
    "load",
    "seeds_of",
    "stored",
]

LEVEL = 0.05
"""Chance that any interval of a report misses its quantity, all of them together."""


@dataclass(frozen=True)
class Result:
    """A figure's numbers: simulated, predicted, and what they say about its claims."""

    figure: Figure
    settings: Any
    run: Run
    trace: xr.Dataset
    curves: xr.Dataset
    evidence: tuple[Evidence, ...]

    @property
    def module(self) -> ModuleType:
        """The figure's code."""
        return self.figure.load()


@dataclass(frozen=True)
class Judged:
    """A verdict, and the id of the figure its evidence comes from."""

    verdict: Verdict
    figure: str


def compute(
    figure: Figure, preset: str, settings: Any, root: Path, progress: Progress
) -> Result:
    """Simulate what is not stored yet, predict, store both, and judge.

    Raises:
        InputError: from the figure's own checks, or when the results cannot be stored.
    """
    module, seeds = figure.load(), seeds_of(settings)
    run = _run(Run.open, figure, preset, settings, root)
    with progress.stage(figure.id), run.locked(), _timed(run, seeds):
        if run.completed_seeds == seeds:
            trace = run.trace()
        else:
            trace = module.simulate(settings, run, progress)
            run.complete(seeds, trace)
        with progress.stage("theory"):
            curves = module.predict(settings, trace)
        run.keep_curves(figure.id, curves)
    evidence = tuple(module.judge(settings, trace, curves))
    return Result(figure, settings, run, trace, curves, evidence)


def find(figure: Figure, preset: str, settings: Any, root: Path) -> Run | None:
    """The stored run of these settings, complete or not; nothing is written."""
    return _run(Run.find, figure, preset, settings, root)


def stored(
    root: Path, chosen: Sequence[Figure], preset: str | None = None
) -> tuple[list[Result], list[str]]:
    """The last used complete run of each figure, without simulating or writing.

    Returns:
        The results, and a line for each figure that cannot be shown, such as one whose
        run another version of it made.
    """
    runs = [run for run in Run.all(root) if preset in (None, run.preset)]
    results, left_out = [], []
    for figure in chosen:
        of_figure = [r for r in runs if r.figure == figure.run_id]
        of_figure = [run for run in of_figure if run.has_curves(figure.id)]
        if not of_figure:
            continue
        try:
            results.append(load(figure, max(of_figure, key=Run.last_used)))
        except InputError as e:
            left_out.append(f"{figure.id} is left out: {e}")
    return results, left_out


def load(figure: Figure, run: Run) -> Result:
    """What a figure found in a complete run, judged anew; nothing is written.

    Raises:
        InputError: another version of the figure made the run, or a file is damaged.
    """
    seeds = run.completed_seeds
    settings = from_stored(figure, run.settings, seeds)
    if _run(Run.find, figure, run.preset, settings, run.root) is None:
        raise InputError(
            f"{run.path} was computed by another version of {figure.id}; "
            "run the figure again."
        )
    trace, curves = run.trace(), run.curves(figure.id)
    evidence = tuple(figure.load().judge(settings, trace, curves))
    return Result(figure, settings, run, trace, curves, evidence)


def judged(results: Iterable[Result]) -> list[Judged]:
    """A verdict for each piece of evidence; all together share one error rate."""
    found = [(r.figure.id, evidence) for r in results for evidence in r.evidence]
    verdicts = decide([e for _, e in found], catalogue.claims(), level=LEVEL)
    return [Judged(v, id) for v, (id, _) in zip(verdicts, found, strict=True)]


def seeds_of(settings: Any) -> int:
    """How many seeds the settings ask for; 1 for a figure that draws nothing."""
    seeds = getattr(settings, "seeds", 1)
    require(seeds >= 1, "seeds", ">= 1", seeds)
    return seeds


def _run(how, figure: Figure, preset: str, settings: Any, root: Path):
    return how(root, figure.run_id, preset, settings, {"version": figure.version})


@contextlib.contextmanager
def _timed(run: Run, seeds: int) -> Iterator[None]:
    began = time.perf_counter()
    what = "reused" if run.completed_seeds == seeds else "simulated"
    try:
        yield
    except BaseException:
        what = "interrupted"
        raise
    finally:
        run.note_time(time.perf_counter() - began, what)
