"""Random-feature diffusion: the quadratic loss, its exact flow, the learner."""

import contextlib
from dataclasses import replace
from functools import partial

import jax
import jax.numpy as jnp
import jax.random as jr
import numpy as np
import optax
import pytest
from scipy.integrate import quad, solve_ivp
from scipy.stats import norm

from figures.progress import SILENT
from figures.self_consuming.loops import density_loop, simulate_loop
from sim.composition import Counts
from sim.grid import GridLaw, on_grid, uniform_grid
from sim.learners.random_features import RandomFeatures
from sim.learners.random_features.density_chain import (
    posterior_transitions,
    reverse_times,
)
from sim.learners.random_features.energy import Energy, gradient_flow, score_matching
from sim.learners.random_features.layer import draw_layer
from sim.measures.tabulated import TotalVariation
from sim.store.group import Group
from sim.targets import tabulated
from theory.mixing import fixed_mixture
from theory.mixtures import Blend, gaussian_mixture
from theory.processes import ou
from theory.validation import InputError

# Times [.02, 3] of the unit-rate clock dX = -X dt + sqrt(2) dB.
PROCESS = ou(T=6.0, t0=0.04)
TARGET = gaussian_mixture([0.5, 0.5], [-1.2, 1.2], 0.36)
TIMES = reverse_times(PROCESS, 120)
FINEST = float(posterior_transitions(PROCESS, TIMES).variance[-1])
GRID = uniform_grid(5.0, 240, 1, FINEST)
DENSITY = on_grid(TARGET, GRID).density
COUNTS = 100.0 * DENSITY * GRID.cell
SMALL = RandomFeatures(GRID, features=20, times=5, reverse_steps=12)


def tv(first, second):
    return 0.5 * float(jnp.sum(jnp.abs(first - second)) * GRID.cell)


@partial(jax.jit, static_argnames=("population", "matched"))
def generate(counts, law, scale=10.0, seed=0, population=True, matched=False):
    learner = RandomFeatures(
        GRID, scale, feature_seed=seed, population=population, matched=matched
    )
    state = learner.init(jr.key(1), counts, law, PROCESS)
    return learner.finish(state).endpoint(PROCESS).density


# The loss and its exact flow


def test_the_loss_is_that_of_the_diffused_law():
    """G and b against scipy quadrature of the mixture's own diffused density."""
    layer, times = draw_layer(jr.key(3), 4), jnp.asarray([0.04, 0.7, 6.0])
    found = score_matching(layer, GridLaw(GRID, DENSITY), times, PROCESS)
    w, u, c = (np.asarray(v) for v in layer)
    gram, pull = np.zeros((4, 4)), np.zeros(4)
    for t in np.asarray(times):
        a, v = np.exp(-t / 2), 1 - np.exp(-t)
        shift = u * 0.25 * np.log(np.exp(t) - 1) + c
        modes = [norm(a * m, np.sqrt(a**2 * 0.36 + v)) for m in (-1.2, 1.2)]
        p = lambda x: 0.5 * sum(mode.pdf(x) for mode in modes)  # noqa: B023
        kink = -shift / w
        inside = sorted(k for k in kink if abs(k) < 8)
        over = lambda f: quad(f, -8, 8, points=inside or None, epsabs=1e-11)[0]  # noqa: B023
        relu = lambda j, x: max(w[j] * x + shift[j], 0.0)  # noqa: B023
        for j in range(4):
            above = 0.5 * sum(mode.cdf(kink[j]) for mode in modes)
            above = 1 - above if w[j] > 0 else above  # P(w x + shift > 0)
            pull[j] -= v * w[j] * above
            for k in range(4):
                gram[j, k] += v * over(lambda x: p(x) * relu(j, x) * relu(k, x))  # noqa: B023
    np.testing.assert_allclose(found.gram * 4, gram, atol=3e-4 * np.abs(gram).max())
    np.testing.assert_allclose(found.pull, pull, atol=3e-4 * np.abs(pull).max())


def random_energy(count=6, rank=4):
    rows = np.random.default_rng(0).normal(size=(rank, count))
    return Energy(jnp.asarray(rows.T @ rows), jnp.asarray(rows.T @ np.ones(rank)))


@pytest.mark.parametrize("tau", [0.0, 0.03, 1.0, 20.0])
def test_exact_flow_solves_its_differential_equation(tau):
    energy = random_energy()
    G, b = np.asarray(energy.gram), np.asarray(energy.pull)
    path = solve_ivp(
        lambda _, a: b - G @ a, (0, tau), np.zeros(6), rtol=1e-10, atol=1e-12
    )
    np.testing.assert_allclose(gradient_flow(energy, tau), path.y[:, -1], atol=1e-8)


