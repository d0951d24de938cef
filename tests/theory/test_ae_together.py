"""Several noise levels: rates against the mean change in one step in many coordinates."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from ae_cases import one_step, realised

from theory.autoencoder.averages import midpoint, normal_sobol
from theory.autoencoder.learning import rates
from theory.autoencoder.together import cross_noise
from theory.denoiser import training

LEVELS = {"alpha": [0.7, 0.4, 0.2], "beta": [0.3, 0.6, 0.8]}


def protocol(levels: str, skip: str, rate: float = 0.8):
    weights = [0.5, 0.3, 0.2] if levels == "random" else None
    return training(
        **LEVELS, rate=rate, skip_ratio=1.5, decay=0.3, activation="tanh",
        level_weights=weights, levels=levels, skip=skip,
    )  # fmt: skip


def network(skip: str, d: int = 1000):
    return realised(d, [0.2, 0.5, 0.6] if skip == "per-level" else [0.4])


def predicted(net, how):
    return jax.jit(lambda s: rates(net.data, how, s, midpoint(2, 40)))(net.overlaps)


def largest_z(a, b, errors) -> float:
    """Deviation in standard errors, the largest entry."""
    scores = jax.tree.map(lambda x, y, e: jnp.max(jnp.abs(x - y) / e), a, b, errors)
    return float(max(scores))


@pytest.mark.parametrize("skip", ["shared", "per-level"])
@pytest.mark.parametrize("levels", ["random", "together"])
def test_rates_are_the_mean_change_in_one_step(levels, skip):
    """At 4 standard errors, a few per cent of the larger entries."""
    net, how = network(skip, 600), protocol(levels, skip)
    mean, error = one_step(net, how, 3000)
    theory = predicted(net, how)
    assert largest_z(theory, mean, error) < 4.0
    # Negative controls: the other way of using levels; without the cross terms.
    if levels == "together":
        phi = net.data.masses[:, None, None]
        cross = 2 * how.rate * phi * cross_noise(net.data, how, net.overlaps)
        assert largest_z(theory._replace(q=theory.q - cross), mean, error) > 8.0
    else:
        other = dataclasses.replace(how, levels="together")
        assert largest_z(predicted(net, other), mean, error) > 8.0


def test_cross_terms_of_equal_levels_equal_the_own_terms():
    """Two copies of one level: the cross terms are twice the noise of one copy."""
    net = network("shared")
    one = training(0.4, 0.6, rate=1.0, decay=0.0)
    none = dataclasses.replace(one, rate=jnp.zeros(()))
    two = training([0.4, 0.4], [0.6, 0.6], rate=1.0, decay=0.0, levels="together")
    noise = predicted(net, one).q - predicted(net, none).q  # 2 eta phi N
    cross = cross_noise(net.data, two, net.overlaps)
    own = noise / (2.0 * net.data.masses[:, None, None])
    np.testing.assert_allclose(cross, 2.0 * own, rtol=5e-3, atol=2e-3)
    finer = jnp.asarray(normal_sobol(4, 2**16, seed=3))
    cross = cross_noise(net.data, two, net.overlaps, finer)
    np.testing.assert_allclose(cross, 2.0 * own, rtol=1e-3, atol=4e-4)


def test_a_single_level_has_no_cross_terms():
    net = network("shared")
    alone = training(0.4, 0.6, levels="together")
    assert float(jnp.abs(cross_noise(net.data, alone, net.overlaps)).max()) == 0.0
