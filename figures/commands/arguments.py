"""Arguments that several subcommands share."""

import argparse
from collections.abc import Callable
from pathlib import Path

__all__ = [
    "OWN_OPTIONS",
    "WITH_SETTINGS",
    "add_command",
    "add_computing",
    "add_ids",
    "add_out",
    "add_tables",
]

SETTINGS_HELP = """\
settings: every field of a figure's settings is an option with one value (commas between
several): --alpha 0.2 --widths 64,64. It applies to each selected figure that has it;
`driftlab list ID` shows them. In every figure that draws random numbers:
  --seed N              key of all of them
  --seeds N             number of replicas; more extend a stored run
"""

WITH_SETTINGS = ("figures", "check", "sweep", "compare")
"""Commands that take ``--field value`` for every field of a figure's settings."""

OWN_OPTIONS = frozenset(
    [
        "--help",
        "--preset",
        "--out",
        "--platform",
        "--quiet",
        "--jobs",
        "--dry-run",
        "--json",
        "--over",
        "--zip",
        "--variable",
        "--at",
        "--name",
    ]
)
"""Options of those commands themselves; any other is a field of the settings."""


def add_command(
    commands: argparse._SubParsersAction,
    name: str,
    run: Callable[[argparse.Namespace], int | None],
    help: str,
    *,
    epilog: str = "",
    needs_jax: bool = True,
) -> argparse.ArgumentParser:
    """A subcommand that calls `run`, after JAX is set up if it `needs_jax`."""
    command = commands.add_parser(
        name,
        help=help,
        description=help[0].upper() + help[1:] + ".",
        epilog=epilog,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    command.set_defaults(run=run, needs_jax=needs_jax, platform=None)
    return command


def add_ids(command: argparse.ArgumentParser, help: str) -> None:
    """Figure ids, any number."""
    command.add_argument("ids", nargs="*", metavar="ID", help=help)


def add_out(command: argparse.ArgumentParser) -> None:
    """The output folder."""
    command.add_argument(
        "--out",
        type=Path,
        default=Path("results"),
        metavar="DIR",
        help="folder of results, figures and report (default: %(default)s)",
    )


def add_tables(command: argparse.ArgumentParser) -> None:
    """Which variables to make LaTeX tables of."""
    command.add_argument(
        "--variable",
        action="append",
        default=[],
        metavar="NAME",
        help="also a LaTeX table of this variable, any number of them",
    )
    command.add_argument(
        "--at",
        action="append",
        default=[],
        metavar="CONDITION",
        help="only rows of it that meet this (alpha=0.1), any number of them",
    )


def add_computing(command: argparse.ArgumentParser) -> None:
    """Preset, output folder, platform and progress."""
    command.add_argument(
        "--preset",
        default="quick",
        help="smoke (seconds), quick (minutes, default) or paper (a GPU)",
    )
    add_out(command)
    command.add_argument(
        "--platform", choices=("cpu", "gpu", "tpu"), help="where JAX computes"
    )
    command.add_argument("--quiet", action="store_true", help="no progress")
    command.add_argument(
        "--jobs",
        type=int,
        metavar="N",
        help="figures computed at a time (default: 2 for several on a CPU, else 1)",
    )
