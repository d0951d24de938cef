"""``driftlab predict``: what the theory says, without any simulation."""

import argparse
import csv
import json
import sys

from figures.commands import (
    predict_denoiser,
    predict_generation,
    predict_loop,
    predict_mixing,
)
from figures.commands.arguments import add_command
from figures.commands.predict_table import aligned, strict

__all__ = ["add_to", "run"]


def add_to(commands: argparse._SubParsersAction) -> None:
    """Declare the subcommand and its modes."""
    command = add_command(
        commands, "predict", run, "theory alone: curves and bounds as a table"
    )
    modes = command.add_subparsers(metavar="mode", required=True)
    predict_loop.add_to(modes)
    predict_generation.add_to(modes)
    predict_denoiser.add_to(modes)
    predict_mixing.add_to(modes)


def run(options: argparse.Namespace) -> None:
    """Compute the rows of the chosen mode and print them."""
    rows = options.predict(options)
    if options.format == "json":
        print(json.dumps(strict(rows), indent=1))
    elif options.format == "csv":
        writer = csv.DictWriter(sys.stdout, list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    else:
        print(aligned(rows))
