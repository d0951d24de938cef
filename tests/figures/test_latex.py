"""Tables that compile wherever booktabs is, and numbers as papers print them."""

import math
import re

import pandas as pd
import pytest

from figures.latex import escaped, latex_table, value_table, verdict_table, with_error
from theory.validation import InputError

BARE = {
    *("begin", "end", "centering", "caption", "label", "toprule", "midrule"),
    *("bottomrule", "times", "textbackslash", "textasciitilde", "textasciicircum"),
    "infty",
}
"""Commands of LaTeX itself and of booktabs."""


def check(text: str) -> list[list[str]]:
    """Refuse what would not compile; the rows of the table otherwise."""
    assert set(re.findall(r"\\([A-Za-z]+)", text)) <= BARE
    assert re.findall(r"\\begin\{(\w+)\}", text) == ["table", "tabular"]
    assert re.findall(r"\\end\{(\w+)\}", text) == ["tabular", "table"]
    bare = re.sub(r"\\[\\&%$#_{}]", "", text)
    depth = 0
    for character in bare:
        depth += {"{": 1, "}": -1}.get(character, 0)
        assert depth >= 0
    assert depth == 0
    inside = bare.split("$")[1::2]
    assert len(bare.split("$")) % 2
    assert all("\n" not in formula for formula in inside)
    words = "".join(bare.split("$")[::2])
    assert not re.findall(r"[_^#%~<>|]", re.sub(r"\\label\{[^}]*\}", "", words))
    assert bare.isascii()
    columns = re.search(r"\\begin\{tabular\}\{([lr]+)\}", text)[1]
    body = text.split(r"\toprule")[1].split(r"\bottomrule")[0]
    rows = [r for r in body.split("\n") if r not in ("", r"\midrule")]
    assert all(row.endswith(r" \\") for row in rows)
    cells = [re.split(r"(?<!\\)&", row.removesuffix(r" \\")) for row in rows]
    assert {len(row) for row in cells} == {len(columns)}
    assert [text.count(rf"\{rule}rule") for rule in ("top", "mid", "bottom")] == [1] * 3
    return [[cell.strip() for cell in row] for row in cells]


@pytest.mark.parametrize(
    ("value", "error", "printed"),
    [
        (1.2345, 0.04, "$1.23(4)$"),
        (1.2345, 0.0123, "$1.234(12)$"),
        (1.2355, 0.0123, "$1.236(12)$"),
        (-0.5, 0.2, "$-0.5(2)$"),
        (0.0, 0.03, "$0.00(3)$"),
        (0.012, 0.3, "$0.0(3)$"),
        (9.996, 0.02, "$10.00(2)$"),
        (12.34, 1.7, "$12.3(17)$"),
        (12.34, 2.7, "$12(3)$"),
        (1234.0, 56.0, r"$1.23(6) \times 10^{3}$"),
        (1.2345e-7, 4e-9, r"$1.23(4) \times 10^{-7}$"),
        (1.2345e12, 3e10, r"$1.23(3) \times 10^{12}$"),
        (1.0, 0.0097, "$1.000(10)$"),
        (1.0, 0.00196, "$1.000(2)$"),
        (0.123456, 0.0, "$0.1235$"),
        (0.123456, math.nan, "$0.1235$"),
        (20_000.0, math.nan, r"$2 \times 10^{4}$"),
        (1.5e-9, math.nan, r"$1.5 \times 10^{-9}$"),
        (math.nan, 0.1, "--"),
        (math.inf, math.nan, r"$\infty$"),
        (-math.inf, 1.0, r"$-\infty$"),
    ],
)
def test_a_number_ends_where_its_error_begins(value, error, printed):
    assert with_error(value, error) == printed


def test_no_printed_number_is_further_from_the_value_than_half_its_last_digit():
    """Independent of how they are rounded: what is printed is read back."""
    for power in range(-8, 9):
        for value in (1.0, 3.14159, -9.9951):
            for share in (0.0123, 0.3, 0.95, 4.4):
                truth, error = value * 10.0**power, share * 10.0**power
                match = re.fullmatch(
                    r"\$(-?)(\d+)(?:\.(\d+))?\((\d+)\)(?: \\times 10\^\{(-?\d+)\})?\$",
                    with_error(truth, error),
                )
                sign, whole, decimals, digits, ten = match.groups(default="")
                unit = 10.0 ** (int(ten or 0) - len(decimals))
                read = float(f"{sign}{whole}.{decimals}") * 10.0 ** int(ten or 0)
                assert abs(read - truth) <= 0.501 * unit
                assert abs(int(digits) * unit - error) <= 0.501 * unit
                assert 2 <= int(digits) <= 19


