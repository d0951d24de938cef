"""Results as files for other programs: CSV, NetCDF and LaTeX."""

from collections.abc import Collection, Sequence
from pathlib import Path

import pandas as pd

from figures.latex import (
    escaped,
    latex_table,
    settings_line,
    value_table,
    verdict_table,
)
from figures.netcdf import write_netcdf
from figures.pipeline import LEVEL, Result
from figures.results import tree, value_frame, varied, verdict_frame
from sim.store.archive import write_atomic

__all__ = [
    "shared_rate",
    "table_caption",
    "write_frame",
    "write_results",
    "write_table",
]


def write_results(
    results: Sequence[Result],
    folder: Path,
    formats: Collection[str] = ("csv", "nc", "latex"),
    variables: Sequence[str] = (),
    at: Sequence[str] = (),
) -> list[Path]:
    """Write stored results, all verdicts judged together; their paths.

    Args:
        results: at least one.
        folder: where ``verdicts.csv``, ``values.csv``, ``verdicts.tex``, a
            ``VARIABLE.tex`` each and a ``FIGURE-RUN.nc`` for every result go.
        formats: which of them.
        variables: those to make a LaTeX table of.
        at: conditions that its rows must not contradict, such as "alpha=0.1".

    Raises:
        InputError: a variable that is not there, before anything is written; or a file
            that cannot be written.
    """
    fields = varied(results)
    verdicts, values = verdict_frame(results, fields), value_frame(results, fields)
    tables = {"verdicts": verdict_table(verdicts, fields)} if len(verdicts) else {}
    tables |= {v: value_table(values, v, fields, at) for v in variables}
    written = []
    if "csv" in formats:
        written.append(write_frame(folder / "verdicts.csv", verdicts))
        written.append(write_frame(folder / "values.csv", values))
    if "nc" in formats:
        for result in results:
            path = folder / f"{result.figure.id}-{result.run.path.name}.nc"
            write_netcdf(path, tree(result))
            written.append(path)
    if "latex" in formats:
        about = settings_line(results, fields)
        for name, table in tables.items():
            path = folder / f"{name}.tex"
            written.append(
                write_table(path, table, table_caption(name, verdicts, about, at))
            )
    return written


def write_frame(path: Path, frame: pd.DataFrame) -> Path:
    """Write a frame as CSV, every number in full."""
    write_atomic(path, frame.to_csv(index=False).encode())
    return path


def write_table(path: Path, cells: pd.DataFrame, caption: str) -> Path:
    """Write a table of `figures.latex`; its label is ``tab:`` and the file's name."""
    write_atomic(path, latex_table(cells, caption, f"tab:{path.stem}").encode())
    return path


def table_caption(
    kind: str, verdicts: pd.DataFrame, about: str, at: Sequence[str] = ()
) -> str:
    """What stands over a table of "verdicts", or of the variable `kind`, in LaTeX.

    Args:
        kind: see above.
        verdicts: all that were judged together.
        about: the settings, in LaTeX, see `settings_line`.
        at: conditions that the variable's rows have in common.
    """
    if kind == "verdicts":
        says = (
            "Verdicts on every claim, with the number of settings where there are several; "
            f"a star marks what was not expected. {shared_rate(verdicts)}"
        )
    else:
        where = f", {', '.join(at)}" if at else ""
        says = (
            f"{kind} at the end of the loop{where}. A mean over seeds has its standard error "
            "in brackets, in units of the last digit."
        )
    return f"{escaped(says)} {about}"


def shared_rate(verdicts: pd.DataFrame) -> str:
    """What all verdicts of a frame promise together."""
    if verdicts.empty:
        return "There are no verdicts."
    return (
        f"All {verdicts['intervals'].max()} intervals behind the {len(verdicts)} verdicts "
        f"share one error rate of {100 * LEVEL:g} %."
    )
