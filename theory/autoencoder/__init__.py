"""The solvable autoencoder (Cui, Pehlevan, Lu): learning, generation, retraining.

arXiv:2501.03937. Importing the package registers its closed-form statements.
"""

from theory.autoencoder import statements

__all__ = ["statements"]