def test_what_latex_would_read_as_commands_is_escaped():
    assert escaped("50 % & n_k {#1} $x$") == r"50 \% \& n\_k \{\#1\} \$x\$"
    assert escaped("a\\b ~ ^") == (
        r"a\textbackslash{}b \textasciitilde{} \textasciicircum{}"
    )
    assert escaped("a < b | c > d") == "a $<$ b $|$ c $>$ d"


def verdicts():
    rows = [
        {
            "figure": "f_1",
            "claim": claim,
            "n_k": n,
            "label": label,
            "outcome": outcome,
            "as_expected": outcome == "holds" or claim == "b",
        }
        for n in (10, 2)
        for label in ("x & y", "50 %")
        for claim, outcome in (("a", "holds"), ("a", "violated"), ("b", "vacuous"))
    ]
    return pd.DataFrame(rows)


def test_verdicts_are_counted_by_claim_and_field():
    cells = verdict_table(verdicts(), ["n_k", "label"])
    rows = check(latex_table(cells, escaped("100 % of n_k"), "tab:a_b"))
    assert rows[0] == ["claim", r"n\_k", r"label = x \& y", r"label = 50 \%"]
    assert [row[:2] for row in rows[1:]] == [
        *(["a", "10"], ["a", "2"]),
        *(["b", "10"], ["b", "2"]),
    ]
    assert rows[1][2] == "1 holds, 1 violated$^{*}$"
    assert rows[3][2:] == ["vacuous", "vacuous"]
    alone = check(latex_table(verdict_table(verdicts(), []), "c", "l"))
    assert alone == [
        ["claim", "verdict"],
        ["a", "4 holds, 4 violated$^{*}$"],
        ["b", "4 vacuous"],
    ]


def test_a_claim_that_a_point_says_nothing_of_has_a_dash():
    lacking = verdicts().query("not (claim == 'b' and n_k == 2)")
    rows = check(latex_table(verdict_table(lacking, ["n_k"]), "c", "l"))
    assert rows[2] == ["b", "2 vacuous", "--"]


def test_values_stand_by_field_and_condition():
    frame = pd.DataFrame(
        [
            {
                "figure": "f",
                "source": "trace",
                "variable": variable,
                "at": at,
                "n": n,
                "value": n + 0.25,
                "standard_error": 0.03,
            }
            for n in (1, 2)
            for variable, at in (("D", "k=0"), ("D", "k=1"), ("one", ""))
        ]
    )
    rows = check(latex_table(value_table(frame, "D", ["n"]), "c", "l"))
    assert rows[0] == ["at", "n = 1", "n = 2"]
    assert rows[1] == ["k=0", "$1.25(3)$", "$2.25(3)$"]
    rows = check(latex_table(value_table(frame, "one", ["n"]), "c", "l"))
    assert rows == [["n", "one"], ["1", "$1.25(3)$"], ["2", "$2.25(3)$"]]
    rows = check(latex_table(value_table(frame, "D", ["n"], ["k=1"]), "c", "l"))
    assert rows == [["n", "D"], ["1", "$1.25(3)$"], ["2", "$2.25(3)$"]]
    either = frame.assign(at=["k=0, a=1", "a=1", "k=1, a=1"] * 2, variable="D")
    assert len(value_table(either, "D", ["n"], ["k=1"])) == 2  # one has no k
    with pytest.raises(InputError, match=r"at must be a known one \(k=1, k=0\)"):
        value_table(frame, "D", ["n"], ["k=2"])
    single = check(latex_table(value_table(frame, "one", []), "c", "l"))
    assert single == [["figure", "one"], ["f", "$1.25(3)$, $2.25(3)$"]]


@pytest.mark.parametrize(
    "text",
    [
        r"\begin{table}\begin{tabular}{lr}\toprule",
        "50 % & more",
        r"\multirow{2}{*}{x}",
    ],
)
def test_the_check_sees_what_would_not_compile(text):
    with pytest.raises(AssertionError):
        check(text)
