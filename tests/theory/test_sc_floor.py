"""The lower companion of the bound from one-step errors, against signed measures."""

import numpy as np
import pytest

from theory.mixing import accumulate, fully_synthetic, latest, uniform_past
from theory.self_consuming.floor import accumulated_floor
from theory.self_consuming.weights import accumulated_bound

S, STATES = 6, 9
SCHEDULES = {
    "latest": latest(0.3, S, 1.0),
    "own": latest([1.0, 0.9, 0.0, 0.5, 0.1, 1.0], S, 1.0),
    "synthetic": fully_synthetic(S, 1.0),
    "accumulate": accumulate(S, 1.0),
    "past": uniform_past(0.8, S, 1.0),
}


def loop(schedule, rng, size):
    """A loop of finite laws: one-step errors and distances from the first law."""
    p = rng.dirichlet(np.ones(STATES))
    alpha, beta = np.asarray(schedule.alpha), np.asarray(schedule.beta)
    models, errors, drifts = [], [], []
    for s in range(S):
        q = alpha[s] * p + sum(beta[s, t] * m for t, m in enumerate(models))
        model = (1 - size) * q + size * rng.dirichlet(np.ones(STATES))
        models.append(model)
        errors.append(0.5 * abs(model - q).sum())
        drifts.append(0.5 * abs(model - p).sum())
    return np.array(errors), np.array(drifts)


@pytest.mark.parametrize("name", SCHEDULES)
def test_distances_lie_between_floor_and_bound(name):
    schedule, rng = SCHEDULES[name], np.random.default_rng(0)
    some = 0
    for size in np.tile([0.02, 0.2, 0.9], 40):
        errors, drifts = loop(schedule, rng, size * rng.random())
        floor = np.asarray(accumulated_floor(schedule, errors))
        assert np.all(floor <= drifts + 1e-12)
        assert np.all(drifts <= accumulated_bound(schedule, errors) + 1e-12)
        assert floor[0] == pytest.approx(drifts[0])  # model 1 attains both
        some += int((floor[1:] > 0).sum())
    assert some > 50  # it says something beyond model 1


def test_it_is_attained_when_an_error_undoes_what_is_left():
    schedule = latest(0.5, 3, 1.0)  # drifts +.2, then .1 - .08, then .01 + .3
    floor = accumulated_floor(schedule, np.array([0.2, 0.08, 0.3]))
    np.testing.assert_allclose(floor, [0.2, 0.02, 0.3 - 0.5 * 0.18], rtol=1e-12)
    undone = accumulated_floor(schedule, np.array([0.2, 0.1, 0.01]))
    np.testing.assert_allclose(undone, [0.2, 0.0, 0.0], atol=1e-15)
    assert 1.1 * float(floor[1]) > 0.1 - 0.08  # control: no larger floor holds
