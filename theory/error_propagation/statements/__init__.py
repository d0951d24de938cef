"""Closed-form statements of the paper and of what replaces them."""

from theory.error_propagation.statements.kernel_density import *  # noqa: F403
from theory.error_propagation.statements.many_generations import *  # noqa: F403
from theory.error_propagation.statements.one_generation import *  # noqa: F403
from theory.error_propagation.statements.one_step import *  # noqa: F403
from theory.error_propagation.statements.planning import *  # noqa: F403
