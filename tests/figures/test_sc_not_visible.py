"""sc4: the smoke preset end to end, its judgement on doctored results, its estimators."""

import dataclasses

import numpy as np
import pytest
import xarray as xr

from figures import catalogue, style
from figures.export import plotted
from figures.pipeline import compute
from figures.progress import SILENT
from figures.replication import with_error
from figures.self_consuming import coherence, not_visible
from figures.self_consuming.learners import LEARNERS, schedules
from theory.claims import Outcome, decide
from theory.mixing import fixed_mixture, fully_synthetic, uniform_past
from theory.self_consuming.weights import stage_weights
from theory.validation import InputError

FIGURE = catalogue.figures()["sc4"]
SETTINGS = FIGURE.presets["smoke"]


def outcomes(trace, curves) -> dict[tuple[str, str], Outcome]:
    """By claim and learner; of several verdicts a violated one, else the last."""
    found: dict[tuple[str, str], Outcome] = {}
    for v in decide(not_visible.judge(SETTINGS, trace, curves), catalogue.claims()):
        key = v.claim, v.setting.split(",")[0]
        if found.get(key) is not Outcome.VIOLATED:
            found[key] = v.outcome
    return found


@pytest.fixture(scope="module")
def smoke(tmp_path_factory):
    return compute(FIGURE, "smoke", SETTINGS, tmp_path_factory.mktemp("sc4"), SILENT)


def test_smoke_preset_surprises_nobody(smoke):
    judged = decide(smoke.evidence, catalogue.claims())
    assert {v.claim for v in judged} == set(FIGURE.claims)
    assert [v.claim for v in judged if not v.as_expected] == []


def test_the_bound_turns_and_the_truth_of_unbiased_learners_does_not(smoke):
    last = smoke.trace.isel(generation=-1, lam=slice(None, -1)).mean("seed")
    for learner in ("gaussian", "categorical"):
        assert (np.diff(last["tv"].sel(learner=learner)) < 0).all()
        errors = smoke.trace["tv_step"].sel(learner=learner).mean("seed")
        rows = errors.transpose("lam", "generation").values
        bound = coherence.coherent(schedules(SETTINGS, learner), rows)[:-1, -1]
        assert bound[1] > 1.5 * bound[0]
        assert bound[1] > 1.2 * bound[2]


def test_biased_learners_sit_near_the_coherent_sum(smoke):
    for learner, low, high in (
        ("gaussian", -0.15, 0.15),
        ("categorical", -0.15, 0.15),
        ("minimax", 0.6, 1.0),
        ("smooth", 0.6, 1.0),
        ("kernel-loop", -0.4, 0.1),
    ):
        one = smoke.trace.sel(learner=learner).transpose(
            "seed", "lam", "generation", ...
        )
        place = coherence.position(
            schedules(SETTINGS, learner),
            one["tv"].mean("seed").values,
            one["tv_step"].mean("seed").values,
        )
        assert low < place[-1, -1] < high, learner
        assert np.isnan(place[:, 0]).all()  # of one model both sums are the error


def test_a_learner_that_gets_worse_with_synthetic_data_is_found(smoke):
    lam = smoke.trace["lam"].where(np.isfinite(smoke.trace["lam"]), 0.0)
    worse = smoke.trace.assign(tv=smoke.trace["tv"] * (1.0 + 0.2 * lam))
    found = outcomes(worse, smoke.curves)
    for learner in ("gaussian", "categorical"):
        assert found["sc-never-above", learner] is Outcome.VIOLATED
        assert found["sc-pathwise", learner] is Outcome.VIOLATED
        assert found["sc-quadrature", learner] is Outcome.VIOLATED
    assert found["sc-flat", "kernel-loop"] is Outcome.VIOLATED


