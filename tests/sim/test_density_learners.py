"""Loops of density learners against what is exactly known of them, in standard errors.

Each comparison has a control: what another protocol or another weight would give, which the
same replicas reject.
"""

from types import SimpleNamespace
from typing import ClassVar

import jax.numpy as jnp
import jax.random as jr
import numpy as np
import pytest
from composed import go, go_loop, growing, of_counts, z_scores
from scipy.stats import binom, multivariate_normal, norm

from figures.self_consuming.loops import (
    covering_grid,
    density_loop,
    frequency_loop,
    kernel_loop,
    measured_bound,
    standard,
)
from sim.composition import (
    Counts,
    Mixing,
    Points,
    Summary,
    SummaryStatistics,
    scheduled,
)
from sim.grid import Grid, grid_for_kernels, smoothed, uniform_grid
from sim.laws import FiniteLaw
from sim.learners.density import Frequencies, GaussianFit, GaussianMLE, GridKernel
from sim.learners.kernel import Kernel
from sim.learners.network import Network
from sim.measures.gaussian_entropy import GaussianEntropy
from sim.measures.tabulated import Support, TotalVariation
from sim.recursion import Recursion
from sim.sampling import EndpointDraw, ReverseSDE
from sim.targets import Mixture, bimodal, categories, grid_of_modes, tabulated
from theory.mixing import accumulate_batches, fixed_mixture, fully_synthetic, latest
from theory.mixtures import gaussian_mixture
from theory.processes import ou
from theory.self_consuming.gaussian_mle import (
    mean_square_fixed_mixture,
    mean_square_iid,
)
from theory.self_consuming.kernel_density.grid import loop_grid
from theory.self_consuming.kernel_density.mise import fixed_mixture_mise, iid_mise
from theory.self_consuming.weights import stage_weights
from theory.validation import InputError

# ---- one fit


def test_gaussian_fit_is_mean_and_scatter_over_either_divisor():
    x = np.array([1.0, 2.0, 4.0, 9.0])
    data = SummaryStatistics(*map(jnp.float64, (4.0, x.mean(), 4 * x.var())))
    for unbiased in (False, True):
        law = GaussianMLE(unbiased).init(jr.key(0), data, None, None).law
        assert float(law.means[0, 0]) == 4.0
        assert float(law.covariances[0, 0, 0]) == pytest.approx(x.var(ddof=unbiased))


def test_frequencies_are_raised_by_the_pseudo_count():
    data = jnp.array([0.0, 3.0, 5.0])
    law = Frequencies(0.5).init(jr.key(0), data, None, None).law
    np.testing.assert_allclose(law.mass, np.array([0.5, 3.5, 5.5]) / 9.5, rtol=1e-15)


@pytest.mark.parametrize("scaled", [False, True])
def test_kernel_density_is_the_sum_of_its_kernels(scaled):
    grid = grid_for_kernels(6.0, 0.3)
    nodes = np.array([90, 100, 100, 105, 120])
    data = jnp.zeros(grid.nodes).at[nodes].add(1.0)
    x = np.asarray(grid.axis)
    h = 0.3 * x[nodes].std(ddof=1) if scaled else 0.3
    exact = norm.pdf(x[:, None], x[nodes], h).mean(axis=1)
    found = GridKernel(grid, 0.3, scaled).init(jr.key(0), data, None, None).law
    np.testing.assert_allclose(found.density, exact, atol=1e-12)


def test_smoothing_adds_its_variance_and_keeps_the_mass():
    grid = Grid(9.0, 180)
    blurred = smoothed(norm.pdf(grid.axis, 0.5, 0.6), grid, jnp.float64(0.8))
    np.testing.assert_allclose(blurred, norm.pdf(grid.axis, 0.5, 1.0), atol=1e-12)


# ---- Gaussian maximum likelihood


