"""What the notebook `autoencoder` computes, against the packages it computes it with."""

import jax
import numpy as np
import pytest

from figures.explore import autoencoder as explored
from figures.explore.autoencoder import DIM, MOST, Settings, theory
from figures.explore.autoencoder_page import (
    order_picture,
    order_table,
    retraining_sentence,
)
from figures.explore.autoencoder_runs import RECORDS, RUNS, simulate
from theory.autoencoder.resolution import resolved_curve
from theory.autoencoder.retraining import joint_rules, product_rules, retrain
from theory.denoiser import initial_overlaps
from theory.processes import euler_grid
from theory.structured import structured_mixture
from theory.validation import InputError

FLUCTUATION = 1.45 / np.sqrt(DIM)
"""Of Q in one run, from the specification."""


@pytest.mark.parametrize(
    "width", [1, *(pytest.param(r, marks=pytest.mark.slow) for r in (2, 3))]
)
def test_learning_curves_are_resolved(width):
    settings = Settings(width=width)
    tau = settings.pieces * settings.piece
    start = initial_overlaps(settings.law, settings.start)
    fine = resolved_curve(
        settings.law, settings.training, start, tau, explored.POINTS, 1e-3
    ).curve
    found = theory(settings).curve
    np.testing.assert_allclose(found.Q, fine.Q, atol=0.02)
    np.testing.assert_allclose(found.M, fine.M, atol=0.02)
    np.testing.assert_allclose(found.b, fine.b, atol=1e-5)


@pytest.mark.parametrize(
    ("width", "share", "error"),
    [
        (1, 0.0, 0.02),
        (1, 0.5, 0.02),
        pytest.param(2, 0.0, 0.04, marks=pytest.mark.slow),
    ],
)
def test_generations_are_those_of_finer_rules(width, share, error):
    settings = Settings(modes=2, width=width, generations=MOST, real_fraction=share)
    finer = product_rules(1, 400, 40) if width == 1 else joint_rules(2, 2**12, 32)
    fine = jax.jit(
        lambda tau: retrain(
            settings.law, settings.training, euler_grid(), settings.start, tau,
            MOST, finer, real_fraction=share, steps=150,
        )
    )(settings.pieces * settings.piece)  # fmt: skip
    found, scale = theory(settings).generations, np.abs(fine.Q).max(axis=(1, 2))
    assert (np.abs(found.Q - fine.Q).max(axis=(1, 2)) <= error * scale).all()
    np.testing.assert_allclose(found.s2, fine.s2, rtol=1e-3, atol=1e-6)


def test_absent_modes_change_nothing():
    settings = Settings(modes=2, width=1)
    alone = structured_mixture([0.5, 0.5], settings.points)
    tau = settings.pieces * settings.piece
    start = initial_overlaps(alone, [[explored.WARM, 0.0]])
    curve = resolved_curve(alone, settings.training, start, tau, 1, 1e-3).curve
    expected = pytest.approx(float(curve.Q[-1, 0, 0]), abs=0.01)
    assert theory(settings).curve.Q[-1, 0, 0] == expected


def test_no_slider_compiles_anew():
    theory(Settings())
    before = explored._theory._cache_size()
    for changed in (
        {"modes": 5}, {"t": 0.5}, {"rate": 0.4}, {"tau": 3.5}, {"generations": 0},
        {"real_fraction": 0.3},
    ):  # fmt: skip
        theory(Settings(**changed))
    assert explored._theory._cache_size() == before


@pytest.fixture(scope="module")
def both():
    settings = Settings(rate=0.2, generations=1, tau=2.0)
    return settings, theory(settings), simulate(settings)


def test_networks_follow_the_theory(both):
    _, predicted, simulated = both
    assert simulated.diverged == 0
    at = np.searchsorted(predicted.tau, simulated.tau - 1e-9)
    assert len(at) == RECORDS + 1
    near = np.abs(predicted.tau[at] - simulated.tau) < 1e-9
    Q = simulated.curve.Q.mean(axis=0)[near]
    margin = 5.0 * FLUCTUATION / np.sqrt(RUNS)
    np.testing.assert_allclose(Q, predicted.curve.Q[at][near], atol=margin)
    assert simulated.curve.b.mean() == pytest.approx(
        np.interp(simulated.tau, predicted.tau, predicted.curve.b[:, 0]).mean(),
        rel=0.03,
    )


