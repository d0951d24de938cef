"""One generation to the next, on finite-state chains and by SymPy."""

import hypothesis.strategies as st
import numpy as np
import sympy as sp
from hypothesis import given, settings

from theory.error_propagation import statements as ep
from theory.error_propagation.statements.notation import C, D, J, alpha, theta

rho = 1 - alpha


def chi2(p, q):
    return np.sum((p - q) ** 2 / q)


def kl(p, q):
    return np.sum(p * np.log(p / q))


class Chain:
    """Three random laws on six states: p, p_hat^i and p_hat^{i+1}; alpha in (0, 1)."""

    def __init__(self, seed: int, spread: float = 1.0):
        rng = np.random.default_rng(seed)
        self.p, self.p_hat, self.p_next = rng.dirichlet(
            np.full(6, 1.0 / spread), size=3
        )
        self.alpha = rng.uniform(0.02, 0.98)
        self.q = self.alpha * self.p + (1 - self.alpha) * self.p_hat
        delta, zeta = self.p_hat / self.p - 1, (self.p_next - self.q) / self.p
        self.D, self.J = chi2(self.p_hat, self.p), np.sum(self.p * zeta**2)
        self.C, self.I = np.sum(self.p * delta * zeta), chi2(self.p_next, self.q)
        self.D_next = chi2(self.p_next, self.p)


CHAINS = [Chain(seed) for seed in range(40)]


def test_mixing_lemma_and_identity_on_a_symbolic_chain():
    """Three states, every probability a symbol."""
    p = sp.symbols("p1:4", positive=True)
    p_hat = sp.symbols("h1:4", positive=True)
    p_next = sp.symbols("k1:4", positive=True)
    q = [alpha * a + (1 - alpha) * b for a, b in zip(p, p_hat, strict=True)]
    square = lambda x, y: sum((a - b) ** 2 / c for a, b, c in zip(x, y, p, strict=True))
    drift = square(p_hat, p)
    assert sp.simplify(square(q, p) - ep.mixing.expression.subs(D, drift)) == 0
    overlap = sum(
        (h - a) * (k - b) / a for a, h, k, b in zip(p, p_hat, p_next, q, strict=True)
    )
    step = ep.one_step.expression.subs({D: drift, J: square(p_next, q), C: overlap})
    assert sp.simplify(square(p_next, p) - step) == 0


def test_mixing_lemma_and_identity_on_random_chains():
    for c in CHAINS:
        np.testing.assert_allclose(chi2(c.q, c.p), ep.mixing(c.alpha, c.D), rtol=1e-12)
        step = ep.one_step(c.alpha, c.D, c.J, c.C)
        np.testing.assert_allclose(c.D_next, step, rtol=1e-11)


def test_kl_in_place_of_chi2_fails_the_mixing_lemma():
    gaps = [kl(c.q, c.p) / ((1 - c.alpha) ** 2 * kl(c.p_hat, c.p)) for c in CHAINS]
    assert max(abs(np.asarray(gaps) - 1)) > 0.1
    # What holds for KL is convexity, a factor 1 - alpha.
    assert all(kl(c.q, c.p) <= (1 - c.alpha) * kl(c.p_hat, c.p) for c in CHAINS)


def test_total_variation_contracts_by_exactly_one_minus_alpha():
    for c in CHAINS:
        tv = 0.5 * np.abs(c.p_hat - c.p).sum()
        mixed = ep.step_tv(c.alpha, tv, 0.0)
        np.testing.assert_allclose(0.5 * np.abs(c.q - c.p).sum(), mixed, rtol=1e-12)
        # Pinsker on KL(p_next || q) <= eps_hat^2/2, here with equality in the KL.
        eps_hat2 = 2 * kl(c.p_next, c.q)
        tv_next = 0.5 * np.abs(c.p_next - c.p).sum()
        assert tv_next <= ep.step_tv(c.alpha, tv, eps_hat2)


def test_step_inequalities_are_perfect_squares():
    """Each bound misses `one_step` by a multiple of |x delta + zeta|^2: it holds."""
    square = lambda x: x**2 * D + 2 * x * C + J
    misses = {
        ep.young_upper: -square(-theta * rho) / theta,
        ep.young_lower: square(rho / theta) * theta,
        ep.memory_lower: square(theta * rho) / theta,
        ep.delayed_lower: square(1 + rho) * rho / (1 + rho),
        ep.paper_step_lower: square(2 * rho) / 2,
    }
    for bound, miss in misses.items():
        gap = sp.simplify(sp.expand(ep.one_step.expression - bound.expression - miss))
        assert gap == 0, bound.key


def test_special_values_of_the_young_family():
    linear = ep.young_upper.expression.subs(theta, alpha / rho)
    assert sp.simplify(linear - ep.step_linear.expression) == 0
    half = ep.young_lower.expression.subs(theta, sp.Rational(1, 2))
    assert sp.simplify(half - ep.paper_step_lower.expression) == 0
    for side, bound in ((1, ep.step_upper), (-1, ep.step_lower)):
        extreme = ep.one_step.expression.subs(C, side * sp.sqrt(D * J))
        assert sp.simplify(sp.expand(extreme - bound.expression)) == 0