class LawMoments:
    """Mean and variance of the fitted Gaussian."""

    needs: ClassVar = "exact"
    names: ClassVar = ("mu", "s2")

    def __call__(self, key, scene):
        law = scene.after
        return {"mu": law.means[0, 0], "s2": law.covariances[0, 0, 0]}


def gaussian(scheme, protocol, folder, replicas=20_000):
    learner = GaussianMLE()
    loop = density_loop(
        [scheme],
        protocol,
        lambda at: learner,
        Mixture(standard()),
        Summary(),
        (LawMoments(),),
    )
    return go_loop(loop, folder, replicas)


def accumulated_mean_square(n: float, models: int) -> np.ndarray:
    """E mu^2 when every batch is kept, derived here.

    The mean moves by the newest batch's noise alone, sigma_s z / ((s + 1) sqrt n), and
    E sigma_s^2 = 1 - E mu_s^2.
    """
    e = [1.0 / n]
    for s in range(1, models):
        e.append(e[-1] + (1.0 - e[-1]) / (n * (s + 1) ** 2))
    return np.array(e)


N, M, MODELS = 20.0, 40.0, 5
V2 = fixed_mixture(N, M, MODELS, "V2")
BATCHES = accumulate_batches(N, N, MODELS)
GAUSSIAN = {
    "iid": (V2, "iid", lambda: mean_square_iid(V2)),
    "fresh": (V2, "fresh", lambda: mean_square_fixed_mixture(N, M, MODELS, "fresh")),
    "reused": (V2, "reused", lambda: mean_square_fixed_mixture(N, M, MODELS, "reused")),
    "adaptive": (growing(5, 15.0), "iid", lambda: mean_square_iid(growing(5, 15.0))),
    "kept": (BATCHES, "accumulate-reused", lambda: accumulated_mean_square(N, MODELS)),
}
CONTROLS = {
    "iid": GAUSSIAN["reused"][2],
    "fresh": GAUSSIAN["reused"][2],
    "reused": GAUSSIAN["fresh"][2],
    "adaptive": lambda: mean_square_iid(fully_synthetic(5, 15.0)),
    "kept": lambda: mean_square_iid(BATCHES),
}


@pytest.mark.parametrize("name", GAUSSIAN)
def test_gaussian_means_scatter_as_derived(name, tmp_path):
    scheme, protocol, exact = GAUSSIAN[name]
    trace = gaussian(scheme, protocol, tmp_path)
    mu2, s2 = trace["mu"].values ** 2, trace["s2"].values
    assert abs(z_scores(mu2, exact())).max() < 4.5
    # the second moment is kept in every scheme under every protocol
    assert abs(z_scores(mu2 + s2, 1.0)).max() < 4.5
    assert abs(z_scores(mu2, CONTROLS[name]())[-1]) > 6


# ---- categories


class Masses:
    """Estimated probabilities."""

    needs: ClassVar = "exact"
    names: ClassVar = ("mass",)

    def __call__(self, key, scene):
        return {"mass": scene.after.mass}


def chain(p, scheme, kappa, K):
    """(values, laws of the count) of every model of a latest-only scheme, by scipy."""
    n = int(scheme.sizes[0])
    k = np.arange(n + 1)
    values = (k + kappa) / (n + K * kappa)
    laws = [binom.pmf(k, n, p)]
    for s in range(1, scheme.stages):
        a = float(scheme.alpha[s])
        q = a * p + (1 - a) * values
        laws.append(laws[-1] @ binom.pmf(k[None], n, q[:, None]))
    return values, np.array(laws)


