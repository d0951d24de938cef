"""The reverse chain on a grid against exact moments, identities and bounds."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from sim.grid import GridLaw, on_grid, uniform_grid
from sim.learners.perturbed import (
    Linear,
    PerturbedScore,
    Shift,
    Tanh,
    aligned,
    constant,
    rotation,
)
from sim.measures.grid_paths import accumulated, grid_paths
from sim.sampling import ReverseSDE
from theory.mixtures import Blend, gaussian_mixture
from theory.processes import OU, ou
from theory.validation import InputError

BIMODAL = gaussian_mixture([0.5, 0.5], [-2.0, 2.0], 0.25)


def carry(q, error, process, steps, nodes=161, half_width=8.0, dim=1):
    grid = uniform_grid(half_width, nodes, dim, (process.T - process.t0) / steps)

    @jax.jit
    def go(error):
        q_t0 = jnp.exp(q.noised(process, process.t0).log_density(grid.points))
        fitted = PerturbedScore(q, error, process)
        return grid_paths(q, q_t0, fitted, process, grid, ReverseSDE(steps))

    return go(error)


@pytest.mark.parametrize("row", ["E1", "E2", "E3"])
def test_grid_chain_is_the_exact_euler_maruyama_chain(reference, row):
    ref = reference["euler_maruyama"][row]
    i = ref["inputs"]
    q, process = gaussian_mixture([1.0], [i["m0"]], i["v0"]), ou(i["T"], i["t0"])

    def error(x, t, score_at):
        return i["w"] * x + i["b"]

    paths, after, ideal = carry(
        q, jax.tree_util.Partial(error), process, i["K"], nodes=251, half_width=9.0
    )
    assert paths.eps_star2 == pytest.approx(ref["eps_star2"], rel=1e-9)
    assert paths.eps_hat2 == pytest.approx(ref["eps_hat2"], rel=1e-9)
    assert paths.kl == pytest.approx(ref["KL"], rel=1e-9)
    for law, mean, var in (
        (after, ref["mean_hat"], ref["V_hat"]),
        (ideal, ref["mean_star"], ref["V_star"]),
    ):
        assert law.mean()[0] == pytest.approx(mean, abs=1e-9)
        spread = law.second_moment()[0, 0] - law.mean()[0] ** 2
        assert spread == pytest.approx(var, rel=1e-9)


@pytest.mark.parametrize("a", [0.1, 0.3, -0.3])
def test_bounds_of_one_generation_hold_on_the_chain(a):
    paths, *_ = carry(BIMODAL, Tanh(jnp.asarray(a)), ou(), 100)
    assert paths.kl <= 0.5 * paths.eps_hat2
    visible = jnp.sqrt(paths.observability * paths.eps_star2)
    assert abs(jnp.sqrt(paths.chi2) - visible) <= paths.marginal_remainder
    assert paths.marginal_remainder <= paths.remainder
    assert 0.0 <= paths.observability <= 1.0
    assert paths.chi2 <= paths.chi2_path
    assert paths.mass_lost < 1e-9


def test_prop_3_1_is_tight_for_a_consistent_error_so_a_smaller_constant_fails():
    standard = gaussian_mixture([1.0], [0.0], 1.0)
    paths, *_ = carry(standard, Shift(jnp.array([0.2])), ou(8.0, 0.0), 400)
    assert paths.kl <= 0.5 * paths.eps_hat2
    assert paths.kl > 0.499 * paths.eps_hat2


def test_sandwich_rejects_a_false_constant():
    # deflating errors: I < eta eps*^2, so "I >= 1.1 eta eps*^2" must be refused
    paths, *_ = carry(BIMODAL, Tanh(jnp.asarray(-0.1)), ou(), 100)
    assert paths.chi2 < 1.1 * paths.observability * paths.eps_star2


def test_rotation_is_invisible_in_the_plane_and_linear_errors_are_not():
    q = gaussian_mixture([1.0], [[0.0, 0.0]], 1.0)
    process, steps = ou(3.0, 0.0), 50
    invisible, *_ = carry(
        q, rotation(0.3, 2), process, steps, nodes=61, half_width=6, dim=2
    )
    seen, *_ = carry(q, aligned(0.3, 2), process, steps, nodes=61, half_width=6, dim=2)
    assert invisible.eps_star2 == pytest.approx(float(seen.eps_star2), rel=1e-9)
    assert invisible.observability < 1e-9
    # the Euler step lets a rotation widen the law by O(h): far below the energy all the same
    assert invisible.chi2 < 1e-3 * invisible.eps_star2
    assert seen.observability > 0.3


def test_two_dimensional_product_adds_energies_and_multiplies_chi2():
    flat, process, steps = gaussian_mixture([1.0], [0.0], 1.0), ou(3.0, 0.0), 50
    one, *_ = carry(flat, aligned(0.1, 1), process, steps, nodes=61, half_width=6)
    q = gaussian_mixture([1.0], [[0.0, 0.0]], 1.0)
    two, *_ = carry(q, aligned(0.1, 2), process, steps, nodes=61, half_width=6, dim=2)
    assert two.eps_star2 == pytest.approx(float(2 * one.eps_star2), rel=1e-6)
    assert 1 + two.chi2 == pytest.approx(float(1 + one.chi2) ** 2, rel=1e-6)
    assert two.kl == pytest.approx(float(2 * one.kl), rel=1e-6)
    assert two.observability == pytest.approx(float(one.observability), rel=1e-6)


def test_zero_error_chain_reaches_q_t0_with_order_one():
    errors = []
    for steps in (50, 100, 200):
        paths, *_ = carry(BIMODAL, Linear(jnp.zeros((1, 1))), ou(3.0, 0.0), steps)
        assert paths.kl < 1e-14
        errors.append(float(paths.step_tv))
    slope = -np.polyfit(np.log([50, 100, 200]), np.log(errors), 1)[0]
    assert abs(slope - 1.0) < 0.2


def test_normal_start_costs_its_kl():
    process = ou(2.0, 0.0)
    grid = uniform_grid(8.0, 161, 1, 2.0 / 100)
    q_0 = jnp.exp(BIMODAL.log_density(grid.points))
    fitted = PerturbedScore(BIMODAL, Tanh(jnp.asarray(0.1)), process)
    sampler = ReverseSDE(100, start="normal")
    paths, *_ = grid_paths(BIMODAL, q_0, fitted, process, grid, sampler)
    assert paths.start_kl > 0.01
    # both chains start from N(0, I) here, so Girsanov holds between them as it stands
    assert paths.kl <= 0.5 * paths.eps_hat2


def test_mixing_lemma_and_one_step_identity_are_exact():
    grid = uniform_grid(7.0, 141, 1, 0.02)
    p = on_grid(BIMODAL, grid).density
    before = on_grid(gaussian_mixture([0.4, 0.6], [-1.9, 2.1], 0.24), grid)
    after = on_grid(gaussian_mixture([0.5, 0.5], [-2.1, 2.0], 0.23), grid).density
    alpha = jnp.asarray(0.3)
    q = on_grid(Blend(alpha, BIMODAL, before), grid).density
    a = accumulated(p, before.density, q, after, grid.cell)
    rho = 1.0 - alpha
    assert a.mixed == pytest.approx(float(rho**2 * a.D_before), rel=1e-12)
    rebuilt = rho**2 * a.D_before + 2 * rho * a.C + a.J
    assert float(a.D) == pytest.approx(float(rebuilt), rel=1e-12)
    assert alpha * a.intra <= a.J
    # control: KL does not contract by (1-alpha)^2
    kl = float(grid.cell * jnp.sum(q * jnp.log(q / p)))
    kl_before = float(grid.cell * jnp.sum(before.density * jnp.log(before.density / p)))
    assert abs(kl / kl_before - float(rho) ** 2) > 1e-3


def test_lattice_score_is_the_gradient_and_agrees_with_the_mixture():
    grid = uniform_grid(7.0, 201, 1, 0.01)
    process = OU(T=3.0, t0=0.0)
    tabulated = on_grid(BIMODAL, grid).noised(process, 0.3)
    x = jnp.linspace(-4.0, 4.0, 17, dtype=jnp.float64)[:, None]
    exact = BIMODAL.noised(process, 0.3)
    np.testing.assert_allclose(tabulated.score(x), exact.score(x), rtol=1e-9, atol=1e-9)
    np.testing.assert_allclose(
        tabulated.log_density(x), exact.log_density(x), atol=1e-9
    )
    gradient = jax.vmap(jax.grad(lambda y: tabulated.log_density(y[None])[0]))(x)
    np.testing.assert_allclose(tabulated.score(x), gradient, rtol=1e-8, atol=1e-8)


def test_lattice_score_in_the_plane():
    law = gaussian_mixture(
        [0.3, 0.7], [[-1.0, 0.5], [1.0, -0.5]], [[0.5, 0.1], [0.1, 0.4]]
    )
    grid, process = uniform_grid(6.0, 101, 2, 0.02), OU(T=3.0, t0=0.0)
    tabulated, exact = on_grid(law, grid).noised(process, 0.2), law.noised(process, 0.2)
    x = jnp.array([[0.0, 0.0], [1.0, -1.0], [-2.0, 0.3]], jnp.float64)
    np.testing.assert_allclose(tabulated.score(x), exact.score(x), rtol=1e-8)


def test_time_only_error_moves_the_mean_only():
    q, process = gaussian_mixture([1.0], [0.0], 1.0), ou(3.0, 0.0)
    _, after, ideal = carry(q, constant(jnp.array([0.2]), process), process, 100)
    assert abs(float(after.mean()[0] - ideal.mean()[0])) > 0.1
    var = [float(a.second_moment()[0, 0] - a.mean()[0] ** 2) for a in (after, ideal)]
    assert var[0] == pytest.approx(var[1], rel=1e-9)


def test_a_grid_too_coarse_for_the_step_is_refused():
    with pytest.raises(InputError, match="nodes must be >= "):
        uniform_grid(8.0, 50, 1, 0.001)
    with pytest.raises(InputError, match="dim must be 1 or 2"):
        uniform_grid(8.0, 500, 3, 0.1)


def test_grid_law_keeps_its_mass():
    grid = uniform_grid(8.0, 161, 1, 0.02)
    law = on_grid(BIMODAL, grid)
    assert isinstance(law, GridLaw)
    assert float(jnp.sum(law.density) * grid.cell) == pytest.approx(1.0, abs=1e-12)
