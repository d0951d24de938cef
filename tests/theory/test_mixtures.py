import subprocess
import sys

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import stats

from theory.mixtures import Blend, gaussian_mixture, kernel_density
from theory.processes import ou
from theory.validation import InputError

W = np.array([0.2, 0.5, 0.3])
M = np.array([[0.0, 1.0], [2.0, -1.0], [-1.5, 0.5]])
S = np.array([[[1.0, 0.3], [0.3, 0.5]], np.eye(2), [[0.4, -0.2], [-0.2, 0.9]]])
X = np.random.default_rng(0).normal(0.0, 2.0, (40, 2))
PROCESS = ou(4.0, 0.02)

evaluate = jax.jit(lambda law, x: law.log_density_and_score(x))
log_density = jax.jit(lambda law, x: law.log_density(x))
gradient = jax.jit(jax.grad(lambda x, law: jnp.sum(law.log_density(x))))


def planar():
    return gaussian_mixture(W, M, S)


def dense_density(law, x):
    """Mixture density by scipy, component by component."""
    parts = zip(law.weights, law.means, law.covariances, strict=True)
    return sum(
        float(w) * stats.multivariate_normal(np.asarray(m), np.asarray(V)).pdf(x)
        for w, m, V in parts
    )


class TestGaussianMixture:
    def test_the_density_is_scipys(self):
        found = log_density(planar(), jnp.asarray(X))
        np.testing.assert_allclose(
            np.exp(found), dense_density(planar(), X), rtol=1e-12
        )

    def test_the_score_is_the_gradient_of_the_log_density(self):
        _, score = evaluate(planar(), jnp.asarray(X))
        np.testing.assert_allclose(
            score, gradient(jnp.asarray(X), planar()), atol=1e-12
        )
        e = 1e-5
        for k in range(2):
            step = e * np.eye(2)[k]
            difference = np.log(dense_density(planar(), X + step))
            difference -= np.log(dense_density(planar(), X - step))
            np.testing.assert_allclose(score[:, k], difference / (2 * e), atol=1e-8)

    def test_moments_are_those_of_the_components(self):
        mean, second = np.zeros(2), np.zeros((2, 2))
        for w, m, V in zip(W, M, S, strict=True):
            mean += w * m
            second += w * (V + np.outer(m, m))
        np.testing.assert_allclose(planar().mean(), mean, atol=1e-15)
        np.testing.assert_allclose(planar().second_moment(), second, atol=1e-15)
        assert planar().dim == 2

    @pytest.mark.parametrize("t", [0.02, 0.7, 4.0])
    def test_the_noised_law_is_the_transition_kernel_applied(self, t):
        law = gaussian_mixture([0.4, 0.6], [-1.5, 2.0], [0.3, 0.7])
        x = np.array([-2.0, 0.1, 1.7])
        found = np.exp(log_density(law.noised(PROCESS, t), jnp.asarray(x[:, None])))
        y = np.linspace(
            -9.0, 9.0, 20001
        )  # step .0009 resolves the narrowest kernel, .14
        kernel = stats.norm.pdf(x[:, None], np.exp(-t / 2) * y, np.sqrt(1 - np.exp(-t)))
        truth = np.sum(kernel * dense_density(law, y), axis=1) * (y[1] - y[0])
        np.testing.assert_allclose(found, truth, rtol=1e-10)

    def test_noising_is_a_semigroup_with_the_standard_normal_as_limit(self):
        once = planar().noised(PROCESS, 0.9)
        twice = planar().noised(PROCESS, 0.4).noised(PROCESS, 0.5)
        for a, b in zip(jax.tree.leaves(once), jax.tree.leaves(twice), strict=True):
            np.testing.assert_allclose(a, b, atol=1e-14)
        late = planar().noised(PROCESS, 80.0)
        np.testing.assert_allclose(late.means, 0.0, atol=1e-15)
        np.testing.assert_allclose(late.covariances, [np.eye(2)] * 3, atol=1e-15)

    def test_a_wrong_time_scale_is_not_a_semigroup(self):
        half = planar().noised(PROCESS, 0.4).noised(PROCESS, 0.4)
        assert np.abs(half.means - planar().noised(PROCESS, 0.9).means).max() > 1e-2

    def test_components_of_weight_zero_vanish_without_nan(self):
        padded = gaussian_mixture(
            [*W, 0.0], np.r_[M, [[9.0, 9.0]]], np.r_[S, np.eye(2)[None]]
        )
        for a, b in zip(
            evaluate(padded, jnp.asarray(X)),
            evaluate(planar(), jnp.asarray(X)),
            strict=True,
        ):
            np.testing.assert_allclose(a, b, atol=1e-13)
        total = jax.jit(jax.grad(lambda law: jnp.sum(law.log_density(jnp.asarray(X)))))
        sensitivity = total(padded)
        assert all(np.isfinite(leaf).all() for leaf in jax.tree.leaves(sensitivity))

    def test_far_points_have_finite_log_density_and_score(self):
        far = jnp.array([[1e3, -1e3], [0.0, 1e4]])
        log_p, score = evaluate(planar(), far)
        assert np.isfinite(log_p).all()
        assert np.isfinite(score).all()
        assert (np.asarray(log_p) < -1e5).all()

    @pytest.mark.parametrize("covariances", [0.5, [0.5, 0.5], np.full((2, 1, 1), 0.5)])
    def test_shorthand_covariances_mean_the_same(self, covariances):
        law = gaussian_mixture([0.5, 0.5], [-1.0, 1.0], covariances)
        assert law.means.shape == (2, 1)
        np.testing.assert_array_equal(law.covariances, np.full((2, 1, 1), 0.5))

    def test_it_batches_over_time_and_over_laws(self):
        times = jnp.array([0.1, 0.5, 2.0])
        x = jnp.asarray(X)
        batch = jax.jit(jax.vmap(lambda t: planar().noised(PROCESS, t).log_density(x)))
        for row, t in zip(batch(times), times, strict=True):
            one = planar().noised(PROCESS, float(t)).log_density(x)
            np.testing.assert_allclose(row, one, atol=1e-13)  # jitted and not
        laws = jax.tree.map(lambda a: jnp.stack([a, a]), planar())
        both = jax.vmap(log_density, in_axes=(0, None))(laws, x)
        np.testing.assert_allclose(both[1], log_density(planar(), x), atol=1e-13)

    @pytest.mark.parametrize(
        ("arguments", "message"),
        [
            (([0.5, 0.4], [0.0, 1.0], 1.0), "sum of weights must be 1 within 1e-9"),
            (([1.5, -0.5], [0.0, 1.0], 1.0), r"weights must be in \[0, 1\]"),
            (([[1.0]], [0.0], 1.0), "weights must be a vector"),
            (([0.5, 0.5], [0.0], 1.0), r"means must be of shape \(2, d\)"),
            (([1.0], [np.nan], 1.0), "means must be finite"),
            (([1.0], [0.0], 0.0), "covariances must be positive definite"),
            (([1.0], [0.0], [1.0, 2.0]), r"covariances must be \(1,\) variances"),
            (([1.0], [[0.0, 0.0]], [[1.0, 0.2], [0.1, 1.0]]), "must be symmetric"),
            (([1.0], [[0.0, 0.0]], np.eye(3)), r"covariances must be of shape"),
            (
                ([0.5, 0.5], [0.0, 1.0], np.ones((3, 1, 1))),
                "covariances must be of shape",
            ),
            (([0.5, 0.5], [[0.0, 1.0], [1.0]], 1.0), "means must be numeric"),
        ],
    )
    def test_bad_input_is_refused_in_one_line(self, arguments, message):
        with pytest.raises(InputError, match=message) as error:
            gaussian_mixture(*arguments)
        assert "\n" not in str(error.value)


