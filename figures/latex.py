r"""Tables for papers: LaTeX that needs the booktabs package and nothing else.

A number carries its standard error in brackets, in units of its last digit: 1.23(4).
"""

import math
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import fields as dataclass_fields
from decimal import Decimal

import pandas as pd

from figures.catalogue import lookup
from figures.overrides import as_text
from figures.pipeline import Result

__all__ = [
    "escaped",
    "latex_table",
    "settings_line",
    "value_table",
    "verdict_table",
    "with_error",
]

NONE = "--"
_SPECIAL = str.maketrans(
    {
        **{c: f"\\{c}" for c in "&%$#_{}"},
        "\\": r"\textbackslash{}",
        "~": r"\textasciitilde{}",
        "^": r"\textasciicircum{}",
        "<": r"$<$",
        ">": r"$>$",
        "|": r"$|$",
    }
)


def escaped(text: str) -> str:
    """`text` as LaTeX prints it."""
    return text.translate(_SPECIAL)


def with_error(value: float, error: float = math.nan) -> str:
    r"""``$1.23(4)$``: rounded to the first digit of the error, to two if that is a 1.

    Four digits where the error is not known or 0. Powers of ten are split off where
    leading zeros would be many, or trailing digits unknown.
    """
    if math.isnan(value):
        return NONE
    if math.isinf(value):
        return r"$\infty$" if value > 0 else r"$-\infty$"
    if not (math.isfinite(error) and error > 0):
        mantissa, _, power = f"{value:.4g}".partition("e")
        return _times_ten(mantissa, int(power or 0))
    spread = Decimal(repr(float(error)))
    place = spread.adjusted()  # of the last digit
    if spread.scaleb(-place) < Decimal("1.95"):
        place -= 1
    unit = Decimal(1).scaleb(place)
    rounded = Decimal(repr(float(value))).quantize(unit)
    digits = spread.quantize(unit).scaleb(-place).to_integral_value()
    power = rounded.adjusted() if rounded else spread.adjusted()
    if place <= 0 and -4 < power < 6:
        power = 0
    return _times_ten(f"{rounded.scaleb(-power):f}({digits})", power)


def verdict_table(verdicts: pd.DataFrame, fields: Sequence[str]) -> pd.DataFrame:
    """Outcomes by claim and swept field, the last field across; a star: not expected.

    Args:
        verdicts: a `verdict_frame` with columns for the `fields`.
        fields: of the settings; without any there is one column.

    Returns:
        Cells in LaTeX, what tells the rows apart as index.
    """
    leading = [*_if_several(verdicts, "figure"), "claim", *fields[:-1]]
    return _pivot(verdicts, leading, fields[-1:], _outcomes, "verdict")


def value_table(
    values: pd.DataFrame,
    variable: str,
    fields: Sequence[str],
    at: Sequence[str] = (),
) -> pd.DataFrame:
    """A variable of the last generation by swept field, the last field across.

    Args:
        values: a `value_frame` with columns for the `fields`.
        variable: its name.
        fields: of the settings; without any, or with one that is all there is to tell
            apart, there is one column.
        at: conditions that rows must not contradict, such as "alpha=0.1".

    Returns:
        As for `verdict_table`.

    Raises:
        InputError: there is no such variable, or no such condition on it.
    """
    lookup("variable", variable, dict.fromkeys(values.get("variable", [])))
    rows = _meeting(values[values["variable"] == variable], at)
    kinds = [k for c in ("figure", "source", "at") for k in _if_several(rows, c)]
    leading = [*kinds, *fields[:-1]]
    if not leading:
        return _pivot(rows, fields or ["figure"], (), _numbers, variable)
    return _pivot(rows, leading, fields[-1:], _numbers, variable)


def latex_table(cells: pd.DataFrame, caption: str, label: str) -> str:
    """A floating table of cells, index and caption that are LaTeX already."""
    styled = cells.reset_index().style.hide(axis="index")
    return styled.to_latex(
        column_format="l" * cells.index.nlevels + "r" * len(cells.columns),
        position_float="centering",
        hrules=True,
        caption=caption,
        label=label,
    )


