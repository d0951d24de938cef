"""The law that consistent shifts make: moments, its chi-square, and a loop by hand."""

import jax.numpy as jnp
import numpy as np
import pytest

from theory.error_propagation.kernel_recursion import shift_drift, shift_law
from theory.mixtures import gaussian_mixture

ALPHA = np.array([1.0, 0.3, 0.0, 0.6, 0.2])
SHIFTS = np.array([0.3, -0.5, 0.2, 0.1, 0.4])
x = np.linspace(-12.0, 12.0, 2401)


def density(law):
    return np.exp(np.asarray(law.log_density(jnp.asarray(x)[:, None])))


@pytest.mark.slow
def test_it_is_the_loop_of_moved_densities():
    p = gaussian_mixture([0.3, 0.7], [-2.0, 1.0], [0.25, 0.5])
    mixture = [(1.0, 0.0)]  # weight and shift of the parts of p_hat^0 = p
    for n, (alpha, s) in enumerate(zip(ALPHA, SHIFTS, strict=True), start=1):
        kept = [((1 - alpha) * w, moved) for w, moved in mixture]
        mixture = [(w, moved + s) for w, moved in [(alpha, 0.0), *kept]]
        by_hand = sum(
            w * density(gaussian_mixture([0.3, 0.7], [-2.0 + m, 1.0 + m], [0.25, 0.5]))
            for w, m in mixture
        )
        law = shift_law(p, ALPHA[:n], SHIFTS[:n])
        np.testing.assert_allclose(density(law), by_hand, atol=1e-13)


def test_its_chi_square_is_that_of_the_recursion():
    p = gaussian_mixture([1.0], [0.0], 1.0)
    exact = shift_drift(ALPHA, SHIFTS).D
    for n in (1, 3, 5):
        ratio = density(shift_law(p, ALPHA[:n], SHIFTS[:n])) / density(p) - 1.0
        found = np.trapezoid(ratio**2 * density(p), x)
        np.testing.assert_allclose(found, exact[n], rtol=1e-9)


def test_nothing_moves_before_the_first_shift():
    p = gaussian_mixture([1.0], [0.0], 1.0)
    late = shift_law(p, np.array([1.0, 0.4, 0.3]), np.array([0.0, 0.0, 0.7]))
    first = shift_law(p, np.array([1.0]), np.array([0.7]))
    np.testing.assert_allclose(density(late), density(first), atol=1e-15)
