"""Shi, Wu, Zhang, Zhang, Tao, Qu (2025): from generalisation to memorisation."""
