"""Population kernel density: reference moments, simulation, limit law."""

import hypothesis.strategies as st
import jax
import jax.numpy as jnp
import jax.random as jr
import numpy as np
import pytest
import sympy as sp
from hypothesis import given, settings

from theory.error_propagation import statements as ep
from theory.error_propagation.population_kde import age_mixture, kde_law, kde_moments
from theory.error_propagation.statements.notation import (
    alpha,
    h2,
    mean_square,
    n,
    sigma2,
    t0,
    u2,
)
from theory.error_propagation.statements.notation import dim as dimension
from theory.mixtures import gaussian_mixture
from theory.validation import InputError

MEANS = np.array([[0, 0], [4, 4], [4, -4], [-4, 4], [-4, -4]], dtype=np.float64)
SCHEDULE = np.array([0.3, 0.0, 0.6, 0.1, 1.0, 0.2])
WIDTHS = np.array([0.1, 0.3, 0.0, 0.2, 0.05, 0.4])
STOPS = np.array([0.02, 0.0, 0.1, 0.02, 0.05, 0.01])


def test_moments_match_the_reference_table(reference):
    for row in reference["kde_protocol_moments"]:
        moments = kde_moments(
            row["alpha"], row["sigma2"], row["h2"], row["t0"], 25.6, 10, row["n"]
        )
        for name, key in (
            ("mode_variance", "mode_var"),
            ("mean_factor", "mean_factor"),
            ("second_moment", "second_moment"),
            ("relative_drift", "rel_drift"),
        ):
            np.testing.assert_allclose(getattr(moments, name)[-1], row[key], rtol=1e-10)


@pytest.mark.parametrize(
    ("share", "t0_", "variance", "percent"),
    [
        (0.1, 0.0, 3.522324043, 108.298769),
        (0.5, 0.0, 1.079999313, 24.657511),
        (0.9, 0.0, 0.760000000, 13.698630),
        (0.1, 0.02, 3.209693024, 84.058750),
        (0.5, 0.02, 1.076892846, 21.146529),
        (0.9, 0.02, 0.765268762, 11.954405),
    ],
)
def test_closed_forms_at_twenty_generations(share, t0_, variance, percent):
    if t0_ == 0:
        closed = ep.kde_variance(share, 0.36, 0.36, 20.0)
        drift = ep.kde_relative_drift(share, 0.36, 0.36, 20.0, 25.6, 10.0)
    else:
        closed = ep.kde_variance_renoised(share, 0.36, 0.36, t0_, 20.0)
        squares = 25.6 * ep.kde_mean_square_factor(share, t0_, 20.0)
        drift = (squares + 10 * closed) / 29.2 - 1
    np.testing.assert_allclose(closed, variance, atol=1e-9)
    np.testing.assert_allclose(100 * drift, percent, atol=1e-6)


def test_closed_forms_solve_their_recursions():
    """Symbolically: value at n = 0, and the step from n to n + 1."""
    keep = sp.exp(-t0)
    steps = {
        ep.kde_variance: (sigma2, lambda v: alpha * sigma2 + (1 - alpha) * v + h2),
        ep.kde_variance_renoised: (
            sigma2,
            lambda v: keep * (alpha * sigma2 + (1 - alpha) * v + h2) + 1 - keep,
        ),
        ep.kde_mean_factor: (1, lambda m: sp.exp(-t0 / 2) * (alpha + (1 - alpha) * m)),
        ep.kde_mean_square_factor: (1, lambda m: keep * (alpha + (1 - alpha) * m)),
    }
    for law, (start, step) in steps.items():
        form = law.expression
        assert sp.simplify(form.subs(n, 0) - start) == 0
        gap = step(form) - form.subs(n, n + 1)
        assert sp.simplify(sp.expand_power_exp(sp.powsimp(sp.expand(gap)))) == 0, (
            law.key
        )
    no_noise = ep.kde_variance_renoised.expression.subs(t0, 0)
    assert sp.simplify(no_noise - ep.kde_variance.expression) == 0


