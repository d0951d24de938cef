r"""Lines of copies in a training set: how many are left, how often two points share one.

With :math:`m_i` points, itself included, in the line of point i of N,

.. math:: \text{lines} = \frac1N\sum_i\frac1{m_i},\qquad
    \text{shared\_ancestor} = \frac{\sum_i(m_i-1)}{N(N-1)} ,

the number of lines over N, and the chance that two different points share one.
"""

from dataclasses import dataclass
from typing import Any, ClassVar

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from sim.laws import Knowledge
from sim.measures.scene import Scene
from theory.validation import require_positive

__all__ = ["Ancestry", "Lineage"]

BLOCK = 1024


@dataclass(frozen=True)
class Lineage:
    """Points nearer than `radius` are copies of one ancestor.

    Exact where copies of one point are within `radius` of each other and others are not.
    """

    radius: float
    """largest distance of copies, > 0, in data units"""
    needs: ClassVar[Knowledge] = "samples"
    names: ClassVar[tuple[str, ...]] = ("lines", "shared_ancestor")

    def __post_init__(self) -> None:
        """Refuse a radius that is none."""
        require_positive("radius", self.radius)

    def __call__(self, key: Array, scene: Scene) -> dict[str, Float[Array, ""]]:
        """`lines` and `shared_ancestor` of the training data."""
        x = scene.data.astype(jnp.float64)
        n = x.shape[0]

        def copies(point: Float[Array, " d"]) -> Array:
            near = jnp.sum((x - point[None]) ** 2, axis=1) <= self.radius**2
            return jnp.sum(near)

        return _record(jax.lax.map(copies, x, batch_size=min(BLOCK, n)))


@dataclass(frozen=True)
class Ancestry:
    """Lines that the training data remember (`sim.composition.Traced`), at any noise."""

    needs: ClassVar[Knowledge] = "samples"
    names: ClassVar[tuple[str, ...]] = ("lines", "shared_ancestor")

    def __call__(self, key: Array, scene: Scene) -> dict[str, Float[Array, ""]]:
        """`lines` and `shared_ancestor` of the training data."""
        data: Any = scene.data
        line = jnp.sort(data.line)
        first, after = (
            jnp.searchsorted(line, line, side=side) for side in ("left", "right")
        )
        return _record(after - first)


def _record(in_line: Array) -> dict[str, Float[Array, ""]]:
    """Both numbers, from how many points the line of each has."""
    m, n = in_line.astype(jnp.float64), in_line.shape[0]
    return {
        "lines": jnp.sum(1.0 / m) / n,
        "shared_ancestor": jnp.sum(m - 1.0) / (n * (n - 1.0)),
    }
