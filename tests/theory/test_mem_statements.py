"""Statements about memorization: complete, the package's functions, proved by SymPy."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import sympy as sp

from theory.geometry import log_ball_volume
from theory.memorization import accumulated_copies as pool
from theory.memorization import (
    condensation,
    entropy,
    gaussian_refit,
    genealogy,
    selection,
)
from theory.memorization import generalising_line as line
from theory.memorization import memoriser as copies
from theory.memorization import statements as mem
from theory.memorization.statements.notation import (
    F,
    H,
    N,
    dim,
    factor,
    floor,
    h,
    log_det,
    log_spacing,
    manifold,
    n,
    pairs,
    q,
    s,
    sigma2,
    t,
    z,
)
from theory.symbolic import keys, statement

statement("memorization.survival_step")  # imports, and so registers, the package
MINE = keys("memorization.")


def vanishes(expression) -> bool:
    return sp.simplify(expression) == 0


@pytest.mark.parametrize("key", MINE)
def test_every_statement_is_complete_and_claims_no_theorem(key):
    claim = statement(key)
    assert all((claim.title, claim.paper, claim.reference, claim.left, claim.holds))
    assert claim.provenance == "derived"
    assert "Thm" not in claim.reference
    assert claim.latex.count("{") == claim.latex.count("}")
    assert "spacing" not in claim.latex  # no identifier leaks into the display
    assert "Digamma" not in claim.latex


def test_functions_are_the_statements():
    close = lambda claim, value, *at: np.testing.assert_allclose(
        claim(*at), value, rtol=1e-11, err_msg=claim.key
    )
    close(mem.log_ball_volume, log_ball_volume(384.0), 384.0)
    close(mem.entropy_scaling, entropy.scaling_shift(2.5, 3.0), 3.0, 2.5)
    at = (3.0, 40.0, 5.0, 1e-10, -0.3)
    close(mem.duplicate_cost, entropy.duplicate_cost(*at), *at)
    close(mem.copier_step, entropy.copier_step(0.01, 16.0, 0.4), 16.0, 0.01, 0.4)
    close(mem.ambient_slope, entropy.ambient_slope(20.0, 2.0), 20.0, 2.0)
    A = np.array([[1.0, 2.0], [0.5, 0.0], [0.0, 3.0]])
    _, log_volume = np.linalg.slogdet(A.T @ A)
    value = entropy.linear_manifold_entropy(A)
    close(mem.linear_manifold_entropy, value, 2.0, log_volume)
    at = (2.8, 500.0, 2.0)
    close(mem.mean_log_distance, line.mean_log_distance(*at), *at)
    close(mem.entropy_from_distance, line.entropy_from_distance(*at), *at)
    low, high = line.slope_bounds(16.0)
    close(mem.slope_generalising, low, 16.0)
    close(mem.slope_copying, high, 16.0)
    close(mem.refit_step, gaussian_refit.refit_entropy_step(16, 256.0), 256.0, 16)
    run = genealogy.surviving_share(9)
    close(mem.survival_step, run[1:], run[:-1])
    rounds = jnp.arange(4)
    value = genealogy.shared_ancestor(100.0, rounds)
    close(mem.shared_ancestor, value, 100.0, rounds)
    for protocol, both in (("iid", 0.81), ("fresh", 90 * 89 / 9900)):
        fixed = genealogy.fresh_fixed_point(100, 0.1, protocol)
        close(mem.shared_ancestor_fixed, fixed, 100.0, both)
        run = genealogy.fresh_shared_ancestor(100, 0.1, 9, protocol)
        close(mem.shared_ancestor_step, run[1:], run[:-1], 100.0, both)
    run = pool.accumulated_shared_ancestor(50, 9)
    close(mem.accumulated_ancestor_step, run[1:], run[:-1], 50.0, jnp.arange(1.0, 9.0))
    close(mem.memoriser_score, copies.memoriser_score(0.2, 3072.0), 0.2, 3072.0)
    close(mem.preserving_bandwidth, copies.preserving_bandwidth(0.2), 0.2)
    at = (1024.0, 64.0)
    close(mem.condensation_noise, condensation.condensation_noise(*at), *at)
    close(mem.condensation_time, condensation.condensation_time(*at), *at)
    value = condensation.mutual_information(0.6, np.ones(7))
    close(mem.mutual_information, value, 7.0, 0.36)
    found = jnp.array([jnp.nan, jnp.nan, 3.0, 2.0, 0.5])  # r_2, r_3, r_4
    for claim in (mem.best_spacing_bound, mem.best_log_spacing_bound):
        value = getattr(selection, claim.key.partition(".")[2])(found[2:])[-1]
        close(claim, value, 4, found)


CLOSED = [
    key
    for key in MINE
    if not statement(key).expression.has(sp.Sum)
    and not any(isinstance(a, sp.IndexedBase) for a in statement(key).arguments)
]
INSIDE = {"dim": 5.0, "manifold": 2.0, "N": 9.0, "t": 3.0}


@pytest.mark.parametrize("key", CLOSED)
def test_functions_take_arrays_jit_and_differentiate(key):
    claim = statement(key)
    names = [str(argument) for argument in claim.arguments]
    at = [INSIDE.get(x, 0.3 + 0.01 * k) for k, x in enumerate(names)]
    digits = dict(zip(claim.arguments, map(sp.Float, at), strict=True))
    exact = float(claim.expression.doit().subs(digits))
    np.testing.assert_allclose(claim(*at), exact, rtol=1e-12)
    arrays = [jnp.full((3,), value) for value in at]
    np.testing.assert_allclose(jax.jit(claim.function)(*arrays), exact, rtol=1e-12)
    for k in range(len(at)):
        slope = jax.grad(claim.function, argnums=k)(*map(jnp.float64, at))
        assert jnp.isfinite(slope), names[k]


# Proofs


def test_volume_of_a_ball_by_slices():
    x = sp.Symbol("x", positive=True)
    c = lambda d: sp.exp(mem.log_ball_volume.expression.subs(dim, d).doit())
    assert vanishes(c(1) - 2)
    for d in (1, 2, 3):  # slices of a ball are balls of radius sqrt(1 - x^2)
        slices = 2 * sp.integrate((1 - x**2) ** sp.Rational(d, 2), (x, 0, 1))
        assert vanishes(sp.gammasimp(sp.expand_func(c(d) * slices - c(d + 1))))


def test_what_moves_the_estimate():
    eps = sp.symbols("eps1:5", positive=True)
    estimate = lambda spacings: dim / 4 * sum(map(sp.log, spacings))
    scaled = estimate([factor * e for e in eps]) - estimate(eps)
    assert vanishes(sp.expand_log(scaled - mem.entropy_scaling.expression))
    merged = estimate([floor, floor, *eps[2:]]) - estimate(eps)
    mean = (sp.log(eps[0]) + sp.log(eps[1])) / 2
    cost = mem.duplicate_cost.expression.subs({pairs: 1, N: 4, log_spacing: mean})
    assert vanishes(sp.expand_log(merged - cost))
    # one pair of siblings among N draws of one parent each
    x = sp.Symbol("x", positive=True)
    sibling = sp.limit(1 - (1 - 1 / x) ** (x - 1), x, sp.oo)
    siblings = sp.diff(mem.copier_step.expression, h) * h / dim  # share of log h
    assert vanishes(siblings - sibling)
    same_spacing = mem.copier_step.expression.subs(
        log_spacing, sp.log(h * sp.sqrt(2 * dim))
    )
    assert same_spacing == 0
    # spacing c N^(-1/m)
    logs = sp.log(N) + dim * (
        sp.log(sp.Symbol("c", positive=True)) - sp.log(N) / manifold
    )
    assert vanishes(sp.diff(logs, N) * N - mem.ambient_slope.expression)


def test_entropy_of_a_gaussian_on_a_subspace():
    a, x = sp.Symbol("a", positive=True), sp.Symbol("x", real=True)
    density = sp.exp(-(x**2) / (2 * a**2)) / sp.sqrt(2 * sp.pi * a**2)
    minus_log = x**2 / (2 * a**2) + sp.log(2 * sp.pi * a**2) / 2
    line_entropy = sp.integrate(density * minus_log, (x, -sp.oo, sp.oo))
    closed = mem.linear_manifold_entropy.expression
    assert vanishes(
        sp.expand_log(line_entropy - closed.subs({manifold: 1, log_det: 2 * sp.log(a)}))
    )
    two = {manifold: 2 * manifold, log_det: 2 * log_det}
    assert vanishes(sp.expand(closed.subs(two) - 2 * closed))  # independent coordinates


def test_generalising_line_for_a_flat_density():
    """E log d from P(d > r) = (1 - c_d r^d)^N on the unit volume, H = 0."""
    u = sp.Symbol("u", positive=True)  # u = c_d d^d is the smallest of N uniforms
    for points in (1, 2, 5):
        mean_log_u = sp.integrate(
            points * (1 - u) ** (points - 1) * sp.log(u), (u, 0, 1)
        )
        line_value = mem.mean_log_distance.expression.subs({H: 0, N: points})
        volume = mem.log_ball_volume.expression
        assert vanishes((dim * line_value + volume - mean_log_u).doit().expand())
    inverse = mem.entropy_from_distance.expression.subs(
        log_spacing, mem.mean_log_distance.expression
    )
    assert vanishes(inverse - H)


def test_slopes():
    slope = sp.diff(mem.mean_log_distance.expression, H)
    assert vanishes(slope - mem.slope_generalising.expression)
    log_h = sp.Symbol("log_h", real=True)
    by_log = sp.diff(mem.copier_step.expression.subs(h, sp.exp(log_h)), log_h)
    assert vanishes(1 / by_log - mem.slope_copying.expression)


def test_refit_step_and_its_leading_term():
    x = sp.Symbol("x", positive=True)
    # E log chi-square, from the derivative of E (chi-square)^a at a = 0
    a, k = sp.symbols("a k", positive=True)
    moment = 2**a * sp.gamma(k / 2 + a) / sp.gamma(k / 2)
    mean_log = sp.limit(sp.diff(moment, a), a, 0)
    assert vanishes(mean_log - sp.digamma(k / 2) - sp.log(2))
    one = mem.refit_step.expression.subs(dim, 1).doit()
    expected = (mean_log.subs(k, N - 1) - sp.log(N - 1)) / 2
    assert vanishes(sp.expand_log(one - expected, force=True))
    large = lambda y: sp.log(y) - 1 / (2 * y)  # psi up to O(1/y^2)
    for d in (1, 2, 5):
        terms = [large((N - i) / 2) - sp.log((N - 1) / 2) for i in range(1, d + 1)]
        leading = sp.limit((N * sum(terms) / 2).subs(N, x), x, sp.oo)
        assert vanishes(leading - N * mem.refit_step_large.expression.subs(dim, d))


def test_survival():
    # extinction of a branching process: the generating function of its offspring
    k = sp.Symbol("k", integer=True, nonnegative=True)
    poisson = sp.summation(z**k * sp.exp(-1) / sp.factorial(k), (k, 0, sp.oo))
    assert vanishes(1 - poisson.subs(z, 1 - s) - mem.survival_step.expression)
    step = sp.limit(1 / mem.survival_step.expression - 1 / s, s, 0, "+")
    assert step == sp.Rational(1, 2)  # Stolz-Cesaro: 1/(t s_t) has the same limit
    assert step * t == 1 / mem.survival_large.expression


def test_shared_ancestors():
    alone = mem.shared_ancestor.expression
    step = mem.shared_ancestor_step.expression
    nxt = alone.subs(t, t + 1)
    assert vanishes(sp.powsimp(step.subs({q: 1, F: alone}) - nxt))
    assert alone.subs(t, 0) == 0
    fixed = mem.shared_ancestor_fixed.expression
    assert vanishes(step.subs(F, fixed) - fixed)
    assert vanishes(sp.diff(step, F) - q * (1 - 1 / N))
    f = sp.Symbol("f", positive=True)
    fresh = fixed.subs(q, (1 - f) ** 2)
    x = sp.Symbol("x", positive=True)  # f of order 1/N is of order one in effect
    assert vanishes(sp.limit(fresh.subs(f, x / N), N, sp.oo) - 1 / (1 + 2 * x))


def test_growing_pool():
    u = sp.Symbol("u", integer=True, positive=True)
    kept = 1 / (u + 1)
    offspring = z * ((1 - kept) + kept * sp.exp(z - 1))
    g = mem.accumulated_offspring.expression.subs(t, u)
    assert vanishes(g - offspring)
    assert vanishes(sp.diff(g, z).subs(z, 1) - (u + 2) / (u + 1))  # Y/(t+1): martingale
    # pairs of the pool: both old, old and new, both new
    old = u * N
    pairs_of = lambda size: size * (size - 1) / 2
    met = pairs_of(old) * F + old * N * (1 / old + (1 - 1 / old) * F)
    met += pairs_of(N) * (1 / N + (1 - 1 / N) * F)
    step = mem.accumulated_ancestor_step.expression.subs(t, u - 1)
    assert vanishes(step - met / pairs_of(old + N))
    increments = sp.limit(N * step.subs(F, 0), N, sp.oo)
    assert vanishes(increments - 3 / (u + 1) ** 2)
    total = sp.summation(increments, (u, 1, sp.oo))
    assert vanishes(total - mem.accumulated_ancestor_limit.expression)
    # the same from the branching process: N F is E Y (Y - 1)/u^2 in a pool of u N points,
    # where E Y = u
    one = g.subs(u, u - 1)  # drawn with chance 1/u
    mean, second = (sp.diff(one, z, k).subs(z, 1) for k in (1, 2))
    grown = (F * u**2) * mean**2 + u * second
    assert vanishes(grown / (u + 1) ** 2 - F - increments)


def test_copies_with_noise():
    r, a = sp.symbols("r a", positive=True)
    for d in (1, 2, 3):
        radial = r ** (d - 1) * sp.exp(-(r**2) / 2)
        norm = sp.integrate(radial, (r, 0, sp.oo))
        mean = h * sp.integrate(r * radial, (r, 0, sp.oo)) / norm
        closed = mem.memoriser_score.expression.doit().subs(dim, d)
        assert vanishes(mean - closed)
    difference = (1 - sp.sqrt(1 - h**2)) ** 2 + h**2
    assert vanishes(sp.expand(difference - mem.preserving_bandwidth.expression**2))
    shown = sp.series(mem.preserving_bandwidth.expression.subs(h, a), a, 0, 4).removeO()
    assert vanishes(shown - a - a**3 / 8)


def test_condensation():
    at = mem.condensation_noise.expression
    information = mem.mutual_information.expression.subs(sigma2, at**2)
    assert vanishes(sp.expand_log(sp.simplify(information), force=True) - sp.log(N))
    assert vanishes(at - 1 / sp.sqrt(N ** (2 / dim) - 1))
    time = mem.condensation_time.expression  # e^t - 1 = sigma^2
    assert vanishes(sp.exp(time) - 1 - at**2)
    x = sp.Symbol("x", positive=True)  # far dimensions: sigma_c^2 is d/(2 log N)
    assert vanishes(sp.limit(at.subs(dim, x) ** 2 / x, x, sp.oo) - 1 / (2 * sp.log(N)))


def test_selection_bounds_of_two_points_agree():
    two = mem.best_log_spacing_bound.expression.subs(n, 2).doit()
    one = mem.best_spacing_bound.expression.subs(n, 2)
    assert vanishes(two - 2 * sp.log(one))
