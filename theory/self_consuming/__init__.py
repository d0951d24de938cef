"""Self-consuming loops (after Fu et al. 2024): total variation under any mixture of data.

arXiv:2402.11778. Importing the package registers its closed-form statements.
"""

from theory.self_consuming import statements

__all__ = ["statements"]
