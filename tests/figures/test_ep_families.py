"""ep2: the smoke preset end to end, and its judgement on made-up estimates."""

import numpy as np
import pytest
import xarray as xr

from figures import catalogue, style
from figures.error_propagation import families
from figures.export import plotted
from figures.pipeline import compute
from figures.progress import SILENT
from theory.claims import Outcome, decide
from theory.processes import ou

FIGURE = catalogue.figures()["ep2"]
SETTINGS = FIGURE.presets["quick"]


def verdicts(evidence) -> dict[tuple[str, str], Outcome]:
    found = decide(evidence, catalogue.claims())
    return {(v.claim, v.setting.split(",")[0]): v.outcome for v in found}


@pytest.fixture(scope="module")
def smoke(tmp_path_factory):
    settings = FIGURE.presets["smoke"]
    return compute(FIGURE, "smoke", settings, tmp_path_factory.mktemp("ep2"), SILENT)


def test_smoke_preset_surprises_nobody(smoke):
    judged = decide(smoke.evidence, catalogue.claims())
    assert {v.claim for v in judged} == set(FIGURE.claims)
    assert all(v.as_expected for v in judged)
    assert np.isfinite(smoke.trace["observability"]).all()


def test_exact_values_are_those_of_the_specification(smoke, reference):
    exact = smoke.curves["observability"]
    on_gaussian = exact.sel(target="gaussian")
    rows = {"aligned": "G1", "scaling": "G1", "constant": "G2"}
    for family, row in rows.items():
        eta = reference["linear_gaussian"][row]["eta"]
        assert float(on_gaussian.sel(family=family)) == pytest.approx(eta, rel=1e-9)
    assert abs(on_gaussian.sel(family=["rotation", "orthogonal"])).max() < 1e-12
    inert = exact.sel(target="five-modes", family="constant")
    assert float(inert) == pytest.approx(0.5597, abs=5e-5)
    assert np.isnan(exact.sel(target="digits")).all()


def test_a_random_direction_is_seen_by_its_symmetric_part(smoke):
    error = families.errors(0.05, families.DIM, ou())["random"]
    R = np.asarray(error.matrix)
    share = np.sum((R + R.T) ** 2) / (4 * np.sum(R**2))
    eta = smoke.curves["observability"].sel(target="gaussian")
    expected = share * float(eta.sel(family="aligned"))
    assert float(eta.sel(family="random")) == pytest.approx(expected, rel=1e-9)


def test_draws_every_estimate_and_exact_value(smoke):
    with style.applied():
        fig = families.draw(smoke.settings, smoke.trace, smoke.curves)
        rows = plotted(fig)
    estimates = [r for r in rows if np.isfinite(r.y_low)]
    assert len(estimates) == smoke.trace.sizes["target"] * smoke.trace.sizes["family"]
    exact = {(r.series, r.y) for r in rows if r.series.startswith("exact")}
    assert len(exact) >= 9
    assert "512 endpoints" in families.caption(smoke.settings, smoke.trace)


@pytest.fixture(scope="module")
def curves() -> xr.Dataset:
    return families.predict(SETTINGS, xr.Dataset())


def estimates(curves: xr.Dataset) -> xr.Dataset:
    """What a perfect estimator with standard error 0.004 would return."""
    eta = curves["observability"].fillna(0.3).expand_dims(seed=SETTINGS.seeds)
    trace = xr.Dataset({"observability": eta})
    for name in ("martingale", "variance_ratio"):
        trace[name] = xr.ones_like(eta)
    trace["observability_step_bias"] = xr.zeros_like(eta)
    for name in list(trace):
        trace[f"{name}_se"] = xr.full_like(eta, 0.004)
    return trace.copy(deep=True)


def judged(trace, curves) -> dict[tuple[str, str], Outcome]:
    return verdicts(families.judge(SETTINGS, trace, curves))


@pytest.mark.parametrize("target", ["N(0", "five modes"])
def test_perfect_estimates_hold_but_time_only_errors_are_visible(curves, target):
    found = judged(estimates(curves), curves)
    for claim in ("observability-exact", "solenoidal-invisible", "girsanov"):
        assert found[claim, target] is Outcome.HOLDS
    assert found["time-only-invisible", target] is Outcome.VIOLATED


@pytest.mark.parametrize(
    ("claim", "variable", "family", "value"),
    [
        ("observability-exact", "observability", "aligned", 0.6),
        ("observability-exact", "observability", "shift", 0.8),
        ("solenoidal-invisible", "observability", "rotation", 0.1),
        ("girsanov", "martingale", "tanh", 1.2),
        ("girsanov", "variance_ratio", "aligned", 0.8),
    ],
)
def test_wrong_estimates_are_rejected(curves, claim, variable, family, value):
    trace = estimates(curves)
    trace[variable].loc[{"target": "gaussian", "family": family}] = value
    assert judged(trace, curves)[claim, "N(0"] is Outcome.VIOLATED


def test_time_only_claim_could_hold(curves):
    trace = estimates(curves)
    trace["observability"].loc[{"family": "constant"}] = 0.0
    assert judged(trace, curves)["time-only-invisible", "digits"] is not Outcome.HOLDS
    trace["observability"].loc[{"family": "orthogonal"}] = 0.0
    assert judged(trace, curves)["time-only-invisible", "digits"] is Outcome.HOLDS


def test_noisy_estimates_decide_nothing(curves):
    trace = estimates(curves)
    trace["observability_se"][:] = 0.3
    found = judged(trace, curves)
    assert found["observability-exact", "N(0"] is Outcome.INCONCLUSIVE
