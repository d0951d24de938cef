"""Statements about self-consuming loops, proved by SymPy."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import sympy as sp
from sc_reference import read

from theory.mixing import fully_synthetic
from theory.self_consuming import accumulation_modes as modes
from theory.self_consuming import gaussian_mle as gaussian
from theory.self_consuming import phase_transition as phases
from theory.self_consuming import spectral_filter as filters
from theory.self_consuming import statements as sc
from theory.self_consuming import weights
from theory.self_consuming.statements import notation as of
from theory.self_consuming.statements.notation import (
    C_1,
    C_2,
    G,
    N,
    S,
    V,
    a,
    b,
    beta,
    c,
    e,
    g,
    h,
    i,
    k,
    lam,
    loss,
    m,
    n,
    p,
    r,
    s,
    tau,
    v,
    w,
)
from theory.symbolic import keys, statement

q = 1 - r
u = sp.Symbol("u", positive=True)


def vanishes(expression) -> bool:
    return sp.simplify(sp.expand_func(expression)) == 0


def cancels(expression) -> bool:
    """As `vanishes`, where Gamma functions differ by whole numbers: much faster."""
    return sp.cancel(sp.together(sp.expand_func(expression))) == 0


def shares(stages):
    """Symbolic shares of every stage, and of the real data what completes them."""
    return sp.Matrix(stages, stages, lambda t, x: sp.Symbol(f"b{t}{x}") if x < t else 0)


def unfolded(statement, arrays, **at):
    """The expression with its sums written out and its arrays replaced."""
    values = {argument: at[str(argument)] for argument in statement.arguments
              if str(argument) in at}  # fmt: skip
    whole = statement.expression.subs(values).doit()
    for base, entry in arrays.items():
        whole = whole.replace(
            lambda x, base=base: isinstance(x, sp.Indexed) and x.base == base,
            lambda x, entry=entry: entry(*x.indices),
        )
    return whole


# Weights


def stage_weights(B, last):
    A = {last: sp.Integer(1)}
    for x in range(last - 1, -1, -1):
        A[x] = unfolded(
            sc.weight_recursion,
            {of.weight: lambda t: A[t], of.share: lambda t, y: B[t, y]},
            s=x,
            i=last,
        )
    return [A[x] for x in range(last + 1)]


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


# Gaussian maximum likelihood


def test_recursions_of_the_mean_with_fixed_counts():
    """Law of total variance: N^2 Var = n (real) + m (synthetic points about their mean)."""
    M = n + m
    noise = n + m * (1 - e)  # E sigma^2 = 1 - E mu^2
    fresh = noise / M**2 + (m / M) ** 2 * e
    assert vanishes(fresh - sc.mean_square_step_fresh.expression)
    # reused: mu = xbar + y; y' = (m/N)(noise about the model + y), noise variance sigma^2/m
    total = 1 / n + e
    reused = (m / M) ** 2 * e + m * (1 - total) / M**2
    assert vanishes(reused - sc.mean_square_step_reused.expression)


def test_the_iid_recursion_in_a_fully_synthetic_loop():
    def innovation(x, done):
        arrays = {of.weight: lambda t: 1, of.variance: lambda t: done[t]}
        return unfolded(sc.innovation_iid, arrays, s=x)

    done = []
    for x in range(4):
        done.append(innovation(x, done))
        arrays = {of.weight: lambda t: 1, of.variance: lambda t: done[t]}
        total = unfolded(sc.mean_square_iid, arrays, i=x)
        closed = sc.mean_square_full_synthetic.expression.subs(i, x + 1)
        assert vanishes(total - closed)
        assert vanishes(1 - total - sc.scale_full_synthetic.expression.subs(i, x + 1))


def test_moments_of_the_scale():
    z, k_ = sp.symbols("z k_", positive=True)  # chi-square with k_ degrees of freedom
    density = z ** (k_ / 2 - 1) * sp.exp(-z / 2) / (2 ** (k_ / 2) * sp.gamma(k_ / 2))
    for power in (1, 2):
        moment = sp.integrate((z / n) ** power * density, (z, 0, sp.oo), conds="none")
        closed = sc.scale_moment.expression.subs({a: power, i: 1}).doit()
        difference = moment.subs(k_, n - 1) - closed
        assert sp.simplify(sp.gammasimp(difference)) == 0
    first = sp.gammasimp(sc.scale_moment.expression.subs(a, 1).doit())
    assert vanishes(first - sc.scale_full_synthetic.expression)


def test_small_errors():
    z = sp.Symbol("z", real=True)
    density = sp.exp(-(z**2) / 2) / sp.sqrt(2 * sp.pi)
    mean_abs = 2 * sp.integrate(z * density, (z, 0, sp.oo))
    # (1 - z^2) phi is the slope of z phi: E|Z^2 - 1| = 4 phi(1)
    assert vanishes(sp.diff(z * density, z) - (1 - z**2) * density)
    square = 4 * density.subs(z, 1)
    mean = mean_abs / 2 * mean_abs * sp.sqrt(w / n)
    assert vanishes(mean - sc.small_error_mean.expression)
    scale = square / 2 * mean_abs * sp.sqrt(w / (2 * n))
    assert vanishes(scale - sc.small_error_scale.expression)
    # a Z + g (Z^2 - 1) given Z is normal of variance (w/n)(Z^2 + (Z^2 - 1)^2/2)
    conditional = z**2 + (z**2 - 1) ** 2 / 2
    assert sp.expand(conditional - (1 + z**4) / 2) == 0
    given = mean_abs / 2 * sp.sqrt((1 + z**4) / 2) * density
    assert vanishes(given - sc.SMALL_ERROR_INTEGRAL.function.subs(
        next(iter(sc.SMALL_ERROR_INTEGRAL.variables)), z))  # fmt: skip
    number = sc.small_error.expression.subs({w: 1, n: 1})
    assert abs(number - sc.SMALL_ERROR_INTEGRAL.evalf(25)) < 1e-15


def test_absolute_error_of_a_gaussian():
    x, mean = sp.symbols("x mean", real=True)
    V_ = sp.Symbol("V_", positive=True)
    density = sp.exp(-((x - mean) ** 2) / (2 * V_)) / sp.sqrt(2 * sp.pi * V_)
    # antiderivative: -v density + mean Phi
    upper = sp.integrate(x * density, (x, 0, sp.oo)).rewrite(sp.erf)
    lower = sp.integrate(-x * density, (x, -sp.oo, 0)).rewrite(sp.erf)
    closed = sc.folded_normal.expression.doit().subs({of.bias: mean, v: V_})
    assert sp.simplify(upper + lower - closed) == 0


def test_the_mirror_and_its_maximum():
    # leading order: n e' = 1/(1+lam) + beta^2 n e (fresh), n W' = beta^2 n W + lam/(1+lam)^2
    x = sp.Symbol("x", positive=True)
    fresh = n * sc.mean_square_step_fresh.expression.subs({m: lam * n, e: x / n})
    reused = n * sc.mean_square_step_reused.expression.subs({m: lam * n, e: x / n})
    fresh, reused = (sp.limit(f, n, sp.oo) for f in (fresh, reused))
    X = sc.mirror.expression
    nxt = X.subs(g, g + 1)
    assert vanishes(sp.powsimp(fresh.subs(x, 1 - X) - (1 - nxt)))
    assert vanishes(sp.powsimp(reused.subs(x, X) - nxt))
    assert X.subs(g, 0) == 0
    at = {lam: beta / (1 - beta)}  # d lambda = d beta/(1 - beta)^2
    slope = sp.diff(sp.simplify(X.subs(at)), beta) * (1 - beta) ** 2
    scaled = sp.expand(slope * (1 + beta) ** 2 / (1 - beta) ** 2 * beta ** (-2 * g))
    assert vanishes(scaled - sp.simplify(sc.mirror_maximum.expression.subs(at)))
    assert sc.mirror_maximum.expression.subs({g: 1, lam: 1}) == 0


def test_the_best_weight_of_real_data():
    fixed = sp.solve(sc.weighted_step.expression - v, v)[0]
    stationary = sc.weighted_stationary.expression
    assert vanishes(fixed - stationary)
    best = sc.optimal_weight.expression
    assert vanishes(sp.diff(stationary, w).subs(w, best))
    assert vanishes(stationary.subs(w, best) - best / n)
    assert vanishes(best.subs(k, 1) - 1 / sp.GoldenRatio.expand(func=True))


# Learners


def test_variance_of_a_category_by_induction():
    closed = sc.categorical_variance.expression
    step = sc.categorical_step.expression.subs(v, closed)
    assert vanishes(sp.powsimp(step - closed.subs(i, i + 1)))
    assert closed.subs(i, 0) == 0
    # E q (1-q) = p (1-p) - beta^2 v: variance of the draw plus that of its chance
    draw = (p * (1 - p) - beta**2 * v) / N + beta**2 * v
    assert vanishes(draw - sc.categorical_step.expression)
    alone = p * (1 - p) * (1 - (1 - 1 / N) ** i)
    assert vanishes(closed.subs(beta, 1) - alone)


def test_contraction_by_induction_and_its_limits():
    delta = sc.contraction.expression
    step = loss + (1 - loss) * beta * delta
    assert vanishes(sp.powsimp(sp.expand(step - delta.subs(G, G + 1))))
    assert vanishes(delta.subs(G, 1) - loss)
    small = sp.limit(delta / loss, loss, 0)
    assert vanishes(small - sc.contraction_small.expression / loss)
    inside = {beta: sp.Rational(4, 5), loss: sp.Rational(1, 3)}
    late = sp.limit(delta.subs(inside), G, sp.oo)
    assert late == sc.contraction_saturation.expression.subs(inside)
    K = sp.Symbol("K", positive=True)
    pulled = (K * sp.sqrt(N) / K) / (N + K * sp.sqrt(N) / K)
    assert vanishes(pulled - sc.pseudo_count_loss.expression)
    # weak filter of loss N^-r: the shape of the bound
    weak = sc.contraction_small.expression.subs(
        {loss: (1 + lam) ** -r, beta: lam / (1 + lam)}
    )
    assert vanishes(weak - sc.shape_v1.expression)


def test_second_moment_of_a_kernel_loop():
    B, h_ = shares(4), sp.symbols("h:4", positive=True)
    moment = []
    for x in range(4):  # a kernel adds mu2 h^2 to the second moment of its data
        real = 1 - sum(B[x, t] for t in range(x))
        data = real * of.sigma2 + sum(B[x, t] * moment[t] for t in range(x))
        moment.append(sp.expand(data + of.mu2 * h_[x] ** 2))
    A = stage_weights(B, 3)
    arrays = {of.weight: lambda t: A[t], of.bandwidth: lambda t: h_[t]}
    assert sp.expand(unfolded(sc.second_moment, arrays, i=3) - moment[3]) == 0


def test_integrated_squared_error_of_the_fully_synthetic_loop():
    """By frequency: model i has mean kap^i phi_0 and V' = kap^2 ((1 - |mean|^2 - V)/N + V)."""
    x = sp.Symbol("x", real=True)
    phi, kap = sp.exp(-(x**2) / 2), sp.exp(-(h**2) * x**2 / 2)
    mean, V_ = phi, sp.Integer(0)
    for models in (1, 2, 3):
        V_ = kap**2 * ((1 - mean**2 - V_) / N + V_)
        mean = kap * mean
        error = sp.expand((mean - phi) ** 2 + V_)
        error = sum(sp.powsimp(term) for term in error.args)
        mise = sum(
            sp.integrate(term, (x, 0, sp.oo), conds="none") for term in error.args
        )
        closed = sc.mise_full_synthetic.expression.subs(i, models).doit()
        gap = (mise / sp.pi - closed).subs({N: 7, h: sp.Rational(3, 10)})
        assert abs(gap.evalf(30)) < 1e-25


