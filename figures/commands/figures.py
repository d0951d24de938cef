"""``driftlab figures``: simulate, predict, judge, draw, report."""

import argparse

from figures.commands.arguments import (
    SETTINGS_HELP,
    add_command,
    add_computing,
    add_ids,
)
from figures.commands.outcome import conclude

__all__ = ["add_to", "run"]


def add_to(commands: argparse._SubParsersAction) -> None:
    """Declare the subcommand."""
    command = add_command(
        commands,
        "figures",
        run,
        "simulate, predict, judge, draw, report",
        epilog=SETTINGS_HELP,
    )
    add_ids(command, "figures to make (default: all)")
    add_computing(command)
    command.add_argument(
        "--dry-run", action="store_true", help="say what would be computed, and stop"
    )


def run(options: argparse.Namespace) -> int:
    """Make the figures; the last line names the report."""
    from figures import catalogue
    from figures.forecast import forecasts, table
    from figures.overrides import override
    from figures.pipeline import judged, stored
    from figures.progress import progress
    from figures.report import write_report
    from figures.side_by_side import compute_all, default_jobs
    from sim.store.archive import require_writable

    chosen = catalogue.select(options.ids)
    settings = override(chosen, options.preset, options.fields)
    jobs = default_jobs(chosen, settings) if options.jobs is None else options.jobs
    print(table(forecasts(chosen, options.preset, settings, options.out), jobs))
    if options.dry_run:
        return 0
    require_writable(options.out)
    shown = progress(quiet=options.quiet)
    made, drawn = compute_all(
        chosen, options.preset, settings, options.out, shown, jobs, options.platform
    )
    others = [f for f in catalogue.select([]) if f.id not in settings]
    kept, left_out = stored(options.out, others)
    results = sorted(
        made + kept, key=lambda r: [*catalogue.figures()].index(r.figure.id)
    )
    verdicts = judged(results)
    with shown.stage("draw and report", len(results)) as stage:
        page = write_report(options.out, results, verdicts, stage.tick, drawn)
    mine = [judged for judged in verdicts if judged.figure in settings]
    print("".join(f"note: {line}\n" for line in left_out), end="")
    status = conclude(mine)
    print(f"Report: {page}")
    return status
