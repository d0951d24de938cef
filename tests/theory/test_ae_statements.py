"""Statements about the solvable denoiser, proved by SymPy."""

import numpy as np
import sympy as sp

from theory.autoencoder import statements as ae
from theory.autoencoder.statements import (
    a1,
    a3,
    alpha,
    b,
    beta,
    kappa,
    q,
    s1,
    s3,
    t_end,
    tau,
    v,
)
from theory.symbolic import keys, statement

t, s = sp.symbols("t s", positive=True)
OFFICIAL = (0.3, 0.7)


def test_the_error_moments_are_moments_of_the_interpolant():
    x0, x1 = sp.symbols("x0 x1")
    x = alpha * x0 + beta * x1
    e = x1 - b * x

    def mean(product):
        """x0 and x1 centred and independent, of variance 1 and v."""
        p = sp.Poly(sp.expand(product), x0, x1)
        return p.coeff_monomial(x0**2) + v * p.coeff_monomial(x1**2)

    for claim, product in ((ae.error_xx, x * x), (ae.error_ex, e * x)):
        assert sp.expand(mean(product) - claim.expression) == 0, claim.key
    assert sp.expand(mean(e * e) - ae.error_ee.expression) == 0
    assert sp.expand(mean(e * e) - ae.error_ex.expression) != 0


def test_the_skip_curve_solves_its_equation_and_ends_where_the_error_is_least():
    curve = ae.skip.expression
    residual = sp.diff(curve, tau) - ae.skip_rate.expression.subs(b, curve)
    assert sp.simplify(residual) == 0
    assert curve.subs(tau, 0) == 0
    assert sp.simplify(sp.limit(curve, tau, sp.oo) - ae.skip_limit.expression) == 0
    at_limit = ae.skip_rate.expression.subs(b, ae.skip_limit.expression)
    assert sp.simplify(at_limit) == 0
    descent = sp.diff(ae.error_ee.expression, b) + 2 * ae.error_ex.expression
    assert sp.expand(descent) == 0


def test_the_critical_time_is_where_the_skip_reaches_one():
    reached = ae.skip.expression.subs({v: 1, tau: ae.critical_time.expression})
    assert sp.simplify(reached - 1) == 0
    np.testing.assert_allclose(
        ae.critical_time(*OFFICIAL, 1.0), 3.0406699866575, rtol=1e-13
    )
    np.testing.assert_allclose(
        ae.critical_samples(*OFFICIAL, 1.0, 0.1), 15.2033499333, rtol=1e-11
    )
    # t = 1/2: the skip only approaches 1; below, it never gets there
    assert np.isposinf(ae.critical_time(0.5, 0.5, 1.0))
    assert np.isnan(ae.critical_time(0.6, 0.4, 1.0))


def test_the_bulk_variance_solves_the_flow():
    bulk = ae.bulk_continuous.expression.subs(t_end, t)
    residual = sp.diff(bulk, t) - 2 * (b - 1) / (1 - t) * bulk
    assert sp.simplify(residual) == 0
    assert bulk.subs(t, 0) == 1
    assert sp.simplify(bulk.subs(b, 1)) == 1


def test_the_conditional_bulk_recursion_solves_the_flow_with_the_best_skip_at_every_t():
    bulk = ae.conditional_bulk.expression.subs(t_end, t)
    best = ae.skip_limit.expression.subs({alpha: 1 - t, beta: t})
    residual = sp.diff(bulk, t) - 2 * (best - 1) / (1 - t) * bulk
    assert sp.simplify(residual) == 0
    assert bulk.subs(t, 0) == 1
    frozen = sp.diff(bulk, t) - 2 * (best.subs(t, 0) - 1) / (1 - t) * bulk
    assert sp.simplify(frozen) != 0


def test_the_splitting_index_is_the_curvature_of_the_density_at_zero():
    """Density of Z = g(Z_0): p(Z_0)/g'(Z_0); its second derivative in Z at 0."""
    z = sp.Symbol("z", real=True)
    g = a1 * z + a3 * z**3
    density = sp.exp(-(z**2) / (2 * q)) / sp.diff(g, z)
    along = lambda f: sp.diff(f, z) / sp.diff(g, z)
    curvature = along(along(density)).subs(z, 0)
    index = sp.simplify(curvature * q * a1**3)
    assert sp.simplify(index - ae.splitting.expression) == 0


def test_the_continuous_splitting_index_follows_from_the_cubic_flow():
    r"""In :math:`s = -\ln(1-t)`: dZ/ds = (b-1) Z + q sigma(Z), to third order."""
    gain = b - 1 + q * s1
    linear = sp.exp(gain * s)
    cubic = q * s3 / 6 * linear * (sp.exp(2 * gain * s) - 1) / (2 * gain)
    assert sp.simplify(sp.diff(linear, s) - gain * linear) == 0
    flow = sp.diff(cubic, s) - gain * cubic - q * s3 / 6 * linear**3
    assert sp.simplify(flow) == 0
    index = ae.splitting.expression.subs({a1: linear, a3: cubic})
    claim = ae.splitting_continuous.expression.subs(t_end, 1 - sp.exp(-s))
    assert sp.simplify(sp.expand_power_base(index - claim, force=True)) == 0
    np.testing.assert_allclose(
        ae.splitting_continuous(0.55, 0.5, 1.0, -2.0, 0.99), 2.54, atol=5e-3
    )


def test_tied_weights_hold_the_posterior_mean_where_alpha_squared_is_beta():
    """E[x1 | x] of two modes at +mu and -mu, along mu: u = mu.x, m2 = |mu|^2."""
    u, m2 = sp.symbols("u m2", positive=True)
    # responsibility difference tanh(beta mu.x/power); Gaussian mean within a mode
    power = ae.error_xx.expression
    which = sp.tanh(beta * u / power)
    gain = beta * v / power
    posterior = which * m2 + gain * (u - beta * which * m2)
    c, skip = ae.bayes_weight.expression, ae.bayes_skip.expression
    network = skip * u + c * m2 * sp.tanh(c * u)
    gap = posterior - network
    assert sp.simplify(gap.subs(beta, alpha**2)) == 0
    assert sp.simplify(gap) != 0
    golden = ae.bayes_noise.expression
    assert sp.simplify(golden**2 - (1 - golden)) == 0


def test_every_statement_says_whose_it_is():
    mine = keys("autoencoder.")
    assert len(mine) >= 15
    assert {statement(key).provenance for key in mine} <= {"derived", "reproduction"}
    assert statement("autoencoder.skip_rate").provenance == "reproduction"
    assert all(statement(key).paper == ae.PAPER for key in mine)
    assert kappa in statement("autoencoder.skip").arguments
