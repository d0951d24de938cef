"""``driftlab report``: everything drawn again from stored results."""

import argparse

from figures.commands.arguments import add_command, add_ids, add_out
from figures.commands.outcome import conclude

__all__ = ["add_to", "run"]


def add_to(commands: argparse._SubParsersAction) -> None:
    """Declare the subcommand."""
    command = add_command(
        commands, "report", run, "draw everything again from stored results"
    )
    add_ids(command, "figures to put into it (default: all that are stored)")
    command.add_argument("--preset", help="only results of this preset")
    add_out(command)


def run(options: argparse.Namespace) -> int:
    """Draw and write, without simulating; the last line names the report."""
    from figures import catalogue
    from figures.pipeline import judged, stored
    from figures.report import write_report
    from theory.validation import InputError

    results, left_out = stored(
        options.out, catalogue.select(options.ids), options.preset
    )
    print("".join(f"note: {line}\n" for line in left_out), end="")
    if not results:
        raise InputError(
            f"{options.out} holds no finished result to report on; "
            "run `driftlab figures` first."
        )
    verdicts = judged(results)
    page = write_report(options.out, results, verdicts)
    status = conclude(verdicts)
    print(f"Report: {page}")
    return status
