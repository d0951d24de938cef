r"""Noise of learning when the losses of several noise levels are summed on one sample.

With the same (x0, x1) at every level l the gradients are correlated (derived, Sec. 2.5 of
the specification): the noise N is a double sum over levels,

.. math:: N^s_{\gamma\delta} = \sum_{l,l'} E^{ee}_{ll'}E[\sigma^l_\gamma\sigma^{l'}_\delta]
    + E^{ex}_{ll'}E[\sigma^l_\gamma k^{l'}_\delta]
    + E^{ex}_{l'l}E[k^l_\gamma\sigma^{l'}_\delta] + E^{xx}_{ll'}E[k^l_\gamma k^{l'}_\delta],

:math:`k = h\sigma'`, where the averages are joint over :math:`\lambda_1 \sim N(M, Q^c)` and
:math:`\lambda_0 \sim N(0, Q)`, and per coordinate

.. math:: E^{ee}_{ll'} = \kappa_l\kappa_{l'}\varrho + b_lb_{l'}\alpha_l\alpha_{l'},\quad
    E^{ex}_{ll'} = \kappa_l\beta_{l'}\varrho - b_l\alpha_l\alpha_{l'},\quad
    E^{xx}_{ll'} = \beta_l\beta_{l'}\varrho + \alpha_l\alpha_{l'},\quad
    \kappa_l = 1-b_l\beta_l .
"""

from functools import cache

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from theory.autoencoder.averages import normal_sobol, square_root
from theory.denoiser import Overlaps, Training
from theory.structured import Family, StructuredMixture

__all__ = ["cross_noise"]


@cache
def _default_points(dim: int) -> Float[np.ndarray, "n dim"]:
    return normal_sobol(dim, 2**13)


def cross_noise(
    data: StructuredMixture,
    training: Training,
    at: Overlaps,
    points: Float[Array, "n 2r"] | None = None,
) -> Float[Array, "s r r"]:
    r"""The terms :math:`l \neq l'` of the noise, by block.

    Args:
        data: what is learned.
        training: how; ``levels="together"``.
        at: the overlaps.
        points: nodes of N(0, I) jointly for the standardised :math:`\lambda_1` and
            :math:`\lambda_0`, of equal weight; by default the same 2^13 Sobol points in
            every call, with a relative error of about 1e-3.
    """
    r = at.q.shape[-1]
    points = jnp.asarray(_default_points(2 * r) if points is None else points)
    b = jnp.broadcast_to(at.b, training.alpha.shape)
    parts = [_of_family(f, at, training, b, points) for f in data.families]
    return sum(parts[1:], parts[0])


def _of_family(family: Family, at: Overlaps, training: Training, b, points) -> Array:
    alpha, beta, r = training.alpha, training.beta, at.q.shape[-1]
    Qc = jnp.einsum("s,srt->rt", family.variances, at.q)
    centred = points[:, :r] @ square_root(Qc)[0]
    # (level, component, node, unit) from here on
    lam1 = ((family.latents @ at.M)[:, None] + centred[None])[None]
    lam0 = (points[:, r:] @ square_root(at.Q)[0])[None, None]
    over_levels = lambda v: v[:, None, None, None]
    omega = over_levels(alpha) * lam0 + over_levels(beta) * lam1
    act = training.activation.value(omega)
    h = lam1 - over_levels(b) * omega - act @ at.Q
    k = h * training.activation.slope(omega)
    weight = family.weights / points.shape[0]
    mean = lambda f, g: jnp.einsum("l,alnr,blnt->abrt", weight, f, g)

    outer = lambda u, v: u[:, None, None] * v[None, :, None]
    rho = family.variances[None, None]
    kept = 1.0 - b * beta
    distinct = (1.0 - jnp.eye(len(alpha)))[:, :, None]  # levels l and l' differ
    ee = distinct * (outer(kept, kept) * rho + outer(b * alpha, b * alpha))
    ex = distinct * (outer(kept, beta) * rho - outer(b * alpha, alpha))
    xx = distinct * (outer(beta, beta) * rho + outer(alpha, alpha))
    total = lambda moment, means: jnp.einsum("abs,abrt->srt", moment, means)
    mixed = total(ex, mean(act, k))
    both = mixed + jnp.swapaxes(mixed, 1, 2)
    return total(ee, mean(act, act)) + both + total(xx, mean(k, k))
