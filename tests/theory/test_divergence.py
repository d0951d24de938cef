import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import integrate, linalg, stats

from theory import divergence as dv
from theory.mixtures import gaussian_mixture
from theory.validation import InputError

P1, Q1 = (0.3, 1.5), (0.0, 1.0)  # mean, variance
S2 = np.array([[1.0, 0.3], [0.3, 0.5]])
T2 = np.array([[0.8, -0.1], [-0.1, 0.9]])
PAIRS_1D = {
    "shift and scale": (0.3, 1.5, 0.0, 1.0),
    "narrower": (0.5, 0.2, -0.4, 1.3),
    "pure scale": (1.0, 0.7, 1.0, 1.1),
    "pure shift": (0.8, 0.5, 0.0, 0.5),
    "nearly equal scales": (0.3, 1.0 + 1e-9, 0.0, 1.0),
    "far apart": (9.0, 1.0, 0.0, 1.2),
}


def by_quad(m_p, v_p, m_q, v_q) -> dv.Divergences:
    """Adaptive quadrature on the two densities, split where they cross."""
    p, q = stats.norm(m_p, v_p**0.5).pdf, stats.norm(m_q, v_q**0.5).pdf
    log_p, log_q = stats.norm(m_p, v_p**0.5).logpdf, stats.norm(m_q, v_q**0.5).logpdf
    crossings = np.roots(
        [v_p - v_q, 2 * (m_p * v_q - m_q * v_p)]
        + [m_q**2 * v_p - m_p**2 * v_q - v_p * v_q * np.log(v_p / v_q)]
    )
    points = sorted(x for x in np.r_[np.real(crossings), m_p, m_q] if abs(x) < 30)

    def total(f):
        ends = [-30.0, *points, 30.0]
        parts = zip(ends[:-1], ends[1:], strict=True)
        return sum(
            integrate.quad(f, a, b, epsabs=1e-13, limit=200)[0] for a, b in parts
        )

    return dv.Divergences(
        kl=total(lambda x: p(x) * (log_p(x) - log_q(x))),
        chi2=total(lambda x: np.exp(2 * log_p(x) - log_q(x))) - 1.0,
        tv=total(lambda x: 0.5 * abs(p(x) - q(x))),
        hellinger_squared=1.0 - total(lambda x: np.sqrt(p(x) * q(x))),
    )