def settings_line(results: Sequence[Result], fields: Sequence[str]) -> str:
    """What a caption says of the settings, escaped: a part for every figure and choice."""
    parts = dict.fromkeys(_settings(result, fields) for result in results)
    made = {_made(result) for result in results}
    return escaped("; ".join([*parts, *sorted(made)]) + ".")


def _settings(result: Result, fields: Sequence[str]) -> str:
    """``ep1, TITLE (preset quick, generations = 5, seeds = 3)``: what the preset has not."""
    settings, preset = result.settings, result.figure.presets.get(result.run.preset)
    changed = [
        f"{f.name} = {as_text(value)}"
        for f in dataclass_fields(settings)
        if f.name not in (*fields, "seeds")
        and (value := getattr(settings, f.name)) != getattr(preset, f.name, None)
    ]
    seeds = getattr(settings, "seeds", None)
    count = [] if seeds is None or "seeds" in fields else [f"seeds = {seeds}"]
    of = ", ".join([f"preset {result.run.preset}", *changed, *count])
    return f"{result.figure.id}, {result.figure.title} ({of})"


def _made(result: Result) -> str:
    stored = result.run.provenance()
    return f"driftlab {stored['versions']['driftlab']}, commit {stored['commit']}"


def _meeting(rows: pd.DataFrame, at: Sequence[str]) -> pd.DataFrame:
    """The rows that contradict no condition; what all have to meet need not be told."""
    found = [
        dict(c.split("=", 1) for c in text.split(", ") if c) for text in rows["at"]
    ]
    for condition in at:
        known = dict.fromkeys(f"{k}={v}" for of in found for k, v in of.items())
        lookup("at", condition, known)
    wanted = dict(condition.split("=", 1) for condition in at)
    rest = [
        ", ".join(f"{k}={v}" for k, v in of.items() if k not in wanted) for of in found
    ]
    met = [all(of.get(k, v) == v for k, v in wanted.items()) for of in found]
    return rows.assign(at=rest)[met]


def _if_several(rows: pd.DataFrame, column: str) -> list[str]:
    return [column] if rows[column].nunique() > 1 else []


def _pivot(
    rows: pd.DataFrame,
    leading: Sequence[str],
    across: Sequence[str],
    cell: Callable[[pd.DataFrame], str],
    title: str,
) -> pd.DataFrame:
    """Rows by `leading`, columns by `across` (at most one), in order of appearance."""
    keys = [*leading, *across]
    ranks = rows[keys].apply(lambda column: pd.factorize(column)[0])
    rows = rows.loc[ranks.sort_values(keys, kind="stable").index]
    table: dict[tuple, dict[str, str]] = {}
    for key, group in rows.groupby(keys, sort=False, dropna=False):
        head = f"{across[0]} = {as_text(key[-1])}" if across else title
        place = tuple(escaped(as_text(k)) for k in key[: len(leading)])
        table.setdefault(place, {})[escaped(head)] = cell(group)
    names = [escaped(name) for name in leading]
    index = pd.MultiIndex.from_tuples(table, names=names)
    return pd.DataFrame(table.values(), index=index).fillna(NONE)


def _outcomes(verdicts: pd.DataFrame) -> str:
    counts = Counter(zip(verdicts["outcome"], verdicts["as_expected"], strict=True))
    several = len(verdicts) > 1
    return ", ".join(
        (f"{n} " if several else "") + outcome + ("" if as_expected else "$^{*}$")
        for (outcome, as_expected), n in counts.most_common()
    )


def _numbers(values: pd.DataFrame) -> str:
    pairs = zip(values["value"], values["standard_error"], strict=True)
    return ", ".join(with_error(value, error) for value, error in pairs)


def _times_ten(mantissa: str, power: int) -> str:
    return f"${mantissa}" + (rf" \times 10^{{{power}}}$" if power else "$")
