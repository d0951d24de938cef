"""Which data each generation sees: how they are drawn, kept and held, and what is refused."""

import contextlib
import functools

import jax
import jax.numpy as jnp
import jax.random as jr
import numpy as np
import pytest
import xarray as xr
from composed import KINDS, go, growing, marked, of_counts, origins, z_scores
from scipy.stats import chi2, kstest, norm

from figures.self_consuming.loops import kernel_loop
from sim.composition import Counts, Mixing, Points, Real, State, Summary, scheduled
from sim.composition.datasets import SummaryStatistics
from sim.grid import grid_for_kernels
from sim.laws import BLOCK, FiniteLaw, counts, mixture
from sim.learners.kernel import Kernel
from sim.recursion import Recursion
from sim.sampling import EndpointDraw, ReverseSDE
from sim.targets import Mixture, grid_of_modes
from theory.mixing import accumulate_batches, fixed_mixture, latest, schedule
from theory.mixtures import gaussian_mixture
from theory.processes import ou
from theory.validation import InputError

STANDARD = gaussian_mixture([1.0], [0.0], 1.0)

# ---- counts


def test_counts_are_multinomial():
    n, weights = BLOCK + 500, jnp.array([3.0, 0.0, 1.0, 5.0, 1.0])
    p = np.asarray(weights) / 10.0
    draw = jax.jit(jax.vmap(lambda key: counts(key, jnp.float64(n), weights)))
    x = np.asarray(draw(jr.split(jr.key(0), 4000)))
    assert (x.sum(axis=1) == n).all()
    assert not x[:, 1].any()
    drawn = p > 0
    assert abs(z_scores(x.T[drawn], n * p[drawn])).max() < 4.5
    centred = (x - n * p)[:, drawn]
    products = (centred[:, :, None] * centred[:, None, :]).transpose(1, 2, 0)
    covariance = n * (np.diag(p) - np.outer(p, p))[np.ix_(drawn, drawn)]
    assert abs(z_scores(products, covariance)).max() < 4.5
    # independent Poisson counts would have no covariance between categories
    independent = np.diag(np.diag(covariance))
    assert abs(z_scores(products, independent)).max() > 10


def test_counts_add_up_to_any_number():
    sizes = jnp.array([0.0, 1.0, BLOCK - 1.0, BLOCK, BLOCK + 1.0, 3.0 * BLOCK])
    weights = jnp.array([0.5, 0.25, 0.25])
    drawn = jax.vmap(lambda n: counts(jr.key(1), n, weights))(sizes)
    np.testing.assert_array_equal(drawn.sum(axis=1), sizes)


def test_tables_are_mixed_entry_by_entry():
    p = FiniteLaw(jnp.array([0.5, 0.5, 0.0]))
    models = FiniteLaw(jnp.array([[0.0, 1.0, 0.0], [0.2, 0.2, 0.6]]))
    mixed = mixture(p, jnp.float64(0.5), jnp.array([0.3, 0.2]), models)
    np.testing.assert_allclose(mixed.mass, [0.29, 0.59, 0.12], rtol=1e-14)


def test_other_laws_are_mixed_as_nested_blends():
    means = jnp.array([1.0, 2.0, 3.0])[:, None, None]
    models = jax.vmap(lambda m: type(STANDARD)(jnp.ones(1), m, jnp.ones((1, 1, 1))))
    x = jnp.linspace(-4.0, 6.0, 9)[:, None]
    for shares in ([0.3, 0.2, 0.1], [0.0, 0.6, 0.0], [0.6, 0.0, 0.0], [0.0, 0.0, 0.6]):
        mixed = mixture(STANDARD, jnp.float64(0.4), jnp.array(shares), models(means))
        exact = 0.4 * norm.pdf(x[:, 0])
        for share, m in zip(shares, (1, 2, 3), strict=True):
            exact = exact + share * norm.pdf(x[:, 0], m)
        np.testing.assert_allclose(jnp.exp(mixed.log_density(x)), exact, rtol=1e-12)


# ---- how many points of which law

V1 = of_counts([[60, 0, 0, 0], [12, 48, 0, 0], [12, 30, 78, 0], [12, 6, 12, 30]])
V2 = of_counts([[12, 0, 0, 0], [12, 48, 0, 0], [12, 30, 78, 0], [12, 6, 12, 30]])
BATCHES = accumulate_batches(30.0, 30.0, 4)


