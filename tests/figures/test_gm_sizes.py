"""gm1 to gm6: the smoke preset end to end, and their judgement on doctored results."""

import numpy as np
import pytest
import xarray as xr
from gm_runs import (
    goes_on_bit_for_bit,
    is_drawn,
    outcomes,
    smoke_runs,
    surprises_nobody,
)

from figures import catalogue, style
from figures.memorization.clumping import spikiness
from figures.memorization.data import drawn, images
from figures.memorization.loops import summary
from figures.memorization.marks import in_every_run, jackknife
from figures.memorization.score import relative_score
from sim.targets import principal_frame
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


@pytest.mark.parametrize("id", ["gm1", "gm7"])
def test_the_preset_dig16_is_the_setting_of_the_specification(id):
    settings = catalogue.figures()[id].presets["dig16"]
    written = {
        "data": "digits", "components": 16, "channels": 0, "generations": 8,
        "width": 256, "depth": 4, "steps": 4_000, "batch": 128, "levels": 24, "seeds": 3,
    }  # fmt: skip
    more = {
        "gm1": {"sizes": (128, 256, 512, 1024)},
        "gm7": {"n": 256, "threshold": 1.7, "decay": 0.95},
    }
    written |= more[id]
    assert {name: getattr(settings, name) for name in written} == written


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
    first = H["generation"] == 0
    floor = flat.assign(score=flat["score"] * xr.where(first, 10.0, 1.0))
    assert outcomes(gm3, floor)["gm-line-lower"] == NOT_MET
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
    worse = clumps.assign(held_out_score=0 * clumps["held_out_score"] + 0.8)
    assert outcomes(gm4, worse)["gm-clumping"] == NOT_MET


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
    dims = ("size", "seed", "generation")
    score, held_out = (
        trace[name].transpose(*dims).values for name in ("score", "held_out_score")
    )
    found = relative_score(trace).transpose(*dims).values
    np.testing.assert_allclose(found, score / held_out[..., :1], rtol=1e-12)
    assert np.ptp(held_out, axis=2).min() > 0  # later ones are others


def test_pictures_are_of_the_points_and_of_real_images(results):
    gm6 = results["gm6"]
    rows = images(gm6.settings)
    frame = principal_frame(rows, 1_024, 16, seed=0)
    real = frame.decode(frame.encode(rows)).reshape(-1, 8, 8)
    with style.applied():
        figure = gm6.module.draw(gm6.settings, gm6.trace, gm6.curves)
    for n, ax in zip(gm6.settings.sizes, figure.axes, strict=False):
        at = gm6.trace.sel(size=n).isel(seed=0, generation=0)
        tiles = np.asarray(ax.images[0].get_array())
        sample = frame.decode(at["points"].values[:5]).reshape(-1, 8, 8)
        np.testing.assert_allclose(tiles[:8, 9:17], sample[1], atol=1e-5)
        below = tiles[9:17, 9:17]
        assert abs(real - below).max(axis=(1, 2)).min() < 1e-5
        assert abs(real - sample[1]).max(axis=(1, 2)).min() > 1e-2  # not a real one


@pytest.mark.parametrize("keep", [3, 8])
def test_few_pictures_leave_room(results, keep):
    gm6 = results["gm6"]
    few = gm6.trace.isel(points_0=slice(keep), neighbour_0=slice(keep))
    with style.applied():
        axes = gm6.module.draw(gm6.settings, few, gm6.curves).axes
    tiles = np.asarray(axes[0].images[0].get_array())
    shown = np.isfinite(tiles).sum() / 64
    assert shown == 2 * keep


def test_points_that_are_no_images_are_joined_to_their_neighbours(results):
    gm6 = results["gm6"]
    framed = [name for name in gm6.trace.data_vars if name.startswith("frame_")]
    with style.applied():
        axes = gm6.module.draw(
            gm6.settings, gm6.trace.drop_vars(framed), gm6.curves
        ).axes
    at = gm6.trace.isel(size=0, seed=0, generation=0)
    joined = np.stack([line.get_xydata() for line in axes[0].lines[:16]])
    np.testing.assert_allclose(joined[:, 0], at["points"].values[:, :2])
    np.testing.assert_allclose(joined[:, 1], at["neighbour"].values[:, :2])


