"""The geometry of steps: identity, known loops, what reuse of samples hides."""

from pathlib import Path

import numpy as np
import pytest

from figures.audit.clouds import clouds
from figures.audit.composition import composition
from figures.audit.drift import energy_drift, moment_drift
from figures.audit.reading import Loop, Setup

WAYS = {"energy": energy_drift, "moments": moment_drift}


def drifts_of(loop, **settings):
    setup = Setup(Path("r"), (Path("s"),) * loop.generations, **settings)
    shares = composition(setup, loop)
    points = clouds(setup, loop, shares)
    return {name: way(points, shares) for name, way in WAYS.items()}


@pytest.mark.parametrize("alpha", [0.0, 0.4])
def test_the_one_step_identity_is_exact(alpha):
    rng = np.random.default_rng(0)
    sets = tuple(rng.standard_normal((200, 2)) + 0.2 * g for g in range(1, 5))
    loop = Loop(rng.standard_normal((400, 2)), sets)
    for drift in drifts_of(loop, alpha=alpha).values():
        D = np.asarray(drift.distance.value)[1:]
        J, I, C = (
            np.asarray(x.value) for x in (drift.step, drift.inherited, drift.overlap)
        )
        np.testing.assert_allclose(D, I + 2.0 * C + J, atol=1e-12)
        np.testing.assert_allclose(I[1:], (1.0 - alpha) ** 2 * D[:-1], atol=1e-12)
        assert J[0] == pytest.approx(D[0], abs=1e-12)


def test_a_loop_that_shifts_is_aligned_and_one_that_returns_cancels():
    rng = np.random.default_rng(1)
    real = rng.standard_normal((1600, 2))
    at = lambda shift: rng.standard_normal((800, 2)) + [shift, 0.0]
    onward = Loop(real, tuple(at(0.3 * g) for g in range(1, 6)))
    for drift in drifts_of(onward, alpha=0.0, unseen=True).values():
        assert float(drift.cosine.value) > 0.8
    forth = Loop(real, tuple(at(0.5 * (g % 2)) for g in range(1, 8)))
    for drift in drifts_of(forth, alpha=0.0, unseen=True).values():
        assert float(drift.cosine.value) < -0.6


def test_moments_are_those_of_a_shift():
    rng = np.random.default_rng(2)
    real = rng.standard_normal((2000, 3)) * [1.0, 4.0, 0.1]
    shifted = rng.standard_normal((1000, 3)) * [1.0, 4.0, 0.1] + [0.5, 0.0, 0.0]
    D, error = drifts_of(Loop(real, (shifted,)))["moments"].distance
    assert abs(float(D[1]) - 0.25 - 0.5 * 0.25**2) < 4.0 * float(error[1])
    assert abs(float(D[0])) < 4.0 * float(error[0])


def test_what_reuse_hides_is_bounded():
    """Gaussians refitted to the very samples that are compared: steps look too short."""
    n, dim, runs = 200, 2, 40
    rng = np.random.default_rng(3)
    truth = (dim + 0.5 * dim * (dim + 1)) / n  # moments of n points, unbiased
    steps, hidden = [], []
    for _ in range(runs):
        sets, data = [], rng.standard_normal((n, dim))
        for _ in range(3):
            data = rng.multivariate_normal(data.mean(0), np.cov(data, rowvar=False), n)
            sets.append(data)
        real = rng.standard_normal((2 * n, dim))
        drift = drifts_of(Loop(real, tuple(sets)), alpha=0.0)["moments"]
        steps.append(float(drift.means.value[1]))
        hidden.append(float(np.mean(drift.hidden[1:])))
    mean, error = np.mean(steps), np.std(steps) / np.sqrt(runs)
    assert mean < truth - 5.0 * error  # taken as they are, steps are too short
    assert mean + np.mean(hidden) > truth - 3.0 * error
    assert abs(mean + np.mean(hidden) - truth) < 0.15 * truth + 3.0 * error


def test_samples_that_nobody_saw_hide_nothing():
    rng = np.random.default_rng(4)
    loop = Loop(
        rng.standard_normal((400, 2)),
        tuple(rng.standard_normal((3, 200, 2))),
        held_out=rng.standard_normal((400, 2)),
    )
    for drift in drifts_of(loop, alpha=0.5, unseen=True).values():
        assert not drift.hidden.any()
    for drift in drifts_of(loop, alpha=0.5).values():
        assert drift.hidden[0] == 0.0
        assert (drift.hidden[1:] > 0.0).all()