class TestGaussians:
    @pytest.mark.parametrize("pair", PAIRS_1D.values(), ids=PAIRS_1D)
    def test_closed_forms_agree_with_adaptive_quadrature(self, pair):
        truth = by_quad(*pair)
        near = {"rel": 1e-9, "abs": 1e-11}
        assert float(dv.kl_gaussian(*pair)) == pytest.approx(truth.kl, **near)
        assert float(dv.tv_gaussian_1d(*pair)) == pytest.approx(truth.tv, **near)
        assert float(dv.hellinger_squared_gaussian(*pair)) == pytest.approx(
            truth.hellinger_squared, **near
        )
        assert float(dv.chi2_gaussian(*pair)) == pytest.approx(truth.chi2, rel=1e-7)

    def test_endpoint_laws_of_the_linear_gaussian_table(self, reference):
        for name, case in reference["linear_gaussian"].items():
            m_q, V_q = np.asarray(case["q_mean"]), case["q_var"]
            law = (m_q + np.asarray(case["mean_shift"]), case["V_hat"], m_q, V_q)
            assert float(dv.kl_gaussian(*law)) == pytest.approx(
                case["KL"], abs=1e-12
            ), name
            assert float(dv.chi2_gaussian(*law)) == pytest.approx(
                case["chi2"], abs=1e-11
            ), name

    def test_two_dimensions_against_textbook_matrix_formulas(self):
        m = np.array([0.4, -0.2])
        law = (m, S2, np.zeros(2), T2)
        T_inv = np.linalg.inv(T2)
        ratio = np.log(np.linalg.det(T2) / np.linalg.det(S2))
        kl = 0.5 * (np.trace(T_inv @ S2) - 2 + m @ T_inv @ m + ratio)
        assert float(dv.kl_gaussian(*law)) == pytest.approx(kl, rel=1e-13)
        root = linalg.sqrtm(S2)
        bures = np.trace(S2 + T2 - 2 * linalg.sqrtm(root @ T2 @ root).real)
        assert float(dv.w2_squared_gaussian(*law)) == pytest.approx(m @ m + bures)
        assert float(dv.w2_gaussian(*law)) == pytest.approx(np.sqrt(m @ m + bures))
        mid = np.linalg.det((S2 + T2) / 2)
        affinity = (np.linalg.det(S2) * np.linalg.det(T2)) ** 0.25 / np.sqrt(mid)
        affinity *= np.exp(-m @ np.linalg.solve((S2 + T2) / 2, m) / 8)
        assert float(dv.hellinger_squared_gaussian(*law)) == pytest.approx(1 - affinity)
        box = np.full(2, 12.0)

        def log_density(x, mean, S):
            white = (x - mean[None, :]) @ np.linalg.inv(np.linalg.cholesky(S)).T
            norm = np.log(2 * np.pi * np.sqrt(np.linalg.det(S)))
            return -0.5 * jnp.sum(white**2, axis=1) - norm

        plane = dv.plane_divergences(
            lambda x: log_density(x, m, S2),
            lambda x: log_density(x, np.zeros(2), T2),
            -box,
            box,
            points=241,
        ).value
        assert float(plane.chi2) == pytest.approx(
            float(dv.chi2_gaussian(*law)), rel=1e-11
        )
        assert float(plane.kl) == pytest.approx(kl, rel=1e-11)

    @pytest.mark.parametrize(
        ("cov_p", "cov_q"),
        [(2.0, 1.0), (0.72, 0.36), (np.diag([0.5, 2.3]), np.eye(2)), (5.0, 1.0)],
    )
    def test_an_infinite_chi2_is_inf_at_and_beyond_the_boundary(self, cov_p, cov_q):
        m = np.zeros(np.ndim(cov_p) or 1)
        assert dv.chi2_gaussian(m, cov_p, m, cov_q) == np.inf
        assert dv.renyi2_gaussian(m, cov_p, m, cov_q) == np.inf
        assert np.isfinite(dv.kl_gaussian(m, cov_p, m, cov_q))
        narrower = 0.999 * 2.0 * np.asarray(cov_p) / np.max(cov_p)
        assert np.isfinite(dv.chi2_gaussian(m, narrower, m, 1.0))

    def test_just_inside_the_boundary_chi2_is_finite_and_right(self):
        v = 2.0 - 1e-6
        exact = 1.0 / np.sqrt(v * (2.0 - v)) - 1.0
        assert float(dv.chi2_gaussian(0.0, v, 0.0, 1.0)) == pytest.approx(
            exact, rel=1e-9
        )

    @pytest.mark.parametrize("e", [1e-3, 1e-5, 1e-7])
    def test_nearby_laws_keep_their_digits(self, e):
        kl, chi2 = (
            f(0.0, 1.0 + e, 0.0, 1.0) for f in (dv.kl_gaussian, dv.chi2_gaussian)
        )
        assert float(kl) == pytest.approx(e**2 / 4 - e**3 / 6, rel=max(1e-9 / e, e**2))
        assert float(chi2) == pytest.approx(e**2 / 2, rel=max(1e-9 / e, 1e-7))
        shift = float(dv.chi2_gaussian(e, 1.0, 0.0, 1.0))
        assert shift == pytest.approx(np.expm1(e**2), rel=1e-13)

    def test_everything_vanishes_at_equal_laws_with_finite_gradients(self):
        m = jnp.array([0.2, -0.1])
        for f in (dv.kl_gaussian, dv.chi2_gaussian, dv.hellinger_squared_gaussian):
            assert float(f(m, S2, m, S2)) == pytest.approx(0.0, abs=1e-15)
            gradient = jax.jit(jax.grad(lambda S, f=f: f(m, S, m, S2)))(S2)
            assert np.abs(gradient).max() < 1e-14
        for f in (dv.tv_gaussian_1d, dv.w2_gaussian):
            assert float(f(0.3, 0.7, 0.3, 0.7)) == 0.0
            slopes = jax.jit(jax.grad(f, argnums=(0, 1)))(0.3, 0.7, 0.3, 0.7)
            assert np.isfinite(slopes).all()

    def test_tv_with_a_shared_covariance_agrees_along_the_shift(self):
        m = np.array([0.5, 0.2])
        distance = np.sqrt(m @ np.linalg.solve(S2, m))
        found = dv.tv_gaussian_shared_covariance(m, np.zeros(2), S2)
        assert float(found) == pytest.approx(2 * stats.norm.cdf(distance / 2) - 1)
        assert float(dv.tv_gaussian_1d(distance, 1.0, 0.0, 1.0)) == pytest.approx(
            float(found), abs=1e-15
        )

    def test_gradients_match_finite_differences(self):
        @jax.jit
        def every(law):
            return jnp.stack(
                [
                    dv.kl_gaussian(*law),
                    dv.chi2_gaussian(*law),
                    dv.renyi2_gaussian(*law),
                    dv.hellinger_squared_gaussian(*law),
                    dv.w2_squared_gaussian(*law),
                    dv.w2_gaussian(*law),
                    dv.tv_gaussian_1d(*law),
                ]
            )

        at, e = jnp.array([0.3, 1.5, 0.1, 1.1]), 1e-5
        jacobian = jax.jit(jax.jacrev(every))(at)
        for k, step in enumerate(e * np.eye(4)):
            difference = (every(at + step) - every(at - step)) / (2 * e)
            np.testing.assert_allclose(jacobian[:, k], difference, rtol=1e-6, atol=1e-9)

    def test_gradients_survive_an_infinite_chi2_in_the_batch(self):
        v = jnp.array([1.5, 2.5])
        total = jax.jit(jax.grad(lambda v: jnp.sum(jax.vmap(one)(v)[:1])))

        def one(v):
            return dv.chi2_gaussian(0.1, v, 0.0, 1.0)

        assert np.isfinite(total(v)).all()
        np.testing.assert_array_equal(
            np.isinf(jax.jit(jax.vmap(one))(v)), [False, True]
        )

    def test_under_vmap_a_broken_covariance_gives_nan_not_inf(self):
        v = jnp.array([1.5, -0.5])
        for f in (dv.kl_gaussian, dv.chi2_gaussian):
            found = jax.vmap(lambda v, f=f: f(0.0, v, 0.0, 1.0))(v)
            np.testing.assert_array_equal(np.isnan(found), [False, True])

    @pytest.mark.parametrize(
        ("arguments", "message"),
        [
            ((np.nan, 1.0, 0.0, 1.0), "mean_p must be finite"),
            ((0.0, -1.0, 0.0, 1.0), "cov_p must be symmetric positive definite"),
            (([0.0, 0.0], np.eye(3), [0.0, 0.0], 1.0), r"cov_p must be a scalar or"),
            (([0.0, 0.0], 1.0, 0.0, 1.0), "mean_q must be of shape"),
        ],
    )
    def test_bad_input_is_refused_in_one_line(self, arguments, message):
        with pytest.raises(InputError, match=message) as error:
            dv.kl_gaussian(*arguments)
        assert "\n" not in str(error.value)

    def test_tv_of_two_variances_is_for_the_line_only(self):
        with pytest.raises(InputError, match="1-D laws only"):
            dv.tv_gaussian_1d(np.zeros(2), 1.0, np.zeros(2), 2.0)


