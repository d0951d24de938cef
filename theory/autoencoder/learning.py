r"""Learning dynamics: the overlaps of an online-trained denoiser as d grows.

In natural time :math:`\tau=2\eta n/d` the block sums obey (derived; Sec. 2 of the
specification, whose terms agree with the official code's after two corrections)

.. math:: \dot m^s_{j\gamma} &= D^s_\gamma[v_j] - \tfrac\lambda2 m^s_{j\gamma},\\
    \dot q^s_{\gamma\delta} &= D^s_\delta[w_\gamma] + D^s_\gamma[w_\delta]
        + 2\eta\varphi_s N^s_{\gamma\delta} - \lambda q^s_{\gamma\delta},\\
    \dot b &= \kappa\sum_c\pi_c\sum_s\varphi_s E^{ex}_{cs} .

Everything is a pure function of arrays: `jit`, `vmap` over any parameter, and
derivatives in all of them go through (of `followed_curve` in forward mode).
"""

from collections.abc import Callable
from functools import partial
from typing import NamedTuple, cast

import diffrax
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from theory.autoencoder.averages import Averages, Nodes, by_quadrature, fields
from theory.autoencoder.together import cross_noise
from theory.denoiser import Overlaps, Training
from theory.structured import Family, StructuredMixture

__all__ = [
    "adaptive_curve",
    "error_moments",
    "followed_curve",
    "learning_curve",
    "quadrature",
    "rates",
]

Quadrature = Callable[..., Averages]


class ErrorMoments(NamedTuple):
    r"""Second moments per coordinate of error e = x1 - bx and input x in each block.

    .. math:: E^{xx} = \beta^2\varrho+\alpha^2,\quad
        E^{ex} = (1-b\beta)\beta\varrho - b\alpha^2,\quad
        E^{ee} = (1-b\beta)^2\varrho + b^2\alpha^2 .
    """

    xx: Float[Array, " s"]
    ex: Float[Array, " s"]
    ee: Float[Array, " s"]


def error_moments(variances, alpha, beta, b) -> ErrorMoments:
    """`ErrorMoments` of a family with these eigenvalues."""
    kept = 1.0 - b * beta
    return ErrorMoments(
        beta**2 * variances + alpha**2,
        kept * beta * variances - b * alpha**2,
        kept**2 * variances + b**2 * alpha**2,
    )


def quadrature(data: StructuredMixture, nodes) -> tuple[Quadrature, ...]:
    """One rule of averaging a family: `Nodes` for all, a tuple with `Nodes` for each.

    A callable (such as `theory.autoencoder.erf_averages.in_closed_form`) stands for itself.
    """
    rules = nodes if isinstance(nodes, tuple) else (nodes,) * len(data.families)
    return tuple(
        partial(by_quadrature, nodes=rule) if isinstance(rule, Nodes) else rule
        for rule in rules
    )


class _Terms(NamedTuple):
    drift_m: Array
    drift_q: Array
    noise: Array
    skip: Array

    def __add__(self, other: "_Terms") -> "_Terms":
        return _Terms(*(a + b for a, b in zip(self, other, strict=True)))


def _family_terms(
    family: Family, data: StructuredMixture, at: Overlaps, rule, training, level, b
) -> _Terms:
    """Drift D[v], D[w], noise N and skip rate that one family gives at one level."""
    alpha, beta = training.alpha[level], training.beta[level]
    f = fields(family, at.q, at.M, alpha, beta, b)
    a = rule(family, f, training.activation)
    moments = error_moments(family.variances, alpha, beta, b)
    weight = jnp.sum(family.weights)
    pull = (1.0 - b * beta) * a.Y_act + beta * a.Y_slope_h  # E[Y G]
    xx, ex, ee = (m[:, None, None] for m in moments)

    def drift(p: Array, gram: Array) -> Array:
        """D of fixed vectors with overlaps p (s, ., r) and Gram with the v_j (s, ., j)."""
        shrink = 2.0 * ex * a.slope[None, None] + xx * a.curve_h[None, None]
        mixing = a.act_act[None] + xx * (f.Q * a.slope_slope)[None]
        return gram @ pull + p * shrink - p @ mixing

    both = a.act_slope_h + a.act_slope_h.T
    noise = ee * a.act_act[None] + ex * both[None] + xx * a.slope_h_slope_h[None]
    skip = weight * jnp.sum(data.masses * moments.ex)
    return _Terms(
        drift(at.m, data.gram), drift(at.q, jnp.swapaxes(at.m, 1, 2)), noise, skip
    )


def rates(data: StructuredMixture, training: Training, at: Overlaps, nodes) -> Overlaps:
    r"""Right-hand side :math:`d(m, q, b)/d\tau`.

    Args:
        data: what is learned.
        training: how.
        at: the overlaps.
        nodes: rule of averaging, see `quadrature`.
    """
    rules = quadrature(data, nodes)
    per_level = training.skip == "per-level"
    levels = training.alpha.shape[-1]
    shares = []
    for level in range(levels):
        b = at.b[level if per_level else 0]
        parts = [
            _family_terms(family, data, at, rule, training, level, b)
            for family, rule in zip(data.families, rules, strict=True)
        ]
        share = training.level_weights[level]
        shares.append(_Terms(*(share * v for v in sum(parts[1:], parts[0]))))
    terms = sum(shares[1:], shares[0])
    noise = terms.noise
    if training.levels == "together" and levels > 1:
        noise = noise + cross_noise(data, training, at)
    phi = data.masses[:, None, None]
    dm = terms.drift_m - 0.5 * training.decay * at.m
    dq = (
        terms.drift_q
        + jnp.swapaxes(terms.drift_q, 1, 2)
        + 2.0 * training.rate * phi * noise
        - training.decay * at.q
    )
    db = jnp.stack([own.skip for own in shares]) if per_level else terms.skip[None]
    return Overlaps(dm, dq, training.skip_ratio * db)


