"""Arguments of the modes of ``driftlab predict``, and rows as tables."""

import argparse
import math
from collections.abc import Callable
from typing import Any

__all__ = ["Row", "add_mode", "aligned", "history", "numbers", "rows", "strict"]

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


def aligned(rows: list[Row], digits: int = 9) -> str:
    """Rows as text for people, one column below its name."""
    cells = [list(rows[0]), *([_text(v, digits) for v in row.values()] for row in rows)]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    return "\n".join(
        "  ".join(cell.ljust(w) for cell, w in zip(line, widths, strict=True)).rstrip()
        for line in cells
    )


def _text(value: float | int | str, digits: int) -> str:
    if isinstance(value, float):
        return "-" if math.isnan(value) else f"{value:.{digits}g}"
    return str(value)


def strict(value: Any) -> Any:
    """Without the numbers that JSON lacks: null for NaN, a string for an infinity."""
    if isinstance(value, dict):
        return {name: strict(part) for name, part in value.items()}
    if isinstance(value, list):
        return [strict(part) for part in value]
    if not isinstance(value, float) or math.isfinite(value):
        return value
    return None if math.isnan(value) else str(value)
