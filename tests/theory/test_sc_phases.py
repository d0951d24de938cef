"""Phases in synthetic amount and models: values, boundaries, one program."""

import numpy as np
import pytest

from theory.mixing import fixed_mixture
from theory.self_consuming import phases
from theory.self_consuming.gaussian_mle import (
    mean_square_fixed_mixture,
    mean_square_iid,
    mean_square_latest,
    mirror_threshold,
)
from theory.self_consuming.kernel_density.closed_form import second_moment
from theory.self_consuming.phase_transition import (
    break_even,
    break_evens,
    threshold_v1,
    thresholds_v1,
)
from theory.self_consuming.phases import Effect, synthetic_phases
from theory.validation import InputError

N, LAMS, MODELS = 50, np.array([0.0, 0.5, 2.0, 9.0, 60.0, 700.0]), np.arange(1.0, 9.0)


@pytest.fixture(scope="module")
def on_map():
    return synthetic_phases(LAMS, MODELS, 0.25, N)


def at(on_map, name, what="relative"):
    return on_map[what].sel(compared=name)


def test_each_ratio_is_what_other_code_finds(on_map):
    for lam in LAMS:
        h = 1.06 * (N * (1.0 + lam)) ** -0.2
        for G in (1, 3, 8):
            loop = fixed_mixture(N, N * lam, G, "V1")
            excess = (second_moment(loop, h) - 1.0) / (1.06**2 * N**-0.4)
            square = N * mean_square_iid(loop)[-1]
            reused = N * mean_square_fixed_mixture(N, N * lam, G, "reused")[-1]
            for name, expected in (
                ("kernel", excess),
                ("gaussian-iid", square),
                ("gaussian-reused", reused),
            ):
                found = at(on_map, name).sel(lam=lam, models=G)
                assert float(found) == pytest.approx(float(expected), rel=1e-11)


def test_boundaries_of_many_models_are_those_of_each():
    models = np.array([2, 5, 20, 1000])
    for rate in (0.25, 0.4):
        np.testing.assert_allclose(
            thresholds_v1(models, rate), [threshold_v1(int(G), rate) for G in models]
        )
        np.testing.assert_allclose(
            break_evens(models, rate), [break_even(int(G), rate) for G in models]
        )
    assert float(thresholds_v1(1.0, 0.25)) == float(break_evens(1.0, 0.25)) == 0.0


def test_effects_are_the_signs_of_change_and_of_the_distance_from_none(on_map):
    fine = synthetic_phases(np.geomspace(0.02, 1e4, 400), MODELS[1:], 0.25, N)
    for name in phases.COMPARED:
        relative, effect = at(fine, name).values, at(fine, name, "effect").values
        if name == "gaussian-reused":  # its threshold is known to order 1/n
            near = abs(
                np.log(fine["lam"].values / at(fine, name, "turns").values[:, None])
            )
            away = near[:, 1:] > 0.1
        else:
            away = np.ones_like(relative[:, 1:], bool)
        rises = np.diff(relative, axis=1) > 0
        hurts = effect[:, 1:] == Effect.HURT
        hurts_before = effect[:, :-1] == Effect.HURT
        same = (hurts == hurts_before) & away
        np.testing.assert_array_equal(rises[same], hurts[same])
        np.testing.assert_array_equal(relative < 1.0, effect == Effect.HELP)


def test_what_each_learner_lacks(on_map):
    later = on_map.sel(models=MODELS[1:], lam=LAMS[1:])
    assert (at(later, "gaussian-iid", "effect") == Effect.HELP).all()
    assert (at(later, "gaussian-reused", "effect") < Effect.HELP).all()
    assert (at(on_map, "gaussian-reused").sel(lam=LAMS[1:], models=8.0) > 1.0).all()
    turns = at(on_map, "gaussian-reused", "turns").sel(models=8.0)
    assert float(turns) == pytest.approx(mirror_threshold(7))
    assert (on_map["effect"].sel(models=1.0, lam=2.0) == Effect.HELP).all()


def test_recursion_of_independent_draws():
    n, m, e = 40.0, 120.0, 0.0
    for G in range(1, 7):
        e = 1.0 / (n + m) + (1.0 - 1.0 / (n + m)) * (m / (n + m)) ** 2 * e
        assert float(mean_square_latest(n, m, G, "iid")) == pytest.approx(e, rel=1e-13)


def test_other_values_need_no_new_program(on_map):
    before = phases._phases._cache_size()
    synthetic_phases(2.0 * LAMS, MODELS + 1.0, 0.3, 70.0)
    assert phases._phases._cache_size() == before


@pytest.mark.parametrize(
    ("name", "changed"),
    [
        ("lam", {"lam": [-1.0]}),
        ("models", {"models": [0.5]}),
        ("rate", {"rate": 1.0}),
        ("n", {"n": 1.0}),
        ("lam", {"lam": 3.0}),
    ],
)
def test_refuses(name, changed):
    with pytest.raises(InputError, match=f"^{name} must be"):
        synthetic_phases(**{"lam": [1.0], "models": [2.0]} | changed)
