"""What the figures are about: laws, trainings and samplers, in the theory's own terms."""

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from figures.autoencoder.presets.common import Common
from theory.denoiser import Training, at_noise_level
from theory.structured import StructuredMixture, structured_mixture

__all__ = ["four_modes", "informed", "training_of", "trimodal", "two_modes"]


def training_of(settings: Common, **more) -> Training:
    """Training at the settings' noise level and rates; tanh unless told otherwise."""
    return at_noise_level(
        settings.t,
        rate=settings.rate,
        skip_ratio=settings.skip_ratio,
        decay=settings.decay,
        **more,
    )


def trimodal() -> StructuredMixture:
    """Official target: (3, 0), (0, -3), (-3, 0), equal weights, identity covariance."""
    return structured_mixture(np.full(3, 1 / 3), [[3.0, 0.0], [0.0, -3.0], [-3.0, 0.0]])


def two_modes(distance: float = 2.0) -> StructuredMixture:
    """Equal modes at +-distance on one axis, identity covariance."""
    return structured_mixture([0.5, 0.5], [[distance], [-distance]])


def four_modes(strong: float = 3.0, weak: float = 1.2) -> StructuredMixture:
    """Equal modes at +-strong on the first axis and +-weak on the second."""
    means = [[strong, 0.0], [-strong, 0.0], [0.0, weak], [0.0, -weak]]
    return structured_mixture(np.full(4, 0.25), means)


def informed(
    width: int, directions: int, warm: float = 0.1, which: tuple[int, ...] = ()
) -> Float[Array, "r j"]:
    """Start coefficients: unit g at `warm` times direction which[g] (g by default)."""
    which = which or tuple(range(width))
    return warm * jnp.eye(directions, dtype=jnp.float64)[jnp.asarray(which)]