def test_kernel_rates_and_loop_bandwidth():
    dim = of.dim
    at = N ** (-1 / (4 + dim))
    assert vanishes(at**2 - 1 / sp.sqrt(N * at**dim))
    assert vanishes(sp.log(at**2) / sp.log(N) + sc.kde_rate.expression)
    # S^2 h^4/4 + V/h, one stage S = V = 1 at h = 1
    risk = S**2 * h**4 / 4 + V / h
    best = sc.bandwidth_factor.expression
    assert vanishes(sp.diff(risk, h).subs(h, best))
    ratio = risk.subs(h, best) / risk.subs({S: 1, V: 1, h: 1})
    assert vanishes(ratio - sc.mise_factor.expression)


def test_early_stopping():
    KL, best = sc.stopped_kl.expression, sc.stopping_time.expression

    def slope_at(objective, time):
        scaled = sp.powsimp(sp.expand(sp.diff(objective, tau) * tau**2))
        return sp.powdenest(scaled.subs(tau, time), force=True)

    assert vanishes(slope_at(KL, best))
    ratio = sp.powsimp(sp.expand(KL * tau)) / tau / sc.stopped_kl_best.expression
    log_ratio = sp.expand_log(sp.log(sp.powdenest(ratio.subs(tau, best), force=True)))
    assert vanishes(sp.expand(sp.logcombine(log_ratio, force=True)))
    rate = sp.diff(sp.log(sc.stopped_kl_best.expression), n) * n
    assert sp.simplify(rate.subs({a: 4, b: 2})) == -sp.Rational(2, 5)
    loop = S**2 * C_2 / tau + V * C_1 * tau**a * n**-b
    time = best * sc.loop_time_factor.expression
    assert vanishes(slope_at(loop, sp.powsimp(time, force=True)))
    assert not vanishes(slope_at(loop, best))


