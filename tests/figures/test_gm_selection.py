"""gm7 to gm10: the smoke preset end to end, and their judgement on doctored results."""

import numpy as np
import pytest
import xarray as xr
from gm_runs import is_drawn, outcomes, smoke_runs, surprises_nobody

from theory.claims import Outcome

pytestmark = pytest.mark.slow

IDS = "gm7 gm8 gm9 gm10"
HOLDS, VIOLATED = {Outcome.HOLDS}, {Outcome.VIOLATED}
NOT_MET = {Outcome.HYPOTHESES_NOT_MET}


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    return smoke_runs(IDS, tmp_path_factory.mktemp("gm"))


@pytest.mark.parametrize("id", IDS.split())
def test_smoke_preset_surprises_nobody_and_is_drawn(results, id):
    surprises_nobody(results[id])
    is_drawn(results[id])


def test_sources_add_up_and_the_first_set_is_real(results):
    share = results["gm7"].trace["source_share"]
    np.testing.assert_allclose(share.sum("source"), 1.0, rtol=1e-12)
    np.testing.assert_array_equal(share.isel(generation=0, source=0), 1.0)
    latest = share.sel(paradigm="replace").isel(generation=2)
    np.testing.assert_array_equal(latest.isel(source=2), 1.0)


def doctored(trace: xr.Dataset, faithful=1.0, **last) -> xr.Dataset:
    """Last values by rule, the same first ones; samples of model 1 as far as `faithful`."""
    trace = trace.copy(deep=True)
    trace["data_to_held_out"] = 0 * trace["data_to_held_out"] + 1.0
    for name in ("score", "frechet", "distance_to_real", "data_entropy"):
        trace[name] = 0 * trace[name] + 1.0
        trace[f"{name}_se"] = 0 * trace[f"{name}_se"] + 1e-3
    at_end = trace["generation"] == trace["generation"][-1]
    trace["distance_to_real"] = trace["distance_to_real"] * xr.where(
        at_end, 1.0, faithful
    )
    for name, by_rule in last.items():
        values = xr.DataArray(list(by_rule), coords={"rule": trace["rule"]})
        trace[name] = xr.where(at_end, values, trace[name])
    return trace


def test_selection_is_judged_against_a_random_choice(results):
    gm7 = results["gm7"]
    good = {"score": (0.5, 0.8, 0.8), "frechet": (1.0, 0.6, 0.6)}
    found = outcomes(gm7, doctored(gm7.trace, data_entropy=(0, 3, 3), **good))
    slower = ("gm-selection-slows", "gm-selection-entropy", "gm-selection-frechet")
    assert all(found[claim] == HOLDS for claim in slower)
    bad = {"score": (0.8, 0.5, 0.5), "frechet": (0.6, 1.0, 1.0)}
    found = outcomes(gm7, doctored(gm7.trace, data_entropy=(3, 0, 0), **bad))
    assert all(found[claim] == VIOLATED for claim in slower)
    found = outcomes(gm7, doctored(gm7.trace, faithful=1.3, **good))
    assert all(found[claim] == NOT_MET for claim in slower)


def test_accumulating_is_judged_against_replacing(results):
    gm7 = results["gm7"]
    trace = doctored(gm7.trace)
    at_end = trace["generation"] == trace["generation"][-1]
    by_paradigm = xr.DataArray([0.5, 0.8], coords={"paradigm": trace["paradigm"]})
    slows = trace.assign(score=xr.where(at_end, by_paradigm, trace["score"]))
    assert outcomes(gm7, slows)["gm-accumulating-slows"] == HOLDS
    not_so = trace.assign(score=xr.where(at_end, 1.3 - by_paradigm, trace["score"]))
    assert outcomes(gm7, not_so)["gm-accumulating-slows"] == VIOLATED
    unfaithful = slows.assign(data_to_held_out=slows["data_to_held_out"] / 1.2)
    assert outcomes(gm7, unfaithful)["gm-accumulating-slows"] == NOT_MET
    nearly = slows.assign(data_to_held_out=slows["data_to_held_out"] / 1.1)
    assert outcomes(gm7, nearly)["gm-accumulating-slows"] == HOLDS


def test_shares_of_real_points_are_judged(results):
    gm8 = results["gm8"]

    def with_share(random, selected, faithful=1.0):
        trace = doctored(gm8.trace, faithful)
        values = xr.DataArray(
            [random, selected, selected], coords={"rule": trace["rule"]}
        )
        return trace.assign(source_share=0 * trace["source_share"] + values)

    n = gm8.trace.sizes["generation"]
    found = outcomes(gm8, with_share(1 / n, 0.9))
    assert found["gm-real-share"] == HOLDS
    assert Outcome.VIOLATED not in found["gm-random-share"]
    found = outcomes(gm8, with_share(0.95, 0.01))
    assert found["gm-real-share"] == found["gm-random-share"] == VIOLATED
    assert outcomes(gm8, with_share(1 / n, 0.9, 1.3))["gm-real-share"] == NOT_MET


def test_the_price_is_distance(results):
    gm9 = results["gm9"]
    paid = outcomes(gm9, doctored(gm9.trace, distance_to_real=(1.0, 1.2, 1.2)))
    assert paid["gm-selection-price"] == HOLDS
    free = outcomes(gm9, doctored(gm9.trace, distance_to_real=(1.2, 1.0, 1.0)))
    assert free["gm-selection-price"] == VIOLATED


def test_more_points_are_judged_against_fewer_selected(results):
    gm10 = results["gm10"]
    trace = gm10.trace.copy(deep=True)
    trace["data_to_held_out"] = (
        0 * trace["data_to_held_out"] + trace["distance_to_real"]
    )
    trace["frechet_se"] = 0 * trace["frechet_se"] + 1e-3

    def with_frechet(more, selected):
        values = {"2N": more, "greedy": selected}
        of = [values.get(str(name), 1.0) for name in trace["loop"].values]
        return trace.assign(
            frechet=0 * trace["frechet"]
            + xr.DataArray(of, coords={"loop": trace["loop"]})
        )

    assert outcomes(gm10, with_frechet(1.0, 0.5))["gm-not-only-more"] == HOLDS
    assert outcomes(gm10, with_frechet(0.5, 1.0))["gm-not-only-more"] == VIOLATED
    trace["data_to_held_out"] = trace["data_to_held_out"] / 1.3
    assert outcomes(gm10, with_frechet(1.0, 0.5))["gm-not-only-more"] == NOT_MET
