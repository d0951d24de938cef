r"""Where to spend a limited amount of fresh data over the generations.

Fractions :math:`\alpha_1\dots\alpha_{N-1}\in[0,1]` of fresh data with :math:`\sum\alpha_i\le B`
(generation 0 is fresh anyway) minimise a bound on the drift: its mean, its largest or its
last value. With :math:`x_n=\sqrt{D_n}` at most (U1), or :math:`x_n=ED_n` for unbiased errors
(X),

.. math:: x_{n+1} = \rho_n x_n+\sqrt{J_n}\quad\text{(U1)},\qquad
    x_{n+1} = \rho_n^2x_n+J_n\quad\text{(X)},\qquad \rho_n = 1-\alpha_n .

`best_schedule` follows the gradient through that recursion from several starts. The problem
is not convex, so it also gives a bound from below that no schedule can pass (derived):

* mean and last: for every price :math:`\lambda\ge0` the least of
  cost :math:`+\lambda(\sum\alpha-B)` without a budget is below the optimum (weak duality). It is
  found backwards from
  :math:`V_n(x)=\min_\alpha\lambda\alpha+c(x')+V_{n+1}(x')`. x' is affine in x, so V is a minimum
  of affine functions, concave, and a table of it read by linear interpolation lies below
  it; a fraction between two of the grid pays the lower and has the effect of the higher.
* largest, L: fresh data remove :math:`\alpha_nx_n\le\alpha_nL` (U1), or
  :math:`\alpha_n(2-\alpha_n)x_n` (X), at most :math:`B(2-B/(N-1))L` in all (concave in
  alpha); what was added and not removed is at most L. So

.. math:: L\ge\frac{\sum_n\sqrt{J_n}}{1+B}\ \text{(U1)},\qquad
    L\ge\frac{\sum_nJ_n}{1+B(2-B/(N-1))}\ \text{(X)} .
"""

from dataclasses import dataclass
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import optax
from jaxtyping import Array, Float

from theory.error_propagation.linear_recursion import unroll
from theory.error_propagation.schedules import fresh_last, per_generation
from theory.validation import require, require_count, require_in

__all__ = ["AIMS", "ERRORS", "BestSchedule", "best_schedule", "cost", "lower_bound"]

AIMS = ("mean", "largest", "last")
ERRORS = ("any", "unbiased")
STEPS = 3000
LEVELS = 301
"""of the table over x"""
FRACTIONS = 1001
"""tried at each of them"""
PRICES = 24


@dataclass(frozen=True)
class BestSchedule:
    """Fresh fractions, what they cost, and how far from the optimum they may be."""

    alpha: Float[np.ndarray, " n"]
    """of generations 0 ... N - 1; 1 at generation 0"""
    drift: Float[np.ndarray, " n"]
    """bound on (or mean of) D after generations 1 ... N"""
    cost: float
    """mean, largest or last of it"""
    even: float
    """what the same budget costs when spread evenly"""
    bound: float
    """no schedule of this budget costs less"""

    @property
    def gap(self) -> float:
        """Relative optimality gap, (cost - bound) / cost, at most this."""
        return (self.cost - self.bound) / self.cost


def best_schedule(
    innovation, budget: float, generations: int, aim: str = "mean", errors: str = "any"
) -> BestSchedule:
    r"""Fresh fractions that make the drift small under a budget.

    Args:
        innovation: J > 0 of every generation, a number or (N,).
        budget: B, in [0, N - 1].
        generations: N >= 2.
        aim: "mean", "largest" or "last" of D after generations 1 ... N. The mean under U1
            is that of :math:`\sqrt D`, squared.
        errors: "any" (the guarantee U1) or "unbiased" (the exact mean X).

    Raises:
        InputError: outside these ranges.
    """
    J = _checked(innovation, budget, generations, aim, errors)
    starts = jnp.asarray(_starts(float(budget), generations))
    found = _descend(starts, J, float(budget), aim, errors)
    tried = jnp.concatenate([starts, found])
    costs = jax.vmap(lambda a: cost(a, J, aim, errors))(tried)
    best = tried[int(jnp.argmin(costs))]
    floor = lower_bound(J, float(budget), aim, errors)
    return BestSchedule(
        np.asarray(jnp.concatenate([jnp.ones(1), best])),
        np.asarray(_squared(_states(best, J, errors), errors)),
        float(jnp.min(costs)),
        float(costs[0]),
        float(_squared(floor, errors)),
    )


def cost(
    alpha: Float[Array, " n"], J: Float[Array, " n_plus_1"], aim: str, errors: str
):
    """Mean, largest or last of the drift under fractions of generations 1 ... N - 1."""
    return _squared(_aimed(_states(alpha, J, errors), aim), errors)


def _checked(innovation, budget, generations, aim, errors) -> Float[Array, " n"]:
    require_count("generations", generations)
    require(generations >= 2, "generations", ">= 2", generations)
    require_in("budget", budget, 0.0, generations - 1.0)
    require(aim in AIMS, "aim", f"one of {', '.join(AIMS)}", aim)
    require(errors in ERRORS, "errors", f"one of {', '.join(ERRORS)}", errors)
    J = per_generation("innovation", innovation, generations, 0.0, np.inf)
    ok = bool(np.all(np.isfinite(J)) and np.all(np.asarray(J) > 0))
    require(ok, "innovation", "positive and finite", innovation)
    return J


