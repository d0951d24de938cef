r"""How many nodes and steps a prediction needs: errors measured, not assumed.

The midpoint rule converges geometrically, with the distance of the nearest pole of the
activation: :math:`\pi/(2\sqrt{\Omega_{\gamma\gamma}})` for tanh, so that the nodes needed
grow like :math:`\sqrt{\Omega_{\gamma\gamma}}`; where :math:`\sigma'` jumps the error falls like
1/n and irregularly. Both are seen by climbing a ladder of rules until finer ones change
little: the next, or, at a jump, each of the next three (to twice the nodes), since one
alone may agree by chance. All is deterministic; compiled programs are reused, since the
ladder's sizes are fixed.
"""

from typing import NamedTuple, NoReturn

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from theory.autoencoder.averages import Nodes, midpoint, normal_sobol
from theory.autoencoder.erf_averages import in_closed_form
from theory.autoencoder.learning import learning_curve, rates
from theory.autoencoder.together import cross_noise
from theory.denoiser import Overlaps, Training
from theory.structured import StructuredMixture
from theory.validation import InputError, require, require_in, require_positive

__all__ = ["Resolved", "resolved_curve", "resolved_nodes"]

Rule = Nodes | jax.tree_util.Partial

LADDER = tuple(round(16 * 2 ** (k / 3)) for k in range(43))
"""Nodes per dimension; each rung has a quarter more than the one below."""
MOST_NODES = 2**18
"""Nodes of the finest midpoint rule, all dimensions together."""
SAFETY = 3.0
"""Error over the difference to finer rungs: near 1 if geometric, 2 at twice the nodes and
order 1."""
SCRAMBLINGS = 8
SIZES = tuple(2**k for k in range(7, 14))
"""Sobol points in each scrambling."""
MOST_SUBSTEPS = 1024


class _Step(NamedTuple):
    """A rule that will do, a finer one (None where it is exact), and the errors."""

    rule: Rule
    finer: Rule | None
    error: float
    across: float = 0.0
    """what the levels' cross terms contribute to it, whatever the rule"""


def resolved_nodes(
    data: StructuredMixture,
    training: Training,
    at: Overlaps,
    tolerance: float = 1e-6,
) -> tuple[Rule, float]:
    """A rule of averaging whose `rates` are right to `tolerance` at the given overlaps.

    Midpoint for r <= 3, the error from the next finer rules; beyond, scramblings of Sobol
    points, the error three standard errors of their mean; none for error functions,
    which have closed forms.

    Args:
        data: what is learned.
        training: how.
        at: one state, or a batch of them (such as a learning curve).
        tolerance: of every entry of the rates, absolute, in [1e-9, 1].

    Returns:
        The rule, and an estimate of its error <= tolerance.

    Raises:
        InputError: where the finest rule misses the tolerance; the message has its error.
    """
    found = _resolve(data, training, at, tolerance)
    return found.rule, found.error


class Resolved(NamedTuple):
    """A learning curve with what it took."""

    curve: Overlaps
    nodes: Rule
    substeps: int
    """Runge-Kutta steps in each recorded interval"""
    error: float
    """estimate of the largest error of any entry along the curve"""


def resolved_curve(
    data: StructuredMixture,
    training: Training,
    start: Overlaps,
    tau: float,
    points: int = 40,
    tolerance: float = 1e-6,
) -> Resolved:
    """`learning_curve` to a tolerance: nodes and steps chosen, both errors measured.

    Half of the tolerance is for the steps (halved until the change allows), half for the
    averages (the same curve by a finer rule). For use on the host; inside `vmap` or
    `grad` call `learning_curve` with the nodes and substeps found here.

    Args:
        data: what is learned.
        training: how.
        start: overlaps at time 0.
        tau: final time > 0.
        points: recorded intervals.
        tolerance: of every entry at every recorded time, absolute, in [1e-9, 1].

    Raises:
        InputError: where nodes or steps run out before the tolerance is met.
    """
    require_positive("tau", tau)
    require(points >= 1, "points", ">= 1", points)
    problem = (data, training, start, tau)
    states = _resolved_steps(problem, points, _pilot(training, start), 1.0)[0]
    share = tolerance
    for _ in range(8):
        rule, finer, _, across = _resolve(data, training, states, share)
        curve, substeps, of_steps = _resolved_steps(
            problem, points, rule, 0.5 * tolerance
        )
        of_nodes = float(tau) * across
        if finer is not None:
            other = _curve(problem, finer, substeps, points=points)
            of_nodes += SAFETY * _distance(curve, other)
        if of_nodes <= 0.5 * tolerance:
            return Resolved(curve, rule, substeps, of_steps + of_nodes)
        states, share = curve, 0.25 * share
    return _missed(f">= {2 * of_nodes:.1g}", tolerance)


def _pilot(training: Training, start: Overlaps) -> Rule:
    """A coarse rule, to see where the curve goes."""
    r = start.q.shape[-1]
    if training.activation.erf_gain is not None:
        return jax.tree_util.Partial(in_closed_form)
    return midpoint(r, LADDER[1]) if r <= 3 else _union(_scramblings(r, SIZES[1]))


