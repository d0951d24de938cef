"""The page stands on its own, says what it must, and reads on a phone."""

import re
import shutil
import tempfile
from html.parser import HTMLParser
from xml.etree import ElementTree as ET

import pytest

from figures import catalogue
from figures.mathml import mathml, with_formulas
from figures.overrides import override
from figures.pipeline import compute, judged
from figures.progress import SILENT
from figures.report import number, percent, write_report

VOID = {"meta", "link", "br", "img", "input", "hr"}


class Page(HTMLParser):
    """Every element of a page, and whether they nest."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.elements: list[tuple[str, dict]] = []
        self.text: list[str] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if self.open and self.open[-1] not in ("style", "script"):
            self.text.append(data)

    def all(self, tag: str) -> list[dict]:
        return [attrs for name, attrs in self.elements if name == tag]

    def words(self) -> str:
        return " ".join(" ".join(self.text).split())


def make(root, *ids: str, bias: float = 0.0):
    chosen = catalogue.select(ids)
    settings = override(chosen, "smoke", {"bias": str(bias)})
    results = [compute(f, "smoke", settings[f.id], root, SILENT) for f in chosen]
    return write_report(root, results, judged(results))


@pytest.fixture(scope="module")
def path(toy, tmp_path_factory):
    return make(tmp_path_factory.mktemp("report"))


@pytest.fixture(scope="module")
def page(path):
    return Page(path.read_text())


def test_the_page_is_well_formed_and_needs_no_network(path, page):
    assert page.open == []
    text = path.read_text()
    loaded = [a["src"] for _, a in page.elements if "src" in a] + page.all("link")
    assert all(source.startswith("data:") for source in loaded)
    assert "@import" not in text
    assert re.findall(r"url\((?!#)[^)]*\)", text) == []


def test_every_link_leads_somewhere(path, page):
    anchors = {a["id"] for _, a in page.elements if "id" in a}
    for link in (a["href"] for a in page.all("a")):
        if link.startswith("#"):
            assert link[1:] in anchors
        elif not link.startswith("https://"):
            assert (path.parent / link).is_file()


def test_question_caption_claims_and_origin_are_told(page):
    words = page.words()
    for part in (
        "How far does a walk of step",
        "A walk & its bound",
        "Walks within five standard deviations.",  # `shows` as a sentence
        "2 walks <of> 2 steps of size",  # escaped, not markup
        "No walk leaves five standard deviations",
        "stated by the paper",
        "Under: independent steps.",
        "Simulated in",
        "commit",
        "jax 0.",
    ):
        assert part in words


def test_a_claim_expected_to_fail_says_so_plainly(page):
    words = page.words()
    assert "This statement is expected to fail" in words
    assert "✗ violated, as expected" in words
    assert "All verdicts are as expected." in words
    assert ", not expected" not in words


def test_a_verdict_against_expectation_stands_out(toy, tmp_path):
    words = Page(make(tmp_path, "walk", bias=9.0).read_text()).words()
    assert "2 of them are not as expected." in words
    assert "✗ violated, not expected" in words


def test_verdicts_are_rows_that_a_script_may_hide(page):
    rows = [a for a in page.all("tr") if a.get("class") == "row"]
    assert len(rows) == 6
    assert {a["data-outcome"] for a in rows} == {"holds", "violated"}
    papers = [a["data-paper"] for a in page.all("tbody")]
    assert papers == ["walks", "walks", "other"]
    (controls,) = (a for a in page.all("form") if a.get("id") == "filter")
    assert "hidden" in controls  # without a script there is nothing to choose
    assert all("hidden" not in a for a in rows)


def test_formulas_are_mathml(page):
    displayed = [a for a in page.all("math") if a["display"] == "block"]
    assert len(displayed) == 3  # two beside the figure, one with the claim
    assert "\\frac" not in page.words()
    assert "$" not in page.words()


def test_figures_are_pixels_inside_the_page(page):
    images = page.all("img")
    assert [a["alt"] for a in images] == ["A walk & its bound", "The same walk"]
    assert all(a["src"].startswith("data:image/png;base64,") for a in images)


def test_numbers_read_well():
    assert number(0.04561) == "0.0456"
    assert number(-1.5) == "−1.5"
    assert number(1.234e-5) == "1.23&hairsp;×&hairsp;10<sup>−5</sup>"
    assert number(float("inf")) == "∞"
    assert number(float("nan")) == "–"
    assert percent(0.4399) == "44&nbsp;%"
    assert percent(float("nan")) == "–"


def test_latex_becomes_mathml_with_tight_bars_and_drawn_overlines():
    for element in (
        mathml(r"\frac{E|X_n|^2}{\overline{|\mu|^2}}"),
        mathml(r"\left(\sqrt{\eta} \varepsilon_\star + r\right)^{2}", display=False),
    ):
        assert ET.fromstring(element).tag.endswith("math")
    bars = mathml("E|X|")
    assert bars.count('lspace="0" rspace="0">|<') == 2
    assert '<mrow class="overline"><mrow><mi>a</mi>' in mathml(r"\overline{ab}")
    assert with_formulas("a < b, $c$").startswith("a &lt; b, <math")
    assert with_formulas("it costs $5") == "it costs $5"


def test_every_registered_formula_can_be_typeset():
    import theory.error_propagation  # noqa: F401  (registers them)
    from theory.symbolic import keys, statement

    for key in keys():
        element = ET.fromstring(mathml(statement(key).latex))
        unread = [e.text for e in element.iter() if (e.text or "").startswith("\\")]
        assert unread == [], key


@pytest.mark.browser
def test_the_page_never_scrolls_sideways(path):
    chromium = shutil.which("chromium")
    sync_api = pytest.importorskip("playwright.sync_api")
    if chromium is None:
        pytest.skip("no chromium on this machine")
    switches = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
    with sync_api.sync_playwright() as p, tempfile.TemporaryDirectory() as profile:
        browser = p.chromium.launch_persistent_context(
            profile, executable_path=chromium, args=switches
        )
        tab = browser.new_page()
        asked = []
        tab.on("request", lambda request: asked.append(request.url))
        for width in (390, 768, 1400):
            tab.set_viewport_size({"width": width, "height": 900})
            tab.goto(path.as_uri())
            assert tab.evaluate("document.documentElement.scrollWidth") <= width
        tab.select_option("select[name=outcome]", "violated")
        assert tab.evaluate("document.querySelector('output').value") == "2 of 6"
        assert all(url.startswith("file:") for url in asked)
        browser.close()