def test_categories_follow_their_chain(tmp_path):
    kappa = 0.0
    p, scheme = np.array([0.6, 0.3, 0.1]), latest(0.2, 6, 40.0)
    loop = density_loop(
        [scheme],
        "iid",
        lambda at: Frequencies(kappa),
        categories(p),
        Counts(),
        (Masses(), TotalVariation(None)),
    )
    trace = go_loop(loop, tmp_path, 2000)
    mass = np.moveaxis(trace["mass"].values, 1, -1)  # (models, categories, replicas)
    tv = 0.0
    for a in range(3):
        values, laws = chain(p[a], scheme, kappa, 3)
        assert abs(z_scores(mass[:, a], laws @ values)).max() < 4.5
        squares = laws @ (values - p[a]) ** 2
        assert abs(z_scores((mass[:, a] - p[a]) ** 2, squares)).max() < 4.5
        tv = tv + 0.5 * laws @ abs(values - p[a])
    assert abs(z_scores(trace["tv"].values, tv)).max() < 4.5
    _, others = chain(p[2], fully_synthetic(6, 40.0), kappa, 3)
    lost = (mass[-1, 2] == values[0]).mean()
    assert abs(lost - laws[-1, 0]) < 4.5 * np.sqrt(laws[-1, 0] / 2000) + 1e-3
    control = others[-1] @ (values - p[2]) ** 2
    assert abs(z_scores((mass[-1, 2] - p[2]) ** 2, control)) > 6
    if (
        kappa == 0.0
    ):  # the closed form of the variance, v' = p(1-p)/N + (1-1/N) beta^2 v
        v = [p[2] * (1 - p[2]) / 40]
        for _ in range(5):
            v.append(p[2] * (1 - p[2]) / 40 + (1 - 1 / 40) * 0.64 * v[-1])
        np.testing.assert_allclose(laws @ (values - p[2]) ** 2, v, rtol=1e-10)


# ---- kernel densities

ADAPTIVE = of_counts(
    [[40, 0, 0, 0], [10, 30, 0, 0], [10, 10, 20, 0], [10, 20, 4, 6]]
)  # the last model learns most from the oldest
WIDTHS = np.array([0.3, 0.7, 0.4, 0.5])


@pytest.mark.parametrize(
    ("scheme", "protocol"),
    [
        (ADAPTIVE, "iid"),
        (ADAPTIVE, "reused"),
        (accumulate_batches(20.0, 20.0, 4), "accumulate-reused"),
    ],
    ids=["iid", "reused", "accumulate-reused"],
)
def test_second_moment_grows_by_the_weighted_bandwidths(scheme, protocol, tmp_path):
    grid, _ = covering_grid(5.0, [scheme], WIDTHS[None])
    loop = kernel_loop([scheme], protocol, WIDTHS[None], grid)
    trace = go_loop(loop, tmp_path, 400)
    moment = trace["law_second_moment"].values[-1]
    A = np.asarray(stage_weights(scheme))
    assert abs(z_scores(moment, 1.0 + A @ WIDTHS**2)) < 4.5
    unweighted = 1.0 + (WIDTHS**2).sum()
    assert abs(z_scores(moment, unweighted)) > 4.5
    holds_on_every_path(trace, scheme)


@pytest.mark.parametrize("protocol", ["iid", "fresh", "reused"])
def test_squared_error_of_kernel_loops(protocol, tmp_path):
    n, m, models, h = 50.0, 150.0, 5, np.array([0.48, 0.35, 0.35, 0.35, 0.35])
    scheme = fixed_mixture(n, m, models, "V2")
    theirs = loop_grid(standard(), h, models)
    exact = {
        p: np.asarray(fixed_mixture_mise(n, m, h, standard(), theirs, p).total)
        for p in ("fresh", "reused")
    }
    exact["iid"] = np.asarray(iid_mise(scheme, h, standard(), theirs).total)
    loop = kernel_loop([scheme], protocol, h[None], grid_for_kernels(9.0, h.min()))
    trace = go_loop(loop, tmp_path, 800)
    ise = trace["ise"].values
    assert abs(z_scores(ise, exact[protocol])).max() < 4.5
    other = "fresh" if protocol == "reused" else "reused"
    assert abs(z_scores(ise[-1], exact[other][-1])) > 6
    holds_on_every_path(trace, scheme)


# ---- the bound holds on every path