def test_networks_tell_noise_levels_apart(both):
    settings, _, simulated = both
    other = theory(Settings(rate=settings.rate, tau=settings.tau, t=0.5))
    margin = 5.0 * FLUCTUATION / np.sqrt(RUNS)
    gap = simulated.curve.Q.mean(axis=0)[-1] - other.curve.Q[-1]
    assert np.abs(gap).max() > margin


def test_what_is_generated_lies_where_theory_says(both):
    _, predicted, simulated = both
    mean, variance = predicted.law.mean(), np.diagonal(predicted.law.variance())
    error = np.sqrt(variance / len(simulated.samples))
    assert len(simulated.samples) == RUNS * 400
    # networks differ among themselves by more than samples do
    assert np.abs(simulated.samples.mean(axis=0) - mean).max() < 8.0 * error.max()
    np.testing.assert_allclose(simulated.samples.var(axis=0), variance, rtol=0.2)


def test_the_bulk_follows_from_generation_to_generation(both):
    _, predicted, simulated = both
    found, s2 = simulated.s2.mean(axis=0), predicted.generations.s2
    assert found.shape == s2.shape == (2,)
    assert found[0] == pytest.approx(s2[0], rel=0.2)
    assert found[1] < 0.1 * found[0]


@pytest.mark.slow
def test_a_spectrum_is_learned_too():
    settings = Settings(decay=1.0, generations=0, rate=0.2)
    predicted, simulated = theory(settings), simulate(settings)
    margin = 5.0 * FLUCTUATION * predicted.curve.Q[-1].max() / np.sqrt(RUNS)
    found = simulated.curve.Q[:, -1].mean(axis=0)
    np.testing.assert_allclose(found, predicted.curve.Q[-1], atol=margin)
    assert np.isnan(predicted.critical)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"modes": 6}, r"modes must be in \[1, 5\], got 6."),
        ({"t": 1.0}, r"t must be in \[0.1, 0.95\], got 1."),
        ({"activation": "x"}, "activation must be one of tanh, erf, relu, got 'x'."),
        ({"decay": 1.0, "real_fraction": 0.1}, "real_fraction must be 0 unless the"),
    ],
)
def test_what_no_slider_sets_is_refused(values, message):
    with pytest.raises(InputError, match=message):
        Settings(**values)


def test_the_page_says_what_retraining_does(both):
    settings, predicted, simulated = both
    said = retraining_sentence(settings, predicted).html
    assert (
        "is below the critical 3.04, where without real data the bulk collapses" in said
    )
    long = Settings(tau=4.0)
    said = retraining_sentence(long, theory(long)).html
    assert (
        "is above the critical 3.04, where without real data the bulk explodes" in said
    )
    assert "middle" in order_picture(settings, predicted, simulated).html.lower()
    table = order_table(settings, predicted, simulated).html
    for id in ("tau", "Q", "b", "bulk", "Q-simulated", "bulk-last-simulated"):
        assert f'data-number="{id}"' in table


def test_fast_training_is_not_taken_for_divergence():
    """Fixed steps of 0.08 overflow here, in the last generation."""
    settings = Settings(activation="relu", rate=0.3, tau=4.0, generations=3)
    rules = explored._rules(settings.width)
    fine = jax.jit(
        lambda tau: retrain(
            settings.law, settings.training, euler_grid(), settings.start, tau,
            MOST, rules, steps=800,
        )
    )(settings.pieces * settings.piece)  # fmt: skip
    found = theory(settings).generations
    np.testing.assert_allclose(found.Q, fine.Q, rtol=0.02, atol=1e-3)


def test_training_that_diverges_is_called_so():
    settings = Settings(activation="relu", rate=0.5, tau=4.0, generations=3)
    predicted = theory(settings)
    assert np.isnan(predicted.generations.Q[-1]).all()
    said = retraining_sentence(settings, predicted).html
    assert "Training diverges in generation 3" in said
    assert "img" in order_picture(settings, predicted, None).html
