"""Closed-form averages of error functions against quadrature."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.stats import multivariate_normal

from theory.autoencoder.averages import by_quadrature, fields, midpoint
from theory.autoencoder.erf_averages import bivariate_normal, in_closed_form
from theory.autoencoder.learning import rates
from theory.denoiser import activation, initial_overlaps, training
from theory.structured import structured_mixture
from theory.validation import InputError


def random_case(r: int, seed: int, spread: float = 0.6):
    """Two eigenvalues, three components off centre, correlated units."""
    rng = np.random.default_rng(seed)
    means = rng.normal(size=(2, 3, 3))
    data = structured_mixture([0.5, 0.3, 0.2], means, [0.4, 1.3], [0.3, 0.7])
    C = 0.4 * rng.normal(size=(2, r, 3))
    return data, initial_overlaps(data, C, spread, skip=0.37)


def both(name: str, r: int, n: int, seed: int = 0):
    data, at = random_case(r, seed)
    f = fields(data.families[0], at.q, at.M, 0.4, 0.6, at.b[0])
    sigma = activation(name)
    closed = jax.jit(lambda f: in_closed_form(data.families[0], f, sigma))(f)
    nodes = midpoint(r, n, 7.5)
    quad = jax.jit(lambda f: by_quadrature(data.families[0], f, sigma, nodes))(f)
    return closed, quad


@pytest.mark.parametrize(
    ("name", "r", "n", "error"),
    [
        ("probit", 1, 160, 1e-12),
        ("erf", 1, 160, 1e-12),
        ("erf", 2, 120, 1e-12),
        ("probit", 2, 100, 1e-12),
        ("probit", 3, 44, 1e-10),
    ],
)
def test_closed_form_equals_a_fine_midpoint_rule(name, r, n, error):
    closed, quad = both(name, r, n)
    for field in closed._fields:
        a, b = np.asarray(getattr(closed, field)), np.asarray(getattr(quad, field))
        np.testing.assert_allclose(a, b, atol=error, rtol=error, err_msg=field)


def test_the_comparison_sees_a_wrong_gain():
    closed, _ = both("probit", 2, 20)
    _, quad = both("erf", 2, 60)
    for a, b in zip(closed, quad, strict=True):
        assert float(jnp.abs(a - b).max()) > 1e-3


def test_closed_form_stands_for_itself_in_the_rates():
    data, at = random_case(2, 3)
    protocol = training(0.4, 0.6, 0.2, 1.5, 0.2, "erf")
    by_nodes = jax.jit(lambda s: rates(data, protocol, s, midpoint(2, 120, 7.5)))(at)
    closed = jax.jit(lambda s: rates(data, protocol, s, in_closed_form))(at)
    for a, b in zip(by_nodes, closed, strict=True):
        np.testing.assert_allclose(a, b, atol=2e-12)


def test_closed_form_needs_no_inverse_of_vanishing_overlaps():
    data, at = random_case(2, 3)
    empty = jax.tree.map(jnp.zeros_like, at)
    protocol = training(0.4, 0.6, 0.2, 1.5, 0.2, "erf")
    exact = lambda s: rates(data, protocol, s, in_closed_form)
    by_nodes = jax.jit(lambda s: rates(data, protocol, s, midpoint(2, 20)))(empty)
    for a, b in zip(by_nodes, jax.jit(exact)(empty), strict=True):
        np.testing.assert_allclose(a, b, atol=1e-14)
    slope = jax.jit(jax.jacfwd(exact))(empty)
    assert all(bool(jnp.all(jnp.isfinite(v))) for v in jax.tree.leaves(slope))


@pytest.mark.parametrize("rho", [-0.97, -0.4, 0.0, 0.5, 0.9, 0.99])
def test_bivariate_normal_against_scipy(rho):
    for h, k in ((0.0, 0.0), (1.2, -0.3), (-2.0, 0.7), (1.5, 1.5)):
        known = multivariate_normal([0, 0], [[1, rho], [rho, 1]]).cdf([h, k])
        np.testing.assert_allclose(bivariate_normal(h, k, rho), known, atol=3e-8)


def test_bivariate_normal_against_the_arcsine_law():
    rho = jnp.linspace(-0.999, 0.999, 41)
    at_origin = jax.vmap(lambda c: bivariate_normal(0.0, 0.0, c))(rho)
    known = 0.25 + jnp.arcsin(rho) / (2 * jnp.pi)
    np.testing.assert_allclose(at_origin, known, atol=1e-15)


def test_other_activations_are_refused():
    data, at = random_case(1, 0)
    f = fields(data.families[0], at.q, at.M, 0.4, 0.6, at.b[0])
    with pytest.raises(InputError, match=r"^activation must be an error .*'tanh'"):
        in_closed_form(data.families[0], f, activation("tanh"))
