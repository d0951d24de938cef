"""`driftlab explore memorization` in a browser."""

import statistics

import pytest

NOTEBOOK, READY = "memorization", "kept"
pytestmark = pytest.mark.browser
SIZE, MODELS = "Points N of a training set", "Models, one after the other"


def test_copying_loses_lines_model_by_model(notebook):
    before = notebook.number("kept")
    notebook.press(MODELS, "End", "kept")
    assert notebook.number("kept") < before


def test_it_says_what_a_run_trains(notebook):
    assert notebook.text("memory").startswith("A run trains 2 x 3 new networks")
    notebook.press("Units in a hidden layer", "Home", "memory")
    assert "of 16 units" in notebook.text("memory")


def test_a_slider_redraws_theory_fast(notebook):
    keys = ["ArrowLeft", "ArrowRight"] * 6
    moves = [notebook.press(SIZE, key, "kept") for key in keys]
    assert statistics.median(moves[1:]) < 0.3


def test_few_points_are_remembered_and_training_is_live(notebook):
    times = []
    for key in ["ArrowLeft", "ArrowRight"] * 6:
        times.append(notebook.click("Train", "closer"))
        assert notebook.number("closer") > 0.5
        assert notebook.page.get_by_role("img", name="Samples of model 1").count() == 1
        notebook.press(SIZE, key, "kept")
    assert statistics.median(times[1:]) < 2.0


def test_fewer_points_are_copied_more_closely(notebook):
    notebook.click("Train", "first")
    many = notebook.number("first")
    notebook.press(SIZE, "Home", "kept")
    notebook.click("Train", "first")
    assert notebook.number("first") < many
