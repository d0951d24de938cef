"""Phases of learning: the map against single learning curves, boundaries, one program."""

import jax.numpy as jnp
import numpy as np
import pytest

from theory.autoencoder import phases
from theory.autoencoder.averages import midpoint
from theory.autoencoder.bulk import critical_at_noise_level
from theory.autoencoder.learning import learning_curve
from theory.autoencoder.modes import splitting_index, splitting_time
from theory.autoencoder.phases import Phase, learning_phases
from theory.denoiser import at_noise_level, initial_overlaps, training
from theory.processes import euler_grid
from theory.structured import structured_mixture
from theory.validation import InputError

MU, WARM, SPREAD, UNTIL = 1.5, 0.05, 0.5, 6.0
LEVELS = np.array([0.2, 0.5, 0.7, 0.9, 0.95])
ONE, BOTH = (
    structured_mixture([1.0], [[MU]]),
    structured_mixture([0.5, 0.5], [[MU], [-MU]]),
)


def on_map(levels=LEVELS, until=UNTIL, rate=0.1, columns=120):
    start = initial_overlaps(ONE, [[WARM]], SPREAD)
    return learning_phases(
        ONE, training(rate=rate), start, euler_grid(), levels, until,
        midpoint(1, 16, 5.0), columns,
    )  # fmt: skip


@pytest.fixture(scope="module")
def found():
    return on_map()


@pytest.mark.parametrize("t", [0.2, 0.7])
def test_a_row_is_the_learning_curve_of_both_modes(found, t):
    start = initial_overlaps(BOTH, [[WARM, 0.0]], SPREAD)
    curve = learning_curve(
        BOTH, at_noise_level(t), start, UNTIL, midpoint(1, 40), 60, 10
    )
    M, Q, b = curve.M[1:, 0, 0], curve.Q[1:, 0, 0], curve.b[1:, 0]
    row = found.sel(level=t).isel(tau=slice(1, None, 2))
    np.testing.assert_allclose(row["alignment"], M**2 / (MU**2 * Q), atol=3e-5)
    index = splitting_index(Q, b, euler_grid(), training().activation)
    np.testing.assert_allclose(np.log1p(row["index"]), np.log1p(index), atol=2e-3)


def test_the_splitting_time_is_that_of_the_solver(found):
    start = initial_overlaps(BOTH, [[WARM, 0.0]], SPREAD)
    solved = splitting_time(
        BOTH, at_noise_level(0.5), start, euler_grid(), midpoint(1, 40), until=4.0
    )
    assert float(found["splits"].sel(level=0.5)) == pytest.approx(solved, rel=2e-3)


def test_phases_and_boundaries_agree(found):
    cosine, index = found["alignment"].values, found["index"].values
    expected = 2 * (cosine >= 0.5) + (index > 0)
    np.testing.assert_array_equal(found["phase"], expected)
    assert set(np.unique(found["phase"])) == set(Phase)
    assert (np.isnan(found["merges"]) == [True, True, True, False, False]).all()
    for name, values in (("aligns", cosine - 0.5), ("splits", index)):
        for k in range(len(LEVELS)):
            at = float(found[name][k])
            before = values[k][found["tau"].values < at]
            assert (before <= 0).all() if np.isfinite(at) else (values[k] <= 0).all()
    critical = critical_at_noise_level(LEVELS)[0]
    np.testing.assert_allclose(found["grows"], critical)


def test_other_values_need_no_new_program(found):
    before = phases._phases._cache_size()
    on_map(LEVELS - 0.01, 3.0, rate=0.2)
    assert phases._phases._cache_size() == before


def test_zeros_are_found_linearly_and_only_where_they_are():
    x = jnp.array([1.0, 2.0, 4.0])
    assert float(phases._first_zero(x, jnp.array([-1.0, 1.0, 5.0]))) == 1.5
    assert np.isnan(phases._first_zero(x, jnp.array([1.0, 2.0, 3.0])))


@pytest.mark.parametrize(
    ("name", "changed"),
    [("levels", {"levels": [0.0]}), ("until", {"until": 0.0}), ("columns", {"columns": 0})],
)  # fmt: skip
def test_refuses(name, changed):
    with pytest.raises(InputError, match=f"^{name} must be"):
        on_map(**changed)
