r"""Laws carried on a uniform 1-D or 2-D grid, and the reverse chain's exact action on them.

One Euler-Maruyama step from x is Gaussian, N(x + h f(x), h I), so a density moves by

.. math:: p_{k+1}(y) = \int p_k(x)\, N(y;\ x + h f(x),\ h I)\,dx ,

a matrix product in 1-D and, because the kernel is a product over coordinates, again *one*
matrix product in 2-D. All summands are positive, so densities keep their relative accuracy
deep into the tails, which chi-square needs. The quadrature is spectrally accurate while
the step noise is resolved, :math:`\sqrt h \ge 0.8\,\Delta x`.
"""

import math
from dataclasses import dataclass, field, replace

import jax
import jax.numpy as jnp
import jax.random as jr
import scipy.fft
from jaxtyping import Array, Float

from sim.laws import Knowledge, categorical, draw, known_as, mixture
from theory.processes import OU
from theory.validation import require, require_positive

__all__ = [
    "Grid",
    "GridLaw",
    "LatticeMixture",
    "grid_for_kernels",
    "on_grid",
    "push",
    "push_along",
    "smoothed",
    "step_kernel",
    "uniform_grid",
]

_TINY = 1e-300  # keeps log and division finite where a density has underflowed


@jax.tree_util.register_static
@dataclass(frozen=True)
class Grid:
    """The same uniform nodes along each of `dim` axes, on [-half_width, half_width].

    A setting, not data: laws that share a grid carry no copies of it. Build with
    `uniform_grid` or `grid_for_kernels`.
    """

    half_width: float
    nodes: int
    dim: int = 1

    @property
    def axis(self) -> Float[Array, " m"]:
        """Nodes along one axis."""
        return jnp.linspace(
            -self.half_width, self.half_width, self.nodes, dtype=jnp.float64
        )

    @property
    def step(self) -> float:
        """Distance between neighbouring nodes."""
        return 2.0 * self.half_width / (self.nodes - 1)

    @property
    def cell(self) -> float:
        """Volume of one cell."""
        return self.step**self.dim

    @property
    def points(self) -> Float[Array, "p d"]:
        """All nodes, the last axis fastest, shape (m**dim, dim)."""
        mesh = jnp.meshgrid(*[self.axis] * self.dim, indexing="ij")
        return jnp.stack([x.ravel() for x in mesh], axis=-1)


def uniform_grid(half_width: float, nodes: int, dim: int, finest_step: float) -> Grid:
    """A grid on [-half_width, half_width]^dim that resolves steps of size `finest_step`."""
    require(
        dim in (1, 2), "dim", "1 or 2 (a law in more dimensions is not gridded)", dim
    )
    spacing = 2.0 * half_width / (nodes - 1)
    needed = math.ceil(2.0 * half_width * 0.8 / math.sqrt(finest_step)) + 1
    require(
        0.8 * spacing <= math.sqrt(finest_step),
        "nodes",
        f">= {needed} to resolve the noise of one step",
        nodes,
    )
    return Grid(float(half_width), nodes, dim)


NARROWEST = 5.0
"""Grid steps to a kernel's bandwidth."""


def grid_for_kernels(reach: float, bandwidth: float) -> Grid:
    """A 1-D grid that covers [-reach, reach] and resolves kernels of that bandwidth.

    The step is at most bandwidth / `NARROWEST`; the number of nodes is one that Fourier
    transforms are fast for.
    """
    require_positive("reach", reach)
    require_positive("bandwidth", bandwidth)
    nodes = scipy.fft.next_fast_len(
        math.ceil(2.0 * reach * NARROWEST / bandwidth) + 1, real=True
    )
    return Grid(float(reach), int(nodes))


