"""Figures about generation: settings, claims, presets."""

from figures.catalogue import Figure
from theory.claims import Claim

__all__ = ["CLAIMS", "FIGURES"]

CLAIMS: tuple[Claim, ...] = ()

FIGURES: tuple[Figure, ...] = ()
