"""`driftlab explore phase_transition` in a browser."""

import statistics

import pytest

NOTEBOOK, READY = "phase_transition", "none"
pytestmark = pytest.mark.browser
POINTS, MODELS = "Real points n", "Models G, one after the other"
GAUSSIAN = "Gaussian by maximum likelihood"


def test_more_real_points_mean_less_total_variation(notebook):
    before = notebook.number("none")
    notebook.press(POINTS, "ArrowRight", "none")
    assert notebook.number("none") < before


def test_the_bound_turns_later_with_more_models(notebook):
    before = notebook.number("own")
    assert notebook.number("turn") == pytest.approx(before, rel=0.2)
    notebook.press(MODELS, "End", "own")
    assert notebook.number("own") > 1.5 * before


def test_each_learner_offers_the_protocols_it_is_predicted_for(notebook):
    learner = notebook.page.get_by_label("Learner")
    assert notebook.text("transition").startswith("More synthetic data first hurt")
    learner.select_option(GAUSSIAN)
    notebook.page.get_by_text("Synthetic data never hurt in this range").wait_for()
    protocol = notebook.page.get_by_label("Points are")
    assert protocol.locator("option").count() == 3
    protocol.select_option("fixed counts, new real points at every stage")
    notebook.page.get_by_text("Synthetic data help at first").wait_for()
    learner.select_option("frequencies of two categories")
    protocol.locator("option").nth(1).wait_for(state="detached")
    assert protocol.locator("option").count() == 1


def test_a_slider_redraws_theory_fast(notebook):
    keys = ["ArrowLeft", "ArrowRight"] * 6
    moves = [notebook.press(POINTS, key, "none") for key in keys]
    assert statistics.median(moves[1:]) < 0.3


def test_a_simulation_is_live_and_near_the_prediction(notebook):
    times = []
    for key in ["ArrowLeft", "ArrowRight"] * 6:
        times.append(notebook.click("Simulate", "none-simulated"))
        for id in ("none", "most"):
            simulated = notebook.number(f"{id}-simulated")
            assert simulated == pytest.approx(notebook.number(id), rel=0.2)
        notebook.press(POINTS, key, "none")
        assert notebook.page.locator("[data-number=none-simulated]").count() == 0
    assert statistics.median(times[1:]) < 2.0
