"""The subcommands of `driftlab`, in the order in which its help lists them.

Each module reads its arguments (`add_to`) without importing anything heavy and does its
work in `run`, which returns the exit status (None for 0).
"""

from figures.commands import (
    audit,
    check,
    compare,
    explore,
    export,
    figures,
    listing,
    plan,
    predict,
    report,
    runs,
    sweep,
)

__all__ = ["COMMANDS"]

COMMANDS = (
    listing,
    figures,
    check,
    sweep,
    report,
    compare,
    export,
    predict,
    plan,
    audit,
    explore,
    runs,
)
