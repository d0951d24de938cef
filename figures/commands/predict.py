"""``driftlab predict``: what the theory says, without any simulation."""

import argparse
import csv
import json
import math
import sys

from figures.commands import (
    predict_denoiser,
    predict_generation,
    predict_loop,
    predict_mixing,
)
from figures.commands.arguments import add_command
from figures.commands.predict_table import Row

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
        print(json.dumps([_strict(row) for row in rows], indent=1))
    elif options.format == "csv":
        writer = csv.DictWriter(sys.stdout, list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    else:
        print(_aligned(rows))


def _aligned(rows: list[Row]) -> str:
    cells = [list(rows[0]), *([_text(v) for v in row.values()] for row in rows)]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    return "\n".join(
        "  ".join(cell.ljust(w) for cell, w in zip(line, widths, strict=True)).rstrip()
        for line in cells
    )


def _text(value: float | int | str) -> str:
    if isinstance(value, float):
        return "-" if math.isnan(value) else f"{value:.9g}"
    return str(value)


def _strict(row: Row) -> Row:
    """Without the numbers that JSON lacks: null for NaN, a string for an infinity."""
    return {name: _finite(value) for name, value in row.items()}


def _finite(value):
    if not isinstance(value, float) or math.isfinite(value):
        return value
    return None if math.isnan(value) else str(value)
