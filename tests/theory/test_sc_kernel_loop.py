"""Mean and variance of kernel densities in a loop, under every way of drawing the data."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from sc_reference import read

from theory.mixing import PROTOCOLS, accumulate, fixed_mixture, latest, schedule
from theory.mixtures import gaussian_mixture
from theory.self_consuming.kernel_density.grid import fitted_grid, loop_grid
from theory.self_consuming.kernel_density.latest import latest_kernel_loop
from theory.self_consuming.kernel_density.loop import (
    any_kernel_loop,
    kernel_loop,
    only_latest,
)
from theory.self_consuming.kernel_density.protocols import sharing, source_shares
from theory.self_consuming.kernel_density.total_variation import (
    integrated_squared_error,
    predicted_tv,
)
from theory.self_consuming.weights import stage_weights
from theory.validation import InputError

NORMAL = gaussian_mixture([1.0], [0.0], 1.0)
TWO = gaussian_mixture([0.3, 0.7], [-1.5, 1.0], [0.3, 0.6])
# counts 60 | 30, 30 | 12, 18, 30: stages share parts of the real data and of model 1's
UNEVEN = schedule(
    [1.0, 0.5, 0.2], [[0.0, 0.0, 0.0], [0.5, 0.0, 0.0], [0.3, 0.5, 0.0]], 60.0
)
WIDTHS = np.array([0.5, 0.4, 0.3])


@pytest.fixture(scope="session")
def rows(spec_dir):
    return read(spec_dir) or pytest.skip("no self_consuming.md among the references")


def growing(stages: int, size: float):
    """beta_i^j = 2j/((i+1)(i+2)): the scheme of the reference file."""
    s = np.arange(stages)
    beta = np.tril(2.0 * (s[None] + 1) / ((s[:, None] + 1) * (s[:, None] + 2)), -1)
    return schedule(2.0 / (s + 2.0), beta, size)


def last(loop, real, grid):
    tv = predicted_tv(loop.means[-1], loop.variances[-1], real, grid)
    return tv, integrated_squared_error(loop.means[-1], loop.variances[-1], real, grid)


def test_independent_draws_of_the_latest_model_match_the_reference(rows):
    for row in rows["kde_iid"]:
        scheme = latest(1.0 - row["beta"], row["i"], float(row["N"]))
        grid = loop_grid(NORMAL, row["h"], row["i"])
        loop = kernel_loop(scheme, row["h"], NORMAL, grid, "iid")
        tv, mise = last(loop, NORMAL, grid)
        assert mise == pytest.approx(row["mise"], rel=1e-10)
        assert tv.lower == pytest.approx(row["tv_mean"], rel=1e-7)
        assert tv.prediction == pytest.approx(row["tv_gauss"], rel=1e-7)
        assert tv.upper == pytest.approx(row["tv_upper"], rel=1e-7)


def test_every_model_of_an_adaptive_schedule_matches_the_reference(rows):
    ref = rows["kde_adaptive_mise"]
    grid = loop_grid(NORMAL, ref["h"], 7)
    loop = kernel_loop(growing(7, ref["N"]), ref["h"], NORMAL, grid, "iid")
    mise = integrated_squared_error(loop.means, loop.variances, NORMAL, grid)
    np.testing.assert_allclose(mise, ref["mise"], rtol=1e-10)


@pytest.mark.parametrize("protocol", ["fresh", "reused"])
def test_fixed_counts_match_the_reference(rows, protocol):
    for row in rows["kde_mise"]:
        scheme = fixed_mixture(row["n"], row["m"], row["i"], "V2")
        h = np.where(np.arange(row["i"]) == 0, row["h1"], row["h"])
        grid = loop_grid(NORMAL, h, row["i"])
        for path in (latest_kernel_loop, any_kernel_loop):
            mean, variance = path(scheme, h, NORMAL, grid, protocol)
            mise = integrated_squared_error(mean[-1], variance[-1], NORMAL, grid)
            assert mise == pytest.approx(row[protocol], rel=1e-10)


@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.parametrize("first", ["V1", "V2"])
def test_both_paths_agree_on_schedules_of_the_latest_model(protocol, first):
    scheme, h = fixed_mixture(40.0, 60.0, 4, first), np.array([0.5, 0.4, 0.35, 0.3])
    grid = loop_grid(TWO, h, 4)
    short = latest_kernel_loop(scheme, h, TWO, grid, protocol)
    full = any_kernel_loop(scheme, h, TWO, grid, protocol)
    for a, b in zip(short, full, strict=True):
        np.testing.assert_allclose(a, b, rtol=0, atol=1e-13 * float(jnp.max(b)))


def test_paths_agree_where_stages_use_unequal_parts_of_the_real_data():
    scheme = latest([1.0, 0.6, 0.2, 0.4], 4, [50.0, 40.0, 80.0, 60.0])
    grid = loop_grid(TWO, 0.4, 4)
    short = latest_kernel_loop(scheme, 0.4, TWO, grid, "reused")
    full = any_kernel_loop(scheme, 0.4, TWO, grid, "reused")
    np.testing.assert_allclose(short[1], full[1], rtol=0, atol=1e-15)


def draw(rng, points, h, count):
    """Draws from kernel densities, one for each replicate."""
    pick = rng.integers(points.shape[1], size=(len(points), count))
    chosen = np.take_along_axis(points, pick, axis=1)
    return chosen + h * rng.standard_normal(pick.shape)


def real_draws(rng, shape):
    first = rng.random(shape) < 0.3
    z = rng.standard_normal(shape)
    return np.where(first, -1.5 + np.sqrt(0.3) * z, 1.0 + np.sqrt(0.6) * z)


def simulated(protocol, replicates, x, seed):
    """Densities of model 3 of UNEVEN at x, (replicates, x)."""
    rng = np.random.default_rng(seed)
    pools, data = [real_draws(rng, (replicates, 60))], []
    for s in range(3):
        shares = [float(UNEVEN.alpha[s]), *np.asarray(UNEVEN.beta[s, :s])]
        counts = [round(60 * share) for share in shares]
        fresh = [real_draws(rng, (replicates, 60))]
        fresh += [draw(rng, data[j], WIDTHS[j], 60) for j in range(s)]
        if protocol == "iid":
            source = rng.choice(s + 1, p=shares, size=(replicates, 60))
            data.append(np.choose(source, fresh))
        else:
            kept = {"fresh": 0, "reused": 1, "accumulate-reused": 9}[protocol]
            parts = (pools[r] if r < kept else fresh[r] for r in range(s + 1))
            data.append(
                np.concatenate(
                    [p[:, :c] for p, c in zip(parts, counts, strict=True)], axis=1
                )
            )
        pools.append(draw(rng, data[s], WIDTHS[s], 60))
    total = np.zeros((replicates, len(x)))
    for k in range(60):
        total += np.exp(-0.5 * ((x[None] - data[2][:, k, None]) / WIDTHS[2]) ** 2)
    return total / (60 * WIDTHS[2] * np.sqrt(2.0 * np.pi))


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_simulated_loops_have_the_predicted_variance_and_error(protocol):
    """And not those of another protocol, where their errors differ."""
    grid = loop_grid(TWO, WIDTHS, 3)
    every = max(1, round(0.1 / float(grid.step)))
    x = np.asarray(grid.x)[::every]
    step = float(grid.step) * every
    p0 = np.exp(np.asarray(TWO.log_density(jnp.asarray(x)[:, None])))
    R = 2000
    found = simulated(protocol, R, x, seed=PROTOCOLS.index(protocol))
    centred = found - found.mean(axis=0)
    v = found.var(axis=0, ddof=1)
    v_se = np.sqrt(np.maximum(np.mean(centred**4, axis=0) - v**2, 0.0) / R)
    squared = np.sum((found - p0[None]) ** 2, axis=1) * step
    distance = 0.5 * np.sum(np.abs(found - p0[None]), axis=1) * step
    se = squared.std(ddof=1) / np.sqrt(R)

    def misfits(name):
        loop = kernel_loop(UNEVEN, WIDTHS, TWO, grid, name)
        tv, mise = last(loop, TWO, grid)
        inside = p0 > 0.02
        m, w = (np.asarray(t[-1])[::every] for t in (loop.means, loop.variances))
        mean_gap = np.abs(found.mean(axis=0) - m) / np.sqrt(v / R)
        gap = np.abs(v - w) / v_se
        return mean_gap[inside], gap[inside], (squared.mean() - mise) / se, tv

    mean_gap, gap, misfit, tv = misfits(protocol)
    assert mean_gap.max() < 5
    assert gap.max() < 5
    assert abs(misfit) < 5
    assert tv.lower <= distance.mean() <= tv.upper
    assert distance.mean() == pytest.approx(float(tv.prediction), rel=0.05)
    other = "accumulate-reused" if protocol in ("iid", "fresh") else "fresh"
    assert abs(misfits(other)[2]) > 5


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_mass_and_second_moment_of_the_mean(protocol):
    grid = loop_grid(NORMAL, WIDTHS, 3)
    mean = kernel_loop(UNEVEN, WIDTHS, NORMAL, grid, protocol).means[-1]
    assert grid.step * jnp.sum(mean) == pytest.approx(1.0, abs=1e-13)
    found = grid.step * jnp.sum(grid.x**2 * mean)
    expected = 1.0 + float(stage_weights(UNEVEN) @ WIDTHS**2)
    assert found == pytest.approx(expected, rel=1e-11)


def test_reusing_data_changes_the_variance_and_never_the_mean():
    scheme = accumulate(5, 20.0 * (1 + np.arange(5)))
    grid = loop_grid(NORMAL, 0.4, 5)
    loops = {p: kernel_loop(scheme, 0.4, NORMAL, grid, p) for p in PROTOCOLS}
    for loop in loops.values():
        np.testing.assert_allclose(loop.means, loops["iid"].means, atol=1e-14)
    total = {p: float(jnp.sum(loop.variances[-1])) for p, loop in loops.items()}
    assert total["fresh"] < total["iid"] < total["reused"] < total["accumulate-reused"]


def test_many_mixtures_at_once():
    lams = np.array([0.0, 1.0, 3.0])
    several = [fixed_mixture(50.0, 50.0 * lam, 3) for lam in lams]
    stacked = jax.tree.map(lambda *a: jnp.stack(a), *several)
    h = 1.06 * (50.0 * (1.0 + lams)) ** -0.2
    grid = fitted_grid(NORMAL, float(h.min()), float(3 * h.max() ** 2))
    for protocol in PROTOCOLS:
        one = lambda s, w: latest_kernel_loop(s, w, NORMAL, grid, protocol)  # noqa: B023
        together = jax.jit(jax.vmap(one))(stacked, jnp.asarray(h))
        for k, scheme in enumerate(several):
            alone = one(scheme, h[k])
            for a, b in zip(together, alone, strict=True):
                np.testing.assert_allclose(a[k], b, atol=1e-14)


def test_which_schedules_are_of_the_latest_model():
    assert only_latest(latest(0.3, 5, 10.0))
    assert not only_latest(UNEVEN)
    assert not jax.jit(lambda s: jnp.asarray(only_latest(s)))(latest(0.3, 5, 10.0))


def test_averages_over_nested_parts_of_a_sample_covary_by_the_larger():
    real, first, _ = np.asarray(sharing(UNEVEN, "accumulate-reused"))
    np.testing.assert_allclose(
        real, [[1 / 60] * 3, [1 / 60, 1 / 30, 1 / 30], [1 / 60, 1 / 30, 1 / 12]]
    )
    np.testing.assert_allclose(
        first, [[0, 0, 0], [0, 1 / 30, 1 / 30], [0, 1 / 30, 1 / 18]]
    )
    for source in sharing(UNEVEN, "fresh"):
        np.testing.assert_allclose(source, np.diag(np.diag(source)))


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: loop_grid(NORMAL, 0.0, 3), "bandwidths must be positive"),
        (lambda: loop_grid(NORMAL, [0.1, 0.2], 3), r"bandwidths must be a number or"),
        (
            lambda: fitted_grid(gaussian_mixture([1.0], [[0.0, 0.0]], 1.0), 0.1, 1.0),
            "real must be one-dimensional",
        ),
        (lambda: source_shares(UNEVEN, "frozen"), "protocol must be one of"),
        (
            lambda: source_shares(latest(0.5, 2, 0.4), "fresh"),
            "points of each stage must be positive",
        ),
        (
            lambda: kernel_loop(
                UNEVEN, WIDTHS, NORMAL, fitted_grid(NORMAL, 0.01, 1.0), "iid"
            ),
            "points must be <= 4096",
        ),
    ],
)
def test_loops_that_cannot_be_meant_are_refused(call, message):
    with pytest.raises(InputError, match=message):
        call()
