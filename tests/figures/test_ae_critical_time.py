"""ae5: the smoke preset end to end, and its judgement on doctored results."""

import numpy as np
import pytest

from figures import catalogue, style
from figures.autoencoder import critical_time
from figures.export import plotted
from figures.pipeline import compute
from figures.progress import SILENT
from theory.claims import Outcome, decide

FIGURE = catalogue.figures()["ae5"]
SETTINGS = FIGURE.presets["smoke"]


def outcomes(trace, curves) -> dict[str, Outcome]:
    evidence = critical_time.judge(SETTINGS, trace, curves)
    return {v.claim: v.outcome for v in decide(evidence, catalogue.claims())}


@pytest.fixture(scope="module")
def smoke(tmp_path_factory):
    return compute(FIGURE, "smoke", SETTINGS, tmp_path_factory.mktemp("ae5"), SILENT)


def test_smoke_preset_surprises_nobody(smoke):
    judged = decide(smoke.evidence, catalogue.claims())
    assert {v.claim for v in judged} == set(FIGURE.claims)
    assert all(v.as_expected for v in judged)


def test_samples_made_in_d_dimensions_have_the_bulk_of_the_skip(smoke):
    for prefix in ("", "line_"):
        ratio = smoke.trace[f"{prefix}bulk"] / smoke.trace[f"{prefix}s2"]
        assert abs(float(ratio.mean()) - 1.0) < 0.02
        assert float(abs(ratio - 1.0).max()) < 0.1  # 64 samples of 99 coordinates


def test_draws_phases_and_histories(smoke):
    with style.applied():
        rows = plotted(critical_time.draw(SETTINGS, smoke.trace, smoke.curves))
    assert len({row.panel for row in rows}) == 2
    simulated = [row for row in rows if row.series.startswith("simulated")]
    assert len(simulated) == smoke.trace.sizes["point"]
    assert "3.0407" in critical_time.caption(SETTINGS, smoke.trace)


@pytest.mark.parametrize(
    ("claim", "variable", "change"),
    [
        ("ae-critical-time", "line_bulk", lambda v: 1.0 / v),
        ("ae-critical-time", "line_bulk", lambda v: 0.2 * v),
        ("ae-bulk-map", "s2", lambda v: 2.0 * v),
    ],
)
def test_doctored_runs_are_rejected(smoke, claim, variable, change):
    trace = smoke.trace.assign({variable: change(smoke.trace[variable])})
    assert outcomes(smoke.trace, smoke.curves)[claim] is not Outcome.VIOLATED
    assert outcomes(trace, smoke.curves)[claim] is Outcome.VIOLATED


def test_the_control_is_false_for_the_right_reason(smoke):
    tame = smoke.trace.assign(line_bulk=np.minimum(smoke.trace["line_bulk"], 0.9))
    assert outcomes(smoke.trace, smoke.curves)["ae-longer-is-safe"] is Outcome.VIOLATED
    assert outcomes(tame, smoke.curves)["ae-longer-is-safe"] is Outcome.HOLDS
