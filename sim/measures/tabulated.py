r"""Distances between laws by quadrature on a grid, or exactly on a finite support.

.. math:: TV(p, q) = \tfrac12\int|p - q|,\qquad ISE = \int(p-q)^2 .

Never from histograms of samples, whose TV is biased upwards by about sqrt(bins/N).
"""

from dataclasses import dataclass
from functools import singledispatch
from typing import ClassVar

import jax.numpy as jnp
from jaxtyping import Array, Float

from sim.grid import Grid, GridLaw, on_grid
from sim.laws import FiniteLaw, Knowledge
from sim.measures.scene import Scene
from theory.divergence.grid import absolute_integral

__all__ = ["SquaredError", "Support", "TotalVariation", "table"]


@singledispatch
def table(law: object, grid: Grid) -> Float[Array, " p"]:
    """Density at the nodes; of a law that is tabulated already, its own table."""
    return on_grid(law, grid).density


@table.register
def _(law: GridLaw, grid: Grid) -> Float[Array, " p"]:
    return law.density


@table.register
def _(law: FiniteLaw, grid: None) -> Float[Array, " k"]:
    return law.mass


@dataclass(frozen=True)
class TotalVariation:
    r"""TV of the generated law from the target, and from the law it was trained on.

    The first is :math:`D_{s+1}`, the second the one-step error
    :math:`\varepsilon_s = TV(\hat p_{s+1}, p_s)`, from which a bound without a hidden constant
    follows.
    """

    grid: Grid | None
    """1-D or 2-D; None for laws on finitely many categories"""
    needs: ClassVar[Knowledge] = "grid"
    names: ClassVar[tuple[str, ...]] = ("tv", "tv_step")

    def __call__(self, key: Array, scene: Scene) -> dict[str, Array]:
        """`tv` and `tv_step`."""
        laws = (scene.after, scene.target, scene.q)
        after, p, q = (table(law, self.grid) for law in laws)
        return {"tv": self._tv(after, p), "tv_step": self._tv(after, q)}

    def _tv(self, p: Array, q: Array) -> Float[Array, ""]:
        if self.grid is not None and self.grid.dim == 1:
            return 0.5 * absolute_integral(p - q, self.grid.step)
        return 0.5 * jnp.sum(jnp.abs(p - q)) * (self.grid.cell if self.grid else 1.0)


@dataclass(frozen=True)
class SquaredError:
    """Integrated squared error and second moment of the generated law, in 1-D."""

    grid: Grid
    needs: ClassVar[Knowledge] = "grid"
    names: ClassVar[tuple[str, ...]] = ("ise", "law_second_moment")

    def __call__(self, key: Array, scene: Scene) -> dict[str, Array]:
        r"""`ise` = int (phat - p)^2, `law_second_moment` = int x^2 phat."""
        after, p = table(scene.after, self.grid), table(scene.target, self.grid)
        moment = self.grid.axis**2 @ after * self.grid.step
        return {
            "ise": self.grid.step * jnp.sum((after - p) ** 2),
            "law_second_moment": moment,
        }


@dataclass(frozen=True)
class Support:
    """Share of the categories of a finite law that have any mass."""

    needs: ClassVar[Knowledge] = "grid"
    names: ClassVar[tuple[str, ...]] = ("support",)

    def __call__(self, key: Array, scene: Scene) -> dict[str, Array]:
        """`support`."""
        return {"support": jnp.mean(table(scene.after, None) > 0.0)}
