"""sc5: the smoke preset end to end, its judgement on doctored results, reference values."""

import dataclasses
import json
import re

import numpy as np
import pytest
import xarray as xr

from figures import catalogue, style
from figures.export import plotted
from figures.pipeline import compute
from figures.progress import SILENT
from figures.self_consuming import bandwidth
from figures.self_consuming.bandwidth_theory import (
    amise,
    best_synthetic,
    exact_curves,
)
from theory.claims import Outcome, decide
from theory.validation import InputError

FIGURE = catalogue.figures()["sc5"]
SETTINGS = FIGURE.presets["smoke"]


@pytest.fixture(scope="module")
def reference(spec_dir) -> dict:
    """Numbers that were not computed by this code."""
    path = spec_dir / "self_consuming.md"
    if not path.is_file():
        pytest.skip(f"no {path.name} in the folder of reference numbers")
    text = path.read_text(encoding="utf-8")
    return json.loads(re.findall(r"```json\n(.*?)```", text, re.S)[-1])


def outcomes(trace, curves) -> dict[tuple[str, str], Outcome]:
    """By claim and scheme; of several verdicts a violated one, else the last."""
    found: dict[tuple[str, str], Outcome] = {}
    for v in decide(bandwidth.judge(SETTINGS, trace, curves), catalogue.claims()):
        key = v.claim, v.setting.split(",")[0]
        if found.get(key) is not Outcome.VIOLATED:
            found[key] = v.outcome
    return found


@pytest.fixture(scope="module")
def smoke(tmp_path_factory):
    return compute(FIGURE, "smoke", SETTINGS, tmp_path_factory.mktemp("sc5"), SILENT)


def test_smoke_preset_surprises_nobody(smoke):
    judged = decide(smoke.evidence, catalogue.claims())
    assert {v.claim for v in judged} == set(FIGURE.claims)
    assert [(v.claim, v.setting) for v in judged if not v.as_expected] == []


def test_loop_bandwidths_are_smaller_and_least_so_with_reused_data(smoke):
    h = smoke.trace["bandwidth"].isel(generation=-1)
    ratio = h.sel(rule="loop") / h.sel(rule="one-sample")
    assert (ratio < 0.95).all()
    assert ratio["scheme"].values[np.argmax(ratio.values)] == "reused"


@pytest.mark.parametrize(
    ("claim", "variable", "factor"),
    [
        ("sc-mise", "ise", 1.5),
        ("sc-mise", "ise", 0.6),
        ("sc-loop-second-moment", "law_second_moment", 1.2),
        ("sc-prediction-skewed", "tv", 1.3),
        ("sc-upper", "tv", 1.5),
        ("sc-lower", "tv", 0.3),
    ],
)
def test_doctored_measures_are_rejected(smoke, claim, variable, factor):
    trace = smoke.trace.assign({variable: factor * smoke.trace[variable]})
    found = outcomes(trace, smoke.curves)
    assert found[claim, "synthetic"] is Outcome.VIOLATED


def test_the_two_rules_interchanged_are_rejected(smoke):
    swapped = (
        smoke.trace["ise"].isel(rule=[1, 0]).assign_coords(rule=smoke.trace["rule"])
    )
    found = outcomes(smoke.trace.assign(ise=swapped), smoke.curves)
    assert found["sc-loop-bandwidth", "synthetic"] is Outcome.VIOLATED
    assert found["sc-loop-bandwidth", "reused"] is Outcome.HYPOTHESES_NOT_MET


def test_a_recursion_that_is_not_followed_is_rejected(smoke):
    more = 1.3 * smoke.trace["driven_law_second_moment"]
    found = outcomes(smoke.trace.assign(driven_law_second_moment=more), smoke.curves)
    assert found["sc-data-driven", "synthetic"] is Outcome.VIOLATED


def test_leading_order_is_judged_at_its_size_only(smoke):
    assert outcomes(smoke.trace, smoke.curves)[
        "sc-loop-asymptotics", "fully synthetic"
    ] is (Outcome.HYPOTHESES_NOT_MET)
    large = smoke.curves.assign_coords(size=[1_000, 10_000_000])
    lead = {n: large[f"leading_{n}"] for n in ("factor", "best", "one_sample")}
    for off, outcome in ((1.02, Outcome.HOLDS), (1.04, Outcome.VIOLATED)):
        curves = large.assign(
            {n: off * v.expand_dims(size=large["size"]) for n, v in lead.items()}
        )
        key = ("sc-loop-asymptotics", "fully synthetic")
        assert outcomes(smoke.trace, curves)[key] is outcome


def test_best_bandwidth_is_the_reference(reference):
    for row in reference["loop_bw_full_synthetic"]:
        factor, best, plain = best_synthetic(row["N"], row["i"])
        assert amise(row["N"]) == pytest.approx(row["h_amise"], rel=1e-10)
        assert factor * row["h_amise"] == pytest.approx(row["h_star"], rel=1e-4)
        assert best == pytest.approx(row["mise_star"], rel=1e-7)
        assert plain == pytest.approx(row["mise_at_h_amise"], rel=1e-7)


def test_exact_errors_are_the_reference(smoke, reference):
    """Fixed counts with the reference's own bandwidths."""
    row = reference["kde_mise"][0]
    assert row["i"] == SETTINGS.models
    settings = dataclasses.replace(SETTINGS, n=row["n"], m=row["m"])
    h = xr.full_like(smoke.trace["bandwidth"], row["h"])
    h[{"generation": 0}] = row["h1"]
    curves = exact_curves(settings, h).isel(generation=-1)
    for protocol in ("fresh", "reused"):
        found = curves["mise"].sel(scheme=protocol)
        np.testing.assert_allclose(found, row[protocol], rtol=1e-7)


def test_picture_and_caption(smoke):
    with style.applied():
        rows = plotted(bandwidth.draw(SETTINGS, smoke.trace, smoke.curves))
    assert len({row.panel for row in rows}) == 6
    text = bandwidth.caption(SETTINGS, smoke.trace)
    for word in ("iid", "fresh and reused", "V1", "V2", "r = 2/5"):
        assert word in text


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"alpha": 1.5}, "alpha must be in"),
        ({"sizes": (1_000,)}, "sizes must be two or more, increasing, >= 100"),
        ({"depths": (5, 1)}, "depths must be two or more, increasing, >= 1"),
        ({"constant": 0.0}, "constant must be positive"),
        ({"models": 1}, "models must be >= 2, got 1"),
        ({"m": 0}, "m must be >= 1, got 0"),
    ],
)
def test_settings_that_cannot_be_meant_are_refused(change, message):
    with pytest.raises(InputError, match=message):
        dataclasses.replace(SETTINGS, **change)