def test_long_training_minimises_the_score_error():
    """At the end the energy is that of least squares on the exact scores."""
    layer, times = draw_layer(jr.key(3), 30), jnp.geomspace(0.04, 6.0, 7)
    energy = score_matching(layer, GridLaw(GRID, DENSITY), times, PROCESS)
    a = gradient_flow(energy, 1e14)
    rows, wanted = [], []
    for t in times:
        log_p, score = TARGET.noised(PROCESS, t).log_density_and_score(GRID.points)
        root = jnp.sqrt(jnp.exp(log_p) * PROCESS.variance(t) * GRID.cell)
        rows.append(root[:, None] * layer.features(GRID.axis, t) / 30)
        wanted.append(root * score[:, 0])
    rows, wanted = np.concatenate(rows), np.concatenate(wanted)
    best = np.linalg.lstsq(rows, wanted, rcond=None)[0]
    excess = np.sum((rows @ np.asarray(a) - wanted) ** 2)
    least = np.sum((rows @ best - wanted) ** 2)
    assert excess == pytest.approx(least, rel=1e-4)
    scaled = np.sum((rows @ np.asarray(30 * a) - wanted) ** 2)  # a wrong factor M
    assert scaled > 100 * least


# Training by steps


def stepping(optimiser, steps, segments=1):
    settings = {"optimiser": optimiser, "steps": steps, "segments": segments}
    return RandomFeatures(GRID, features=20, times=5, **settings)


def test_gradient_descent_tends_to_the_flow_with_order_one():
    tau = 40.0
    start = stepping(optax.sgd(0.1), 1).init(jr.key(0), COUNTS, None, PROCESS)
    exact = gradient_flow(start.energy, tau)
    counts = np.array([400, 800, 1600])
    gap = []
    for k in counts:
        learner = stepping(optax.sgd(tau / k), int(k))
        end = learner.advance(jr.key(1), start, COUNTS, PROCESS)
        gap.append(float(jnp.abs(end.weights - exact).max()))
    order = -np.polyfit(np.log(counts), np.log(gap), 1)[0]
    assert abs(order - 1.0) < 0.05
    assert gap[-1] < 0.01 * float(jnp.abs(exact).max())


def test_adam_lowers_the_loss_in_segments():
    learner = stepping(optax.adam(0.1), 400, segments=4)
    state = learner.init(jr.key(0), COUNTS, None, PROCESS)
    losses = [0.0]
    for _ in range(4):
        state = learner.advance(jr.key(1), state, COUNTS, PROCESS)
        losses.append(float(state.energy.value(state.weights)))
    least = float(state.energy.value(gradient_flow(state.energy, 1e14)))
    assert sorted(losses, reverse=True) == losses
    assert least < losses[-1] < 0.9 * least < 0


def test_the_exact_flow_takes_no_steps():
    state = SMALL.init(jr.key(0), COUNTS, None, PROCESS)
    assert SMALL.segments == 0
    assert SMALL.advance(jr.key(1), state, COUNTS, PROCESS) is state


# The learner


def test_population_learner_is_limited_by_sampler_and_features():
    law = GridLaw(GRID, DENSITY)
    short, long = (tv(generate(COUNTS, law, c), DENSITY) for c in (2.0, 1e8))
    assert long < 0.012
    assert short > 0.05
    assert tv(generate(COUNTS, law, 1e8, matched=True), DENSITY) < 0.006


def test_counts_in_proportion_to_a_law_are_learnt_as_the_law_is():
    law = GridLaw(GRID, DENSITY)
    blend = Blend(jnp.asarray(0.3), TARGET, law)
    wanted = SMALL.init(jr.key(0), COUNTS, None, PROCESS).weights
    seen = replace(SMALL, population=True)
    for q in (law, blend):
        only_n = jnp.full_like(COUNTS, 100.0 / GRID.nodes)  # no trace of the law
        found = seen.init(jr.key(0), only_n, q, PROCESS).weights
        np.testing.assert_allclose(found, wanted, rtol=1e-6, atol=1e-9)


def test_more_data_train_longer_and_their_noise_is_learnt():
    law = GridLaw(GRID, DENSITY)
    from_counts = partial(generate, law=law, population=False)
    smooth = from_counts(COUNTS)
    assert tv(from_counts(2 * COUNTS), DENSITY) < tv(smooth, DENSITY)
    shares = np.asarray(DENSITY / jnp.sum(DENSITY))
    sampled = np.random.default_rng(5).multinomial(100, shares).astype(float)
    assert tv(from_counts(jnp.asarray(sampled)), smooth) > 0.02