def gaussian_log_density(mean, variance):
    return lambda x: jax.scipy.stats.norm.logpdf(x[:, 0], mean, jnp.sqrt(variance))


class TestLine:
    def test_errors_are_honest_and_small(self):
        found = dv.line_divergences(
            gaussian_log_density(*P1), gaussian_log_density(*Q1), -16.0, 16.0, panels=64
        )
        truth = by_quad(*P1, *Q1)
        for name in ("kl", "chi2", "tv", "hellinger_squared"):
            miss = abs(float(getattr(found.value, name)) - getattr(truth, name))
            assert miss <= 3 * float(getattr(found.error, name)) + 1e-11, name
        assert float(found.error.kl) < 1e-12
        assert 1e-12 < float(found.error.tv) < 1e-3  # kinks inside panels are reported

    def test_a_short_interval_shows_in_the_error(self):
        found = dv.line_divergences(
            gaussian_log_density(*P1), gaussian_log_density(*Q1), -3.0, 3.0
        )
        chi2 = float(dv.chi2_gaussian(*P1, *Q1))
        assert abs(float(found.value.chi2) - chi2) > 1e-3
        assert float(found.error.chi2) > 1e-4

    def test_it_is_differentiable_and_batches(self):
        def kl(mean):
            return dv.line_divergences(
                gaussian_log_density(mean, 1.0),
                gaussian_log_density(*Q1),
                -12.0,
                12.0,
                32,
            ).value.kl

        means = jnp.array([0.0, 0.5, 1.0])
        np.testing.assert_allclose(
            jax.jit(jax.vmap(kl))(means), means**2 / 2, atol=1e-13
        )
        np.testing.assert_allclose(
            jax.jit(jax.vmap(jax.grad(kl)))(means), means, atol=1e-12
        )

    @pytest.mark.parametrize(
        ("fields", "message"),
        [
            ({"low": 2.0}, "high must be > low"),
            ({"panels": 0}, "panels must be >= 1"),
            ({"high": np.inf}, "high must be finite"),
        ],
    )
    def test_bad_intervals_are_refused(self, fields, message):
        law = gaussian_log_density(*Q1)
        with pytest.raises(InputError, match=message):
            dv.line_divergences(law, law, **{"low": -1.0, "high": 1.0, **fields})


