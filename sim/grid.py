r"""Laws carried on a uniform 1-D or 2-D grid, and the reverse chain's exact action on them.

One Euler-Maruyama step from x is Gaussian, N(x + h f(x), h I), so a density moves by

.. math:: p_{k+1}(y) = \int p_k(x)\, N(y;\ x + h f(x),\ h I)\,dx ,

a matrix product in 1-D and, because the kernel is a product over coordinates, again *one*
matrix product in 2-D. All summands are positive, so densities keep their relative accuracy
deep into the tails, which chi-square needs. The quadrature is spectrally accurate while
the step noise is resolved, :math:`\sqrt h \ge 0.8\,\Delta x`.
"""

import math
from dataclasses import dataclass, field

import jax
import jax.numpy as jnp
import jax.random as jr
from jaxtyping import Array, Float

from sim.laws import Knowledge, draw, known_as
from theory.processes import OU
from theory.validation import require

__all__ = ["Grid", "GridLaw", "on_grid", "push", "uniform_grid"]

_TINY = 1e-300  # keeps log and division finite where a density has underflowed


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class Grid:
    """The same uniform nodes along each of `dim` axes; build with `uniform_grid`."""

    axis: Float[Array, " m"]
    dim: int = field(metadata={"static": True})

    @property
    def step(self) -> Float[Array, ""]:
        """Distance between neighbouring nodes."""
        return self.axis[1] - self.axis[0]

    @property
    def cell(self) -> Float[Array, ""]:
        """Volume of one cell."""
        return self.step**self.dim

    @property
    def points(self) -> Float[Array, "p d"]:
        """All nodes, the last axis fastest, shape (m**dim, dim)."""
        mesh = jnp.meshgrid(*[self.axis] * self.dim, indexing="ij")
        return jnp.stack([x.ravel() for x in mesh], axis=-1)


def uniform_grid(half_width: float, nodes: int, dim: int, finest_step: float) -> Grid:
    """A grid on [-half_width, half_width]^dim that resolves steps of size `finest_step`."""
    require(dim in (1, 2), "dim", "1 or 2 (a law in more dimensions is not gridded)", dim)
    spacing = 2.0 * half_width / (nodes - 1)
    needed = math.ceil(2.0 * half_width * 0.8 / math.sqrt(finest_step)) + 1
    require(
        0.8 * spacing <= math.sqrt(finest_step),
        "nodes",
        f">= {needed} to resolve the noise of one step",
        nodes,
    )
    return Grid(jnp.linspace(-half_width, half_width, nodes, dtype=jnp.float64), dim)


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class GridLaw:
    """A density on a `Grid`, with its score at the nodes. Zero outside the grid."""

    grid: Grid
    density: Float[Array, " p"]
    node_score: Float[Array, "p d"]

    @property
    def dim(self) -> int:
        """Dimension d."""
        return self.grid.dim

    def noised(self, process: OU, t: float) -> "GridLaw":
        r"""Marginal at OU time t > 0 by Tweedie's formula on the grid:
        score :math:`(e^{-t/2} E[x_0|x_t] - x_t)/(1-e^{-t})`."""
        a, v = process.mean_factor(t), process.variance(t)
        kernel = jnp.exp(-0.5 * (self.grid.axis[:, None] - a * self.grid.axis) ** 2 / v)
        kernel = kernel / jnp.sqrt(2.0 * jnp.pi * v)  # (y, x)
        weight = self.density * self.grid.cell
        points = self.grid.points
        density = _apply(kernel, weight, self.dim)
        posterior_mean = jnp.stack(
            [_apply(kernel, weight * points[:, j], self.dim) for j in range(self.dim)], -1
        ) / (density[:, None] + _TINY)
        return GridLaw(self.grid, density, (a * posterior_mean - points) / v)

    def log_density_and_score(
        self, x: Float[Array, "n d"]
    ) -> tuple[Float[Array, " n"], Float[Array, "n d"]]:
        """Multilinear interpolation of log-density and score; exact at the nodes."""
        log_p = self._interpolate(jnp.log(self.density + _TINY), x)
        score = [self._interpolate(self.node_score[:, j], x) for j in range(self.dim)]
        return log_p, jnp.stack(score, axis=-1)

    def log_density(self, x: Float[Array, "n d"]) -> Float[Array, " n"]:
        """Log-density in nats."""
        return self.log_density_and_score(x)[0]

    def score(self, x: Float[Array, "n d"]) -> Float[Array, "n d"]:
        """Gradient of the log-density."""
        return self.log_density_and_score(x)[1]

    def mean(self) -> Float[Array, " d"]:
        """Mean vector."""
        return (self.density * self.grid.cell) @ self.grid.points

    def second_moment(self) -> Float[Array, "d d"]:
        """Raw second moment E[x xᵀ]."""
        points = self.grid.points
        return (points * (self.density * self.grid.cell)[:, None]).T @ points

    def _interpolate(self, values: Float[Array, " p"], x: Float[Array, "n d"]) -> Array:
        m = self.grid.axis.shape[0]
        where = (x - self.grid.axis[0]) / self.grid.step
        table = values.reshape((m,) * self.dim)
        return jax.scipy.ndimage.map_coordinates(table, list(where.T), order=1, mode="nearest")


