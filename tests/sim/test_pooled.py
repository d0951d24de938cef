"""Training sets selected from a pool: what is kept, from where, and the loop over it."""

import contextlib
import itertools
from dataclasses import dataclass

import jax
import jax.numpy as jnp
import jax.random as jr
import numpy as np
import pytest
import xarray as xr

from figures.progress import SILENT
from sim.composition import Greedy, Pooled, Random, ThresholdDecay
from sim.composition.policy import Real, State
from sim.recursion import Recursion, run
from sim.store.group import Group
from theory.processes import ou
from theory.validation import InputError

N, M = 8, 12


def real_points(key):
    return 100.0 + jr.uniform(key, (N, 2), jnp.float32)


def composed(policy, generations, alpha=0.0, batch=None):
    """Training sets, sources and pools; model k generates points that are about k."""
    real = Real(None, real_points, N)
    generated = lambda k: k + 0.1 * jr.uniform(jr.key(50 + k), (M, 2), jnp.float32)
    keys = lambda i: tuple(jr.split(jr.key(i)))
    state = State(generated(9), None)
    memory = policy.start(keys(99), {}, real, state.samples, None)
    found = []
    for i in range(generations):
        at = {"alpha": jnp.float64(1.0 if i == 0 else alpha)}
        data, memory = policy.compose(keys(i), at, real, state._replace(memory=memory))
        found.append((np.asarray(data), np.asarray(memory.source), memory))
        memory = policy.after(at, memory, state, None)
        state = State(generated(i + 1), None)
    return found


def labels(data):
    """The model a point is of, by its value; 0 for real points."""
    return np.where(data[:, 0] > 99, 0, np.floor(data[:, 0])).astype(int)


@pytest.mark.parametrize("select", [Random(), Greedy(), ThresholdDecay()])
def test_replacing_trains_on_the_latest_model_alone(select):
    for i, (data, source, _) in enumerate(composed(Pooled(N, select), 4)):
        assert set(labels(data)) == {i}
        assert (source == i).all()
        assert len(np.unique(data, axis=0)) == N


@pytest.mark.parametrize("select", [Random(), Random(stratified=True), Greedy()])
def test_accumulating_selects_from_everything_so_far(select):
    found = composed(Pooled(N, select, batches=5), 5)
    first = found[0][0]
    for i, (data, source, memory) in enumerate(found):
        np.testing.assert_array_equal(labels(data), source)
        kept = np.asarray(memory.points).reshape(-1, 2)[
            np.asarray(memory.batch).ravel() == 0
        ]
        np.testing.assert_array_equal(kept, first)
        assert (np.asarray(memory.batch) >= 0).sum() == N + i * M
        if isinstance(select, Random) and select.stratified:
            share = np.bincount(source, minlength=i + 1)
            assert share.max() - share.min() <= 1


def test_a_window_forgets_the_oldest_batch():
    *_, (_, source, memory) = composed(Pooled(N, batches=2), 5)
    assert set(np.asarray(memory.batch).ravel()) == {3, 4}
    assert set(source) <= {3, 4}


def test_new_real_points_have_their_share():
    found = composed(Pooled(N), 3, alpha=0.25)
    for data, source, _ in found[1:]:
        assert (labels(data) == 0).sum() == 2
        assert (source == 0).sum() == 2


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class Resampler:
    """Generates points of its training set, at random: a pure copier."""

    data: jax.Array

    def score(self, x, t):
        return jnp.zeros_like(x)


@dataclass(frozen=True)
class Copier:
    segments: int = 0

    def init(self, key, data, law, process):
        return Resampler(data)

    def advance(self, key, state, data, process):
        return state

    def finish(self, state):
        return state


@dataclass(frozen=True)
class Resample:
    """Sampler of a `Resampler`."""

    def domain(self, process):
        return process

    def begin(self, key, law, data, shape, process):
        return jnp.zeros(shape, jnp.float32)

    def sample(self, key, fitted, start, process):
        rows = jr.randint(key, (len(start),), 0, len(fitted.data))
        return fitted.data[rows]


@dataclass(frozen=True)
class Line:
    """Real points on a line; held-out ones are negative."""

    dim: int = 1
    law = None

    def sample(self, key, n):
        return 1.0 + jr.uniform(key, (n, 1), jnp.float32)

    def reference(self, key, n):
        return -self.sample(key, n)


@dataclass(frozen=True)
class Seen:
    """What a measure sees, as it is."""

    needs = "samples"
    names = ("data",)

    def __call__(self, key, scene):
        record = {
            "data": scene.data,
            "samples": scene.samples,
            "reference": scene.reference,
        }
        if hasattr(scene.memory, "source"):
            record["source"] = scene.memory.source
        return record if scene.twin is None else record | {"twin": scene.twin}


