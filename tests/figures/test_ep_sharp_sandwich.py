"""ep6: the smoke preset end to end, and its judgement on doctored results."""

import dataclasses

import jax.numpy as jnp
import numpy as np
import pytest
import xarray as xr

from figures import catalogue, style
from figures.error_propagation import sharp_sandwich
from figures.error_propagation.evidence import exact
from figures.export import plotted
from figures.pipeline import compute
from figures.progress import SILENT
from sim.grid import uniform_grid
from sim.learners.perturbed import PerturbedScore, Shift
from sim.measures.grid_paths import grid_paths
from sim.sampling import ReverseSDE
from theory.claims import Outcome, decide
from theory.mixtures import gaussian_mixture
from theory.processes import ou

FIGURE = catalogue.figures()["ep6"]
SETTINGS = FIGURE.presets["smoke"]


def outcomes(evidence) -> dict[tuple[str, str], Outcome]:
    found = decide(evidence, catalogue.claims())
    return {(v.claim, v.setting.split(", ")[-1]): v.outcome for v in found}


CHAIN, PATHS = "chain on a grid", "branching"


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    return tmp_path_factory.mktemp("ep6")


@pytest.fixture(scope="module")
def smoke(root):
    return compute(FIGURE, "smoke", SETTINGS, root, SILENT)


def test_smoke_preset_surprises_nobody(smoke):
    judged = decide(smoke.evidence, catalogue.claims())
    assert {v.claim for v in judged} == set(FIGURE.claims)
    assert all(v.as_expected for v in judged)


def test_chains_paths_and_ratio_equation_agree(smoke):
    trace, curves = smoke.trace, smoke.curves
    asked = trace["energy"].broadcast_like(trace["eps_star2"])
    np.testing.assert_allclose(trace["eps_star2"], asked, rtol=0.03)
    assert float(trace["mass_lost"].max()) < 1e-9
    # 60 even steps: step-size error of some per cent, in both the same way
    ratio = trace["chi2"] / (trace["observability"] * trace["eps_star2"])
    visible = curves["continuum_eta"] * curves["continuum_eps_star2"]
    few = slice(None, -1)  # at energy 1 the error changes the steps' bias too
    np.testing.assert_allclose(
        ratio[:, few], (curves["continuum_chi2"] / visible)[:, few], rtol=0.02
    )
    at = {"tried": 1e-4, "method": "nearest"}
    energy, chi2, error = (a.sel(**at) for a in sharp_sandwich._branched(trace))
    truth = curves["continuum_chi2"].sel(energy=1e-4, method="nearest")
    assert float(abs(chi2 - truth).max() / error.max()) < 4


def test_more_seeds_extend_the_run(smoke, root):
    more = dataclasses.replace(SETTINGS, seeds=3)
    grown = compute(FIGURE, "smoke", more, root, SILENT)
    assert grown.trace.sizes["seed"] == 3
    xr.testing.assert_equal(
        grown.trace["branched_chi2"].isel(seed=slice(2)), smoke.trace["branched_chi2"]
    )
    assert len(grown.run.stored_groups()) == 2


def test_draws_chains_paths_and_theory(smoke):
    with style.applied():
        rows = plotted(sharp_sandwich.draw(SETTINGS, smoke.trace, smoke.curves))
    panels = {r.panel for r in rows}
    assert len(panels) == 3
    sizes = smoke.trace.sizes
    branched = [r for r in rows if r.series.startswith("branching")]
    assert len(branched) == sizes["sign"] * sizes["tried"]
    assert all(np.isfinite(r.y_low) for r in branched)
    assert "60 steps" in sharp_sandwich.caption(SETTINGS, smoke.trace)


@pytest.mark.parametrize(
    ("claim", "variable", "factor"),
    [
        ("sandwich", "chi2", 2.0),
        ("sandwich", "remainder", 0.1),
        ("thm-3.4-upper", "chi2", 10.0),
        ("prop-3.1", "kl", 2.5),
    ],
)
def test_doctored_results_are_rejected(smoke, claim, variable, factor):
    assert outcomes(smoke.evidence)[claim, CHAIN] is Outcome.HOLDS
    trace = smoke.trace.assign({variable: factor * smoke.trace[variable]})
    evidence = sharp_sandwich.judge(SETTINGS, trace, smoke.curves)
    assert outcomes(evidence)[claim, CHAIN] is Outcome.VIOLATED


@pytest.mark.parametrize(
    ("setting", "variable", "size"),
    [(CHAIN, "chi2", "energy"), (PATHS, "branched_chi2", "tried")],
)
def test_another_slope_is_rejected(smoke, setting, variable, size):
    steeper = smoke.trace[variable] * smoke.trace[size] ** 0.2
    trace = smoke.trace.assign({variable: steeper})
    trace["branched_chi2_se"] = trace["branched_chi2_se"] * trace["tried"] ** 0.2
    evidence = sharp_sandwich.judge(SETTINGS, trace, smoke.curves)
    assert outcomes(evidence)["slope-one", setting] is Outcome.VIOLATED


def test_the_inflated_floor_is_false_for_the_right_reason(smoke):
    """Negative amplitudes fall below it; lowered under all of them it would hold."""
    trace = smoke.trace
    visible = trace["observability"] * trace["eps_star2"]
    assert (trace["chi2"] < 1.1 * visible).sel(sign=-1).all()
    lowered = trace.assign(observability=0.7 * trace["observability"])
    evidence = sharp_sandwich.judge(SETTINGS, lowered, smoke.curves)
    assert outcomes(evidence)["inflated-floor", CHAIN] is Outcome.HOLDS


def test_half_is_the_best_constant_of_prop_3_1():
    """A shift is a consistent error: KL = eps_hat^2 / 2 up to exp(-T)."""
    process, law = ou(8.0, 0.0), gaussian_mixture([1.0], [0.0], 1.0)
    grid = uniform_grid(8.0, 101, 1, 8.0 / 250)
    q_t0 = jnp.exp(law.log_density(grid.points))
    fitted = PerturbedScore(law, Shift(jnp.array([0.2])), process)
    paths, _, _ = grid_paths(law, q_t0, fitted, process, grid, ReverseSDE(250))
    for coefficient, outcome in ((0.5, Outcome.HOLDS), (0.499, Outcome.VIOLATED)):
        slack = xr.DataArray(float(coefficient * paths.eps_hat2 - paths.kl))
        evidence = exact("prop-3.1", CHAIN, slack, xr.DataArray(float(paths.kl)))
        assert outcomes([evidence])["prop-3.1", CHAIN] is outcome
