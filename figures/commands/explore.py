"""``driftlab explore``: the notebooks, in the browser."""

import argparse
import importlib.util
import os
import runpy
import secrets
import socket
import sys
import threading
import time

from figures.commands.arguments import add_command

__all__ = ["add_to", "run"]

HOST = "127.0.0.1"
"""Nothing but this machine is served."""
FIRST_PORT = 2718
TRIED = 100
"""Ports from the first on that are tried where none is asked for."""


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
        help=f"port on {HOST} (default: the first free one from {FIRST_PORT} on)",
    )
    command.add_argument(
        "--no-token",
        action="store_true",
        help="let in everyone on this machine, without the token of the printed address",
    )


def run(options: argparse.Namespace) -> None:
    """List the notebooks, or serve one until it is stopped."""
    from figures.explore.folder import described, notebook, notebooks
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
    query = f"/?access_token={token}" if token else "/"
    announce = (port, f"{options.name}: http://{HOST}:{port}{query}  (Ctrl-C stops it)")
    threading.Thread(target=_announce, args=announce, daemon=True).start()
    _serve(str(path), port, token)


def _serve(path: str, port: int, token: str) -> None:
    """Run marimo's server in this process, so that stopping one stops all."""
    access = ["--token", "--token-password", token] if token else ["--no-token"]
    sys.argv = [
        "marimo", "--quiet", "--yes", "run", path, "--headless", "--no-sandbox",
        "--host", HOST, "--port", str(port), *access,
    ]  # fmt: skip
    os.environ["MARIMO_SKIP_UPDATE_CHECK"] = "1"
    runpy.run_module("marimo", run_name="__main__", alter_sys=True)


def _announce(port: int, line: str) -> None:
    """Print `line` once the server answers."""
    while not _answers(port):
        time.sleep(0.05)
    print(line, flush=True)


def _answers(port: int) -> bool:
    with socket.socket() as client:
        return client.connect_ex((HOST, port)) == 0


def _free_port(asked: int | None) -> int:
    from theory.validation import require

    if asked is not None:
        require(1 <= asked <= 65535, "--port", "in [1, 65535]", asked)
        require(_is_free(asked), "--port", "one that is free", asked)
        return asked
    ports = range(FIRST_PORT, FIRST_PORT + TRIED)
    free = next(filter(_is_free, ports), None)
    require(
        free is not None,
        "--port",
        f"given: {FIRST_PORT} and {TRIED - 1} more taken",
        None,
    )
    return free


def _is_free(port: int) -> bool:
    with socket.socket() as server:
        server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            server.bind((HOST, port))
        except OSError:
            return False
    return True
