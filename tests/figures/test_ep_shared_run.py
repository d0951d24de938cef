"""ep3 to ep5: one run for three figures, and a judgement that can say no."""

import numpy as np
import pytest
import xarray as xr

from figures import catalogue, style
from figures.error_propagation import equivalence, memory, one_generation
from figures.error_propagation.presets import OneGeneration
from figures.export import plotted
from figures.pipeline import compute, judged
from figures.progress import SILENT
from sim.store import Run
from theory.claims import Outcome, decide

IDS = ("ep3", "ep4", "ep5")
SETTINGS = OneGeneration(seeds=3, alphas=(0.5,), generations=4)


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    root = tmp_path_factory.mktemp("out")
    figures = catalogue.figures()
    return {
        id: compute(figures[id], "smoke", figures[id].presets["smoke"], root, SILENT)
        for id in IDS
    }


def test_three_figures_look_at_one_run(results):
    root = results["ep3"].run.root
    assert [run.figure for run in Run.all(root)] == ["ep3"]
    for id in ("ep4", "ep5"):
        xr.testing.assert_identical(results[id].trace, results["ep3"].trace)
    done = [s["what"] for s in results["ep3"].run.timing()["sessions"]]
    assert done == ["simulated", "reused", "reused"]


def test_every_verdict_of_the_smoke_preset_is_expected(results):
    verdicts = [j.verdict for j in judged(results.values())]
    assert [v for v in verdicts if not v.as_expected] == []
    judged_claims = {v.claim for v in verdicts}
    promised = {c for id in IDS for c in catalogue.figures()[id].claims}
    assert judged_claims == promised


@pytest.mark.parametrize("id", IDS)
def test_figures_are_drawn_and_captioned(results, id):
    result = results[id]
    with style.applied():
        fig = result.module.draw(result.settings, result.trace, result.curves)
    rows = plotted(fig)
    assert len(rows) >= 4
    assert all(row.series for row in rows)
    text = result.module.caption(result.settings, result.trace)
    assert f"{result.settings.n_network:,} points" in text
    assert "reference endpoint" in text


def test_what_was_not_measured_has_no_number(results):
    trace = results["ep3"].trace
    assert trace["mass_lost"].sel(learner="kernel").isnull().all()
    assert trace["second_moment"].sel(learner="network1d").isnull().all()
    for name in ("kl", "chi2", "eps_star2", "eps_hat2", "observability", "remainder"):
        assert np.isfinite(trace[name]).all()


def test_the_three_learners_draw_apart(results):
    losses = results["ep3"].trace["eps_star2"]
    assert len(np.unique(losses)) == losses.size


# Judgement, on made-up traces of one generation's quantities


def made_up(**changed) -> xr.Dataset:
    """Small errors that obey every law, then `changed`."""
    sizes = {"learner": 3, "seed": 3, "alpha": 1, "generation": 4}
    coords = {
        "learner": list(one_generation.LEARNERS),
        "seed": range(3),
        "alpha": [0.5],
        "generation": range(4),
    }
    eta, star, r = 0.5, 0.04, 0.02
    values = {
        "eps_star2": star,
        "eps_hat2": star,
        "observability": eta,
        "visible_energy": eta * star,
        "remainder": r,
        "start_kl": 0.001,
        "kl": 0.001 + star / 2,
        "chi2": eta * star,
        "chi2_largest_share": 0.01,
        "mass_lost": 1e-9,
        "kl_se": 1e-4,
        "chi2_se": 1e-4,
        "eps_hat2_se": 1e-4,
        "visible_energy_se": 1e-4,
        "start_kl_se": 1e-5,
    }
    return xr.Dataset(
        {
            name: (tuple(sizes), np.full(tuple(sizes.values()), value))
            for name, value in (values | changed).items()
        },
        coords=coords,
    )


def outcomes(module, trace) -> dict[tuple[str, str], Outcome]:
    curves = module.predict(SETTINGS, trace)
    found = decide(module.judge(SETTINGS, trace, curves), catalogue.claims())
    return {(v.claim, v.setting.split(",")[0].split()[0]): v.outcome for v in found}