def test_required_points_meet_the_target():
    points = sc.required_points.expression
    bound = sc.step_rate.expression.subs(n, points) * of.length
    assert vanishes(bound - of.target)
    x, last = sp.Symbol("x", positive=True), 4
    A = [sc.accumulate_weight.expression.subs(s, t) for t in range(last)] + [1]
    whole = sum(A[t] * (t + 1) ** -x for t in range(last + 1))
    assert vanishes(whole - sc.full_data_factor.expression.subs({i: last, r: x}).doit())
    A = [sc.batches_weight.expression.subs(s, t) for t in range(last)] + [1]
    whole = sum(A[t] * (1 + t * m / n) ** -x for t in range(last + 1))
    closed = sc.batches_factor.expression.subs({i: last, r: x}).doit()
    assert sp.expand(whole - closed) == 0
    growing = sum(((t + 1) ** a) ** -x for t in range(last + 1))
    closed = sc.growing_factor.expression.subs({i: last, r: x}).doit()
    assert sp.simplify(sp.powdenest(growing - closed, force=True)) == 0


# The functions are the statements


def test_functions_are_the_statements_and_the_package_agrees():
    G_, r_, lam_ = 6, 0.4, 3.5
    close = lambda claim, value, *at: np.testing.assert_allclose(
        claim(*at), value, rtol=1e-11, err_msg=claim.key
    )
    t = jnp.arange(5)
    close(sc.latest_weight, weights.latest_weights(0.7, 6)[:5], 0.7, 5, t)
    close(sc.accumulate_weight, weights.accumulate_weights(6)[:5], t)
    close(
        sc.batches_weight,
        weights.accumulate_batches_weights(10.0, 4.0, 6)[:5],
        10.0,
        4.0,
        t,
    )
    close(
        sc.batches_length, weights.accumulate_batches_length(10.0, 4.0, 6), 10.0, 4.0, 5
    )
    close(
        sc.uniform_past_weight, weights.uniform_past_weights(0.7, 301)[:5], 0.7, 300, t
    )
    close(sc.step_rate, weights.rate_errors(50.0, r_, 2.0), 50.0, 2.0, r_)
    close(sc.shape_v1, phases.shape_v1(lam_, G_, r_), lam_, G_, r_)
    close(sc.shape_v2, phases.shape_v2(lam_, G_, r_), lam_, G_ - 1, r_)
    share = lambda threshold: threshold / (1 + threshold)
    close(sc.threshold_v1, 1 - r_, share(phases.threshold_v1(G_, r_)), G_)
    close(sc.threshold_v2, 1 - r_, share(phases.threshold_v2(G_, r_)), G_ - 1, r_)
    close(sc.threshold_v1_two, phases.threshold_v1(2, r_), r_)
    close(sc.threshold_v2_two, phases.threshold_v2(2, r_), r_)
    large, slope, offset = phases.asymptotic_threshold(1000, r_)
    close(sc.threshold_slope, 1 - r_, slope)
    close(sc.threshold_offset, offset, slope, r_)
    close(sc.threshold_v1_large, large, 1000.0, slope, r_)
    height = float(sc.threshold_v1_height(1e4, slope, r_))
    peak = phases.threshold_v1(10_000, r_)
    assert height == pytest.approx(float(phases.shape_v1(peak, 10_000, r_)), rel=1e-3)
    even = float(sc.break_even(20.0, 0.25)) - 1
    assert even == pytest.approx(phases.break_even(20, 0.25), rel=1e-6)
    close(sc.quadrature_shape, modes.quadrature_shape(lam_, G_, 0.1), lam_, G_, 0.1)
    for turn in modes.quadrature_thresholds(G_, 0.1):
        close(sc.quadrature_slope, 0.1, share(turn), G_)
    close(sc.quadrature_threshold, 0.5, modes.asymptotic_quadrature_slope(0.25))
    close(sc.mirror, gaussian.mirror(lam_, 4), lam_, 4)
    peak = gaussian.mirror_threshold(4)
    assert float(sc.mirror_maximum(peak, 4)) == pytest.approx(0.0, abs=1e-10)
    for claim, protocol, start in (
        (sc.mean_square_step_fresh, "fresh", 0.0),
        (sc.mean_square_step_reused, "reused", 1 / 50),
    ):
        run = gaussian.mean_square_fixed_mixture(50.0, 80.0, 5, protocol) - start
        close(claim, run[1:], run[:-1], 50.0, 80.0)
    models = jnp.arange(1.0, 6.0)
    run = gaussian.mean_square_iid(fully_synthetic(5, 30.0))
    close(sc.mean_square_full_synthetic, run, 30.0, models)
    close(sc.contraction, filters.contraction(0.3, 0.7, 6), 0.3, 0.7, 6)
    close(sc.contraction_small, filters.weak_filter(0.3, 0.7, 6), 0.3, 0.7, 6)
    close(sc.contraction_saturation, filters.saturation(0.3, 0.7), 0.3, 0.7)
    minimax = filters.pseudo_count(400.0, 3, jnp.sqrt(400.0) / 3)
    close(sc.pseudo_count_loss, minimax, 400.0)


