"""Closed-form statements about entropy, copying and selection in the loop."""

from theory.memorization.statements.condensation import *  # noqa: F403
from theory.memorization.statements.copying import *  # noqa: F403
from theory.memorization.statements.entropy import *  # noqa: F403
from theory.memorization.statements.selection import *  # noqa: F403
