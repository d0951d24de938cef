"""One generation: proofs by SymPy, and the sandwich on laws known in closed form."""

import hypothesis.strategies as st
import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.integrate
import sympy as sp
from hypothesis import given, settings

from theory.error_propagation import statements as ep
from theory.error_propagation.one_generation import sandwich
from theory.error_propagation.statements.notation import (
    C_1,
    C_low,
    I,
    S,
    c_up,
    eps_star2,
    eta,
    r,
    theta,
)
from theory.validation import InputError

unit = st.floats(0.0, 1.0)
energy = st.floats(1e-8, 2.0)


def test_prop_3_3_clean_regime_is_where_half_the_lower_bound_survives():
    at_edge = ep.chi2_lower.expression.subs(eps_star2, eta / (8 * C_low))
    clean = ep.chi2_lower_clean.expression.subs(eps_star2, eta / (8 * C_low))
    assert sp.simplify(at_edge - clean) == 0
    assert ep.clean_regime(0.4, 100.0) == pytest.approx(0.4 / 800)
    assert ep.clean_regime(0.4, 1e-9) == 1.0
    # Negative control: twice the edge is outside.
    beyond = 2 * 0.4 / 800
    assert ep.chi2_lower(0.4, beyond, 100.0) < ep.chi2_lower_clean(0.4, beyond)


def test_theta_family_contains_the_constants_of_the_paper():
    quarter = sp.Rational(3, 4)
    lower = ep.theta_lower.expression.subs(theta, quarter)
    paper_lower = ep.chi2_lower.expression.subs(C_low, (1 / quarter - 1) * C_1)
    assert sp.simplify(lower - paper_lower) == 0
    upper = ep.theta_upper.expression.subs({theta: 3, eta: 1})
    paper_upper = ep.chi2_upper.expression.subs(c_up, sp.Rational(4, 3) * C_1)
    assert sp.simplify(upper - paper_upper) == 0


def test_theta_family_is_the_sandwich_after_young():
    # (1+th) a^2 + (1+1/th) r^2 - (a+r)^2 = (sqrt(th) a - r/sqrt(th))^2
    a = sp.sqrt(eta) * sp.sqrt(eps_star2)
    closed = {C_1: r**2 / eps_star2**2}  # r = sqrt(C_1) eps_star2
    gap = ep.theta_upper.expression.subs(closed) - (a + r) ** 2
    assert sp.expand(gap - (sp.sqrt(theta) * a - r / sp.sqrt(theta)) ** 2) == 0
    gap = (a - r) ** 2 - ep.theta_lower.expression.subs(closed)
    assert sp.expand(gap - (sp.sqrt(theta) * a - r / sp.sqrt(theta)) ** 2) == 0


def test_both_leading_constants_are_eta():
    half = sp.Rational(1, 2)
    for side in (ep.theta_lower, ep.theta_upper):
        free = side.expression.subs(theta, sp.sqrt(eps_star2) * half)  # theta ~ eps
        assert sp.limit(free / eps_star2, eps_star2, 0) == eta


def test_observability_closed_forms_by_symbolic_integration():
    """For N(0, 1) the ideal drift is a = -1/2, so a response decays like e^{-s/2}."""
    s, b, w = sp.symbols("s b w", positive=True)
    shift = sp.integrate(b * sp.exp(-(S - s) / 2), (s, 0, S))  # d1' = -d1/2 + b
    assert sp.simplify(shift**2 / (b**2 * S) - ep.eta_constant_error.expression) == 0
    spread = sp.integrate(2 * w * sp.exp(-(S - s)), (s, 0, S))  # V1' = -V1 + 2w
    assert sp.simplify(spread**2 / 2 / (w**2 * S) - ep.eta_linear_error.expression) == 0
    for form, small in ((ep.eta_constant_error, 1), (ep.eta_linear_error, 2)):
        assert sp.limit(form.expression, S, 0) == 0
        assert sp.limit(form.expression / S, S, 0) == small
        assert sp.limit(form.expression, S, sp.oo) == 0


def test_deterministic_error_moves_a_gaussian_by_sqrt_eta_eps():
    """KL and chi2 of N(d, 1) from N(0, 1), by integration, at d^2 = eta eps^2."""
    y, d = sp.symbols("y d", positive=True)
    density = sp.exp(-(y**2) / 2) / sp.sqrt(2 * sp.pi)
    ratio = sp.exp(d * y - d**2 / 2)
    moment = sp.integrate(density * ratio**2, (y, -sp.oo, sp.oo))
    kl = sp.integrate(density * ratio * sp.log(ratio), (y, -sp.oo, sp.oo))
    visible = {eta: d**2 / eps_star2}
    chi2 = ep.chi2_deterministic_gaussian.expression.subs(visible)
    assert sp.simplify(moment - 1 - chi2) == 0
    assert sp.simplify(kl - ep.kl_deterministic_gaussian.expression.subs(visible)) == 0
    bound = ep.kl_from_chi2.expression.subs(I, chi2)  # Jensen: d^2 against d^2/2
    assert sp.simplify(bound - 2 * kl) == 0


