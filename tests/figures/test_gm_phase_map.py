"""gm14: the smoke preset end to end, and its judgement on doctored results."""

import dataclasses

import numpy as np
import pytest
from gm_runs import is_drawn, outcomes, smoke_runs, surprises_nobody

from theory.claims import Outcome
from theory.memorization.genealogy import surviving_share_finite
from theory.validation import InputError

HOLDS, VIOLATED = {Outcome.HOLDS}, {Outcome.VIOLATED}


@pytest.fixture(scope="module")
def gm14(tmp_path_factory):
    return smoke_runs("gm14", tmp_path_factory.mktemp("gm"))["gm14"]


def test_smoke_preset_surprises_nobody_and_is_drawn(gm14):
    surprises_nobody(gm14)
    is_drawn(gm14)


def test_lines_are_those_of_the_exact_chain(gm14):
    lines, rounds = gm14.trace["lines"], gm14.settings.rounds
    runs = lines.sizes["seed"]
    for n in gm14.settings.sizes:
        exact = np.asarray(surviving_share_finite(n, rounds))
        of = lines.sel(size=n).isel(generation=slice(1, None))
        error = of.std("seed", ddof=1) / np.sqrt(runs)
        gap = abs(of.mean("seed") - exact)
        assert (gap < 5.0 * error + 1e-9).all()


def test_rounds_that_are_off_are_found(gm14):
    """Twice as many rounds for everything to happen."""
    slower = gm14.trace.assign_coords(generation=2.0 * gm14.trace["generation"])
    found = outcomes(gm14, slower)
    for claim in ("gm-phase-related", "gm-phase-lines", "gm-phase-one-line"):
        assert Outcome.VIOLATED not in outcomes(gm14, gm14.trace)[claim]
        assert Outcome.VIOLATED in found[claim]


def test_controls_are_false_for_the_right_reason(gm14):
    trace = gm14.trace
    generation = trace["generation"].values.astype(float)
    later = trace.assign_coords(generation=generation * 2.0 / np.log(2.0))
    assert outcomes(gm14, later)["gm-phase-shifted"] != VIOLATED
    same = trace.copy(deep=True)
    smallest = trace["shared_ancestor"].isel(size=0)
    same["shared_ancestor"] = smallest.expand_dims(size=trace["size"]).transpose(
        *trace["shared_ancestor"].dims
    )
    assert outcomes(gm14, same)["gm-phase-any-size"] == HOLDS


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"sizes": (2, 8)}, "sizes must be >= 4, rising"),
        ({"sizes": (16, 8)}, "sizes must be >= 4, rising"),
        ({"rounds": 1}, "rounds must be >= 2"),
    ],
)
def test_settings_that_cannot_be_meant_are_refused(gm14, change, message):
    with pytest.raises(InputError, match=message):
        dataclasses.replace(gm14.settings, **change)