class TestKernelDensity:
    CENTRES = np.random.default_rng(1).normal(0.0, 1.0, (53, 2))

    def dense(self, bandwidth, weights=None):
        m = len(self.CENTRES)
        w = np.full(m, 1.0 / m) if weights is None else weights
        return gaussian_mixture(w, self.CENTRES, bandwidth**2 * np.eye(2))

    @pytest.mark.parametrize("block", [1, 16, 53, 1024])
    def test_streaming_equals_dense_whatever_the_block(self, block):
        law = kernel_density(self.CENTRES, 0.3, block=block)
        for a, b in zip(
            evaluate(law, jnp.asarray(X)),
            evaluate(self.dense(0.3), jnp.asarray(X)),
            strict=True,
        ):
            np.testing.assert_allclose(a, b, rtol=1e-11, atol=1e-11)

    def test_weights_count_and_zero_weights_vanish(self):
        weights = np.arange(53.0)
        weights[40:] = 0.0  # the last blocks hold nothing at all
        weights /= weights.sum()
        law = kernel_density(self.CENTRES, 0.4, weights, block=8)
        found, truth = (
            evaluate(k, jnp.asarray(X)) for k in (law, self.dense(0.4, weights))
        )
        np.testing.assert_allclose(found[0], truth[0], atol=1e-11)
        np.testing.assert_allclose(found[1], truth[1], atol=1e-10)
        np.testing.assert_allclose(
            law.mean(), self.dense(0.4, weights).mean(), atol=1e-14
        )
        np.testing.assert_allclose(
            law.second_moment(), self.dense(0.4, weights).second_moment(), atol=1e-14
        )

    def test_integer_centres_are_points_like_any_other(self):
        found, truth = (
            kernel_density(np.array(c), 0.5) for c in ([[0], [1]], [[0.0], [1.0]])
        )
        x = jnp.array([[0.3]])
        np.testing.assert_array_equal(found.log_density(x), truth.log_density(x))

    def test_float32_keeps_its_dtype_and_digits(self):
        narrow = kernel_density(self.CENTRES.astype(np.float32) + 20.0, 0.3)
        x = jnp.asarray(X + 20.0, jnp.float32)
        log_p, score = evaluate(narrow, x)
        assert log_p.dtype == score.dtype == jnp.float32
        truth, true_score = evaluate(self.dense(0.3), jnp.asarray(X))
        near = np.asarray(truth) > -30.0
        np.testing.assert_allclose(log_p[near], truth[near], atol=5e-3)
        np.testing.assert_allclose(score[near], true_score[near], atol=5e-2)

    def test_the_score_is_the_gradient_and_points_home_from_afar(self):
        law = kernel_density(self.CENTRES, 0.3, block=16)
        score = evaluate(law, jnp.asarray(X))[1]
        np.testing.assert_allclose(score, gradient(jnp.asarray(X), law), atol=1e-9)
        log_p, far = evaluate(law, jnp.array([[300.0, 0.0]]))
        assert np.isfinite(log_p).all()
        nearest = self.CENTRES[np.argmax(self.CENTRES[:, 0])]
        np.testing.assert_allclose(far[0], (nearest - [300.0, 0.0]) / 0.09, rtol=1e-6)

    def test_noising_blurs_the_data_then_diffuses(self):
        found = kernel_density(self.CENTRES, 0.3).noised(PROCESS, 0.7)
        truth = self.dense(0.3).noised(PROCESS, 0.7)
        np.testing.assert_allclose(
            log_density(found, jnp.asarray(X)),
            log_density(truth, jnp.asarray(X)),
            atol=1e-11,
        )

    def test_bandwidth_sensitivity_matches_a_finite_difference(self):
        @jax.jit
        def total(h):
            return jnp.sum(kernel_density(self.CENTRES, h, block=16).log_density(x))

        x, e = jnp.asarray(X), 1e-5
        difference = (total(0.4 + e) - total(0.4 - e)) / (2 * e)
        slope = jax.jit(jax.grad(total))(0.4)
        assert float(slope) == pytest.approx(float(difference), rel=1e-7)

    @pytest.mark.skipif(sys.platform != "linux", reason="peak memory read from /proc")
    def test_twenty_thousand_points_and_centres_stay_below_one_gibibyte(self):
        # VmHWM, not ru_maxrss: the latter remembers the parent's peak across exec
        code = r"""
import re
from pathlib import Path
import jax, jax.numpy as jnp, jax.random as jr
from theory.mixtures import kernel_density
from theory.precision import enable_x64
enable_x64()
n = 20_000
assert n * n * 4 > 2**30  # one (points, centres) array alone would not fit
c, x = jr.normal(jr.key(0), (2, n, 10), jnp.float32)
evaluate = jax.jit(lambda law, x: law.log_density_and_score(x))
log_p, score = evaluate(kernel_density(c, 0.6), x)
assert log_p.dtype == score.dtype == jnp.float32
assert bool(jnp.isfinite(score).all() & jnp.isfinite(log_p).all())
status = Path("/proc/self/status").read_text()
print(int(re.search(r"VmHWM:\s*(\d+) kB", status)[1]) / 2**20)
"""
        done = subprocess.run(
            [sys.executable, "-c", code], capture_output=True, text=True
        )
        assert done.returncode == 0, done.stderr
        assert float(done.stdout) < 1.0  # GiB

    @pytest.mark.parametrize(
        ("arguments", "message"),
        [
            ((np.zeros(3), 0.1), "centres must be of shape"),
            ((np.zeros((0, 2)), 0.1), "centres must be of shape"),
            ((np.full((2, 1), np.inf), 0.1), "centres must be finite"),
            ((np.zeros((2, 1)), 0.0), "bandwidth must be positive"),
            ((np.zeros((2, 1)), 0.1, [1.5, -0.5]), "weights must be in"),
            ((np.zeros((2, 1)), 0.1, [1.0]), r"weights must be of shape \(2,\)"),
            ((np.zeros((2, 1)), 0.1, [0.1, 0.1]), "sum of weights must be 1"),
            ((np.zeros((2, 1)), 0.1, None, 0), "block must be >= 1"),
        ],
    )
    def test_bad_input_is_refused(self, arguments, message):
        with pytest.raises(InputError, match=message):
            kernel_density(*arguments)


