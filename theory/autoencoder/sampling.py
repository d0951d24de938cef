r"""Generation: what a trained network of a few units samples, in its own low dimension.

For weights W with overlap Q and skip b, :math:`Z = Wx/\sqrt d` obeys a closed equation
(Cui et al.: low-dimensional SDE and projections; this form derived, Sec. 4)

.. math:: dZ = [\Delta_t Z + \Gamma_t Q\,\sigma(Z)]\,dt + \sqrt{2\varepsilon_t}\,dB_Q,\quad
    Z_0\sim N(0, Q),\qquad \Delta_t = \alpha'/\alpha + b\,\Gamma_t ,

and orthogonally to the rows of W the sample stays an isotropic Gaussian of variance
:math:`s^2`, independent of Z: :math:`\dot{(s^2)} = 2\Delta_t s^2 + 2\varepsilon_t`. Both hold at
finite d and step by step for the Euler scheme, so theory and simulation share the grid.
"""

from dataclasses import dataclass
from typing import NamedTuple

import diffrax
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from theory.autoencoder.averages import normal_sobol, square_root
from theory.denoiser import Activation
from theory.processes import EulerGrid, Interpolant, linear
from theory.validation import require, require_in

__all__ = [
    "LatentLaw",
    "Projection",
    "amplitude",
    "bulk_variance",
    "continuous_flow",
    "flow",
    "latent_law",
    "projection",
    "reduced_sde",
    "start_nodes",
]


class LatentLaw(NamedTuple):
    """A law of Z, or of its standardised start, as weighted nodes."""

    points: Float[Array, "n r"]
    weights: Float[Array, " n"]

    def mean(self, fn) -> Array:
        """Expectation of ``fn(points)``, whose first axis is that of the nodes."""
        return jnp.tensordot(self.weights, fn(self.points), axes=1)


def start_nodes(r: int, size: int = 2**13, seed: int = 0) -> LatentLaw:
    r"""Nodes of N(0, I_r): a graded product rule for r <= 2, scrambled Sobol beyond.

    Near Z = 0 the flow is steep: :math:`\xi = L\sinh(cu)/\sinh c` with c = 16 places half of
    the nodes within 3e-3 of 0, where a uniform grid leaves an error of 1e-2.

    Args:
        r: number of units.
        size: nodes in all, a power of two for r >= 3.
        seed: of the scrambling.
    """
    require(r >= 1, "width r", ">= 1", r)
    require(size >= 2, "nodes", ">= 2", size)
    if r > 2:
        points = jnp.asarray(normal_sobol(r, size, seed))
        return LatentLaw(points, jnp.full((size,), 1.0 / size, jnp.float64))
    n = size if r == 1 else round(size**0.5)
    line, weight = _graded_line(n)
    if r == 1:
        return LatentLaw(jnp.asarray(line[:, None]), jnp.asarray(weight))
    plane = np.stack(np.meshgrid(line, line, indexing="ij"), -1).reshape(-1, 2)
    return LatentLaw(jnp.asarray(plane), jnp.asarray(np.outer(weight, weight).ravel()))


def _graded_line(n: int, grading: float = 16.0, half_width: float = 7.5):
    u = (2 * np.arange(n) + 1) / n - 1.0
    xi = half_width * np.sinh(grading * u) / np.sinh(grading)
    log_weight = -0.5 * xi**2 + np.log(np.cosh(grading * u))
    weight = np.exp(log_weight - log_weight.max())
    return xi, weight / weight.sum()


def flow(
    Q: Float[Array, "r r"],
    b: Float[Array, ""],
    grid: EulerGrid,
    activation: Activation,
    start: Float[Array, "n r"],
) -> Float[Array, "n r"]:
    r"""Latents after the probability flow's Euler steps: :math:`Z + h(\Delta Z+\Gamma Q\sigma(Z))`.

    Args:
        Q: overlap matrix, may be singular.
        b: skip.
        grid: of the sampler.
        activation: sigma.
        start: Z at t = 0, distributed as N(0, Q).
    """

    def step(Z, k: EulerGrid):
        return _euler(Q, b, activation, Z, k), None

    return jax.lax.scan(step, start, grid)[0]


def _euler(Q: Array, b: Array, activation: Activation, Z: Array, k: EulerGrid) -> Array:
    drift = (k.contraction + b * k.gain) * Z + k.gain * activation.value(Z) @ Q
    return Z + k.h * drift


def reduced_sde(
    Q: Float[Array, "r r"],
    b: Float[Array, ""],
    grid: EulerGrid,
    activation: Activation,
    start: Float[Array, "n r"],
    normals: Float[Array, "steps n r"],
) -> Float[Array, "n r"]:
    """As `flow` under the reverse SDE; `normals` are N(0, I), quasi-random or drawn."""
    root = square_root(Q)[0]

    def step(Z, inputs):
        k, xi = inputs
        noise = jnp.sqrt(2 * k.diffusion * k.h) * (xi @ root)
        return _euler(Q, b, activation, Z, k) + noise, None

    return jax.lax.scan(step, start, (grid, normals))[0]