def _bounds(a, D_, J_, th):
    lower = (
        ep.step_lower(a, D_, J_),
        ep.young_lower(a, D_, J_, th),
        ep.delayed_lower(a, D_, J_),
        ep.memory_lower(a, D_, J_, th),
        ep.paper_step_lower(a, D_, J_),
    )
    upper = (
        ep.step_upper(a, D_, J_),
        ep.young_upper(a, D_, J_, th),
        ep.step_linear(a, D_, J_),
    )
    return np.asarray(lower), np.asarray(upper)


def test_step_inequalities_on_chains():
    for c in CHAINS:
        lower, upper = _bounds(c.alpha, c.D, c.J, 0.4)
        assert (lower <= c.D_next * (1 + 1e-12)).all()
        assert (c.D_next <= upper * (1 + 1e-12)).all()


@settings(deadline=None, max_examples=60)
@given(
    a=st.floats(0.01, 0.99),
    D_=st.floats(1e-6, 1e3),
    J_=st.floats(1e-6, 1e3),
    cosine=st.floats(-1.0, 1.0),
    th=st.floats(0.01, 0.99),
)
def test_step_inequalities_at_every_cosine(a, D_, J_, cosine, th):
    D_next = ep.one_step(a, D_, J_, cosine * np.sqrt(D_ * J_))
    lower, upper = _bounds(a, D_, J_, th)
    tolerance = 1e-12 * (D_ + J_) / a
    assert (lower <= D_next + tolerance).all()
    assert (D_next <= upper + tolerance).all()


def test_step_inequalities_are_refuted_when_tightened():
    """Nine tenths of an upper bound, eleven of a lower one, on equality cases."""
    a, D_ = 0.3, 0.5
    r = 1 - a
    th = 0.4
    cases = (  # zeta = s delta, the s at which the bound is attained
        (ep.step_upper, (), 0.7, 0.9),
        (ep.young_upper, (th,), th * r, 0.9),
        (ep.step_linear, (), a, 0.9),
        (ep.step_lower, (), -0.2, 1.1),
        (ep.delayed_lower, (), -(1 + r), 1.1),
        (ep.memory_lower, (th,), -th * r, 1.1),
        (ep.young_lower, (th,), -r / th, 1.1),
        (ep.paper_step_lower, (), -2 * r, 1.1),
    )
    for bound, extra, s, factor in cases:
        D_next, J_ = (r + s) ** 2 * D_, s**2 * D_
        value = bound(a, D_, J_, *extra)
        np.testing.assert_allclose(D_next, value, rtol=1e-12, err_msg=bound.key)
        false = factor * value
        assert (D_next > false) if factor < 1 else (D_next < false), bound.key


def test_innovation_against_intra_generation_divergence():
    for c in CHAINS:
        ratio = c.q / c.p
        R = c.p_next / c.q
        assert ep.innovation_lower(c.alpha, c.I) <= c.J
        assert ep.innovation_upper(c.I, ratio.max()) * (1 + 1e-12) >= c.J
        a = 1.7
        moments = (
            np.sum(c.q * ratio ** (a / (a - 1))),
            np.sum(c.q * abs(R - 1) ** (2 * a)),
        )
        assert ep.innovation_moment(a, *moments) * (1 + 1e-12) >= c.J
        good = ratio <= np.median(ratio)
        tail = np.sum((c.p_next - c.q)[~good] ** 2 / c.p[~good])
        assert ep.innovation_good_set(c.I, np.median(ratio), tail) * (1 + 1e-12) >= c.J
    # Negative controls: without the tail term, and with alpha doubled, they fail.
    assert any(
        ep.innovation_good_set(c.I, np.median(c.q / c.p), 0.0) < c.J for c in CHAINS
    )
    tight = Chain(3)
    tight.p_hat = np.array([1, 0, 0, 0, 0, 0.0])  # q/p = alpha off the first state
    q = tight.alpha * tight.p + (1 - tight.alpha) * tight.p_hat
    move = np.array([0, 1, -1, 0, 0, 0]) * 0.5 * q[1:3].min()
    J_, I_ = np.sum(move**2 / tight.p), np.sum(move**2 / q)
    np.testing.assert_allclose(J_, ep.innovation_lower(tight.alpha, I_), rtol=1e-12)
    assert ep.innovation_lower(1.1 * tight.alpha, I_) > J_


def test_alpha_zero_and_one():
    for bound in (ep.step_upper, ep.step_lower):
        np.testing.assert_allclose(bound(1.0, 5.0, 0.3), 0.3, rtol=1e-14)
    assert ep.one_step(1.0, 5.0, 0.3, 0.7) == 0.3
    assert ep.one_step(0.0, 5.0, 0.0, 0.0) == 5.0
    np.testing.assert_allclose(ep.step_upper(0.0, 5.0, 0.0), 5.0, rtol=1e-14)
