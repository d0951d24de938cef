"""``driftlab explore``: the notebooks, in the browser."""

import argparse
import contextlib
import importlib
import importlib.util
import os
import runpy
import secrets
import signal
import socket
import sys
import tempfile
import threading
import time
from typing import TextIO

from figures.commands.arguments import add_command

__all__ = ["add_to", "run"]

HOST = "127.0.0.1"
"""Nothing but this machine is served."""


def add_to(commands: argparse._SubParsersAction) -> None:
    """Declare the subcommand."""
    command = add_command(
        commands,
        "explore",
        run,
        "theory and simulation behind sliders, in the browser",
        epilog="Ctrl-C stops the server. `driftlab explore` alone lists the notebooks.",
        needs_jax=False,
    )
    command.add_argument("name", nargs="?", metavar="NAME", help="notebook to start")
    command.add_argument(
        "--port",
        type=int,
        metavar="N",
        help=f"port on {HOST} (default: any free one)",
    )
    command.add_argument(
        "--no-token",
        action="store_true",
        help="let in everyone on this machine, without the token of the printed address",
    )


def run(options: argparse.Namespace) -> None:
    """List the notebooks, or serve one until it is stopped."""
    from figures.explore.folder import described, imported, notebook, notebooks
    from theory.validation import InputError

    if options.name is None:
        for name, path in notebooks().items():
            print(f"{name:18} {described(path)}")
        return
    path = notebook(options.name)
    if importlib.util.find_spec("marimo") is None:
        raise InputError('notebooks need marimo: pip install "driftlab[app]"')
    port = _free_port(options.port)
    token = "" if options.no_token else secrets.token_urlsafe(16)

    from figures.cli import start_jax

    start_jax()
    for module in imported(path):  # once the address is said, pages open at once
        importlib.import_module(module)
    query = f"/?access_token={token}" if token else "/"
    line = f"{options.name}: http://{HOST}:{port}{query}  (Ctrl-C stops it)"
    announce = threading.Thread(
        target=_announce, args=(port, line, sys.stdout), daemon=True
    )
    announce.start()
    with open(os.devnull, "w") as nowhere, contextlib.redirect_stdout(nowhere):
        _serve(str(path), port, token)


def _serve(path: str, port: int, token: str) -> None:
    """Run marimo's server in this process, so that stopping one stops all.

    Not with `--quiet`, under which it shuts down twice on Ctrl-C and logs an error. What
    it notes of its sessions goes with it.
    """
    access = ["--token", "--token-password", token] if token else ["--no-token"]
    sys.argv = [
        "marimo", "--yes", "run", path, "--headless", "--no-sandbox",
        "--host", HOST, "--port", str(port), *access,
    ]  # fmt: skip
    os.environ["MARIMO_SKIP_UPDATE_CHECK"] = "1"  # nothing asks the network anything
    # a server that has shut down raises its signal again: an exit like any other
    signal.signal(signal.SIGTERM, lambda number, _: sys.exit(128 + number))
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as notes:
        os.environ["XDG_STATE_HOME"] = notes
        runpy.run_module("marimo", run_name="__main__", alter_sys=True)


def _announce(port: int, line: str, out: TextIO) -> None:
    """Print `line` once the server answers."""
    while not _answers(port):
        time.sleep(0.05)
    print(line, file=out, flush=True)


def _answers(port: int) -> bool:
    with socket.socket() as client:
        return client.connect_ex((HOST, port)) == 0


def _free_port(asked: int | None) -> int:
    """The port asked for if it is free, or one that the system has to spare."""
    from theory.validation import require

    require(asked is None or 1 <= asked <= 65535, "--port", "in [1, 65535]", asked)
    with socket.socket() as server:
        server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            server.bind((HOST, asked or 0))
        except OSError:
            require(False, "--port", "one that is free", asked)
        return server.getsockname()[1]
