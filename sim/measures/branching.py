r"""Regression-free estimates of observability and of chi-square, in any dimension (derived).

Under the ideal path law, given the endpoint Y_{t0} = y the path is the *forward* OU
started at y. Two independent forward paths ("branches") from one endpoint share exactly
the conditional expectation given y, so with the reverse increments

.. math:: dB = X_t - X_{t'} - \big(\tfrac12 X_{t'} + \nabla\log q_{t'}(X_{t'})\big)(t'-t)

recovered on each step [t, t'], and :math:`M = \sum e\cdot dB`,
:math:`\langle M\rangle = \sum |e|^2 (t'-t)`, :math:`Z = M - \langle M\rangle/2`,

.. math:: E[M_1 M_2] = \eta\,\varepsilon_*^2, \qquad
          E[(e^{Z_1}-1)(e^{Z_2}-1)] = \chi^2(\hat p\,\|\,q_{t_0}).

The time step h biases a mean f by a h + b h² + O(h³). Each path is read on its own grid,
on every other node and on every fourth, and Richardson's extrapolation removes a and b.
No regression of M on Y_{t0} enters, whose class of functions would decide the answer.
"""

from collections.abc import Callable
from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
import jax.random as jr
from jaxtyping import Array, Float

from sim.laws import draw
from sim.measures.estimate import Estimate, mean_estimate, ratio_estimate
from sim.replicas import replicated
from theory.processes import OU, noise_times
from theory.validation import require

__all__ = ["Branching", "branching", "branching_over_devices"]

STRIDES = (1, 2, 4)  # how many fine steps a reading of the path takes at once
BLOCK = 1024


class Branching(NamedTuple):
    """Estimates with the step bias removed to second order.

    `*_step_bias` is what the second order came to: more than what is left, if steps are
    small enough for the orders to fall.
    """

    eps_star2: Estimate
    eps_hat2: Estimate  # E*[e^Z <M>]
    observability: Estimate
    visible_energy: Estimate  # eta eps*^2
    chi2: Estimate  # I
    remainder2: Estimate  # r^2 = E*(e^Z - 1 - M)^2, of the sandwich
    martingale: Estimate  # E* e^Z, which is 1
    variance_ratio: Estimate  # Var* M / eps*^2, which is 1
    observability_step_bias: Estimate
    chi2_step_bias: Estimate


@partial(jax.jit, static_argnames=("n", "steps", "block", "power"))
def branching(
    q,
    errors: tuple,
    process: OU,
    key: Array,
    n: int,
    steps: int,
    block: int = BLOCK,
    power: float = 2.0,
) -> tuple[Branching, ...]:
    """Estimate energies, observability and chi-square of several score errors.

    All errors are read along the same paths: the true score, which costs most, is
    evaluated once, and differences between errors are less noisy than each of them.

    Args:
        q: law whose score is known (exact mixture, kernel density or blend), any d.
        errors: callables ``error(x, t, score_at) -> e`` (`sim.learners.perturbed`), each
            a pytree; `jax.tree_util.Partial` makes one of a function.
        process: noising process.
        key: randomness.
        n: endpoints, two branches each, >= 2; rounded up to a multiple of `block`.
        steps: fine steps, a multiple of 4, graded towards t0 by `power`.
        block: endpoints in memory at a time.
        power: grading of the time grid, >= 1; 1 is uniform.

    Returns:
        A `Branching` for each error, standard errors over endpoints.
    """
    _check(errors, n, steps, power)
    one_block = partial(_block, q, errors, process, steps, min(block, n), power)
    return _summarise(jax.lax.map(one_block, _block_keys(key, n, block)))


def branching_over_devices(
    q,
    errors: tuple,
    process: OU,
    n: int,
    steps: int,
    block: int = BLOCK,
    power: float = 2.0,
) -> Callable[[Array], tuple[Branching, ...]]:
    """`branching` as a function of the key alone, its blocks spread over all devices.

    Build once and call for each key: the law and the errors are compiled in.
    """
    _check(errors, n, steps, power)
    one_block = partial(_block, q, errors, process, steps, min(block, n), power)
    spread, summarise = replicated(one_block), jax.jit(_summarise)
    return lambda key: summarise(spread(_block_keys(key, n, block)))


def _check(errors: tuple, n: int, steps: int, power: float) -> None:
    require(len(errors) > 0, "errors", "a tuple of at least one", errors)
    require(n >= 2, "n", ">= 2", n)
    coarsest = STRIDES[-1]
    ok = steps >= coarsest and steps % coarsest == 0
    require(ok, "steps", f"a positive multiple of {coarsest}", steps)
    require(power >= 1, "power", ">= 1", power)


