"""sc6: the smoke preset end to end, and its judgement on doctored results."""

import contextlib
import dataclasses

import numpy as np
import pytest
import xarray as xr

from figures import catalogue, style
from figures.export import plotted
from figures.pipeline import compute
from figures.progress import SILENT
from figures.self_consuming import random_features
from figures.self_consuming.random_feature_loops import (
    along_amounts,
    cases,
    schedules_of,
    simulate_population,
)
from sim.store import Group
from theory.claims import Outcome, decide
from theory.mixing import fixed_mixture
from theory.self_consuming.weights import stage_weights
from theory.validation import InputError

FIGURE = catalogue.figures()["sc6"]
SETTINGS = FIGURE.presets["smoke"]


@pytest.fixture(scope="module")
def smoke(tmp_path_factory):
    return compute(FIGURE, "smoke", SETTINGS, tmp_path_factory.mktemp("sc6"), SILENT)


def outcomes(smoke, trace=None, curves=None) -> dict[str, set[Outcome]]:
    """Outcomes by claim."""
    trace = smoke.trace if trace is None else trace
    curves = smoke.curves if curves is None else curves
    found = {}
    for v in decide(random_features.judge(SETTINGS, trace, curves), catalogue.claims()):
        found.setdefault(v.claim, set()).add(v.outcome)
    return found


def replaced(smoke, sampler: str, clock: str, factors) -> dict:
    """Last models of one sampler and clock multiplied by a factor for each amount."""
    tv = smoke.trace["tv"].copy(deep=True)
    chosen = [c for c in cases(SETTINGS, sampler) if c.clock == clock]
    for c, factor in zip(chosen, factors, strict=True):
        tv.loc[{"case": c.label, "generation": SETTINGS.models - 1}] *= factor
    return smoke.trace.assign(tv=tv)


def test_smoke_preset_surprises_nobody(smoke):
    judged = decide(smoke.evidence, catalogue.claims())
    assert {v.claim for v in judged} == set(FIGURE.claims)
    assert [v.claim for v in judged if not v.as_expected] == []
    assert smoke.trace["sampled_tv"].sizes["seed"] == SETTINGS.seeds
    assert np.isfinite(smoke.trace["sampled_tv"]).all()
    population = smoke.trace["tv"].dropna("seed")
    assert population.sizes["seed"] == SETTINGS.draws


def test_seeds_beyond_the_draws_have_no_population_loops(smoke, tmp_path):
    more = Group(tmp_path, range(2, 4), contextlib.nullcontext)
    rest = simulate_population(SETTINGS, more, SILENT)
    joined = xr.concat([smoke.trace[["tv", "tv_step"]], rest], "seed", join="exact")
    assert joined["tv"].dtype == np.float64
    assert joined["tv"].dropna("seed").sizes["seed"] == SETTINGS.draws


def test_a_draw_that_diverged_is_not_left_out(smoke):
    tv = smoke.trace["tv"].copy(deep=True)
    tv.loc[{"case": "matched long 64", "seed": 0}] = np.nan
    found = outcomes(smoke, smoke.trace.assign(tv=tv))
    assert Outcome.NOT_MEASURABLE in found["sc-pathwise"]
    assert Outcome.NOT_MEASURABLE in found["sc-rf-fall"]


def test_without_synthetic_data_every_population_model_is_the_first(smoke):
    """Nothing is drawn: what differs between models is the mixture alone."""
    for sampler, clock in (("posterior", "long"), ("matched", "root")):
        tv = along_amounts(smoke.trace["tv"], SETTINGS, sampler, clock).sel(lam=0.0)
        first = tv.isel(generation=0)
        np.testing.assert_allclose(tv / first, 1.0, rtol=1e-9)


def test_the_two_clocks_agree_where_there_are_no_synthetic_points(smoke):
    short, root = (
        along_amounts(smoke.trace["tv"], SETTINGS, "matched", clock).sel(lam=0.0)
        for clock in ("short", "root")
    )
    np.testing.assert_allclose(short, root, rtol=1e-9)


def test_more_points_train_the_first_model_longer(smoke):
    for clock in ("short", "long", "root"):
        tv = along_amounts(smoke.trace["tv"], SETTINGS, "matched", clock)
        assert (tv.isel(generation=0).dropna("seed").diff("lam") < 0).all()


def test_features_differ_between_runs(smoke):
    first = smoke.trace["sampled_tv"].isel(generation=0, lam=-1)
    assert abs(float(first[0] - first[1])) > 1e-4