@pytest.mark.slow  # compiles the whole loop
def test_the_loop_carries_replicas_with_their_own_training_times(tmp_path):
    """Two generations without sampling noise, by the generational loop and by hand."""
    small = replace(SMALL, population=True)
    own = lambda at: replace(small, scale=at["scale"], power=at["power"])
    scale, power = np.array([[5.0] * 2, [20.0] * 2]), np.array([[1.0] * 2, [0.5] * 2])
    loop = density_loop(
        [fixed_mixture(100, 300, 2)] * 2,
        "iid",
        own,
        tabulated(TARGET, GRID),
        Counts(),
        (TotalVariation(GRID),),
        scale=scale,
        power=power,
    )
    process = {"process": PROCESS, "convention": "re-noise"}
    loop = replace(loop, recursion=replace(loop.recursion, **process))
    group = Group(tmp_path, range(1), contextlib.nullcontext)
    labels = {"condition": [0, 1]}
    trace = simulate_loop(loop, group, 0, labels, SILENT, batching="vmap")

    @jax.jit
    def by_hand(at, law):
        learner = own(at)
        fitted = learner.finish(learner.init(jr.key(0), 4 * COUNTS, law, PROCESS))
        return fitted.endpoint(PROCESS).density

    for c in range(2):
        law, at = GridLaw(GRID, DENSITY), {"scale": scale[c, 0], "power": power[c, 0]}
        for i in range(2):
            made = by_hand(at, law)
            law = GridLaw(GRID, 0.25 * DENSITY + 0.75 * made)
            found = float(trace.tv.isel(seed=0, condition=c, generation=i))
            assert found == pytest.approx(tv(made, DENSITY), rel=1e-3)
    assert bool(trace.finite.all())


@pytest.mark.parametrize("matched", [False, True])
def test_the_samplers_floor_hides_the_decline_at_much_synthetic_data(matched):
    """Section 10.4, 8 models without sampling noise: 0 or 64 synthetic points to a real.

    The error that a longer training cannot mend is the same at every generation and adds
    up; with matched steps it is small enough for the fall to be seen.
    """
    law = GridLaw(GRID, DENSITY)
    make = lambda lam, law: generate(COUNTS * (1 + lam), law, 50.0, matched=matched)
    alone = tv(make(0.0, law), DENSITY)
    for _ in range(8):
        made = make(64.0, law)
        law = GridLaw(GRID, (DENSITY + 64.0 * made) / 65.0)
    assert (tv(made, DENSITY) < alone) == matched


def test_features_stay_while_keys_change_and_scores_are_linear_in_the_layer():
    fit = lambda key: SMALL.finish(SMALL.init(key, COUNTS, None, PROCESS))
    first, second = fit(jr.key(0)), fit(jr.key(1))
    for a, b in zip(jax.tree.leaves(first), jax.tree.leaves(second), strict=True):
        np.testing.assert_array_equal(a, b)
    assert bool(first.finite)
    x, t = jnp.asarray([[-0.4], [1.1]], jnp.float32), 0.3
    w, u, c = (np.asarray(v) for v in first.layer)
    np.testing.assert_allclose(np.abs(w) + np.abs(u) + np.abs(c), 1.0)
    hidden = np.asarray(x) * w + u * 0.25 * np.log(np.exp(t) - 1) + c
    wanted = np.maximum(hidden, 0) @ np.asarray(first.weights) / 20
    found = first.score(x, t)
    assert found.shape == (2, 1)
    assert found.dtype == jnp.float32
    np.testing.assert_allclose(found[:, 0], wanted, rtol=1e-5)


@pytest.mark.parametrize(
    ("change", "name"),
    [
        ({"scale": 0.0}, "scale"),
        ({"power": np.nan}, "power"),
        ({"features": 0}, "features"),
        ({"times": 1}, "times"),
        ({"reverse_steps": 0}, "reverse_steps"),
        ({"steps": 10}, "steps"),
        ({"optimiser": optax.adam(0.1), "steps": 10}, "segments"),
        ({"optimiser": optax.adam(0.1), "steps": 10, "segments": 3}, "steps"),
        ({"grid": uniform_grid(3.0, 9, 2, 1.0)}, "grid.dim"),
    ],
)
def test_impossible_settings_are_refused(change, name):
    with pytest.raises(InputError, match=f"^{name}.* must be"):
        RandomFeatures(**({"grid": GRID} | change))


def test_a_process_without_early_stopping_is_refused():
    with pytest.raises(InputError, match="process.t0"):
        SMALL.init(jr.key(0), COUNTS, None, ou(T=6.0, t0=0.0))
