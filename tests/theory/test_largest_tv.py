"""The largest total variation at a given chi-square."""

import numpy as np

from theory.divergence import chi2_from_tv, finite_state, largest_tv, tv_from_chi2


def test_it_inverts_the_smallest_chi_square():
    tv = np.linspace(0.0, 0.999, 500)
    np.testing.assert_allclose(largest_tv(chi2_from_tv(tv)), tv, atol=1e-12)


def test_it_is_attained_and_never_exceeded():
    rng = np.random.default_rng(0)
    for _ in range(300):
        p, q = rng.dirichlet(np.full(4, 0.3), 2)
        found = finite_state(p, q)
        assert float(found.tv) <= float(largest_tv(found.chi2)) + 1e-12
    b = 0.2  # q = (b, 1 - b), p = (1, 0): TV = 1 - b > 1/2
    found = finite_state(np.array([1.0, 0.0]), np.array([b, 1 - b]))
    np.testing.assert_allclose(largest_tv(found.chi2), found.tv, rtol=1e-12)


def test_an_infinite_chi_square_says_nothing_and_a_finite_one_something():
    assert float(largest_tv(np.inf)) == 1.0
    assert float(largest_tv(50.0)) < 1.0 < float(tv_from_chi2(50.0))
