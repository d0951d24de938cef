"""Figures of Khelifa, Turner and Venkataramanan (2026)."""
