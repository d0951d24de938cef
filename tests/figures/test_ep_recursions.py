"""ep1, ep7 and ep8 as a user runs them, and judgements that can fail."""

import numpy as np
import pytest

from figures import catalogue, style
from figures.error_propagation import accumulation, pca_drift, regime_map
from figures.pipeline import compute, judged
from figures.progress import SILENT
from theory.claims import Outcome, decide
from theory.error_propagation.kernel_recursion import shift_drift

MODULES = {"ep1": pca_drift, "ep7": accumulation, "ep8": regime_map}


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    folder = tmp_path_factory.mktemp("runs")
    chosen = catalogue.select(list(MODULES))
    return {
        f.id: compute(f, "smoke", f.presets["smoke"], folder, SILENT) for f in chosen
    }


@pytest.mark.parametrize("id", MODULES)
def test_smoke_preset_is_judged_as_expected_and_drawn(results, id):
    result, module = results[id], MODULES[id]
    for row in judged([result]):
        assert row.verdict.as_expected, row.verdict
    with style.applied():
        fig = module.draw(result.settings, result.trace, result.curves)
    assert fig.axes
    text = module.caption(result.settings, result.trace)
    assert f"{result.settings.seeds} seeds" in text


def verdicts(result, **changed):
    trace = result.trace.assign(
        {name: fn(result.trace[name]) for name, fn in changed.items()}
    )
    module = MODULES[result.figure.id]
    curves = module.predict(result.settings, trace)
    found = module.judge(result.settings, trace, curves)
    return {v.claim: v.outcome for v in decide(found, catalogue.claims())}


def test_a_broken_identity_is_seen(results):
    sound = verdicts(results["ep7"])
    assert sound["one-step"] is sound["mixing"] is Outcome.HOLDS
    broken = verdicts(results["ep7"], D=lambda D: 1.001 * D, mixed=lambda m: 1.001 * m)
    assert broken["one-step"] is broken["mixing"] is Outcome.VIOLATED


def test_bounds_reject_a_drift_beyond_them(results):
    broken = verdicts(results["ep7"], D=lambda D: 30.0 * D)
    for claim in ("unrolled-root", "unrolled-linear", "unrolled-weighted"):
        assert broken[claim] is Outcome.VIOLATED
    low = verdicts(results["ep7"], D=lambda D: 1e-6 * D)
    assert low["delayed-floor"] is low["prop-4.1-floor"] is Outcome.VIOLATED
    assert low["prop-4.1-sum"] is Outcome.VIOLATED


def test_display_of_theorem_4_2_fails_at_both_ends_with_its_hypotheses_met(results):
    found = verdicts(results["ep7"])
    assert found["thm-4.2-upper"] is found["thm-4.2-lower"] is Outcome.VIOLATED
    # with unbounded tails the theorem would not apply, and the verdict says so
    heavy = verdicts(results["ep7"], intra=lambda I: I / 100.0)
    assert heavy["thm-4.2-upper"] is Outcome.HYPOTHESES_NOT_MET


def test_a_wrong_second_moment_is_seen(results):
    off = verdicts(results["ep1"], second_moment=lambda m: 1.5 * m)
    assert off["kde-moment"] is Outcome.VIOLATED
    assert off["finite-chi2"] is Outcome.VACUOUS


def test_a_wrong_stationary_drift_is_seen(results):
    off = verdicts(results["ep8"], D=lambda D: 30.0 * D)
    assert off["stationary-drift"] is Outcome.VIOLATED


def test_aligned_errors_are_run_once_and_are_those_of_every_seed(results):
    D = results["ep8"].trace["D"]
    aligned = D.sel(kind="aligned")
    assert (aligned == aligned.isel(seed=0)).all()
    assert float(D.sel(kind="unbiased").isel(generation=-1).std("seed").min()) > 0.0


def test_contours_follow_drift_and_controls_fail_for_the_right_reason(results):
    result = results["ep8"]
    assert verdicts(result)["drift-contour-shifted"] is Outcome.VIOLATED
    # half the drift: a target is reached at twice the energy, where the control has it
    half = verdicts(result, D=lambda D: 0.5 * D)
    assert half["drift-contour-shifted"] is Outcome.HOLDS
    lost = verdicts(result, D=lambda D: 1e-6 * D)
    assert lost["drift-contour"] is Outcome.NOT_MEASURABLE
    aligned = result.trace["D"].sel(kind="aligned")
    alike = verdicts(result, D=lambda D: D.where(D["kind"] == "aligned", aligned))
    assert alike["drift-combined-alike"] is not Outcome.VIOLATED
    assert alike["drift-contour"] is Outcome.VIOLATED


def test_drift_may_vanish_while_its_sum_diverges():
    # Prop 4.1 (i) and no more: eps_i^2 = .09/(i+1) is not summable, yet D_i tends to 0
    n = 400
    drift = shift_drift(0.5, 0.3 / np.sqrt(np.arange(1, n + 1)))
    D, partial = np.asarray(drift.D[1:]), np.cumsum(drift.D[1:])
    assert D[-1] < 0.05 * D.max()
    # the partial sums grow like a logarithm: as much from 100 to 400 as from 25 to 100
    growth = (partial[399] - partial[99]) / (partial[99] - partial[24])
    assert abs(growth - 1.0) < 0.1
    assert (partial >= np.cumsum(drift.J) / 1.5**2).all()


def test_cancelling_shifts_undo_what_is_left():
    rng = np.random.default_rng(0)
    s = accumulation.shifts("cancelling", 0.1, 0.2, 4, rng)
    np.testing.assert_allclose(s[1], -0.9 * s[0])
    np.testing.assert_allclose(s[3], -0.9 * s[2])
