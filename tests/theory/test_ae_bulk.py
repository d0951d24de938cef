"""The bulk under retraining: reference numbers of the specification, Sec. 5.2."""

import json
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from theory.autoencoder.bulk import (
    bulk_history,
    bulk_map,
    conditional_bulk_map,
    critical,
    critical_at_noise_level,
    stationary_bulk,
)
from theory.autoencoder.statements import bulk_continuous, conditional_bulk, skip
from theory.processes import euler_grid
from theory.validation import InputError

GRID = euler_grid()
OFFICIAL = {"alpha": 0.3, "beta": 0.7, "kappa": 1.0, "grid": GRID}


def after(tau: float):
    return partial(bulk_map, tau=tau, **OFFICIAL)


@pytest.fixture(scope="module")
def rows(spec_dir) -> dict:
    text = (spec_dir / "autoencoder_reference.json").read_text(encoding="utf-8")
    return json.loads(text)["bulk_map"]


def test_every_reference_row(rows):
    for tau, table in rows["F"].items():
        for row in table:
            b = float(skip(0.3, 0.7, row["v"], 1.0, float(tau)))
            assert b == pytest.approx(row["b"], rel=1e-8)
            found = float(bulk_map(row["v"], float(tau), **OFFICIAL))
            assert found == pytest.approx(row["F"], rel=1e-8)


def test_critical_time(rows):
    time, samples = critical(0.3, 0.7, 1.0, 0.1)
    assert float(time) == pytest.approx(rows["tau_c"], rel=1e-10)
    assert float(samples) == pytest.approx(15.2034, abs=1e-4)
    at = lambda factor: float(bulk_map(1.0, factor * float(time), **OFFICIAL))
    assert at(1.0) == pytest.approx(1.0, abs=1e-12)
    assert at(0.99) < 1.0 < at(1.01)


def test_no_critical_time_up_to_one_half():
    times, _ = critical_at_noise_level([0.3, 0.5, 0.500001, 0.7])
    assert np.isnan(times[:2]).all()
    assert np.isfinite(times[2:]).all()
    t = jnp.linspace(0.05, 0.5, 10)
    ever = jax.vmap(lambda t: bulk_map(1.0, 1e3, 1.0 - t, t, 1.0, GRID))(t)
    assert (ever <= 1.0 + 1e-12).all()
    assert float(bulk_map(1.0, 1e3, 0.4, 0.6, 1.0, GRID)) > 1.0


def test_histories_of_the_official_case():
    low = bulk_history(after(2.6), 3)
    np.testing.assert_allclose(low[1:], [0.602338, 0.071431, 0.000310], atol=6e-7)
    high = bulk_history(after(4.0), 4)
    printed = [2.084547, 11.455576, 27.214165, 30.153510]
    np.testing.assert_allclose(high[1:], printed, atol=6e-7)


def test_slope_at_the_critical_time():
    tau_c = float(critical(0.3, 0.7, 1.0, 0.1)[0])
    slope = float(jax.grad(lambda v: after(tau_c)(v))(1.0))
    assert slope == pytest.approx(3.88, abs=0.005)


def test_real_fraction():
    """Smooth at tau = 2.6, a saddle-node near p = 0.806 at tau = 3.1."""
    smooth = float(stationary_bulk(after(2.6), 1.0, 0.5))
    assert smooth == pytest.approx(0.5195, abs=5e-5)
    long = float(stationary_bulk(after(4.0), 1.0, 0.9))
    assert long == pytest.approx(1.9056, abs=5e-5)
    below, above = (float(stationary_bulk(after(3.1), 1.0, p)) for p in (0.80, 0.81))
    assert below > 4.5
    assert above < 1.3
    assert float(stationary_bulk(after(2.6), 1.0, 0.0)) < 1.01e-4


def test_a_skip_for_each_noise_level():
    slow = bulk_history(lambda v: conditional_bulk_map(v, 8.0, 1.0), 8)[1:]
    printed = [0.9186, 0.834, 0.7438, 0.6445, 0.5304, 0.3927, 0.2231, 0.0547]
    np.testing.assert_allclose(slow, printed, atol=6e-5)
    perfect = float(conditional_bulk_map(1.0, 1e4, 1.0))
    assert perfect == pytest.approx(0.9554, abs=5e-5)


def test_fine_steps_reach_continuous_time():
    fine = euler_grid(steps=99_000, of=100_000)
    for b in (0.6, 1.1):
        v = 1.0  # the skip is b where training never ends
        beta = 0.7
        alpha2 = beta * v / b - beta**2 * v
        found = bulk_map(v, 1e3, alpha2**0.5, beta, 1.0, fine)
        assert float(found) == pytest.approx(float(bulk_continuous(b, 0.99)), rel=2e-3)
    fine_own = float(conditional_bulk_map(0.5, 1e6, 1.0, 9_900, 10_000))
    assert fine_own == pytest.approx(float(conditional_bulk(0.5, 0.99)), rel=2e-3)


def test_bad_settings_are_refused():
    with pytest.raises(InputError, match="generations must be >= 1"):
        bulk_history(after(2.6), 0)
    with pytest.raises(InputError, match="real_fraction must be in"):
        bulk_history(after(2.6), 2, real_fraction=-0.1)
    with pytest.raises(InputError, match="steps must be in"):
        conditional_bulk_map(1.0, 8.0, 1.0, steps=100, of=100)
