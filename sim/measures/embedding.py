r"""Laws as vectors: inner products of mean embeddings, without bias, with their errors.

A kernel k makes a vector of every law, and a norm of every difference of laws,

.. math:: \langle\mu_p,\mu_q\rangle = E\,k(X,Y),\qquad
    |\mu_p-\mu_q|^2 = E\,k(X,X') + E\,k(Y,Y') - 2E\,k(X,Y) .

With :math:`k=-|x-y|` that square is the energy distance (Szekely and Rizzo), zero for equal
laws only; with `moment_kernel` it is the part of the chi-square that first and second moments
show. Mixtures of laws are mixtures of vectors, so that what holds in any Hilbert space
holds here: the one-step identity of drift, its bounds, the triangle inequality.

All sets have equally many points, in the same number of groups. Pairs of a point with
itself are left out, hence no bias; leaving out one group of every set in turn gives the
error of anything computed from the products.
"""

from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from sim.measures.estimate import Estimate, jackknife_estimate
from theory.validation import require

__all__ = [
    "GROUPS",
    "Products",
    "embedded",
    "energy_kernel",
    "moment_kernel",
    "nearness_kernel",
]

GROUPS = 20
"""Groups of points that are left out in turn."""

Kernel = Callable[[Float[Array, "b d"], Float[Array, "m d"]], Float[Array, "b m"]]


class Products(NamedTuple):
    """Inner products of S embedded laws, and the same without each group."""

    value: Float[Array, "s s"]
    without: Float[Array, "g s s"]
    spread: Float[Array, " s"]
    """variance of one embedded point, E k(X, X) - |mu|^2: over n, what n points err by"""

    def estimate(self, quantity: Callable[[Float[np.ndarray, "s s"]], Any]) -> Estimate:
        """Any function of the inner products, with the error of leaving out groups.

        On the host: there are few of them.
        """
        without = [np.asarray(quantity(K)) for K in np.asarray(self.without)]
        return jackknife_estimate(quantity(np.asarray(self.value)), np.stack(without))


def energy_kernel(x: Float[Array, "b d"], y: Float[Array, "m d"]) -> Array:
    r""":math:`-|x-y|`."""
    return -jnp.sqrt(_squared(x, y))


def moment_kernel(x: Float[Array, "b d"], y: Float[Array, "m d"]) -> Array:
    r""":math:`x\cdot y+\tfrac12[(x\cdot y)^2-|x|^2-|y|^2+d]`, for standardised coordinates.

    The squared norm of a law is :math:`|m|^2+\tfrac12\|E\,xx^\top-I\|_F^2`: for Gaussians
    chi-square to N(0, I) to second order; for any law at most the chi-square to a law whose
    moments up to the fourth are those of N(0, I).
    """
    inner = x @ y.T
    own_x, own_y = (jnp.sum(a**2, axis=1) for a in (x, y))
    return inner + 0.5 * (inner**2 - own_x[:, None] - own_y[None] + x.shape[1])


def nearness_kernel(x: Float[Array, "b d"], y: Float[Array, "m d"]) -> Array:
    """1 where two points are at most 1 apart: the norm is the share of such pairs."""
    return (_squared(x, y) <= 1.0).astype(jnp.float64)


def embedded(
    sets: Float[Array, "s n d"], kernel: Kernel, groups: int = GROUPS
) -> Products:
    """Inner products of the laws behind S sets of points.

    Args:
        sets: n points each, a multiple of `groups` and at least twice as many. The sets are
            independent of each other.
        kernel: k, from blocks of points to a block of values.
        groups: g >= 2.

    Raises:
        InputError: on other shapes.
    """
    require(groups >= 2, "groups", ">= 2", groups)
    ok = sets.ndim == 3 and sets.shape[1] % groups == 0 and sets.shape[1] >= 2 * groups
    require(ok, "sets", f"(s, n, d), n a multiple of {groups}, >= twice it", sets.shape)
    return _embedded(jnp.asarray(sets, jnp.float64), kernel, groups)


@partial(jax.jit, static_argnames=("kernel", "groups"))
def _embedded(sets: Float[Array, "s n d"], kernel: Kernel, groups: int) -> Products:
    S, n, d = sets.shape

    def of_group(block: Float[Array, "q d"]) -> tuple[Array, Array]:
        """Sums over the block and each group of each set; over the block's own points."""
        of_set = lambda points: jnp.sum(kernel(block, points), axis=0)
        sums = jax.lax.map(of_set, sets).reshape(S, groups, -1)
        return jnp.sum(sums, axis=2), jnp.trace(kernel(block, block))

    sums, own = jax.lax.map(of_group, sets.reshape(S * groups, n // groups, d))
    sums = sums.reshape(S, groups, S, groups).transpose(0, 2, 1, 3)
    own = own.reshape(S, groups)
    total, of_own = jnp.sum(sums, axis=(2, 3)), jnp.sum(own, axis=1)
    # without group j: its row and its column go, and what they share goes once
    both = jnp.diagonal(sums, axis1=2, axis2=3)
    gone = jnp.sum(sums, axis=3) + jnp.sum(sums, axis=2) - both
    left = jnp.moveaxis(total[..., None] - gone, 2, 0)
    value = _means(total, of_own, n)
    without = _means(left, (of_own[:, None] - own).T, n - n // groups)
    return Products(value, without, of_own / n - jnp.diagonal(value))


def _means(sums: Float[Array, "... s s"], own: Float[Array, "... s"], n: int) -> Array:
    """Mean over pairs of different points within a set, over all pairs between two."""
    within = jnp.eye(sums.shape[-1], dtype=bool)
    inside = (jnp.diagonal(sums, axis1=-2, axis2=-1) - own) / (n * (n - 1.0))
    return jnp.where(within, inside[..., None, :], sums / n**2)


def _squared(x: Float[Array, "b d"], y: Float[Array, "m d"]) -> Float[Array, "b m"]:
    """Squared distances by a matrix product: means of many do not feel its rounding."""
    centre = jnp.mean(y, axis=0, keepdims=True)
    x, y = x - centre, y - centre
    own_x, own_y = (jnp.sum(a**2, axis=1) for a in (x, y))
    return jnp.maximum(own_x[:, None] + own_y[None] - 2.0 * (x @ y.T), 0.0)