def number_of_points(scheme):
    """(stages, KINDS): what fixed counts should be."""
    shares = np.concatenate([scheme.alpha[:, None], scheme.beta[:, :-1]], axis=1)
    table = np.round(shares * np.asarray(scheme.sizes)[:, None])
    return np.pad(table, ((0, 0), (0, KINDS - table.shape[1])))


SCHEMES = {
    "iid-V1": ("iid", V1, 120, 1500),
    "fresh-V1": ("fresh", V1, 120, 1),
    "reused-V1": ("reused", V1, 120, 1),
    "reused-V2": ("reused", V2, 120, 1),
    "kept": ("accumulate-reused", BATCHES, 360, 1),
}
FORMS = pytest.mark.parametrize("form", ["points", "counts", "summary"])


@pytest.fixture(scope="module")
def drawn(tmp_path_factory):
    """From (form, name) to what each stage sees: `seen` (stages, replicas, ...)."""

    @functools.cache
    def run(form, name):
        protocol, scheme, rows, replicas = SCHEMES[name]
        recursion, parameters = marked(form, protocol, scheme, rows)
        folder = tmp_path_factory.mktemp(f"{form}-{name}")
        return go(recursion, parameters, folder, replicas)

    return run


def found_numbers(drawn, form, name):
    """(stages, replicas, KINDS)."""
    _, scheme, rows, _ = SCHEMES[name]
    found = origins(form, drawn(form, name)["seen"].values)
    if form == "points":  # the learner sees all rows: the points in turn
        found = found * (np.asarray(scheme.sizes) / rows)[:, None, None]
    return found


@FORMS
@pytest.mark.parametrize("name", [name for name in SCHEMES if name != "iid-V1"])
def test_fixed_counts_are_those_of_the_schedule(drawn, form, name):
    """Also of models up to three generations old, with sizes that differ."""
    found = found_numbers(drawn, form, name)
    np.testing.assert_array_equal(found[:, 0], number_of_points(SCHEMES[name][1]))


@pytest.mark.parametrize("name", SCHEMES)
def test_the_law_of_the_data_is_the_whole_mixture(drawn, name):
    """Every past model with its share: one-step errors are measured from it."""
    scheme = SCHEMES[name][1]
    shares = number_of_points(scheme) / np.asarray(scheme.sizes)[:, None]
    found = drawn("counts", name)["law"].values[:, 0]
    np.testing.assert_allclose(found, shares, atol=1e-15)


@FORMS
def test_independent_draws_have_binomial_numbers(drawn, form):
    found = found_numbers(drawn, form, "iid-V1")
    mean = number_of_points(V1)
    N = np.asarray(V1.sizes)[:, None]
    assert (found.sum(axis=2) == N).all()
    found, random = np.moveaxis(found, 1, -1), (mean > 0) & (mean < N)
    assert (found[~random] == mean[~random][:, None]).all()  # what has no share
    assert abs(z_scores(found[random], mean[random])).max() < 4.5
    variance = (mean * (1 - mean / N))[random]
    squares = (found - mean[..., None])[random] ** 2
    assert abs(z_scores(squares, variance)).max() < 4.5
    assert abs(z_scores(squares, mean[random])).max() > 4.5  # not Poisson


def points_of(seen, stage: int, law: int) -> list:
    """The different points of a law, in order."""
    rows = seen[stage, 0]
    number = np.where(rows < 1.5, 0, np.round(rows / 10.0))
    return list(dict.fromkeys(rows[number == law].tolist()))


@pytest.mark.parametrize("name", ["iid-V1", "fresh-V1", "reused-V1", "reused-V2"])
def test_real_points_are_reused_only_where_the_protocol_says_so(drawn, name):
    seen = drawn("points", name)["seen"].values
    real = [points_of(seen, s, 0) for s in range(4)]
    if name.startswith("reused"):
        # twelve of V2; of V1 the extra ones besides, seen in the first stage alone
        assert len(real[0]) == int(SCHEMES[name][1].sizes[0])
        assert real[0][:12] == real[1] == real[2] == real[3]
    else:
        assert len(set().union(*real)) == sum(map(len, real))
    # the generated points are new ones in any case
    assert not set(points_of(seen, 2, 1)) & set(points_of(seen, 3, 1))


