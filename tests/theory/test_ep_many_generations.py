"""Stationary drift, memory and floors: SymPy proofs and the reference table."""

import numpy as np
import pytest
import sympy as sp

from theory.error_propagation import statements as ep
from theory.error_propagation.accumulation import drift_bounds
from theory.error_propagation.statements.notation import (
    C,
    D,
    I,
    J,
    alpha,
    cosine,
    eps_star2,
    eta,
    floor_eps2,
    samples,
    target,
)

fresh = sp.Symbol("fresh", positive=True)  # alpha = 1/(1 + fresh): in (0, 1)
inside = {alpha: 1 / (1 + fresh)}


def test_stationary_drift_solves_the_one_step_identity():
    law = ep.stationary_cosine.expression
    root = sp.sqrt(J) * (
        (
            (1 - alpha) * cosine
            + sp.sqrt((1 - alpha) ** 2 * cosine**2 + 1 - (1 - alpha) ** 2)
        )
        / (1 - (1 - alpha) ** 2)
    )
    assert sp.simplify(root**2 - law) == 0
    step = ep.one_step.expression.subs(C, cosine * sp.sqrt(J) * root).subs(D, root**2)
    assert sp.simplify(step - root**2) == 0


@pytest.mark.parametrize(
    ("value", "special"),
    [
        (1, ep.stationary_aligned),
        (0, ep.stationary_unbiased),
        (-1, ep.stationary_cancelling),
    ],
)
def test_stationary_drift_at_the_three_cosines(value, special):
    general = ep.stationary_cosine.expression.subs(cosine, value)
    assert sp.simplify((general - special.expression).subs(inside)) == 0


def test_ratio_memory_and_limits():
    quotient = ep.stationary_aligned.expression / ep.stationary_unbiased.expression
    assert sp.simplify(quotient - ep.aligned_ratio.expression) == 0
    m = sp.Symbol("m", integer=True, nonnegative=True)
    decay = 1 - 1 / (1 + fresh)
    for power, total in ((1, ep.aligned_memory), (2, ep.memory)):
        series = sp.summation(sp.Symbol("x", positive=True) ** m, (m, 0, sp.oo))
        closed = series.args[0][0].subs(sp.Symbol("x", positive=True), decay**power)
        assert sp.simplify(closed - total.expression.subs(inside)) == 0
    one_e = (1 - alpha) ** (2 * ep.efolding.expression)
    assert sp.simplify(sp.log(one_e.subs(inside)).expand(force=True)) == -1
    assert sp.limit(ep.efolding.expression * 2 * alpha, alpha, 0) == 1
    for value, expected in ((0.1, 19.0), (0.5, 3.0), (0.9, 11 / 9)):
        np.testing.assert_allclose(ep.aligned_ratio(value), expected, rtol=1e-12)


@pytest.mark.parametrize("alpha_", [0.1, 0.5, 0.9])
def test_stationary_values_are_the_limits_of_the_curves(alpha_):
    bounds = drift_bounds(alpha_, np.full(600, 0.03))
    for curve, limit in (
        (bounds.root, ep.stationary_aligned),
        (bounds.linear, ep.stationary_aligned),
        (bounds.unbiased, ep.stationary_unbiased),
    ):
        np.testing.assert_allclose(curve[-1], limit(alpha_, 0.03), rtol=1e-10)


def test_cosine_increases_the_stationary_drift():
    grid = np.linspace(-1, 1, 41)
    for alpha_ in (0.05, 0.4, 0.95):
        drift = np.array([ep.stationary_cosine(alpha_, 0.1, c) for c in grid])
        assert (np.diff(drift) > 0).all()


def test_floors_match_the_reference_table(reference):
    for row in reference["floors"]:
        args = (row["alpha"], row["eta"], row["eps2"])
        for floor, name in (
            (ep.floor_paper, "paper_floor"),
            (ep.floor_clean, "clean_sqrt_floor"),
            (ep.floor_sharp, "sharp_floor"),
        ):
            np.testing.assert_allclose(floor(*args), row[name], rtol=1e-10)