def holds_on_every_path(trace, scheme):
    """TV against the bound from the path's own one-step errors; 0.9 of it would not do."""
    bound = measured_bound(scheme, trace["tv_step"]).transpose(*trace["tv"].dims)
    slack = (bound - trace["tv"]).values
    scale = bound.values.max()
    assert slack.min() >= -1e-12 * scale
    assert slack[0] == pytest.approx(0.0, abs=1e-12)  # the first model attains it
    assert (0.9 * bound - trace["tv"]).values.min() < -1e-3 * scale


PROTOCOLS = {
    "iid": of_counts([[24, 0, 0], [6, 18, 0], [6, 6, 12]]),
    "fresh": of_counts([[24, 0, 0], [6, 18, 0], [6, 12, 6]]),
    "reused": of_counts([[6, 0, 0], [6, 18, 0], [6, 6, 12]]),
    "accumulate-reused": of_counts([[8, 0, 0], [8, 4, 0], [8, 4, 12]]),
}


@pytest.mark.parametrize("protocol", ["iid", "fresh"])
def test_bound_holds_for_categories(protocol, tmp_path):
    scheme = PROTOCOLS[protocol]
    loop = frequency_loop([scheme], protocol, [0.5, 0.3, 0.15, 0.05], 0.5)
    holds_on_every_path(go_loop(loop, tmp_path, 40), scheme)


@pytest.mark.parametrize("protocol", ["reused", "accumulate-reused"])
def test_bound_holds_for_gaussians(protocol, tmp_path):
    scheme = PROTOCOLS[protocol]
    grid = uniform_grid(8.0, 201, 1, 0.1)
    learner = GaussianMLE()
    gaussians = density_loop(
        [scheme],
        protocol,
        lambda at: learner,
        Mixture(standard()),
        Summary(),
        (TotalVariation(grid),),
    )
    holds_on_every_path(go_loop(gaussians, tmp_path, 40), scheme)


@pytest.mark.parametrize("protocol", ["iid", "reused", "accumulate-reused"])
def test_bound_holds_for_point_clouds_in_two_dimensions(protocol, tmp_path):
    scheme = PROTOCOLS[protocol]
    parameters, reach = scheduled([scheme], protocol, 24)
    assert reach == 2
    recursion = Recursion(
        target=grid_of_modes(2, 2.0, 0.5),
        learner=lambda at: Kernel(0.5),
        sampler=EndpointDraw(),
        process=ou(1.0, 0.0),
        n=24,
        generations=3,
        composition=Mixing(Points(24), protocol, reach),
        measures=(TotalVariation(Grid(4.0, 31, 2)),),
    )
    holds_on_every_path(go(recursion, parameters, tmp_path, 6), scheme)


def test_bound_holds_for_a_network_known_on_a_grid(tmp_path):
    scheme = fixed_mixture(50.0, 150.0, 3, "V2")
    parameters, reach = scheduled([scheme], "reused", 200)
    network = Network(width=8, steps=60, batch=32, segments=1)
    grid = uniform_grid(7.0, 61, 1, 3.0 / 20)
    recursion = Recursion(
        target=bimodal(),
        learner=lambda at: network,
        sampler=ReverseSDE(20),
        process=ou(3.0, 0.02),
        n=200,
        generations=3,
        composition=Mixing(Points(200), "reused", reach),
        measures=(TotalVariation(grid),),
        grid=grid,
    )
    trace = go(recursion, parameters, tmp_path, 2, batching="map")
    assert trace.attrs["known_as"] == "grid"
    holds_on_every_path(trace, scheme)


# ---- grids and refusals


def test_a_grid_too_narrow_for_the_last_model_is_widened_with_a_note():
    scheme = fully_synthetic(20, 50.0)
    grid, note = covering_grid(6.0, [scheme], 0.5)
    assert grid.half_width == pytest.approx(6.0 * np.sqrt(1.0 + 20 * 0.25))
    assert grid.step <= 0.5 / 5
    assert note == "grid widened from +-6 to +-14.7 to hold all models"
    grid, note = covering_grid(20.0, [scheme], 0.5)
    assert (grid.half_width, note) == (20.0, "")


