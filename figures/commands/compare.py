"""``driftlab compare``: one loop of one's own, judged by every theory."""

import argparse
import json

from figures.commands.arguments import add_command, add_out
from figures.commands.outcome import EXIT_UNEXPECTED, conclude

__all__ = ["add_to", "run"]

FIGURE = "all1"
LEFT_OUT = ("reference", "about", "through", "why")
"""Columns that are for JSON alone."""
EPILOG = """\
settings: every field of the figure's settings is an option with one value, `driftlab list
all1` shows them all. Those that make the loop:
  --learner NAME        kernel, gaussian or shift; several separated by commas
  --target NAME         gaussian or two-modes
  --alpha A             fresh fraction, or one for each generation separated by commas
  --n N                 training points
  --generations N       models trained one after the other
  --seeds N             independent runs; more extend a stored run

It is the figure all1 with these settings: results are stored and drawn as its own.
"""


def add_to(commands: argparse._SubParsersAction) -> None:
    """Declare the subcommand."""
    command = add_command(
        commands,
        "compare",
        run,
        "one loop, all theories: every bound and prediction that applies to it",
        epilog=EPILOG,
    )
    command.add_argument(
        "--preset",
        default="quick",
        help="what the settings start from (default: quick)",
    )
    add_out(command)
    command.add_argument(
        "--platform", choices=("cpu", "gpu", "tpu"), help="where JAX computes"
    )
    command.add_argument("--quiet", action="store_true", help="no progress")
    command.add_argument("--json", action="store_true", help="tables as JSON")


def run(options: argparse.Namespace) -> int:
    """Print both tables of every loop; the last line names the picture."""
    from figures import catalogue
    from figures.commands.predict_table import aligned, strict
    from figures.overrides import override
    from figures.pipeline import compute, judged
    from figures.progress import progress
    from figures.report import drawing
    from figures.together.table import generation_rows, statement_rows
    from sim.store.archive import require_writable

    chosen = catalogue.select([FIGURE])
    settings = override(chosen, options.preset, options.fields)[FIGURE]
    require_writable(options.out)
    shown = progress(quiet=options.quiet)
    result = compute(chosen[0], options.preset, settings, options.out, shown)
    with shown.stage("draw"):
        picture = drawing(options.out, result)["png"]
    made = result.trace, result.curves
    loops = {
        learner: {
            "statements": statement_rows(*made, learner),
            "generations": generation_rows(*made, learner),
        }
        for learner in settings.learner
    }
    verdicts = judged([result])
    if options.json:
        found = {
            "loops": loops,
            "verdicts": [j.verdict.to_json() for j in verdicts],
            "picture": str(picture),
        }
        print(json.dumps(strict(found), indent=1))
        as_expected = all(j.verdict.as_expected for j in verdicts)
        return 0 if as_expected else EXIT_UNEXPECTED
    for learner, tables in loops.items():
        print(f"{learner}\n\n{_statements(tables['statements'])}\n")
        print(aligned(tables["generations"], digits=3), end="\n\n")
    status = conclude(verdicts)
    print(f"Picture: {picture}")
    return status


def _statements(rows: list[dict]) -> str:
    """Those that speak as a table, then what is to be said of each hypothesis and silence."""
    from figures.commands.predict_table import aligned

    shown = [
        {name: value for name, value in row.items() if name not in LEFT_OUT}
        for row in rows
        if row["state"] != "silent"
    ]
    said = [
        f"{row['statement']} ({row['state']}): {row['why']}"
        for row in rows
        if row["why"]
    ]
    return "\n".join([aligned(shown, digits=3), "", *said])
