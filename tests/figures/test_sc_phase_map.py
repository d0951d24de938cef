"""sc8: the smoke preset end to end, and its judgement on doctored results."""

import dataclasses

import numpy as np
import pytest

from figures import style
from figures.export import plotted
from figures.pipeline import compute
from figures.progress import SILENT
from figures.self_consuming import phase_evidence, phase_map
from figures.self_consuming.presets.phases import CLAIMS, FIGURES
from theory.claims import Outcome, decide
from theory.validation import InputError

FIGURE = FIGURES[0]
KNOWN = {claim.id: claim for claim in CLAIMS}
SETTINGS = FIGURE.presets["smoke"]


def outcomes(trace, curves) -> dict[str, set[Outcome]]:
    found: dict[str, set[Outcome]] = {}
    for verdict in decide(phase_map.judge(SETTINGS, trace, curves), KNOWN):
        found.setdefault(verdict.claim, set()).add(verdict.outcome)
    return found


@pytest.fixture(scope="module")
def smoke(tmp_path_factory):
    return compute(FIGURE, "smoke", SETTINGS, tmp_path_factory.mktemp("sc8"), SILENT)


def test_smoke_preset_surprises_nobody(smoke):
    judged = decide(smoke.evidence, KNOWN)
    assert {v.claim for v in judged} == set(FIGURE.claims)
    assert [v for v in judged if not v.as_expected] == []


def test_means_are_the_predicted_ratios(smoke):
    for learner in ("kernel", "gaussian-iid", "gaussian-reused"):
        some, without = phase_evidence.with_and_without(smoke.trace, learner)
        along = phase_evidence.along_of(learner)
        predicted = smoke.curves["relative"].sel(compared=learner)
        predicted = predicted.interp(lam=some[along].rename({along: "lam"})).rename(
            lam=along
        )
        ratio = some.mean("seed") / without.mean("seed")
        np.testing.assert_allclose(ratio, predicted.sel(ratio.coords), rtol=0.2)


def test_predicted_contours_are_where_the_ratio_is_the_level(smoke):
    for line in phase_evidence.LINES:
        edge = phase_evidence.predicted(smoke.curves, line)
        relative = smoke.curves["relative"].sel(compared=line.learner)
        for g, lam in zip(edge["generation"].values, edge.values, strict=True):
            there = relative.sel(generation=g).interp(lam=lam)
            assert float(there) == pytest.approx(line.level, rel=0.03)


@pytest.mark.parametrize(
    ("claim", "variable", "factor"),
    [
        ("sc-phase-even", "kernel", 2.0),
        ("sc-phase-contour", "gaussian-iid", 2.0),
        ("sc-phase-sides", "gaussian-iid", 8.0),
    ],
)
def test_doctored_runs_are_rejected(smoke, claim, variable, factor):
    values = smoke.trace[variable]
    along = phase_evidence.along_of(variable)
    doctored = values.where(values[along] == 0.0, factor * values)
    assert Outcome.VIOLATED not in outcomes(smoke.trace, smoke.curves)[claim]
    found = outcomes(smoke.trace.assign({variable: doctored}), smoke.curves)[claim]
    assert found & {Outcome.VIOLATED, Outcome.NOT_MEASURABLE}


def test_the_bounds_break_even_is_refused_for_the_right_reason(smoke):
    """If the bound had the kernel's boundary, the claim that they agree would stand."""
    curves = smoke.curves.copy(deep=True)
    evens = curves["evens"].sel(compared="kernel")
    curves["evens"].loc[{"compared": "bound"}] = evens.values
    found = outcomes(smoke.trace, smoke.curves)
    assert found["sc-phase-even-bound"] == {Outcome.VIOLATED}
    assert outcomes(smoke.trace, curves)["sc-phase-even-bound"] != {Outcome.VIOLATED}


def test_picture_and_caption(smoke):
    with style.applied():
        figure = phase_map.draw(SETTINGS, smoke.trace, smoke.curves)
        rows = plotted(figure)
        figure.draw_without_rendering()
    assert len({row.panel for row in rows}) == 4
    assert {"break-even", "threshold"} <= {row.series for row in rows}
    assert f"n = {SETTINGS.n}" in phase_map.caption(SETTINGS, smoke.trace)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"rate": 1.0}, r"rate must be in \(0, 1\)"),
        (
            {"gaussian_lams": (0.5, 1.0, 2.0)},
            "gaussian_lams must be 3 or more increasing",
        ),
        ({"resolution": 1}, "resolution must be >= 2"),
    ],
)
def test_settings_that_cannot_be_meant_are_refused(change, message):
    with pytest.raises(InputError, match=message):
        dataclasses.replace(SETTINGS, **change)
