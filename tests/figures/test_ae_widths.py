"""ae9: the smoke preset end to end, and its judgement on doctored results."""

import dataclasses

import numpy as np
import pytest

from figures import catalogue, style
from figures.autoencoder import widths
from figures.export import plotted
from figures.pipeline import compute
from figures.progress import SILENT
from theory.claims import Outcome, decide
from theory.validation import InputError

pytestmark = pytest.mark.slow

FIGURE = catalogue.figures()["ae9"]
SETTINGS = FIGURE.presets["smoke"]
TANH = "tanh, r = 2"


def outcomes(evidence) -> dict[tuple[str, str], Outcome]:
    found = decide(evidence, catalogue.claims())
    return {(v.claim, v.setting.split(", ", 1)[1][:4]): v.outcome for v in found}


@pytest.fixture(scope="module")
def smoke(tmp_path_factory):
    return compute(FIGURE, "smoke", SETTINGS, tmp_path_factory.mktemp("ae9"), SILENT)


def test_smoke_preset_surprises_nobody(smoke):
    judged = decide(smoke.evidence, catalogue.claims())
    assert {v.claim for v in judged} == set(FIGURE.claims)
    assert all(v.as_expected for v in judged)


def test_unused_units_are_missing_not_zero(smoke):
    Q = smoke.trace["Q"].sel(case=TANH)
    assert np.isfinite(Q.isel(unit=slice(2), other=slice(2))).all()
    assert np.isnan(Q.isel(unit=slice(2, None))).all()


def test_risk_falls_and_simulation_follows(smoke):
    risk = smoke.curves["risk"]
    assert (risk.isel(tau=-1) < 0.5 * risk.isel(tau=0)).all()
    gap = abs(smoke.curves["simulated_risk"] - risk)
    assert float(gap.max()) < 0.1 * float(risk.max())


@pytest.mark.parametrize("name", ["M", "Q"])
def test_a_shifted_mean_is_rejected(smoke, name):
    trace = smoke.trace.assign({name: smoke.trace[name] + 2.0})
    found = outcomes(widths.judge(SETTINGS, trace, smoke.curves))
    assert found["ae-width", "tanh"] is Outcome.VIOLATED


def test_the_control_holds_only_for_its_own_activation(smoke):
    tanh = smoke.trace.sel(case=TANH)
    trace = smoke.trace.copy(deep=True)
    for name in ("M", "Q"):
        trace[name].loc[{"case": "relu, r = 2"}] = tanh[name].values
    found = outcomes(widths.judge(SETTINGS, trace, smoke.curves))
    assert found["ae-other-activation", "relu"] is not Outcome.VIOLATED
    assert found["ae-width", "relu"] is Outcome.VIOLATED


def test_picture_and_caption(smoke):
    with style.applied():
        table = plotted(widths.draw(SETTINGS, smoke.trace, smoke.curves))
    assert {row[0] for row in table} >= {"Widths, tanh", "Overlap of the first unit"}
    assert "d = 50" in widths.caption(SETTINGS, smoke.trace)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"widths": (5,)}, r"widths must be in \[1, 4\]"),
        ({"widths": (0,)}, "widths must be positive"),
        ({"widths": ()}, "widths must be at least one value"),
        ({"dim": 0}, "dim must be >= 1, got 0"),
        ({"tau": float("nan")}, "tau must be positive"),
    ],
)
def test_settings_that_cannot_be_meant_are_refused(change, message):
    with pytest.raises(InputError, match=message):
        dataclasses.replace(SETTINGS, **change)
