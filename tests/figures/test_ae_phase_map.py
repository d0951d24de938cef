"""ae10: the smoke preset end to end, and its judgement on doctored results."""

import dataclasses

import numpy as np
import pytest

from figures import catalogue, style
from figures.autoencoder import phase_map
from figures.autoencoder.problems import informed, training_of, two_modes
from figures.export import plotted
from figures.pipeline import compute
from figures.progress import SILENT
from theory.autoencoder.phases import Phase
from theory.claims import Outcome, decide
from theory.denoiser import initial_overlaps
from theory.validation import InputError

FIGURE = catalogue.figures()["ae10"]
SETTINGS = FIGURE.presets["smoke"]


def outcomes(trace, curves) -> dict[str, set[Outcome]]:
    found: dict[str, set[Outcome]] = {}
    evidence = phase_map.judge(SETTINGS, trace, curves)
    for verdict in decide(evidence, catalogue.claims()):
        found.setdefault(verdict.claim, set()).add(verdict.outcome)
    return found


@pytest.fixture(scope="module")
def smoke(tmp_path_factory):
    return compute(FIGURE, "smoke", SETTINGS, tmp_path_factory.mktemp("ae10"), SILENT)


def test_smoke_preset_surprises_nobody(smoke):
    judged = decide(smoke.evidence, catalogue.claims())
    assert {v.claim for v in judged} == set(FIGURE.claims)
    assert [v for v in judged if not v.as_expected] == []


def test_runs_start_as_the_theory_does_and_end_near_it(smoke):
    law, C = two_modes(SETTINGS.distance), informed(1, 2, SETTINGS.warm)
    start = initial_overlaps(law, C, SETTINGS.spread)
    first = smoke.trace.isel(tau=0)
    np.testing.assert_allclose(first["Q"], float(start.Q[0, 0]), rtol=1e-9)
    np.testing.assert_allclose(first["M"], float(start.M[0, 0]), rtol=1e-9)
    gap = smoke.curves["run_alignment"].mean("seed") - smoke.curves["alignment"]
    assert float(abs(gap).max()) < 0.1


def test_every_noise_level_is_trained_at_its_own(smoke):
    """The skip follows its closed form at each level."""
    tau, t = smoke.trace["tau"], smoke.trace["level"]
    power = (1.0 - t) ** 2 + t**2
    expected = t / power * -np.expm1(-SETTINGS.skip_ratio * power * tau)
    gap = smoke.trace["b"].mean("seed") - expected
    assert float(abs(gap).max()) < 0.03


def test_another_training_is_rejected(smoke):
    sound = outcomes(smoke.trace, smoke.curves)
    assert Outcome.VIOLATED not in sound["ae-phase-aligned"] | sound["ae-phase-cells"]
    late = smoke.curves.assign(run_alignment=0.3 * smoke.curves["run_alignment"])
    found = outcomes(smoke.trace, late)
    assert Outcome.VIOLATED in found["ae-phase-cells"]
    assert found["ae-phase-aligned"] == {Outcome.NOT_MEASURABLE}
    soon = smoke.curves.assign(aligns=0.5 * smoke.curves["aligns"])
    assert outcomes(smoke.trace, soon)["ae-phase-aligned"] == {Outcome.VIOLATED}


def test_modes_of_noise_are_there(smoke):
    noise = smoke.curves["phase"] == Phase.NOISE
    assert noise.any()
    aligned = smoke.curves.assign(
        run_alignment=1.0 + 0.0 * smoke.curves["run_alignment"]
    )
    found = outcomes(smoke.trace, aligned)["ae-phase-two-are-learnt"]
    assert found == {Outcome.HOLDS}


def test_picture_and_caption(smoke):
    with style.applied():
        figure = phase_map.draw(SETTINGS, smoke.trace, smoke.curves)
        rows = plotted(figure)
        figure.draw_without_rendering()
    assert len({row.panel for row in rows}) == 3
    simulated = [row for row in rows if row.series.startswith("simulated: cos")]
    assert len(simulated) >= 2
    assert f"d = {SETTINGS.dim}" in phase_map.caption(SETTINGS, smoke.trace)


def test_figures_stand_in_the_order_of_their_numbers():
    ids = [id for id in catalogue.figures() if id.startswith("ae")]
    assert ids == [f"ae{k}" for k in range(1, 11)]
    assert training_of(SETTINGS).activation.name == "tanh"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"levels": (0.5, 0.4)}, r"levels must be in \(0, 1\), rising"),
        ({"levels": (0.5, 1.0)}, r"levels must be in \(0, 1\), rising"),
        ({"dim": 10}, "dim must be >= 20"),
        ({"spread": 0.0}, "spread must be positive"),
    ],
)
def test_settings_that_cannot_be_meant_are_refused(change, message):
    with pytest.raises(InputError, match=message):
        dataclasses.replace(SETTINGS, **change)
