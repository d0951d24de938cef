"""Random orthonormal frames: turned axes, and isometric embeddings."""

import numpy as np

__all__ = ["orthonormal"]


def orthonormal(rows: int, columns: int, seed: int) -> np.ndarray:
    """A uniformly random (rows, columns) matrix with orthonormal columns."""
    gaussian = np.random.default_rng(seed).standard_normal((rows, columns))
    Q, R = np.linalg.qr(gaussian)
    return Q * np.sign(np.diag(R))  # without the signs QR is not uniform