def learning_curve(
    data: StructuredMixture,
    training: Training,
    start: Overlaps,
    tau: Float[Array, ""] | float,
    nodes,
    points: int = 40,
    substeps: int | Array = 1,
) -> Overlaps:
    r"""Overlaps at :math:`0, \tau/P, \dots, \tau` by classical Runge-Kutta steps.

    Fixed shapes and no host in the loop: one program for any parameters. Official case,
    largest error over the curve to tau = 4: 1e-4 at steps of 0.1, 2e-7 at 0.02.

    Args:
        data: what is learned.
        training: how.
        start: overlaps at time 0.
        tau: final time > 0.
        nodes: rule of averaging, see `quadrature`.
        points: P, recorded intervals.
        substeps: steps in each of them; traced, it may vary without a new compilation
            (reverse-mode derivatives need a number).

    Returns:
        Overlaps with a leading axis of P + 1 times.
    """
    h = tau / (points * substeps)
    add = lambda y, c, k: jax.tree.map(lambda a, d: a + c * d, y, k)
    slope = lambda y: rates(data, training, y, nodes)

    def step(_, y: Overlaps) -> Overlaps:
        k1 = slope(y)
        k2 = slope(add(y, 0.5 * h, k1))
        k3 = slope(add(y, 0.5 * h, k2))
        k4 = slope(add(y, h, k3))
        mean = jax.tree.map(
            lambda a, b, c, d: (a + 2 * b + 2 * c + d) / 6, k1, k2, k3, k4
        )
        return add(y, h, mean)

    def interval(y: Overlaps, _):
        y = jax.lax.fori_loop(0, substeps, step, y)
        return y, y

    _, after = jax.lax.scan(interval, start, None, length=points)
    return jax.tree.map(lambda a, b: jnp.concatenate([a[None], b]), start, after)


def adaptive_curve(
    data: StructuredMixture,
    training: Training,
    start: Overlaps,
    times: Float[Array, " k"],
    nodes,
    rtol: float = 1e-9,
    atol: float = 1e-9,
    max_steps: int = 4096,
) -> Overlaps:
    """Overlaps at increasing `times` >= 0 by an adaptive solver of order 8.

    Raises:
        EquinoxRuntimeError: when `max_steps` do not suffice.
    """
    controller = diffrax.PIDController(rtol=rtol, atol=atol)
    slope = partial(rates, data, training, nodes=nodes)
    saved = diffrax.SaveAt(ts=times)
    found = _solved(
        slope, start, times[-1], saved, diffrax.Dopri8(), controller, max_steps
    )
    return cast(Overlaps, found.ys)


def followed_curve(
    data: StructuredMixture,
    training: Training,
    start: Overlaps,
    tau: Float[Array, ""] | float,
    nodes,
    points: int = 40,
    rtol: float = 1e-4,
    max_steps: int = 256,
) -> Overlaps:
    r"""Overlaps at :math:`0, \tau/P, \dots, \tau`, as far as they are quick to follow.

    Steps of order 5, as many as the tolerance and the fastest direction ask for: rates grow
    as :math:`\rho^2` with the distance of modes, so data that scatter widely take many.
    Where they do not suffice, or overlaps diverge, nothing is raised. Arguments as
    `learning_curve`, but for `rtol`, the relative error of a step (the absolute one is a
    tenth of it), and `max_steps`, at most so many from 0 to tau.

    Returns:
        Overlaps with a leading axis of P + 1 times; NaN at those that were not reached.
    """

    # In time over tau, and with values between steps taken afterwards, no times are
    # checked by a callback, with which JAX would not keep the compiled program.
    def slope(y: Overlaps) -> Overlaps:
        speed = rates(data, training, y, nodes)
        return jax.tree.map(lambda d: tau * d, speed)

    controller = diffrax.PIDController(
        rtol=rtol, atol=0.1 * rtol, dtmin=1e-6, force_dtmin=False
    )
    found = _solved(
        slope,
        start,
        1.0,
        diffrax.SaveAt(t1=True, dense=True),
        diffrax.Tsit5(),
        controller,
        max_steps,
        throw=False,
        adjoint=diffrax.ForwardMode(),  # quicker to trace
    )
    times = np.linspace(0.0, 1.0, points + 1)
    reached = times <= found.ts[-1]

    def known(a: Array) -> Array:
        where = jnp.expand_dims(reached, range(1, a.ndim)) & jnp.isfinite(a)
        return jnp.where(where, a, jnp.nan)

    return jax.tree.map(known, cast(Overlaps, jax.vmap(found.evaluate)(times)))


def _solved(
    slope, start, end, saved, solver, controller, max_steps: int, **options
) -> diffrax.Solution:
    """From time 0 to `end`."""
    return diffrax.diffeqsolve(
        diffrax.ODETerm(lambda t, y, _: slope(y)),
        solver,
        t0=0.0,
        t1=end,
        dt0=None,
        y0=start,
        saveat=saved,
        stepsize_controller=controller,
        max_steps=max_steps,
        **options,
    )
