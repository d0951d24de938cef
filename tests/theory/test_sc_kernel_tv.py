"""Total variation of a random density from tables of its mean and variance."""

import jax.numpy as jnp
import numpy as np
import pytest
from scipy.integrate import quad
from scipy.optimize import brentq
from scipy.stats import norm

from theory.mixtures import gaussian_mixture
from theory.self_consuming.kernel_density.grid import fitted_grid
from theory.self_consuming.kernel_density.total_variation import (
    absolute_integral,
    integrated_squared_error,
    mean_absolute_normal,
    predicted_tv,
)

PARTS = ((0.3, -1.5, 0.3), (0.7, 1.0, 0.6))
TWO = gaussian_mixture(*(np.array(column) for column in zip(*PARTS, strict=True)))
WIDTH = 0.6
GRID = fitted_grid(TWO, 0.3, WIDTH**2)


def density(x, added):
    return sum(w * norm.pdf(x, m, np.sqrt(v + added)) for w, m, v in PARTS)


def gap(x):
    """Mean of a kernel density minus its law: four crossings."""
    return density(x, WIDTH**2) - density(x, 0.0)


def spread(x):
    """A variance small enough that crossings are nearly kinks."""
    return 1e-5 * norm.pdf(x, 0.0, 0.9)


def tables():
    x = np.asarray(GRID.x)
    return jnp.asarray(density(x, WIDTH**2)), jnp.asarray(spread(x))


def test_lower_bound_by_quadrature_between_crossings():
    x = np.linspace(-12.0, 12.0, 2401)
    b = gap(x)
    at = np.flatnonzero(b[:-1] * b[1:] < 0)
    roots = [brentq(gap, x[k], x[k + 1], xtol=1e-14) for k in at]
    assert len(roots) == 4
    ends = [-12.0, *roots, 12.0]
    pairs = zip(ends[:-1], ends[1:], strict=True)
    areas = [abs(quad(gap, low, high, epsabs=1e-13)[0]) for low, high in pairs]
    tv = predicted_tv(*tables(), TWO, GRID)
    assert tv.lower == pytest.approx(0.5 * sum(areas), rel=1e-9)
    assert tv.lower < tv.prediction < tv.upper


def test_prediction_and_upper_bound_by_a_much_finer_sum():
    x = np.linspace(-12.0, 12.0, 96_001)
    b, v, step = gap(x), spread(x), 2.5e-4
    tv = predicted_tv(*tables(), TWO, GRID)
    upper = 0.5 * step * np.hypot(b, np.sqrt(v)).sum()
    assert tv.upper == pytest.approx(upper, rel=1e-7)
    s = np.sqrt(np.maximum(v, 1e-300))
    t = b / s
    normal = 2.0 * s * norm.pdf(t) + b * (1.0 - 2.0 * norm.cdf(-t))
    assert tv.prediction == pytest.approx(0.5 * step * normal.sum(), rel=1e-7)


def test_squared_error_by_a_finer_sum():
    x = np.linspace(-12.0, 12.0, 24_001)
    exact = 1e-3 * (gap(x) ** 2 + spread(x)).sum()
    found = integrated_squared_error(*tables(), TWO, GRID)
    assert found == pytest.approx(exact, rel=1e-11)


def test_rows_are_treated_one_by_one():
    mean, variance = tables()
    one = predicted_tv(mean, variance, TWO, GRID)
    rows = predicted_tv(
        jnp.stack([mean, mean]), jnp.stack([variance, 0.0 * variance]), TWO, GRID
    )
    assert rows.prediction[0] == pytest.approx(float(one.prediction), rel=1e-14)
    # without fluctuation all three are the distance of the mean, up to the plain sum's error
    assert rows.lower[1] == pytest.approx(float(one.lower), rel=1e-14)
    assert rows.prediction[1] == pytest.approx(float(one.lower), rel=1e-4)


@pytest.mark.parametrize(("b", "v"), [(0.3, 0.5), (-2.0, 0.1), (0.0, 1.0), (1.0, 0.0)])
def test_mean_absolute_value_of_a_normal_number(b, v):
    exact = quad(lambda z: abs(b + z * np.sqrt(v)) * norm.pdf(z), -12, 12, limit=400)[0]
    assert mean_absolute_normal(b, v) == pytest.approx(exact, rel=1e-8)


def test_absolute_integral_splits_cells_at_zeros():
    k = np.arange(13)
    t = 2.0 * np.pi * k / 13
    found = absolute_integral(
        jnp.asarray(np.sin(t)), jnp.asarray(np.cos(t)), jnp.asarray(-np.sin(t)), t[1]
    )
    assert found == pytest.approx(4.0, rel=1e-4)
    plain = np.abs(np.cos(t)).sum() * t[1]
    assert plain != pytest.approx(4.0, rel=2e-3)
