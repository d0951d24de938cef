"""Sampling without steps in d dimensions against sampling with them; retraining."""

import json
from dataclasses import replace

import jax
import jax.numpy as jnp
import jax.random as jr
import numpy as np
import pytest

from sim.learners.autoencoder.generation import Generated, generated, sample_euler
from sim.learners.autoencoder.network import Weights, weights_of
from sim.learners.autoencoder.realisation import initial_weights, realise
from sim.learners.autoencoder.retraining import (
    Blended,
    retrain,
    retraining,
    train_generation,
)
from sim.replicas import replicated
from theory.denoiser import ACTIVATIONS, steps_for, training
from theory.processes import euler_grid, trigonometric
from theory.structured import structured_mixture
from theory.validation import InputError

TWO = structured_mixture([0.5, 0.5], [[2.0], [-2.0]])
W2 = np.random.default_rng(0).normal(size=(2, 12)).astype(np.float32)
WEIGHTS = {
    "r = 1": W2[:1],
    "r = 2": 1.5 * W2,
    "collinear rows": np.stack([W2[0], -2 * W2[0]]),
    "one row zero": np.stack([W2[0], 0 * W2[0]]),
    "r > d": np.random.default_rng(1).normal(size=(5, 3)).astype(np.float32),
}
FLOWS = {"linear": euler_grid(), "trigonometric": euler_grid(trigonometric(), 40, 50)}
SDE = euler_grid(steps=25, of=30, diffusion=1.0)


def made_by(W, b=0.9, grid=SDE, activation="tanh"):
    weights = Weights(jnp.asarray(W), jnp.full((1,), b, jnp.float32))
    return generated(weights, grid, ACTIVATIONS[activation])


@pytest.mark.parametrize(
    ("name", "flow", "activation"),
    [(name, "linear", "tanh") for name in WEIGHTS]
    + [("r = 2", "trigonometric", "tanh"), ("r = 2", "linear", "relu")],
)
def test_flow_without_steps_in_d_dimensions_agrees_path_by_path(name, flow, activation):
    made = made_by(WEIGHTS[name], grid=FLOWS[flow], activation=activation)
    start = jr.normal(jr.key(0), (48, made.dim), jnp.float32)
    fast = jax.jit(Generated.carry)(made, jr.key(1), start)
    slow = sample_euler(jr.key(2), made, start, chunk=16)
    assert fast.dtype == slow.dtype == jnp.float32
    np.testing.assert_allclose(fast, slow, atol=2e-5 * float(abs(slow).max()))
    assert float(abs(fast - start).max()) > 0.1


def statistics(made, x):
    """Functionals of samples that see amplitude, modes and the coupling of both."""
    Z = x @ made.weights.W.T / made.dim**0.5
    per_sample = [jnp.sum(x**2, 1), jnp.sum(Z**2, 1), abs(Z[:, 0]), Z[:, 0] * Z[:, 1]]
    return jnp.stack([*per_sample, x[:, 0] ** 2, jnp.cos(x[:, 1])], axis=1)


def differences(made, x, y):
    """Between means of the statistics, in standard errors."""
    a, b = statistics(made, x), statistics(made, y)
    se = jnp.hypot(a.std(0) / len(a) ** 0.5, b.std(0) / len(b) ** 0.5)
    return abs(a.mean(0) - b.mean(0)) / se


N = 20_000


@pytest.fixture(scope="module")
def stepped():
    made = made_by(WEIGHTS["r = 2"])
    start = jr.normal(jr.key(0), (N, made.dim), jnp.float32)
    return made, sample_euler(jr.key(1), made, start, chunk=N)


def test_sde_without_steps_in_d_dimensions_agrees_in_law(stepped):
    made, slow = stepped
    assert float(differences(made, made.draw(jr.key(2), N), slow).max()) < 4


def test_the_comparison_of_laws_sees_what_could_be_wrong(stepped):
    made, slow = stepped
    xi, other = jr.normal(jr.key(3), (2, N, made.dim), jnp.float32)
    size = jnp.sqrt(made.bulk_variance).astype(jnp.float32)
    uncoupled = made.carry(jr.key(4), xi) - size * xi + size * other
    flow = replace(made, grid=euler_grid(steps=25, of=30))
    for wrong in (uncoupled, flow.draw(jr.key(5), N)):
        assert float(differences(made, wrong, slow).max()) > 8


def test_bulk_variance_is_that_of_the_directions_orthogonal_to_the_weights():
    W = np.zeros((1, 40), np.float32)
    W[0, 0] = 5.0
    for grid in (SDE, euler_grid()):
        made = made_by(W, grid=grid)
        x = made.sample(jr.key(0), 4000)[:, 1:]
        error = 2**0.5 / x.size**0.5
        assert abs(float(jnp.var(x) / made.bulk_variance) - 1) < 4.5 * error


