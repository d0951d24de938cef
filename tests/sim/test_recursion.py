"""The generational loop: identities, resuming, extending, and what it refuses."""

import contextlib
from pathlib import Path

import jax.numpy as jnp
import jax.random as jr
import numpy as np
import pytest
import xarray as xr

from figures.progress import SILENT
from sim.grid import uniform_grid
from sim.learners.kernel import Kernel
from sim.learners.network import Network
from sim.learners.perturbed import Perturbed, Tanh
from sim.measures.exact_laws import EndpointDivergences
from sim.measures.samples import Moments, SlicedW2
from sim.recursion import Recursion, run
from sim.sampling import EndpointDraw, ReverseSDE
from sim.store.group import Group
from sim.targets import Mixture
from theory.mixtures import gaussian_mixture
from theory.processes import ou
from theory.validation import InputError

BIMODAL = Mixture(gaussian_mixture([0.5, 0.5], [-2.0, 2.0], 0.25))


def group_in(folder: Path, seeds: int = 1) -> Group:
    folder.mkdir(parents=True, exist_ok=True)
    return Group(folder, range(seeds), contextlib.nullcontext)


def kernel_loop(**changes) -> Recursion:
    settings = {
        "target": BIMODAL,
        "learner": lambda at: Kernel(0.3),
        "sampler": EndpointDraw(),
        "process": ou(3.0, 0.02),
        "n": 400,
        "generations": 3,
        "convention": "re-noise",
        "measures": (Moments(), SlicedW2(8)),
    }
    return Recursion(**(settings | changes))


def go(recursion, group, alphas=(0.2, 0.8), replicas=2, **more):
    alpha = np.tile(np.asarray(alphas)[:, None], (1, recursion.generations))
    axes = {"seed": np.arange(1), "alpha": np.asarray(alphas)}
    return run(
        recursion,
        jr.split(jr.key(0), replicas),
        {"alpha": alpha} | more,
        axes,
        group,
        SILENT,
    )


def files(folder: Path) -> dict[str, bytes]:
    return {p.name: p.read_bytes() for p in sorted(folder.glob("gen-*.npz"))}


@pytest.mark.parametrize("name", ["L1", "L2"])
def test_closed_loop_tends_to_the_reference_as_the_step_shrinks(
    reference, name, tmp_path
):
    ref = reference["closed_loop_1d"][name]
    found = []
    for steps in (60, 120):
        recursion = Recursion(
            BIMODAL,
            lambda at: Perturbed(Tanh(at["amp"])),
            ReverseSDE(steps),
            ou(ref["T"], 0.0),
            n=0,
            generations=4,
            grid=uniform_grid(7.0, 101, 1, ref["T"] / steps),
        )
        amps = np.array([ref["amps"]])
        alpha = np.full((1, 4), ref["alpha"])
        axes = {"seed": np.arange(1)}
        group = group_in(tmp_path / str(steps))
        trace = run(
            recursion,
            jr.split(jr.key(0), 1),
            {"alpha": alpha, "amp": amps},
            axes,
            group,
            SILENT,
        )
        found.append(trace.isel(seed=0))
    for variable, key in (
        ("chi2", "I"),
        ("eps_star2", "eps2"),
        ("observability", "eta"),
    ):
        exact = np.array([row[key] for row in ref["rows"]])
        coarse, fine = (np.asarray(t[variable]) for t in found)
        assert (abs(fine - exact) < abs(coarse - exact)).all()
        # the first-order part removed, what is left is second order in the step
        assert abs(2 * fine - coarse - exact).max() < 0.02 * exact.max()


def test_resuming_gives_the_same_bytes_as_running_through(tmp_path):
    whole = go(kernel_loop(), group_in(tmp_path / "whole"))
    broken = group_in(tmp_path / "broken")

    class Stop(Exception):
        pass

    class StopAfter:
        def __init__(self, ticks):
            self.left = ticks

        @contextlib.contextmanager
        def stage(self, label, total=None):
            yield self

        def tick(self, n=1):
            self.left -= n
            if self.left < 0:
                raise Stop

    alpha = np.tile(np.array([0.2, 0.8])[:, None], (1, 3))
    axes = {"seed": np.arange(1), "alpha": np.array([0.2, 0.8])}
    for ticks in (0, 1):
        with pytest.raises(Stop):
            run(
                kernel_loop(),
                jr.split(jr.key(0), 2),
                {"alpha": alpha},
                axes,
                broken,
                StopAfter(ticks),
            )
    resumed = go(kernel_loop(), broken)
    xr.testing.assert_identical(whole, resumed)
    assert files(tmp_path / "whole") == files(tmp_path / "broken")