def test_limits_of_the_closed_forms():
    forget = lambda form: form.subs((1 - alpha) ** n, 0)
    gap = forget(ep.kde_variance.expression) - ep.kde_variance_limit.expression
    assert sp.simplify(gap) == 0
    gap = forget(ep.kde_relative_drift.expression) - ep.kde_drift_limit.expression
    assert sp.simplify(gap) == 0
    still = sp.limit(ep.kde_variance.expression.subs(n, 7), alpha, 0)
    assert sp.simplify(still - sigma2 - 7 * h2) == 0
    late = ep.kde_variance_renoised(0.1, 0.36, 0.36, 0.02, 3000.0)
    limit = ep.kde_variance_renoised_limit(0.1, 0.36, 0.36, 0.02)
    np.testing.assert_allclose(late, limit, rtol=1e-12)


def test_limit_law_in_fourier_space():
    """Sum over ages of alpha rho^{k-1} G^k; curvature at 0: the variance gained."""
    k = np.arange(1, 2000)
    for share, frequency in ((0.1, 0.3), (0.7, 2.0)):
        G = np.exp(-0.25 * frequency / 2)
        series = np.sum(share * (1 - share) ** (k - 1) * G**k)
        closed = ep.kde_transform_factor(share, 0.25, frequency)
        np.testing.assert_allclose(closed, series, rtol=1e-12)
    curvature = -2 * sp.diff(ep.kde_transform_factor.expression, u2).subs(u2, 0)
    gained = ep.kde_variance_limit.expression - sigma2
    assert sp.simplify(curvature - gained) == 0
    pole = ep.kde_transform_factor.expression.subs(
        u2,
        -(ep.kde_tail_rate.expression**2),  # frequency i lambda
    )
    assert sp.simplify(1 / pole) == 0


def test_pure_truncation_fixed_point():
    np.testing.assert_allclose(
        ep.truncation_variance(0.1, 0.02, 0.36), 0.467560012, atol=1e-9
    )
    late = kde_moments(0.1, 0.36, 0.0, 0.02, 0.0, 1, 2000)
    np.testing.assert_allclose(
        late.mode_variance[-1], ep.truncation_variance(0.1, 0.02, 0.36), rtol=1e-12
    )
    np.testing.assert_allclose(
        late.mean_factor[-1], ep.hermite_factor(0.1, 0.02, 1.0), rtol=1e-12
    )
    assert ep.hermite_factor(0.1, 0.0, 3.0) == pytest.approx(1.0)


def _moments_by_age(alpha_, widths, stops, generations):
    ages = age_mixture(alpha_, widths, stops, generations)
    w = ages.weights
    return (
        w @ ages.variances(0.36),
        w @ ages.mean_factors,
        w @ (ages.mean_factors**2 * 25.6 + 10 * ages.variances(0.36)),
    )


@pytest.mark.parametrize(
    "loop",
    [(0.1, 0.36, 0.02), (0.5, 0.0, 0.3), (1.0, 0.2, 0.0), (0.0, 0.2, 0.1)],
)
def test_ages_and_moments_agree(loop):
    moments = kde_moments(*loop[:1], 0.36, *loop[1:], 25.6, 10, 6)
    for k in range(7):
        by_age = _moments_by_age(*loop, k)
        np.testing.assert_allclose(moments.mode_variance[k], by_age[0], rtol=1e-12)
        np.testing.assert_allclose(moments.mean_factor[k], by_age[1], rtol=1e-12)
        np.testing.assert_allclose(moments.second_moment[k], by_age[2], rtol=1e-12)


def test_ages_and_moments_agree_under_schedules():
    moments = kde_moments(SCHEDULE, 0.36, WIDTHS, STOPS, 25.6, 10, 6)
    for k in range(1, 7):
        by_age = _moments_by_age(SCHEDULE[:k], WIDTHS[:k], STOPS[:k], k)
        np.testing.assert_allclose(moments.mode_variance[k], by_age[0], rtol=1e-12)
        np.testing.assert_allclose(moments.second_moment[k], by_age[2], rtol=1e-12)