def test_bulk_variance_after_the_official_training(spec_dir):
    ref = json.loads((spec_dir / "autoencoder_reference.json").read_text())
    for row in (r for rows in ref["bulk_map"]["F"].values() for r in rows):
        weights = Weights(jnp.zeros((1, 2)), jnp.array([row["b"]]))
        made = generated(weights, euler_grid(), ACTIVATIONS["tanh"])
        np.testing.assert_allclose(made.bulk_variance, row["F"], rtol=1e-9)


def test_a_skip_per_level_cannot_generate():
    weights = Weights(jnp.zeros((1, 4)), jnp.zeros(2))
    with pytest.raises(InputError, match="skip must be 'shared' to generate"):
        generated(weights, euler_grid(), ACTIVATIONS["tanh"])


def setting(d=100, tau=1.0, **changes):
    tr, data = training(), realise(TWO, d)
    initial = weights_of(initial_weights(jr.key(0), data, [[0.1, 0.0]]), tr)
    steps = steps_for(tau, 0.1, d)
    settings = {"steps": steps, "record_every": steps} | changes
    return retraining(tr, data, euler_grid(), initial, **settings)


def test_blended_samples_have_the_real_share():
    zero, one = (made_by(np.zeros((1, 2), np.float32), b) for b in (-1e3, 1.0))
    x = Blended(jnp.float32(0.3), one, zero).draw(jr.key(0), 10_000)
    share = float(jnp.mean(abs(x[:, 0]) < 10))
    assert abs(share - 0.3) < 4 * (0.21 / 10_000) ** 0.5


@pytest.mark.parametrize(
    "name",
    ["tau1_refs", pytest.param("tau4_refs", marks=pytest.mark.slow), "tau2.5_warm"],
)
def test_retraining_follows_the_reference(spec_dir, name):
    ref = json.loads((spec_dir / "autoencoder_reference.json").read_text())
    values = ref["retraining_r1"][f"K2_tanh_t0.7_{name}"]["values"][:3]
    tau, start = name.split("_")
    d, seeds = 500, 6
    one = setting(d, float(tau.removeprefix("tau")), start=start)
    records = replicated(lambda key: retrain(key, one, len(values)), "vmap")(
        jr.split(jr.key(5), seeds)
    )
    assert bool(records.finite.all())
    last = jax.tree.map(lambda v: v[:, :, -1], records.overlaps)
    found = {
        "Q": last.Q[..., 0, 0],
        "|M|": abs(last.M[..., 0, 0]),
        "log s2": jnp.log(records.bulk_variance),
    }
    expected = {
        "Q": np.array([v["Q"] for v in values]),
        "|M|": abs(np.array([v["M"][0] for v in values])),
        "log s2": np.log([v["bulk_variance_out"] for v in values]),
    }
    for quantity, exact in expected.items():
        got = np.asarray(found[quantity])
        error = got.std(axis=0, ddof=1) / seeds**0.5
        # the bias of order 1/d, relative to the value; it adds up over generations
        size = 5.0 if quantity == "log s2" else np.maximum(exact, 0.2)
        bias = 10 / d * np.arange(1, 4) * size
        tolerance = 3 * error + bias
        assert (abs(got.mean(axis=0) - exact) < tolerance).all(), quantity
        # which would see a generation that learnt from the data once more
        seen = abs(got.mean(axis=0)[0] - exact) > tolerance
        assert seen[1:].any(), quantity


def test_where_a_generation_starts():
    previous = Weights(jnp.ones((1, 40), jnp.float32), jnp.full((1,), 0.5, jnp.float32))
    for changes, q, b in (
        ({}, 0.04, 0.0),
        ({"start": "warm"}, 1.0, 0.0),
        ({"start": "warm", "carry_skip": True}, 1.0, 0.5),
    ):
        one = setting(40, 0.5, keep=3, **changes)
        _, record = train_generation(jr.key(0), one, previous)
        np.testing.assert_allclose(record.overlaps.q[0, 0], [[q]], rtol=1e-6)
        np.testing.assert_allclose(record.overlaps.b[0], [b], rtol=1e-6)
        assert record.projections.shape == (3, 2)


@pytest.mark.slow
def test_real_data_alone_is_no_retraining():
    again = retrain(jr.key(0), setting(100, 3.5, real_share=1.0), 2).bulk_variance
    never = retrain(jr.key(0), setting(100, 3.5), 2).bulk_variance
    assert abs(float(again[1] / again[0]) - 1) < 0.1
    assert float(never[1] / never[0]) > 2


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"start": "cold"}, "start must be 'refs' or 'warm', got 'cold'"),
        ({"real_share": 1.5}, r"real_share must be in \[0, 1\], got 1.5"),
        ({"steps": 0}, "steps must be an integer >= 1, got 0"),
        ({"keep": -1}, "keep must be >= 0, got -1"),
    ],
)
def test_impossible_retraining_is_refused_in_one_line(changes, says):
    with pytest.raises(InputError, match=says):
        setting(**changes)
