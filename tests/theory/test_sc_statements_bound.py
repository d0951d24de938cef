"""Weights and bounds of self-consuming loops, proved by SymPy."""

import sympy as sp
from sc_proofs import cancels, shares, stage_weights, unfolded, vanishes

from theory.self_consuming import statements as sc
from theory.self_consuming.statements import notation as of
from theory.self_consuming.statements.notation import (
    G,
    b,
    beta,
    c,
    g,
    i,
    lam,
    m,
    n,
    r,
    s,
)

q = 1 - r
u = sp.Symbol("u", positive=True)


def test_the_unrolled_bound_is_the_recursion():
    B, eps = shares(5), sp.symbols("eps:5")
    D = []
    for x in range(5):
        D.append(
            unfolded(
                sc.recursion,
                {
                    of.error: lambda t: eps[t],
                    of.share: lambda t, y: B[t, y],
                    of.drift: lambda t: D[t],
                },
                s=x,
            )
        )
    A = stage_weights(B, 4)
    arrays = {of.weight: lambda t: A[t], of.error: lambda t: eps[t]}
    for claim in (sc.unrolled, sc.coherent):
        assert sp.expand(unfolded(claim, arrays, i=4) - D[4]) == 0
    assert sp.expand(unfolded(sc.unrolled, arrays, i=4) - D[3]) != 0


def test_weights_of_the_named_schedules():
    last = 5
    schemes = {
        sc.latest_weight: lambda t, x: beta if x == t - 1 else 0,
        sc.accumulate_weight: lambda t, x: sp.Rational(1, t + 1),
        sc.batches_weight: lambda t, x: m / (n + t * m),
        sc.uniform_past_weight: lambda t, x: b / t,
    }
    lengths = {
        sc.latest_weight: sc.latest_length,
        sc.accumulate_weight: sc.accumulate_length,
        sc.batches_weight: sc.batches_length,
        sc.uniform_past_weight: sc.uniform_past_length,
    }
    for claim, entry in schemes.items():
        B = sp.Matrix(last + 1, last + 1, lambda t, x, f=entry: f(t, x) if x < t else 0)
        A = stage_weights(B, last)
        for x in range(last):
            closed = claim.expression.subs({i: last, s: x}).doit()
            assert vanishes(closed - A[x]), claim.key
        length = lengths[claim].expression.subs(i, last).doit()
        assert vanishes(length - sum(A)), claim.key


def test_weights_by_induction():
    """A_s - A_{s+1} = (share of stage s + 1) A_{s+1} where shares do not depend on the model."""
    for claim, share in (
        (sc.accumulate_weight, 1 / (s + 2)),
        (sc.batches_weight, m / (n + (s + 1) * m)),
        (sc.uniform_past_weight, b / (s + 1)),
    ):
        A = claim.expression.doit()
        assert cancels(A - (1 + share) * A.subs(s, s + 1)), claim.key


def test_lineages_by_induction():
    L = sc.latest_length.expression
    assert vanishes(L.subs(i, i + 1) - 1 - beta * L)
    assert vanishes(L.subs(i, 0) - 1)
    L = sc.vanishing_length.expression.doit()
    assert cancels(L.subs(i, i + 1) - 1 - (1 - c / (i + 1)) * L)
    assert cancels(L.subs(i, 0) - 1)
    L = sc.uniform_past_length.expression.doit()
    # S_{t+1} = 1 + b (mean of the earlier lengths), times t + 1, differenced
    step = (i + 2) * (L.subs(i, i + 2) - 1) - (i + 1) * (L.subs(i, i + 1) - 1)
    assert cancels(step - b * L.subs(i, i + 1))
    assert cancels(L.subs(i, 0) - 1)
    assert cancels(L.subs(i, 1) - 1 - b)


# The bound


def test_shapes_are_sums_of_weights():
    share, weights = lam / (1 + lam), sum(beta**x for x in range(4))
    V1 = ((1 + lam) ** -r * weights).subs(beta, share)
    assert vanishes(sc.shape_v1.expression.subs(G, 4) - V1)
    V2 = ((1 + lam) ** -r * sum(beta**x for x in range(3)) + beta**3).subs(beta, share)
    assert vanishes(sc.shape_v2.expression.subs(g, 3) - V2)
    squares = sum(beta ** (2 * x) for x in range(4)).subs(beta, share)
    noise = sc.quadrature_shape.expression.subs(G, 4) ** 2 * (1 + lam) ** (2 * r)
    assert vanishes(noise - squares)
    rest = sc.threshold_v1.expression - G / sp.Sum(beta**-s, (s, 0, G - 1))
    assert all(vanishes(rest.subs(G, x).doit()) for x in (2, 3, 4))