def test_other_growth_is_rejected(smoke):
    model = smoke.trace["generation"] + 1.0
    linear = smoke.trace.assign(tv=smoke.trace["tv"] * model**0.5)
    root = smoke.trace.assign(tv=smoke.trace["tv"] * model**-0.5)
    found = outcomes(linear, smoke.curves)
    assert found["sc-root-growth", "gaussian"] is Outcome.VIOLATED
    assert found["sc-prediction", "gaussian"] is Outcome.VIOLATED
    found = outcomes(root, smoke.curves)
    assert found["sc-linear-growth", "minimax"] is Outcome.VIOLATED
    assert found["sc-linear-growth", "smooth"] is Outcome.VIOLATED


def test_a_bound_that_only_falls_is_rejected(smoke):
    lam = smoke.trace["lam"].where(np.isfinite(smoke.trace["lam"]), 0.0)
    shrink = 1.0 / (1.0 + lam)
    trace = smoke.trace.assign(tv_step=smoke.trace["tv_step"] * shrink)
    found = outcomes(trace, smoke.curves)
    assert found["sc-bound-turns", "gaussian"] is Outcome.VIOLATED
    assert found["sc-pathwise", "gaussian"] is Outcome.VIOLATED


def test_sums_against_brute_force():
    rng = np.random.default_rng(3)
    all_of = [fully_synthetic(5, 9.0), uniform_past(0.7, 5, 9.0)]
    errors = rng.uniform(0.1, 1.0, (2, 5))
    C, Q = coherence.coherent(all_of, errors), coherence.quadrature(all_of, errors)
    for k, schedule in enumerate(all_of):
        A = np.asarray(stage_weights(schedule))
        assert C[k, -1] == pytest.approx(np.sum(A * errors[k]), rel=1e-12)
        assert Q[k, -1] == pytest.approx(np.hypot.reduce(A * errors[k]), rel=1e-12)
    np.testing.assert_allclose(coherence.position(all_of, C, errors)[:, 1:], 1.0)
    np.testing.assert_allclose(
        coherence.position(all_of, Q, errors)[:, 1:], 0.0, atol=1e-12
    )


def test_exponents_and_their_bootstrap_error():
    model = np.arange(1.0, 21.0)
    np.testing.assert_allclose(coherence.exponent(3.0 * model**0.7), 0.7)
    rng = np.random.default_rng(0)
    scale = np.exp(0.1 * rng.standard_normal((400, 1)))  # slopes vary by 0.05
    runs = scale * model ** (0.5 + 0.05 * rng.standard_normal((400, 1)))
    slope, error = with_error(
        coherence.exponent, xr.DataArray(runs, dims=["seed", "generation"])
    )
    assert abs(slope - 0.5) < 5 * error
    assert 0.5 < error / (0.05 / np.sqrt(400)) < 2.0


def test_picture_and_caption(smoke):
    with style.applied():
        rows = plotted(not_visible.draw(SETTINGS, smoke.trace, smoke.curves))
    assert len({row.panel for row in rows}) == 6
    text = not_visible.caption(SETTINGS, smoke.trace)
    assert "iid, V1" in text
    assert "not a threshold of these models" in " ".join(text.split())
    assert len(LEARNERS) == smoke.trace.sizes["learner"]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"lams": (1.0, 2.0, 4.0)}, "lams must be three or more, increasing from 0"),
        ({"lams": (0.0, 4.0)}, "lams must be three or more, increasing from 0"),
        (
            {"lams": (0.0, 0.333, 4.0)},
            "lams must be whole numbers of points for n = 100",
        ),
        ({"early": 30}, "early must be from 2 to models = 10, got 30"),
        ({"rare": 1.5}, "rare must be in"),
        ({"n": 1}, "n must be >= 2, got 1"),
        ({"n_smooth": 0}, "n_smooth must be >= 1, got 0"),
    ],
)
def test_settings_that_cannot_be_meant_are_refused(change, message):
    with pytest.raises(InputError, match=message):
        dataclasses.replace(SETTINGS, **change)


def test_amounts_are_those_of_the_schedules():
    last = schedules(SETTINGS, "kernel")[1]
    first = fixed_mixture(100, 800, 10)
    np.testing.assert_array_equal(last.sizes, first.sizes)
    np.testing.assert_array_equal(last.beta, first.beta)
