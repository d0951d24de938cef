r"""Score matching for a trained linear layer: a quadratic loss and its exact gradient flow.

With :math:`s(x,t) = \frac1M a\cdot\varphi(x,t)` the weighted energy of the score error is

.. math::
    \sum_t \lambda_t E_{p_t}|s - \nabla\log p_t|^2 = \tfrac1{M^2}a^TGa
    - \tfrac2M a^Tb + \mathrm{const},\quad
    G = \sum_t \lambda_t E_{p_t}[\varphi\varphi^T],\
    b = -\sum_t \lambda_t E_{p_t}[\partial_x\varphi] .

No score of p enters, so p may be an empirical law. In the time unit in which
:math:`\dot a = b - \frac1M Ga`, gradient flow from a = 0 is (derived)

.. math:: a(\tau) = U\,\mathrm{diag}\Big(\frac{1-e^{-\mu\tau}}{\mu}\Big)U^Tb ,\qquad
    \tfrac1M G = U\,\mathrm{diag}(\mu)\,U^T ,

an eigenmode filter :math:`1 - e^{-\mu\tau}`. Gradient descent on
:math:`J(a) = \frac1{2M}a^TGa - b^Ta` with step size :math:`\eta` follows it at
:math:`\tau = \eta\,k`.

Everything is float64: training up to :math:`\tau = 10^5` separates eigenvalues
:math:`10^{-6}` times the largest, which float32 does not resolve.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from sim.grid import GridLaw
from sim.learners.random_features.layer import HiddenLayer
from theory.processes import OU

__all__ = ["Energy", "gradient_flow", "score_matching"]


class Energy(NamedTuple):
    r"""The loss :math:`J(a) = \frac12 a^T(G/M)a - b^Ta`, constant dropped."""

    gram: Float[Array, "M M"]
    r""":math:`G/M`, symmetric, non-negative"""
    pull: Float[Array, " M"]
    """b"""

    def value(self, a: Float[Array, " M"]) -> Float[Array, ""]:
        """J(a); its minimum over a is at most J(0) = 0."""
        return 0.5 * a @ (self.gram @ a) - self.pull @ a

    def slope(self, a: Float[Array, " M"]) -> Float[Array, " M"]:
        """Gradient of J."""
        return self.gram @ a - self.pull


def score_matching(
    layer: HiddenLayer, law: GridLaw, times: Float[Array, " k"], process: OU
) -> Energy:
    r"""The loss on `law`, diffused exactly to each time and weighted by its noise variance.

    Args:
        layer: M frozen features.
        law: training law on a 1-D grid, a density or a histogram divided by cell and total.
        times: noise times t > 0; :math:`\lambda_t = \sigma_t^2`, the process's variance.
        process: noising process.

    Returns:
        The energy. The pull is integrated by parts back, :math:`b = \sum_t\lambda_t\int
        p_t'\varphi\,dx`: a kink costs the quadrature O(dx^2), the jump of its derivative
        would cost O(dx).
    """
    x, cell, count = law.grid.axis, law.grid.cell, layer.w.shape[0]

    def add(total, t):
        log_p, score = law.noised(process, t).log_density_and_score(x[:, None])
        weight = jnp.exp(log_p) * cell * process.variance(t)
        phi = layer.features(x, t)
        gram = phi.T @ (weight[:, None] * phi)
        pull = phi.T @ (weight * score[:, 0])
        return Energy(total.gram + gram, total.pull + pull), None

    zero = Energy(jnp.zeros((count, count), x.dtype), jnp.zeros((count,), x.dtype))
    total = jax.lax.scan(add, zero, times)[0]
    return Energy(total.gram / count, total.pull)


def gradient_flow(energy: Energy, tau: Float[Array, ""]) -> Float[Array, " M"]:
    r"""Trained layer :math:`a(\tau)` after time tau >= 0 from a = 0.

    A mode with :math:`\mu\tau` below rounding has moved by :math:`\tau` times its pull.
    """
    mu, U = jnp.linalg.eigh(energy.gram)
    mu = jnp.maximum(mu, 0.0)  # rounding makes the smallest ones negative
    safe = jnp.where(mu > 0, mu, 1.0)
    moved = jnp.where(mu > 0, -jnp.expm1(-safe * tau) / safe, tau)
    return U @ (moved * (U.T @ energy.pull))
