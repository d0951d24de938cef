"""Affine errors on isotropic data against reference numbers and closed forms."""

import jax.numpy as jnp
import numpy as np
import pytest

from theory.error_propagation.isotropic import isotropic_observability
from theory.processes import ou
from theory.symbolic import statement
from theory.validation import InputError

PROCESS = ou(4.0, 0.02)
S = 3.98


def constant(value):
    return lambda t: jnp.asarray(value, jnp.float64)


NONE = constant([[0.0]]), constant([0.0])


def eta(variance, W=NONE[0], b=NONE[1], process=PROCESS) -> float:
    return float(isotropic_observability(W, b, variance, process))


@pytest.mark.parametrize("row", ["G1", "G2", "G3", "G7", "G8", "G10"])
def test_constant_coefficients(reference, row):
    case = reference["linear_gaussian"][row]
    i = case["inputs"]
    found = eta(i["v0"], constant([[i["w"]]]), constant([i["b"]]), ou(i["T"], i["t0"]))
    assert found == pytest.approx(case["eta"], rel=1e-10)


def test_score_scaling(reference):
    def W(t):
        return -0.1 / (1 + (0.36 - 1) * jnp.exp(-t)) * jnp.eye(1)

    truth = reference["linear_gaussian"]["G11"]["eta"]
    assert eta(0.36, W) == pytest.approx(truth, rel=1e-10)


def test_two_parts_share_their_energies(reference):
    """w x and b are seen independently of each other: visible energies add."""
    case = reference["linear_gaussian"]["G5"]
    found = eta(0.36, constant([[0.1]]), constant([0.15]))
    assert found == pytest.approx(case["eta"], rel=1e-10)


def test_invisible_errors_and_what_breaks_them():
    def cosine(t):
        u = t - 0.02
        return jnp.array([1.0]) * jnp.exp(u / 2) * jnp.cos(2 * jnp.pi * u / S)

    turn = [[0.0, -0.3], [0.3, 0.0]]
    still = constant([0.0, 0.0])
    assert eta(1.0, b=cosine) < 1e-20
    assert eta(0.36, b=cosine) == pytest.approx(0.002455, rel=1e-3)
    assert eta(0.36, constant(turn), still) == 0.0
    assert eta(0.36, constant(np.abs(turn)), still) > 0.1
    assert eta(1.0) == 0.0  # no error at all


def test_registered_closed_forms():
    linear = statement("error_propagation.eta_linear_error")(S=S)
    drift = statement("error_propagation.eta_constant_error")(S=S)
    assert eta(1.0, constant([[0.7]])) == pytest.approx(float(linear), rel=1e-12)
    assert eta(1.0, b=constant([3.0])) == pytest.approx(float(drift), rel=1e-12)


def test_refuses_a_variance_of_zero():
    with pytest.raises(InputError, match="variance must be positive"):
        eta(0.0, constant([[0.1]]))
