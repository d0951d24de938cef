"""Finite sets of flattened images: all of them, or split into train and held-out rows."""

from dataclasses import dataclass

import jax
import jax.numpy as jnp
import jax.random as jr
import numpy as np
from jaxtyping import Array, Float

from theory.validation import require, require_finite, require_in, require_positive

__all__ = [
    "Images",
    "PrincipalFrame",
    "Split",
    "digits",
    "principal_frame",
    "principal_split",
]


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class Images:
    """A finite set of flattened images; draws are without replacement."""

    images: Float[Array, "m d"]

    @property
    def dim(self) -> int:
        """Dimension d."""
        return self.images.shape[-1]

    @property
    def law(self) -> None:
        """Not known."""
        return None

    def sample(self, key: Array, n: int) -> Float[Array, "n d"]:
        """`n` different float32 images, in random order."""
        return _different(key, self.images, n, "images")


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class Split:
    """Rows to train on, and others of the same kind that no model ever sees."""

    train: Float[Array, "m1 d"]
    held_out: Float[Array, "m2 d"]

    @property
    def dim(self) -> int:
        """Dimension d."""
        return self.train.shape[-1]

    @property
    def law(self) -> None:
        """Not known."""
        return None

    @property
    def spare(self) -> int:
        """How many rows are held out."""
        return self.held_out.shape[-2]

    def sample(self, key: Array, n: int) -> Float[Array, "n d"]:
        """`n` different float32 train rows, in random order."""
        return _different(key, self.train, n, "rows to train on")

    def reference(self, key: Array, n: int) -> Float[Array, "n d"]:
        """`n` different float32 held-out rows, in random order."""
        return _different(key, self.held_out, n, "rows held out")


def digits(components: int | None = None) -> Images:
    """The 1797 handwritten digits of scikit-learn, 8 x 8 pixels scaled to [-1, 1].

    With `components` = k in [1, 64]: the k leading principal components of the centred
    pixels, in pixel units, each with its largest loading positive.
    """
    from sklearn.datasets import load_digits

    pixels = load_digits().data / 8.0 - 1.0
    if components is not None:
        require(1 <= components <= 64, "components", "in [1, 64]", components)
        centred = pixels - pixels.mean(axis=0)
        pixels = centred @ _principal_axes(centred, components).T
    return Images(jnp.asarray(pixels, jnp.float32))


def principal_split(
    images: Float[np.ndarray, "n d"],
    train: int,
    components: int | None,
    seed: int = 0,
    std: float = 0.5,
) -> Split:
    """Images in the principal components of those that are trained on.

    Shuffles the rows; subtracts the mean of the first `train` of them; projects on their
    leading right singular vectors, each with its largest loading positive; and divides by
    one number, so that all their entries together have the standard deviation `std`. The
    other rows are held out: they take part in nothing of this but the projection.

    Args:
        images: n rows of d pixels, in float64; any scale.
        train: rows to train on, in [2, n - 1].
        components: k, in [1, min(train - 1, d)]; None keeps the pixels, for networks that
            know what lies beside what, and subtracts one number from all.
        seed: of the shuffle, >= 0, in NumPy's default generator.
        std: of the training rows' entries, > 0.

    Raises:
        InputError: on settings out of range, pixels that are not finite, or training rows
            that are all the same.
    """
    x, frame = _framed(images, train, components, seed, std)
    rows = jnp.asarray(frame.encode(x), jnp.float32)
    return Split(rows[:train], rows[train:])


@dataclass(frozen=True)
class PrincipalFrame:
    """Leading principal components of images (or pixels), all divided by one number."""

    mean: Float[np.ndarray, " d"]
    axes: Float[np.ndarray, "k d"]
    factor: float

    def encode(self, images: Float[np.ndarray, "n d"]) -> Float[np.ndarray, "n k"]:
        """Coordinates of images."""
        return (images - self.mean) @ self.axes.T * self.factor

    def decode(self, points: Float[np.ndarray, "n k"]) -> Float[np.ndarray, "n d"]:
        """The images nearest to what has these coordinates."""
        return self.mean + points / self.factor @ self.axes


def principal_frame(
    images: Float[np.ndarray, "n d"],
    train: int,
    components: int | None,
    seed: int = 0,
    std: float = 0.5,
) -> PrincipalFrame:
    """The frame in which `principal_split` of the same arguments holds the images."""
    return _framed(images, train, components, seed, std)[1]


def _framed(
    images: np.ndarray, train: int, components: int | None, seed: int, std: float
) -> tuple[Float[np.ndarray, "n d"], PrincipalFrame]:
    """The images in random order, and their frame."""
    require_finite("images", images)
    x = np.asarray(images, dtype=np.float64)
    require(x.ndim == 2 and x.size > 0, "images", "rows of pixels (n, d)", x.shape)
    require(train >= 2, "train", ">= 2", train)
    require(len(x) > train, "images", f"more than train = {train} rows", len(x))
    if components is not None:
        require_in("components", components, 1, min(train - 1, x.shape[1]))
    require(seed >= 0, "seed", ">= 0", seed)
    require_positive("std", std)
    x = x[np.random.default_rng(seed).permutation(len(x))]
    vary = bool((np.ptp(x[:train], axis=0) > 0).any())
    require(vary, "images", "different from each other", "equal rows to train on")
    if components is None:
        mean, axes = np.full(x.shape[1], x[:train].mean()), np.eye(x.shape[1])
    else:
        mean = x[:train].mean(axis=0)
        axes = _principal_axes(x[:train] - mean, components)
    projected = (x[:train] - mean) @ axes.T
    return x, PrincipalFrame(mean, axes, std / float(projected.std()))


def _principal_axes(
    centred: Float[np.ndarray, "n d"], components: int
) -> Float[np.ndarray, "k d"]:
    """Leading right singular vectors, each with its largest loading positive."""
    loadings = np.linalg.svd(centred, full_matrices=False)[2][:components]
    largest = np.abs(loadings).argmax(axis=1)
    return loadings * np.sign(loadings[np.arange(components), largest])[:, None]


def _different(
    key: Array, rows: Float[Array, "m d"], n: int, of: str
) -> Float[Array, "n d"]:
    """`n` of the rows, each once, in random order."""
    m = rows.shape[-2]
    require(1 <= n <= m, "n", f"in [1, {m}], the number of {of}", n)
    return rows[jr.permutation(key, jnp.arange(m, dtype=jnp.int32))[:n]]
