"""Points a stage needs: factors of the schedules, their limits, any schedule scaled."""

import numpy as np
import pytest
from sc_reference import read
from scipy.special import zeta

from theory.mixing import (
    accumulate,
    accumulate_batches,
    fixed_mixture,
    fully_synthetic,
    latest,
    uniform_past,
)
from theory.self_consuming import sample_size as need
from theory.self_consuming.weights import accumulated_bound, rate_errors
from theory.validation import InputError

M, R = 12, 0.25
ALPHA = np.minimum(1.0, 2.5 / np.maximum(np.arange(M), 1))
CASES = {
    "synthetic": (need.fully_synthetic_factor(M), fully_synthetic(M, 1.0)),
    "growing": (
        need.growing_sizes_factor(M, R, 5.0),
        fully_synthetic(M, np.arange(1.0, M + 1) ** 5),
    ),
    "latest": (need.latest_factor(M, 0.3), latest(0.3, M, 1.0)),
    "vanishing": (need.vanishing_fraction_factor(M, 2.5), latest(ALPHA, M, 1.0)),
    "accumulate": (need.accumulate_factor(M), accumulate(M, 1.0)),
    "all": (need.all_data_factor(M, R), accumulate(M, np.arange(1.0, M + 1))),
    "batches": (need.batches(M, R, 0.4), accumulate_batches(1.0, 0.4, M)),
    "uniform": (need.uniform_past_factor(M, 0.75), uniform_past(0.75, M, 1.0)),
    "uniform, no real": (need.uniform_past_factor(M, 1.0), uniform_past(1.0, M, 1.0)),
    "V1": (need.fixed_mixture_factor(M, R, 3.5), fixed_mixture(1.0, 3.5, M)),
    "V2": (
        need.fixed_mixture_factor(M, R, 3.5, "V2"),
        fixed_mixture(1.0, 3.5, M, "V2"),
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_the_points_make_the_bound_the_target(name):
    factor, unit = CASES[name]
    n = float(need.required(factor, 0.1, R, 0.7))
    bound = lambda points: float(
        accumulated_bound(unit, rate_errors(points * unit.sizes, R, 0.7))[-1]
    )
    assert bound(n) == pytest.approx(0.1, rel=EXACT)
    assert bound(0.99 * n) > 0.1


EXACT = 1e-10


@pytest.fixture(scope="session")
def rows(spec_dir):
    return read(spec_dir) or pytest.skip("no self_consuming.md among the references")


def test_the_constant_of_accumulation(rows):
    for rate, constant in rows["C_acc"].items():
        assert need.accumulation_constant(float(rate)) == pytest.approx(
            constant, rel=EXACT
        )
    # a telescoping sum: r = 1 gives sum 1/(l (l + 1)) = 1; from x, 1/x
    for start in (1.0, 0.37, 2.5, 40.0):
        exact = 1.0 / start
        assert need.accumulation_constant(1.0, start) == pytest.approx(exact, rel=1e-13)


def test_limits_are_reached():
    late = 20_000
    assert need.latest_factor(late, 0.3).value == pytest.approx(1 / 0.3)
    for factor in (
        need.all_data_factor(late, 0.5),
        need.batches(late, 0.5, 0.4),
        need.uniform_past_factor(late, 0.5),
        need.growing_sizes_factor(late, R, 8.0),
    ):
        assert factor.growth == "1"
        assert factor.value == pytest.approx(factor.limit, rel=2e-2)
        assert factor.value == pytest.approx(1.02 * factor.limit, rel=3e-2)
    assert need.growing_sizes_factor(9, R, 8.0).limit == pytest.approx(np.pi**2 / 6)
    shape = need.fixed_mixture_factor(10**6, R, 3.5)
    assert shape.value == pytest.approx(shape.limit)
    assert need.all_data_factor(5, R).limit == need.batches(5, R, 1.0).limit


def test_growth_laws():
    doubled = lambda factor: factor(4000).value / factor(2000).value
    assert doubled(need.fully_synthetic_factor) == 2
    ratio = need.required(8.0, 0.1, R) / need.required(4.0, 0.1, R)
    assert float(ratio) == pytest.approx(16.0)  # the fourth power
    assert need.vanishing_fraction_factor(4000, 2.0).value == pytest.approx(
        4000 / 3, rel=1e-3
    )
    logarithms = (
        need.accumulate_factor,
        lambda k: need.uniform_past_factor(k, 1.0),
        lambda k: need.growing_sizes_factor(k, R, 4.0),
    )
    for factor in logarithms:
        assert factor(9).growth == r"\log i"
        assert np.isinf(factor(9).limit)
        gap = factor(4000).value - factor(2000).value
        assert gap == pytest.approx(np.log(2.0), rel=1e-3)
    slow = need.growing_sizes_factor(9, R, 2.0)
    assert slow.growth == "i^{0.5}"
    assert doubled(lambda k: need.growing_sizes_factor(k, R, 2.0)) == pytest.approx(
        np.sqrt(2), rel=2e-2
    )
    assert need.growing_sizes_factor(9, R, 4.4).limit == pytest.approx(zeta(1.1))


@pytest.mark.parametrize(
    "errors", [{}, {"dim": 3.0, "delta": 0.1}, {"mismatch": 1e-3, "constant": 2.0}]
)
def test_any_schedule_scaled_to_the_target(errors):
    scheme = uniform_past(0.9, 7, np.array([100.0, 50, 80, 20, 300, 10, 60]))
    k = need.size_multiplier(scheme, 0.2, R, **errors)
    at = lambda k: float(
        accumulated_bound(scheme, rate_errors(k * scheme.sizes, R, **errors))[-1]
    )
    assert at(k) == pytest.approx(0.2, rel=EXACT)
    assert at(0.9 * k) > 0.2 > at(1.1 * k)
    factor = float(need.schedule_factor(scheme, R))
    if not errors:
        assert float(need.required(factor, 0.2, R)) == pytest.approx(k * 100.0)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: need.latest_factor(0, 0.1), "models must be an integer >= 1"),
        (lambda: need.latest_factor(3, 1.1), r"alpha must be in \[0, 1\]"),
        (lambda: need.required(2.0, -1.0, R), "target must be positive"),
        (lambda: need.required(2.0, 0.1, 1.0), "rate must be in"),
        (lambda: need.batches(3, R, 0.0), "synthetic must be positive"),
        (
            lambda: need.size_multiplier(latest(0.5, 3, 9.0), 0.1, R, mismatch=0.2),
            "target must be above the mismatch's 0.35",
        ),
    ],
)
def test_targets_that_cannot_be_met_are_refused(call, message):
    with pytest.raises(InputError, match=message):
        call()
