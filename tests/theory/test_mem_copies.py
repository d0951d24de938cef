"""The memoriser of fixed bandwidth, and the Gaussian that cannot memorise."""

import numpy as np
import pytest
from mem_clouds import estimate, mean_and_error, to_nearest
from scipy.stats import chi

from theory.memorization.gaussian_refit import (
    refit_entropy,
    refit_entropy_step,
    refit_entropy_variance,
)
from theory.memorization.memoriser import memoriser_score, preserving_bandwidth
from theory.validation import InputError

EXACT = 1e-9


def test_reference_values():
    """Specification, Sec. 11."""
    score = float(memoriser_score(0.2, 16))
    assert score == pytest.approx(0.7876051243774644, rel=EXACT)
    score = float(memoriser_score(0.05, 2))
    assert score == pytest.approx(0.06266570686577502, rel=EXACT)
    step = float(refit_entropy_step(16, 256))
    assert step == pytest.approx(-0.2725897802551782, rel=EXACT)
    step = float(refit_entropy_step(2, 20))
    assert step == pytest.approx(-0.08210212142721574, rel=EXACT)


def test_score_is_the_mean_of_a_chi():
    for dim in (1, 3, 64, 3072):  # Gamma itself overflows from d = 342 on
        expected = 0.3 * chi(dim).mean() if dim < 300 else 0.3 * np.sqrt(dim - 0.5)
        rel = (
            1e-12 if dim < 300 else 1e-7
        )  # mean of chi^2_d: sqrt(d - 1/2)(1 + O(1/d^2))
        assert float(memoriser_score(0.3, dim)) == pytest.approx(expected, rel=rel)


def test_bandwidth_that_keeps_the_variance():
    rng = np.random.default_rng(0)
    x, z = rng.standard_normal((2, 200_000, 16))
    distance = np.linalg.norm(np.sqrt(1 - 0.2**2) * x + 0.2 * z - x, axis=1)
    mean, error = mean_and_error(distance)
    exact = float(memoriser_score(preserving_bandwidth(0.2), 16))
    assert abs(mean - exact) < 5 * error
    assert abs(mean - float(memoriser_score(0.2, 16))) > 5 * error
    h = 1e-5  # h' - h = h^3/8
    assert float(preserving_bandwidth(h)) == pytest.approx(h, rel=1e-10)
    assert float(preserving_bandwidth(1.0)) == pytest.approx(np.sqrt(2), rel=1e-14)


def memorised(n, dim, h, rounds, seed):
    """Score and entropy of the samples of a memoriser, round by round."""
    rng = np.random.default_rng(seed)
    data = rng.standard_normal((n, dim))
    for _ in range(rounds):
        parents = data[rng.integers(0, n, n)]
        samples = np.sqrt(1 - h**2) * parents + h * rng.standard_normal((n, dim))
        yield to_nearest(samples, data).mean(), estimate(samples)
        data = samples


def test_score_of_a_memoriser_stays_while_its_entropy_falls():
    """The counter-example of the specification, Sec. 4.1: d = 16, N = 256, h = 0.2."""
    runs = [list(memorised(256, 16, 0.2, 8, seed)) for seed in range(20)]
    mean, error = mean_and_error(runs)
    score, entropy = mean.T
    bound = float(memoriser_score(preserving_bandwidth(0.2), 16))
    assert np.all(score < bound + 5 * error[:, 0])
    assert np.all(score > 0.98 * bound + 5 * error[:, 0])  # a smaller bound is false
    assert np.all(np.diff(entropy)[:3] < -5 * error[1:4, 1])
    # on a line of slope 1/d, the least that the entropy could do, the score would fall
    on_the_line = score[0] * np.exp((entropy[-1] - entropy[0]) / 16)
    assert on_the_line < score[-1] - 5 * error[-1, 0]


def test_refit_step_in_simulation():
    dim, n = 2, 20
    rng = np.random.default_rng(1)
    root = np.array([[2.0, 0.0], [1.0, 0.5]])  # any covariance
    x = rng.standard_normal((20_000, n, dim)) @ root.T
    x -= x.mean(1, keepdims=True)
    covariance = np.einsum("rni,rnj->rij", x, x) / (n - 1)
    steps = 0.5 * (
        np.linalg.slogdet(covariance)[1] - np.linalg.slogdet(root @ root.T)[1]
    )
    mean, error = mean_and_error(steps)
    exact = float(refit_entropy_step(dim, n))
    assert abs(mean - exact) < 5 * error
    likelihood = 0.5 * dim * np.log((n - 1) / n)  # the other divisor
    assert abs(mean + likelihood - exact) > 5 * error
    assert abs(mean - float(refit_entropy_step(dim, n + 2))) > 5 * error
    squares, error = mean_and_error((steps - exact) ** 2)
    variance = float(refit_entropy_variance(dim, n))
    assert abs(squares - variance) < 5 * error
    assert abs(squares - 1.2 * dim / (2 * n)) > 5 * error


def test_refit_step_with_many_points():
    """The leading term, with an error of the order it should have."""
    sizes = 2.0 ** np.arange(10, 15)
    exact = np.array([float(refit_entropy_step(4, n)) for n in sizes])
    gap = np.abs(exact + 4 * 5 / (4 * sizes))
    order = -np.polyfit(np.log(sizes), np.log(gap), 1)[0]
    assert abs(order - 2.0) < 0.05
    run = refit_entropy(3.0, 4, 100, 5)
    np.testing.assert_allclose(np.diff(run), float(refit_entropy_step(4, 100)))
    assert float(run[0]) == 3.0


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: memoriser_score(0.0, 2), "bandwidth must be positive and finite"),
        (lambda: memoriser_score(np.nan, 2), "bandwidth must be .*, got nan"),
        (lambda: memoriser_score(0.1, 0), "dim must be in .*, got 0"),
        (lambda: preserving_bandwidth(1.1), r"bandwidth must be in \[0, 1\], got 1.1"),
        (lambda: preserving_bandwidth(0.0), "bandwidth must be positive"),
        (lambda: refit_entropy_step(0, 20), "dim must be a whole number >= 1, got 0"),
        (lambda: refit_entropy_step(4, 4), r"points must be in \[5, 1e\+09\], got 4"),
        (lambda: refit_entropy_step(4, np.nan), "points must be in .*, got nan"),
        (lambda: refit_entropy(np.nan, 4, 9, 1), "entropy must be finite, got nan"),
        (lambda: refit_entropy(0.0, 4, 9, 0), "refits must be a whole number >= 1"),
    ],
)
def test_bad_input_is_refused_in_one_line(call, message):
    with pytest.raises(InputError, match=message) as refused:
        call()
    assert "\n" not in str(refused.value)