def amplitude(b: Float[Array, ""], grid: EulerGrid) -> Float[Array, ""]:
    r""":math:`\prod_k (1 + h_k\Delta_k)`, by which the flow scales the bulk."""
    return jnp.prod(1.0 + grid.h * (grid.contraction + b * grid.gain))


def bulk_variance(b: Float[Array, ""], grid: EulerGrid) -> Float[Array, ""]:
    r"""Variance :math:`s^2` of the bulk after the last step, from 1, flow or SDE."""

    def step(s2, k: EulerGrid):
        scale = 1.0 + k.h * (k.contraction + b * k.gain)
        return scale**2 * s2 + 2.0 * k.diffusion * k.h, None

    return jax.lax.scan(step, jnp.ones((), jnp.float64), grid)[0]


def latent_law(
    Q: Float[Array, "r r"],
    b: Float[Array, ""],
    grid: EulerGrid,
    activation: Activation,
    nodes: LatentLaw,
) -> LatentLaw:
    """Law of Z after the flow, from standard nodes (`start_nodes`)."""
    start = nodes.points @ square_root(Q)[0]
    return LatentLaw(flow(Q, b, grid, activation, start), nodes.weights)


def continuous_flow(
    Q: Float[Array, "r r"],
    b: Float[Array, ""],
    activation: Activation,
    start: Float[Array, "n r"],
    t_end: float = 0.99,
    path: Interpolant | None = None,
    rtol: float = 1e-9,
) -> tuple[Float[Array, "n r"], Float[Array, ""]]:
    r"""The flow without steps, to t_end < 1: latents and bulk amplitude.

    On the linear path it is autonomous in :math:`s=-\ln(1-t)`:
    :math:`dZ/ds = (b-1)Z + Q\sigma(Z)`, bulk amplitude :math:`(1-t_{end})^{1-b}`.
    """
    require_in("t_end", t_end, 1e-6, 1.0 - 1e-12)
    path = path or linear()

    def rate(s, y, _):
        t = -jnp.expm1(-s)
        Z, log_amplitude = y
        gain = path.gain(t)
        delta = path.contraction(t) + b * gain
        clock = jnp.exp(-s)  # dt/ds
        dZ = clock * (delta * Z + gain * activation.value(Z) @ Q)
        return dZ, clock * delta + 0.0 * log_amplitude

    solution = diffrax.diffeqsolve(
        diffrax.ODETerm(rate),
        diffrax.Dopri8(),
        t0=0.0,
        t1=-np.log1p(-t_end),
        dt0=None,
        y0=(start, jnp.zeros((), jnp.float64)),
        stepsize_controller=diffrax.PIDController(rtol=rtol, atol=rtol),
    )
    Z, log_amplitude = solution.ys
    return Z[-1], jnp.exp(log_amplitude[-1])


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class Projection:
    r"""Law of a projection :math:`E^\top x`: a Gaussian around each latent node."""

    centres: Float[Array, "n e"]
    weights: Float[Array, " n"]
    covariance: Float[Array, "e e"]

    def mean(self) -> Float[Array, " e"]:
        """Mean vector."""
        return self.weights @ self.centres

    def variance(self) -> Float[Array, "e e"]:
        """Covariance matrix."""
        y = self.centres - self.mean()[None]
        return (self.weights[:, None] * y).T @ y + self.covariance

    def cdf(self, axis: int, x: Float[Array, " k"]) -> Float[Array, " k"]:
        """Distribution function of one coordinate."""
        width = jnp.sqrt(jnp.maximum(self.covariance[axis, axis], 1e-300))
        centre = self.centres[:, axis]

        def at(point):
            return self.weights @ jax.scipy.special.ndtr((point - centre) / width)

        return jax.lax.map(at, x, batch_size=256)

    def draws(self, normals: Float[Array, "n e"]) -> Float[Array, "n e"]:
        """One point a node: its centre plus the residual made from N(0, I) `normals`."""
        return self.centres + normals @ square_root(self.covariance)[0]


def projection(
    Q: Float[Array, "r r"],
    overlap: Float[Array, "e r"],
    gram: Float[Array, "e e"],
    latents: LatentLaw,
    s2: Float[Array, ""],
) -> Projection:
    r"""Projection on reference directions E, which need not be orthonormal (derived).

    .. math:: E^\top x = G Q^{-1} Z + N(0,\ s^2(E^\top E - G Q^{-1} G^\top))

    Args:
        Q: overlap matrix; singular directions are dropped (pseudo-inverse).
        overlap: G = EᵀWᵀ/sqrt d; for tracked directions it is M.
        gram: EᵀE.
        latents: law of Z at the end.
        s2: variance of the bulk.
    """
    inverse = square_root(Q)[1]
    onto = overlap @ inverse
    residual = s2 * (gram - onto @ overlap.T)
    return Projection(latents.points @ onto.T, latents.weights, residual)
