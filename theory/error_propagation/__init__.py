"""Error propagation and model collapse (Khelifa, Turner, Venkataramanan).

arXiv:2602.16601. Importing the package registers its closed-form statements.
"""

from theory.error_propagation import statements

__all__ = ["statements"]