class TestMixtures:
    def test_kernel_recursion_against_its_bilinear_closed_form(self, reference):
        cases = reference["population_kde"].values()
        for case in [c for c in cases if c["d"] == 1 and c["n"] > 1]:
            alpha, g, n = case["alpha"], case["g"], case["n"]
            age = np.arange(1, n + 1)
            weights = alpha * (1 - alpha) ** (age - 1.0)
            weights[-1] = (1 - alpha) ** (n - 1)
            p = gaussian_mixture(weights, np.zeros(n), 1 + g * age)
            found = dv.mixture_divergences(p, gaussian_mixture([1.0], [0.0], 1.0))
            assert float(found.value.chi2) == pytest.approx(case["D_n"], abs=1e-12)
            assert float(found.error.chi2) < 1e-12

    def test_shift_recursion_against_its_closed_form(self, reference):
        q = gaussian_mixture([1.0], [0.0], 1.0)
        for case in reference["shift_recursion"].values():
            alpha, p = case["alpha"], [(1.0, 0.0)]
            for shift, row in zip(case["shifts"], case["rows"], strict=True):
                mixed = [(alpha, 0.0)] + [((1 - alpha) * w, m) for w, m in p]
                p = [(w, m + shift) for w, m in mixed]
                law = gaussian_mixture([w for w, _ in p], [m for _, m in p], 1.0)
                found = dv.mixture_divergences(law, q).value.chi2
                assert float(found) == pytest.approx(row["D_ip1"], abs=1e-11)

    def test_two_bimodal_laws_against_adaptive_quadrature(self):
        p = gaussian_mixture([0.5, 0.5], [-1.0, 2.0], [0.5, 1.2])
        q = gaussian_mixture([0.3, 0.7], [-1.0, 1.0], [1.0, 0.7])

        def pdf(law, x):
            w, m, v = (
                np.asarray(a).ravel() for a in (law.weights, law.means, law.covariances)
            )
            return w @ stats.norm.pdf(x, m, np.sqrt(v))

        found = dv.mixture_divergences(p, q).value
        ends = np.linspace(-25, 25, 51)

        def total(f):
            parts = zip(ends[:-1], ends[1:], strict=True)
            return sum(integrate.quad(f, a, b, epsabs=1e-14)[0] for a, b in parts)

        kl = total(lambda x: pdf(p, x) * np.log(pdf(p, x) / pdf(q, x)))
        tv = total(lambda x: 0.5 * abs(pdf(p, x) - pdf(q, x)))
        chi2 = total(lambda x: pdf(p, x) ** 2 / pdf(q, x)) - 1
        assert float(found.kl) == pytest.approx(kl, rel=1e-11)
        assert float(found.tv) == pytest.approx(tv, rel=1e-7)
        assert float(found.chi2) == pytest.approx(chi2, rel=1e-9)

    @pytest.mark.parametrize("pair", PAIRS_1D.values(), ids=PAIRS_1D)
    def test_single_components_give_the_gaussian_closed_forms(self, pair):
        m_p, v_p, m_q, v_q = pair
        found = dv.mixture_divergences(
            gaussian_mixture([1.0], [m_p], v_p), gaussian_mixture([1.0], [m_q], v_q)
        ).value
        assert float(found.kl) == pytest.approx(float(dv.kl_gaussian(*pair)), rel=1e-11)
        assert float(found.chi2) == pytest.approx(
            float(dv.chi2_gaussian(*pair)), rel=1e-9
        )
        assert float(found.tv) == pytest.approx(
            float(dv.tv_gaussian_1d(*pair)), abs=1e-13
        )

    def test_a_ratio_peaked_far_outside_both_laws_is_found(self):
        # p²/q is a bell at 200, where p and q themselves have vanished
        pair = (1.0, 1.99, 0.0, 1.0)
        found = dv.mixture_divergences(
            gaussian_mixture([1.0], [1.0], 1.99), gaussian_mixture([1.0], [0.0], 1.0)
        )
        assert float(jnp.log1p(found.value.chi2)) == pytest.approx(
            float(dv.renyi2_gaussian(*pair)), rel=1e-12
        )

    def test_a_chi2_too_large_for_float64_is_still_told_by_renyi(self):
        far = (40.0, 1.0, 0.0, 1.0)
        assert dv.chi2_gaussian(*far) == np.inf
        assert float(dv.renyi2_gaussian(*far)) == pytest.approx(1600.0)

    def test_in_the_plane_products_factorise(self):
        a, b = ([0.4, 0.6], [-1.0, 1.0], [0.5, 0.6]), ([0.5, 0.5], [-1.2, 0.9], 0.7)
        c, d = (0.2, 0.8), (0.0, 1.0)
        line = dv.mixture_divergences(gaussian_mixture(*a), gaussian_mixture(*b)).value
        other = dv.Divergences(
            dv.kl_gaussian(*c, *d),
            dv.chi2_gaussian(*c, *d),
            dv.tv_gaussian_1d(*c, *d),
            dv.hellinger_squared_gaussian(*c, *d),
        )

        def times(law, mean, variance):
            w, m, v = law
            means = [[x, mean] for x in m]
            spread = np.broadcast_to(v, 2)
            return gaussian_mixture(w, means, [np.diag([x, variance]) for x in spread])

        found = dv.mixture_divergences(times(a, *c), times(b, *d))
        both = jax.tree.map(lambda x, y: jnp.stack([x, y]), line, other)
        expected = dv.product(both)
        for name in ("kl", "chi2", "hellinger_squared"):
            assert float(getattr(found.value, name)) == pytest.approx(
                float(getattr(expected, name)), rel=1e-10
            ), name
        assert np.isnan(expected.tv)
        assert float(found.error.tv) < 1e-4

    def test_only_the_line_and_the_plane_are_integrated(self):
        law = gaussian_mixture([1.0], np.zeros((1, 3)), np.eye(3))
        with pytest.raises(InputError, match="dimension of p must be 1 or 2, got 3"):
            dv.mixture_divergences(law, law)


