"""ae8: the smoke preset end to end, and its judgement on doctored results."""

import dataclasses

import numpy as np
import pytest

from figures import catalogue, style
from figures.autoencoder import finite_size
from figures.export import plotted
from figures.pipeline import compute
from figures.progress import SILENT
from theory.claims import Outcome, decide
from theory.validation import InputError

FIGURE = catalogue.figures()["ae8"]
SETTINGS = FIGURE.presets["smoke"]


def outcomes(evidence) -> dict[tuple[str, str], Outcome]:
    found = decide(evidence, catalogue.claims())
    return {(v.claim, v.setting[-1]): v.outcome for v in found}


@pytest.fixture(scope="module")
def smoke(tmp_path_factory):
    return compute(FIGURE, "smoke", SETTINGS, tmp_path_factory.mktemp("ae8"), SILENT)


def test_smoke_preset_surprises_nobody(smoke):
    judged = decide(smoke.evidence, catalogue.claims())
    assert {v.claim for v in judged} == set(FIGURE.claims)
    assert all(v.as_expected for v in judged)
    assert smoke.trace["Q"].sizes["seed"] == SETTINGS.seeds
    assert np.isfinite(smoke.trace["Q"]).all()


def test_deviations_shrink_with_the_dimension(smoke):
    gap = finite_size._deviations(smoke.trace, smoke.curves, "Q")
    single, _ = finite_size._sizes(gap)
    assert (np.diff(single) < 0).all()


def doctored(smoke, power: float):
    """Deviations multiplied by dim**power."""
    trace, curves = smoke.trace, smoke.curves
    scale = (trace["dim"] / trace["dim"][0]) ** power
    return trace.assign(
        {n: curves[n] + scale * (trace[n] - curves[n]) for n in ("M", "Q")}
    )


def test_another_slope_of_a_run_is_rejected(smoke):
    evidence = finite_size.judge(SETTINGS, doctored(smoke, 0.5), smoke.curves)
    found = outcomes(evidence)
    assert found["ae-run-slope", "M"] is Outcome.VIOLATED
    assert found["ae-run-slope", "Q"] is Outcome.VIOLATED


def test_a_bias_that_does_not_shrink_is_rejected(smoke):
    trace = smoke.trace.assign(Q=smoke.trace["Q"] + 0.5)
    found = outcomes(finite_size.judge(SETTINGS, trace, smoke.curves))
    assert found["ae-mean-slope", "Q"] is Outcome.VIOLATED


def test_the_large_run_is_judged_at_its_dimension_only(smoke):
    large = dataclasses.replace(SETTINGS, large_dim=200_000)
    key = ("ae-large-d", "0")
    assert outcomes(smoke.evidence)[key] is Outcome.HYPOTHESES_NOT_MET
    curves = smoke.curves
    for gap, outcome in ((0.019, Outcome.HOLDS), (0.021, Outcome.VIOLATED)):
        trace = smoke.trace.assign(large_Q=curves["Q"] + gap, large_M=curves["M"])
        assert outcomes(finite_size.judge(large, trace, curves))[key] is outcome


def test_picture_and_caption(smoke):
    with style.applied():
        table = plotted(finite_size.draw(SETTINGS, smoke.trace, smoke.curves))
    assert {row[0] for row in table} >= {"A single run", "Mean over seeds"}
    assert "d = 40, 80, 160" in finite_size.caption(SETTINGS, smoke.trace)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"dims": (100,)}, "dims must be two or more increasing dimensions >= 20"),
        ({"dims": (200, 100)}, "dims must be two or more increasing dimensions >= 20"),
        ({"t": 1.0}, r"t must be in \(0, 1\), got 1"),
        ({"rate": 0.0}, "rate must be positive"),
        ({"decay": -1.0}, "decay must be in"),
    ],
)
def test_settings_that_cannot_be_meant_are_refused(change, message):
    with pytest.raises(InputError, match=message):
        dataclasses.replace(SETTINGS, **change)
