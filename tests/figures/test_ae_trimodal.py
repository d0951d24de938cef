"""ae1: the smoke preset end to end, and its judgement on doctored results."""

import dataclasses

import numpy as np
import pytest
import xarray as xr

from figures import catalogue, style
from figures.autoencoder import trimodal
from figures.autoencoder.laws import counting_error
from figures.export import plotted
from figures.pipeline import compute
from figures.progress import SILENT
from theory.claims import Outcome, decide
from theory.validation import InputError

FIGURE = catalogue.figures()["ae1"]
SETTINGS = FIGURE.presets["smoke"]


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    return tmp_path_factory.mktemp("ae1")


@pytest.fixture(scope="module")
def smoke(root):
    return compute(FIGURE, "smoke", SETTINGS, root, SILENT)


def outcomes(trace, curves, settings=SETTINGS) -> dict[str, set[Outcome]]:
    found = decide(trimodal.judge(settings, trace, curves), catalogue.claims())
    by_claim = {}
    for v in found:
        by_claim.setdefault(v.claim, set()).add(v.outcome)
    return by_claim


def test_smoke_preset_surprises_nobody(smoke):
    judged = decide(smoke.evidence, catalogue.claims())
    assert {v.claim for v in judged} == set(FIGURE.claims)
    assert all(v.as_expected for v in judged)


def test_theory_is_that_of_the_specification(smoke):
    at = smoke.curves.sel(tau=4.0, method="nearest")
    assert float(at["M"][0, 0]) == pytest.approx(2.52802295, abs=1e-5)
    assert float(at["Q"][1, 1]) == pytest.approx(0.54898634, abs=1e-5)
    assert float(at["b"]) == pytest.approx(1.08829050, abs=1e-5)
    np.testing.assert_allclose(smoke.curves["mass"], 0.25, atol=2e-3)


def moved(name, by):
    return lambda trace: trace.assign({name: trace[name] + by})


@pytest.mark.parametrize(
    ("claim", "doctor"),
    [
        ("ae-one-run", moved("Q", 0.2)),
        ("ae-mean-run", moved("mean_Q", 0.1)),
        ("ae-mean-run", moved("mean_b", 0.02)),
        ("ae-bulk", lambda trace: trace.assign(bulk=1.05 * trace["bulk"])),
    ],
)
def test_doctored_runs_are_rejected(smoke, claim, doctor):
    found = outcomes(doctor(smoke.trace), smoke.curves)
    assert Outcome.VIOLATED in found[claim]


@pytest.mark.parametrize(
    ("claim", "doctor"),
    [
        ("ae-projection", lambda x: 1.2 * x),
        ("ae-projection-w1", lambda x: x + 0.8),
        ("ae-mode-masses", lambda x: x.where(x["sample"] % 8 != 0, abs(x))),
    ],
)
def test_doctored_samples_are_rejected(smoke, claim, doctor):
    x = smoke.trace["x"].assign_coords(sample=np.arange(smoke.trace.sizes["sample"]))
    trace = smoke.trace.assign(x=doctor(x).drop_vars("sample"))
    curves = trimodal.predict(SETTINGS, trace)
    assert outcomes(trace, curves)[claim] == {Outcome.VIOLATED}


def test_gradient_flow_fails_for_the_right_reason(smoke):
    """Against the full theory the same evidence does not fail."""
    full = smoke.curves.assign(quiet_M=smoke.curves["M"], quiet_Q=smoke.curves["Q"])
    assert Outcome.VIOLATED not in outcomes(smoke.trace, full)["ae-gradient-flow"]


def test_sizes_are_not_claimed_of_another_setting(smoke):
    other = dataclasses.replace(SETTINGS, t=0.6)
    found = outcomes(smoke.trace, smoke.curves, other)
    for claim in ("ae-one-run", "ae-mean-run", "ae-mode-masses"):
        assert found[claim] == {Outcome.HYPOTHESES_NOT_MET}


def test_counting_error_covers_binomial_shares():
    rng = np.random.default_rng(0)
    for p, n in ((0.25, 1_000), (0.001, 500)):
        off = abs(rng.binomial(n, p, 100_000) / n - p)
        allowed = counting_error(np.array([p]), n)[0]
        assert np.mean(off > allowed) <= 3e-4
        assert np.mean(off > 0.4 * allowed) > 1e-4  # not idle


def test_more_seeds_extend_the_run_and_draw(smoke, root):
    more = dataclasses.replace(SETTINGS, seeds=3)
    grown = compute(FIGURE, "smoke", more, root, SILENT)
    assert grown.trace.sizes["seed"] == 3
    xr.testing.assert_equal(
        grown.trace["x"].isel(seed=slice(2)), smoke.trace["x"].isel(seed=slice(2))
    )
    with style.applied():
        rows = plotted(trimodal.draw(more, grown.trace, grown.curves))
    assert len({r.panel for r in rows}) == 4
    assert "d = 1000" in trimodal.caption(more, grown.trace)


@pytest.mark.parametrize(
    "bad", [{"euler": 1}, {"samples": 10}, {"chains": 1}, {"t": 1.0}, {"dim": 0}]
)
def test_impossible_settings_are_refused(bad):
    with pytest.raises(InputError, match=next(iter(bad))):
        dataclasses.replace(SETTINGS, **bad)
