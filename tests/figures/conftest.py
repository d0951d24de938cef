"""The command line over a small catalogue instead of the real one."""

import os

import pytest
import toy_catalogue

from figures import catalogue
from figures.cli import main


@pytest.fixture(scope="module")
def toy():
    """The catalogue holds the toy figures only; the value is their module."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(catalogue, "BUILT_IN", ("toy_catalogue",))
        patch.setattr(catalogue, "_known", catalogue._Catalogue())
        patch.setattr(os, "cpu_count", lambda: 2)  # as tests/conftest.py has it
        yield toy_catalogue


@pytest.fixture
def driftlab(toy, capsys):
    """Run a command: (exit status, lines on stdout, stderr)."""

    def run(*arguments) -> tuple[int, list[str], str]:
        toy.CALLS.clear()
        try:
            status = main(["driftlab", *map(str, arguments)][1:])
        except SystemExit as e:  # argparse
            status = e.code
        out, err = capsys.readouterr()
        return status, out.splitlines(), err

    return run
