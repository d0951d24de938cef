"""`driftlab explore drift_regimes` in a browser."""

import statistics

import pytest

NOTEBOOK, READY = "drift_regimes", "drift"
pytestmark = pytest.mark.browser
ALPHA, ETA = "Fresh fraction α (mean)", "Observability η"


def test_more_fresh_data_mean_less_drift(notebook):
    before = notebook.number("drift")
    notebook.press(ALPHA, "ArrowRight", "drift")
    assert notebook.number("drift") < before
    assert notebook.number("drift") <= notebook.number("bound")


def test_the_regime_is_named_with_its_reason(notebook):
    assert notebook.text("regime").startswith("Aligned: the last error meets")
    notebook.press(ALPHA, "End", "regime")
    assert notebook.text("regime").startswith("Memoryless: the last law inherits 0 %")
    notebook.press(ETA, "Home", "regime")
    assert notebook.text("regime").startswith("No drift")


def test_every_control_is_reached_with_tab_and_moved_with_arrows(notebook):
    before = notebook.number("drift")
    notebook.page.get_by_label("Fresh data come as").focus()
    notebook.page.keyboard.press("Tab")
    notebook.page.keyboard.press("ArrowRight")
    notebook.page.wait_for_function(
        "before => document.querySelector('[data-number=drift]').innerText !== before",
        arg=f"{before:.4g}",
    )
    role = {"Errors point": "combobox", "Simulate this setting": "button"}
    for name in ("Generations N", "Errors point", "Error energy", ETA, *list(role)[1:]):
        notebook.page.keyboard.press("Tab")
        control = notebook.page.get_by_role(role.get(name, "slider"), name=name)
        assert control.evaluate("e => e === e.getRootNode().activeElement"), name


def test_a_schedule_of_ones_own(notebook):
    choice = notebook.page.get_by_label("Fresh data come as")
    own = "shares of one's own, repeated"
    notebook.until_changed(lambda: choice.select_option(own), "fresh")
    assert notebook.number("fresh") == 4.0  # every fourth of 15, from the first on
    field = notebook.page.get_by_label("Fresh fractions")

    def write(text: str) -> None:
        field.fill(text)
        field.press("Enter")

    notebook.until_changed(lambda: write("0.5, 0.1"), "fresh")
    assert notebook.number("fresh") == pytest.approx(8 * 0.5 + 7 * 0.1)
    write("0.5, 2")
    notebook.page.get_by_text("own shares must be numbers in [0, 1]").wait_for()


def test_a_slider_redraws_theory_fast(notebook):
    moves = [notebook.press(ALPHA, "ArrowRight", "drift") for _ in range(11)]
    assert statistics.median(moves[1:]) < 0.3


def test_a_simulation_is_live_and_gone_with_the_next_move(notebook):
    times = []
    for _ in range(11):
        times.append(notebook.click("Simulate", "simulated"))
        exact, simulated = notebook.number("same"), notebook.number("simulated")
        assert simulated == pytest.approx(exact, rel=0.15)
        notebook.press(ALPHA, "ArrowRight", "drift")
        assert notebook.page.locator("[data-number=simulated]").count() == 0
    assert statistics.median(times[1:]) < 2.0


def test_two_readers_do_not_see_each_other(open_page):
    one, two = open_page(), open_page()
    untouched = two.text("drift")
    one.press(ALPHA, "End", "drift")
    two.page.wait_for_timeout(1000)
    assert two.text("drift") == untouched
    two.press(ALPHA, "End", "drift")
    assert two.text("drift") == one.text("drift")
