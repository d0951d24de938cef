"""Points that remember their lines: what they are drawn from, and how many lines are left."""

from types import SimpleNamespace

import jax.numpy as jnp
import jax.random as jr
import numpy as np
import pytest
from composed import go_loop, z_scores

from figures.self_consuming.loops import density_loop
from sim.composition import Real, Traced, TracedDensity, TracedPoints
from sim.grid import Grid
from sim.laws import draw, known_as
from sim.learners.density import TracedKernel
from sim.measures.drift import Drift
from sim.measures.lineage import Ancestry
from sim.measures.memorisation import Score
from sim.targets import Mixture
from theory.memorization.genealogy import distinct_lines, fresh_shared_ancestor
from theory.mixing import latest
from theory.mixtures import gaussian_mixture, kernel_density
from theory.validation import InputError

STANDARD = gaussian_mixture([1.0], [0.0], 1.0)
DATA = TracedPoints(jnp.array([[-1.0], [0.5], [2.0]]), jnp.array([7, 8, 7], jnp.uint64))


def fitted(h=0.3) -> TracedDensity:
    return TracedKernel(h).init(jr.key(0), DATA, None, None).law


def test_the_fit_is_the_kernel_density_of_the_points():
    x = jnp.linspace(-3.0, 4.0, 29)[:, None]
    plain = kernel_density(DATA.points, 0.3)
    np.testing.assert_allclose(fitted().log_density(x), plain.log_density(x))
    assert known_as(fitted()) == "exact"
    assert draw(fitted(), jr.key(1), 5).shape == (5, 1)


def test_children_are_near_their_parents_and_of_their_line():
    law = fitted(1e-6)
    children = Traced(400).draw(law, jr.key(1), jnp.float64(400))
    parent = np.abs(children.points - DATA.points.T).argmin(axis=1)
    np.testing.assert_array_equal(children.line, np.asarray(DATA.line)[parent])
    assert np.all(np.bincount(parent) > 100)  # a third each


def test_batches_join_and_repeat_row_by_row():
    held = Traced(3)
    other = TracedPoints(DATA.points + 10.0, DATA.line + jnp.uint64(10))
    joined = held.join(DATA, jnp.float64(2), other)
    np.testing.assert_array_equal(joined.line, [7, 8, 17])
    np.testing.assert_allclose(joined.points[:, 0], [-1.0, 0.5, 12.0])
    np.testing.assert_array_equal(held.complete(DATA, jnp.float64(2)).line, [7, 8, 7])
    real = held.real(Real(STANDARD, None, 3), jr.key(2), jnp.float64(3))
    assert len(set(np.asarray(real.line).tolist())) == 3


def test_lines_and_pairs_are_counted():
    scene = SimpleNamespace(data=SimpleNamespace(line=jnp.array([3, 9, 3, 3, 1])))
    found = Ancestry()(jr.key(0), scene)
    assert float(found["lines"]) == pytest.approx(3 / 5)
    assert float(found["shared_ancestor"]) == pytest.approx(6 / 20)


@pytest.fixture(scope="module")
def loop(tmp_path_factory):
    """A loop of kernel densities of 30 points, a quarter of them fresh."""
    n, schedule = 30, latest(0.25, 4, 30.0)
    made = density_loop(
        [schedule],
        "iid",
        lambda at: TracedKernel(0.4),
        Mixture(STANDARD),
        Traced(n),
        (Ancestry(), Score(), Drift(Grid(7.0, 141))),
        n=n,
    )
    return go_loop(made, tmp_path_factory.mktemp("traced"), 300)


def test_lines_left_in_a_loop_are_those_of_the_exact_chain(loop):
    lines = loop["lines"].transpose("generation", "seed").values
    exact = np.append(1.0, distinct_lines(30, np.full(3, 0.25)))
    assert np.all(lines[0] == 1.0)
    assert np.all(abs(z_scores(lines[1:], exact[1:])) < 5)
    assert np.any(abs(z_scores(lines[1:], distinct_lines(30, np.zeros(3)))) > 5)
    pairs = loop["shared_ancestor"].transpose("generation", "seed").values[1:]
    assert np.all(abs(z_scores(pairs, fresh_shared_ancestor(30, 0.25, 3))) < 5)


def test_the_law_widens_as_a_kernel_loop_does(loop):
    """Mean total variation rises, and the score stays below the length of the noise."""
    tv = loop["drift_tv"].mean("seed").values
    assert tv[-1] > tv[0]
    assert np.all(loop["score"].mean("seed") < 0.4 * np.sqrt(2 / np.pi))


def test_no_bandwidth_is_refused():
    with pytest.raises(InputError, match="bandwidth"):
        TracedKernel(0.0)
