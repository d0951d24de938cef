"""What the generalisation score is read beside."""

from types import SimpleNamespace

import jax
import jax.numpy as jnp
import jax.random as jr
import numpy as np
import pytest

from sim.learners.denoiser import Denoiser
from sim.learners.perceptron import Perceptron
from sim.measures.companions import HeldOut, NearestRows, SourceShare, TwinLoss
from theory.processes import ou
from theory.validation import InputError

KEY = jr.key(0)


def normal(seed, n, d=3):
    return np.random.default_rng(seed).normal(size=(n, d)).astype(np.float32)


def distances(x, y):
    return np.linalg.norm(x[:, None].astype(float) - y[None].astype(float), axis=2)


def test_held_out_points_and_data_are_measured_both_ways():
    scene = SimpleNamespace(reference=normal(0, 50), data=normal(1, 30))
    found = HeldOut()(KEY, scene)
    gaps = distances(scene.reference, scene.data)
    for name, axis, n in (("held_out_score", 1, 50), ("data_to_held_out", 0, 30)):
        near = gaps.min(axis=axis)
        assert float(found[name]) == pytest.approx(near.mean(), rel=1e-12)
        error = near.std(ddof=1) / np.sqrt(n)
        assert float(found[f"{name}_se"]) == pytest.approx(error, rel=1e-9)


def test_nearest_rows_are_rows_of_the_data():
    scene = SimpleNamespace(samples=normal(2, 20), data=normal(3, 40))
    rows = np.asarray(NearestRows(6)(KEY, scene)["neighbour"])
    expected = scene.data[distances(scene.samples[:6], scene.data).argmin(axis=1)]
    np.testing.assert_array_equal(rows, expected)
    with pytest.raises(InputError, match="keep"):
        NearestRows(0)


def test_shares_of_sources():
    memory = SimpleNamespace(source=jnp.asarray([0, 0, 2, 1, 2, 2, 0, 0]))
    share = SourceShare(4)(KEY, SimpleNamespace(memory=memory))["source_share"]
    np.testing.assert_allclose(share, [0.5, 0.125, 0.375, 0.0])


def test_a_memorising_model_has_a_lower_loss_on_its_training_set():
    data, twin = jnp.asarray(normal(4, 16)), jnp.asarray(normal(5, 16))
    learner = Denoiser(Perceptron(64, 2), steps=2000, warmup=50, segments=2)
    process = ou(6.0, 0.0)

    @jax.jit
    def fit(key):
        state = learner.init(jr.fold_in(key, 0), data, None, process)
        for k in range(2):
            state = learner.advance(jr.fold_in(key, 1 + k), state, data, process)
        return learner.finish(state)

    fitted = fit(jr.key(1))
    scene = SimpleNamespace(fitted=fitted, data=data, twin=twin)
    found = {k: float(v) for k, v in TwinLoss(64)(KEY, scene).items()}
    error = np.hypot(found["train_loss_se"], found["twin_loss_se"])
    assert found["twin_loss"] - found["train_loss"] > 4 * error
    same = SimpleNamespace(fitted=fitted, data=scene.data, twin=scene.data)
    alike = {k: float(v) for k, v in TwinLoss(64)(jr.key(2), same).items()}
    assert abs(alike["twin_loss"] - alike["train_loss"]) < 4 * error  # control
    assert TwinLoss()(KEY, SimpleNamespace(twin=None)) == {}
