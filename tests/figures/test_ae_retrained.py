"""ae4: the smoke preset end to end, and its judgement on doctored results."""

import numpy as np
import pytest

from figures import catalogue, style
from figures.autoencoder import retrained
from figures.export import plotted
from figures.pipeline import compute
from figures.progress import SILENT
from theory.claims import Outcome, decide

FIGURE = catalogue.figures()["ae4"]
SETTINGS = FIGURE.presets["smoke"]


def outcomes(trace, curves) -> dict[str, Outcome]:
    evidence = retrained.judge(SETTINGS, trace, curves)
    return {v.claim: v.outcome for v in decide(evidence, catalogue.claims())}


@pytest.fixture(scope="module")
def smoke(tmp_path_factory):
    return compute(FIGURE, "smoke", SETTINGS, tmp_path_factory.mktemp("ae4"), SILENT)


def test_smoke_preset_surprises_nobody(smoke):
    judged = decide(smoke.evidence, catalogue.claims())
    assert {v.claim for v in judged} == set(FIGURE.claims)
    assert all(v.as_expected for v in judged)


def test_simulation_follows_the_recursion(smoke):
    trace, curves = smoke.trace, smoke.curves
    order = ("seed", "condition", "generation")
    b = trace["b"].transpose(*order).mean("seed")
    np.testing.assert_allclose(b, curves["b"], atol=0.15)  # d = 100
    assert float(curves["b"].std()) > 0.3  # so that the tolerance says something
    assert set(np.unique(trace["share"])) == {0.0, SETTINGS.real_fraction}


def test_draws_theory_and_simulation(smoke):
    with style.applied():
        rows = plotted(retrained.draw(SETTINGS, smoke.trace, smoke.curves))
    panels = {row.panel for row in rows}
    sizes = smoke.trace.sizes
    assert len(panels) == 3 + 2 * min(sizes["generation"], retrained.SHOWN)
    assert f"d = {SETTINGS.dim}" in retrained.caption(SETTINGS, smoke.trace)


@pytest.mark.parametrize(
    ("claim", "variable", "change"),
    [
        ("ae-retrained-overlaps", "Q", lambda v: 3.0 * v),
        ("ae-bulk-map", "s2", lambda v: 2.0 * v),
    ],
)
def test_doctored_runs_are_rejected(smoke, claim, variable, change):
    trace = smoke.trace.assign({variable: change(smoke.trace[variable])})
    assert outcomes(smoke.trace, smoke.curves)[claim] is not Outcome.VIOLATED
    assert outcomes(trace, smoke.curves)[claim] is Outcome.VIOLATED


def test_samples_of_another_law_are_rejected(smoke):
    assert outcomes(smoke.trace, smoke.curves)["ae-retrained-law"] is Outcome.HOLDS
    other = smoke.curves.assign(rank=smoke.curves["rank"] ** 1.5)
    assert outcomes(smoke.trace, other)["ae-retrained-law"] is Outcome.VIOLATED


def test_the_control_is_false_for_the_right_reason(smoke):
    """Were every generation like the first, it would not be violated."""
    trace = smoke.trace
    first = trace["Q"].isel(generation=0, drop=True)
    same = trace.assign(Q=(0.0 * trace["Q"] + first).transpose(*trace["Q"].dims))
    assert outcomes(trace, smoke.curves)["ae-nothing-lost"] is Outcome.VIOLATED
    assert outcomes(same, smoke.curves)["ae-nothing-lost"] is Outcome.HOLDS
