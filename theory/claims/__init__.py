"""Claims, the evidence for them, and verdicts on them.

Free of JAX; SciPy is imported only when there is something to decide.
"""

from theory.claims.decision import decide
from theory.claims.kinds import Kind
from theory.claims.listing import table
from theory.claims.records import Claim, Evidence, Outcome, Verdict

__all__ = ["Claim", "Evidence", "Kind", "Outcome", "Verdict", "decide", "table"]
