"""What the notebook `phase_transition` computes, against the packages it computes it with."""

import numpy as np
import pytest

from figures.explore import phase_transition as explored
from figures.explore.phase_transition import (
    AMOUNTS,
    EVERY,
    LEARNERS,
    MOST,
    POINTS,
    SIZES,
    Settings,
    Theory,
    stacked,
    theory,
)
from figures.explore.phase_transition_page import (
    transition_picture,
    transition_sentence,
    transition_table,
)
from figures.explore.phase_transition_runs import GRID, RUNS, simulate
from figures.self_consuming.kernel_theory import predictions
from figures.self_consuming.loops import covering_grid, standard
from theory.mixing import fixed_mixture
from theory.self_consuming.categorical import expected_tv
from theory.self_consuming.gaussian_mle import (
    mean_square_fixed_mixture,
    mean_square_iid,
    predicted_tv,
)
from theory.self_consuming.kernel_density.closed_form import standard_normal_tv
from theory.self_consuming.kernel_density.grid import fitted_grid
from theory.self_consuming.weights import accumulated_bound
from theory.validation import InputError

SMALL = {"n": 25, "most": 8, "models": 4}
PLACES = [0, 7, 16, 32]
"""Amounts that are computed in another way."""


def amounts(settings: Settings) -> list[float]:
    return [settings.synthetic[k] for k in PLACES]


def test_kernel_densities_agree_with_the_closed_form():
    settings = Settings(n=100, most=64, models=12)
    found = theory(settings)
    for k, m in zip(PLACES, amounts(settings), strict=True):
        N = 100 + m
        closed = standard_normal_tv(m / N, 1.06 * N**-0.2, N, 12)
        for name, value in (
            ("prediction", found.tv),
            ("lower", found.lower),
            ("upper", found.upper),
        ):
            assert value[k] == pytest.approx(float(getattr(closed, name)), rel=1e-4)


@pytest.mark.parametrize("protocol", ["fresh", "reused"])
def test_a_loop_of_more_models_holds_those_of_fewer(protocol):
    settings = Settings(protocol=protocol, **SMALL)
    schedules = [fixed_mixture(25, m, 4, "V2") for m in amounts(settings)]
    h = 1.06 * np.stack([np.asarray(s.sizes) for s in schedules]) ** -0.2
    alone = predictions(schedules, h, protocol).isel(generation=-1)
    found = theory(settings)
    np.testing.assert_allclose(found.tv[PLACES], alone["prediction"], rtol=1e-4)
    np.testing.assert_allclose(found.lower[PLACES], alone["lower"], rtol=1e-4)


@pytest.mark.parametrize("protocol", ["iid", "fresh", "reused"])
def test_gaussians_follow_the_exact_recursion(protocol):
    settings = Settings("gaussian", protocol, **SMALL)
    if protocol == "iid":
        squares = [mean_square_iid(fixed_mixture(25, m, 4)) for m in amounts(settings)]
    else:
        squares = [
            mean_square_fixed_mixture(25, m, 4, protocol) for m in amounts(settings)
        ]
    expected = [float(predicted_tv(square[-1])) for square in squares]
    np.testing.assert_allclose(theory(settings).tv[PLACES], expected, rtol=1e-12)


@pytest.mark.parametrize("learner", ["frequencies", "minimax"])
def test_frequencies_are_near_the_exact_chain(learner):
    settings = Settings(learner, n=100, most=8, models=4)
    p = LEARNERS[learner].probability
    for k, m in zip(PLACES, amounts(settings), strict=True):
        schedule = fixed_mixture(100, m, 4)
        kappa = np.sqrt(np.asarray(schedule.sizes)) / 2.0 * (learner == "minimax")
        exact = expected_tv(np.array([p, 1.0 - p]), schedule, kappa)[-1]
        assert theory(settings).tv[k] == pytest.approx(exact, rel=0.01)


