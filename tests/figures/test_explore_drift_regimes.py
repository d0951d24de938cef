"""What the notebook `drift_regimes` computes, against the packages it computes it with."""

import numpy as np
import pytest

from figures.explore import drift_regimes as explored
from figures.explore.drift_regimes import (
    KINDS,
    MOST,
    PROCESS,
    RUNS,
    SCHEDULES,
    Settings,
    own_shares,
    simulate,
    theory,
)
from figures.explore.drift_regimes_page import (
    drift_picture,
    drift_table,
    regime_sentence,
)
from theory.error_propagation.accumulation import drift_bounds
from theory.error_propagation.kernel_recursion import shift_drift
from theory.error_propagation.schedules import fresh_last, periodic_resets
from theory.validation import InputError


def shifts(settings: Settings) -> np.ndarray:
    """Standard deviations by which the simulated runs move, (RUNS, N)."""
    size = np.sqrt(settings.observability * settings.energy / -np.expm1(-PROCESS.T))
    return size * settings.signs[:RUNS, : settings.generations]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("schedule", SCHEDULES)
def test_curves_do_not_depend_on_the_padding(kind, schedule):
    settings = Settings(schedule=schedule, kind=kind, generations=7, alpha=0.3)
    found = theory(settings)
    alpha = settings.fresh[:7]
    runs = [shift_drift(alpha, row) for row in shifts(settings)]
    assert found.D.shape == (8,)
    np.testing.assert_allclose(found.of_runs, np.mean([run.D for run in runs], axis=0))
    root = drift_bounds(alpha, found.J).root
    np.testing.assert_allclose(found.bounds.root, root)
    assert (root * (1 + 1e-9) - found.D >= 0).all()


def test_no_slider_compiles_anything_anew():
    for settings in (Settings(), Settings("late", 0.4, 3, 0.002, "unbiased", 0.1)):
        theory(settings)
        simulate(settings)
    assert explored._theory._cache_size() == 1
    assert explored._simulate._cache_size() == 1


@pytest.mark.parametrize("kind", KINDS)
def test_simulation_follows_the_exact_recursion(kind):
    settings = Settings(kind=kind, generations=9, alpha=0.3)
    predicted, found = theory(settings), simulate(settings)
    odd = slice(None, None, 2)  # cancelling errors leave next to nothing at even laws
    np.testing.assert_allclose(found.D[odd], predicted.of_runs[1:][odd], rtol=0.15)
    # the first generation has the law that the energies are derived for
    assert found.energy[0] == pytest.approx(settings.energy, rel=0.1)
    assert found.observability[0] == pytest.approx(settings.observability, abs=0.08)


def test_what_is_not_observable_moves_nothing():
    seen = simulate(Settings(observability=1.0, generations=3))
    hidden = simulate(Settings(observability=0.0, generations=3))
    assert hidden.energy[0] == pytest.approx(0.01, rel=0.1)
    assert hidden.observability[0] < 0.02
    assert hidden.D[-1] < 0.02 * seen.D[-1]


def test_a_law_that_leaves_the_grid_is_not_shown():
    settings = Settings(alpha=0.0, generations=MOST, energy=0.1, observability=1.0)
    found = simulate(settings)
    assert np.isfinite(found.D[0])
    assert np.isnan(found.D[-1])
    table = drift_table(settings, theory(settings), found).html
    assert "outside the grid" in table
    assert "never" in table  # without fresh data aligned errors do not settle


def test_every_schedule_spends_the_same_fresh_data():
    for alpha in (0.1, 0.2, 0.5):
        same = set(SCHEDULES) - {"own"}
        spent = [Settings(s, alpha, 20).fresh[:20].sum() for s in same]
        np.testing.assert_allclose(spent, 20 * alpha)
    np.testing.assert_array_equal(
        Settings("late", 0.33, 20).fresh[:20], fresh_last(0.33 * 20, 20)
    )
    np.testing.assert_array_equal(
        Settings("resets", 0.25, 20).fresh[:20], periodic_resets(4, 20)
    )


def test_shares_of_ones_own_are_repeated():
    settings = Settings("own", generations=5, own=own_shares("1, 0,0.25"))
    np.testing.assert_array_equal(settings.fresh[:5], [1.0, 0.0, 0.25, 1.0, 0.0])


@pytest.mark.parametrize("text", ["", "1, 0,", "1; 0", "0.5, 1.2", "nan"])
def test_shares_that_are_none_are_refused_in_one_line(text):
    with pytest.raises(
        InputError, match=r"own shares must be numbers in \[0, 1\] with"
    ):
        own_shares(text)


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        (
            Settings(),
            "Aligned: the last error meets the drift it inherits at cosine 0.99",
        ),
        (Settings(kind="unbiased"), "Unbiased: "),
        (Settings(kind="cancelling", generations=10), "Cancelling: "),
        (Settings(alpha=1.0), "Memoryless: the last law inherits 0 %"),
        (Settings(observability=0.0), "No drift"),
    ],
    ids=["aligned", "unbiased", "cancelling", "memoryless", "hidden"],
)
def test_the_regime_is_named_with_its_reason(settings, says):
    assert says in regime_sentence(settings, theory(settings)).html


@pytest.mark.parametrize("kind", KINDS)
def test_the_picture_also_says_what_it_shows(kind):
    settings = Settings(kind=kind, generations=3)
    predicted = theory(settings)
    alone = drift_picture(settings, predicted, None).html
    both = drift_picture(settings, predicted, simulate(settings)).html
    assert f"exact {predicted.D[-1]:.3g}" in alone
    assert "simulated" not in alone
    assert "simulated" in both


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"alpha": 1.1}, "alpha must be in"),
        ({"energy": 0.2}, "energy must be in"),
        ({"observability": -0.1}, "observability must be in"),
        ({"generations": MOST + 1}, "generations must be in"),
        ({"kind": "odd"}, "kind must be one of aligned, unbiased, cancelling"),
        ({"schedule": "odd"}, "schedule must be one of constant, resets, late, own"),
        ({"own": (0.5, 2.0)}, "own must be in"),
        ({"own": ()}, "own must be one fresh fraction or more"),
    ],
)
def test_settings_no_slider_can_make_are_refused(wrong, message):
    with pytest.raises(InputError, match=message):
        Settings(**wrong)
