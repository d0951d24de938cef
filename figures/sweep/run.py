"""A sweep: every point an ordinary stored run, so that it resumes, grows and is reused.

Points of one figure share what the figure's own runs share: a point that was computed
before, by a sweep or not, is read; more seeds extend it; what was stopped goes on.
"""

import dataclasses
from collections.abc import Mapping, Sequence
from concurrent.futures import as_completed
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from figures.forecast import Forecast, forecasts
from figures.pipeline import Judged, Result, compute, judged
from figures.progress import SILENT, Progress
from figures.results import value_frame, verdict_frame
from figures.side_by_side import Lot, from_evidence, jobs_for, workers
from figures.sweep.points import Design, Values, design
from theory.validation import InputError, require

__all__ = ["Sweep", "carry_out", "expected", "sensible_jobs", "sweep"]


@dataclass(frozen=True)
class Sweep:
    """What a sweep found."""

    design: Design
    results: tuple[Result | None, ...]
    """One for each point of the design; None for a point that was refused."""
    refusals: Mapping[int, str]
    """Why, by the place of the point."""

    @property
    def completed(self) -> list[Result]:
        """The results that there are."""
        return [result for result in self.results if result is not None]

    def judged(self) -> list[Judged]:
        """The verdicts of all points, which share one error rate, named by point."""
        found = judged(self.completed)
        figure, points = self.design.figure.id, self.design.points
        return [
            dataclasses.replace(j, figure=f"{figure} ({points[k].label})")
            for j, k in zip(found, self._places(), strict=True)
        ]

    def verdicts(self) -> pd.DataFrame:
        """The same as a `verdict_frame`, first column "point": places in the design."""
        frame = verdict_frame(self.completed, self.design.fields)
        frame.insert(0, "point", self._places())
        return frame

    def values(self) -> pd.DataFrame:
        """Means over seeds at every point, a `value_frame`."""
        return value_frame(self.completed, self.design.fields)

    def _places(self) -> list[int]:
        """The point of every verdict."""
        found = enumerate(self.results)
        return [k for k, r in found if r is not None for _ in r.evidence]


def sweep(
    figure: str,
    over: Mapping[str, Values],
    *,
    preset: str = "quick",
    fixed: Mapping[str, Any] | None = None,
    zipped: bool = False,
    out: Path | str = "results",
    jobs: int = 1,
    progress: Progress = SILENT,
) -> Sweep:
    """Compute, or read, a figure at every point of a design.

    Args:
        figure: its id.
        over: values by field, see `figures.sweep.points`.
        preset: what every point starts from.
        fixed: other fields that differ from the preset, at every point.
        zipped: take the k-th value of every field together, not all combinations.
        out: folder of results, as for ``driftlab figures --out``.
        jobs: points computed at a time, each in a process of its own.
        progress: what a waiting user sees.

    Raises:
        InputError: from `design`, before anything is run; or every point was refused.
    """
    chosen = design(figure, over, preset=preset, fixed=fixed, zipped=zipped)
    return carry_out(chosen, Path(out), progress, jobs)


def carry_out(
    design: Design,
    root: Path,
    shown: Progress,
    jobs: int,
    platform: str | None = None,
) -> Sweep:
    """Compute what is not stored of a design, `jobs` points at a time.

    A point whose settings turn out impossible while it runs is noted in
    `Sweep.refusals`; the others are computed all the same.
    """
    require(jobs >= 1, "jobs", ">= 1", jobs)
    # points that differ in seeds alone are one run, which one process writes at a time
    together = jobs == 1 or "seeds" in design.fields
    work = _one_by_one if together else _side_by_side
    results: list[Result | None] = [None] * len(design.points)
    refusals: dict[int, str] = {}
    with shown.stage("sweep", len(design.points)) as bar:
        for k, found in work(design, root, shown, jobs, platform):
            if isinstance(found, InputError):
                refusals[k] = str(found)
            else:
                results[k] = found
            bar.tick()
    if len(refusals) == len(results):
        raise InputError(f"no point could be computed; the first: {refusals[0]}")
    return Sweep(design, tuple(results), dict(sorted(refusals.items())))


def expected(design: Design, root: Path) -> list[Forecast]:
    """What every point would cost, named by point; nothing is written.

    The time of a point is that of the preset, whatever the values: see `forecast.forecasts`.
    """
    figure = design.figure
    found = []
    for point in design.points:
        (forecast,) = forecasts(
            [figure], design.preset, {figure.id: point.settings}, root
        )
        found.append(
            dataclasses.replace(forecast, figure=point.label, shares_with=point.label)
        )
    return found


def sensible_jobs(planned: Sequence[Forecast]) -> int:
    """As many points at a time as pays, from what is not stored yet."""
    return jobs_for(sum(one.stored < one.seeds for one in planned))


def _one_by_one(design: Design, root: Path, shown: Progress, *_):
    for k, point in enumerate(design.points):
        with shown.stage(point.label):
            try:
                found = compute(
                    design.figure, design.preset, point.settings, root, shown
                )
            except InputError as refusal:
                found = refusal
        yield k, found


def _side_by_side(
    design: Design, root: Path, shown: Progress, jobs: int, platform: str | None
):
    figure = design.figure
    lots = [Lot((figure,), {figure.id: point.settings}) for point in design.points]
    with workers(lots, design.preset, root, shown, jobs, platform) as futures:
        for future in as_completed(futures):
            k = futures[future]
            try:
                (done,) = future.result()
            except InputError as refusal:
                yield k, refusal
                continue
            settings = design.points[k].settings
            yield (
                k,
                from_evidence(figure, design.preset, settings, root, done.evidence),
            )
