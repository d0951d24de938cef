"""``driftlab explore`` up to the point where it serves."""

import importlib.util
import runpy
import socket
import sys

import pytest

from figures.commands import explore
from figures.explore.folder import FOLDER, described, imported, notebooks


@pytest.fixture
def server(monkeypatch):
    """Stands in for marimo: the value is the list of its command lines."""
    calls = []
    monkeypatch.setattr(sys, "argv", ["driftlab"])
    monkeypatch.setattr(explore, "_announce", lambda *_: None)
    monkeypatch.setattr(runpy, "run_module", lambda *_, **__: calls.append(sys.argv))
    return calls


def test_every_notebook_is_listed_with_what_it_is_about(driftlab):
    status, lines, _ = driftlab("explore")
    assert status == 0
    assert len(lines) == len(notebooks()) >= 2
    for line, (name, path) in zip(lines, notebooks().items(), strict=True):
        assert line.split() == [name, *described(path).split()]
        assert described(path).endswith(".")


def test_it_serves_one_notebook_to_this_machine_with_a_token(driftlab, server):
    status, _, _ = driftlab("explore", "quickstart")
    assert status == 0
    (line,) = server
    assert str(FOLDER / "quickstart.py") in line
    assert line[line.index("--host") + 1] == "127.0.0.1"
    assert len(line[line.index("--token-password") + 1]) >= 20
    assert "--headless" in line


def test_all_that_a_notebook_shows_with_is_imported_first(
    driftlab, server, monkeypatch
):
    modules = imported(FOLDER / "drift_regimes.py")
    assert "figures.explore.drift_regimes_page" in modules
    taken = []
    monkeypatch.setattr(explore.importlib, "import_module", taken.append)
    driftlab("explore", "drift_regimes")
    assert (taken, len(server)) == (modules, 1)


def test_port_and_token_are_the_users_choice(driftlab, server):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        status, _, err = driftlab("explore", "quickstart", "--port", port)
        assert (status, err) == (
            2,
            f"driftlab: --port must be one that is free, got {port}.\n",
        )
    status, _, _ = driftlab("explore", "quickstart", "--port", port, "--no-token")
    (line,) = server
    assert line[line.index("--port") + 1] == str(port)
    assert "--no-token" in line
    assert "--token-password" not in line


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["nothing"], "NAME must be one of autoencoder, "),
        (["quickstart", "--port", "0"], "--port must be in [1, 65535], got 0."),
        (["quickstart", "--port", "x"], "invalid int value"),
    ],
)
def test_bad_input_is_one_line(driftlab, server, arguments, message):
    status, _, err = driftlab("explore", *arguments)
    assert status == 2
    assert message in err
    assert not server


def test_without_marimo_it_says_how_to_get_it(driftlab, server, monkeypatch):
    found = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util,
        "find_spec",
        lambda name: None if name == "marimo" else found(name),
    )
    status, _, err = driftlab("explore", "quickstart")
    assert status == 2
    assert err == 'driftlab: notebooks need marimo: pip install "driftlab[app]"\n'