FINITE, INFINITE = dv.Finiteness.FINITE, dv.Finiteness.INFINITE
UNDECIDED = dv.Finiteness.UNDECIDED


def one(mean, covariance):
    return gaussian_mixture([1.0], [np.atleast_1d(mean)], np.atleast_2d(covariance))


class TestFiniteness:
    """When is chi2(P || Q) infinite? Brute force beside each answer."""

    LINE = {
        "wider by 1.9": (([1.0], [0.0], 1.9), ([1.0], [0.0], 1.0), FINITE),
        "wider by 2": (([1.0], [0.0], 2.0), ([1.0], [0.0], 1.0), INFINITE),
        "by 2, shifted": (([1.0], [0.5], 2.0), ([1.0], [0.0], 1.0), INFINITE),
        "by 2, between": (([1.0], [0.5], 2.0), ([0.5, 0.5], [-1.0, 1.0], 1.0), FINITE),
        "by 2, at the end": (
            ([1.0], [1.0], 2.0),
            ([0.5, 0.5], [-1.0, 1.0], 1.0),
            INFINITE,
        ),
        "one wide part": (
            ([0.9, 0.1], [0.0, 0.0], [1.0, 3.0]),
            ([1.0], [0.0], 1.0),
            INFINITE,
        ),
        "rescued by a wide part": (
            ([1.0], [0.0], 3.0),
            ([0.9, 0.1], [0.0, 5.0], [1.0, 2.0]),
            FINITE,
        ),
        "a narrow part at 2": (
            ([1.0], [0.0], 2.0),
            ([0.4, 0.3, 0.3], [0.0, -1.0, 1.0], [0.1, 1.0, 1.0]),
            FINITE,
        ),
    }

    @pytest.mark.parametrize(("p", "q", "state"), LINE.values(), ids=LINE)
    def test_on_the_line_it_is_decided_exactly(self, p, q, state):
        p, q = gaussian_mixture(*p), gaussian_mixture(*q)
        assert dv.chi2_finiteness(p, q) is state
        found = dv.mixture_divergences(p, q).value.chi2
        assert np.isinf(found) == (state is INFINITE)
        # brute force: does the integral stop growing when the interval doubles?
        reach = []
        for half in (100.0, 200.0):
            x = jnp.linspace(-half, half, 40001)[:, None]
            log = 2 * p.log_density(x) - q.log_density(x)
            reach.append(
                float(jax.scipy.special.logsumexp(log) + jnp.log(half / 20000))
            )
        assert (reach[1] - reach[0] > 0.1) == (state is INFINITE)
        if state is FINITE:
            assert float(jnp.log1p(found)) == pytest.approx(reach[1], abs=1e-6)

    @pytest.mark.parametrize("alpha", [0.1, 0.5, 0.9])
    def test_the_gaussian_mixture_protocol_has_infinite_chi2(self, alpha):
        means = np.zeros((5, 10))
        means[1:, :2] = [[4, 4], [4, -4], [-4, 4], [-4, -4]]
        weights, eye = np.full(5, 0.2), np.eye(10)
        data = gaussian_mixture(weights, means, 0.36 * eye)
        blurred = gaussian_mixture(weights, means, 0.72 * eye)
        assert dv.chi2_finiteness(blurred, data) is INFINITE
        narrow = gaussian_mixture(weights, means, (0.36 + 0.01) * eye)
        assert dv.chi2_finiteness(narrow, data) is FINITE
        q1 = gaussian_mixture(
            np.r_[alpha * weights, (1 - alpha) * weights],
            np.r_[means, means],
            np.r_[np.tile(0.36 * eye, (5, 1, 1)), np.tile(0.72 * eye, (5, 1, 1))],
        )
        assert dv.chi2_finiteness(blurred, q1) is FINITE

    @pytest.mark.parametrize(
        ("mean", "corners", "state"),
        [
            ([0.1, 0.2], [[2, 0], [-2, 1], [-1, -2]], FINITE),  # inside the triangle
            ([3.0, 0.0], [[2, 0], [-2, 1], [-1, -2]], INFINITE),  # outside
            ([2.0, 0.0], [[2, 0], [-2, 1], [-1, -2]], INFINITE),  # a corner
            ([0.0, 0.0], [[2, 0], [-2, 0], [1, 0]], INFINITE),  # a flat hull
        ],
    )
    def test_at_the_boundary_the_hull_of_means_decides(self, mean, corners, state):
        q = gaussian_mixture(np.ones(3) / 3, np.array(corners, float), np.eye(2))
        p = one(mean, 2 * np.eye(2))
        assert dv.chi2_finiteness(p, q) is state
        # brute force on circles: the exponent must fall in every direction
        angle = np.linspace(0, 2 * np.pi, 720, endpoint=False)
        x = 500.0 * jnp.asarray(np.c_[np.cos(angle), np.sin(angle)])
        worst = float(jnp.max(2 * p.log_density(x) - q.log_density(x)))
        assert (worst < -50.0) == (state is FINITE)

    def test_two_crossed_covariances_can_rescue_together(self):
        q_together = gaussian_mixture(
            [0.5, 0.5], np.zeros((2, 2)), [np.diag([2.0, 0.8]), np.diag([0.8, 2.0])]
        )
        p = one([0.0, 0.0], 1.8 * np.eye(2))  # neither covariance alone dominates
        assert dv.chi2_finiteness(p, q_together) is FINITE
        found = dv.mixture_divergences(p, q_together)
        assert np.isfinite(found.value.chi2)
        assert float(found.error.chi2) < 1e-6 * float(found.value.chi2)
        for k in range(2):
            alone = one([0.0, 0.0], np.asarray(q_together.covariances)[k])
            assert dv.chi2_finiteness(p, alone) is INFINITE
        wider = one([0.0, 0.0], 3.0 * np.eye(2))
        assert dv.chi2_finiteness(wider, q_together) is INFINITE
        assert dv.mixture_divergences(wider, q_together).value.chi2 == np.inf

    def test_what_cannot_be_proved_is_undecided_and_nan(self):
        # three covariances that cover all directions only together, by no average
        turn = [
            np.array([[np.cos(a), -np.sin(a)], [np.sin(a), np.cos(a)]])
            for a in (0, 2.1, 4.2)
        ]
        covariances = [R @ np.diag([1.0, 0.4]) @ R.T for R in turn]
        q = gaussian_mixture(np.ones(3) / 3, np.zeros((3, 2)), covariances)
        states = {}
        for v in np.linspace(0.8, 2.1, 27):
            p = one([0.0, 0.0], v * np.eye(2))
            states[v] = dv.chi2_finiteness(p, q)
            # truth, by directions: max over components of u'(2/v - T_j^-1)u
            angle = np.linspace(0, np.pi, 3601)
            u = np.c_[np.cos(angle), np.sin(angle)]
            B = np.linalg.inv(np.asarray(q.covariances))
            margin = (2 / v - np.einsum("na,jab,nb->jn", u, B, u)).max(axis=0).min()
            if states[v] is not UNDECIDED:
                assert (states[v] is FINITE) == (margin > 0)
            if states[v] is UNDECIDED:
                assert np.isnan(dv.mixture_divergences(p, q).value.chi2)
        assert set(states.values()) == {FINITE, INFINITE, UNDECIDED}

    def test_components_of_weight_zero_do_not_count(self):
        q = one(0.0, 1.0)
        p = gaussian_mixture([1.0, 0.0], [0.0, 0.0], [1.0, 9.0])
        assert dv.chi2_finiteness(p, q) is FINITE
        assert float(dv.mixture_divergences(p, q).value.chi2) == pytest.approx(
            0, abs=1e-14
        )
        wide_q = gaussian_mixture([1.0, 0.0], [0.0, 0.0], [1.0, 9.0])
        assert dv.chi2_finiteness(one(0.0, 3.0), wide_q) is INFINITE


