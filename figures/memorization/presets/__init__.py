"""What is drawn for Shi et al. (2025), and what is claimed.

Imports nothing heavy: the command line reads it before JAX.
"""

from figures.memorization.presets import mechanisms, phases, selection, sizes
from figures.memorization.presets.common import PAPERS

__all__ = ["CLAIMS", "FIGURES", "PAPERS"]

_PARTS = (sizes, selection, mechanisms, phases)
FIGURES = tuple(f for part in _PARTS for f in part.FIGURES)
CLAIMS = tuple(claim for part in _PARTS for claim in part.CLAIMS)
