"""Mixing schedules, their weights and closed forms."""

import jax
import jax.numpy as jnp
import jax.random as jr
import numpy as np
import pytest
from sc_reference import read

from theory.mixing import (
    accumulate,
    accumulate_batches,
    fixed_mixture,
    fully_synthetic,
    latest,
    schedule,
    uniform_past,
)
from theory.self_consuming.weights import (
    accumulate_batches_length,
    accumulate_batches_weights,
    accumulate_weights,
    accumulated_bound,
    latest_weights,
    rate_errors,
    stage_weights,
    uniform_past_weights,
)
from theory.validation import InputError


@pytest.fixture(scope="session")
def rows(spec_dir):
    return read(spec_dir) or pytest.skip("no self_consuming.md among the references")


def growing(stages: int):
    """beta_i^j = 2j/((i+1)(i+2)): the scheme of the reference file."""
    s = np.arange(stages)
    beta = np.tril(2.0 * (s[None] + 1) / ((s[:, None] + 1) * (s[:, None] + 2)), -1)
    return schedule(2.0 / (s + 2.0), beta, 25.0)


def dirichlet(stages: int, seed: int = 0):
    rng = np.random.default_rng(seed)
    shares = [rng.dirichlet(np.ones(s + 1)) for s in range(stages)]
    beta = np.zeros((stages, stages))
    for s, share in enumerate(shares):
        beta[s, :s] = share[1:]
    return schedule([share[0] for share in shares], beta, 10.0)


def test_weights_of_the_reference_file(rows):
    found = stage_weights(growing(7))
    np.testing.assert_allclose(found, rows["A_weights"]["decimal"], rtol=1e-12)
    row = rows["accumulate_nm"]
    batches = accumulate_batches(row["n"], row["m"], row["i"] + 1)
    np.testing.assert_allclose(stage_weights(batches), row["A_by_stage"], rtol=1e-12)
    row = rows["uniform_past"]
    past = uniform_past(row["b"], row["i"] + 1, 10.0)
    np.testing.assert_allclose(stage_weights(past), row["A_by_stage"], rtol=1e-12)


@pytest.mark.parametrize(
    ("scheme", "closed"),
    [
        (fully_synthetic(40, 5.0), jnp.ones(40)),
        (latest(0.3, 40, 5.0), latest_weights(0.7, 40)),
        (fixed_mixture(10.0, 30.0, 40), latest_weights(0.75, 40)),
        (accumulate(40, 5.0), accumulate_weights(40)),
        (accumulate_batches(10.0, 4.0, 40), accumulate_batches_weights(10.0, 4.0, 40)),
        (uniform_past(0.6, 40, 5.0), uniform_past_weights(0.6, 40)),
    ],
)
def test_closed_forms(scheme, closed):
    np.testing.assert_allclose(stage_weights(scheme), closed, rtol=1e-12)


def test_lengths_of_lineages():
    total = float(jnp.sum(stage_weights(accumulate_batches(10.0, 4.0, 40))))
    assert total == pytest.approx(float(accumulate_batches_length(10.0, 4.0, 40)))
    harmonic = float(jnp.sum(1.0 / jnp.arange(1.0, 41.0)))
    assert float(jnp.sum(stage_weights(accumulate(40, 5.0)))) == pytest.approx(harmonic)


def test_the_recursion_and_its_unrolled_form_agree_for_any_schedule():
    scheme = dirichlet(12)
    errors = jnp.asarray(np.random.default_rng(1).random(12))
    bounds = accumulated_bound(scheme, errors)
    for i in range(12):
        part = schedule(scheme.alpha[: i + 1], scheme.beta[: i + 1, : i + 1], 10.0)
        assert bounds[i] == pytest.approx(float(stage_weights(part) @ errors[: i + 1]))


