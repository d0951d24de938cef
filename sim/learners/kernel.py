r"""Kernel density score: the score of the training data blurred with bandwidth h.

Variant A blurs the data, then diffuses: at time t the law is
:math:`\frac1N\sum_j N(e^{-t/2}x_j,\ e^{-t}h^2 + 1 - e^{-t})`, an OU-evolved law, so the
continuous-time sampler started from its own marginal ends *exactly* at the smoothed
bootstrap noised to t0. Variant B blurs with h at every noise level, variance
:math:`1-e^{-t}+h^2`; it is no OU-evolved law and its endpoint law is not known. Which of
the two the paper used is unpublished.
"""

from dataclasses import dataclass, field, replace

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from theory.mixtures import KernelDensity, kernel_density
from theory.processes import OU
from theory.validation import require, require_positive

__all__ = ["Kernel", "KernelScore"]


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class KernelScore:
    """Fitted kernel score; `density` holds the training data, blurred (A) or not (B)."""

    density: KernelDensity
    bandwidth2: Float[Array, ""]
    process: OU
    variant: str = field(default="A", metadata={"static": True})

    def at(self, t: Float[Array, ""]) -> KernelDensity:
        """The mixture whose score is the learned score at time t."""
        if self.variant == "A":
            return self.density.noised(self.process, t)
        bare = replace(self.density, variance=jnp.zeros_like(self.density.variance))
        diffused = bare.noised(self.process, t)
        return replace(diffused, variance=diffused.variance + self.bandwidth2)

    def score(self, x: Float[Array, "n d"], t: Float[Array, ""]) -> Float[Array, "n d"]:
        """Learned score at noise time t."""
        return self.at(t).score(x)

    def endpoint(self, process: OU) -> KernelDensity:
        """Exact law of the generated samples (variant A, continuous time, own start)."""
        require(
            self.variant == "A",
            "variant",
            "'A' for an exact endpoint law",
            self.variant,
        )
        return self.density.noised(process, process.t0)


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class Kernel:
    """Kernel learner (see `sim.learners.protocol`)."""

    bandwidth: float
    """standard deviation h > 0 of the kernel, in data units"""
    variant: str = field(default="A", metadata={"static": True})
    """'A': blur then diffuse; 'B': blur at every noise level"""
    block: int = field(default=1024, metadata={"static": True})
    """centres per block; memory is points x block"""
    segments: int = field(default=0, metadata={"static": True})

    def __post_init__(self) -> None:
        """Refuse impossible settings."""
        require_positive("bandwidth", self.bandwidth)
        require(self.variant in ("A", "B"), "variant", "'A' or 'B'", self.variant)

    def init(self, key: Array, data: Array, law: object, process: OU) -> KernelScore:
        """The fitted score itself; `law` is unused."""
        density = kernel_density(data, self.bandwidth, block=self.block)
        return KernelScore(density, density.variance, process, self.variant)

    def advance(
        self, key: Array, state: KernelScore, data: Array, process: OU
    ) -> KernelScore:
        """Nothing to do."""
        return state

    def finish(self, state: KernelScore) -> KernelScore:
        """The fitted score."""
        return state