def loop(**changes):
    settings = {
        "target": Line(),
        "learner": lambda at: Copier(),
        "sampler": Resample(),
        "process": ou(4.0, 0.0),
        "n": N,
        "generations": 4,
        "measures": (Seen(),),
    }
    return Recursion(**(settings | changes))


def go(recursion, folder, progress=SILENT, alpha=0.0, replicas=2) -> xr.Dataset:
    folder.mkdir(parents=True, exist_ok=True)
    group = Group(folder, range(replicas), contextlib.nullcontext)
    shape = (replicas, recursion.generations)
    parameters = {
        "alpha": np.full(shape, alpha),
        "shift": np.broadcast_to(10.0 * np.arange(replicas)[:, None], shape),
    }
    axes = {"seed": np.arange(replicas)}
    keys = jr.split(jr.key(0), replicas)
    return run(recursion, keys, parameters, axes, group, progress)


def test_the_loop_copies_and_loses_points(tmp_path):
    recursion = loop(composition=Pooled(N), generate=M, generations=6)
    trace = go(recursion, tmp_path / "a")
    assert trace["samples"].shape == (6, 2, M, 1)
    for seed in range(2):
        data = trace["data"].isel(seed=seed).values
        sets = [set(generation.ravel()) for generation in data]
        assert all(b <= a for a, b in itertools.pairwise(sets))
        assert len(sets[-1]) < N == len(sets[0])
    assert (trace["source"].values == np.arange(6)[:, None, None]).all()


def test_accumulated_points_are_not_lost(tmp_path):
    recursion = loop(composition=Pooled(N, Greedy(), batches=6), generations=6)
    trace = go(recursion, tmp_path / "a")
    for generation in trace["data"].isel(seed=0).values:  # copies are no farther away
        assert set(generation.ravel()) == set(trace["data"].values[0, 0].ravel())


@dataclass(frozen=True)
class Shifted(Line):
    """The line moved by a replica's own amount."""

    shift: jax.Array = 0.0

    def sample(self, key, n):
        return self.shift + super().sample(key, n)


def test_a_replica_may_have_a_target_of_its_own(tmp_path):
    recursion = loop(target=lambda at: Shifted(shift=at["shift"].astype(jnp.float32)))
    trace = go(recursion, tmp_path / "a")
    lowest = trace["data"].min(("generation", "data_0", "coordinate")).values
    np.testing.assert_array_less(lowest, [2.0, 12.0])
    np.testing.assert_array_less([1.0 - 1e-6, 11.0 - 1e-6], lowest)


@pytest.mark.parametrize("composition", [None, Pooled(N)])
def test_the_twin_is_drawn_like_the_data_and_is_not_the_data(tmp_path, composition):
    recursion = loop(twin=N, composition=composition)
    trace = go(recursion, tmp_path / "a", alpha=0.25)
    data, twin = trace["data"].values, trace["twin"].values
    assert (twin[0] < 0).all()  # held out
    assert (data[0] > 0).all()
    for i in range(1, 4):
        assert ((twin[i] < 0).sum(axis=1) == 2).all()
        model = set(data[i - 1].ravel())
        assert all(set(x[x > 0]) <= model for x in twin[i][..., 0])
        assert not np.array_equal(np.sort(abs(twin[i]), 1), np.sort(data[i], 1))
    assert (trace["reference"].values < 0).all()


def test_resuming_a_pool_gives_the_same_records(tmp_path):
    class Stop(Exception):
        pass

    class StopAtOnce:
        @contextlib.contextmanager
        def stage(self, label, total=None):
            yield self

        def tick(self, n=1):
            if n:
                raise Stop

    recursion = loop(composition=Pooled(N, ThresholdDecay(), batches=4), twin=3)
    whole = go(recursion, tmp_path / "whole")
    for _ in range(2):
        with pytest.raises(Stop):
            go(recursion, tmp_path / "broken", StopAtOnce())
    xr.testing.assert_identical(go(recursion, tmp_path / "broken"), whole)


@pytest.mark.parametrize(
    ("call", "word"),
    [
        (lambda: Pooled(1), "n must be >= 2"),
        (lambda: Pooled(N, batches=0), "batches"),
        (lambda: loop(generate=N - 1), "generate must be >= n"),
        (lambda: loop(twin=N + 1), "twin"),
        (lambda: composed(Pooled(M + 1), 1), "generated points must be >= n"),
    ],
)
def test_a_pool_that_cannot_be_is_refused(call, word):
    with pytest.raises(InputError, match=word):
        call()
