"""``driftlab export``: stored results for other programs."""

import argparse
from typing import TYPE_CHECKING

from figures.commands.arguments import add_command, add_ids, add_out, add_tables

if TYPE_CHECKING:
    from pathlib import Path

    from figures.pipeline import Result

__all__ = ["add_to", "run"]

FORMATS = ("csv", "nc", "latex")

_HELP = """\
Written to DIR/exports: verdicts.csv and values.csv (means over seeds in the last
generation), FIGURE-PRESET-FINGERPRINT.nc (all arrays of a run), verdicts.tex. The verdicts
of what is exported together share one error rate.
"""


def add_to(commands: argparse._SubParsersAction) -> None:
    """Declare the subcommand."""
    command = add_command(
        commands,
        "export",
        run,
        "stored results as CSV, NetCDF and LaTeX",
        epilog=_HELP,
    )
    add_ids(
        command,
        "figures, each with its last used run, or ids of runs (`driftlab runs list`) or "
        "parts of them, with all that match (default: every figure)",
    )
    command.add_argument("--preset", help="only results of this preset")
    command.add_argument(
        "--format",
        action="append",
        choices=FORMATS,
        help="only this format, any number of them (default: all)",
    )
    add_tables(command)
    add_out(command)


def run(options: argparse.Namespace) -> None:
    """Read, judge and write down, without simulating."""
    from figures.files import write_results
    from theory.validation import InputError

    results, left_out = _stored(options.out, options.ids, options.preset)
    print("".join(f"note: {line}\n" for line in left_out), end="")
    if not results:
        raise InputError(f"{options.out} holds no finished result to export.")
    folder = options.out / "exports"
    formats = options.format or FORMATS
    for path in write_results(results, folder, formats, options.variable, options.at):
        print(f"Written: {path}")


def _stored(
    root: "Path", ids: list[str], preset: str | None
) -> tuple[list["Result"], list[str]]:
    """Results by figure or by run, none twice; and a line for each that cannot be read."""
    from figures import catalogue
    from figures.pipeline import load, stored
    from sim.store import Run
    from theory.validation import InputError

    known = catalogue.figures()
    by_figure = [id for id in ids if id in known]
    results, left_out = [], []
    if by_figure or not ids:
        results, left_out = stored(root, catalogue.select(by_figure), preset)
    runs = [run for run in Run.all(root) if preset in (None, run.preset)]
    for name in (id for id in ids if id not in known):
        matching = [run for run in runs if name in run.id]
        if not matching:
            catalogue.lookup("figure or run", name, [*known, *(run.id for run in runs)])
        for run in matching:
            for figure in known.values():
                if figure.run_id != run.figure or not run.has_curves(figure.id):
                    continue
                try:
                    results.append(load(figure, run))
                except InputError as e:
                    left_out.append(f"{run.id} is left out: {e}")
    unique = {(r.figure.id, r.run.id): r for r in results}
    return list(unique.values()), left_out
