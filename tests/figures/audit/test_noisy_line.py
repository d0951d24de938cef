"""Lines through noise: exact cases, coverage, and laws that must fail."""

import numpy as np
import pytest

from figures.audit.noisy_line import fit, power_law, recursion
from theory.validation import InputError


def walk(rng, factor, gain, noise, measured, generations):
    """One run of a linear recursion, and what is measured of it."""
    x = [1.0]
    for _ in range(generations - 1):
        x.append(factor * x[-1] + gain + noise * rng.standard_normal())
    return np.array(x) + measured * rng.standard_normal(generations)


def test_an_exact_recursion_is_continued():
    g = np.arange(10)
    x = 2.0 - 1.5 * 0.7**g
    fitted = fit(x[:6], np.zeros(6), [recursion(0.7, 10)])
    np.testing.assert_allclose(fitted.predictions().value, x[6:], rtol=1e-6)
    assert float(fitted.gains().value[0]) == pytest.approx(0.3 * 2.0, rel=1e-6)


def test_an_exact_power_is_continued():
    g = np.arange(1, 11)
    D = 3.0 * g**1.4
    fitted = fit(np.log(D[:7]), np.full(7, 1e-9), [power_law(g)])
    assert float(fitted.gains().value[0]) == pytest.approx(1.4, abs=1e-6)
    np.testing.assert_allclose(np.exp(fitted.predictions().value), D[7:], rtol=1e-5)


def test_without_noise_of_the_run_it_is_least_squares():
    rng = np.random.default_rng(0)
    y = 0.3 * np.arange(40) + rng.standard_normal(40)
    fitted = fit(y, np.ones(40), [recursion(1.0, 40)])
    slope, cov = np.polyfit(np.arange(40), y, 1, cov="unscaled")
    assert fitted.gain[0, 0] == pytest.approx(slope[0], rel=1e-9)
    assert fitted.gain_error[0, 0] == pytest.approx(np.sqrt(cov[0, 0]), rel=1e-9)


CASES = {
    "steady": (1.0, 0.5, 0.4, 0.05),
    "measured badly": (1.0, 0.5, 0.1, 0.6),
    "levels off": (0.6, 1.0, 0.3, 0.1),
}


@pytest.mark.parametrize("case", CASES)
def test_predictions_cover(case):
    factor, gain, noise, measured = CASES[case]
    rng = np.random.default_rng(1)
    inside, gains = [], []
    for _ in range(80):
        y = walk(rng, factor, gain, noise, measured, 12)
        fitted = fit(y[:9], np.full(9, measured), [recursion(factor, 12)])
        ends = fitted.predictions()
        inside.append((ends.low <= y[9:]) & (y[9:] <= ends.high))
        c = fitted.gains()
        gains.append(c.low[0] <= gain <= c.high[0])
    error = np.sqrt(0.95 * 0.05 / 80)
    assert np.mean(inside) > 0.95 - 3.0 * error
    assert np.mean(gains) > 0.95 - 3.0 * error


def test_a_law_that_is_false_does_not_cover():
    rng = np.random.default_rng(2)
    inside = []
    for _ in range(40):
        y = walk(rng, 1.25, 0.5, 0.05, 0.02, 14)  # grows without end
        ends = fit(y[:9], np.full(9, 0.02), [recursion(0.7, 14)]).predictions()
        inside.append((ends.low <= y[9:]) & (y[9:] <= ends.high))
    assert np.mean(inside) < 0.5


def test_likely_lines_hold_the_true_one():
    rng = np.random.default_rng(3)
    factors = np.linspace(0.0, 1.2, 13)
    found = []
    for _ in range(40):
        y = walk(rng, 0.6, 1.0, 0.1, 0.02, 14)
        found.append(
            fit(y, np.full(14, 0.02), [recursion(f, 14) for f in factors]).likely()
        )
    share = np.mean(found, axis=0)
    assert share[6] > 0.85  # 0.6
    assert share[-1] < 0.3


def test_few_generations_are_refused():
    with pytest.raises(InputError, match="at least 4 generations"):
        fit(np.zeros(3), np.ones(3), [recursion(1.0, 3)])