def test_points_are_cycled_to_fill_the_rows(drawn):
    for s, size in enumerate([60, 60, 120, 60]):
        rows = drawn("points", "reused-V1")["seen"].values[s, 0]
        np.testing.assert_array_equal(rows, rows[np.arange(120) % size])
        assert len(set(rows.tolist())) == size


def test_accumulation_keeps_every_batch(drawn):
    seen = drawn("points", "kept")["seen"].values[:, 0]
    for s in range(1, 4):
        old, size = 30 * s, 30 * (s + 1)
        np.testing.assert_array_equal(seen[s, :old], seen[s - 1, :old])
        assert (np.round(seen[s, old:size] / 10.0) == s).all()


@pytest.mark.parametrize("protocol", ["reused", "fresh"])
def test_kept_statistics_are_the_same_draws(protocol):
    """The mean of the real points stays, or does not."""
    real, policy = Real(STANDARD, None, 0), Mixing(Summary(), protocol)
    at = {"alpha": jnp.float64(1.0), "size": jnp.float64(40.0)}
    memory = policy.start(jr.split(jr.key(0)), at, real, None, STANDARD)
    state = State(None, STANDARD, memory)
    compose = jax.jit(lambda keys: policy.compose(keys, at, real, state)[0])
    means = [float(compose(jr.split(jr.key(s))).mean) for s in (1, 2)]
    assert (means[0] == means[1]) == (protocol == "reused")
    if protocol == "reused":
        assert means[0] == float(memory[1].mean)


# ---- sufficient statistics


@pytest.mark.parametrize("count", [1.0, 2.0, 7.0])
def test_statistics_of_a_gaussian_have_their_exact_law(count):
    law = gaussian_mixture([1.0], [0.7], 4.0)
    draw = jax.jit(jax.vmap(lambda key: Summary().draw(law, key, jnp.float64(count))))
    found = draw(jr.split(jr.key(int(count)), 20_000))
    assert (np.asarray(found.count) == count).all()
    z = (np.asarray(found.mean) - 0.7) / np.sqrt(4.0 / count)
    assert kstest(z, norm.cdf).pvalue > 1e-4
    assert abs(z_scores([z, z**2], [0.0, 1.0])).max() < 4.5
    if count == 1.0:
        assert not np.asarray(found.scatter).any()
        return
    c, k = np.asarray(found.scatter) / 4.0, count - 1.0
    assert kstest(c, chi2(k).cdf).pvalue > 1e-4
    assert abs(z_scores([c, (c - k) ** 2, z * (c - k)], [k, 2 * k, 0.0])).max() < 4.5
    assert kstest(c, chi2(count).cdf).pvalue < 1e-4  # control: one degree too many


def test_joined_statistics_are_those_of_all_points():
    rng = np.random.default_rng(0)

    def summary(x):
        mean = x.mean() if len(x) else 123.0  # of no points: whatever is there
        scatter = ((x - mean) ** 2).sum()
        return SummaryStatistics(*map(jnp.float64, (len(x), mean, scatter)))

    for sizes in ((5, 8), (0, 4), (4, 0), (1, 1), (0, 0)):
        x, y = (rng.normal(3.0 * k, 1.0 + k, n) for k, n in enumerate(sizes))
        found = Summary().join(summary(x), jnp.float64(sizes[0]), summary(y))
        expected = summary(np.concatenate([x, y]))
        upto = 3 if sum(sizes) else 1
        np.testing.assert_allclose(found[:upto], expected[:upto], rtol=1e-12)


# ---- resuming


class Stop(Exception):
    pass


class StopAfter:
    """Stops when that many generations are stored."""

    def __init__(self, generations):
        self.left = generations

    @contextlib.contextmanager
    def stage(self, label, total=None):
        yield self

    def tick(self, n=1):
        self.left -= n
        if self.left <= 0:
            raise Stop


def cloud(protocol: str, scheme, rows: int):
    parameters, reach = scheduled([scheme], protocol, rows)
    recursion = Recursion(
        target=grid_of_modes(2, 2.0, 0.5),
        learner=lambda at: Kernel(0.5),
        sampler=EndpointDraw(),
        process=ou(1.0, 0.0),
        n=rows,
        generations=scheme.stages,
        composition=Mixing(Points(rows), protocol, reach),
        keep=rows,
    )
    return recursion, parameters


