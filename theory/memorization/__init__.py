"""From generalizing to memorizing (after Shi et al. 2025): entropy, spacing, copies.

arXiv:2509.16499. Importing the package registers its closed-form statements.
"""

from theory.memorization import statements

__all__ = ["statements"]
