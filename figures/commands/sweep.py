"""``driftlab sweep``: a figure over values of its settings."""

import argparse

from figures.commands.arguments import (
    SETTINGS_HELP,
    add_command,
    add_computing,
    add_tables,
)
from figures.commands.outcome import conclude

__all__ = ["add_to", "run"]

EXIT_REFUSED = 2

_HELP = """\
values: --over n=100,1000 (a list), --over n=100:1000:4 (equally spaced, ends included),
--over n=100:1000:4log (geometrically). Where a value has commas of its own, slashes
separate values: --over alphas=0.1,0.5/0.9 are two. Several --over make a grid.

Every point is an ordinary stored run: stopped, it resumes; run before, it is reused. In
DIR/sweeps: NAME.nc (arrays over the swept fields), NAME-verdicts.csv, NAME-values.csv,
NAME-verdicts.tex, NAME.pdf and NAME.png (a map of the verdicts).

"""


def add_to(commands: argparse._SubParsersAction) -> None:
    """Declare the subcommand."""
    command = add_command(
        commands,
        "sweep",
        run,
        "a figure over values of its settings; results as files",
        epilog=_HELP + SETTINGS_HELP,
    )
    command.add_argument(
        "figure", metavar="ID", help="figure to compute at every point"
    )
    command.add_argument(
        "--over",
        action="append",
        default=[],
        metavar="FIELD=VALUES",
        help="a field to sweep, any number of them",
    )
    command.add_argument(
        "--zip",
        action="store_true",
        help="take the k-th value of every field together instead of all combinations",
    )
    add_tables(command)
    command.add_argument(
        "--name", help="how the files begin (default: from the values)"
    )
    add_computing(command)
    command.add_argument(
        "--dry-run", action="store_true", help="say what would be computed, and stop"
    )


def run(options: argparse.Namespace) -> int:
    """Compute every point and write the results down."""
    from pathlib import Path

    from figures.files import shared_rate
    from figures.forecast import table
    from figures.progress import progress
    from figures.sweep.files import write_files
    from figures.sweep.points import design
    from figures.sweep.run import carry_out, expected, sensible_jobs
    from sim.store.archive import require_writable
    from theory.validation import require

    name = options.name
    plain = name is None or (name and Path(name).name == name)
    require(plain, "name", "a name for files, without folders", name)
    for field, text in options.fields.items():
        require(text is not None, field, "followed by a value", "none")
    chosen = design(
        options.figure,
        _over(options.over),
        preset=options.preset,
        fixed=options.fields,
        zipped=options.zip,
    )
    planned = expected(chosen, options.out)
    jobs = sensible_jobs(planned) if options.jobs is None else options.jobs
    print(table(planned, jobs))
    if any(plan.stored < plan.seeds for plan in planned):
        print("Times are those of the preset or its last run, whatever the values.")
    if options.dry_run:
        return 0
    require_writable(options.out)
    found = carry_out(
        chosen, options.out, progress(quiet=options.quiet), jobs, options.platform
    )
    for k, why in found.refusals.items():
        print(f"note: {chosen.points[k].label} is left out: {why}")
    written, left_out = write_files(
        found, options.out, options.variable, options.at, name
    )
    print("".join(f"note: {line}\n" for line in left_out), end="")
    status = conclude(found.judged())
    print(shared_rate(found.verdicts()))
    print("\n".join(f"Written: {path}" for path in written))
    return EXIT_REFUSED if found.refusals else status


def _over(texts: list[str]) -> dict[str, str]:
    """Values by field, from ``FIELD=VALUES``."""
    from theory.validation import require

    over: dict[str, str] = {}
    for text in texts:
        field, equals, values = text.partition("=")
        require(bool(field and equals), "over", "FIELD=VALUES", text)
        field = field.replace("-", "_")
        require(field not in over, field, "swept once", "twice")
        over[field] = values
    return over
