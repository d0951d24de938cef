r"""Regression-free estimates of observability and of chi-square, in any dimension (derived).

Under the ideal path law, given the endpoint Y_{t0} = y the path is the *forward* OU
started at y. Two independent forward paths ("branches") from one endpoint share exactly
the conditional expectation given y, so with the reverse increments

.. math:: dB = X_t - X_{t'} - \big(\tfrac12 X_{t'} + \nabla\log q_{t'}(X_{t'})\big)(t'-t)

recovered on each step [t, t'], and :math:`M = \sum e\cdot dB`,
:math:`\langle M\rangle = \sum |e|^2 dt`, :math:`Z = M - \langle M\rangle/2`,

.. math:: E[M_1 M_2] = \eta\,\varepsilon_*^2, \qquad
          E[(e^{Z_1}-1)(e^{Z_2}-1)] = \chi^2(\hat p\,\|\,q_{t_0}).

The step bias is O(step); each path is read on its own grid and on every other node of it,
and Richardson's combination 2 fine - coarse removes the first order.
"""

from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
import jax.random as jr
from jaxtyping import Array, Float

from sim.laws import draw
from sim.measures.estimate import Estimate, mean_estimate, ratio_estimate
from sim.sampling import noise_times
from theory.processes import OU

__all__ = ["Branching", "branching"]


class Branching(NamedTuple):
    """Estimates, step bias removed to first order; `step_bias` is what was removed."""

    eps_star2: Estimate
    eps_hat2: Estimate  # E*[e^Z <M>]
    observability: Estimate
    chi2: Estimate  # I
    visible_energy: Estimate  # eta eps*^2
    martingale: Estimate  # E* e^Z, which is 1
    variance_ratio: Estimate  # Var* M / eps*^2, which is 1
    observability_step_bias: Estimate
    chi2_step_bias: Estimate


@partial(jax.jit, static_argnames=("n", "steps", "block", "power"))
def branching(
    q, error, process: OU, key: Array, n: int, steps: int, block: int = 4096, power: float = 2.0
) -> Branching:
    """Estimate energies, observability and chi-square of one score error.

    Args:
        q: law whose score is known (exact mixture, kernel density or blend), any d.
        error: ``error(x, t, score_at) -> e`` (`sim.learners.perturbed`), or a fitted score
            minus the true one.
        process: noising process.
        key: randomness.
        n: endpoints, two branches each; rounded up to a multiple of `block`.
        steps: fine steps, even; graded towards t0 by `power`.
        block: endpoints in memory at a time.
        power: grading of the time grid; 1 is uniform.

    Returns:
        `Branching`, with standard errors over endpoints.
    """
    times = noise_times(process, steps, power)[::-1]  # increasing, t0 .. T

    def one_block(index):
        key_block = jr.fold_in(key, index)
        key_end, key_1, key_2 = jr.split(key_block, 3)
        y = draw(q.noised(process, process.t0), key_end, block, jnp.float64)
        first = _branch(q, error, process, y, key_1, times)
        second = _branch(q, error, process, y, key_2, times)
        return first, second

    first, second = jax.lax.map(one_block, jnp.arange(-(-n // block)))
    # (blocks, resolution, block, 2) -> (resolution, 2, n): resolution 0 fine, 1 coarse
    first, second = (jnp.moveaxis(b, 0, 2).reshape(2, 2, -1) for b in (first, second))
    return _summarise(first, second)


def _branch(q, error, process: OU, y: Array, key: Array, times: Array) -> Array:
    """(2 resolutions, 2 functionals M and <M>, n) along one forward path from y."""

    def functional(late, early, t_late, t_early):
        h = t_late - t_early
        score_at = q.noised(process, t_late).score
        e = error(late, t_late, score_at)
        dB = early - late - h * process.reverse_drift(late, score_at(late))
        return jnp.stack([jnp.sum(e * dB, axis=-1), h * jnp.sum(e**2, axis=-1)])

    def two_steps(carry, k):
        x0, total = carry
        t0, t1, t2 = times[2 * k], times[2 * k + 1], times[2 * k + 2]
        x1 = _forward(x0, process, t1 - t0, jr.fold_in(key, 2 * k))
        x2 = _forward(x1, process, t2 - t1, jr.fold_in(key, 2 * k + 1))
        fine = functional(x1, x0, t1, t0) + functional(x2, x1, t2, t1)
        coarse = functional(x2, x0, t2, t0)
        return (x2, total + jnp.stack([fine, coarse])), None

    start = (y, jnp.zeros((2, 2, y.shape[0]), y.dtype))
    return jax.lax.scan(two_steps, start, jnp.arange((times.shape[0] - 1) // 2))[0][1]


def _forward(x: Array, process: OU, dt: Array, key: Array) -> Array:
    z = jr.normal(key, x.shape, x.dtype)
    return process.mean_factor(dt) * x + jnp.sqrt(process.variance(dt)) * z


def _summarise(first: Float[Array, "2 2 n"], second: Float[Array, "2 2 n"]) -> Branching:
    def both(f):
        """f at the fine and the coarse resolution -> per-endpoint Richardson draws, bias."""
        fine, coarse = f(first[0], second[0]), f(first[1], second[1])
        return 2.0 * fine - coarse, coarse - fine

    def average(a, b, f):
        return 0.5 * (f(*a) + f(*b))

    energy, _ = both(lambda a, b: average(a, b, lambda M, QV: QV))
    learned, _ = both(lambda a, b: average(a, b, lambda M, QV: jnp.exp(M - 0.5 * QV) * QV))
    visible, visible_bias = both(lambda a, b: a[0] * b[0])
    chi2, chi2_bias = both(
        lambda a, b: jnp.expm1(a[0] - 0.5 * a[1]) * jnp.expm1(b[0] - 0.5 * b[1])
    )
    martingale, _ = both(lambda a, b: average(a, b, lambda M, QV: jnp.exp(M - 0.5 * QV)))
    variance, _ = both(lambda a, b: average(a, b, lambda M, QV: M**2))
    return Branching(
        eps_star2=mean_estimate(energy),
        eps_hat2=mean_estimate(learned),
        observability=ratio_estimate(visible, energy),
        chi2=mean_estimate(chi2),
        visible_energy=mean_estimate(visible),
        martingale=mean_estimate(martingale),
        variance_ratio=ratio_estimate(variance, energy),
        observability_step_bias=ratio_estimate(visible_bias, energy),
        chi2_step_bias=mean_estimate(chi2_bias),
    )
