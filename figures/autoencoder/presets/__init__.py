"""What is drawn for Cui, Pehlevan and Lu (2025), and what is claimed.

Imports nothing heavy: the command line reads it before JAX.
"""

from figures.autoencoder.presets import generation, learning, phases, retraining
from figures.autoencoder.presets.common import PAPERS

__all__ = ["CLAIMS", "FIGURES", "PAPERS"]

_PARTS = (learning, generation, retraining, phases)
FIGURES = tuple(
    sorted((f for part in _PARTS for f in part.FIGURES), key=lambda f: int(f.id[2:]))
)
CLAIMS = tuple(claim for part in _PARTS for claim in part.CLAIMS)
