import numpy as np
import pytest

from theory.claims import Kind
from theory.error_propagation.accumulation import drift_bounds
from theory.planning.answers import RELATIONS, answers
from theory.planning.inverse import meets, solve
from theory.planning.relations import Relation
from theory.planning.variables import QUANTITIES, VARIABLES
from theory.validation import InputError

# relation, unknown, target, generations, known
QUESTIONS = [
    ("drift-root", "alpha", 0.1, 12, {"innovation": 0.01}),
    ("drift-root", "innovation", 0.1, 12, {"alpha": 0.2}),
    ("drift-unbiased", "alpha", 0.05, 12, {"innovation": 0.01}),
    ("drift-small", "energy", 0.1, 12, {"alpha": 0.2, "observability": 0.5}),
    ("drift-energy", "alpha", 0.1, 12, {"energy": 0.01}),
    ("drift-kernel", "bandwidth", 0.1, 12, {"alpha": 0.2, "dim": 3}),
    ("drift-kernel", "dim", 0.1, 12, {"alpha": 0.2, "bandwidth": 0.1}),
    ("mixing-rate", "points", 0.1, 8, {"alpha": 0.5, "rate": 0.25, "constant": 1.0}),
    ("mixing-rate", "n", 0.1, 8, {"m": 500, "rate": 0.4, "constant": 1.0}),
    ("mixing-dimension", "dim", 0.1, 8, {"alpha": 0.5, "points": 1e5, "constant": 0.5}),
    ("mixing-kernel", "m", 0.08, 6, {"n": 1000, "bandwidth": 0.4}),
    ("mixing-gaussian", "alpha", 0.03, 8, {"points": 1000}),
    ("mixing-modes", "alpha", 0.9, 8, {"points": 30, "modes": 10}),
    ("copying-kinship", "alpha", 0.1, 50, {"points": 100}),
    ("copying-kinship", "points", 0.1, 50, {"alpha": 0.05}),
    ("refit-entropy", "points", 1.0, 10, {"dim": 8}),
]


def beyond(variable, value, outwards: float) -> float:
    """The next value outside an interval."""
    step = 1.0 if variable.scale == "whole" else max(1e-3 * abs(value), 1e-6)
    return value + outwards * step


@pytest.mark.parametrize("question", QUESTIONS, ids=lambda q: f"{q[0]}-{q[1]}")
def test_the_ends_of_an_interval_meet_the_target_and_what_is_beyond_does_not(question):
    id, unknown, target, generations, known = question
    relation, variable = RELATIONS[id], VARIABLES[unknown]
    quantity = QUANTITIES[relation.quantity]
    plan = solve(relation, unknown, target, generations, known)
    assert plan.found
    inside = 0

    def met(value: float) -> bool:
        settled = solve_for(relation, unknown, value, known)
        return bool(meets(quantity, relation.last(generations, **settled), target))

    for found in plan.feasible:
        assert met(found.low)
        assert met(found.high)
        if not found.from_edge:
            assert not met(beyond(variable, found.low, -1.0))
            inside += 1
        if not found.to_edge:
            assert not met(beyond(variable, found.high, 1.0))
            inside += 1
    assert inside >= 1, "the question was to have an end inside its range"
    assert met(plan.value)


def solve_for(relation: Relation, unknown: str, value: float, known) -> dict:
    """The relation's variables, by hand."""
    given = dict(known) | {unknown: value}
    if "n" in given and "m" in given:
        given["points"] = given["n"] + given["m"]
        given["alpha"] = given["n"] / given["points"]
    return {name: given[name] for name in relation.variables}


def test_u1_is_inverted_in_closed_form():
    """J at which (1 - rho^N)/(1 - rho) sqrt(J) is the root of the target."""
    alpha, N, target = 0.2, 15, 0.1
    plan = solve(RELATIONS["drift-root"], "innovation", target, N, {"alpha": alpha})
    length = (1.0 - (1.0 - alpha) ** N) / alpha
    assert plan.value == pytest.approx(target / length**2, rel=1e-5)
    assert plan.reached <= target


def test_generations_are_counted_to_the_first_that_misses():
    alpha, J, target = 0.05, 0.01, 0.3
    plan = solve(
        RELATIONS["drift-root"],
        "generations",
        target,
        None,
        {"alpha": alpha, "innovation": J},
    )
    curve = np.asarray(drift_bounds(alpha, np.full(50, J)).root[1:])
    assert plan.value == np.argmax(curve > target)
    assert plan.generations is None


