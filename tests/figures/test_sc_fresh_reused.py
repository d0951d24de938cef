"""sc3: the smoke preset end to end, its judgement on doctored results."""

import dataclasses

import numpy as np
import pytest

from figures import catalogue, style
from figures.export import plotted
from figures.pipeline import compute
from figures.progress import SILENT
from figures.self_consuming import fresh_reused
from figures.self_consuming.presets import transition as presets
from figures.self_consuming.protocols import CASES
from theory.claims import Outcome, decide
from theory.validation import InputError

FIGURE = next(f for f in presets.FIGURES if f.id == "sc3")
SETTINGS = FIGURE.presets["smoke"]
CASE = {case.name: case for case in CASES}


@pytest.fixture(scope="module")
def smoke(tmp_path_factory):
    return compute(FIGURE, "smoke", SETTINGS, tmp_path_factory.mktemp("sc3"), SILENT)


def outcomes(evidence) -> dict[tuple[str, str], Outcome]:
    """By claim and the words of the setting before its numbers."""
    found = decide(evidence, catalogue.claims())
    return {(v.claim, v.setting.split(", n =")[0]): v.outcome for v in found}


def test_smoke_preset_surprises_nobody(smoke):
    judged = decide(smoke.evidence, catalogue.claims())
    assert {v.claim for v in judged} == set(FIGURE.claims)
    assert [(v.claim, v.setting) for v in judged if not v.as_expected] == []


def test_the_protocol_decides_what_the_gaussian_does(smoke):
    found = outcomes(smoke.evidence)
    fresh, reused = "Gaussian, fresh, V2", "Gaussian, reused, V2"
    assert found["sc-dip-and-back", fresh] is Outcome.HOLDS
    assert found["sc-transition-unbiased", fresh] is Outcome.VIOLATED
    assert found["sc-rise-and-back", reused] is Outcome.HOLDS


def swapped(smoke):
    """The results of fresh and reused Gaussians under each other's names."""
    trace = smoke.trace
    return trace.assign(
        {
            f"gaussian_{a}_{name}": (
                trace[f"gaussian_{a}_{name}"].dims,
                trace[f"gaussian_{b}_{name}"].values,
            )
            for a, b in (("fresh", "reused"), ("reused", "fresh"))
            for name in ("tv", "tv_step", "law_mean")
        }
    )


def test_swapped_protocols_are_found_out(smoke):
    found = outcomes(fresh_reused.judge(SETTINGS, swapped(smoke), smoke.curves))
    fresh, reused = "Gaussian, fresh, V2", "Gaussian, reused, V2"
    assert found["sc-dip-and-back", fresh] is Outcome.VIOLATED
    assert found["sc-transition-unbiased", fresh] is Outcome.HOLDS
    assert found["sc-rise-and-back", reused] is Outcome.VIOLATED
    assert found["sc-mean-square", fresh] is Outcome.VIOLATED
    assert found["sc-mean-square", reused] is Outcome.VIOLATED
    assert found["sc-prediction", fresh] is Outcome.VIOLATED


def test_the_runs_of_all_copies_count(smoke):
    part = fresh_reused.of_case(smoke.trace, CASE["gaussian_fresh"])
    assert part.sizes["seed"] == SETTINGS.seeds * SETTINGS.copies
    first = smoke.trace["gaussian_fresh_tv"].isel(seed=0)
    np.testing.assert_array_equal(
        part["tv"].isel(seed=0).transpose("generation", "lam"),
        first.isel(gaussian_fresh_copy=0).transpose(
            "gaussian_fresh_generation", "gaussian_fresh_lam"
        ),
    )


def test_the_tabulated_distance_of_gaussians_is_fine_enough(smoke):
    """Model 1 at m = 0 against the exact first generation, averaged over the copies."""
    from theory.self_consuming.gaussian_mle import first_generation_tv

    part = fresh_reused.of_case(smoke.trace, CASE["gaussian_fresh"])
    tv = part["tv"].isel(generation=0).values.ravel()
    exact = first_generation_tv(SETTINGS.n)
    assert abs(tv.mean() - exact) < 5 * tv.std(ddof=1) / np.sqrt(tv.size)


def test_a_bound_below_its_start_is_seen(monkeypatch):
    monkeypatch.setattr(fresh_reused, "shape_v2", lambda lam, G, r: 1.0 - 1e-6 * lam)
    (verdict,) = decide([fresh_reused.never_beats(10, 0.4)], catalogue.claims())
    assert verdict.outcome is Outcome.VIOLATED


def test_picture_and_caption(smoke):
    with style.applied():
        table = plotted(fresh_reused.draw(SETTINGS, smoke.trace, smoke.curves))
    assert len({row.panel for row in table}) == 4
    said = fresh_reused.caption(SETTINGS, smoke.trace)
    assert "V2" in said
    assert "fresh" in said


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"p": 1.0}, r"p must be in \(0, 1\), got 1"),
        ({"copies": 0}, "copies must be >= 1, got 0"),
        ({"cheap_models": 1}, "cheap_models must be >= 2, got 1"),
        ({"gaussian_lams": ()}, "gaussian_lams must be 3 or more increasing numbers"),
        ({"binomial_lams": (0.0, 2.0, 1.0)}, "binomial_lams must be 3 or more increas"),
        ({"lams": (0.0, 0.01, 1.0)}, "lams must be whole numbers when times n = 50"),
    ],
)
def test_settings_that_cannot_be_meant_are_refused(change, message):
    with pytest.raises(InputError, match=message):
        dataclasses.replace(SETTINGS, **change)
