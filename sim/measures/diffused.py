r"""Energies of a learned score that is itself the score of a diffused law, in 1-D.

That is what density learners give: the score of the fitted law p', noised. In the time
:math:`s = e^t - 1` the OU marginal is :math:`p * N(0, s)`, shrunk by :math:`e^{-t/2}`, scores
grow by :math:`e^{t/2}` and :math:`dt = e^{-t}ds`, so that

.. math:: \hat\varepsilon^2 = \int_0^{e^T-1} E_{p'_s}|\nabla\log p'_s-\nabla\log q_s|^2\,ds ,

:math:`\varepsilon_*^2` the same in the mean over :math:`q_s`: relative Fisher informations,
by Fourier transforms on a grid and Gauss-Legendre in :math:`t^{1/3}`, since errors act near 0.
"""

import math
from dataclasses import dataclass
from typing import ClassVar

import jax
import jax.numpy as jnp
import numpy as np
import scipy.fft
from jaxtyping import Array, Float

from sim.grid import Grid
from sim.laws import Knowledge
from sim.measures.scene import Scene
from sim.measures.tabulated import table
from theory.divergence.grid import tabulated_divergences
from theory.validation import require, require_positive

__all__ = ["DiffusedEnergies"]

WIDTHS = 8.0
"""Deviations of the noise by which the grid is widened."""
RESOLVED = 1e-13
"""Share of its maximum below which a transformed density is rounding, and left out."""


@dataclass(frozen=True)
class DiffusedEnergies:
    """Both path energies of one generation, and how far its chain's start is from q_T.

    Transforms resolve a density down to `RESOLVED` of its maximum. Where either is below, a
    score is not known: the largest share of p'_s and of q_s that lies there is returned too.
    """

    grid: Grid
    """1-D; holds both laws, and is widened here for what noising makes of them"""
    T: float
    """horizon of the noising process"""
    times: int = 40
    """nodes of the quadrature"""
    needs: ClassVar[Knowledge] = "grid"
    names: ClassVar[tuple[str, ...]] = (
        "eps_star2",
        "eps_hat2",
        "start_kl",
        "star_lost",
        "hat_lost",
    )

    def __post_init__(self) -> None:
        """Refuse impossible settings."""
        require_positive("T", self.T)
        require(self.times >= 2, "times", ">= 2", self.times)
        require(self.grid.dim == 1, "grid.dim", "1", self.grid.dim)

    def __call__(self, key: Array, scene: Scene) -> dict[str, Array]:
        """`eps_star2`, `eps_hat2`, what each lost, and `start_kl` = KL(p'_T || q_T)."""
        laws = jnp.stack([table(law, self.grid) for law in (scene.after, scene.q)])
        transforms = jnp.fft.rfft(laws, self._nodes)
        end = float(np.expm1(self.T))
        nodes, weights = np.polynomial.legendre.leggauss(self.times)
        u = 0.5 * (nodes + 1.0)
        t, dt = self.T * u**3, 1.5 * self.T * u**2 * weights
        s, ds = jnp.asarray(np.expm1(t)), jnp.asarray(np.exp(t) * dt)

        def energies(at: Array) -> tuple[Float[Array, " 2"], Float[Array, " 2"]]:
            density, slope = self._blurred(transforms, at)
            peak = jnp.max(density, axis=1, keepdims=True)
            known = jnp.all(density > RESOLVED * peak, axis=0)
            score = slope / jnp.where(known[None], density, 1.0)
            gap2 = jnp.where(known, (score[0] - score[1]) ** 2, 0.0)
            lost = jnp.where(known[None], 0.0, density)
            total = lambda f: self.grid.step * jnp.sum(f, axis=1)
            return total(density * gap2[None]), total(lost)

        rates, lost = jax.lax.map(energies, s)
        (hat, star), (hat_lost, star_lost) = ds @ rates, jnp.max(lost, axis=0)
        late = jnp.maximum(self._blurred(transforms, jnp.asarray(end))[0], 0.0)
        floor = RESOLVED * jnp.max(late)
        p_T, q_T = jnp.maximum(late, floor)
        start = tabulated_divergences(p_T, q_T, self.grid.step)
        return {
            "eps_star2": star,
            "eps_hat2": hat,
            "start_kl": start.value.kl,
            "star_lost": star_lost,
            "hat_lost": hat_lost,
        }

    @property
    def _nodes(self) -> int:
        """Of a periodic grid of the same step on which nothing comes around."""
        reach = 2.0 * WIDTHS * float(np.sqrt(np.expm1(self.T)))
        more = math.ceil(reach / self.grid.step)
        return int(scipy.fft.next_fast_len(self.grid.nodes + more, real=True))

    def _blurred(self, transforms: Array, variance: Array) -> tuple[Array, Array]:
        """Densities blurred by N(0, variance) and their derivatives, (2, p) each."""
        omega = 2.0 * jnp.pi * jnp.fft.rfftfreq(self._nodes, self.grid.step)
        blurred = transforms * jnp.exp(-0.5 * variance * omega**2)[None]
        back = lambda f: jnp.fft.irfft(f, self._nodes)
        return back(blurred), back(1j * omega[None] * blurred)