class TestTables:
    X = np.linspace(-14.0, 14.0, 1401)

    def table(self, mean, variance):
        return stats.norm.pdf(self.X, mean, np.sqrt(variance))

    def test_a_resolved_table_gives_the_closed_forms(self):
        found = dv.tabulated_divergences(self.table(*P1), self.table(*Q1), 0.02)
        truth = by_quad(*P1, *Q1)
        assert float(found.value.kl) == pytest.approx(truth.kl, rel=1e-10)
        assert float(found.value.chi2) == pytest.approx(truth.chi2, rel=1e-8)
        assert float(found.value.tv) == pytest.approx(truth.tv, rel=1e-4)
        assert float(found.mass_p) == pytest.approx(1.0, abs=1e-12)
        assert float(found.tail_share_chi2) < 1e-6

    def test_an_infinite_chi2_shows_in_the_rim(self):
        found = dv.tabulated_divergences(self.table(0, 2.2), self.table(0, 1.0), 0.02)
        assert np.isfinite(found.value.chi2)  # a table cannot know
        assert float(found.tail_share_chi2) > 0.5
        assert float(found.tail_share_kl) < 1e-6

    def test_the_plane_is_summed_over_both_axes(self):
        x = self.X[::10]
        p1, q1 = stats.norm.pdf(x, *P1), stats.norm.pdf(x, 0.1, 1.7)
        p, q = np.multiply.outer(p1, q1), np.multiply.outer(q1, p1)
        line = dv.tabulated_divergences(p1, q1, 0.2).value
        back = dv.tabulated_divergences(q1, p1, 0.2).value
        found = dv.tabulated_divergences(p, q, 0.04)
        assert float(found.value.kl) == pytest.approx(
            float(line.kl + back.kl), rel=1e-9
        )
        assert float(found.value.chi2) == pytest.approx(
            float((1 + line.chi2) * (1 + back.chi2) - 1), rel=1e-9
        )

    def test_zeros_follow_the_conventions(self):
        inside = dv.tabulated_divergences(np.array([0.0, 2.0]), np.ones(2), 0.5)
        assert float(inside.value.kl) == pytest.approx(np.log(2))
        assert float(inside.value.chi2) == pytest.approx(1.0)
        outside = dv.tabulated_divergences(np.ones(2), np.array([0.0, 2.0]), 0.5)
        assert outside.value.kl == outside.value.chi2 == np.inf
        assert float(outside.value.tv) == 0.5
        assert float(outside.tail_share_chi2) == 1.0

    def test_log_tables_outlive_underflow(self):
        x = np.linspace(-60, 60, 2401)
        log_p, log_q = stats.norm.logpdf(x, 0, 1.2), stats.norm.logpdf(x)
        found = dv.log_tabulated_divergences(log_p, log_q, 0.05)
        exact = float(dv.chi2_gaussian(0.0, 1.44, 0.0, 1.0))
        assert float(found.value.chi2) == pytest.approx(exact, rel=1e-10)
        plain = dv.tabulated_divergences(np.exp(log_p), np.exp(log_q), 0.05)
        assert plain.value.chi2 == np.inf  # q underflows where p does not

    def test_tables_go_through_jit_and_vmap(self):
        p = jnp.stack([self.table(0.1 * k, 1.0) for k in range(3)])
        q = jnp.asarray(self.table(0.0, 1.0))
        chi2 = jax.jit(
            jax.vmap(lambda t: dv.tabulated_divergences(t, q, 0.02).value.chi2)
        )
        np.testing.assert_allclose(chi2(p), np.expm1([0.0, 0.01, 0.04]), atol=1e-12)

    @pytest.mark.parametrize(
        ("p", "fields", "message"),
        [
            (-np.ones(4), {}, "p must be in"),
            (np.ones(5), {}, "q must be of shape"),
            (np.full(4, np.nan), {}, "p must be finite"),
            (np.ones(4), {"cell": 0.0}, "cell must be positive"),
            (np.ones(4), {"rim": 0.5}, "rim must be in"),
        ],
    )
    def test_bad_tables_are_refused(self, p, fields, message):
        with pytest.raises(InputError, match=message):
            dv.tabulated_divergences(p, np.ones(4), **{"cell": 0.25, **fields})