def _states(alpha, J, errors: str) -> Float[Array, " n"]:
    """x after generations 1 ... N; generation 0 is fresh."""
    rho = 1.0 - alpha
    factor, gain = (rho, jnp.sqrt(J)) if errors == "any" else (rho**2, J)
    return unroll(factor, gain[1:], gain[0])


def _aimed(x, aim: str):
    return {"mean": jnp.mean, "largest": jnp.max, "last": lambda v: v[-1]}[aim](x)


def _squared(x, errors: str):
    return x**2 if errors == "any" else x


def _starts(budget: float, generations: int) -> np.ndarray:
    """Evenly (first), as late as possible, whole resets, and random splits."""
    count = generations - 1
    rng = np.random.default_rng(0)
    starts = [np.full(count, budget / count), np.asarray(fresh_last(budget, count))]
    for period in range(2, count + 1):
        at = np.arange(count) % period == period - 1
        if at.sum():
            starts.append(np.where(at, min(1.0, budget / at.sum()), 0.0))
    drawn = rng.dirichlet(np.ones(count), 16) * budget
    return np.concatenate([np.stack(starts), np.clip(drawn, 0.0, 1.0)])


@partial(jax.jit, static_argnames=("aim", "errors"))
def _descend(starts, J, budget, aim: str, errors: str) -> Float[Array, "s n"]:
    """Projected Adam from every start; the best of each path."""
    optimiser = optax.adam(optax.cosine_decay_schedule(0.03, STEPS))
    value = lambda a: _aimed(_states(a, J, errors), aim)

    def from_one(start):
        def step(carry, _):
            a, state, best, least = carry
            move, state = optimiser.update(jax.grad(value)(a), state)
            a = project(optax.apply_updates(a, move), budget)
            now = value(a)
            better = now < least
            carry = (
                a, state, jnp.where(better, a, best), jnp.where(better, now, least),
            )  # fmt: skip
            return carry, None

        first = (start, optimiser.init(start), start, value(start))
        return jax.lax.scan(step, first, None, length=STEPS)[0][2]

    return jax.lax.map(from_one, starts)


def project(a: Float[Array, " n"], budget: Float[Array, ""]) -> Float[Array, " n"]:
    """Nearest point of the box [0, 1]^n with sum at most `budget`."""
    inside = jnp.clip(a, 0.0, 1.0)

    def halve(_, ends):
        low, high = ends
        middle = 0.5 * (low + high)
        over = jnp.sum(jnp.clip(a - middle, 0.0, 1.0)) > budget
        return jnp.where(over, middle, low), jnp.where(over, high, middle)

    ends = (jnp.zeros(()), jnp.maximum(jnp.max(a), 0.0))
    shift = jax.lax.fori_loop(0, 60, halve, ends)[1]
    return jnp.where(jnp.sum(inside) > budget, jnp.clip(a - shift, 0.0, 1.0), inside)


def lower_bound(J: Float[Array, " n"], budget: float, aim: str, errors: str) -> float:
    """A value of x (its mean, largest or last) that no schedule can be below."""
    gain = jnp.sqrt(J) if errors == "any" else J
    if aim == "largest":
        per_unit = 1.0 if errors == "any" else 2.0 - budget / (len(J) - 1)
        return float(jnp.maximum(jnp.sum(gain) / (1.0 + budget * per_unit), gain.max()))
    dual = lambda p: _priced(p, gain, aim, errors) - p * budget
    prices = np.append(0.0, np.geomspace(1e-3, 1e2, PRICES) * float(jnp.mean(gain)))
    values = np.array([float(dual(p)) for p in prices])
    best = int(np.argmax(values))
    around = prices[max(best - 1, 0)], prices[min(best + 1, PRICES)]
    finer = [float(dual(p)) for p in np.linspace(*around, PRICES)]
    return max(float(values.max()), *finer)


@partial(jax.jit, static_argnames=("aim", "errors"))
def _priced(price, gain: Float[Array, " n"], aim: str, errors: str):
    """Least cost + price * spending without a budget; never above it."""
    step = jnp.sum(gain) / (LEVELS - 1)
    levels = step * jnp.arange(LEVELS)
    pays, factor = _choices(errors)
    share = 1.0 / len(gain) if aim == "mean" else 0.0

    def read(value, x):
        """Linear interpolation of the table."""
        low = jnp.clip((x / step).astype(jnp.int32), 0, LEVELS - 2)
        return value[low] + (x / step - low) * (value[low + 1] - value[low])

    def back(value, g):
        """The table before a generation from that after it."""

        def at(x):
            after = jnp.minimum(factor * x + g, levels[-1])
            return jnp.min(price * pays + share * after + read(value, after))

        return jax.lax.map(at, levels, batch_size=32), None

    end = levels if aim == "last" else jnp.zeros(LEVELS)
    value = jax.lax.scan(back, end, gain[1:][::-1])[0]
    return share * gain[0] + read(value, gain[0])


def _choices(errors: str) -> tuple[Array, Array]:
    """What a fraction pays, and what it leaves of x.

    Under U1 a fraction enters x', and so the concave V, affinely: 0 or 1 is best.
    """
    if errors == "any":
        return jnp.array([0.0, 1.0]), jnp.array([1.0, 0.0])
    a = jnp.linspace(0.0, 1.0, FRACTIONS)
    return a[:-1], (1.0 - a[1:]) ** 2
