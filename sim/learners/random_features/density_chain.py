r"""A reverse diffusion carried as a density on a 1-D grid, from a table of scores.

From noise time t to the earlier time s each point x moves to a Gaussian whose mean is
linear in the score. With :math:`a_t, v_t` the mean factor and the variance of the process,
:math:`\alpha = a_t/a_s`, :math:`\beta = 1-\alpha^2` and Tweedie's estimate
:math:`\hat x_0 = (x + v_t\,s(x,t))/a_t`, the posterior of the noised point at s is

.. math:: N\Big(\frac{a_s\beta\,\hat x_0 + \alpha v_s\,x}{v_t},\ \frac{\beta v_s}{v_t}\Big)

given :math:`x_0 = \hat x_0` (Ho et al. 2020). Kept at that, x_0 is taken as known and the
variance is too small by :math:`(a_s\beta/v_t)^2\,\mathrm{Var}(x_0|x_t)`. The score knows
this too: :math:`\mathrm{Var}(x_0|x_t) = \frac{v_t}{a_t^2}(1 + v_t\,\partial_x s)`, the
second-order Tweedie identity; with it both moments of the step are those of the true
reverse process ("matched", as in Bao et al. 2022). Euler-Maruyama is the third choice.

Rows of a step's kernel are scaled to sum to one and means are kept inside the grid, so
mass is conserved exactly. The grid must resolve the smallest step: `sim.grid.uniform_grid`
checks that for a ``finest_step`` of ``posterior_transitions(...).variance[-1]``.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from sim.grid import Grid, push, step_kernel
from theory.processes import OU

__all__ = [
    "Transitions",
    "euler_transitions",
    "flow_to_data",
    "posterior_transitions",
    "reverse_density",
    "reverse_times",
]


class Transitions(NamedTuple):
    r"""Gaussian steps :math:`N(c_k x + g_k s,\ \nu_k + \kappa_k(1 + v_k\,\partial_x s))`."""

    contraction: Float[Array, " K"]
    """c, of the point"""
    gain: Float[Array, " K"]
    """g, of the score"""
    variance: Float[Array, " K"]
    r""":math:`\nu`, at least this much noise"""
    spread: Float[Array, " K"]
    r""":math:`\kappa`, noise from what x_t leaves open about x_0; 0: none"""
    noise: Float[Array, " K"]
    """v, variance of the process at the step's start"""


def reverse_times(process: OU, steps: int) -> Float[Array, " steps+1"]:
    """Log-spaced noise times from T down to t0 > 0."""
    return jnp.geomspace(process.T, process.t0, steps + 1, dtype=jnp.float64)


def posterior_transitions(
    process: OU, times: Float[Array, " K+1"], matched: bool = False
) -> Transitions:
    """The posterior steps of the module's text along decreasing `times`.

    With `matched`, the variance holds what is not known of x_0.
    """
    t, s = times[:-1], times[1:]
    a_t, v_t = process.mean_factor(t), process.variance(t)
    a_s, v_s = process.mean_factor(s), process.variance(s)
    alpha, beta = jnp.exp(-0.5 * (t - s)), process.variance(t - s)
    gain = a_s * beta / a_t
    contraction = (a_s * beta / a_t + alpha * v_s) / v_t
    spread = gain**2 / v_t if matched else jnp.zeros_like(t)
    parts = (contraction, gain, beta * v_s / v_t, spread, v_t)
    return Transitions(*map(jnp.asarray, parts))


def euler_transitions(process: OU, times: Float[Array, " K+1"]) -> Transitions:
    """Euler-Maruyama steps of the reverse SDE along decreasing `times`."""
    h, v = times[:-1] - times[1:], jnp.asarray(process.variance(times[:-1]))
    return Transitions(1.0 + 0.5 * h, h, h, jnp.zeros_like(h), v)


def reverse_density(
    mass: Float[Array, " p"],
    table: Float[Array, "K p"],
    transitions: Transitions,
    grid: Grid,
) -> Float[Array, " p"]:
    """Carry probabilities of the nodes through all K steps; they keep their sum.

    Args:
        mass: probability of each node at the first time.
        table: score at each step's start, at the nodes.
        transitions: the steps.
        grid: one axis, p nodes.
    """
    x = grid.axis
    slopes = jnp.gradient(table, grid.step, axis=1)

    def step(mass, at):
        score, slope, move = at
        centre = jnp.clip(move.contraction * x + move.gain * score, x[0], x[-1])
        open_ = jnp.maximum(1.0 + move.noise * slope, 0.0)  # >= 0 for any true score
        variance = move.variance + move.spread * open_
        kernel = step_kernel(grid, centre[:, None], variance[:, None, None])
        kernel = kernel / jnp.sum(kernel, axis=-1, keepdims=True)
        return push(kernel, mass), None

    return jax.lax.scan(step, mass, (table, slopes, transitions))[0]


def flow_to_data(
    mass: Float[Array, " p"],
    score: Float[Array, " p"],
    t0: Float[Array, ""] | float,
    grid: Grid,
) -> Float[Array, " p"]:
    r"""The last step, t0 to 0, by one probability-flow map :math:`x + \frac{t_0}2(x+s)`.

    Each cell moves with its mapped edges and shares its mass out to the cells that it then
    overlaps. Within a cell the density is linear, with z in [0, 1] along the cell

    .. math:: 1 + \kappa(z - \tfrac12),\quad |\kappa|\le2,\qquad
        F(z) = z + \tfrac\kappa2 z(z-1) ,

    so the law is right to O(dx^2), non-negative, and its mass is conserved also where a
    learned score folds the line. What would leave the grid stays in its last cell.
    """
    x, half = grid.axis, 0.5 * grid.step
    there = x + 0.5 * t0 * (x + score)
    edges = _between(x)
    margin = 1e-9 * half  # a cell mapped to a point still lands somewhere
    moved = jnp.clip(_between(there), edges[0] + margin, edges[-1] - margin)
    length = moved[1:] - moved[:-1]
    length = jnp.where(jnp.abs(length) < margin, margin, length)
    tilt = jnp.asarray(jnp.gradient(mass)) / jnp.maximum(
        mass, jnp.finfo(mass.dtype).tiny
    )
    tilt = jnp.clip(tilt, -2.0, 2.0)[:, None]
    z = jnp.clip((edges[None, :] - moved[:-1, None]) / length[:, None], 0.0, 1.0)
    below = z + 0.5 * tilt * z * (z - 1.0)
    share = jnp.abs(below[:, 1:] - below[:, :-1])
    return mass @ (share / jnp.sum(share, axis=1, keepdims=True))


def _between(nodes: Float[Array, " p"]) -> Float[Array, " p+1"]:
    """Edges half-way between neighbours, the outer ones by continuation."""
    inner = 0.5 * (nodes[1:] + nodes[:-1])
    first, last = 2.0 * nodes[:1] - inner[:1], 2.0 * nodes[-1:] - inner[-1:]
    return jnp.concatenate([first, inner, last])