def _block_keys(key: Array, n: int, block: int) -> Array:
    blocks = jnp.arange(-(-n // min(block, n)))
    return jax.vmap(jr.fold_in, in_axes=(None, 0))(key, blocks)


def _block(
    q, errors: tuple, process: OU, steps: int, n: int, power: float, key: Array
) -> Float[Array, "2 errors strides 2 n"]:
    """M and <M> (first axis) of every error, at every stride, on both branches."""
    key_end, key_path = jr.split(key)
    y = draw(q.noised(process, process.t0), key_end, n, jnp.float64)
    times = noise_times(process, steps, power)[::-1]  # increasing, t0 .. T
    strides = jnp.array(STRIDES, jnp.int32)

    def step(carry, k):
        x_from, totals = carry  # where each reading stands, (strides, 2n, d)
        t = times[k]
        x = _forward(x_from[0], process, t - times[k - 1], jr.fold_in(key_path, k))
        law = q.noised(process, t)
        score = law.score(x)
        score_at = lambda z: score if z is x else law.score(z)
        e = jnp.stack([error(x, t, score_at) for error in errors])
        h = t - times[jnp.maximum(k - strides, 0)]
        drift = process.reverse_drift(x, score)
        dB = x_from - x[None] - jnp.einsum("s,id->sid", h, drift)
        dM = jnp.einsum("eid,sid->esi", e, dB)
        dQV = jnp.einsum("eid,eid,s->esi", e, e, h)
        ends = (k % strides == 0)[:, None]  # readings that end a step here
        totals += jnp.where(ends[None, None], jnp.stack([dM, dQV]), 0.0)
        return (jnp.where(ends[:, None], x[None], x_from), totals), None

    start = jnp.tile(y, (len(STRIDES), 2, 1))
    totals = jnp.zeros((2, len(errors), len(STRIDES), 2 * n), y.dtype)
    (_, totals), _ = jax.lax.scan(step, (start, totals), jnp.arange(1, steps + 1))
    return totals.reshape(*totals.shape[:-1], 2, n)


def _forward(x: Array, process: OU, dt: Array, key: Array) -> Array:
    z = jr.normal(key, x.shape, x.dtype)
    return process.mean_factor(dt) * x + jnp.sqrt(process.variance(dt)) * z


def _summarise(
    blocks: Float[Array, "blocks 2 errors strides 2 n"],
) -> tuple[Branching, ...]:
    M, QV = jnp.moveaxis(blocks, 0, -2)  # (errors, strides, 2, blocks, n)
    M, QV = (a.reshape(*a.shape[:3], -1) for a in (M, QV))
    leaves, structure = jax.tree.flatten(jax.vmap(_of_one_error)(M, QV))
    return tuple(structure.unflatten(of_one) for of_one in zip(*leaves, strict=True))


def _of_one_error(
    M: Float[Array, "strides 2 n"], QV: Float[Array, "strides 2 n"]
) -> Branching:
    Z = M - 0.5 * QV
    growth = jnp.expm1(Z)  # e^Z - 1

    def extrapolated(f: Float[Array, "strides n"]) -> tuple[Array, Array]:
        """Draws extrapolated to h -> 0, and what the second order takes off them.

        2 f(h) - f(2h) = f - 2 b h² and 2 f(2h) - f(4h) = f - 8 b h², up to O(h³).
        """
        fine, coarse = 2.0 * f[0] - f[1], 2.0 * f[1] - f[2]
        second_order = (coarse - fine) / 3.0
        return fine - second_order, second_order

    def on_one_branch(f: Float[Array, "strides 2 n"]) -> Array:
        return extrapolated(jnp.mean(f, axis=1))[0]

    energy = on_one_branch(QV)
    visible, visible_bias = extrapolated(M[:, 0] * M[:, 1])
    chi2, chi2_bias = extrapolated(growth[:, 0] * growth[:, 1])
    return Branching(
        eps_star2=mean_estimate(energy),
        eps_hat2=mean_estimate(on_one_branch(jnp.exp(Z) * QV)),
        observability=ratio_estimate(visible, energy),
        visible_energy=mean_estimate(visible),
        chi2=mean_estimate(chi2),
        remainder2=mean_estimate(on_one_branch((growth - M) ** 2)),
        martingale=mean_estimate(on_one_branch(jnp.exp(Z))),
        variance_ratio=ratio_estimate(on_one_branch(M**2), energy),
        observability_step_bias=ratio_estimate(visible_bias, energy),
        chi2_step_bias=mean_estimate(chi2_bias),
    )
