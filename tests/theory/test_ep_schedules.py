"""Schedules of fresh data."""

import numpy as np
import pytest

from theory.error_propagation import schedules
from theory.error_propagation.ages import age_weights
from theory.validation import InputError


def test_constructors():
    assert schedules.constant(0.3, 3).tolist() == [0.3] * 3
    assert schedules.periodic_resets(3, 7).tolist() == [1, 0, 0, 1, 0, 0, 1]
    assert schedules.periodic_resets(2, 3, kept=0.1).tolist() == [1.0, 0.1, 1.0]
    np.testing.assert_allclose(schedules.fresh_last(1.5, 4), [0, 0, 0.5, 1])
    np.testing.assert_allclose(schedules.fresh_last(4.0, 4), np.ones(4))
    for budget in (0.0, 0.7, 2.3, 5.0):
        np.testing.assert_allclose(schedules.fresh_last(budget, 5).sum(), budget)
    assert schedules.from_values(np.array([0.0, 1.0])).tolist() == [0.0, 1.0]
    assert schedules.constant(0.3, 0).shape == (0,)
    assert schedules.from_values(np.array([1], dtype=np.int32)).dtype == np.float64


@pytest.mark.parametrize(
    ("name", "call"),
    [
        ("alpha", lambda: schedules.constant(-0.1, 3)),
        ("alpha", lambda: schedules.constant(np.nan, 3)),
        ("alpha", lambda: schedules.from_values(np.array([0.1, 1.1]))),
        ("alpha", lambda: schedules.periodic_resets(2, 3, kept=2.0)),
        ("period", lambda: schedules.periodic_resets(0, 3)),
        ("budget", lambda: schedules.fresh_last(4.0, 3)),
        ("generations", lambda: schedules.constant(0.1, -1)),
        ("t0", lambda: schedules.per_generation("t0", np.ones(2), 3)),
    ],
)
def test_bad_schedules_are_refused_by_name(name, call):
    with pytest.raises(InputError, match=f"^{name} must be"):
        call()


@pytest.mark.parametrize("alpha", [0.0, 0.1, 0.5, 1.0])
def test_age_law_of_a_constant_share(alpha):
    for n in (1, 2, 7):
        k = np.arange(1, n)
        expected = [*alpha * (1 - alpha) ** (k - 1), (1 - alpha) ** (n - 1)]
        np.testing.assert_allclose(age_weights(alpha, n), expected, rtol=1e-14)
    assert age_weights(alpha, 0).tolist() == [1.0]


def test_age_law_of_a_schedule_by_following_labels():
    """Mix, generation by generation, a vector of labels 'fresh at generation j'."""
    alpha = np.array([0.4, 0.2, 0.0, 0.7, 1.0, 0.3])
    law = np.zeros(6)
    for n, a in enumerate(alpha):
        law = (1 - a) * law
        law[n] += 1.0 if n == 0 else a
    np.testing.assert_allclose(age_weights(alpha, 6), law[::-1], rtol=1e-14)
    np.testing.assert_allclose(law.sum(), 1.0)