def test_stored_numbers(spec_dir):
    rows = read(spec_dir) or pytest.skip("no self_consuming.md among the references")
    for row in rows["optimal_weight"]:
        assert float(sc.optimal_weight(row["k"])) == pytest.approx(row["w"], rel=1e-10)
    for row in rows["loop_bw_full_synthetic"]:
        found = sc.mise_full_synthetic(float(row["N"]), row["h_amise"], row["i"])
        assert float(found) == pytest.approx(row["mise_at_h_amise"], rel=1e-10)


MINE = keys("self_consuming.")


@pytest.mark.parametrize("key", MINE)
def test_every_statement_is_complete_and_claims_no_theorem(key):
    s = statement(key)
    assert all((s.title, s.paper, s.reference, s.left, s.relation, s.holds))
    assert s.provenance == "derived"
    assert "Thm" not in s.reference
    assert "Prop" not in s.reference
    assert s.latex.count("{") == s.latex.count("}")


CLOSED = [
    key
    for key in MINE
    if not statement(key).expression.has(sp.Sum)
    and not any(isinstance(a, sp.IndexedBase) for a in statement(key).arguments)
]
INSIDE = {"n": 7.0, "m": 3.0, "N": 9.0, "lam": 2.0, "G": 4.0, "g": 3.0, "tau": 2.0}


@pytest.mark.parametrize("key", CLOSED)
def test_functions_take_arrays_jit_and_differentiate(key):
    claim = statement(key)
    names = [str(argument) for argument in claim.arguments]
    whole = {"i": 5.0, "s": 2.0}
    at = [INSIDE.get(x, whole.get(x, 0.3 + 0.01 * j)) for j, x in enumerate(names)]
    digits = dict(zip(claim.arguments, map(sp.Float, at), strict=True))
    exact = float(claim.expression.doit().subs(digits))
    np.testing.assert_allclose(claim(*at), exact, rtol=1e-12)
    arrays = [jnp.full((3,), value) for value in at]
    np.testing.assert_allclose(jax.jit(claim.function)(*arrays), exact, rtol=1e-12)
    for j in range(len(at)):
        slope = jax.grad(claim.function, argnums=j)(*map(jnp.float64, at))
        assert jnp.isfinite(slope), names[j]