def test_a_stationary_drift_below_the_target_lasts_to_the_horizon():
    known = {"alpha": 0.5, "innovation": 1e-3}
    plan = solve(RELATIONS["drift-root"], "generations", 0.1, None, known)
    assert plan.feasible[0].to_edge


@pytest.mark.slow
def test_a_bandwidth_may_be_too_narrow_and_too_wide():
    known = {"points": 500, "alpha": 0.5}
    plan = solve(RELATIONS["mixing-kernel"], "bandwidth", 0.1, 4, known)
    (found,) = plan.feasible
    assert not found.from_edge
    assert not found.to_edge
    assert found.low < plan.value < found.high
    assert plan.reached == np.nanmin(plan.values)


def test_training_may_be_too_short_and_too_long():
    known = {"alpha": 0.3, "distance": 2.0}
    plan = solve(RELATIONS["survival-time"], "time", 0.9, 2, known)
    assert plan.found
    assert not plan.feasible[0].from_edge


def test_what_cannot_be_met_says_how_near_one_comes():
    known = {"points": 100, "alpha": 0.3}
    plan = solve(RELATIONS["mixing-kernel"], "bandwidth", 1e-3, 4, known)
    assert not plan.found
    assert np.isnan(plan.value)
    assert plan.reached == np.nanmin(plan.values) > 1e-3


def test_shares_may_be_given_as_counts():
    by_counts = solve(RELATIONS["mixing-gaussian"], "n", 0.03, 8, {"m": 300})
    n = by_counts.value
    alpha = n / (n + 300)
    direct = RELATIONS["mixing-gaussian"].last(8, alpha=alpha, points=n + 300)
    assert by_counts.reached == pytest.approx(direct, rel=1e-12)


def test_chi_square_bounds_tv_through_its_root():
    known = {"alpha": 0.3, "innovation": 0.01}
    D = RELATIONS["drift-root"].curve(6, **known)
    tv = RELATIONS["drift-root-tv"].curve(6, **known)
    np.testing.assert_allclose(tv, 0.5 * np.sqrt(D), rtol=1e-12)
    assert RELATIONS["drift-unbiased-tv"].kind is Kind.GUARANTEE


def test_every_relation_that_can_answers_and_the_others_say_why_not():
    found = answers("drift", 0.1, "alpha", 12, {"innovation": 0.01})
    assert {p.relation.id for p in found.plans} == {"drift-root", "drift-unbiased"}
    assert found.left_out["drift-kernel"] == "needs bandwidth, dim"


def test_a_loop_without_fresh_data_is_not_asked_for_a_fraction():
    with pytest.raises(InputError, match="is for loops without alpha"):
        answers("entropy", 1.0, "points", 10, {"dim": 4, "alpha": 0.5})


@pytest.mark.parametrize("relation", RELATIONS.values(), ids=lambda r: r.id)
def test_relations_name_what_exists(relation):
    assert relation.quantity in QUANTITIES
    assert set(relation.variables) <= set(VARIABLES)
    assert relation.assumes


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        (("drift", -1.0, "alpha", 5, {"innovation": 0.1}), "target must be in"),
        (("tv", 1.5, "alpha", 5, {"energy": 0.1}), "target must be in"),
        (("drift", 0.1, "beta", 5, {}), "unknown must be one of"),
        (("height", 0.1, "alpha", 5, {}), "quantity must be one of"),
        (("drift", 0.1, "alpha", 5, {"innovation": np.nan}), "innovation must be in"),
        (("tv", 0.1, "alpha", 5, {"points": 10.5}), "points must be a whole number"),
        (("drift", 0.1, "alpha", 5, {}), "needs innovation"),
        (("drift", 0.1, "alpha", 0, {"innovation": 0.1}), "generations must be in"),
        (
            ("drift", 0.1, "alpha", None, {"innovation": 0.1}),
            "generations must be given",
        ),
    ],
)
def test_bad_questions_are_refused_in_one_line(asked, said):
    with pytest.raises(InputError, match=said) as refused:
        answers(*asked)
    assert "\n" not in str(refused.value)
