"""What is drawn for Fu, Zhang, Wang, Tian and Tao (2024), and what is claimed.

Imports nothing heavy: the command line reads it before JAX.
"""

from figures.self_consuming.presets import (
    coherence,
    common,
    diffusion,
    growth,
    phases,
    transition,
)
from figures.self_consuming.presets.common import PAPERS

__all__ = ["CLAIMS", "FIGURES", "PAPERS"]

_PARTS = (growth, transition, coherence, diffusion, phases)
FIGURES = tuple(
    sorted((f for part in _PARTS for f in part.FIGURES), key=lambda f: f.id)
)
CLAIMS = (*common.CLAIMS, *(claim for part in _PARTS for claim in part.CLAIMS))
