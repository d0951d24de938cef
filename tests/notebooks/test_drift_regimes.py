"""`driftlab explore drift_regimes` in a browser."""

import statistics

import pytest

NOTEBOOK, READY = "drift_regimes", "drift"
pytestmark = pytest.mark.browser
ALPHA = "Fresh fraction α (mean)"


def test_more_fresh_data_mean_less_drift(notebook):
    before = notebook.number("drift")
    notebook.press(ALPHA, "ArrowRight", "drift")
    after = notebook.number("drift")
    assert after < before
    assert after <= notebook.number("bound")


def test_a_slider_redraws_theory_fast(notebook):
    moves = [notebook.press(ALPHA, "ArrowRight", "drift") for _ in range(11)]
    assert statistics.median(moves[1:]) < 0.3


def test_a_simulation_is_live(notebook):
    notebook.click("Simulate", "simulated")
    drift, simulated = notebook.number("drift"), notebook.number("simulated")
    assert simulated == pytest.approx(drift, rel=0.15)
