"""What a sweep leaves in ``DIR/sweeps``, made anew from stored runs each time."""

from collections.abc import Sequence
from pathlib import Path

from figures import style
from figures.export import save_picture
from figures.files import table_caption, write_frame, write_table
from figures.latex import escaped, settings_line, value_table, verdict_table
from figures.netcdf import write_netcdf
from figures.overrides import as_text
from figures.sweep.picture import verdict_map
from figures.sweep.run import Sweep
from figures.sweep.tree import swept_tree

__all__ = ["write_files"]


def write_files(
    sweep: Sweep,
    root: Path,
    variables: Sequence[str] = (),
    at: Sequence[str] = (),
    name: str | None = None,
) -> tuple[list[Path], list[str]]:
    """Arrays, frames, tables and the map of verdicts.

    Args:
        sweep: what to write down.
        root: the files lie in ``root/sweeps``.
        variables: those to make a LaTeX table of, each.
        at: conditions that its rows must not contradict, such as "alpha=0.1".
        name: how the files begin, by default `Design.name`.

    Returns:
        The files ``NAME.nc`` (arrays), ``NAME-verdicts.csv``, ``NAME-values.csv``,
        ``NAME-verdicts.tex``, ``NAME-VARIABLE.tex``, ``NAME.pdf``, ``NAME.png``; and a line
        for whatever is left out of the arrays.

    Raises:
        InputError: a variable that is not there, before anything is written; or a file
            that cannot be written.
    """
    stem = root / "sweeps" / (name or sweep.design.name)
    fields = sweep.design.fields
    verdicts, values = sweep.verdicts(), sweep.values()
    tables = {"verdicts": verdict_table(verdicts, fields)} if len(verdicts) else {}
    tables |= {v: value_table(values, v, fields, at) for v in variables}
    arrays, left_out = swept_tree(sweep)
    over = "; ".join(
        f"{a.field} = {' / '.join(map(as_text, a.values))}" for a in sweep.design.axes
    )
    about = escaped(f"Over {over}. ") + settings_line(sweep.completed, fields)
    written = [
        _beside(stem, ".nc"),
        write_frame(_beside(stem, "-verdicts.csv"), verdicts),
        write_frame(_beside(stem, "-values.csv"), values),
    ]
    write_netcdf(written[0], arrays)
    for kind, table in tables.items():
        caption = table_caption(kind, verdicts, about, at)
        written.append(write_table(_beside(stem, f"-{kind}.tex"), table, caption))
    if len(verdicts):
        with style.applied():
            written += save_picture(verdict_map(sweep, verdicts), stem).values()
    return written, left_out


def _beside(stem: Path, ending: str) -> Path:
    return stem.with_name(stem.name + ending)