def table(protocol: str, scheme):
    loop = kernel_loop([scheme], protocol, 0.5, grid_for_kernels(9.0, 0.5))
    return loop.recursion, loop.parameters


OLDER = of_counts([[24, 0, 0], [6, 18, 0], [6, 6, 12]])


@pytest.mark.parametrize(
    "case",
    [lambda: cloud("iid", OLDER, 24), lambda: table("reused", OLDER)],
    ids=["points-iid", "counts-reused"],
)
def test_resuming_with_a_memory_gives_the_same_bytes(case, tmp_path):
    recursion, parameters = case()
    whole = go(recursion, parameters, tmp_path / "whole", 2)
    with pytest.raises(Stop):
        go(recursion, parameters, tmp_path / "cut", 2, progress=StopAfter(2))
    xr.testing.assert_identical(go(recursion, parameters, tmp_path / "cut", 2), whole)
    stored = [
        {f.name: f.read_bytes() for f in (tmp_path / name).glob("gen-*.npz")}
        for name in ("whole", "cut")
    ]
    assert len(stored[0]) == 3
    assert stored[0] == stored[1]


# ---- what is refused

MORE_LATER = of_counts([[10, 0], [20, 20]])


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: Mixing(Counts(), "mixed"), "protocol must be one of iid, fresh"),
        (lambda: Mixing(Counts(), "iid", 0), "reach must be >= 1, got 0"),
        (lambda: scheduled([V1], "new"), "protocol must be one of iid, fresh"),
        (
            lambda: scheduled([latest(0.5, 2, 10.5)], "iid"),
            "sizes must be whole numbers, got 10.5",
        ),
        (
            lambda: scheduled([latest(0.25, 2, 10.0)], "fresh"),
            r"real points \(alpha times size\) must be whole numbers, got 2.5",
        ),
        (
            lambda: scheduled([growing(3, 12.0)], "reused"),
            "reused real points must be equally many at every stage",
        ),
        (
            lambda: scheduled([MORE_LATER], "reused"),
            "reused real points must be no more than the first stage has",
        ),
        (
            lambda: scheduled([fixed_mixture(10.0, 10.0, 3)], "accumulate-reused"),
            "kept data sets must be of a size that does not change",
        ),
        (
            lambda: scheduled([fixed_mixture(10.0, 10.0, 3, "V2")], "reused", 30),
            "sizes must be divisors of the 30 rows of points",
        ),
        (
            lambda: scheduled([latest(0.5, 2, 4.0), latest(0.5, 3, 4.0)], "iid"),
            "schedules must be of equally many stages",
        ),
        (
            lambda: schedule([1.0, 0.5], [[0, 0], [0.6, 0]], 10.0),
            "shares of stage 1 must be summing to 1",
        ),
    ],
)
def test_schedules_that_cannot_be_drawn_are_refused(call, message):
    with pytest.raises(InputError, match=message) as refused:
        call()
    assert "\n" not in str(refused.value)


def test_numbers_that_are_whole_up_to_rounding_are_accepted():
    parameters, reach = scheduled([latest(1.0 / 3.0, 3, 30.0)], "reused")
    assert parameters["stock"].tolist() == [[10.0, 10.0, 10.0]]
    assert reach == 1
    assert scheduled([growing(4, 60.0)], "iid")[1] == 3


def bare(data, protocol="fresh", reach=1, **changes):
    settings = {
        "target": Mixture(STANDARD),
        "learner": lambda at: Kernel(0.5),
        "sampler": EndpointDraw(),
        "process": ou(1.0, 0.05),
        "n": 12,
        "generations": 2,
        "composition": Mixing(data, protocol, reach),
    }
    return Recursion(**(settings | changes))


def test_memory_that_cannot_be_is_refused(tmp_path):
    alpha = {"alpha": np.array([[1.0, 0.5]])}
    shares = alpha | {"shares": np.zeros((1, 2, 2))}
    by_samples = bare(Points(12), "fresh", 2, sampler=ReverseSDE(5))
    with pytest.raises(InputError, match="reach must be 1 where laws are not known"):
        go(by_samples, shares, tmp_path / "a", 1)
    with pytest.raises(InputError, match="size must be given, got"):
        go(bare(Summary()), alpha, tmp_path / "b", 1)
    with pytest.raises(InputError, match="size must be given where data accumulate"):
        go(bare(Points(12), "accumulate-reused"), alpha, tmp_path / "c", 1)