def test_prop_3_1_holds_with_equality_for_consistent_perturbations():
    """N(0, 1) learned as N(0, v'): exact score of a wrong Gaussian, closed form.

    Start law N(0, v'_T) and endpoint N(0, v'_{t0}) against N(0, 1) at every level.
    """
    wrong, T, t0 = 1.3, 4.0, 0.02
    v = lambda t: 1.0 + (wrong - 1.0) * np.exp(-t)
    kl = lambda variance: 0.5 * (variance - 1.0 - np.log(variance))
    # |e|^2 = (1 - 1/v)^2 x^2 with x ~ N(0, v) on the learned path.
    t = np.linspace(t0, T, 20001)
    rate = (1.0 - 1.0 / v(t)) ** 2 * v(t)
    eps_hat2 = scipy.integrate.simpson(rate, x=t)
    expected = ep.kl_consistent(eps_hat2, kl(v(T)))
    np.testing.assert_allclose(kl(v(t0)), expected, rtol=1e-10)
    assert kl(v(t0)) <= ep.kl_girsanov_start(eps_hat2, kl(v(T))) * (1 + 1e-10)
    # Negative control: a coefficient below 1/2 is refuted by this case.
    assert kl(v(t0)) > 0.998 * expected


LINEAR = [f"G{k}" for k in range(1, 16)]


@pytest.mark.parametrize("case", LINEAR)
def test_bounds_on_linear_gaussian_cases(reference, case):
    g = reference["linear_gaussian"][case]
    eta_, eps2, eps_hat2 = g["eta"], g["eps_star2"], g["eps_hat2"]
    chi2_path = g["r"] ** 2 - eps2 + 2 * eps_hat2
    bounds = sandwich(eta_, eps2, eps_hat2, chi2_path)
    np.testing.assert_allclose(bounds.remainder, g["r"], rtol=1e-9)
    assert bounds.lower <= g["chi2"] <= bounds.upper
    assert g["KL"] <= ep.kl_girsanov(eps_hat2)
    assert g["KL"] <= ep.kl_from_chi2(g["chi2"]) + 1e-15
    assert g["chi2"] <= ep.chi2_path_upper(chi2_path)


def test_a_false_sandwich_is_seen(reference):
    """Half the remainder is refuted by the case that uses most of it."""
    used = {
        k: abs(np.sqrt(g["chi2"]) - np.sqrt(g["eta"] * g["eps_star2"])) / g["r"]
        for k, g in reference["linear_gaussian"].items()
        if g["r"] > 0
    }
    worst = max(used, key=used.get)
    assert 0.2 < used[worst] <= 1.0
    g = reference["linear_gaussian"][worst]
    short = 0.9 * used[worst] * g["r"]
    low = ep.sandwich_lower(g["eta"], g["eps_star2"], short)
    high = ep.sandwich_upper(g["eta"], g["eps_star2"], short)
    assert not low <= g["chi2"] <= high


def test_leading_constant_above_eta_fails_for_a_narrowing_error(reference):
    """ "I >= 1.1 eta eps^2" is false: negative amplitudes deflate."""
    g = reference["linear_gaussian"]["G4"]
    assert g["chi2"] < 1.1 * g["eta"] * g["eps_star2"]
    g = reference["linear_gaussian"]["G3"]
    assert g["chi2"] > 1.1 * g["eta"] * g["eps_star2"]


@settings(deadline=None, max_examples=50)
@given(eta_=unit, eps2=energy, r_=st.floats(0.0, 2.0), more=st.floats(0.0, 1.0))
def test_sandwich_orders_and_widens_with_the_remainder(eta_, eps2, r_, more):
    low, high = ep.sandwich_lower(eta_, eps2, r_), ep.sandwich_upper(eta_, eps2, r_)
    assert 0.0 <= low <= eta_ * eps2 * (1 + 1e-12) <= high * (1 + 1e-11) + 1e-300
    assert ep.sandwich_lower(eta_, eps2, r_ + more) <= low
    assert ep.sandwich_upper(eta_, eps2, r_ + more) >= high


def test_sandwich_limits_batches_and_gradient():
    exact = sandwich(0.3, 0.01, 0.02, 0.03)  # r^2 = .03 + .01 - .04 = 0
    np.testing.assert_allclose([exact.lower, exact.upper], 0.003, rtol=1e-6)
    noisy = sandwich(
        jnp.full(3, 0.3), jnp.full(3, 0.01), jnp.full(3, 0.03), jnp.zeros(3)
    )
    assert noisy.remainder.shape == (3,)
    assert not noisy.remainder.any()
    heavy = sandwich(0.3, 0.01, 0.01, jnp.inf)
    assert heavy.lower == 0.0
    assert heavy.upper == jnp.inf
    args = (0.5, 0.02, 0.021, 0.03)
    slopes = jax.grad(lambda *a: sandwich(*a).upper, argnums=(0, 1, 2, 3))(*args)
    assert all(jnp.isfinite(s) for s in slopes)
    jitted = jax.jit(sandwich)(*args)
    for got, want in zip(
        jax.tree.leaves(jitted), jax.tree.leaves(sandwich(*args)), strict=True
    ):
        np.testing.assert_allclose(got, want, rtol=1e-13)


@pytest.mark.parametrize(
    ("name", "args"),
    [("eta", (1.2, 0.1, 0.1, 0.1)), ("eps_hat2", (0.5, 0.1, -0.1, 0.1))],
)
def test_sandwich_refuses(name, args):
    with pytest.raises(InputError, match=f"^{name} must be in"):
        sandwich(*args)
