r"""What a loop remembers: spacing, copying, fidelity and the twin (Shi et al. 2025).

Quantities of the training set D_n begin with `data_`, of the generated set G_n with
`generated_`. Where every model replaces the data, :math:`H(D_{n+1}) = H(G_n)`: the
published figures mix the two, so no name here is just "entropy".
"""

from dataclasses import dataclass
from typing import ClassVar

import jax.numpy as jnp
from jaxtyping import Array, Float

from sim.laws import Knowledge
from sim.measures.entropy import entropy_of_neighbours
from sim.measures.estimate import Estimate
from sim.measures.generalisation import closer_share, gs_l2, gs_log, twin_ratio
from sim.measures.neighbours import nearest
from sim.measures.scene import Scene
from sim.measures.spread import covariance_trace, frechet_estimate
from theory.validation import require

__all__ = ["Copying", "Fidelity", "Score", "Spacing", "Twin"]


@dataclass(frozen=True)
class Spacing:
    """Distances to the nearest other points, entropy and trace of D_n and of G_n."""

    ks: tuple[int, ...] = (1,)
    """which neighbours, each >= 1"""
    intrinsic_dim: int | None = None
    """dimension m of the manifold that the data lie on; None for the ambient d"""
    needs: ClassVar[Knowledge] = "samples"
    names: ClassVar[tuple[str, ...]] = (
        "data_spacing",
        "data_entropy",
        "data_trace",
        "generated_spacing",
        "generated_entropy",
        "generated_trace",
    )

    def __post_init__(self) -> None:
        """Refuse impossible settings."""
        ok = len(self.ks) > 0 and min(self.ks) >= 1
        require(ok, "ks", "neighbours >= 1, at least one", self.ks)
        m = self.intrinsic_dim
        require(m is None or m >= 1, "intrinsic_dim", ">= 1 or None", m)

    def __call__(self, key: Array, scene: Scene) -> dict[str, Array]:
        """`*_spacing` (n, ks), `*_entropy` (ks,) and `*_trace`, the latter two with `_se`."""
        sets = {"data": scene.data, "generated": scene.samples}
        return {
            f"{of}_{name}": value
            for of, x in sets.items()
            for name, value in self._of(x).items()
        }

    def _of(self, x: Float[Array, "n d"]) -> dict[str, Array]:
        found = nearest(x, x, max(self.ks) + 1, exclude_self=True)
        dim = self.intrinsic_dim or x.shape[1]
        H = [entropy_of_neighbours(found, dim, k) for k in self.ks]
        record = {"spacing": found.distance[:, jnp.array(self.ks) - 1]}
        record |= _named("entropy", Estimate(*map(jnp.stack, zip(*H, strict=True))))
        return record | _named("trace", covariance_trace(x))


@dataclass(frozen=True)
class Copying:
    """Which training points each generated point is nearest to, over the whole of D_n."""

    needs: ClassVar[Knowledge] = "samples"
    names: ClassVar[tuple[str, ...]] = ("nearest", "second", "nearest_index")

    def __call__(self, key: Array, scene: Scene) -> dict[str, Array]:
        """Distances `nearest` and `second`, and the row `nearest_index`, each (n,)."""
        distance, index = nearest(scene.samples, scene.data, 2)
        return {
            "nearest": distance[:, 0],
            "second": distance[:, 1],
            "nearest_index": index[:, 0],
        }


@dataclass(frozen=True)
class Score:
    """The generalisation score alone: distances to the training set, in the mean."""

    needs: ClassVar[Knowledge] = "samples"
    names: ClassVar[tuple[str, ...]] = ("score", "score_log")

    def __call__(self, key: Array, scene: Scene) -> dict[str, Array]:
        """`score`, mean distance, and `score_log`, mean of its logarithm; with `_se`."""
        data = getattr(scene.data, "points", scene.data)  # `sim.composition.Traced`
        distance = nearest(scene.samples, data).distance[:, 0]
        record = _named("score", gs_l2(distance))
        return record | _named("score_log", gs_log(distance))


@dataclass(frozen=True)
class Fidelity:
    """How far generated points lie from real ones that no model was trained on."""

    needs: ClassVar[Knowledge] = "samples"
    names: ClassVar[tuple[str, ...]] = ("distance_to_real", "frechet")

    def __call__(self, key: Array, scene: Scene) -> dict[str, Array]:
        """`distance_to_real`, mean to the nearest real point; `frechet`, squared; with `_se`."""
        distance = nearest(scene.samples, scene.reference).distance[:, 0]
        record = _named("distance_to_real", gs_l2(distance))
        gaps = frechet_estimate(scene.samples, scene.reference)
        return record | _named("frechet", gaps)


@dataclass(frozen=True)
class Twin:
    r"""Whether samples lie nearer to their training set than to its twin.

    The twin has t points, drawn like the data and never trained on; it is set against the
    first t points of the data. Both measures are free of scale and of clumping, which make
    the generalisation score fall without any memory of the sample.
    """

    needs: ClassVar[Knowledge] = "samples"
    names: ClassVar[tuple[str, ...]] = ("twin_ratio", "closer")

    def __call__(self, key: Array, scene: Scene) -> dict[str, Array]:
        """`twin_ratio` and `closer` with `_se`; nothing in a scene without a twin."""
        if scene.twin is None:
            return {}
        t, n = scene.twin.shape[0], scene.data.shape[0]
        require(t <= n, "twin", f"of at most the data's {n} points", t)
        to_data, to_twin = (
            nearest(scene.samples, pool).distance[:, 0]
            for pool in (scene.data[:t], scene.twin)
        )
        record = _named("twin_ratio", twin_ratio(to_data, to_twin))
        return record | _named("closer", closer_share(to_data, to_twin))


def _named(name: str, estimate: Estimate) -> dict[str, Array]:
    return {name: estimate.value, f"{name}_se": estimate.standard_error}
