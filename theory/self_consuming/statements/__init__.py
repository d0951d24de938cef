"""Closed-form statements about self-consuming loops."""

from theory.self_consuming.statements.bound import *  # noqa: F403
from theory.self_consuming.statements.gaussian import *  # noqa: F403
from theory.self_consuming.statements.learners import *  # noqa: F403
from theory.self_consuming.statements.requirements import *  # noqa: F403
from theory.self_consuming.statements.weights import *  # noqa: F403