def test_weights_are_probabilities_that_a_lineage_visits():
    scheme = dirichlet(8, seed=3)
    shares = np.concatenate([scheme.alpha[:, None], scheme.beta], axis=1)
    walks, visits = 40_000, np.zeros(8)
    at = np.full(walks, 7)
    rng = np.random.default_rng(4)
    while (at >= 0).any():
        alive = at >= 0
        np.add.at(visits, at[alive], 1)
        u = rng.random(walks)
        step = (np.cumsum(shares[at], axis=1) < u[:, None]).sum(axis=1) - 1
        at = np.where(alive, step, -1)
    A = np.asarray(stage_weights(scheme))
    se = np.sqrt(A * (1 - A) / walks)
    assert (np.abs(visits / walks - A) <= 4 * se + 1e-12).all()
    assert (np.abs(visits / walks - 0.9 * A) > 4 * se).any()


@pytest.mark.parametrize("seed", range(3))
def test_the_bound_holds_on_every_path_of_a_categorical_loop(seed):
    """Pathwise, with measured one-step errors; half of them would not do."""
    scheme, n, p = dirichlet(10, seed), 50, np.array([0.5, 0.3, 0.15, 0.05])
    rng = np.random.default_rng(seed)
    models, errors, D = [], [], []
    for s in range(10):
        mix = float(scheme.alpha[s]) * p
        for t in range(s):
            mix = mix + float(scheme.beta[s, t]) * models[t]
        models.append(rng.multinomial(n, mix / mix.sum()) / n)
        errors.append(0.5 * np.abs(models[-1] - mix).sum())
        D.append(0.5 * np.abs(models[-1] - p).sum())
    bound = np.asarray(accumulated_bound(scheme, jnp.asarray(errors)))
    assert (np.array(D) <= bound + 1e-12).all()
    halved = np.asarray(accumulated_bound(scheme, 0.5 * jnp.asarray(errors)))
    assert (np.array(D) > halved).any()


def test_rates_with_and_without_the_logarithm():
    n = jnp.array([16.0, 81.0])
    np.testing.assert_allclose(rate_errors(n, 0.25, 2.0, 0.1), [1.1, 2 / 3 + 0.1])
    with_log = rate_errors(n, 0.25, dim=2, delta=0.1) / rate_errors(n, 0.25)
    np.testing.assert_allclose(with_log, np.sqrt(2 * np.log(2 * n / 0.1)))


def test_weights_differentiate_and_vectorise():
    shift = jr.uniform(jr.key(0), (5,))
    scheme = dirichlet(5)

    def length(x):
        scaled = jax.tree.map(lambda v: v, scheme)
        return jnp.sum(
            stage_weights(type(scaled)(scheme.alpha, x * scheme.beta, shift))
        )

    slope = jax.grad(length)(1.0)
    assert slope == pytest.approx(
        float((length(1.001) - length(0.999)) / 0.002), rel=1e-5
    )


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda: schedule([1.0, 0.5], np.zeros((2, 2)), 5.0),
            "shares of stage 1 must be",
        ),
        (
            lambda: schedule([1.0], np.zeros((2, 2)), 5.0),
            r"beta must be of shape \(1, 1\)",
        ),
        (
            lambda: schedule([1.0], np.ones((1, 1)), 5.0),
            "beta must be zero on and above",
        ),
        (lambda: schedule([np.nan], np.zeros((1, 1)), 5.0), "alpha must be finite"),
        (lambda: latest(1.5, 3, 5.0), r"alpha must be in \[0, 1\], got 1.5"),
        (lambda: latest(0.5, 0, 5.0), "stages must be an integer >= 1, got 0"),
        (lambda: latest(0.5, 3, [5.0, 5.0]), r"sizes must be a number or \(3,\)"),
        (lambda: fixed_mixture(10.0, 5.0, 3, "V3"), "first must be 'V1' or 'V2'"),
        (lambda: accumulate_batches(0.0, 5.0, 3), "n must be positive"),
    ],
)
def test_schedules_that_cannot_be_meant_are_refused(call, message):
    with pytest.raises(InputError, match=message):
        call()