def test_thresholds_are_stationary_points():
    """The logarithmic slopes of the shapes are the threshold equations, up to a factor."""
    at = {beta: lam / (1 + lam)}
    slope = sp.diff(sp.log(sc.shape_v1.expression), lam) * (1 + lam)
    assert vanishes(slope - (q - sc.threshold_v1.expression.subs(at)))
    unit = (1 + lam) ** -r * (1 - (lam / (1 + lam)) ** g)
    slope = sp.diff(sc.shape_v2.expression, lam) / unit
    assert vanishes(slope - (q - sc.threshold_v2.expression.subs(at)))
    slope = sp.diff(sp.log(sc.quadrature_shape.expression), lam) * (1 + lam)
    assert vanishes(slope - (sc.quadrature_slope.expression.subs(at) - r))


def test_two_models_in_closed_form():
    two = sc.threshold_v1_two.expression
    at_peak = sc.threshold_v1.expression.subs(G, 2).subs(beta, two / (1 + two))
    assert vanishes(at_peak - q)
    two = sc.threshold_v2_two.expression
    for rate in (sp.Rational(1, 4), sp.Rational(2, 5), sp.Rational(1, 2)):
        at = {g: 1, beta: (two / (1 + two)).subs(r, rate), r: rate}
        assert vanishes(sc.threshold_v2.expression.subs(at).evalf(30) - (1 - rate))


def test_many_models():
    x = sp.Symbol("x", positive=True)  # 1/G, at lambda = G/c: beta = 1/(1 + c x)
    at = {beta: 1 / (1 + c * x), G: 1 / x}
    large = lambda claim: sp.limit(claim.expression.subs(at).simplify(), x, 0, "+")
    assert vanishes(large(sc.threshold_v1) - sc.threshold_slope.expression)
    half = sp.Rational(1, 2) - sc.quadrature_threshold.expression / 2
    assert vanishes(large(sc.quadrature_slope) - half)
    # the next order: lambda = G/c - d leaves no term in x
    d = sp.Symbol("d")
    near = sc.threshold_v1.expression.subs(
        {G: 1 / x, beta: 1 / (1 + x / (1 / c - d * x))}
    )
    order = sp.series(near, x, 0, 2).removeO().coeff(x, 1)
    offset = sp.solve(sp.simplify(order), d)
    closed = sc.threshold_offset.expression.subs(r, 1 - sc.threshold_slope.expression)
    assert len(offset) == 1
    assert vanishes(offset[0] - closed)
    # height: (G/c)^q (1 - e^-c), with c/(e^c - 1) = q
    ratio = (G / c) ** q * (1 - sp.exp(-c)) / sc.threshold_v1_height.expression
    ratio = sp.powsimp(sp.expand_power_base(ratio, force=True))
    at_slope = ratio.subs(r, 1 - sc.threshold_slope.expression)
    assert vanishes(at_slope - 1)


def test_tails():
    shape = sc.shape_v2.expression.subs({g: 3, lam: u - 1, r: sp.Rational(1, 4)})
    tail = sc.tail_v2.expression.subs({g: 3, lam: u - 1, r: sp.Rational(1, 4)})
    assert sp.limit((shape - 1) / tail, u, sp.oo) == 1
    # break-even: f_1 = 1 expanded in 1/u is u^r = G - G(G-1)/(2u) + ...
    G_, x = sp.Integer(5), sp.Symbol("x", positive=True)
    bracket = sp.series((1 - (1 - x) ** G_) / x, x, 0, 2).removeO()
    assert sp.expand(bracket - (G_ - G_ * (G_ - 1) / 2 * x)) == 0
    first = sp.series((G_ * (1 - (G_ - 1) / 2 * x)) ** 4, x, 0, 2).removeO()
    found = first.subs(x, G_**-4)
    claim = sc.break_even.expression.subs({G: G_, r: sp.Rational(1, 4)})
    assert sp.simplify(found - claim) == 0