def test_streaks_are_seen_along_the_second_and_third_axis(results):
    real = results["gm1"].trace["real_points"].values
    shown = results["gm2"].curves["real"].values
    variances = np.linalg.eigvalsh(np.cov(real.T))[::-1]
    np.testing.assert_allclose(shown.var(axis=0, ddof=1), variances[1:3], rtol=1e-6)
    np.testing.assert_allclose(shown.mean(axis=0), 0.0, atol=1e-6)


def test_real_points_apart_from_the_training_set_are_others(results):
    settings = results["gm1"].settings
    train, apart = drawn(settings, 1, 64, 64)
    assert len(np.unique(np.concatenate([train, apart]), axis=0)) == 128
    other, _ = drawn(settings, 2, 64, 0)
    assert len(np.unique(np.concatenate([train, other]), axis=0)) > 64
    np.testing.assert_array_equal(drawn(settings, 1, 32, 0)[0], train[:32])


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
    np.testing.assert_allclose(found["score_log"], np.log(near).mean(-1), rtol=1e-8)
    np.testing.assert_allclose(found["spacing_data"], spacing[..., 0].mean(-1))
    hits = (near < second / 3).mean(-1)
    np.testing.assert_allclose(found["memorised_ratio"], hits)
    level = spacing[0, :, :, 0].mean(-1) / 3  # of the first training set, for all
    hits = (near < level[None, :, None]).mean(-1)
    np.testing.assert_allclose(found["memorised_absolute"], hits)
    assert 0.0 < hits.mean() < 1.0
    np.testing.assert_allclose(
        found["memorised_absolute_se"], np.sqrt(hits * (1 - hits) / 39), rtol=1e-12
    )
    assert found["source_share"].dims == (*dims, "source")
    # on a line, a loop calls an axis of length one "coordinate"
    line = trace.drop_vars("points").rename(second_0="nearest_0")
    of_line = summary(line.rename(data_spacing_1="coordinate"))
    xr.testing.assert_identical(of_line["spacing_data"], found["spacing_data"])


def test_the_jackknife_of_a_mean_is_its_standard_error():
    runs = [np.array([v]) for v in np.random.default_rng(2).random(9)]
    value, error, dof = jackknife(np.mean, runs)
    flat = np.concatenate(runs)
    assert value == pytest.approx(flat.mean())
    assert error == pytest.approx(flat.std(ddof=1) / 3)
    assert dof == 8


def test_the_jackknife_of_a_slope_leaves_out_whole_runs():
    rng = np.random.default_rng(3)
    x, y = rng.normal(size=(2, 5, 7))
    slope = lambda x, y: float(np.polyfit(x, y, 1)[0])
    value, error, dof = jackknife(slope, list(x), list(y))
    assert value == pytest.approx(slope(x.ravel(), y.ravel()))
    kept = [[j for j in range(5) if j != out] for out in range(5)]
    without = np.array([slope(x[k].ravel(), y[k].ravel()) for k in kept])
    assert error == pytest.approx(2.0 * without.std())  # sqrt(n - 1), n = 5 runs
    assert dof == 4


def test_slacks_of_runs_keep_their_errors_whatever_the_order_of_dimensions():
    slack = xr.DataArray(np.arange(6.0).reshape(2, 3), dims=("size", "seed"))
    error = xr.DataArray(10 + np.arange(6.0).reshape(3, 2), dims=("seed", "size"))
    found = in_every_run("gm-score-falls", "x", slack, error, scale=error)
    np.testing.assert_array_equal(found.standard_error, error.T.values.ravel())
    np.testing.assert_array_equal(found.scale, error.T.values.ravel())
    assert found.seeds == 3


def test_a_stopped_run_goes_on_bit_for_bit(results, tmp_path):
    goes_on_bit_for_bit(results["gm1"], tmp_path, ticks=25)  # in the third training