def _resolved_steps(problem, points: int, rule: Rule, tolerance: float):
    """Curve, substeps and error; the error is that of a method of order 3 or more."""
    coarse, substeps = _curve(problem, rule, 1, points=points), 2
    while substeps <= MOST_SUBSTEPS:
        curve = _curve(problem, rule, substeps, points=points)
        error = _distance(curve, coarse) / 7.0
        if error <= tolerance:
            return curve, substeps, error
        coarse, substeps = curve, 2 * substeps
    allowed = f">= {2 * error:.1g} with {MOST_SUBSTEPS} substeps"
    return _missed(allowed, tolerance)


@jax.jit(static_argnames="points")
def _curve(problem: tuple, rule: Rule, substeps: int, points: int) -> Overlaps:
    data, training, start, tau = problem
    return learning_curve(data, training, start, tau, rule, points, substeps)


def _resolve(data, training, at: Overlaps, tolerance: float) -> _Step:
    require_in("tolerance", tolerance, 1e-9, 1.0)
    if at.q.ndim == 3:
        at = jax.tree.map(lambda v: v[None], at)
    across = _cross_error(data, training, at)
    allowed = f"> {across:.2g}, the error of the levels' cross terms"
    require(tolerance > across, "tolerance", allowed, tolerance)
    if training.activation.erf_gain is not None:
        closed = jax.tree_util.Partial(in_closed_form)
        return _Step(closed, None, across, across)
    climb = _climb_midpoint if at.q.shape[-1] <= 3 else _climb_sobol
    found = climb(data, training, at, tolerance - across)
    return found._replace(error=found.error + across, across=across)


def _climb_midpoint(data, training, at: Overlaps, tolerance: float) -> _Step:
    r = at.q.shape[-1]
    poles = np.pi / (2.0 * np.sqrt(_largest_field(data, training, at)))
    need = 14.0 * np.log(1.0 / tolerance) / (2.0 * np.pi * poles)
    look = 1 if training.activation.curvature else 3
    rungs = [n for n in LADDER if n**r <= MOST_NODES]
    first = min(max(sum(n <= need for n in rungs) - 1, 0), len(rungs) - 1 - look)
    rules, along, error = [], [], np.inf
    for n in rungs[first:]:
        rules.append(midpoint(r, n))
        along.append(_rates_along(data, training, at, rules[-1]))
        if len(rules) > look:
            here = along[-1 - look]
            error = SAFETY * max(_distance(here, finer) for finer in along[-look:])
            if error <= tolerance:
                return _Step(rules[-1 - look], rules[-1], error)
    allowed = f">= {error:.1g}, the error of {rungs[-1 - look]} nodes a dimension"
    return _missed(allowed, tolerance)


def _climb_sobol(data, training, at: Overlaps, tolerance: float) -> _Step:
    r, error = at.q.shape[-1], np.inf
    for size in SIZES:
        sets = _scramblings(r, size)
        each = jax.lax.map(lambda x: _rates_along(data, training, at, _equal(x)), sets)
        scatter = jax.tree.map(lambda v: jnp.std(v, axis=0, ddof=1).max(), each)
        error = 3.0 * float(max(scatter)) / np.sqrt(SCRAMBLINGS)
        if error <= tolerance:
            return _Step(_union(sets), _union(_scramblings(r, 2 * size, 100)), error)
    allowed = f">= {error:.1g}, the error of {SIZES[-1] * SCRAMBLINGS} Sobol points"
    return _missed(allowed, tolerance)


@jax.jit
def _rates_along(data, training, at: Overlaps, rule: Rule) -> Overlaps:
    return jax.lax.map(lambda y: rates(data, training, y, rule), at)


def _scramblings(r: int, size: int, first: int = 0) -> Float[Array, "k n r"]:
    seeds = range(first, first + SCRAMBLINGS)
    return jnp.asarray(np.stack([normal_sobol(r, size, s) for s in seeds]))


def _equal(points: Float[Array, "n r"]) -> Nodes:
    n = points.shape[0]
    return Nodes(points[None], jnp.full((n,), 1.0 / n, points.dtype))


def _union(sets: Float[Array, "k n r"]) -> Nodes:
    return _equal(sets.reshape(-1, sets.shape[-1]))


def _largest_field(data, training, at: Overlaps) -> float:
    """The largest variance of a pre-activation, over states, families and levels."""
    power = jnp.stack([f.variances for f in data.families]).max(axis=0)
    own = jnp.diagonal(at.q, axis1=-2, axis2=-1)  # (batch, s, r)
    Qc = jnp.einsum("s,nsr->nr", power, own).max()
    Q = own.sum(axis=1).max()
    return float(jnp.max(training.beta**2 * Qc + training.alpha**2 * Q))


def _cross_error(data, training, at: Overlaps) -> float:
    """Error that the fixed Sobol points of the levels' cross terms leave in the rates."""
    if training.levels != "together" or training.alpha.shape[-1] == 1:
        return 0.0
    sets = _scramblings(2 * at.q.shape[-1], 2**13)

    def noise(points):
        return jax.lax.map(lambda y: cross_noise(data, training, y, points), at)

    scatter = jnp.std(jax.lax.map(noise, sets), axis=0, ddof=1)
    phi = data.masses[None, :, None, None]
    return 3.0 * float(jnp.max(2.0 * training.rate * phi * scatter))


def _missed(allowed: str, tolerance: float) -> NoReturn:
    raise InputError(f"tolerance must be {allowed}, got {tolerance:g}.")


def _distance(a: Overlaps, b: Overlaps) -> float:
    gaps = [float(jnp.max(jnp.abs(x - y))) for x, y in zip(a, b, strict=True)]
    return float(np.max(gaps))  # NaN stays NaN
