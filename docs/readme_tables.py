"""Writes README's two tables from stored results: ``python docs/readme_tables.py results``.

All intervals share one error rate, so both tables come from one run of `make figures`.
"""

import sys
from collections import Counter
from pathlib import Path

from figures import catalogue
from figures.cli import start_jax
from figures.pipeline import judged, stored

README = Path(__file__).resolve().parents[1] / "README.md"
SAID = {"paper": "the paper", "derived": "derived", "reproduction": "a public note"}
VERDICTS = ("statement", "from", "says", "expected", "found (settings)")
FIGURES = ("figure", "shows", "command", "quick", "paper", "verdicts")


def main(root: Path) -> None:
    """Replace what stands between the markers of each table."""
    start_jax()  # results are told apart by precision
    results, left_out = stored(root, catalogue.select([]), "quick")
    print("\n".join(left_out), end="")
    found = judged(results)
    seconds = {r.figure.id: r.run.seconds() for r in results}
    text = README.read_text(encoding="utf-8")
    text = _replaced(text, "verdict", VERDICTS, _claims(found))
    text = _replaced(text, "figure", FIGURES, _figures(found, seconds))
    README.write_text(text, encoding="utf-8")


def _claims(found) -> list[tuple[str, ...]]:
    rows = []
    for id, claim in catalogue.claims().items():
        of_claim = [j.verdict.outcome for j in found if j.verdict.claim == id]
        if of_claim:
            expected = " or ".join(claim.expected)
            from_ = SAID[claim.provenance]
            said = claim.statement, expected, _counts(of_claim, "{0} {1}")
            rows.append((claim.reference, from_, *said))
    return rows


def _figures(found, seconds) -> list[tuple[str, ...]]:
    rows = []
    for id, figure in catalogue.figures().items():
        of_figure = [j.verdict for j in found if j.figure == id]
        if id not in seconds:
            continue
        took = f"with {figure.runs_of}" if figure.runs_of else f"{seconds[id]:.0f} s"
        said = _judged(of_figure) if of_figure else "a picture, no claim"
        command = f"`driftlab figures {id}`"
        rows.append((id, figure.title, command, took, "not run yet", said))
    return rows


def _judged(verdicts) -> str:
    usual = all(v.as_expected for v in verdicts)
    counts = _counts([v.outcome for v in verdicts], "{1} {0}")
    return f"{counts}; {'all' if usual else 'NOT all'} as expected"


def _counts(outcomes, form: str) -> str:
    return ", ".join(form.format(*item) for item in Counter(outcomes).items())


def _replaced(text: str, name: str, head: tuple[str, ...], rows) -> str:
    start, end = f"<!-- {name} -->\n", f"<!-- /{name} -->"
    before, rest = text.split(start)
    line = lambda cells: (
        f"| {' | '.join(c.replace('|', chr(92) + '|') for c in cells)} |"
    )
    table = [line(head), "|" + "---|" * len(head), *map(line, rows)]
    return before + start + "\n".join(table) + "\n" + end + rest.split(end)[1]


if __name__ == "__main__":
    main(Path(sys.argv[1]))