def test_the_coherent_sum_is_the_floor_times_the_sum_of_weights(smoke):
    top, floor = (
        SETTINGS.lams[-1],
        float(smoke.curves["floor"].sel(sampler="matched")[0]),
    )
    for models in (1, 3, SETTINGS.models):
        schedule = fixed_mixture(SETTINGS.n, SETTINGS.n * top, models)
        wanted = floor * float(stage_weights(schedule).sum())
        found = smoke.curves["coherent"].sel(sampler="matched", lam=top)
        found = found.isel(generation=models - 1)[0]
        assert float(found) == pytest.approx(wanted, rel=1e-10)


def test_the_drawn_bound_is_the_sum_of_the_runs_own_errors(smoke):
    lam = SETTINGS.sampled_lams[1]
    (schedule,) = schedules_of(SETTINGS, [lam])
    step = smoke.trace["sampled_tv_step"].sel(lam=lam).mean("seed")
    wanted = float(np.asarray(stage_weights(schedule)) @ step.values)
    found = smoke.curves["bound"].sel(sampled_lam=lam).isel(generation=-1)
    assert float(found) == pytest.approx(wanted, rel=1e-10)


def test_a_filter_in_proportion_to_n_never_loses_more(smoke):
    """Against the recursion delta' = l + (1 - l) beta delta, step by step."""
    lam, l0 = 8.0, 0.7
    for power, above in ((1.0, False), (0.5, True)):
        loss, delta = l0 ** ((1 + lam) ** power), 0.0
        for s in range(SETTINGS.models):
            delta = loss + (1 - loss) * (lam / (1 + lam) if s else 0.0) * delta
        found = smoke.curves["filter"].sel(power=power, lost=l0, lam=lam)
        assert float(found) == pytest.approx(delta / l0, rel=1e-10)
        assert (delta > l0) == above


def test_results_that_deny_the_claims_are_rejected(smoke):
    k = len(SETTINGS.lams)
    steep = replaced(smoke, "matched", "short", [1.0, 2.0, 3.0, 30.0])
    found = outcomes(smoke, steep)
    for claim in ("sc-pathwise", "sc-rf-fall", "sc-rf-small-rise", "sc-rf-transition"):
        assert Outcome.VIOLATED in found[claim], claim
    falling = replaced(smoke, "posterior", "long", np.geomspace(1.0, 0.3, k))
    found = outcomes(smoke, falling)
    assert found["sc-rf-floor-returns"] == {Outcome.VIOLATED}
    assert found["sc-rf-floor-coherent"] == {Outcome.VIOLATED}
    flat = replaced(smoke, "matched", "root", np.geomspace(1.0, 0.3, k))
    assert outcomes(smoke, flat)["sc-rf-clock"] == {Outcome.VIOLATED}


def test_a_rise_of_the_samples_would_be_seen(smoke):
    tv = smoke.trace["sampled_tv"].copy(deep=True)
    tv[{"generation": -1}] = 0.1 + 1e-6 * np.arange(SETTINGS.seeds)[:, None]
    tv.loc[{"generation": SETTINGS.models - 1, "lam": 2.0}] *= 3.0
    found = outcomes(smoke, smoke.trace.assign(sampled_tv=tv))
    assert found["sc-rf-transition-sampled"] == {Outcome.HOLDS}


def test_picture_and_caption(smoke):
    with style.applied():
        table = plotted(random_features.draw(SETTINGS, smoke.trace, smoke.curves))
    titles = {row[0] for row in table}
    assert len(titles) == 6
    said = random_features.caption(SETTINGS, smoke.trace)
    for words in (
        "unknown to us",
        "without sampling error",
        "exact gradient",
        "V1",
        "iid",
    ):
        assert words in said


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"draws": 9}, "draws must be from 1 to seeds = 2"),
        ({"lams": (0.0, 1.0)}, "lams must be three or more, increasing from 0"),
        ({"lams": (1.0, 2.0, 64.0)}, "lams must be three or more, increasing from 0"),
        ({"lams": (0.0, 0.005, 64.0)}, "lams must be whole numbers of points"),
        ({"sampled_lams": (0.0, 3.0, 64.0)}, "sampled_lams must be some of lams"),
        ({"sampled_lams": (0.0, 2.0, 8.0)}, "sampled_lams must be some of lams"),
        ({"long_time": 5.0}, "long_time must be > time = 10"),
        ({"models": 1}, "models must be >= 2"),
        ({"features": 0}, "features must be >= 1"),
        ({"time": -1.0}, "time must be positive"),
        ({"first_features": -1}, "first_features must be in"),
    ],
)
def test_settings_that_cannot_be_meant_are_refused(change, message):
    with pytest.raises(InputError, match=message):
        dataclasses.replace(SETTINGS, **change)
