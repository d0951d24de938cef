"""Fresh data and samples for a drift one accepts."""

import hypothesis.strategies as st
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings

from theory.error_propagation import statements as ep
from theory.error_propagation.accumulation import drift_bounds
from theory.error_propagation.sample_size import fresh_fraction, samples_per_generation
from theory.validation import InputError


def test_fresh_fraction_matches_the_reference_table(reference):
    for row in reference["planning"]:
        for cosine, name in ((1.0, "alpha_aligned"), (0.0, "alpha_uncorr")):
            alpha = fresh_fraction(row["J"], row["D"], cosine)
            np.testing.assert_allclose(alpha, row[name], rtol=1e-10)


@settings(deadline=None, max_examples=40)
@given(
    target=st.floats(1e-4, 1.0),
    share=st.floats(1e-4, 0.999),
    cosine=st.floats(0.0, 1.0),
)
def test_fresh_fraction_inverts_the_stationary_drift(target, share, cosine):
    J = share * target
    alpha = fresh_fraction(J, target, cosine)
    assert 0.0 < alpha <= 1.0
    drift = ep.stationary_cosine(alpha, J, cosine)
    np.testing.assert_allclose(drift, target, rtol=1e-7)
    # A tenth less fresh data overshoots: the plan is not slack.
    assert ep.stationary_cosine(0.9 * alpha, J, cosine) > target


def test_a_plan_is_met_by_the_curves():
    J, target = 0.001, 0.02
    for cosine, name in ((1.0, "root"), (0.0, "unbiased")):
        alpha = fresh_fraction(J, target, cosine)
        curve = getattr(drift_bounds(alpha, np.full(400, J)), name)
        assert curve.max() <= target * (1 + 1e-12)
        np.testing.assert_allclose(curve[-1], target, rtol=1e-4)


def test_what_fresh_data_cannot_do():
    assert fresh_fraction(0.03, 0.02, 0.0) == jnp.inf
    assert fresh_fraction(0.0, 0.02, 1.0) == 0.0
    np.testing.assert_allclose(fresh_fraction(0.02, 0.02, 1.0), 1.0)
    batch = fresh_fraction(jnp.array([0.001, 0.0, 0.5]), jnp.full(3, 0.02), jnp.ones(3))
    np.testing.assert_allclose(batch, [0.05**0.5, 0.0, np.inf])
    slope = jax.grad(fresh_fraction)(0.001, 0.02, 0.0)
    assert jnp.isfinite(slope)


def test_early_stopping_factor_of_the_papers_own_setting():
    """d = 10, t0 = .02: 3.1e8, so that n = 1e5 is not covered by the rate."""
    np.testing.assert_allclose(ep.rate_factor(0.02, 10.0), 3.125e8, rtol=1e-12)
    assert ep.score_energy(1e5, 0.02, 10.0, 1.0) > 1.0


def test_samples_per_generation_reach_the_target():
    for aligned, law in (
        (True, ep.stationary_aligned),
        (False, ep.stationary_unbiased),
    ):
        n = samples_per_generation(
            0.05, 0.2, 0.4, 0.02, 3.0, 2.0, aligned=aligned, tail_factor=1.7
        )
        J = 1.7 * 0.4 * ep.score_energy(n, 0.02, 3.0, 2.0)
        np.testing.assert_allclose(law(0.2, J), 0.05, rtol=1e-12)


@pytest.mark.parametrize(
    ("name", "call"),
    [
        ("J", lambda: fresh_fraction(-1.0, 0.1, 0.0)),
        ("target", lambda: fresh_fraction(0.1, 0.0, 0.0)),
        ("cosine", lambda: fresh_fraction(0.1, 0.2, -0.5)),
        (
            "alpha",
            lambda: samples_per_generation(0.1, 0.0, 0.4, 0.02, 3, 1, aligned=True),
        ),
        ("t0", lambda: samples_per_generation(0.1, 0.2, 0.4, 0.0, 3, 1, aligned=True)),
        ("eta", lambda: samples_per_generation(0.1, 0.2, 1.4, 0.1, 3, 1, aligned=True)),
    ],
)
def test_bad_input_is_refused_by_name(name, call):
    with pytest.raises(InputError, match=f"^{name} must be"):
        call()
