r"""Relations of the solvable autoencoder: when two modes are still two after retraining.

Data :math:`\pm\mu` along one direction in a bulk of unit variance, one tanh unit started on
it. Every generation trains for the time tau (samples over dimension) on a fraction alpha of
real data and else on the last one's samples. The generated projection has two modes iff the
bimodality index is positive.
"""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np

from theory.autoencoder.modes import survival
from theory.autoencoder.retraining import product_rules, retrain
from theory.claims import Kind
from theory.denoiser import training
from theory.planning.relations import Relation
from theory.processes import euler_grid
from theory.structured import StructuredMixture, structured_mixture

__all__ = ["RELATIONS", "START", "bimodality"]

START = 0.3
"""weights at the start of every generation, in units of the mean of a mode"""
STEPS = 80
LATENTS, NODES = 60, 20  # the index to 1 %, its zeros in time to 1e-3


def bimodality(generations: int, alpha, distance: float, time):
    """Index of models 1 ... N, (N,); two modes iff positive.

    Args:
        generations: N >= 1.
        alpha: real fraction of generations 2, 3, ...; a number, or (n,) together with
            `time`, for an index (n, N) in one call.
        distance: of the modes from the centre.
        time: training time of every generation.
    """
    data = structured_mixture([0.5, 0.5], [[distance], [-distance]])
    return _bimodality(data, jnp.asarray(alpha), jnp.asarray(time), generations)


@partial(jax.jit, static_argnames="generations")
@partial(jnp.vectorize, excluded=(0, 3), signature="(),()->(n)")
def _bimodality(data: StructuredMixture, alpha, time, generations: int):
    protocol, grid = training(), euler_grid()
    history = retrain(
        data,
        protocol,
        grid,
        [[START, 0.0]],
        time,
        generations - 1,
        product_rules(1, LATENTS, NODES),
        real_fraction=alpha,
        steps=STEPS,
    )
    return survival(history, grid, protocol.activation)[:, 0]


def _modes(generations, alpha, distance, time):
    index = np.asarray(bimodality(generations, alpha, distance, time))
    return np.where(index > 0, 1.0, 0.5)  # what is left of two modes is one


RELATIONS = (
    Relation(
        "survival-time",
        "autoencoder",
        "derived (Sec. 5.3), d to infinity",
        "modes",
        Kind.EXACT,
        "two modes of the data are two or one in the generated law",
        (
            "two-layer denoising autoencoder, one unit, online SGD, d to infinity",
            f"every generation starts at {START:g} times a mode; model 1 sees real data alone",
        ),
        ("alpha", "distance", "time"),
        _modes,
        horizon=40,
        ranges={"distance": (0.5, 8.0), "time": (0.05, 10.0)},
    ),
)
