"""Drift regimes and where a setting ends up."""

import numpy as np
import pytest

from theory.error_propagation import statements as ep
from theory.error_propagation.kernel_recursion import gaussian_kernel_drift, shift_drift
from theory.error_propagation.regimes import (
    Outlook,
    Regime,
    classify,
    innovation_cosine,
    regime_map,
)
from theory.validation import InputError


def _regimes(alpha, loop):
    return classify(alpha, loop.D[:-1], loop.J, loop.C).tolist()


def test_shift_loops_show_every_regime():
    steps = np.arange(6)
    aligned = _regimes(0.1, shift_drift(0.1, np.full(6, 0.1)))
    assert aligned == [Regime.MEMORYLESS] + [Regime.ALIGNED] * 5
    alternating = _regimes(0.1, shift_drift(0.1, 0.1 * (-1.0) ** steps))
    assert alternating[1::2] == [Regime.CANCELLING] * 3  # each odd one undoes the last
    fresh = _regimes(0.95, shift_drift(0.95, np.full(6, 0.1)))
    assert fresh == [Regime.MEMORYLESS] * 6
    heavy = _regimes(0.1, gaussian_kernel_drift(0.1, np.full(6, 0.3)))
    assert heavy[3:] == [Regime.HEAVY_TAILED] * 3
    # One direction, then the orthogonal one: the cosine is 0 and the past matters.
    assert classify(0.1, 1.0, 1.0, 0.0) == Regime.UNBIASED
    assert classify(0.1, 1.0, 1.0, 0.0, tail_factor=342.0) == Regime.HEAVY_TAILED


def test_cosine_is_one_for_proportional_errors_and_undefined_without_drift():
    cosine = innovation_cosine(
        np.array([4.0, 4.0, 0.0]), np.full(3, 9.0), np.array([6.0, -6.0, 0.0])
    )
    np.testing.assert_allclose(cosine[:2], [1.0, -1.0])
    assert np.isnan(cosine[2])
    assert np.isnan(innovation_cosine(np.inf, 1.0, np.inf))


def test_regime_map_holds_the_stationary_laws_and_the_outlook():
    alphas, energies, etas = (
        np.array([0.0, 0.1, 0.5, 1.0]),
        np.array([0.0, 0.002, 2.0]),
        np.array([0.2, 0.8]),
    )
    drifts = regime_map(alphas, energies, etas, target=0.02, tail_factor=1.5)
    at = {"alpha": 0.1, "eps_star2": 0.002, "eta": 0.8}
    J = 1.5 * 0.8 * 0.002
    here = drifts.sel(at)
    np.testing.assert_allclose(here.aligned, ep.stationary_aligned(0.1, J))
    np.testing.assert_allclose(here.unbiased, ep.stationary_unbiased(0.1, J))
    np.testing.assert_allclose(here.cancelling, ep.stationary_cancelling(0.1, J))
    assert here.outlook == Outlook.DEPENDS  # .24 aligned, .0126 unbiased
    assert here.perturbative
    assert not drifts.perturbative.sel(eps_star2=2.0).any()
    assert (drifts.outlook.sel(alpha=0.0, eps_star2=0.002) == Outlook.EXCEEDED).all()
    silent = drifts.sel(eps_star2=0.0)
    assert (silent.outlook == Outlook.CONTAINED).all()
    assert (silent.aligned == 0).all()
    known = drifts.sel(eps_star2=[0.002, 2.0])
    assert (known.cancelling <= known.unbiased * (1 + 1e-12)).all()
    assert (known.unbiased <= known.aligned * (1 + 1e-12)).all()
    np.testing.assert_allclose(
        known.sel(alpha=1.0).aligned, known.sel(alpha=1.0).unbiased
    )
    assert (drifts.outlook.diff("alpha") <= 0).all()  # fresh data never hurt
    assert (drifts.outlook.diff("eps_star2") >= 0).all()


@pytest.mark.parametrize(
    ("name", "changed"),
    [
        ("alpha", {"alpha": np.array([1.2])}),
        ("eta", {"eta": np.array([np.nan])}),
        ("eps_star2", {"eps_star2": np.array(-1.0)}),
        ("target", {"target": 0.0}),
        ("tail_factor", {"tail_factor": -1.0}),
    ],
)
def test_regime_map_refuses(name, changed):
    good = {
        "alpha": np.array([0.1]),
        "eps_star2": np.array([0.1]),
        "eta": np.array([0.1]),
    }
    with pytest.raises(InputError, match=f"^{name} must be"):
        regime_map(**(good | {"target": 0.1} | changed))