def test_a_grid_holds_the_widest_model_also_if_it_is_not_the_last():
    alpha = np.zeros(10)
    alpha[-1] = 1.0  # the last model learns from real data alone
    grid, _ = covering_grid(6.0, [latest(alpha, 10, 50.0)], 0.5)
    assert grid.half_width == pytest.approx(6.0 * np.sqrt(1.0 + 9 * 0.25))


TWO = gaussian_mixture([0.5, 0.5], [-3.0, 3.0], 1.0)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda: kernel_loop([ADAPTIVE], "iid", [0.3, 0.4], Grid(9.0, 99)),
            r"bandwidths must be one number, one a schedule \(1, 1\), or of shape \(1, 4\)",
        ),
        (
            lambda: covering_grid(5.0, [ADAPTIVE], -0.1),
            "bandwidths must be positive and finite, got -0.1",
        ),
        (
            lambda: kernel_loop([ADAPTIVE], "iid", 0.5, Grid(3.0, 99), TWO),
            "grid must be wide and fine enough to hold the law, got 'mass 0.5",
        ),
        (lambda: tabulated(standard(), Grid(9.0, 8)), "grid must be wide and fine"),
        (lambda: categories([0.5, 0.6]), "sum of probabilities must be 1 within"),
        (
            lambda: categories([1.5, -0.5]),
            r"probabilities must be in \[0, 1\], got 1.5",
        ),
        (
            lambda: categories([np.nan, 1.0]),
            r"probabilities must be in \[0, 1\], got nan",
        ),
        (lambda: categories([1.0]), r"probabilities must be \(K >= 2,\)"),
        (lambda: Frequencies(-1.0), r"pseudo_count must be in \[0, inf\], got -1"),
        (lambda: GridKernel(Grid(9.0, 99), 0.0), "bandwidth must be positive"),
        (lambda: GridKernel(Grid(9.0, 9, 2), 0.5), "grid.dim must be 1, got 2"),
        (lambda: grid_for_kernels(0.0, 0.5), "reach must be positive"),
    ],
)
def test_impossible_loops_are_refused_in_one_line(call, message):
    with pytest.raises(InputError, match=message) as refused:
        call()
    assert "\n" not in str(refused.value)


def test_a_gaussian_fit_in_d_dimensions_is_the_sample_covariance():
    points = np.random.default_rng(3).standard_normal((40, 3)) @ np.diag(
        [1.0, 2.0, 0.5]
    )
    fit = GaussianFit().init(jr.key(0), jnp.asarray(points, jnp.float32), None, None)
    rounded = points.astype(np.float32).astype(float)
    np.testing.assert_allclose(fit.law.means[0], rounded.mean(0), rtol=1e-12)
    np.testing.assert_allclose(fit.law.covariances[0], np.cov(rounded.T), rtol=1e-12)
    likely = GaussianFit(unbiased=False).init(
        jr.key(0), jnp.asarray(points, jnp.float32), None, None
    )
    over_n = np.cov(rounded.T, bias=True)
    np.testing.assert_allclose(likely.law.covariances[0], over_n, rtol=1e-12)


def test_the_entropy_of_a_gaussian_law_is_exact():
    covariance = np.array([[2.0, 0.3], [0.3, 1.0]])
    law = gaussian_mixture([1.0], [[0.0, 0.0]], covariance[None])
    scene = SimpleNamespace(after=law)
    found = GaussianEntropy()(jr.key(0), scene)["entropy"]
    assert found == pytest.approx(multivariate_normal(cov=covariance).entropy())


def test_support_counts_the_categories_that_are_left():
    law = FiniteLaw(jnp.array([0.5, 0.0, 0.25, 0.25]))
    assert Support()(jr.key(0), SimpleNamespace(after=law))["support"] == 0.75
