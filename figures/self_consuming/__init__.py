"""Figures of self-consuming loops (after Fu et al. 2024)."""
