"""`driftlab explore quickstart` in a browser."""

import pytest

NOTEBOOK, READY = "quickstart", "unrolled-root"
pytestmark = pytest.mark.browser


def test_it_ends_in_verdicts(notebook):
    assert notebook.text("prop-3.1") == "holds"
    assert notebook.text("unrolled-root") == "holds"


def test_it_shows_its_code(notebook):
    line = notebook.page.locator(".cm-line").filter(has_text="recursion = Recursion(")
    assert line.count() == 1


def test_the_slider_changes_the_picture_and_what_is_judged(notebook):
    picture = notebook.page.get_by_role("img", name="at fresh fraction")
    before = picture.get_attribute("src")
    notebook.slider("Fresh fraction α").press("End")
    notebook.page.get_by_text("two modes, α = 0.9").first.wait_for()
    assert picture.get_attribute("src") != before
