"""`driftlab explore autoencoder` in a browser."""

import statistics

import pytest

NOTEBOOK, READY = "autoencoder", "Q"
pytestmark = pytest.mark.browser
TAU, RATE, SPECTRUM = "Training time τ", "Learning rate η", "Spectrum"


def test_training_beyond_the_critical_time_makes_the_bulk_explode(notebook):
    assert notebook.number("tau") < notebook.number("critical")
    assert notebook.number("bulk-last") < notebook.number("bulk") < 1.0
    assert "collapses" in notebook.text("retraining")
    notebook.press(TAU, "End", "tau")
    assert notebook.number("tau") > notebook.number("critical")
    assert notebook.number("bulk-last") > notebook.number("bulk") > 1.0
    assert "explodes" in notebook.text("retraining")


def test_real_data_need_a_flat_spectrum(notebook):
    disabled = notebook.page.locator("[role=slider][data-disabled]")
    assert disabled.count() == 0
    notebook.press(SPECTRUM, "ArrowRight", "Q")
    assert notebook.text("critical") == "none"
    disabled.wait_for()
    real = notebook.slider("Real data while retraining")
    assert real.get_attribute("data-disabled") is not None


def test_a_slider_redraws_theory_fast(notebook):
    keys = ["ArrowLeft", "ArrowRight"] * 6
    moves = [notebook.press(TAU, key, "Q") for key in keys]
    assert statistics.median(moves[1:]) < 0.3


def test_a_simulation_is_live_and_near_the_prediction(notebook):
    times = []
    for key in ["ArrowLeft", "ArrowRight"] * 6:
        times.append(notebook.click("Simulate", "Q-simulated"))
        simulated = notebook.number("Q-simulated")
        assert simulated == pytest.approx(notebook.number("Q"), rel=0.25)
        assert notebook.text("diverged") == "0 of 4"
        notebook.press(TAU, key, "Q")
    assert statistics.median(times[1:]) < 2.0