def on_grid(law: object, grid: Grid) -> GridLaw:
    """`law` tabulated on `grid` (density and score at the nodes)."""
    log_p, score = law.log_density_and_score(grid.points)
    return GridLaw(grid, jnp.exp(log_p), score)


def push(
    grid: Grid,
    density: Float[Array, " p"],
    centre: Float[Array, "p d"],
    h: float,
    along: Float[Array, "p d"] | None = None,
) -> Float[Array, " p"]:
    r"""Carry a density through one step x -> N(centre(x), h I).

    With `along` = v(x), each path is weighted by :math:`v(x)\cdot(y - centre(x))`, which
    is v . dB: that is how stochastic integrals are carried.

    Args:
        grid: nodes; density, centre and along are tabulated at ``grid.points``.
        density: may be signed (a density times a conditional mean).
        centre: where the step's Gaussian sits, x + h f(x).
        h: step, > 0.
        along: weight vector field, or None for weight 1.

    Returns:
        Density after the step, at the nodes.
    """
    gap = grid.axis - centre[:, :, None]  # (p, d, m): y - centre, per coordinate
    kernel = jnp.exp(-0.5 * gap**2 / h) * grid.step / jnp.sqrt(2.0 * jnp.pi * h)
    if along is None:
        return _spread(kernel, density)
    weighted = [
        kernel.at[:, j].multiply(gap[:, j] * along[:, j, None]) for j in range(grid.dim)
    ]
    return sum(_spread(k, density) for k in weighted)


def _spread(kernel: Float[Array, "p d m"], density: Float[Array, " p"]) -> Array:
    if kernel.shape[1] == 1:
        return density @ kernel[:, 0]
    return ((kernel[:, 0] * density[:, None]).T @ kernel[:, 1]).ravel()


def _apply(kernel: Float[Array, "m m"], values: Float[Array, " p"], dim: int) -> Array:
    if dim == 1:
        return kernel @ values
    m = kernel.shape[0]
    return (kernel @ values.reshape(m, m) @ kernel.T).ravel()


@known_as.register
def _(law: GridLaw) -> Knowledge:
    return "grid"


@draw.register
def _(law: GridLaw, key: Array, n: int, dtype=jnp.float32) -> Array:
    """Pick a node by its mass, then move uniformly within its cell."""
    key_node, key_cell = jr.split(key)
    cdf = jnp.cumsum(law.density)
    u = jr.uniform(key_node, (n,), jnp.float64) * cdf[-1]
    node = jnp.minimum(jnp.searchsorted(cdf, u, side="right"), cdf.shape[0] - 1)
    jitter = jr.uniform(key_cell, (n, law.dim), jnp.float64, -0.5, 0.5) * law.grid.step
    return (law.grid.points[node] + jitter).astype(dtype)
