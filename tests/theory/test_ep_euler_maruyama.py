"""Discretised chains: tables, brute force, convergence to continuous time."""

import jax.numpy as jnp
import numpy as np
import pytest

from theory.error_propagation.euler_maruyama import propagate_euler
from theory.error_propagation.linear_gaussian import (
    constant_error,
    flow_endpoint,
    gaussian_problem,
    matrix_error,
    propagate_gaussian,
)
from theory.processes import noise_times, ou
from theory.validation import InputError

PROCESS = ou(4.0, 0.02)


def case(w=0.08, b=-0.1, m0=1.5, v0=0.36):
    """G6, by default."""
    return gaussian_problem(m0, v0, constant_error(w, b), PROCESS)


@pytest.mark.parametrize("name", ["E1", "E2", "E3"])
def test_tabulated_rows(reference, name):
    row = reference["euler_maruyama"][name]
    given = row["inputs"]
    problem = case(given["w"], given["b"], given["m0"], given["v0"])
    got = propagate_euler(problem, noise_times(PROCESS, given["K"]))
    keys = ("eps_star2", "eps_hat2", "KL", "V_hat", "mean_hat", "V_star", "mean_star")
    for key in keys:
        value = np.squeeze(np.asarray(getattr(got, key)))
        np.testing.assert_allclose(value, row[key], 1e-9, 1e-12, err_msg=key)


def test_moments_against_the_joint_gaussian_of_the_whole_chain():
    """Brute force in 2-D: the path as one long Gaussian vector, on an uneven grid."""
    times = np.array([4.0, 3.0, 2.5, 1.0, 0.4, 0.02])
    S0, m0 = np.array([[2.0, 0.3], [0.3, 0.5]]), np.array([1.0, -0.5])
    W, b = np.array([[0.1, -0.2], [0.3, 0.05]]), np.array([0.2, -0.1])
    problem = gaussian_problem(m0, S0, matrix_error(W, b), PROCESS)
    got = propagate_euler(problem, jnp.asarray(times))

    eye, steps = np.eye(2), len(times) - 1
    Sigma = [eye + np.exp(-t) * (S0 - eye) for t in times]
    mean = [np.exp(-t / 2) * m0 for t in times]
    # y_k = sum_j G_kj xi_j + c_k with xi_0 the start and xi_j the step noises
    G, c = np.zeros((steps + 1, 2, steps + 1, 2)), np.zeros((steps + 1, 2))
    G[0, :, 0], c[0] = np.linalg.cholesky(Sigma[0]), mean[0]
    energy = 0.0
    for k in range(steps):
        h = times[k] - times[k + 1]
        flat = G[k].reshape(2, -1)
        energy += h * (np.sum((W @ flat) ** 2) + np.sum((W @ c[k] + b) ** 2))
        P = np.linalg.inv(Sigma[k])
        A = eye + h * (eye / 2 - P + W)
        G[k + 1] = np.einsum("ij,jkl->ikl", A, G[k])
        G[k + 1, :, k + 1] += np.sqrt(h) * eye
        c[k + 1] = A @ c[k] + h * (P @ mean[k] + b)
    flat = G[steps].reshape(2, -1)
    np.testing.assert_allclose(got.V_hat, flat @ flat.T, 1e-12)
    np.testing.assert_allclose(got.mean_hat, c[steps], 1e-12)
    np.testing.assert_allclose(got.eps_hat2, energy, 1e-12)


@pytest.mark.parametrize("power", [1.0, 2.0])
def test_chains_converge_with_order_one(power):
    exact = propagate_gaussian(case())
    counts = 2 ** np.arange(6, 11)
    runs = [
        propagate_euler(case(), noise_times(PROCESS, int(n), power)) for n in counts
    ]
    pairs = {
        "eps_star2": exact.eps_star2,
        "eps_hat2": exact.eps_hat2,
        "KL": exact.KL,
        "chi2": exact.chi2,
        "V_hat": exact.V_hat,
        "V_star": exact.q_cov,
    }
    for key, limit in pairs.items():
        error = [float(jnp.sum(jnp.abs(getattr(run, key) - limit))) for run in runs]
        order = -np.polyfit(np.log(counts), np.log(error), 1)[0]
        assert abs(order - 1.0) < 0.15, (key, order)


def test_flow_converges_to_the_continuous_flow_and_not_to_the_sde():
    problem = case(0.1, 0.0, 0.0, 1.0)
    m, V = flow_endpoint(problem)
    gaps = []
    for steps in (200, 400):
        got = propagate_euler(problem, noise_times(PROCESS, steps), "ode")
        gaps.append(abs(float(got.V_hat[0, 0] - V[0, 0])))
    assert abs(gaps[0] / gaps[1] - 2.0) < 0.05
    assert abs(propagate_gaussian(problem).V_hat[0, 0] - V[0, 0]) > 0.2


def test_prop_3_1_holds_exactly_at_every_step_size():
    """With one step, path and endpoint nearly coincide for v_T = 1: kappa is near 1."""
    for steps in (1, 2, 5, 50, 500):
        got = propagate_euler(case(), noise_times(PROCESS, steps))
        assert 0.5 * got.eps_hat2 >= got.KL
    process = ou(1e-3, 0.0)
    problem = gaussian_problem(0.0, 1.0, constant_error(0.0, 0.3), process)
    one = propagate_euler(problem, noise_times(process, 1))
    kappa = float(one.KL / (0.5 * one.eps_hat2))
    # an endpoint known through one step of size h: kappa = h / Var(endpoint)
    np.testing.assert_allclose(kappa, 1e-3 / float(one.V_star[0, 0]), 1e-10)


def test_bad_arguments_are_refused():
    with pytest.raises(InputError, match="steps"):
        noise_times(PROCESS, 0)
    with pytest.raises(InputError, match="power"):
        noise_times(PROCESS, 10, 0.5)
    with pytest.raises(InputError, match="sampler"):
        propagate_euler(case(), noise_times(PROCESS, 2), "heun")