@pytest.mark.slow
def test_network_learner_runs_and_reports_its_training(tmp_path):
    network = Network(width=8, steps=40, batch=32, segments=2)
    recursion = kernel_loop(
        learner=lambda at: network,
        sampler=ReverseSDE(20),
        convention="level-t0",
        grid=uniform_grid(7.0, 41, 1, 3.0 / 20),
        generations=2,
    )
    trace = go(recursion, group_in(tmp_path))
    assert trace.attrs["known_as"] == "grid"
    assert bool(trace["finite"].all())
    assert bool((trace["kl"] <= 0.5 * trace["eps_hat2"]).all())


def test_a_learner_from_outside_plugs_in(tmp_path):
    """The worked example of `sim.learners.protocol`, with a measure of its own."""

    class Gaussian:
        segments = 0

        def init(self, key, data, law, process):
            return (jnp.mean(data, 0), jnp.var(data, 0), process)

        def advance(self, key, state, data, process):
            return state

        def finish(self, state):
            return GaussianScore(*state)

    class GaussianScore:
        def __init__(self, mean, variance, process):
            self.mean, self.variance, self.process = mean, variance, process

        def score(self, x, t):
            a, v = self.process.mean_factor(t), self.process.variance(t)
            return (a * self.mean[None] - x) / (a**2 * self.variance + v)[None]

    class Skewness:
        needs, names = "samples", ("skewness",)

        def __call__(self, key, scene):
            z = scene.samples - jnp.mean(scene.samples, 0)[None]
            return {"skewness": jnp.mean(z**3)}

    recursion = kernel_loop(
        learner=lambda at: Gaussian(),
        sampler=ReverseSDE(50),
        measures=(Moments(), Skewness()),
    )
    trace = go(recursion, group_in(tmp_path))
    # one Gaussian cannot hold two modes, but it keeps their variance
    assert abs(float(trace["variance"].isel(generation=0).mean()) - 4.25) < 0.6
    assert trace["skewness"].dims == ("generation", "seed", "alpha")


def test_what_the_law_does_not_allow_is_named_not_estimated(tmp_path):
    measures = (Moments(), EndpointDivergences(64))
    sampled = kernel_loop(sampler=ReverseSDE(20), measures=measures, generations=1)
    trace = go(sampled, group_in(tmp_path / "samples"))
    assert trace.attrs["not_measurable"] == ["kl", "chi2", "drift_kl"]
    assert "kl" not in trace
    exact = kernel_loop(measures=measures, generations=1)
    assert "kl" in go(exact, group_in(tmp_path / "exact"))


def test_level_t0_does_not_drift_under_a_perfect_score_and_re_noising_does(tmp_path):
    drift = {}
    for convention in ("level-t0", "re-noise"):
        recursion = Recursion(
            BIMODAL,
            lambda at: Perturbed(Tanh(at["amp"])),
            ReverseSDE(150),
            ou(3.0, 0.1),
            n=0,
            generations=2,
            convention=convention,
            grid=uniform_grid(7.0, 101, 1, 2.9 / 150),
        )
        alpha, amp = np.zeros((1, 2)), np.zeros((1, 2))
        axes = {"seed": np.arange(1)}
        trace = run(
            recursion, jr.split(jr.key(0), 1), {"alpha": alpha, "amp": amp}, axes,
            group_in(tmp_path / convention), SILENT,
        )  # fmt: skip
        drift[convention] = trace["D"].values[-1, 0]
    assert drift["level-t0"] < 0.1 * drift["re-noise"]


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"n": 0}, "n must be >= 1, got 0"),
        ({"generations": 0}, "generations must be >= 1, got 0"),
        ({"convention": "clean"}, "convention must be one of"),
        ({"keep": 500}, r"keep must be in \[0, 400\], got 500"),
    ],
)
def test_impossible_loops_are_refused_in_one_line(change, says):
    with pytest.raises(InputError, match=says):
        kernel_loop(**change)


def test_parameters_out_of_range_or_shape_are_refused(tmp_path):
    with pytest.raises(InputError, match=r"alpha must be in \[0, 1\], got"):
        go(kernel_loop(), group_in(tmp_path), alphas=(0.2, 1.5))
    with pytest.raises(InputError, match=r"amp must be of shape \(2, 3\)"):
        go(kernel_loop(), group_in(tmp_path), amp=np.zeros((2, 2)))


def test_a_perturbed_score_needs_a_law(tmp_path):
    recursion = kernel_loop(
        learner=lambda at: Perturbed(Tanh(0.1)), sampler=ReverseSDE(10)
    )
    with pytest.raises(
        InputError, match="learner must be one that learns from samples"
    ):
        go(recursion, group_in(tmp_path))
