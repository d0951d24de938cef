"""An audit in the terminal."""

import shutil
import textwrap
from collections.abc import Sequence

from figures.audit.audited import Audit
from figures.audit.numbers import interval, short, with_error
from figures.audit.records import Prediction, Series

__all__ = ["text"]

WIDEST = 110


def text(audit: Audit) -> str:
    """Regime, measures, fits, bounds, predictions and notes."""
    parts = [
        _heading(audit),
        _regime(audit),
        _measures(audit),
        _fits(audit),
        _bounds(audit),
        _predictions(audit),
        _notes(audit),
    ]
    return "\n\n".join(part for part in parts if part)


def _width() -> int:
    return min(WIDEST, shutil.get_terminal_size((WIDEST, 24)).columns)


def _heading(audit: Audit) -> str:
    G = audit.clouds.generations
    many = f"{G} generations" if G > 1 else "1 generation"
    return _wrapped(
        "",
        f"{many} against {audit.setup.real}: {audit.clouds.points} points of each set, "
        f"compared in {audit.clouds.space.name}.",
    )


def _regime(audit: Audit) -> str:
    lines = [f"REGIME: {audit.regime.title}"]
    for question in ("drift", "errors", "growth", "memory", "diversity"):
        finding = getattr(audit.regime, question)
        lines.append(_wrapped(question, f"{finding.answer}: {finding.because}", 10))
    return "\n".join(lines)


def _measures(audit: Audit) -> str:
    """Generations down, measures across, in as many tables as the width asks for."""
    shown = [s for s in audit.series.values() if not s.missing]
    rows = ["real", *map(str, range(1, audit.clouds.generations + 1))]
    columns = [[s.label, *_cells(s)] for s in shown]
    tables, width = [], _width()
    while columns:
        taken = [["", *rows]]
        while columns and _across([*taken, columns[0]]) <= width:
            taken.append(columns.pop(0))
        if len(taken) == 1:  # not even one fits
            taken.append(columns.pop(0))
        tables.append(_table(taken))
    head = (
        "MEASURED. Row 'real' is real points compared like a generation, the floor; 0.12(3) "
        "stands for 0.12 with standard error 0.03."
    )
    keys = [_wrapped(f"{s.label}:", s.says, 16) for s in shown]
    lacking = [
        _wrapped(f"{s.label}:", f"not measurable, {s.missing}", 16)
        for s in audit.series.values()
        if s.missing
    ]
    return "\n".join([_wrapped("", head), *tables, *keys, *lacking])


def _cells(series: Series) -> list[str]:
    if series.name == "p":
        return [short(p, 2) for p in series.value]
    pairs = zip(series.value, series.error, strict=True)
    return [with_error(float(v), float(e)) for v, e in pairs]


def _across(columns: Sequence[Sequence[str]]) -> int:
    return sum(max(map(len, column)) + 2 for column in columns) - 2


def _table(columns: Sequence[Sequence[str]]) -> str:
    widths = [max(map(len, column)) for column in columns]
    rows = zip(*columns, strict=True)
    lines = [
        "  ".join(cell.rjust(w) for cell, w in zip(row, widths, strict=True))
        for row in rows
    ]
    return "\n".join(lines) + "\n"


def _fits(audit: Audit) -> str:
    lines = ["FITTED, with intervals at 95 %"]
    for f in audit.fits.fits:
        found = f"not measurable: {f.missing}"
        if not f.missing:
            found = interval(f.value, f.low, f.high)
            more = "; ".join(filter(None, (f.assumes, f.against)))
            found += f" ({more})" if more else ""
        lines.append(_wrapped("-", f"{f.says}: {found}", 2))
    return "\n".join(lines)


def _bounds(audit: Audit) -> str:
    lines = ["BOUNDS AND LAWS"]
    for b in audit.bounds:
        what = f"{b.name} ({b.kind}; {b.provenance}): {b.says}."
        lines.append(_wrapped("-", f"{what} {b.standing.capitalize()}: {b.found}.", 2))
    return "\n".join(lines)


def _predictions(audit: Audit) -> str:
    G, ahead = audit.clouds.generations, audit.setup.ahead
    last = audit.predictions[0].held_back
    check = "no generations to check them on"
    if last:
        span = f"{last[0]} to {last[-1]}" if len(last) > 1 else f"{last[0]}"
        check = f"checked on generations {span}, predicted from those before"
    lines = [f"NEXT GENERATIONS, {G + 1} to {G + ahead}; {check}"]
    for p in audit.predictions:
        lines += _prediction(audit, p)
    return "\n".join(lines)


def _prediction(audit: Audit, p: Prediction) -> list[str]:
    label = audit.series[p.quantity].label
    if p.missing:
        return [_wrapped("-", f"{label}, {p.law}: not measurable, {p.missing}", 2)]
    shown = sorted({0, len(p.generation) - 1})
    cells = [
        f"{p.generation[i]}: {interval(float(p.value[i]), float(p.low[i]), float(p.high[i]))}"
        for i in shown
    ]
    what = (
        f"{label}, {p.law} ({p.kind}; {p.check}): {'; '.join(cells)}. If {p.assumes}."
    )
    return [_wrapped("-", what, 2)]


def _notes(audit: Audit) -> str:
    return "\n".join(["NOTES", *(_wrapped("-", n, 2) for n in audit.clouds.notes)])


def _wrapped(label: str, content: str, indent: int = 0) -> str:
    return textwrap.fill(
        content,
        _width(),
        initial_indent=f"{label} ".ljust(indent) if label else " " * indent,
        subsequent_indent=" " * indent,
        break_on_hyphens=False,
    )
