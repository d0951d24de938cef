"""Gaussian, categorical, kernel and stopped learners in a loop, proved by SymPy."""

import sympy as sp
from sc_proofs import shares, stage_weights, unfolded, vanishes

from theory.self_consuming import statements as sc
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