@pytest.mark.parametrize("n", SIZES)
@pytest.mark.parametrize("most", AMOUNTS)
def test_grids_suffice_for_all_that_can_be_set(n, most):
    schedules = Settings(n=n, most=most).schedules
    h = 1.06 * np.asarray(stacked(schedules).sizes) ** -0.2
    for schedule, row in zip(schedules, h, strict=True):
        added = 2.0 * float(accumulated_bound(schedule, row**2).max())
        assert fitted_grid(standard(), float(row[0]), added).points <= POINTS
    needed, _ = covering_grid(8.0, schedules, h)
    assert needed.half_width <= GRID.half_width
    assert needed.step >= GRID.step


def scores(settings: Settings, of: Settings) -> np.ndarray:
    """Simulated means less what is predicted of other settings, in standard errors."""
    tv = simulate(settings).tv
    return (tv.mean - theory(of).tv[::EVERY]) / ((tv.high - tv.mean) / 1.96)


@pytest.mark.parametrize(
    "settings",
    [
        Settings("kernel", "iid", **SMALL),
        Settings("gaussian", "fresh", 200, 8, 4),
        Settings("minimax", "iid", 100, 8, 4),
    ],
    ids=lambda settings: settings.learner,
)
def test_runs_are_where_theory_says(settings):
    assert np.abs(scores(settings, settings)).max() < 4.5


def test_runs_tell_protocols_apart():
    fresh, reused = (Settings("gaussian", of, 200, 8, 20) for of in ("fresh", "reused"))
    assert np.abs(scores(fresh, reused)).max() > 4.5


def test_the_bound_holds_and_is_attained_without_synthetic_data():
    found = simulate(Settings("kernel", "iid", **SMALL))
    assert (found.bound.mean >= found.tv.mean - 1e-12).all()
    assert found.bound.mean[0] == pytest.approx(found.tv.mean[0], rel=1e-6)
    assert found.bound.mean[-1] > 1.1 * found.tv.mean[-1]
    assert found.runs == RUNS["kernel"]


def test_no_slider_compiles_anew():
    theory(Settings())
    before = explored._kernel_tv._cache_size()
    for settings in (Settings(n=25), Settings(most=8), Settings(models=MOST)):
        theory(settings)
    assert explored._kernel_tv._cache_size() == before


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"n": 30}, "n must be one of 25, 50, 100, 200, got 30."),
        ({"learner": "x"}, "learner must be one of kernel, gaussian, frequencies, "),
        (
            {"learner": "minimax", "protocol": "fresh"},
            "protocol must be one of iid for",
        ),
        ({"models": 1}, r"models must be in \[2, 20\], got 1."),
    ],
)
def test_what_no_slider_sets_is_refused(values, message):
    with pytest.raises(InputError, match=message):
        Settings(**values)


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        (Settings(), "More synthetic data first hurt and then help: TV rises to"),
        (Settings("gaussian"), "Synthetic data never hurt in this range: TV falls"),
        (Settings("gaussian", "fresh"), "Synthetic data help at first: TV falls to"),
        (Settings(most=8, models=20), "Synthetic data hurt in this range, the more"),
    ],
    ids=["peak", "falls", "dip", "rises"],
)
def test_the_sentence_says_what_the_curve_does(settings, said):
    assert said in transition_sentence(settings, theory(settings)).html


def test_the_turn_of_a_curve_is_inside_its_range():
    lam = np.array([0.0, 1.0, 2.0, 4.0, 8.0])
    curve = lambda tv: Theory(lam, np.array(tv), lam, lam, {}, {})
    word, at = curve([1.0, 2.0, 3.0, 2.0, 1.0]).turn
    assert word == "highest"
    assert 1.0 < at < 4.0
    assert curve([3.0, 1.0, 0.5, 1.0, 3.0]).turn[0] == "lowest"
    assert curve([5.0, 4.0, 3.0, 2.0, 1.0]).turn[0] == ""


def test_the_page_has_numbers_for_theory_and_for_runs():
    settings = Settings("gaussian", "fresh", 200, 8, 4)
    predicted, simulated = theory(settings), simulate(settings)
    assert "simulated" not in transition_picture(settings, predicted, None).html
    shown = transition_picture(settings, predicted, simulated).html
    assert f"simulated {simulated.tv.mean[0]:.3g}" in shown
    table = transition_table(settings, predicted, simulated).html
    for id in ("none", "most", "turn", "own", "quarter", "none-simulated"):
        assert f'data-number="{id}"' in table
    assert "never: model 1 has n points" in table
