"""What holds of every notebook: it opens in time, complains of nothing, leaves nothing."""

import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

import pages
import pytest

from figures.explore.folder import FOLDER, notebooks

NAMES = tuple(notebooks())
WARM, COLD = 8.0, 15.0  # seconds to the first picture


def opened(browser, address: str) -> pages.Notebook:
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    return pages.Notebook.opened(context.new_page(), address)


@pytest.mark.browser
@pytest.mark.parametrize("name", NAMES)
def test_it_opens_in_time_and_asks_nothing_of_the_network(name, browser, tmp_path):
    cache, seconds = str(tmp_path), []
    for _ in ("cold", "warm"):
        with pages.served(name, DRIFTLAB_CACHE=cache) as server:
            page = opened(browser, server.address)
            assert page.unnamed() == []
            assert page.errors == []
            assert page.foreign() == []
            page.page.context.close()  # before the server, which it would miss
        seconds.append(page.seconds)
    assert seconds[0] < COLD
    assert seconds[1] < WARM


@pytest.mark.browser
@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM], ids=["INT", "TERM"])
def test_stopping_leaves_nothing_behind(name, how, browser, tmp_path):
    folders = {k: tmp_path / k for k in ("HOME", "TMPDIR", "XDG_STATE_HOME")}
    for folder in folders.values():
        folder.mkdir()
    kept = {
        "DRIFTLAB_CACHE": str(tmp_path / "jax"),
        "MPLCONFIGDIR": str(tmp_path / "mpl"),
    }
    with pages.served(name, **{k: str(v) for k, v in folders.items()} | kept) as server:
        page = opened(browser, server.address)
        assert server.stop(how) < 10.0
        assert server.group() == []
        assert server.process.stdout.read() == ""  # no traceback either
        page.page.context.close()
    left = [p for folder in folders.values() for p in folder.rglob("*") if p.is_file()]
    # the settings and the log that marimo keeps for its user, whoever starts it
    assert {path.name for path in left} <= {"marimo.toml", "marimo.log"}, left
    assert not list(FOLDER.rglob("__marimo__"))


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_it_runs_as_a_script(name, tmp_path):
    run = subprocess.run(
        [sys.executable, str(FOLDER / f"{name}.py")],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(pages.REPO)},
        capture_output=True,
        text=True,
    )
    assert run.returncode == 0, run.stderr
    assert list(Path(tmp_path).iterdir()) == []


@pytest.mark.slow
def test_the_server_wants_its_token_and_listens_on_loopback_only():
    with pages.served("drift_regimes") as server:
        port = server.address.partition("127.0.0.1:")[2].partition("/")[0]
        bare = f"http://127.0.0.1:{port}/api/status"
        with pytest.raises(urllib.error.HTTPError, match="401"):
            urllib.request.urlopen(bare)
        listening = subprocess.run(["ss", "-Hltn"], capture_output=True, text=True)
        own = [line for line in listening.stdout.splitlines() if f":{port} " in line]
        assert all(f"127.0.0.1:{port}" in line for line in own)
        assert own


@pytest.mark.slow
def test_without_a_token_everyone_here_is_let_in():
    with pages.served("drift_regimes", "--no-token") as server:
        assert "token" not in server.address
        time.sleep(0.1)
        assert urllib.request.urlopen(server.address).status == 200
