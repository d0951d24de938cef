"""ae2: the smoke preset end to end, and its judgement on doctored results."""

import dataclasses

import numpy as np
import pytest

from figures import catalogue, style
from figures.autoencoder import training_time
from figures.autoencoder.evidence import distances, kolmogorov_floor
from figures.autoencoder.laws import quasi_random
from figures.export import plotted
from figures.pipeline import compute
from figures.progress import SILENT
from theory.autoencoder.averages import normal_sobol
from theory.claims import Outcome, decide
from theory.validation import InputError

FIGURE = catalogue.figures()["ae2"]
SETTINGS = FIGURE.presets["smoke"]


@pytest.fixture(scope="module")
def smoke(tmp_path_factory):
    root = tmp_path_factory.mktemp("ae2")
    return compute(FIGURE, "smoke", SETTINGS, root, SILENT)


def outcomes(trace, curves, settings=SETTINGS) -> dict[str, Outcome]:
    evidence = training_time.judge(settings, trace, curves)
    return {v.claim: v.outcome for v in decide(evidence, catalogue.claims())}


def test_smoke_preset_surprises_nobody(smoke):
    judged = decide(smoke.evidence, catalogue.claims())
    assert {v.claim for v in judged} == set(FIGURE.claims)
    assert all(v.as_expected for v in judged)


def test_paths_of_the_theory_are_many_enough(smoke):
    """Other quasi-random paths are nearer than samples could tell, by far."""
    law = training_time._law(SETTINGS, training_time._problem(SETTINGS)[0])
    size = training_time._judged(SETTINGS)
    first = training_time._paths(SETTINGS, size)
    points = normal_sobol(2 * (SETTINGS.euler + 1), size, seed=7)
    points = np.moveaxis(points.reshape(size, -1, 2), 1, 0)
    other = training_time.Paths(points[0], points[1:-1], points[-1])
    end = smoke.trace.isel(seed=0, tau=-1)
    weights = [np.asarray(end[name].values) for name in ("Q", "M", "b")]
    there = np.asarray(law(other, *weights).draws(other.residual))
    gap, _, _ = distances(there, law(first, *weights))
    assert gap.max() < 0.5 * kolmogorov_floor(SETTINGS.samples)
    assert quasi_random(points[0]).weights.sum() == pytest.approx(1.0)


@pytest.mark.parametrize(
    ("claim", "doctor"),
    [
        ("ae-projection", lambda x: 1.3 * x),
        ("ae-projection-w1", lambda x: x + 1.5),
        ("ae-mode-shares", lambda x: -x),
        ("ae-mode-lost", lambda x: -abs(x)),
    ],
)
def test_doctored_samples_are_rejected(smoke, claim, doctor):
    trace = smoke.trace.assign(x=doctor(smoke.trace["x"]))
    curves = training_time.predict(SETTINGS, trace)
    assert outcomes(trace, curves)[claim] is Outcome.VIOLATED


def test_a_flow_has_another_bulk(smoke):
    trace = smoke.trace.assign(bulk=1.05 * smoke.trace["bulk"])
    assert outcomes(trace, smoke.curves)["ae-bulk"] is Outcome.VIOLATED
    flow = dataclasses.replace(SETTINGS, diffusion=0.0)
    assert outcomes(smoke.trace, smoke.curves, flow)["ae-bulk"] is Outcome.VIOLATED


def test_the_loss_is_claimed_of_the_preset_only(smoke):
    other = dataclasses.replace(SETTINGS, activation="tanh")
    found = outcomes(smoke.trace, smoke.curves, other)
    assert found["ae-mode-lost"] is Outcome.HYPOTHESES_NOT_MET


def test_draws_a_panel_for_each_time(smoke):
    with style.applied():
        rows = plotted(training_time.draw(SETTINGS, smoke.trace, smoke.curves))
    assert len({r.panel for r in rows}) == len(SETTINGS.times)
    assert "relu" in training_time.caption(SETTINGS, smoke.trace)


@pytest.mark.parametrize(
    "bad",
    [
        {"times": (0.3,)},
        {"times": (0.3, 0.1)},
        {"times": (0.0, 0.33)},
        {"diffusion": 3.0},
        {"activation": "cubic"},
    ],
)
def test_impossible_settings_are_refused(bad):
    with pytest.raises(InputError, match=next(iter(bad))):
        dataclasses.replace(SETTINGS, **bad)
