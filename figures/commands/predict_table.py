"""What the modes of ``driftlab predict`` share: their arguments and their rows."""

import argparse
from collections.abc import Callable

__all__ = ["Row", "add_mode", "history", "numbers", "rows"]

Row = dict[str, float | int | str]


def add_mode(modes, name: str, predict: Callable, help: str) -> argparse.ArgumentParser:
    """A mode whose rows `predict` computes from the parsed options."""
    mode = modes.add_parser(
        name, help=help, description=help[0].upper() + help[1:] + "."
    )
    mode.add_argument(
        "--format",
        choices=("table", "csv", "json"),
        default="table",
        help="of the output",
    )
    mode.set_defaults(predict=predict)
    return mode


def numbers(text: str) -> tuple[float, ...]:
    """One number or several, separated by commas."""
    return tuple(float(item) for item in text.split(","))


def history(name: str, values, generations: int):
    """One value per generation, from one or from as many as there are generations."""
    import numpy as np

    from theory.validation import require

    require(generations >= 1, "generations", ">= 1", generations)
    allowed = f"one value or {generations}, separated by commas"
    require(len(values) in (1, generations), name, allowed, values)
    return np.broadcast_to(np.asarray(values, dtype=np.float64), (generations,))


def rows(**columns) -> list[Row]:
    """Columns of equal length (arrays) as rows of plain numbers."""
    listed = {name: column.tolist() for name, column in columns.items()}
    return [
        dict(zip(listed, row, strict=True))
        for row in zip(*listed.values(), strict=True)
    ]
