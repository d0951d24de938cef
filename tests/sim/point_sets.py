"""Small point sets whose entropy, spacing and scores are known."""

import numpy as np
import pytest

L4 = np.array([[0.0], [1.0], [3.0], [7.0]])
SQUARE = np.array([[0.0, 0.0], [1.0, 0.0], [0.0, 1.0], [1.0, 1.0]])
GRID = np.stack(np.meshgrid(np.arange(5.0), np.arange(4.0)), axis=-1).reshape(-1, 2)
TRIG = np.sin(np.arange(1.0, 61.0)[:, None] * [1.0, 2.0, 3.0] + [0.0, 0.5, 1.0])
_ANGLE = 2.0 * np.pi * np.arange(12) / 12
POLYGON = 2.0 * np.stack([np.cos(_ANGLE), np.sin(_ANGLE)], axis=1)


def copied_rows():
    """TRIG with rows 0..5 overwritten by rows 6..11."""
    x = TRIG.copy()
    x[:6] = x[6:12]
    return x


def digits():
    """The 1797 digits of scikit-learn, 64 coordinates in [0, 1]."""
    from sklearn.datasets import load_digits

    return load_digits().data / 16.0


def digits_in_sixteen_coordinates(seed):
    """The setting DIG16 of the specification: 1024 training rows, then 773 held out."""
    x = np.random.default_rng(seed).permutation(digits())
    x = x - x[:1024].mean(axis=0)
    _, _, V_t = np.linalg.svd(x[:1024], full_matrices=False)
    x = x @ V_t[:16].T
    return 0.5 * x / x[:1024].std(ddof=1)


def mnist(spec_dir):
    """12 000 MNIST images, pixels in 0..255, 784 coordinates."""
    path = spec_dir.parent / "data" / "mnist" / "mnist_train12k.npz"
    if not path.is_file():
        pytest.skip(f"no {path.name} beside the folder of reference numbers")
    with np.load(path, allow_pickle=False) as arrays:
        return arrays["images"].reshape(12_000, -1).astype(np.float64)


def rotation(d, seed=0):
    """A random orthogonal matrix."""
    return np.linalg.qr(np.random.default_rng(seed).normal(size=(d, d)))[0]
