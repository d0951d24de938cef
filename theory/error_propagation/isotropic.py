r"""Observability of affine score errors on isotropic Gaussian data, by quadrature (derived).

Data :math:`N(0, vI)`, so :math:`q_t=N(0,v_tI)`, :math:`v_t=1+(v-1)e^{-t}`; error
:math:`e(x,t)=W_tx+b_t`. The reverse drift is the scalar :math:`1/2-1/v_t`, and it carries a
disturbance from noise time t to t0 with the factor :math:`\phi_t=e^{-(t-t_0)/2}v_{t_0}/v_t`.
The linear response (shift d1 of the mean, V1 of the covariance) is therefore an integral,

.. math::
    d_1=\int\phi_tb_t\,dt,\quad V_1=\int\phi_t^2v_t(W_t+W_t^\top)\,dt,\quad
    \eta\,\varepsilon_\star^2=\frac{|d_1|^2}{v_{t_0}}+\frac{|V_1|_F^2}{2v_{t_0}^2},\quad
    \varepsilon_\star^2=\int v_t|W_t|_F^2+|b_t|^2\,dt .

Antisymmetric W are invisible, and so is every b orthogonal to :math:`\phi` in time.
`theory.error_propagation.linear_gaussian` covers any Gaussian data and all divergences.
"""

from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from theory.processes import OU
from theory.validation import require_positive

__all__ = ["isotropic_observability"]

NODES = 64
"""Gauss-Legendre nodes in time: ten digits for variances of 0.001 and more."""


def isotropic_observability(
    W: Callable[[Array], Float[Array, "d d"]],
    b: Callable[[Array], Float[Array, " d"]],
    variance: float,
    process: OU,
) -> Float[Array, ""]:
    """Eta in [0, 1] of the error W(t) x + b(t) on N(0, variance I); 0 without energy.

    Args:
        W: noise time -> matrix (d, d), smooth.
        b: noise time -> vector (d,), smooth.
        variance: of the data in every coordinate, > 0.
        process: noising process.
    """
    require_positive("variance", variance)
    node, weight = np.polynomial.legendre.leggauss(NODES)
    u = 0.5 * jnp.asarray(node + 1.0)
    span = process.T - process.t0
    t = process.t0 + span * u**2  # closer where narrow data make the score steep
    dt = span * u * jnp.asarray(weight)
    W_t, b_t = jax.vmap(W)(t), jax.vmap(b)(t)

    v_at = lambda t: process.mean_factor(t) ** 2 * variance + process.variance(t)
    v_t, v_t0 = v_at(t), v_at(process.t0)
    phi = process.mean_factor(t - process.t0) * v_t0 / v_t
    d1 = jnp.einsum("k,ki->i", dt * phi, b_t)
    V1 = jnp.einsum("k,kij->ij", dt * phi**2 * v_t, W_t + jnp.swapaxes(W_t, 1, 2))
    visible = jnp.sum(d1**2) / v_t0 + 0.5 * jnp.sum(V1**2) / v_t0**2
    energy = jnp.einsum("k,kij->", dt * v_t, W_t**2) + jnp.einsum("k,ki->", dt, b_t**2)
    return jnp.where(energy > 0, visible / jnp.where(energy > 0, energy, 1.0), 0.0)