def test_exact_law_agrees_with_simulated_generations():
    """Draw centres, blur, diffuse, mix with fresh data, generation by generation."""
    p = gaussian_mixture(np.full(5, 0.2), MEANS, 0.36)
    size, generations = 50_000, 4

    def draw(key):
        which, noise = jr.split(key)
        centre = jr.randint(which, (size,), 0, 5, dtype=jnp.int32)
        normal = jr.normal(noise, (size, 2), dtype=jnp.float64)
        return jnp.asarray(MEANS)[centre] + 0.6 * normal

    x = draw(jr.key(0))
    for g in range(generations):
        k_fresh, k_coin, k_order, k_blur, k_noise = jr.split(jr.key(100 + g), 5)
        fresh = jr.bernoulli(k_coin, SCHEDULE[g], (size, 1))
        data = jnp.where(fresh, draw(k_fresh), jr.permutation(k_order, x))
        blurred = data + WIDTHS[g] ** 0.5 * jr.normal(k_blur, x.shape, dtype=x.dtype)
        noise = jr.normal(k_noise, x.shape, dtype=x.dtype)
        x = jnp.exp(-STOPS[g] / 2) * blurred + jnp.sqrt(-jnp.expm1(-STOPS[g])) * noise
    law = kde_law(p, SCHEDULE[:4], WIDTHS[:4], STOPS[:4], generations)
    np.testing.assert_allclose(law.weights.sum(), 1.0, rtol=1e-12)
    squares = (x**2).sum(1)
    se = float(squares.std() / size**0.5)
    exact = float(jnp.trace(law.second_moment()))
    assert abs(float(squares.mean()) - exact) < 4 * se
    # Negative control: without the diffusion the law is wrong by many errors.
    unnoised = kde_law(p, SCHEDULE[:4], WIDTHS[:4], 0.0, generations)
    assert (
        abs(float(squares.mean()) - float(jnp.trace(unnoised.second_moment())))
        > 10 * se
    )
    outer = float(jnp.mean(squares**2))  # a fourth moment sees the mixture over ages
    w, m, S = law.weights, law.means, jax.vmap(jnp.diag)(law.covariances)
    fourth = w @ ((m**2 + S).sum(1) ** 2 + (2 * S**2 + 4 * m**2 * S).sum(1))
    assert abs(outer - fourth) < 4 * float((squares**2).std() / size**0.5)


@settings(deadline=None, max_examples=25)
@given(share=st.floats(0.01, 1.0), width=st.floats(0.0, 2.0), more=st.floats(0.0, 1.0))
def test_variance_grows_with_age_and_width_and_falls_with_fresh_data(
    share, width, more
):
    base = kde_moments(share, 0.36, width, 0.0, 25.6, 10, 8).mode_variance
    assert (np.diff(base) >= -1e-12).all()
    assert (base <= ep.kde_variance_limit(share, 0.36, width) + 1e-12).all()
    wider = kde_moments(share, 0.36, width + more, 0.0, 25.6, 10, 8).mode_variance
    assert (wider >= base - 1e-12).all()
    fresher = kde_moments(share + more * (1 - share), 0.36, width, 0.0, 25.6, 10, 8)
    assert (fresher.mode_variance <= base + 1e-12).all()


def test_zero_generations_and_jit_and_gradient():
    start = age_mixture(0.3, 0.1, 0.02, 0)
    assert [a.tolist() for a in jax.tree.leaves(start)] == [[1.0], [1.0], [0.0]]
    assert kde_moments(0.3, 0.36, 0.1, 0.02, 25.6, 10, 0).relative_drift.tolist() == [
        0.0
    ]
    drift = lambda a, h: kde_moments(a, 0.36, h, 0.02, 25.6, 10, 20).relative_drift[-1]
    slopes = jax.jit(jax.grad(drift, argnums=(0, 1)))(0.1, 0.36)
    assert slopes[0] < 0 < slopes[1]
    np.testing.assert_allclose(jax.jit(drift)(0.1, 0.36), drift(0.1, 0.36), rtol=1e-13)
    per_share = jax.vmap(lambda a: age_mixture(a, 0.1, 0.02, 5).weights.sum())
    np.testing.assert_allclose(per_share(jnp.array([0.0, 0.4, 1.0])), 1.0)
    assert {mean_square, dimension} < set(ep.kde_relative_drift.arguments)


@pytest.mark.parametrize(
    ("name", "call"),
    [
        ("alpha", lambda: age_mixture(1.1, 0.1, 0.0, 3)),
        ("h2", lambda: age_mixture(0.1, -0.1, 0.0, 3)),
        ("t0", lambda: age_mixture(0.1, 0.1, np.ones(2), 3)),
        ("generations", lambda: age_mixture(0.1, 0.1, 0.0, -1)),
        ("sigma2", lambda: kde_moments(0.1, 0.0, 0.1, 0.0, 1.0, 1, 3)),
        ("mean_square", lambda: kde_moments(0.1, 1.0, 0.1, 0.0, -1.0, 1, 3)),
    ],
)
def test_bad_input_is_refused_by_name(name, call):
    with pytest.raises(InputError, match=f"^{name} must be"):
        call()
