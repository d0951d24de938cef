"""Statements about self-consuming loops: their functions are the package's."""

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
from theory.symbolic import keys, statement

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
