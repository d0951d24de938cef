"""sc1: the smoke preset end to end, its judgement on doctored results, what it refuses."""

import dataclasses

import numpy as np
import pytest

from figures import style
from figures.export import plotted
from figures.pipeline import compute
from figures.progress import SILENT
from figures.self_consuming import growth
from figures.self_consuming.kernel_theory import predictions
from figures.self_consuming.plane import simulate_plane
from figures.self_consuming.presets import common
from figures.self_consuming.presets.growth import CLAIMS, FIGURES
from figures.self_consuming.schemes import bandwidths, schemes
from theory.claims import Outcome, decide
from theory.mixing import accumulate, fully_synthetic, latest
from theory.mixtures import gaussian_mixture
from theory.self_consuming.kernel_density.grid import loop_grid
from theory.self_consuming.kernel_density.loop import kernel_loop
from theory.self_consuming.kernel_density.total_variation import predicted_tv
from theory.validation import InputError

FIGURE = next(figure for figure in FIGURES if figure.id == "sc1")
KNOWN = {claim.id: claim for claim in (*common.CLAIMS, *CLAIMS)}
SETTINGS = FIGURE.presets["smoke"]


def outcomes(trace, curves) -> dict[str, set[Outcome]]:
    found: dict[str, set[Outcome]] = {}
    for verdict in decide(growth.judge(SETTINGS, trace, curves), KNOWN):
        found.setdefault(verdict.claim, set()).add(verdict.outcome)
    return found


@pytest.fixture(scope="module")
def smoke(tmp_path_factory):
    return compute(FIGURE, "smoke", SETTINGS, tmp_path_factory.mktemp("sc1"), SILENT)


def test_smoke_preset_surprises_nobody(smoke):
    judged = decide(smoke.evidence, KNOWN)
    assert {v.claim for v in judged} == set(FIGURE.claims)
    assert [v for v in judged if not v.as_expected] == []


def test_full_data_match_an_independent_simulation(smoke):
    """iid, n_s = 100 (s+1): 400 runs of another program, standard error about 2 %."""
    tv = smoke.trace["tv"].sel(scheme="all")
    for model, found in ((1, 0.0687), (2, 0.0680), (5, 0.0680)):
        values = tv.isel(generation=model - 1)
        error = float(values.std("seed", ddof=1)) / np.sqrt(values.sizes["seed"])
        allowed = 4.0 * np.hypot(error, 0.02 * found)
        assert abs(float(values.mean()) - found) < allowed


def test_model_1_attains_the_bound_and_later_ones_do_not(smoke):
    trace, curves = smoke.trace, smoke.curves
    mean = trace["tv"].mean("seed")
    assert np.allclose(curves["measured"][:, 0], mean.isel(generation=0), rtol=1e-12)
    last = {"generation": -1}
    assert (curves["measured"].isel(last) > 1.2 * mean.isel(last)).all()
    shape, bound = (
        curves[name].sel(scheme="synthetic") for name in ("shape", "measured")
    )
    assert np.allclose(shape / shape[0], np.arange(1, SETTINGS.generations + 1))
    assert float(abs(shape / bound - 1.0).max()) < 0.25


@pytest.mark.parametrize(
    ("claim", "variable", "change"),
    [
        ("sc-pathwise", "tv", lambda v: v.where(v["generation"] == 0, 4.0 * v)),
        ("sc-pathwise", "plane_tv", lambda v: v.where(v["step"] == 0, 3.0 * v)),
        ("sc-prediction", "tv", lambda v: 1.2 * v),
        ("sc-lower", "tv", lambda v: 0.5 * v),
        ("sc-upper", "tv", lambda v: 1.6 * v),
        ("sc-controlled", "tv", lambda v: v.where(v["generation"] == 0, 2.5 * v)),
        ("sc-uncontrolled", "tv", lambda v: v.where(v["generation"] == 0, 0.6 * v)),
    ],
)
def test_doctored_runs_are_rejected(smoke, claim, variable, change):
    trace = smoke.trace.assign({variable: change(smoke.trace[variable])})
    trace = trace.transpose(*smoke.trace["tv"].dims, ...)
    assert Outcome.VIOLATED not in outcomes(smoke.trace, smoke.curves)[claim]
    assert Outcome.VIOLATED in outcomes(trace, smoke.curves)[claim]


def test_a_wrong_closed_form_is_noticed(smoke, monkeypatch):
    wrong = tuple(
        dataclasses.replace(s, factor=lambda G, r, f=s.factor: f(G + 1, r))
        for s in schemes(SETTINGS)
    )
    monkeypatch.setattr(growth, "schemes", lambda settings: wrong)
    found = {v.claim: v.outcome for v in decide(growth._closed_forms(SETTINGS), KNOWN)}
    assert found["sc-bound-closed"] is Outcome.VIOLATED


def test_predictions_in_lots_are_those_of_single_loops():
    real, G = gaussian_mixture([1.0], [0.0], 1.0), 4
    loops = [accumulate(G, 150), fully_synthetic(G, 200), latest(0.3, G, 90)]
    h = np.stack([bandwidths(s, 1.06) for s in loops])
    together = predictions(loops, h)
    for k, (loop, row) in enumerate(zip(loops, h, strict=True)):
        grid = loop_grid(real, row, G)
        alone = kernel_loop(loop, row, real, grid, "iid")
        tv = predicted_tv(alone.means, alone.variances, real, grid)
        for name in ("lower", "prediction", "upper"):
            np.testing.assert_allclose(
                together[name][k], getattr(tv, name), rtol=2e-6, err_msg=name
            )


def test_seeds_beyond_those_of_the_plane_have_no_points_there():
    class Empty:
        seeds = range(5, 7)

    class Loop:
        class recursion:  # noqa: N801
            generations = 3

    trace = simulate_plane(Loop, Empty, 5, 0, {"mix": [0.0, 0.25]}, SILENT)
    assert dict(trace.sizes) == {"seed": 2, "mix": 2, "generation": 3}
    assert np.isnan(trace["tv"]).all()


def test_picture_and_caption(smoke):
    with style.applied():
        rows = plotted(growth.draw(SETTINGS, smoke.trace, smoke.curves))
    assert len({row.panel for row in rows}) == len(schemes(SETTINGS)) + 1
    said = growth.caption(SETTINGS, smoke.trace)
    assert "protocol iid" in said
    assert "V1" in said
    assert "never fitted" in said


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"alpha": 0.0}, r"alpha must be in \(0, 1\)"),
        ({"past": 1.0}, r"past must be in \(0, 1\)"),
        ({"vanishing": 1.5}, r"vanishing must be in \(0, 1\]"),
        ({"exponent": 0}, "exponent must be >= 1"),
        ({"lam": 0.123}, "lam must be a whole number of points at n = 100"),
        ({"batch": 0.333}, "batch must be a whole number of points at n = 100"),
        ({"generations": 2}, "generations must be >= 3"),
        ({"times": 1.0}, "times must be > 1"),
        ({"plane_nodes": 8}, "plane_nodes must be >= 16"),
    ],
)
def test_settings_that_cannot_be_meant_are_refused(change, message):
    with pytest.raises(InputError, match=message):
        dataclasses.replace(SETTINGS, **change)
