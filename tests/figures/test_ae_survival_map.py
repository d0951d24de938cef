"""ae7: the smoke preset end to end, and its judgement on doctored results."""

import numpy as np
import pytest

from figures import catalogue, style
from figures.autoencoder import survival_map
from figures.export import plotted
from figures.pipeline import compute
from figures.progress import SILENT
from theory.claims import Outcome, decide

pytestmark = pytest.mark.slow

FIGURE = catalogue.figures()["ae7"]
SETTINGS = FIGURE.presets["smoke"]


def outcomes(trace, curves) -> dict[str, Outcome]:
    evidence = survival_map.judge(SETTINGS, trace, curves)
    return {v.claim: v.outcome for v in decide(evidence, catalogue.claims())}


@pytest.fixture(scope="module")
def smoke(tmp_path_factory):
    return compute(FIGURE, "smoke", SETTINGS, tmp_path_factory.mktemp("ae7"), SILENT)


def test_smoke_preset_surprises_nobody(smoke):
    judged = decide(smoke.evidence, catalogue.claims())
    assert {v.claim for v in judged} == set(FIGURE.claims)
    assert all(v.as_expected for v in judged)


def test_thresholds_bound_the_windows_of_the_map(smoke):
    curves = smoke.curves
    for e in range(curves.sizes["edge"]):
        g, k = int(curves["edge_generation"][e]), int(curves["edge_axis"][e])
        row = curves["map"].isel(generation=g, axis=k)
        after = row.sel(map_tau=slice(float(curves["edge_tau"][e]), None))
        assert bool(after[0] > 0) == bool(curves["edge_appears"][e])
    strong = curves["edge_tau"].values[curves["edge_axis"].values == 0]
    assert len(strong) >= SETTINGS.generations + 1


def test_a_tilted_start_turns_the_weak_unit(smoke):
    """In theory and in simulation alike, although the symmetric theory keeps its modes."""
    near = smoke.curves["turned"].sel(map_tau=2.0, method="nearest")
    assert float(near.isel(generation=-1)) > 0.9
    at = int(np.argmin(abs(smoke.trace["tau"].values - 2.0)))
    simulated = smoke.curves["alignment"].isel(condition=at, generation=-1)
    assert (simulated > 0.9).all()


def test_draws_maps_and_fates(smoke):
    with style.applied():
        rows = plotted(survival_map.draw(SETTINGS, smoke.trace, smoke.curves))
    assert len({row.panel for row in rows}) >= 2
    assert any(row.series == survival_map.THRESHOLD for row in rows)
    assert f"d = {SETTINGS.dim}" in survival_map.caption(SETTINGS, smoke.trace)


def test_other_fates_are_rejected(smoke):
    claim = "ae-survival"
    assert outcomes(smoke.trace, smoke.curves)[claim] is not Outcome.VIOLATED
    swapped = 1.0 / (1.0 + smoke.curves["index"]) - 1.0  # kept and lost change places
    other = smoke.curves.assign(index=swapped)
    assert outcomes(smoke.trace, other)[claim] is Outcome.VIOLATED


def test_the_controls_are_false_for_the_right_reason(smoke):
    found = outcomes(smoke.trace, smoke.curves)
    assert found["ae-more-training-keeps"] is Outcome.VIOLATED
    assert found["ae-axes-are-stable"] is Outcome.VIOLATED
    curves = smoke.curves.assign(
        index=abs(smoke.curves["index"]) + 1.0,
        alignment=0.1 * smoke.curves["alignment"],
    )
    found = outcomes(smoke.trace, curves)
    assert found["ae-more-training-keeps"] is Outcome.HOLDS
    assert found["ae-axes-are-stable"] is Outcome.HOLDS
