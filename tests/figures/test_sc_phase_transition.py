"""sc2: the smoke preset end to end, its judgement on doctored results, its thresholds."""

import dataclasses

import jax.random as jr
import numpy as np
import pytest
import xarray as xr

from figures import catalogue, style
from figures.export import plotted
from figures.pipeline import compute
from figures.progress import SILENT
from figures.replication import replica_keys
from figures.self_consuming import peak as peaks
from figures.self_consuming import phase_transition
from figures.self_consuming.presets import transition as presets
from figures.self_consuming.transition_evidence import bound_shape, far_of
from theory.claims import Outcome, decide
from theory.validation import InputError

FIGURE = next(f for f in presets.FIGURES if f.id == "sc2")
SETTINGS = FIGURE.presets["smoke"]


@pytest.fixture(scope="module")
def smoke(tmp_path_factory):
    return compute(FIGURE, "smoke", SETTINGS, tmp_path_factory.mktemp("sc2"), SILENT)


def outcomes(evidence) -> dict[str, set[Outcome]]:
    found: dict[str, set[Outcome]] = {}
    for verdict in decide(evidence, catalogue.claims()):
        found.setdefault(verdict.claim, set()).add(verdict.outcome)
    return found


def test_smoke_preset_surprises_nobody(smoke):
    judged = decide(smoke.evidence, catalogue.claims())
    assert {v.claim for v in judged} == set(FIGURE.claims)
    assert [v.claim for v in judged if not v.as_expected] == []
    assert smoke.trace["tv"].sizes["seed"] == SETTINGS.seeds
    assert smoke.trace["far_tv"].sizes["far_seed"] == SETTINGS.far_seeds


def test_claims_that_need_no_luck_hold(smoke):
    found = outcomes(smoke.evidence)
    for claim in ("sc-transition", "sc-rise-and-fall", "sc-large-m", "sc-bound-shape"):
        assert found[claim] == {Outcome.HOLDS}
    assert found["sc-threshold-of-bound"] == {Outcome.VIOLATED}
    assert found["sc-pathwise-control"] == {Outcome.VIOLATED}


def judged_with(smoke, **variables) -> dict[str, set[Outcome]]:
    trace = smoke.trace.assign(variables)
    return outcomes(phase_transition.judge(SETTINGS, trace, smoke.curves))


def test_a_curve_that_only_rises_is_rejected(smoke):
    tv, far = smoke.trace["tv"], smoke.trace["far_tv"]
    found = judged_with(smoke, tv=tv + 0.01 * np.log1p(tv["lam"]), far_tv=far + 0.5)
    assert found["sc-transition"] == {Outcome.VIOLATED}
    assert found["sc-rise-and-fall"] == {Outcome.VIOLATED}
    assert found["sc-large-m"] == {Outcome.VIOLATED}
    assert found["sc-peak-bracket"] == {Outcome.VIOLATED}


def test_ten_per_cent_more_are_not_the_prediction(smoke):
    found = judged_with(smoke, tv=1.1 * smoke.trace["tv"])
    assert Outcome.VIOLATED in found["sc-prediction"]
    assert Outcome.VIOLATED in found["sc-pathwise"]


def test_another_second_moment_is_rejected(smoke):
    moment = smoke.trace["law_second_moment"]
    found = judged_with(smoke, law_second_moment=moment + 0.2)
    assert Outcome.VIOLATED in found["sc-second-moment"]


def test_the_shape_with_another_threshold_is_rejected():
    (good,) = decide([bound_shape(20, 0.25)], catalogue.claims())
    (bad,) = decide([bound_shape(20, 0.25, threshold=30.0)], catalogue.claims())
    assert good.outcome is Outcome.HOLDS
    assert bad.outcome is Outcome.VIOLATED


def test_the_identity_is_the_shape_of_rate_two_fifths(smoke):
    simulated = smoke.curves["simulated"].values
    by_shape = smoke.curves["moment"].sel(lam=simulated).values
    np.testing.assert_allclose(smoke.curves["identity"].values, by_shape, rtol=1e-12)


def curve(lam, mean, error) -> xr.Dataset:
    dof = np.full(len(lam), 99.0)
    rows = {"mean": mean, "error": error, "dof": dof}
    return xr.Dataset({k: ("lam", v) for k, v in rows.items()}, coords={"lam": lam})


def test_the_peak_of_a_cubic_is_found_with_its_error():
    lam = np.array([0.0, 8.0, 16.0, 24.0, 32.0, 64.0, 128.0])
    u = np.log1p(lam)
    mean = 0.2 - 0.01 * (u - 3.0) ** 2 - 0.002 * (u - 3.0) ** 3
    error = np.full(len(lam), 1e-4)
    found, spread = peaks.peak(curve(lam, mean, error), 20.0)
    assert found == pytest.approx(np.expm1(3.0), rel=1e-9)
    rng = np.random.default_rng(0)
    again = [
        peaks.peak(curve(lam, mean + error * rng.normal(size=7), error), 20.0)[0]
        for _ in range(400)
    ]
    assert np.std(again) == pytest.approx(spread, rel=0.15)
    assert np.isnan(peaks.peak(curve(lam[:4], mean[:4], error[:4]), 20.0)[0])


def test_far_results_have_their_common_names(smoke):
    far = far_of(smoke.trace)
    assert set(far.dims) == {"seed", "lam", "generation"}
    assert "tv_step" in far
    assert list(far["lam"].values) == list(SETTINGS.far_lams)


def test_picture_and_caption(smoke):
    with style.applied():
        fig = phase_transition.draw(SETTINGS, smoke.trace, smoke.curves)
    table = plotted(fig)
    assert len({row.panel for row in table}) == 3
    marks = {row.series.split(":")[0] for row in table if "ast" in row.series}
    assert len(marks) == 4
    assert "V1" in phase_transition.caption(SETTINGS, smoke.trace)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"models": 1}, "models must be >= 2, got 1"),
        ({"n": 0}, "n must be >= 1, got 0"),
        ({"lams": ()}, "lams must be 3 or more increasing numbers from 0 on"),
        ({"lams": (1.0, 2.0, 3.0)}, "lams must be 3 or more increasing numbers from 0"),
        ({"lams": (0.0, 0.125, 1.0)}, "lams must be whole numbers when times n = 100"),
        ({"lams": (0.0, -1.0, 1.0)}, r"lams must be in \[0, inf\], got -1"),
        ({"far_lams": ()}, "far_lams must be at least one value"),
        ({"far_lams": (2.0,)}, "far_lams must be > 30, got 2"),
        ({"constant": 0.0}, "constant must be positive"),
    ],
)
def test_settings_that_cannot_be_meant_are_refused(change, message):
    with pytest.raises(InputError, match=message):
        dataclasses.replace(SETTINGS, **change)


def test_keys_of_a_replica_depend_on_its_own_indices_alone():
    few, many = replica_keys(3, range(2), 4), replica_keys(3, range(5), 4)
    assert (jr.key_data(few) == jr.key_data(many)[:8]).all()
    own = jr.fold_in(jr.fold_in(jr.key(3), 1), 2)
    assert (jr.key_data(few)[6] == jr.key_data(own)).all()