def smoothed(
    density: Float[Array, " p"], grid: Grid, bandwidth: Float[Array, ""]
) -> Float[Array, " p"]:
    r"""A 1-D density blurred by N(0, h^2).

    Its Fourier transform times :math:`e^{-h^2\omega^2/2}`. The grid is taken as periodic:
    it must be wide enough for the tails to vanish.
    """
    omega = 2.0 * jnp.pi * jnp.fft.rfftfreq(grid.nodes, grid.step)
    blurred = jnp.fft.rfft(density) * jnp.exp(-0.5 * (bandwidth * omega) ** 2)
    return jnp.maximum(jnp.fft.irfft(blurred, grid.nodes), 0.0)


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class GridLaw:
    """A density tabulated at the nodes of a `Grid`; zero outside."""

    grid: Grid = field(metadata={"static": True})
    density: Float[Array, " p"]

    @property
    def dim(self) -> int:
        """Dimension d."""
        return self.grid.dim

    @property
    def mass(self) -> Float[Array, " p"]:
        """Probability of the cell around each node."""
        return self.density * self.grid.cell

    def noised(self, process: OU, t: float) -> "LatticeMixture":
        r"""Marginal at OU time t > 0: the nodes as weighted centres of a Gaussian mixture.

        Spectrally accurate while the mixture's width resolves the grid.
        """
        return LatticeMixture(
            self.grid, self.mass, process.mean_factor(t), process.variance(t)
        )

    def log_density(self, x: Float[Array, "n d"]) -> Float[Array, " n"]:
        """Log-density by multilinear interpolation; exact at the nodes."""
        table = jnp.log(self.density + _TINY).reshape(
            (self.grid.axis.shape[0],) * self.dim
        )
        where = (x - self.grid.axis[0]) / self.grid.step
        return jax.scipy.ndimage.map_coordinates(
            table, list(where.T), order=1, mode="nearest"
        )

    def mean(self) -> Float[Array, " d"]:
        """Mean vector."""
        return self.mass @ self.grid.points

    def second_moment(self) -> Float[Array, "d d"]:
        """Raw second moment E[x xᵀ]."""
        points = self.grid.points
        return (points * self.mass[:, None]).T @ points


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class LatticeMixture:
    r"""Gaussian mixture :math:`\sum_j m_j N(a x_j, v I)` over the nodes x_j of a grid.

    Its kernel is a product over coordinates, so in 2-D an evaluation costs one matrix
    product instead of a sum over all nodes.
    """

    grid: Grid = field(metadata={"static": True})
    mass: Float[Array, " p"]
    mean_factor: Float[Array, ""]
    variance: Float[Array, ""]

    @property
    def dim(self) -> int:
        """Dimension d."""
        return self.grid.dim

    def log_density_and_score(
        self, x: Float[Array, "n d"]
    ) -> tuple[Float[Array, " n"], Float[Array, "n d"]]:
        r"""Log-density and score at each row of `x`.

        The score is Tweedie's :math:`(a E[x_0|x_t] - x_t)/v`.
        """
        a, v, axis = self.mean_factor, self.variance, self.grid.axis
        gap = x[:, :, None] - a * axis[None, None, :]  # (n, d, m)
        kernel = jnp.exp(-0.5 * gap**2 / v) / jnp.sqrt(2.0 * jnp.pi * v)
        pulled = -gap * kernel / v  # derivative of the kernel in x
        if self.dim == 1:
            density = kernel[:, 0] @ self.mass
            slope = (pulled[:, 0] @ self.mass)[:, None]
        else:
            mass = self.mass.reshape(axis.shape[0], -1)
            inner, inner_slope = kernel[:, 0] @ mass, pulled[:, 0] @ mass  # (n, m)
            density = jnp.sum(inner * kernel[:, 1], axis=-1)
            slope = jnp.stack(
                [
                    jnp.sum(inner_slope * kernel[:, 1], axis=-1),
                    jnp.sum(inner * pulled[:, 1], axis=-1),
                ],
                axis=-1,
            )
        return jnp.log(density + _TINY), slope / (density[:, None] + _TINY)

    def log_density(self, x: Float[Array, "n d"]) -> Float[Array, " n"]:
        """Log-density in nats."""
        return self.log_density_and_score(x)[0]

    def score(self, x: Float[Array, "n d"]) -> Float[Array, "n d"]:
        """Gradient of the log-density."""
        return self.log_density_and_score(x)[1]


def on_grid(law: object, grid: Grid) -> GridLaw:
    """`law` tabulated on `grid`."""
    return GridLaw(grid, jnp.exp(law.log_density(grid.points)))


def step_kernel(
    grid: Grid, centre: Float[Array, "p d"], h: float
) -> Float[Array, "p d m"]:
    r"""The factors :math:`N(y_j;\ c_j(x),\ h)\,\Delta x` of one step's kernel.

    From node x (first axis), along coordinate j, to the axis node y_j (last axis).
    """
    gap = grid.axis[None, None, :] - centre[:, :, None]
    return jnp.exp(-0.5 * gap**2 / h) * grid.step / jnp.sqrt(2.0 * jnp.pi * h)


def push(
    kernel: Float[Array, "p d m"], density: Float[Array, " p"]
) -> Float[Array, " p"]:
    """Carry a (possibly signed) density through one step: one matrix product."""
    if kernel.shape[1] == 1:
        return density @ kernel[:, 0]
    return ((kernel[:, 0] * density[:, None]).T @ kernel[:, 1]).ravel()


def push_along(
    kernel: Float[Array, "p d m"],
    density: Float[Array, " p"],
    grid: Grid,
    centre: Float[Array, "p d"],
    along: Float[Array, "p d"],
) -> Float[Array, " p"]:
    r"""Carry a density with each path weighted by :math:`v(x)\cdot(y - c(x)) = v\cdot dB`.

    That is how stochastic integrals are carried.
    """
    total = 0.0
    for j in range(grid.dim):
        tilted = kernel.at[:, j].multiply(grid.axis[None, :] - centre[:, j, None])
        total = total + push(tilted, density * along[:, j])
    return total


@known_as.register(GridLaw)
@known_as.register(LatticeMixture)
def _(law: object) -> Knowledge:
    return "grid"


@draw.register
def _(law: GridLaw, key: Array, n: int, dtype=jnp.float32) -> Array:
    """Pick a node by its mass, then move uniformly within its cell."""
    key_node, key_cell = jr.split(key)
    node = categorical(key_node, law.density, n)
    jitter = jr.uniform(key_cell, (n, law.dim), jnp.float64, -0.5, 0.5) * law.grid.step
    return (law.grid.points[node] + jitter).astype(dtype)


@draw.register
def _(law: LatticeMixture, key: Array, n: int, dtype=jnp.float32) -> Array:
    """Pick a node by its mass, then add the mixture's noise."""
    key_node, key_noise = jr.split(key)
    node = categorical(key_node, law.mass, n)
    z = jr.normal(key_noise, (n, law.dim), jnp.float64)
    centre = law.mean_factor * law.grid.points[node]
    return (centre + jnp.sqrt(law.variance) * z).astype(dtype)


@mixture.register
def _(target: GridLaw, alpha: Array, shares: Array, models: GridLaw) -> GridLaw:
    density = alpha * target.density + shares @ models.density
    return replace(target, density=density)
