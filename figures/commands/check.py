"""``driftlab check``: what the stored simulations say about the claims."""

import argparse
import json

from figures.commands.arguments import (
    SETTINGS_HELP,
    add_command,
    add_computing,
    add_ids,
)
from figures.commands.outcome import EXIT_UNEXPECTED

__all__ = ["add_to", "run"]


def add_to(commands: argparse._SubParsersAction) -> None:
    """Declare the subcommand."""
    command = add_command(
        commands,
        "check",
        run,
        "verdicts; runs whatever is missing",
        epilog=SETTINGS_HELP,
    )
    add_ids(command, "figures whose claims to check (default: all)")
    add_computing(command)
    command.add_argument("--json", action="store_true", help="as JSON")


def run(options: argparse.Namespace) -> int:
    """Print the verdicts; exit status 1 when one is not the expected one."""
    from figures import catalogue
    from figures.overrides import override
    from figures.pipeline import judged
    from figures.progress import progress
    from figures.side_by_side import compute_all, default_jobs
    from sim.store.archive import require_writable
    from theory.claims import table

    chosen = catalogue.select(options.ids)
    settings = override(chosen, options.preset, options.fields)
    require_writable(options.out)
    shown = progress(quiet=options.quiet)
    jobs = default_jobs(chosen, settings) if options.jobs is None else options.jobs
    results, _ = compute_all(
        chosen, options.preset, settings, options.out, shown, jobs, options.platform,
        draw=False,
    )  # fmt: skip
    verdicts = judged(results)
    if options.json:
        rows = [{"figure": j.figure, **j.verdict.to_json()} for j in verdicts]
        print(json.dumps(rows, indent=1))
    else:
        print(table([j.verdict for j in verdicts]))
    as_expected = all(j.verdict.as_expected for j in verdicts)
    return 0 if as_expected else EXIT_UNEXPECTED