def test_prop_4_1_floor_follows_from_the_lower_step():
    """At the limsup L of D: L + rho^2 L >= alpha I / 2, I = eta eps^2 / 8."""
    clean = ep.chi2_lower_clean.expression.subs(eps_star2, floor_eps2)
    innovation = ep.innovation_lower.expression.subs(I, clean)
    L = sp.Symbol("L", positive=True)
    step = ep.paper_step_lower.expression.subs({J: innovation, D: L})
    (floor,) = sp.solve(sp.Eq(L, step), L)
    assert sp.simplify(floor - ep.floor_paper.expression) == 0
    sharper = ep.drift_limsup_lower.expression.subs(J, innovation)
    assert sp.simplify(sharper - ep.floor_clean.expression) == 0
    small = ep.innovation_lower.expression.subs(I, eta * floor_eps2)
    sharp = ep.drift_limsup_lower.expression.subs(J, small)
    assert sp.simplify(sharp - ep.floor_sharp.expression) == 0


def test_the_clean_floor_is_never_below_the_floor_of_the_paper():
    ratio = sp.simplify(ep.floor_clean.expression / ep.floor_paper.expression)
    # 2 (1 + rho^2) - (2 - alpha)^2 = (1 - rho)^2 = alpha^2
    excess = sp.simplify((ratio - 1) * (2 - alpha) ** 2)
    assert sp.expand(excess - alpha**2) == 0


def test_the_floor_is_attained_by_alternating_innovations():
    """limsup sqrt(D) = sqrt(J)/(2 - alpha); four hundred paper floors are refuted."""
    alpha_, eta_, eps2 = 0.1, 0.64, 0.0174  # the alternating closed loop of the table
    J_ = alpha_ * eta_ * eps2
    delta, drifts = 0.0, []
    for k in range(400):
        delta = (1 - alpha_) * delta + (-1) ** k * np.sqrt(J_)
        drifts.append(delta**2)
    limsup = max(drifts[350:])
    np.testing.assert_allclose(limsup, ep.floor_sharp(alpha_, eta_, eps2), rtol=1e-10)
    assert ep.floor_paper(alpha_, eta_, eps2) <= limsup
    assert 400 * ep.floor_paper(alpha_, eta_, eps2) > limsup
    assert 1.1 * ep.drift_limsup_lower(alpha_, J_) > limsup


def test_floor_on_the_alternating_closed_loop(reference):
    """L2, bimodal data: limsup D is some 260 times the floor of the paper."""
    loop = reference["closed_loop_1d"]["L2"]
    rows = loop["rows"][1:]  # the first has nothing to cancel
    eta_ = min(row["eta"] for row in rows)
    eps2 = min(row["eps2"] for row in rows)
    floor = ep.floor_paper(loop["alpha"], eta_, eps2)
    highest = max(row["D1"] for row in rows)
    assert 200 * floor < highest < 400 * floor  # floor x 400 is refuted


def test_good_set_bias_is_what_u2_accumulates():
    tail = 0.002
    bound = drift_bounds(0.2, np.full(300, tail)).linear
    np.testing.assert_allclose(bound[-1], ep.good_set_bias(0.2, tail), rtol=1e-10)


def test_planning_inverts_the_stationary_drift():
    for value, special, law in (
        (1, ep.fresh_fraction_aligned, ep.stationary_aligned),
        (0, ep.fresh_fraction_unbiased, ep.stationary_unbiased),
    ):
        general = ep.fresh_fraction_cosine.expression.subs(cosine, value)
        surplus = sp.Symbol("surplus", positive=True)
        gap = (general - special.expression).subs(target, J * (1 + surplus))
        assert sp.simplify(gap) == 0
        back = law.expression.subs(alpha, special.expression)
        assert sp.simplify(back - target) == 0


def test_sample_sizes_invert_the_rate():
    """J = eta eps_star2 at the returned n lands on the target."""
    for needed, law in (
        (ep.samples_aligned, ep.stationary_aligned),
        (ep.samples_unbiased, ep.stationary_unbiased),
    ):
        energy = ep.score_energy.expression.subs(samples, needed.expression)
        drift = law.expression.subs(J, eta * energy)
        assert sp.simplify(drift - target) == 0
