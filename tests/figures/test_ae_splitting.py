"""ae6: the smoke preset end to end, and its judgement on doctored results."""

import numpy as np
import pytest

from figures import catalogue, style
from figures.autoencoder import splitting
from figures.autoencoder.splitting_theory import first_zero
from figures.export import plotted
from figures.pipeline import compute
from figures.progress import SILENT
from theory.claims import Outcome, decide

FIGURE = catalogue.figures()["ae6"]
SETTINGS = FIGURE.presets["smoke"]


def outcomes(trace, curves) -> dict[str, Outcome]:
    evidence = splitting.judge(SETTINGS, trace, curves)
    return {v.claim: v.outcome for v in decide(evidence, catalogue.claims())}


@pytest.fixture(scope="module")
def smoke(tmp_path_factory):
    return compute(FIGURE, "smoke", SETTINGS, tmp_path_factory.mktemp("ae6"), SILENT)


def test_smoke_preset_surprises_nobody(smoke):
    judged = decide(smoke.evidence, catalogue.claims())
    assert {v.claim for v in judged} == set(FIGURE.claims)
    assert all(v.as_expected for v in judged)


def test_splitting_times(smoke):
    at = smoke.curves.sel(warm=0.05)
    assert float(at["split"]) == pytest.approx(0.459175, abs=2e-5)
    assert float(at["naive"]) == pytest.approx(0.557115, abs=2e-4)
    mean = smoke.curves["crossing"].mean("seed")
    np.testing.assert_allclose(mean, smoke.curves["split"], atol=0.02)


def test_zeros_of_rows():
    time = np.array([0.0, 1.0, 2.0])
    rows = np.array([[-1.0, 1.0, 2.0], [-2.0, -1.0, 3.0], [-3.0, -2.0, -1.0]])
    np.testing.assert_allclose(first_zero(time, rows), [0.5, 1.25, np.nan])


def test_draws_index_times_and_samples(smoke):
    with style.applied():
        rows = plotted(splitting.draw(SETTINGS, smoke.trace, smoke.curves))
    assert len({row.panel for row in rows}) == 4
    assert f"d = {SETTINGS.dim}" in splitting.caption(SETTINGS, smoke.trace)


def test_another_index_is_rejected(smoke):
    found = outcomes(smoke.trace, smoke.curves)["ae-splitting-index"]
    assert found is not Outcome.VIOLATED
    other = smoke.curves.assign(index=6.0 * (1.0 + smoke.curves["index"]) - 1.0)
    found = outcomes(smoke.trace, other)["ae-splitting-index"]
    assert found is Outcome.VIOLATED


@pytest.mark.parametrize("side", [0, 1])
def test_samples_with_the_wrong_number_of_modes_are_rejected(smoke, side):
    """Those before the splitting in place of those after it, or the other way round."""
    assert outcomes(smoke.trace, smoke.curves)["ae-splits"] is Outcome.HOLDS
    z = smoke.trace["z"].copy()
    z[{"side": side}] = smoke.trace["z"].isel(side=1 - side)
    found = outcomes(smoke.trace.assign(z=z), smoke.curves)["ae-splits"]
    assert found is Outcome.VIOLATED


def test_the_control_is_false_for_the_right_reason(smoke):
    assert outcomes(smoke.trace, smoke.curves)["ae-naive-onset"] is Outcome.VIOLATED
    at_split = smoke.curves.assign(naive=smoke.curves["split"])
    found = outcomes(smoke.trace, at_split)["ae-naive-onset"]
    assert found is not Outcome.VIOLATED
