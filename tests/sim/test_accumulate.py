"""Data that accumulate: the reservoir, its law, and the loop that trains on it."""

import contextlib

import jax.numpy as jnp
import jax.random as jr
import numpy as np
import pytest
import xarray as xr

from figures.progress import SILENT
from sim.composition import Mixing, Points, Reservoir
from sim.composition.reservoir import accumulate_laws, accumulate_samples
from sim.grid import GridLaw, uniform_grid
from sim.learners.perturbed import Perturbed, Tanh
from sim.measures.samples import Moments
from sim.recursion import Recursion, run
from sim.sampling import EndpointDraw, ReverseSDE
from sim.store.group import Group
from sim.targets import Mixture
from theory.mixtures import gaussian_mixture
from theory.processes import ou
from theory.validation import InputError

BIMODAL = Mixture(gaussian_mixture([0.5, 0.5], [-2.0, 2.0], 0.25))


def test_every_generation_keeps_the_same_share_of_the_training_set():
    n, kept = 20_000, jnp.zeros((20_000, 1), jnp.float32)
    for i in range(1, 5):
        generated = jnp.full((n, 1), i, jnp.float32)
        kept = accumulate_samples(jr.key(i), jnp.float64(1 / (i + 1)), kept, generated)
    counts = np.bincount(np.asarray(kept[:, 0], int))
    assert len(counts) == 5
    assert abs(counts / n - 0.2).max() < 4 * (0.16 / n) ** 0.5
    assert counts[4] == n // 5


def test_rows_are_replaced_at_random_places():
    kept, generated = jnp.zeros((400, 1)), jnp.ones((400, 1))
    got = accumulate_samples(jr.key(0), jnp.float64(0.5), kept, generated)
    assert 60 < int(got[:200].sum()) < 140


def test_the_pool_is_the_mean_of_all_generated_laws():
    grid = uniform_grid(5.0, 21, 1, 0.3)
    laws = [
        GridLaw(grid, jnp.asarray(v)) for v in np.random.default_rng(0).random((3, 21))
    ]
    pool = laws[2]  # before anything is generated its value does not matter
    for i, law in enumerate(laws):
        pool = accumulate_laws(jnp.float64(1 / (i + 1)), pool, law)
    mean = np.mean([law.density for law in laws], axis=0)
    np.testing.assert_allclose(pool.density, mean, rtol=1e-12)


def loop(**changes):
    settings = {
        "target": BIMODAL,
        "learner": lambda at: Perturbed(Tanh(0.4)),
        "sampler": ReverseSDE(40),
        "process": ou(3.0, 0.05),
        "n": 50,
        "generations": 3,
        "composition": Reservoir(),
        "measures": (Moments(),),
        "grid": uniform_grid(7.0, 61, 1, 2.95 / 40),
    }
    return Recursion(**(settings | changes))


def go(recursion, folder, progress=SILENT, **parameters):
    folder.mkdir(parents=True, exist_ok=True)
    group = Group(folder, range(1), contextlib.nullcontext)
    axes = {"seed": np.arange(1)}
    return run(recursion, jr.split(jr.key(0), 1), parameters, axes, group, progress)


@pytest.mark.slow
def test_the_law_that_is_learnt_is_that_of_the_pool(tmp_path):
    trace = go(loop(), tmp_path / "accumulate").isel(seed=0)
    D, mixed = trace["D"].values, trace["mixed"].values
    assert mixed[0] == pytest.approx(0.0, abs=1e-12)
    assert mixed[1] == pytest.approx(D[0] / 4, rel=1e-9)
    # q_2 - p is the mean of 0, phat^1 - p and phat^2 - p
    low = (np.sqrt(D[1]) - np.sqrt(D[0])) ** 2 / 9
    high = (np.sqrt(D[1]) + np.sqrt(D[0])) ** 2 / 9
    assert low <= mixed[2] <= high
    replaced = loop(composition=None)
    alpha = np.array([[1.0, 0.0, 0.0]])
    last_only = go(replaced, tmp_path / "replace", alpha=alpha).isel(seed=0)
    assert last_only["mixed"].values[1] == pytest.approx(D[0], rel=1e-9)
    assert last_only["D"].values[2] > 1.5 * D[2]


def test_resuming_gives_the_same_records(tmp_path):
    class Stop(Exception):
        pass

    class StopAtOnce:
        @contextlib.contextmanager
        def stage(self, label, total=None):
            yield self

        def tick(self, n=1):
            if n:
                raise Stop

    whole = go(loop(), tmp_path / "whole")
    for _ in range(2):
        with pytest.raises(Stop):
            go(loop(), tmp_path / "broken", StopAtOnce())
    xr.testing.assert_identical(go(loop(), tmp_path / "broken"), whole)


def test_compositions_that_cannot_be_are_refused():
    with pytest.raises(InputError, match="protocol must be one of iid, fresh, reused"):
        Mixing(Points(50), "mixed")
    with pytest.raises(InputError, match="composition must be no reservoir with exact"):
        loop(sampler=EndpointDraw(), grid=None)
