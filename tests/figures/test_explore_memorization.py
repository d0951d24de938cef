"""What the notebook `memorization` computes, against the packages it computes it with."""

import jax
import jax.numpy as jnp
import jax.random as jr
import numpy as np
import pytest
from scipy.spatial.distance import cdist

from figures.explore import memorization_runs as runs
from figures.explore.memorization import (
    MOST,
    RULES,
    SIZES,
    Settings,
    points,
    theory,
)
from figures.explore.memorization_page import (
    lines_picture,
    memory_sentence,
    memory_table,
    samples_picture,
    score_picture,
)
from sim.composition.farthest import greedy
from theory.memorization.genealogy import surviving_share_finite
from theory.validation import InputError

COPIER = Settings(size=8, width=32, models=2, rule="greedy")


@pytest.fixture(scope="module")
def simulated():
    """Two models that learn eight digits each."""
    return runs.simulate(COPIER)


@pytest.mark.parametrize("size", SIZES)
def test_theory_is_the_exact_chain_of_copies(size):
    survivors = theory(Settings(size=size, models=MOST)).survivors
    assert survivors[0] == 1.0
    np.testing.assert_allclose(survivors[1:], surviving_share_finite(size, MOST - 1))


def test_lines_of_a_copier_are_counted_as_theory_says():
    rng, size, loops = np.random.default_rng(0), 16, 400
    shares = []
    for _ in range(loops):  # every sample copies its parent; the first N are trained on
        parent = rng.integers(0, size, (MOST, runs.POOL))
        chosen = np.tile(np.arange(max(SIZES)), (MOST, 1))
        shares.append(runs._survivors(parent, chosen, size))
    error = np.std(shares, axis=0) / np.sqrt(loops)
    expected = theory(Settings(size=size, models=MOST)).survivors
    assert (np.abs(np.mean(shares, axis=0) - expected) <= 5.0 * error).all()


def chosen(rule: str, size: int, samples) -> np.ndarray:
    index, spacing = list(RULES).index(rule), jnp.float64(0.3)
    found = jax.jit(runs._choose)(index, jr.key(1), samples, size, spacing)
    return np.asarray(found)[:size]


@pytest.mark.parametrize("size", [8, 64])
def test_the_padded_choice_is_that_of_the_samples_alone(size):
    samples = jr.normal(jr.key(0), (runs.POOL, 3), jnp.float32)
    assert list(chosen("random", size, samples)) == list(range(size))
    far = chosen("greedy", size, samples)
    alone = greedy(samples[: 2 * size], size, int(far[0]))
    assert list(far) == list(np.asarray(alone))
    decay = chosen("decay", size, samples)
    assert len(set(decay)) == size
    assert max(decay) < 2 * size


def test_the_first_training_set_is_the_first_points(simulated):
    first = points("digits").train[: COPIER.size]
    away = cdist(simulated.nearest[0, 0], first).min(axis=1)
    assert away.max() == 0.0


def test_scores_are_mean_nearest_distances(simulated):
    for model in range(COPIER.models):
        x, z = (of[1, model] for of in (simulated.samples, simulated.nearest))
        direct = np.linalg.norm(x - z, axis=1)
        assert simulated.score[1, model] == pytest.approx(direct.mean(), rel=1e-5)
    x, first = simulated.samples[0, 0], points("digits").train[: COPIER.size]
    nearest = cdist(x, first).min(axis=1)
    assert simulated.score[0, 0] == pytest.approx(nearest.mean(), rel=1e-5)


def test_eight_points_are_remembered(simulated):
    assert simulated.closer[0] - 5.0 * simulated.closer_error[0] > 0.5
    assert simulated.score[1, 0] < 0.6 * simulated.held_out[1, 0]


def test_points_far_apart_keep_entropy(simulated):
    random, far = simulated.entropy[:, 1]
    assert far > random
    assert simulated.entropy[0, 0] == simulated.entropy[1, 0]


def test_no_slider_but_the_width_compiles_anew(simulated, monkeypatch):
    program = runs._program(COPIER.width)
    monkeypatch.setattr(runs, "replicated", None)  # builds a program
    other = runs.simulate(Settings(size=128, width=32, models=2, rule="decay"))
    assert runs._program(COPIER.width) is program
    assert other.score[1, 0] > simulated.score[1, 0]


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"size": 12}, "size must be one of 8, 16, 32, 64, 128, got 12."),
        ({"data": "x"}, "data must be one of digits, "),
        ({"rule": "x"}, "rule must be one of random, greedy, decay, got 'x'."),
        ({"models": 9}, r"models must be in \[2, 4\], got 9."),
    ],
)
def test_what_no_slider_sets_is_refused(values, message):
    with pytest.raises(InputError, match=message):
        Settings(**values)


def test_the_page_says_what_was_run_and_what_came_of_it(simulated):
    ran = memory_sentence(COPIER, None).html
    assert f"A run trains 2 x 2 new networks of {runs.DEPTH} layers of 32 units" in ran
    assert "remembers" not in ran
    said = memory_sentence(COPIER, simulated).html
    assert "Model 1 remembers single training points" in said
    predicted = theory(COPIER)
    assert "Nothing is simulated yet." in score_picture(COPIER, None).html
    assert "chosen farthest points first" in score_picture(COPIER, simulated).html
    assert "only copies keeps" in lines_picture(COPIER, predicted, simulated).html
    assert "model 2" in samples_picture(COPIER, simulated).html
    table = memory_table(COPIER, predicted, simulated).html
    for id in ("kept", "first", "random", "chosen", "closer", "lines"):
        assert f'data-number="{id}"' in table


def test_points_that_are_no_images_are_drawn_in_their_plane(simulated):
    circle = Settings(data="ring", size=8, width=32, models=2)
    assert points("ring").frame is None
    assert "img" in samples_picture(circle, simulated).html