def test_laws_that_hold_are_found_to_hold():
    # networks' KL is below its bound; the kernel's equals it
    found = outcomes(one_generation, made_up())
    assert found.pop(("prop-3.1", "Kernel")) == Outcome.INCONCLUSIVE
    assert set(found.values()) == {Outcome.HOLDS}
    assert set(outcomes(equivalence, made_up()).values()) == {Outcome.HOLDS}


def test_an_energy_halved_is_noticed():
    # eps_hat^2/4 in place of eps_hat^2/2: the identity sees it, and so does the bound
    found = outcomes(one_generation, made_up(eps_hat2=0.02))
    assert found["kl-equality", "Kernel"] == Outcome.VIOLATED
    assert found["prop-3.1", "Kernel"] == Outcome.VIOLATED
    assert found["prop-3.1", "Network"] == Outcome.VIOLATED


def test_half_a_percent_is_noticed_where_prop_31_is_an_equality():
    # coefficient 0.4975, one draw in a million of error
    exact = {"kl_se": 1e-8, "eps_hat2_se": 1e-8, "start_kl_se": 1e-8}
    short = made_up(eps_hat2=0.04 * 0.995, **exact)
    assert outcomes(one_generation, short)["prop-3.1", "Kernel"] == Outcome.VIOLATED


def test_too_small_a_divergence_violates_the_floor():
    low = made_up(chi2=0.9 * 0.5 * 0.04 / 8)
    found = outcomes(one_generation, low)
    assert found["prop-3.3", "Network"] == Outcome.VIOLATED
    assert found["sandwich", "Network"] == Outcome.VIOLATED
    # between an eighth and a quarter only the stronger form of ep4 is violated
    between = made_up(chi2=1.5 * 0.5 * 0.04 / 8)
    assert outcomes(one_generation, between)["prop-3.3", "Network"] == Outcome.HOLDS
    assert outcomes(equivalence, between)["prop-3.3", "Network"] == Outcome.VIOLATED


def test_too_large_a_divergence_violates_the_upper_bounds():
    high = made_up(chi2=1.1 * 4 * 0.04)
    assert outcomes(one_generation, high)["sandwich", "Network"] == Outcome.VIOLATED
    assert outcomes(equivalence, high)["thm-3.4-upper", "Network"] == Outcome.VIOLATED


def test_large_errors_are_outside_the_theorem():
    found = outcomes(one_generation, made_up(eps_star2=1.5, chi2=0.0, kl=0.0))
    assert found["prop-3.3", "Kernel"] == Outcome.HYPOTHESES_NOT_MET
    assert found["prop-3.3", "Network"] == Outcome.HYPOTHESES_NOT_MET


def test_only_generations_within_the_hypotheses_are_judged():
    trace = made_up()
    first = trace["generation"] == 0
    trace["remainder"] = trace["remainder"].where(~first, 1.0)
    trace["chi2"] = trace["chi2"].where(~first, 1e-9)
    assert outcomes(one_generation, trace)["prop-3.3", "Network"] == Outcome.HOLDS


def test_chi2_that_one_draw_makes_is_not_shown():
    curves = one_generation.predict(SETTINGS, made_up(chi2_largest_share=0.5))
    assert curves["chi2"].isnull().all()
    assert (curves["chi2_least"] > 0).all()


def test_contributions_fade_as_the_memory_says():
    curves = memory.predict(SETTINGS, made_up())
    table = curves["contribution"].sel(alpha=0.5).values
    expected = [
        [0.04 * 0.5 ** (2 * (n - i)) if i <= n else 0.0 for i in range(4)]
        for n in range(4)
    ]
    np.testing.assert_allclose(table, expected, rtol=1e-12)
    weights = 0.25 ** np.arange(60)
    np.testing.assert_allclose(curves["memory"], weights.sum(), rtol=1e-12)
