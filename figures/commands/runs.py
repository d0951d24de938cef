"""``driftlab runs``: the stored runs themselves."""

import argparse
import json
from typing import TYPE_CHECKING

from figures.commands.arguments import add_command, add_out

if TYPE_CHECKING:
    from pathlib import Path

    from sim.store import Run

__all__ = ["add_to", "run"]


def add_to(commands: argparse._SubParsersAction) -> None:
    """Declare the subcommand."""
    command = add_command(
        commands, "runs", run, "list, compare and remove stored runs", needs_jax=False
    )
    actions = command.add_subparsers(metavar="action", required=True)
    listing = actions.add_parser("list", help="every stored run")
    listing.add_argument("--json", action="store_true", help="as JSON")
    compare = actions.add_parser("compare", help="settings in which two runs differ")
    compare.add_argument("a", metavar="A", help="id of a run, or part of one")
    compare.add_argument("b", metavar="B")
    remove = actions.add_parser("remove", help="delete a run for good")
    remove.add_argument("id", metavar="ID", help="id of a run, or part of one")
    remove.add_argument("--yes", action="store_true", help="do it")
    todo = {listing: _list, compare: _compare, remove: _remove}
    for action, do in todo.items():
        add_out(action)
        action.set_defaults(action=do)


def run(options: argparse.Namespace) -> int | None:
    """Do what was asked for."""
    return options.action(options)


def _list(options: argparse.Namespace) -> None:
    from sim.store import Run

    rows = [
        {
            "id": run.id,
            "seeds": sum(len(group.seeds) for group in run.stored_groups()),
            "complete_seeds": run.completed_seeds,
            "seconds": run.seconds(),
            "bytes": run.size_bytes(),
            "last_used": run.last_used(),
        }
        for run in Run.all(options.out)
    ]
    if options.json:
        print(json.dumps(rows, indent=1))
        return
    if not rows:
        print(f"{options.out} holds no run.")
        return
    from figures.progress import duration

    width = max(len(row["id"]) for row in rows)
    print(f"{'run':{width}}  seeds  state       time        size      last used")
    for row in rows:
        whole = row["complete_seeds"] >= row["seeds"]
        state = "complete" if whole and row["complete_seeds"] else "incomplete"
        size = f"{row['bytes'] / 1e6:.1f} MB"
        print(
            f"{row['id']:{width}}  {row['seeds']:5}  {state:10}  "
            f"{duration(row['seconds']):10}  {size:8}  {row['last_used']}"
        )


def _compare(options: argparse.Namespace) -> None:
    a, b = _named(options.out, options.a), _named(options.out, options.b)
    names = list(a.settings | b.settings)
    width = max(map(len, names))
    absent = "(absent)"
    for name in names:
        of_a, of_b = a.settings.get(name, absent), b.settings.get(name, absent)
        if of_a != of_b:
            print(f"{name:{width}}  {of_a}  ->  {of_b}")
    if a.settings == b.settings:
        print("The settings are the same.")


def _remove(options: argparse.Namespace) -> None:
    from theory.validation import require

    run = _named(options.out, options.id)
    size = f"{run.size_bytes() / 1e6:.1f} MB, {run.completed_seeds} seeds complete"
    require(options.yes, "--yes", f"given to delete {run.id} ({size})", "no --yes")
    run.remove()
    print(f"Removed {run.id} ({size}).")


def _named(root: "Path", name: str) -> "Run":
    """The one run whose id is, or contains, `name`."""
    from figures.catalogue import lookup
    from sim.store import Run
    from theory.validation import require

    runs = {run.id: run for run in Run.all(root)}
    matches = [id for id in runs if name in id]
    if not matches:
        lookup("run", name, runs)
    require(len(matches) == 1, "run", f"one of {', '.join(matches)}", name)
    return runs[matches[0]]
