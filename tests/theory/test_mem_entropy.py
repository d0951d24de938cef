"""Facts about the nearest-neighbour entropy, and the generalising line."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from mem_clouds import estimate, mean_and_error, spacing, to_nearest
from scipy.stats import multivariate_normal, ortho_group

from theory.geometry import log_ball_volume
from theory.memorization.entropy import (
    ambient_slope,
    copier_step,
    duplicate_cost,
    linear_manifold_entropy,
    scaling_shift,
)
from theory.memorization.generalising_line import (
    entropy_from_distance,
    mean_log_distance,
    slope_bounds,
)
from theory.validation import InputError

EXACT = 1e-9

# log c_d in the table of reference values of the specification, Sec. 11
LOG_BALL = {
    1: 0.6931471805599454,
    2: 1.1447298858494002,
    64: -44.92660310893422,
    384: -601.199093592853,
    784: -1503.9053079829846,
    3072: -7979.817456033753,
}


def test_volume_of_a_ball():
    for dim, expected in LOG_BALL.items():
        assert float(log_ball_volume(dim)) == pytest.approx(expected, rel=EXACT)
    dims = jnp.array([*LOG_BALL], dtype=float)
    np.testing.assert_allclose(log_ball_volume(dims), [*LOG_BALL.values()], rtol=EXACT)
    # c_d = 2 pi/d c_{d-2}
    step = log_ball_volume(784.0) - log_ball_volume(782.0)
    assert float(step) == pytest.approx(np.log(2 * np.pi / 784), rel=1e-10)


def test_scaling_shifts_the_estimate_and_turning_does_not():
    rng = np.random.default_rng(0)
    x = rng.standard_normal((300, 5))
    shift = float(scaling_shift(2.5, 5))
    assert estimate(2.5 * x + 7) - estimate(x) == pytest.approx(shift, rel=EXACT)
    turned = x @ ortho_group.rvs(5, random_state=0)
    assert estimate(turned) == pytest.approx(estimate(x), rel=1e-12)


def test_cost_of_duplicates_is_exact_where_no_neighbour_moves():
    # far-off pairs: merging some of them leaves all other spacings alone
    rng = np.random.default_rng(1)
    first = 50.0 * np.stack([np.arange(20), np.arange(20) % 3, np.zeros(20)], axis=1)
    apart = rng.uniform(0.5, 2.0, (20, 3))
    pairs = np.concatenate([first, first + apart])
    merged = pairs.copy()
    merged[20:26] = merged[:6]
    log_spacing = np.log(np.linalg.norm(apart[:6], axis=1)).mean()
    cost = float(duplicate_cost(6, 40, 3, 1e-10, log_spacing))
    assert estimate(merged) - estimate(pairs) == pytest.approx(cost, rel=EXACT)


@pytest.mark.parametrize(
    ("dim", "share", "measured"), [(64, 0.01, -32.20), (64, 0.1, -321.8), (2, 0.01, -0.79)]
)  # fmt: skip
def test_cost_of_duplicates_in_a_cloud(dim, share, measured):
    """Numbers of the specification, Sec. 3.1, and a cloud of our own.

    An overwritten point was the nearest one of about one other, whose term then rises by
    about one: by k/N in all.
    """
    rng = np.random.default_rng(2)
    x = rng.standard_normal((2000, dim))
    pairs = int(share * 2000)
    chosen = rng.permutation(2000)[: 2 * pairs]
    copied = x.copy()
    copied[chosen[:pairs]] = x[chosen[pairs:]]
    logs = np.log(spacing(x))
    everywhere = float(duplicate_cost(pairs, 2000, dim, 1e-10, logs.mean()))
    assert everywhere == pytest.approx(measured, rel=2e-3)
    cost = float(duplicate_cost(pairs, 2000, dim, 1e-10, logs[chosen].mean()))
    assert 0 < estimate(copied) - estimate(x) - cost < 3 * pairs / 2000


@pytest.mark.parametrize(
    ("dim", "h", "measured"), [(16, 0.01, -39.65), (64, 0.001, -266.0)]
)
def test_step_of_a_copier(dim, h, measured):
    """The constant to 2 per cent; numbers of the specification, Sec. 3.1."""
    rng = np.random.default_rng(3)
    x = rng.standard_normal((2000, dim))
    parent = rng.integers(0, 2000, 2000)
    z = rng.standard_normal((2000, dim))
    step = estimate(x[parent] + h * z) - estimate(x)
    predicted = float(copier_step(h, dim, np.log(spacing(x)).mean()))
    assert predicted == pytest.approx(measured, rel=0.02)
    assert step == pytest.approx(predicted, rel=0.02)


def test_a_copier_moves_with_its_bandwidth_by_the_share_of_siblings():
    dim, h, low = 8, 1e-4, 1e-5
    found = []
    for seed in range(20):
        rng = np.random.default_rng(seed)
        x = rng.standard_normal((400, dim))
        parent, z = rng.integers(0, 400, 400), rng.standard_normal((400, dim))
        found.append(estimate(x[parent] + h * z) - estimate(x[parent] + low * z))
    mean, error = mean_and_error(found)
    predicted = float(copier_step(h, dim, 0.0) - copier_step(low, dim, 0.0))
    assert abs(mean - predicted) < 5 * error
    assert abs(mean - dim * np.log(h / low)) > 5 * error  # not all of them are siblings


@pytest.mark.parametrize(("m", "draws"), [(1, 30), (2, 30)])
def test_ambient_entropy_on_a_sphere_has_no_limit(m, draws):
    dim, few, many = 20, 100, 1600
    slopes = []
    for seed in range(draws):
        rng = np.random.default_rng(seed)
        frame = np.linalg.qr(rng.standard_normal((dim, m + 1)))[0]
        clouds = []
        for n in (few, many):
            x = rng.standard_normal((n, m + 1))
            x /= np.linalg.norm(x, axis=1, keepdims=True)
            clouds.append(estimate(x @ frame.T))
        slopes.append((clouds[1] - clouds[0]) / np.log(many / few))
    mean, error = mean_and_error(slopes)
    assert abs(mean - float(ambient_slope(dim, m))) < 5 * error
    assert abs(mean - float(ambient_slope(dim, m + 1))) > 5 * error


def test_entropy_of_a_gaussian_on_a_subspace():
    rng = np.random.default_rng(4)
    A = rng.standard_normal((9, 3))
    R = np.linalg.qr(A)[1]  # coordinates on the subspace
    expected = multivariate_normal(cov=R @ R.T).entropy()
    assert float(linear_manifold_entropy(A)) == pytest.approx(expected, rel=1e-12)
    frame = np.linalg.qr(A)[0]
    standard = 1.5 * np.log(2 * np.pi * np.e)
    assert float(linear_manifold_entropy(frame)) == pytest.approx(standard, rel=1e-12)


# The generalising line


@pytest.mark.parametrize(("points", "dim"), [(20, 2), (60, 3)])
def test_generalising_line_is_exact_for_a_flat_density(points, dim):
    """Uniform on a torus: no boundary, so that the volume argument has no bias."""
    rng = np.random.default_rng(5)
    draws = [
        np.log(to_nearest(x, rng.random((points, dim)), boxsize=1.0)).mean()
        for x in rng.random((4000, 50, dim))
    ]
    mean, error = mean_and_error(draws)
    line = float(mean_log_distance(0.0, points, dim))
    one_less = float(mean_log_distance(0.0, points - 1, dim))
    assert abs(mean - line) < 5 * error
    assert abs(mean - one_less) > 5 * error  # N + 1 points, not N


def test_the_line_and_its_inverse():
    for at in ((2.8, 500, 2), (-11.0, 256, 16), (1.5e4, 32768, 3072)):
        back = entropy_from_distance(mean_log_distance(*at), *at[1:])
        assert float(back) == pytest.approx(at[0], rel=1e-11)


def test_slopes_are_those_of_the_line_and_of_the_copier():
    dim = 16.0
    low, high = slope_bounds(dim)
    slope = jax.grad(mean_log_distance)(1.3, 256.0, dim)
    assert float(low) == pytest.approx(float(slope), rel=1e-12)
    # a copier: d log GS = d log h, and dH/dlog h by differentiation
    by_log = jax.grad(lambda log_h: copier_step(jnp.exp(log_h), dim, 0.0))(-3.0)
    assert float(high) == pytest.approx(1 / float(by_log), rel=1e-12)
    assert float(high / low) == pytest.approx(1.5819767068693265, rel=1e-12)
    np.testing.assert_allclose(slope_bounds(dim, squared=True), [2 * low, 2 * high])


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: log_ball_volume(0.5), r"dim must be in \[1, 1e\+09\], got 0.5"),
        (lambda: log_ball_volume(np.nan), "dim must be in .*, got nan"),
        (lambda: scaling_shift(0.0, 2), "factor must be positive and finite, got 0"),
        (lambda: scaling_shift(-1.0, 2), "factor must be positive"),
        (lambda: scaling_shift(1.0, 0), "dim must be in"),
        (lambda: duplicate_cost(1, 1, 2, 1e-10, 0.0), "points must be in"),
        (lambda: duplicate_cost(3, 4, 2, 1e-10, 0.0), r"pairs must be in \[0, 2\]"),
        (lambda: duplicate_cost(1, 4, 2, 0.0, 0.0), "floor must be positive"),
        (lambda: duplicate_cost(1, 4, 2, 1e-10, np.nan), "mean_log_spacing must be"),
        (lambda: copier_step(0.0, 2, 0.0), "bandwidth must be positive"),
        (lambda: copier_step(0.1, 2, np.inf), "mean_log_spacing must be finite"),
        (lambda: ambient_slope(2, 3), r"manifold_dim must be in \[1, 2\], got 3"),
        (lambda: linear_manifold_entropy(np.ones(3)), r"mixing must be a matrix"),
        (lambda: linear_manifold_entropy(np.ones((3, 2))), "mixing must be of full col"),
        (lambda: linear_manifold_entropy(np.ones((2, 3))), "mixing must be of full col"),
        (lambda: linear_manifold_entropy([[np.nan]]), "mixing must be finite, got nan"),
        (lambda: mean_log_distance(np.nan, 5, 2), "entropy must be finite, got nan"),
        (lambda: mean_log_distance(0.0, 0, 2), "points must be in .*, got 0"),
        (lambda: entropy_from_distance(0.0, 5, np.nan), "dim must be in .*, got nan"),
        (lambda: slope_bounds(0), "dim must be in"),
    ],
)  # fmt: skip
def test_bad_input_is_refused_in_one_line(call, message):
    with pytest.raises(InputError, match=message) as refused:
        call()
    assert "\n" not in str(refused.value)
