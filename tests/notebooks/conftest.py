"""A browser, and the page of the notebook that a test module names in NOTEBOOK."""

import pages
import pytest


@pytest.fixture(scope="session")
def browser():
    """Headless Chromium; tests are skipped where there is none, or nothing to drive it."""
    driver = pytest.importorskip("playwright.sync_api", reason="playwright is missing")
    path = pages.chromium()
    if path is None:
        pytest.skip("no Chromium on the path; DRIFTLAB_CHROMIUM may name one")
    with driver.sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=path, args=pages.FLAGS)
        yield started
        started.close()


@pytest.fixture(scope="module")
def server(request, browser):
    """The notebook's server, one for all tests of a module."""
    with pages.served(request.module.NOTEBOOK) as started:
        yield started


@pytest.fixture
def open_page(request, browser, server):
    """Open the notebook in a session of its own: called once for each reader."""
    contexts = []

    def opened() -> pages.Notebook:
        context = browser.new_context(viewport={"width": 1280, "height": 900})
        contexts.append(context)
        ready = getattr(request.module, "READY", "")
        return pages.Notebook.opened(context.new_page(), server.address, ready)

    yield opened
    for context in contexts:
        context.close()


@pytest.fixture
def notebook(open_page):
    """The open page; it must not have complained, nor asked anything of the network."""
    page = open_page()
    yield page
    assert page.errors == []
    assert page.foreign() == []
