"""Drift regimes and where a setting ends up."""

import numpy as np
import pytest

from theory.error_propagation import regimes
from theory.error_propagation import statements as ep
from theory.error_propagation.kernel_recursion import gaussian_kernel_drift, shift_drift
from theory.error_propagation.regimes import (
    Outlook,
    Regime,
    classify,
    innovation_cosine,
    memoryless_from,
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


def test_boundaries_divide_the_map():
    alphas, energies = np.array([0.1, 0.4, 1.0]), np.geomspace(1e-5, 1.0, 200)
    found = regime_map(alphas, energies, [0.5], target=0.02, tail_factor=1.5)
    at = found.isel(eta=0)
    for name, kind in (("contained_to", "aligned"), ("exceeded_from", "unbiased")):
        edge = at[name]
        drift = getattr(ep, f"stationary_{kind}")(alphas, 1.5 * 0.5 * edge.values)
        np.testing.assert_allclose(drift, 0.02)
    expected = (energies[None] > at["contained_to"].values[:, None]).astype(int)
    expected += energies[None] > at["exceeded_from"].values[:, None]
    np.testing.assert_array_equal(at["outlook"], expected)


def test_memoryless_from_is_where_the_regime_begins():
    for alpha, law in zip(
        memoryless_from(), (ep.stationary_aligned, ep.stationary_unbiased), strict=True
    ):
        for factor, memoryless in ((0.999, False), (1.001, True)):
            a = alpha * factor
            D = law(a, 1.0)
            C = np.sqrt(D) if law is ep.stationary_aligned else 0.0
            assert bool(classify(a, D, 1.0, C) == Regime.MEMORYLESS) is memoryless


def test_other_values_need_no_new_program():
    values = np.array([0.1, 0.5]), np.array([0.01]), np.array([0.3])
    regime_map(*values, target=1)
    before = regimes._regimes._cache_size()
    regime_map(*(0.5 * v for v in values), target=0.2, tail_factor=2.0)
    assert regimes._regimes._cache_size() == before


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
