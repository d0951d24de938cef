"""sc7: the smoke preset end to end, its inversion, its judgement on doctored results."""

import dataclasses

import numpy as np
import pytest

from figures import style
from figures.export import plotted
from figures.pipeline import compute
from figures.progress import SILENT
from figures.self_consuming import size_map, size_map_evidence
from figures.self_consuming.kernel_theory import predictions
from figures.self_consuming.needed import needed, one_model
from figures.self_consuming.presets import common
from figures.self_consuming.presets.growth import CLAIMS, FIGURES
from figures.self_consuming.schemes import bandwidths, schemes
from theory.claims import Outcome, decide
from theory.validation import InputError

FIGURE = next(figure for figure in FIGURES if figure.id == "sc7")
KNOWN = {claim.id: claim for claim in (*common.CLAIMS, *CLAIMS)}
SETTINGS = FIGURE.presets["smoke"]


def outcomes(trace, curves) -> dict[str, set[Outcome]]:
    found: dict[str, set[Outcome]] = {}
    for verdict in decide(size_map.judge(SETTINGS, trace, curves), KNOWN):
        found.setdefault(verdict.claim, set()).add(verdict.outcome)
    return found


@pytest.fixture(scope="module")
def smoke(tmp_path_factory):
    return compute(FIGURE, "smoke", SETTINGS, tmp_path_factory.mktemp("sc7"), SILENT)


def test_smoke_preset_surprises_nobody(smoke):
    judged = decide(smoke.evidence, KNOWN)
    assert {v.claim for v in judged} == set(FIGURE.claims)
    assert [v for v in judged if not v.as_expected] == []


def test_a_power_law_is_inverted_exactly():
    n = np.geomspace(10.0, 1e4, 7)
    tv = np.stack([0.5 * n**-0.4, 1.5 * n**-0.4], axis=1)
    expected = (np.array([0.5, 1.5]) / 0.1) ** 2.5
    np.testing.assert_allclose(needed(n, tv, 0.1), expected, rtol=1e-12)


def test_the_points_needed_give_the_target_back(smoke):
    """The prediction at the interpolated sizes, computed anew, is the target to 0.1 %."""
    curves, G = smoke.curves, SETTINGS.longest
    chosen = [s for s in schemes(SETTINGS) if s.id in size_map.SIMULATED]
    for kind in ("prediction", "upper"):
        n = [float(curves[f"need_{kind}"].sel(scheme=s.id)[-1]) for s in chosen]
        loops = [s.schedule(G, v) for s, v in zip(chosen, n, strict=True)]
        h = np.stack([bandwidths(loop, SETTINGS.bandwidth) for loop in loops])
        tv = predictions(loops, h)[kind].isel(generation=-1)
        np.testing.assert_allclose(tv, SETTINGS.target, rtol=1e-3)


def test_one_model_needs_the_same_in_every_scheme(smoke):
    first = smoke.curves["need_prediction"].isel(models=0)
    alone = one_model(SETTINGS.target, SETTINGS.bandwidth)
    np.testing.assert_allclose(first, alone, rtol=1e-3)
    np.testing.assert_allclose(smoke.curves["map_exact"][:, 0], alone, rtol=1e-3)
    np.testing.assert_allclose(smoke.curves["map_exact"][-1], alone, rtol=1e-3)


def test_bound_map_is_the_fourth_power_of_the_lineage(smoke):
    at = smoke.curves["map_bound"]
    direct = [
        [sum((1.0 - a) ** j for j in range(int(G))) ** 4 for G in at["models"]]
        for a in at["alpha"].values
    ]
    np.testing.assert_allclose(at, direct, rtol=1e-10)


@pytest.mark.parametrize(
    ("claim", "by", "factor"),
    [
        ("sc-size-prediction", "prediction", 1.3),
        ("sc-size-prediction", "prediction", 0.7),
        ("sc-size-guarantee", "upper", 1.6),
    ],
)
def test_doctored_runs_are_rejected(smoke, claim, by, factor):
    tv = smoke.trace["tv"]
    trace = smoke.trace.assign(tv=tv.where(tv["by"] != by, factor * tv))
    assert Outcome.VIOLATED not in outcomes(smoke.trace, smoke.curves)[claim]
    assert Outcome.VIOLATED in outcomes(trace, smoke.curves)[claim]


def test_a_doctored_error_breaks_the_pathwise_bound(smoke):
    trace = smoke.trace.assign(tv_step=0.9 * smoke.trace["tv_step"])
    assert outcomes(trace, smoke.curves)["sc-pathwise"] == {Outcome.VIOLATED}


def test_other_laws_of_growth_are_rejected(monkeypatch):
    """Schemes exchanged: linear growth is no constant, nor logarithmic, nor saved."""
    by_id = {s.id: s for s in schemes(SETTINGS)}
    swapped = {
        "synthetic": "equal", "latest": "vanishing", "equal": "latest",
        "vanishing": "synthetic",
    }  # fmt: skip
    wrong = tuple(dataclasses.replace(by_id[v], id=k) for k, v in swapped.items())
    monkeypatch.setattr(size_map_evidence, "schemes", lambda settings: wrong)
    found = decide(size_map_evidence._growth(SETTINGS), KNOWN)
    assert {v.outcome for v in found} == {Outcome.VIOLATED}


def test_picture_and_caption(smoke):
    with style.applied():
        rows = plotted(size_map.draw(SETTINGS, smoke.trace, smoke.curves))
    assert len({row.panel for row in rows}) == 6
    said = size_map.caption(SETTINGS, smoke.trace)
    assert "protocol iid" in said
    assert "not a bound of this learner" in said


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"target": 0.3}, r"target must be in \[0.02, 0.15\]"),
        ({"generations": 9}, r"generations must be in \[3, longest = 5\]"),
        ({"fractions": 1}, "fractions must be >= 2"),
        ({"horizon": 10}, "horizon must be >= 50"),
    ],
)
def test_settings_that_cannot_be_meant_are_refused(change, message):
    with pytest.raises(InputError, match=message):
        dataclasses.replace(SETTINGS, **change)
