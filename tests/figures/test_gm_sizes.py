"""gm1 to gm6: the smoke preset end to end, and their judgement on doctored results."""

import contextlib

import numpy as np
import pytest
import xarray as xr
from gm_runs import is_drawn, outcomes, smoke_runs, surprises_nobody

from figures import catalogue
from figures.memorization.clumping import spikiness
from figures.memorization.loops import summary
from figures.memorization.marks import in_every_run, jackknife
from figures.memorization.score import relative_score
from figures.pipeline import compute
from figures.progress import SILENT
from theory.claims import Outcome

IDS = "gm1 gm2 gm3 gm4 gm5 gm6"
HOLDS, VIOLATED = {Outcome.HOLDS}, {Outcome.VIOLATED}
NOT_MET = {Outcome.HYPOTHESES_NOT_MET}


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    return smoke_runs(IDS, tmp_path_factory.mktemp("gm"))


@pytest.mark.parametrize("id", IDS.split())
def test_smoke_preset_surprises_nobody_and_is_drawn(results, id):
    surprises_nobody(results[id])
    is_drawn(results[id])


def test_entropies_have_their_own_names_and_follow_each_other(results):
    trace = results["gm1"].trace
    assert "entropy" not in trace
    later = trace["data_entropy"].isel(generation=slice(1, None)).values
    before = trace["generated_entropy"].isel(generation=slice(None, -1)).values
    np.testing.assert_allclose(
        later, before, rtol=1e-9
    )  # replaced: H(D_{n+1}) = H(G_n)


def improved(trace: xr.Dataset, **values) -> xr.Dataset:
    """A trace of a well trained first model, with other values over generations."""
    trace = trace.copy(deep=True)
    trace["held_out_score"] = 0 * trace["held_out_score"] + 1.0
    line = xr.DataArray(np.linspace(0, 1, trace.sizes["generation"]), dims="generation")
    for name, (first, last) in values.items():
        trace[name] = 0 * trace[name] + first + (last - first) * line
        if f"{name}_se" in trace:
            trace[f"{name}_se"] = 0 * trace[f"{name}_se"] + 1e-3
    return trace


def test_scores_that_fall_or_rise_are_told_apart(results):
    gm1 = results["gm1"]
    falls = outcomes(gm1, improved(gm1.trace, score=(0.9, 0.5)))
    assert falls["gm-score-falls"] == falls["gm-score-falls-each"] == HOLDS
    assert falls["gm-score-collapses"] == VIOLATED
    rises = outcomes(gm1, improved(gm1.trace, score=(0.5, 0.9)))
    assert rises["gm-score-falls"] == rises["gm-score-falls-each"] == VIOLATED
    collapses = outcomes(gm1, improved(gm1.trace, score=(0.9, 0.01)))
    assert collapses["gm-score-collapses"] == HOLDS
    bad = outcomes(gm1, improved(gm1.trace, score=(1.2, 0.5)))
    assert bad["gm-score-falls"] == NOT_MET


def test_the_order_of_sizes_counts(results):
    gm1 = results["gm1"]
    trace = improved(gm1.trace, score=(0.9, 0.5))
    late = trace["generation"] == trace["generation"][-1]
    by_size = xr.DataArray([0.3, 0.6], coords={"size": trace["size"]})
    right = trace.assign(score=xr.where(late, by_size, trace["score"]))
    assert outcomes(gm1, right)["gm-smaller-faster"] == HOLDS
    wrong = trace.assign(score=xr.where(late, 0.9 - by_size, trace["score"]))
    assert outcomes(gm1, wrong)["gm-smaller-faster"] == VIOLATED


def test_the_ratio_fraction_is_blind_where_copies_are_seen(results):
    gm1, ratio = results["gm1"], {"memorised_ratio": (0.03, 0.01)}
    seen = improved(gm1.trace, memorised_absolute=(0.0, 0.6), **ratio)
    found = outcomes(gm1, seen)
    assert found["gm-absolute-copies"] == HOLDS
    assert found["gm-ratio-blind"] == VIOLATED
    both = improved(gm1.trace, memorised_absolute=(0, 0.6), memorised_ratio=(0, 0.6))
    assert outcomes(gm1, both)["gm-ratio-blind"] == HOLDS
    none = improved(gm1.trace, memorised_absolute=(0.0, 0.0), **ratio)
    assert outcomes(gm1, none)["gm-ratio-blind"] == NOT_MET


def test_slopes_and_correlations_are_judged(results):
    gm3 = results["gm3"]
    d, trace = gm3.trace.sizes["coordinate"], gm3.trace.copy(deep=True)
    H = trace["generated_entropy"]
    rng = np.random.default_rng(0)
    noise = xr.zeros_like(H) + 1e-3 * rng.standard_normal(H.shape)
    trace["generated_trace"] = xr.zeros_like(H) + rng.standard_normal(H.shape)
    steep = trace.assign(score=np.exp(2.5 * H / d + noise))
    found = outcomes(gm3, steep)
    assert found["gm-line-upper"] == VIOLATED
    assert found["gm-entropy-line"] == HOLDS
    flat = trace.assign(score=np.exp(0.4 * (H - H.min()) / d + noise))
    assert outcomes(gm3, flat)["gm-line-upper"] == HOLDS
    assert outcomes(gm3, flat)["gm-line-lower"] == VIOLATED
    against = trace.assign(
        score=np.exp((H.max() - H) / d + noise), generated_trace=20.0 - H
    )
    found = outcomes(gm3, against)
    assert found["gm-entropy-line"] == found["gm-trace-weaker"] == VIOLATED