weights = st.lists(st.just(0.0) | st.floats(1e-3, 1.0), min_size=3, max_size=3).filter(
    any
)  # tinier weights drown in the rounding of TV near 1


class TestInequalities:
    @settings(max_examples=60, deadline=None)
    @given(weights, weights)
    def test_every_inequality_holds_on_finite_states(self, a, b):
        p, q = np.array(a) / sum(a), np.array(b) / sum(b)
        for name, slack in dv.ordering_slacks(dv.finite_state(p, q)).items():
            assert not slack < -1e-9, name

    def test_finite_states_against_scipy(self):
        p, q = np.array([0.2, 0.5, 0.3]), np.array([0.4, 0.4, 0.2])
        found = dv.finite_state(p, q)
        assert float(found.kl) == pytest.approx(stats.entropy(p, q), rel=1e-14)
        assert float(found.chi2) == pytest.approx(np.sum((p - q) ** 2 / q), rel=1e-14)
        assert float(found.tv) == pytest.approx(0.2)
        affinity = np.sum(np.sqrt(p * q))
        assert float(found.hellinger_squared) == pytest.approx(1 - affinity, rel=1e-12)

    def test_finite_states_refuse_what_is_no_law(self):
        with pytest.raises(InputError, match="sum of q must be 1"):
            dv.finite_state(np.array([0.5, 0.5]), np.array([0.5, 0.4]))

    def test_two_point_laws_attain_the_smallest_chi2(self):
        for tv in (0.1, 0.4, 0.7):
            q0 = 0.5 if tv < 0.5 else 1 - tv
            p = np.array([q0 + tv, 1 - q0 - tv])
            found = dv.finite_state(p, np.array([q0, 1 - q0]))
            floor = float(dv.chi2_from_tv(found.tv))
            assert float(found.chi2) == pytest.approx(floor, rel=1e-12)
            assert float(found.chi2) < 1.1 * floor  # control: 1.1 x the bound is false

    def test_the_constants_cannot_be_improved(self):
        e = 1e-4  # nearby laws: KL ~ 2 TV², KL ~ chi2/2, and half of it is refused
        found = dv.finite_state(np.array([0.5 + e, 0.5 - e]), np.array([0.5, 0.5]))
        assert float(dv.pinsker(found.kl)) >= float(found.tv) * (1 - 1e-9)
        assert 0.99 * float(dv.pinsker(found.kl)) < float(found.tv)
        point = dv.finite_state(np.array([1.0, 0.0]), np.array([0.3, 0.7]))
        assert float(dv.kl_from_chi2(point.chi2)) == pytest.approx(float(point.kl))
        assert 0.99 * float(dv.kl_from_chi2(point.chi2)) < float(point.kl)
        lower, upper = dv.tv_from_hellinger(point.hellinger_squared)
        assert float(lower) <= float(point.tv) <= float(upper)

    def test_a_wrong_divergence_is_exposed(self):
        p, q = np.array([0.2, 0.5, 0.3]), np.array([0.4, 0.4, 0.2])
        found = dv.finite_state(p, q)
        wrong = dv.Divergences(
            found.kl / 4, found.chi2, found.tv, found.hellinger_squared
        )
        assert min(dv.ordering_slacks(wrong).values()) < -1e-3
