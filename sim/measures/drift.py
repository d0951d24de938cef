r"""How far a generated law is from the data law and from what it was trained on, in 1-D.

.. math:: D = \chi^2(\hat p^{i+1}\|p),\quad I = \chi^2(\hat p^{i+1}\|q_i),\quad
    J = \int\frac{(\hat p^{i+1}-q_i)^2}p ,

KL and TV likewise, by quadrature of laws that are known at the nodes of a grid.
"""

from dataclasses import dataclass
from typing import Any, ClassVar

import jax.numpy as jnp
from jaxtyping import Array, Float

from sim.grid import Grid
from sim.laws import Knowledge
from sim.measures.scene import Scene
from theory.divergence.grid import absolute_integral, log_tabulated_divergences

__all__ = ["Drift"]


@dataclass(frozen=True)
class Drift:
    """Every divergence of the generated law from p and from q_i, and its entropy.

    A chi-square is finite on any grid: `tail_share`, the part of D from the rim of the
    grid, says whether it could be read off this one.
    """

    grid: Grid
    """1-D"""
    needs: ClassVar[Knowledge] = "grid"
    names: ClassVar[tuple[str, ...]] = (
        "D",
        "J",
        "intra",
        "drift_kl",
        "drift_tv",
        "kl_step",
        "tv_step",
        "law_entropy",
        "tail_share",
    )

    def __call__(self, key: Array, scene: Scene) -> dict[str, Array]:
        """`D`, `J`, `intra` = I; KL and TV from p (`drift_*`) and from q_i (`*_step`)."""
        laws: Any = (scene.after, scene.target, scene.q)
        log_after, log_p, log_q = (law.log_density(self.grid.points) for law in laws)
        after, p, q = (jnp.exp(table) for table in (log_after, log_p, log_q))
        drift = log_tabulated_divergences(log_after, log_p, self.grid.cell)
        step = log_tabulated_divergences(log_after, log_q, self.grid.cell)
        return {
            "D": drift.value.chi2,
            "J": self._total((after - q) ** 2 * jnp.exp(-log_p)),
            "intra": step.value.chi2,
            "drift_kl": drift.value.kl,
            "drift_tv": 0.5 * absolute_integral(after - p, self.grid.step),
            "kl_step": step.value.kl,
            "tv_step": 0.5 * absolute_integral(after - q, self.grid.step),
            "law_entropy": -self._total(jnp.where(after > 0, after * log_after, 0.0)),
            "tail_share": drift.tail_share_chi2,
        }

    def _total(self, values: Float[Array, " p"]) -> Float[Array, ""]:
        return self.grid.cell * jnp.sum(values)
