"""Observability of a learned score's error by branching, in any dimension."""

from dataclasses import dataclass
from typing import ClassVar

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from sim.laws import Knowledge
from sim.measures.branching import branching
from sim.measures.scene import Scene

__all__ = ["Branches", "LearnedError"]


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class LearnedError:
    """Learned score minus the true one, in the form that `branching` asks for."""

    fitted: object

    def __call__(self, x: Float[Array, "n d"], t: Array, score_at) -> Array:
        """Error at each row of `x`."""
        return self.fitted.score(x, t) - score_at(x)


@dataclass(frozen=True)
class Branches:
    r"""Observability eta, visible energy :math:`\eta\,\varepsilon_\star^2`, remainder r.

    See `sim.measures.branching`. Needs the score of q_i, and no path run in reverse. r, of
    the sandwich, is the root of a mean of exponentials: at energies near 1 and above a few
    paths decide it, and a finite estimate does not say that r is finite.
    """

    n: int = 4096
    """endpoints, two branches each"""
    steps: int = 200
    """fine steps of a branch, a multiple of 4"""
    needs: ClassVar[Knowledge] = "grid"
    names: ClassVar[tuple[str, ...]] = ("observability", "visible_energy", "remainder")

    def __call__(self, key: Array, scene: Scene) -> dict[str, Array]:
        """`observability`, `visible_energy` (with `_se`) and `remainder` (r itself)."""
        errors = (LearnedError(scene.fitted),)
        (found,) = branching(scene.q, errors, scene.process, key, self.n, self.steps)
        return {
            "observability": found.observability.value,
            "observability_se": found.observability.standard_error,
            "visible_energy": found.visible_energy.value,
            "visible_energy_se": found.visible_energy.standard_error,
            "remainder": jnp.sqrt(jnp.maximum(found.remainder2.value, 0.0)),
        }
