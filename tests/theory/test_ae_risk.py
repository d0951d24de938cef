"""Risk of the solvable denoiser, and the one fixed point that is exact."""

import dataclasses
import json

import jax
import jax.numpy as jnp
import jax.random as jr
import numpy as np
import pytest
from ae_cases import losses, realised, reference_case

from theory.autoencoder.averages import midpoint
from theory.autoencoder.erf_averages import in_closed_form
from theory.autoencoder.learning import rates
from theory.autoencoder.risk import bayes_fixed_point, excess_risk, mse_per_dim
from theory.denoiser import Overlaps, training
from theory.validation import InputError

CASES = ("official", "K2_r1_erf", "two_eigenvalues")


@pytest.fixture(scope="module")
def table(spec_dir):
    path = spec_dir / "autoencoder_reference.json"
    if not path.is_file():
        pytest.skip(f"no {path.name} in the folder of reference numbers")
    return json.loads(path.read_text(encoding="utf-8"))


@pytest.mark.parametrize("name", CASES)
def test_risks_of_the_reference_file(table, name):
    row = table["learning"][name]
    data, protocol, _ = reference_case(row["case"])
    nodes = midpoint(len(row["values"]["tau=1"]["Q"]), 56, 7.5)
    risk = jax.jit(lambda s: excess_risk(data, protocol, s, nodes))
    for time in ("tau=1", "tau=2", "tau=4"):
        known = row["values"][time]
        at = Overlaps(
            jnp.array(known["m_blocks"]),
            jnp.array(known["q_blocks"]),
            jnp.array([known["b"]]),
        )
        bulk = mse_per_dim(data, protocol, at)
        np.testing.assert_allclose(bulk, known["mse_per_dim"], rtol=1e-8)
        np.testing.assert_allclose(risk(at), known["risk_excess"], rtol=1e-8)


@pytest.mark.parametrize("activation", ["tanh", "erf"])
def test_the_risk_is_the_mean_loss_in_many_coordinates(activation):
    """Two levels, each with a skip of its own; four standard errors.

    Minus the loss of W = 0 on the same samples, which takes out the bulk's fluctuation.
    """
    net = realised(400, [0.3, 0.6])
    protocol = training(
        [0.6, 0.3], [0.4, 0.7], activation=activation, level_weights=[0.3, 0.7],
        skip="per-level",
    )  # fmt: skip

    def gained(x0, x1):
        of = lambda W: losses(net, protocol, W, net.b, x0, x1)
        W = jnp.asarray(net.W)
        return (of(W) - of(0.0 * W)) @ protocol.level_weights

    batch = jax.jit(lambda key: jax.vmap(gained)(*net.sample(key, 200)))
    values = np.asarray(jax.lax.map(batch, jr.split(jr.key(4), 60))).ravel()
    error = values.std(ddof=1) / np.sqrt(values.size)
    at = net.overlaps
    nodes = in_closed_form if activation == "erf" else midpoint(2, 40)
    total = jax.jit(lambda p, s: excess_risk(net.data, p, s, nodes))
    risk = lambda s: float(total(protocol, s))
    empty = at._replace(m=0.0 * at.m, q=0.0 * at.q)
    theory = risk(at) - risk(empty)
    assert abs(values.mean() - theory) < 4 * error
    # Of an empty network what is left are the means, at each level (1 - b beta)^2 |mu|^2.
    means = float(net.data.weights @ jnp.sum(jnp.asarray(net.means) ** 2, axis=1))
    kept = (1 - np.array([0.3, 0.6]) * np.array([0.4, 0.7])) ** 2
    np.testing.assert_allclose(
        risk(empty), means * (kept @ np.array([0.3, 0.7])), rtol=1e-12
    )
    # Negative control: weights of the levels exchanged.
    other = dataclasses.replace(protocol, level_weights=jnp.array([0.7, 0.3]))
    wrong = [float(total(other, s)) for s in (at, empty)]
    assert abs(values.mean() - (wrong[0] - wrong[1])) > 8 * error


@pytest.mark.parametrize("b", [0.0, 0.4])
def test_the_bulk_is_the_loss_per_coordinate(b):
    """Minus the part of order one, in 3000 coordinates; four standard errors."""
    net = realised(3000, b)
    protocol = training(0.4, 0.6)
    key = jr.key(9)
    batch = jax.jit(
        lambda key: jax.vmap(
            lambda x0, x1: losses(net, protocol, net.W, net.b, x0, x1)[0]
        )(*net.sample(key, 100))
    )
    values = np.asarray(jax.lax.map(batch, jr.split(key, 10))).ravel() / 3000
    at = net.overlaps
    excess = float(excess_risk(net.data, protocol, at, midpoint(2, 40)))
    bulk = float(mse_per_dim(net.data, protocol, at))
    error = values.std(ddof=1) / np.sqrt(values.size)
    assert abs(values.mean() - excess / 3000 - bulk) < 4 * error
    other = float(mse_per_dim(net.data, protocol, at._replace(b=at.b + 0.05)))
    assert abs(values.mean() - excess / 3000 - other) > 8 * error


@pytest.mark.parametrize(("mu_norm", "variance"), [(2.0, 1.0), (1.3, 0.5)])
def test_training_rests_at_the_exact_posterior_mean(mu_norm, variance):
    data, protocol, at = bayes_fixed_point(mu_norm, variance)
    nodes = midpoint(1, 200, 7.5)
    speed = jax.jit(
        lambda p: jnp.stack(
            [jnp.max(jnp.abs(v)) for v in rates(data, p, at, nodes)]
        ).max()
    )
    assert speed(protocol) < 1e-10
    # Negative controls: another noise level, a finite learning rate
    other = dataclasses.replace(protocol, alpha=protocol.alpha * 1.05)
    assert speed(other) > 1e-2
    assert speed(dataclasses.replace(protocol, rate=jnp.array(0.1))) > 1e-3


def test_the_fixed_point_of_the_reference_file_has_the_least_risk(table):
    for row in table["bayes_fixed_point"]["examples"]:
        data, protocol, at = bayes_fixed_point(row["mu"], row["v"])
        np.testing.assert_allclose(at.q[0, 0, 0], (row["c"] * row["mu"]) ** 2)
        np.testing.assert_allclose(at.b[0], row["b"])
        nodes = midpoint(1, 120, 7.5)

        @jax.jit
        def risk(c, data=data, protocol=protocol, at=at, nodes=nodes):
            scaled = at._replace(m=c * at.m, q=c * c * at.q)
            return excess_risk(data, protocol, scaled, nodes)

        assert risk(1.0) < min(risk(0.95), risk(1.05))
        assert abs(jax.grad(risk)(1.0)) < 1e-9


def test_fixed_points_without_modes_or_width_are_refused():
    with pytest.raises(InputError, match=r"^mu_norm must be positive"):
        bayes_fixed_point(0.0, 1.0)
    with pytest.raises(InputError, match=r"^variance must be positive"):
        bayes_fixed_point(1.0, -1.0)
