"""What the tests of generalisation and memorisation share."""

import contextlib
from pathlib import Path

import numpy as np
import pytest
import xarray as xr

from figures import catalogue, style
from figures.export import plotted
from figures.memorization.presets import CLAIMS
from figures.pipeline import Result, compute
from figures.progress import SILENT
from theory.claims import Outcome, decide

KNOWN = {claim.id: claim for claim in CLAIMS}


def smoke_runs(ids: str, root: Path) -> dict[str, Result]:
    """The smoke presets of some figures, which may share runs."""
    known = catalogue.figures()
    return {
        id: compute(known[id], "smoke", known[id].presets["smoke"], root, SILENT)
        for id in ids.split()
    }


def surprises_nobody(result: Result) -> None:
    """Every claim of the figure is judged, as expected."""
    judged = decide(result.evidence, KNOWN)
    assert {v.claim for v in judged} == set(result.figure.claims)
    assert [v for v in judged if not v.as_expected] == []


def is_drawn(result: Result) -> None:
    """The figure is drawn, from finite numbers, and has a caption without braces."""
    with style.applied():
        figure = result.module.draw(result.settings, result.trace, result.curves)
        rows = list(plotted(figure))
        figure.draw_without_rendering()
    assert len(rows) > 0
    assert np.isfinite([row.y for row in rows]).all()
    caption = result.module.caption(result.settings, result.trace)
    assert "{" not in caption
    assert len(caption) > 100


def outcomes(result: Result, trace: xr.Dataset) -> dict[str, set[Outcome]]:
    """Verdicts on a doctored trace, by claim."""
    curves = result.module.predict(result.settings, trace)
    found: dict[str, set[Outcome]] = {}
    for verdict in decide(result.module.judge(result.settings, trace, curves), KNOWN):
        found.setdefault(verdict.claim, set()).add(verdict.outcome)
    return found


class Stop(Exception):
    """What a progress report raises to end a run."""


class StopAfter:
    """Progress that ends the run at a tick."""

    def __init__(self, ticks: int) -> None:
        self.left = ticks

    @contextlib.contextmanager
    def stage(self, label, total=None):
        yield self

    def tick(self, n: int = 1) -> None:
        self.left -= n
        if self.left < 0:
            raise Stop


def goes_on_bit_for_bit(result: Result, root: Path, ticks: int) -> None:
    """Stopped, and computed again from what was stored, it is the run that was not."""
    again = lambda progress: compute(
        result.figure, "smoke", result.settings, root, progress
    )
    with pytest.raises(Stop):
        again(StopAfter(ticks))
    xr.testing.assert_identical(again(SILENT).trace, result.trace)
