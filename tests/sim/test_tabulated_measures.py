"""Distances by quadrature on a grid, against scipy and closed forms."""

import jax
import jax.numpy as jnp
import jax.random as jr
import numpy as np
import pytest
from scipy.integrate import quad
from scipy.stats import norm

from sim.grid import Grid, on_grid
from sim.laws import FiniteLaw
from sim.measures.scene import Scene
from sim.measures.tabulated import SquaredError, TotalVariation, table
from theory.divergence import tv_gaussian_1d
from theory.divergence.grid import absolute_integral
from theory.mixtures import Blend, gaussian_mixture
from theory.processes import ou

STANDARD = gaussian_mixture([1.0], [0.0], 1.0)


def scene(target, q, after):
    nothing = jnp.zeros((1, 1), jnp.float32)
    return Scene(target, q, after, None, ou(1.0, 0.0), nothing, nothing, nothing)


def tv(measure, p, q):
    found = measure(jr.key(0), scene(p, q, q))
    assert float(found["tv_step"]) == 0.0
    return float(found["tv"])


def test_absolute_integral_is_exact_for_piecewise_linear_functions():
    nodes = np.linspace(-1.0, 2.0, 13)
    values = np.random.default_rng(0).normal(size=13)
    values[4] = 0.0
    f = lambda x: abs(np.interp(x, nodes, values))
    signs = np.flatnonzero(values[:-1] * values[1:] < 0)
    crossings = [
        nodes[k] - values[k] * 0.25 / (values[k + 1] - values[k]) for k in signs
    ]
    breaks = np.sort([*nodes, *crossings])
    exact = sum(quad(f, a, b)[0] for a, b in zip(breaks, breaks[1:], strict=False))
    found = float(absolute_integral(jnp.asarray(values), 0.25))
    assert found == pytest.approx(exact, rel=1e-12)
    trapezoid = 0.25 * np.sum(0.5 * (abs(values[1:]) + abs(values[:-1])))
    assert trapezoid > 1.01 * exact  # control: a plain sum overshoots at sign changes


def scipy_tv(mu, s):
    """TV of N(mu, s^2) from N(0, 1), split where the densities cross."""
    gap = lambda x: norm.pdf(x, mu, s) - norm.pdf(x)
    roots = np.roots([1 - s**2, -2 * mu, mu**2 + 2 * s**2 * np.log(s)])
    breaks = [-12.0, *np.sort(roots[np.isreal(roots)].real), 12.0]
    parts = zip(breaks, breaks[1:], strict=False)
    return 0.5 * sum(abs(quad(gap, a, b, epsabs=1e-12)[0]) for a, b in parts)


CASES = [(0.3, 1.2), (0.0, 0.8), (-0.5, 0.7), (1.0, 1.5), (0.01, 1.001)]


@pytest.mark.parametrize(("mu", "s"), CASES)
def test_tv_of_two_gaussians(mu, s):
    exact = scipy_tv(mu, s)
    closed = float(tv_gaussian_1d(mu, s**2, 0.0, 1.0))
    assert closed == pytest.approx(exact, abs=1e-9)
    other = gaussian_mixture([1.0], [mu], s**2)
    errors = [
        abs(tv(TotalVariation(Grid(9.0, nodes)), STANDARD, other) - exact)
        for nodes in (181, 1801)
    ]
    assert errors[0] < 5e-4
    assert errors[1] < 5e-6
    assert errors[1] < 0.02 * errors[0] + 1e-10  # second order in the step


def test_tv_in_two_dimensions_of_gaussians_that_share_a_covariance():
    covariance = np.array([[1.0, 0.3], [0.3, 0.5]])
    mean = np.array([0.8, -0.4])
    p = gaussian_mixture([1.0], np.zeros((1, 2)), covariance)
    q = gaussian_mixture([1.0], mean[None], covariance)
    exact = 2.0 * norm.cdf(0.5 * np.sqrt(mean @ np.linalg.solve(covariance, mean))) - 1
    found = tv(TotalVariation(Grid(7.0, 141, 2)), p, q)
    assert found == pytest.approx(exact, rel=1e-3)
    assert tv(TotalVariation(Grid(7.0, 29, 2)), p, q) == pytest.approx(exact, rel=0.02)


def test_histograms_of_samples_would_be_biased():
    """The control of the module's promise: TV from histograms is far too large."""
    q = gaussian_mixture([1.0], [0.05], 1.0)
    exact = tv(TotalVariation(Grid(9.0, 901)), STANDARD, q)
    rng = np.random.default_rng(0)
    found = []
    for _ in range(20):
        x, y = rng.normal(0.0, 1.0, 1000), rng.normal(0.05, 1.0, 1000)
        counts = [np.histogram(z, 50, (-5.0, 5.0))[0] / 1000 for z in (x, y)]
        found.append(0.5 * abs(counts[0] - counts[1]).sum())
    found = np.array(found)
    assert found.mean() - 5 * found.std() / np.sqrt(20) > 2.0 * exact


def test_one_step_error_is_measured_from_the_training_law():
    after = gaussian_mixture([1.0], [0.4], 1.0)
    q = Blend(jnp.float64(0.25), STANDARD, after)
    measured = TotalVariation(Grid(9.0, 901))(jr.key(0), scene(STANDARD, q, after))
    whole = 2.0 * norm.cdf(0.2) - 1.0
    assert float(measured["tv"]) == pytest.approx(whole, rel=1e-4)
    assert float(measured["tv_step"]) == pytest.approx(0.25 * whole, rel=1e-4)


def test_tv_on_categories_is_half_the_sum():
    p, q = (FiniteLaw(jnp.array(m)) for m in ([0.5, 0.3, 0.2], [0.1, 0.3, 0.6]))
    assert tv(TotalVariation(None), p, q) == pytest.approx(0.4)


def test_tabulated_laws_are_their_own_table():
    grid = Grid(6.0, 121)
    law = on_grid(STANDARD, grid)
    assert table(law, grid) is law.density
    np.testing.assert_allclose(table(STANDARD, grid), norm.pdf(grid.axis), rtol=1e-12)


def test_squared_error_and_second_moment():
    after = gaussian_mixture([1.0], [0.5], 1.44)
    found = SquaredError(Grid(12.0, 241))(jr.key(0), scene(STANDARD, None, after))
    gap = lambda x: (norm.pdf(x, 0.5, 1.2) - norm.pdf(x)) ** 2
    assert float(found["ise"]) == pytest.approx(quad(gap, -12, 12)[0], rel=1e-8)
    assert float(found["law_second_moment"]) == pytest.approx(1.69, rel=1e-9)


def test_measures_can_be_jitted_and_mapped():
    means = jnp.array([[[0.2]], [[0.4]]])
    one = jnp.ones((2, 1)), jnp.ones((2, 1, 1, 1))
    laws = type(STANDARD)(one[0], means, one[1])
    measure = TotalVariation(Grid(9.0, 901))
    found = jax.jit(jax.vmap(lambda law: measure(None, scene(STANDARD, law, law))))(
        laws
    )
    exact = 2.0 * norm.cdf(np.array([0.1, 0.2])) - 1.0
    np.testing.assert_allclose(found["tv"], exact, rtol=1e-4)