def test_clumping_is_more_than_shrinking(results):
    gm4 = results["gm4"]
    trained = {"score": (0.9, 0.5)}
    clumps = improved(gm4.trace, spacing_data=(1.0, 0.4), data_trace=(4, 4), **trained)
    assert outcomes(gm4, clumps)["gm-clumping"] == HOLDS
    np.testing.assert_allclose(spikiness(clumps).isel(generation=-1), 0.4)
    shrinks = improved(gm4.trace, spacing_data=(1, 0.5), data_trace=(4, 1), **trained)
    np.testing.assert_allclose(spikiness(shrinks).isel(generation=-1), 1.0)
    spreads = improved(gm4.trace, spacing_data=(1, 1.3), data_trace=(4, 4), **trained)
    assert outcomes(gm4, spreads)["gm-clumping"] == VIOLATED


def test_memory_is_what_the_twin_says(results):
    gm5 = results["gm5"]
    fades = outcomes(gm5, improved(gm5.trace, twin_ratio=(0.6, 0.9)))
    assert fades["gm-memory-grows"] == VIOLATED
    assert fades["gm-memory-fades"] == fades["gm-memory-there"] == HOLDS
    grows = outcomes(gm5, improved(gm5.trace, twin_ratio=(0.9, 0.6)))
    assert grows["gm-memory-grows"] == HOLDS
    assert grows["gm-memory-fades"] == VIOLATED
    none = outcomes(gm5, improved(gm5.trace, twin_ratio=(1.1, 1.1)))
    assert none["gm-memory-there"] == VIOLATED


def test_the_score_is_relative_to_the_first_training_set(results):
    trace = results["gm1"].trace
    expected = trace["score"] / trace["held_out_score"].isel(generation=0, drop=True)
    xr.testing.assert_allclose(relative_score(trace), expected)


def test_summaries_are_means_over_points():
    rng = np.random.default_rng(1)
    near = rng.random((2, 3, 40))
    second, spacing = near + rng.random(near.shape), rng.random((2, 3, 30, 1))
    dims = ("generation", "seed")
    trace = xr.Dataset(
        {
            "nearest": ((*dims, "nearest_0"), near),
            "second": ((*dims, "second_0"), second),
            "nearest_index": ((*dims, "nearest_0"), near.astype(int)),
            "data_spacing": ((*dims, "data_spacing_0", "data_spacing_1"), spacing),
            "generated_spacing": ((*dims, "data_spacing_0", "data_spacing_1"), spacing),
            "source_share": ((*dims, "source_share_0"), np.ones((2, 3, 1))),
            "points": ((*dims, "points_0", "coordinate"), np.zeros((2, 3, 4, 5))),
        }
    )
    found = summary(trace.rename(second_0="nearest_0"))
    np.testing.assert_allclose(found["score"], near.mean(-1))
    np.testing.assert_allclose(
        found["score_se"], near.std(-1, ddof=1) / np.sqrt(40), rtol=1e-12
    )
    np.testing.assert_allclose(found["score_mse"], (near**2 / 5).mean(-1))
    np.testing.assert_allclose(found["spacing_data"], spacing[..., 0].mean(-1))
    hits = (near < second / 3).mean(-1)
    np.testing.assert_allclose(found["memorised_ratio"], hits)
    level = spacing[0, :, :, 0].mean(-1) / 3  # of the first training set, for all
    hits = (near < level[None, :, None]).mean(-1)
    np.testing.assert_allclose(found["memorised_absolute"], hits)
    assert found["source_share"].dims == (*dims, "source")


def test_the_jackknife_of_a_mean_is_its_standard_error():
    runs = [np.array([v]) for v in np.random.default_rng(2).random(9)]
    value, error, dof = jackknife(np.mean, runs)
    flat = np.concatenate(runs)
    assert value == pytest.approx(flat.mean())
    assert error == pytest.approx(flat.std(ddof=1) / 3)
    assert dof == 8


def test_slacks_of_runs_keep_their_errors_whatever_the_order_of_dimensions():
    slack = xr.DataArray(np.arange(6.0).reshape(2, 3), dims=("size", "seed"))
    error = xr.DataArray(10 + np.arange(6.0).reshape(3, 2), dims=("seed", "size"))
    found = in_every_run("gm-score-falls", "x", slack, error, scale=error)
    np.testing.assert_array_equal(found.standard_error, error.T.values.ravel())
    np.testing.assert_array_equal(found.scale, error.T.values.ravel())
    assert found.seeds == 3


def test_a_stopped_run_goes_on_bit_for_bit(results, tmp_path):
    class Stop(Exception):
        pass

    class StopAtThird:
        count = 0

        @contextlib.contextmanager
        def stage(self, label, total=None):
            yield self

        def tick(self, n=1):
            self.count += n
            if self.count > 25:
                raise Stop

    figure = catalogue.figures()["gm1"]
    settings = figure.presets["smoke"]
    with pytest.raises(Stop):
        compute(figure, "smoke", settings, tmp_path, StopAtThird())
    again = compute(figure, "smoke", settings, tmp_path, SILENT)
    xr.testing.assert_identical(again.trace, results["gm1"].trace)
