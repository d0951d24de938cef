"""What is learned: mixtures, manifolds in many dimensions, images and splits of them.

Each target offers `dim`, `law` (exact, or None where no density is known) and
``sample(key, n)`` in float32 (`sim.learners.protocol.Target`). Build with the functions
here, which validate.
"""

from sim.targets.frames import orthonormal
from sim.targets.images import (
    Images,
    PrincipalFrame,
    Split,
    digits,
    principal_frame,
    principal_split,
)
from sim.targets.manifolds import (
    EmbeddedManifold,
    HiddenManifold,
    hidden_manifold,
    ring,
    sphere,
    swiss_roll,
    torus,
)
from sim.targets.mixtures import (
    Mixture,
    Tabulated,
    anisotropic,
    bimodal,
    categories,
    eight_modes,
    five_modes,
    grid_of_modes,
    tabulated,
)

__all__ = [
    "EmbeddedManifold",
    "HiddenManifold",
    "Images",
    "Mixture",
    "PrincipalFrame",
    "Split",
    "Tabulated",
    "anisotropic",
    "bimodal",
    "categories",
    "digits",
    "eight_modes",
    "five_modes",
    "grid_of_modes",
    "hidden_manifold",
    "orthonormal",
    "principal_frame",
    "principal_split",
    "ring",
    "sphere",
    "swiss_roll",
    "tabulated",
    "torus",
]