class TestBlend:
    FIRST = ([1.0], [[0.0, 0.0]], np.eye(2))
    SECOND = ([0.5, 0.5], [[2.0, 0.0], [-2.0, 1.0]], 0.3 * np.eye(2))

    def blend(self, alpha):
        parts = gaussian_mixture(*self.FIRST), gaussian_mixture(*self.SECOND)
        return Blend(jnp.asarray(alpha, jnp.float64), *parts)

    @pytest.mark.parametrize(("alpha", "part"), [(1.0, FIRST), (0.0, SECOND)])
    def test_at_the_ends_only_one_law_is_left(self, alpha, part):
        found = evaluate(self.blend(alpha), jnp.asarray(X))
        truth = evaluate(gaussian_mixture(*part), jnp.asarray(X))
        for a, b in zip(found, truth, strict=True):
            np.testing.assert_allclose(a, b, atol=1e-13)
        assert np.isfinite(gradient(jnp.asarray(X), self.blend(alpha))).all()

    def test_in_between_it_is_the_mixture_of_all_components(self):
        whole = gaussian_mixture(
            [0.3, 0.35, 0.35],
            np.r_[self.FIRST[1], self.SECOND[1]],
            np.r_[[self.FIRST[2]], [self.SECOND[2]], [self.SECOND[2]]],
        )
        for blend, truth in (
            (self.blend(0.3), whole),
            (self.blend(0.3).noised(PROCESS, 0.5), whole.noised(PROCESS, 0.5)),
        ):
            for a, b in zip(
                evaluate(blend, jnp.asarray(X)),
                evaluate(truth, jnp.asarray(X)),
                strict=True,
            ):
                np.testing.assert_allclose(a, b, atol=1e-12)
            np.testing.assert_allclose(
                log_density(blend, jnp.asarray(X)), evaluate(blend, jnp.asarray(X))[0]
            )
            np.testing.assert_allclose(blend.mean(), truth.mean(), atol=1e-14)
            np.testing.assert_allclose(
                blend.second_moment(), truth.second_moment(), atol=1e-14
            )
        assert self.blend(0.3).dim == 2

    def test_it_batches_over_the_fresh_fraction(self):
        alphas = jnp.array([0.0, 0.4, 1.0])
        x = jnp.asarray(X)
        found = jax.jit(jax.vmap(lambda a: self.blend(a).log_density(x)))(alphas)
        for row, alpha in zip(found, alphas, strict=True):
            np.testing.assert_allclose(
                row, log_density(self.blend(alpha), x), atol=1e-13
            )

    def test_a_kernel_density_blends_with_a_mixture(self):
        kde = kernel_density(TestKernelDensity.CENTRES, 0.3)
        law = Blend(jnp.asarray(0.25), gaussian_mixture(*self.FIRST), kde)
        p = np.exp(log_density(gaussian_mixture(*self.FIRST), jnp.asarray(X)))
        q = np.exp(log_density(kde, jnp.asarray(X)))
        found = np.exp(log_density(law, jnp.asarray(X)))
        np.testing.assert_allclose(found, 0.25 * p + 0.75 * q, rtol=1e-12)
