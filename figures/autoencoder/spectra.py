"""Images as the law that the theory knows of them, and as data to learn from."""

from dataclasses import dataclass

import jax
import jax.numpy as jnp
import jax.random as jr
import numpy as np
from jaxtyping import Array, Float

from figures.autoencoder.presets.generation import Images
from sim.image_files import load_images
from sim.learners.autoencoder.realisation import Realised
from sim.targets import digits
from theory.structured import Family, StructuredMixture, empirical_mixture
from theory.validation import require

__all__ = ["AXES", "Rows", "Spectrum", "as_source", "pictures"]

AXES = 2
"""leading eigenvectors that are tracked, after the means"""


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class Rows:
    """A finite set of images, drawn with replacement."""

    x: Float[Array, "m d"]

    def draw(self, key: Array, n: int) -> Float[Array, "n d"]:
        """`n` independent float32 draws."""
        return self.x[jr.randint(key, (n,), 0, self.x.shape[0], jnp.int32)]


@dataclass(frozen=True)
class Spectrum:
    """What the theory knows of images: each eigenvalue is a block of mass 1/d."""

    weights: Float[np.ndarray, " k"]
    """of the clusters"""
    variances: Float[np.ndarray, " d"]
    """eigenvalues of the covariance within clusters, leading first"""
    directions: Float[np.ndarray, "j d"]
    """tracked, in the eigenbasis: the clusters' means, then `AXES` leading axes"""

    @property
    def law(self) -> StructuredMixture:
        """As the theory takes it."""
        K, V = len(self.weights), jnp.asarray(self.directions)
        latents = jnp.eye(K, len(V), dtype=jnp.float64)
        as64 = lambda v: jnp.asarray(v, jnp.float64)
        family = Family(as64(self.weights), latents, as64(self.variances))
        d = V.shape[1]
        gram = jnp.einsum("js,ks->sjk", V, V)
        return StructuredMixture((family,), gram, jnp.full((d,), 1 / d, jnp.float64))

    @property
    def plane(self) -> Float[np.ndarray, "2 j"]:
        """The two axes among the tracked directions."""
        J = len(self.directions)
        return np.eye(AXES, J, J - AXES)

    @property
    def means(self) -> Float[np.ndarray, "k 2"]:
        """Of the clusters, on the two axes."""
        return self.directions[: len(self.weights), :AXES]


def pictures(settings: Images) -> tuple[Spectrum, Float[np.ndarray, "m d"]]:
    """The images of the settings, centred, scaled and in their eigenbasis; their spectrum.

    Raises:
        InputError: for a file that holds no images, a class without images, images that do
            not vary.
    """
    x, labels = _read(settings)
    x = x - x.mean(axis=0)
    labels = labels if settings.clusters else None
    law, basis = empirical_mixture(x, labels)
    largest = float(law.families[0].variances[0])
    require(largest > 0, settings.images or "digits", "images that differ", largest)
    x *= np.sqrt(settings.leading / largest)
    x = x @ basis
    of_class = [x] if labels is None else [x[labels == k] for k in np.unique(labels)]
    means = [group.mean(axis=0) for group in of_class]
    directions = np.concatenate([means, np.eye(AXES, x.shape[1])])
    variances = settings.leading / largest * np.asarray(law.families[0].variances)
    return Spectrum(np.asarray(law.weights), variances, directions), x


def as_source(of: Spectrum, x: Float[np.ndarray, "m d"], realised: Realised) -> Rows:
    """The images in the coordinates of `realised`, which knows each up to its sign."""
    overlap = np.sum(np.asarray(realised.directions) * of.directions, axis=0)
    return Rows(jnp.asarray(np.where(overlap < 0, -x, x), jnp.float32))


def _read(settings: Images) -> tuple[np.ndarray, np.ndarray | None]:
    """Pixels, and classes where known."""
    if settings.images:
        x, labels = load_images(settings.images, settings.labels or None)
    else:
        from sklearn.datasets import load_digits

        x, labels = np.asarray(digits().images, np.float64), load_digits().target
    require(x.shape[1] >= 4, "images", "of 4 pixels or more", x.shape)
    if labels is None:
        return x, None
    known = np.unique(labels).tolist()
    for k in settings.classes:
        require(k in known, "classes", f"among {known}", k)
    chosen = np.isin(labels, settings.classes)
    require(chosen.sum() >= 10, "classes", "10 or more images", int(chosen.sum()))
    return x[chosen], labels[chosen]
