"""How verdicts end a command."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from figures.pipeline import Judged

__all__ = ["EXIT_UNEXPECTED", "conclude"]

EXIT_UNEXPECTED = 1


def conclude(judged: Sequence["Judged"]) -> int:
    """Print the verdicts that are not as expected; returns the exit status."""
    surprising = [j for j in judged if not j.verdict.as_expected]
    for j in surprising:
        v = j.verdict
        wanted = " or ".join(v.expected)
        print(
            f"NOT EXPECTED in {j.figure}: {v.claim} ({v.setting}) {v.outcome}, "
            f"expected {wanted}: {v.reason}"
        )
    print(f"{len(judged) - len(surprising)} of {len(judged)} verdicts as expected.")
    return EXIT_UNEXPECTED if surprising else 0
