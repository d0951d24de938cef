"""What Cui, Pehlevan and Lu (2025) say of a loop: nothing of one on the line, and why."""

from figures.together.cases import Case
from figures.together.statements import Side, Statement, history
from theory.claims import Kind

__all__ = ["STATEMENTS"]


def _silent(case: Case) -> str:
    return (
        "a limit of many dimensions, for a two-layer denoiser trained one sample at a time: "
        "this loop is on the line and its learner another"
    )


STATEMENTS = (
    Statement(
        "autoencoder",
        "solvable autoencoder",
        "cui2025",
        "learning curve, reduced law of samples",
        "derived",
        Kind.EXACT,
        "TV",
        Side.VALUE,
        lambda case, trace: history([]),
        _silent,
        every_run=False,
    ),
)
