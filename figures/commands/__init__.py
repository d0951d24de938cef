"""The subcommands of `driftlab`, in the order in which its help lists them.

Each module reads its arguments (`add_to`) without importing anything heavy and does its
work in `run`, which returns the exit status (None for 0).
"""

from figures.commands import audit, check, figures, listing, predict, report, runs

__all__ = ["COMMANDS"]

COMMANDS = (listing, figures, check, report, predict, audit, runs)
