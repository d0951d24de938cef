r"""ae1: the trimodal mixture of the official notebook, learned and generated.

Overlaps of networks in d dimensions, and of many exact chains beside them, against the
learning curve; then samples made step by step in d dimensions against the reduced law.
Odd units without bias make what is generated symmetric: four modes from three.
"""

from dataclasses import replace

import jax
import jax.numpy as jnp
import jax.random as jr
import numpy as np
import xarray as xr
from jaxtyping import Array, Float
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from figures import style
from figures.autoencoder.chains import QUICK_TO_COMPILE, overlap_record
from figures.autoencoder.growth import Growth, grow
from figures.autoencoder.laws import (
    follow,
    generated_law,
    quasi_random,
    sample_evidence,
)
from figures.autoencoder.planes import (
    density,
    draw_plane,
    gaussian_mixture_density,
    grid_line,
    marks,
    shown,
)
from figures.autoencoder.presets.learning import Trimodal
from figures.autoencoder.problems import informed, training_of, trimodal
from figures.autoencoder.trimodal_evidence import (
    MEAN_RUN,
    ONE_RUN,
    QUADRANTS,
    mean_run,
    mode_masses_evidence,
    one_run,
    pooled,
)
from figures.replication import over_seeds, replica_keys
from sim.learners.autoencoder.chain import chain_state, learn_chain
from sim.learners.autoencoder.realisation import realise
from sim.replicas import replicated
from sim.store import Group, Run, resumable
from theory.autoencoder.averages import midpoint, normal_sobol
from theory.autoencoder.learning import learning_curve
from theory.autoencoder.modes import mode_masses
from theory.autoencoder.sampling import LatentLaw, Projection, latent_law
from theory.claims import Evidence
from theory.denoiser import Overlaps, Training, initial_overlaps
from theory.processes import EulerGrid, euler_grid

__all__ = ["caption", "draw", "judge", "predict", "simulate"]

WIDTH, WARM = 2, 0.1  # official: two units, each at 0.1 times a mean
PLANE = np.array([[1 / 3, 0.0, 0.0], [0.0, -1 / 3, 0.0]])  # unit axes from the means
SETTING = "trimodal mixture"
LINE, BLUR = grid_line(10.0), 0.25  # of the drawn densities
SUBSTEPS = 0.02  # longest step of the learning curve: 2e-7
ENTRIES = {  # drawn
    "M": {"$M_{11}$": (0, 0), "$M_{22}$": (1, 1), "$M_{12}$": (0, 1)},
    "Q": {"$Q_{11}$": (0, 0), "$Q_{22}$": (1, 1), "$Q_{12}$": (0, 1)},
}


def simulate(settings: Trimodal, run: Run, progress) -> xr.Dataset:
    """Networks with their samples at the end; mean and variance of exact chains."""
    growth = _growth(settings)
    networks = grow(growth, run, settings.seeds, settings.seed, progress)
    chains = over_seeds(
        run, settings.seeds, lambda group: _chains(settings, growth, group, progress)
    )
    return networks.merge(chains)


def _growth(settings: Trimodal) -> Growth:
    return Growth(
        training=training_of(settings),
        realised=realise(trimodal(), settings.dim),
        coefficients=informed(WIDTH, 3, WARM),
        plane=PLANE,
        grid=_sampler(settings),
        piece=settings.tau / settings.records,
        pieces=settings.records,
        looks=(settings.records,),
        samples=settings.samples,
    )


def _sampler(settings: Trimodal) -> EulerGrid:
    return euler_grid(steps=settings.euler - 1, of=settings.euler)


def _chains(settings: Trimodal, growth: Growth, group: Group, progress) -> xr.Dataset:
    """Mean and variance over the chains of each seed, stored seed by seed."""
    state = chain_state(growth.realised, _start())
    steps = growth.piece_steps

    def chain(key: Array) -> Overlaps:
        total = growth.pieces * steps
        return learn_chain(key, growth.training, growth.realised, state, total, steps)

    histories = replicated(chain, "vmap", QUICK_TO_COMPILE)

    def one_seed(index: int, state: None) -> tuple[None, xr.Dataset]:
        seed = group.seeds[index]
        key = jr.fold_in(replica_keys(settings.seed, range(seed, seed + 1))[0], 2**31)
        history = histories(jr.split(key, settings.chains))
        every = overlap_record(history, "chain", "tau")
        mean, variance = every.mean("chain"), every.var("chain", ddof=1)
        return None, xr.merge(
            [
                mean.rename({name: f"mean_{name}" for name in mean}),
                variance.rename({name: f"variance_{name}" for name in variance}),
            ]
        )

    part = group.part("chains")
    with progress.stage("exact chains", len(group.seeds)) as bar:
        trace = resumable(part, len(group.seeds), lambda: None, one_seed, bar.tick)
    trace = trace.rename(generation="seed")
    return trace.assign_coords(seed=list(group.seeds), tau=growth.tau)


def _start() -> Overlaps:
    return initial_overlaps(trimodal(), informed(WIDTH, 3, WARM))


def predict(settings: Trimodal, trace: xr.Dataset) -> xr.Dataset:
    """Learning curve with and without noise; laws of samples, given weights and at d = inf."""
    data, grid = trimodal(), _sampler(settings)
    training = training_of(settings)
    curve = _curve(training, trace)
    curves = overlap_record(curve, "tau")
    quiet = replace(training, rate=jnp.zeros_like(training.rate))
    quiet = overlap_record(_curve(quiet, trace), "tau")
    curves = curves.merge(quiet.rename({name: f"quiet_{name}" for name in quiet}))

    def law(nodes: LatentLaw):
        latents = lambda Q, b: latent_law(Q, b, grid, training.activation, nodes)
        return jax.jit(
            lambda Q, M, b: generated_law(Q, M, b, data, PLANE, latents, grid)
        )

    end = curve.Q[-1], curve.M[-1], curve.b[-1, 0]
    curves = curves.merge(follow(trace, law(quasi_random(normal_sobol(WIDTH, 2**13)))))
    curves["mass"] = ("mode", _masses(law, end))
    fine = law(quasi_random(normal_sobol(WIDTH, 2**17)))(*end)
    curves["density"] = (("y", "x"), density(fine, LINE, BLUR))
    return curves.assign_coords(tau=trace["tau"], seed=trace["seed"], x=LINE, y=LINE)


def _curve(training: Training, trace: xr.Dataset) -> Overlaps:
    """Theory at the recorded times."""
    points, end = trace.sizes["tau"] - 1, float(trace["tau"][-1])
    substeps = max(1, int(np.ceil(end / points / SUBSTEPS)))
    data, start, nodes = trimodal(), _start(), midpoint(WIDTH, 40)

    @jax.jit
    def solve(training: Training) -> Overlaps:
        return learning_curve(data, training, start, end, nodes, points, substeps)

    return solve(training)


def _masses(law, end) -> Float[np.ndarray, " mode"]:
    """Probability of each quadrant, by points jointly quasi-random."""
    points = jnp.asarray(normal_sobol(2 * WIDTH, 2**14))
    implied: Projection = law(quasi_random(points[:, :WIDTH]))(*end)
    return np.asarray(mode_masses(implied, jnp.asarray(QUADRANTS), points[:, WIDTH:]))


def draw(settings: Trimodal, trace: xr.Dataset, curves: xr.Dataset) -> Figure:
    """M, Q and b along training; what is generated at the end of it."""
    fig, axes = style.panels(2, 2, height=2.75)
    (of_M, of_Q), (of_b, plane) = axes
    time = r"training time $\tau = 2\eta n/d$"
    style.panel(of_M, "Overlaps with the means", time, r"$M_{k\gamma}$")
    style.panel(of_Q, "Overlaps of the units", time, r"$Q_{\gamma\delta}$")
    style.panel(of_b, "Skip", time, "$b$")
    for ax, name in ((of_M, "M"), (of_Q, "Q")):
        for (label, entry), colour in zip(
            ENTRIES[name].items(), style.SERIES, strict=False
        ):
            _learned(ax, settings, trace, curves, name, entry, label, colour)
    _learned(of_b, settings, trace, curves, "b", (), "$b$", style.SERIES[0])
    title = rf"Generated samples, $\tau = {float(trace['look'][-1]):g}$"
    style.panel(plane, title, "first centroid axis", "second centroid axis")
    target = gaussian_mixture_density(
        np.full(3, 1 / 3),
        [[3, 0], [0, -3], [-3, 0]],
        (1 + BLUR**2) * np.eye(2),
        LINE,
    )
    for ax in (of_M, of_Q):
        style.legend(ax, fontsize="small", loc="best")
    _key(of_b)
    draw_plane(
        plane, trace["x"].isel(seed=0, look=-1).values, curves["density"], target
    )
    plane.legend(
        handles=marks(), loc="upper center", ncols=3, fontsize="x-small",
        columnspacing=1.0, borderaxespad=0.1,
    )  # fmt: skip
    return fig


def _key(ax: Axes) -> None:
    """What lines and points stand for, in all three panels of training."""
    grey = style.SERIES[-1]
    kinds = {
        "single runs": {"linewidth": 0.7, "alpha": 0.5},
        "mean of runs": {"marker": "o", "linestyle": ""},
        "theory": {},
    }
    handles = [Line2D([], [], color=grey, label=k, **v) for k, v in kinds.items()]
    ax.legend(handles=handles, loc="lower right", fontsize="small")


def _learned(
    ax: Axes, settings, trace, curves, name: str, entry, label: str, colour
) -> None:
    """One entry: single networks faint, mean of the chains, theory on top."""
    tau = trace["tau"].values
    at = lambda values: values.values[(..., *entry)]
    for line in at(trace[name]):
        ax.plot(tau, line, color=colour, linewidth=0.7, alpha=0.3)
    mean, error = pooled(settings, trace, name)
    few = slice(None, None, max(1, len(tau) // 10))
    y, half = at(mean)[few], 1.96 * at(error)[few]
    style.simulation(ax, tau[few], y, "", low=y - half, high=y + half, colour=colour)
    style.theory(ax, tau, at(curves[name]), label, colour, zorder=4)


def judge(settings: Trimodal, trace: xr.Dataset, curves: xr.Dataset) -> list[Evidence]:
    """Learning, run by run and on average; what is generated; a theory without noise."""
    setting = f"{SETTING}, d = {settings.dim}"
    end = setting + rf", tau = {float(trace['look'][-1]):g}"
    return [
        *(one_run(settings, trace, curves, name, setting) for name in ONE_RUN),
        *(
            mean_run("ae-mean-run", settings, trace, curves[name], name, setting)
            for name in MEAN_RUN
        ),
        *sample_evidence(trace, curves, _sampler(settings), end),
        mode_masses_evidence(settings, trace, curves, end),
        *(
            mean_run(
                "ae-gradient-flow",
                settings,
                trace,
                curves[f"quiet_{name}"],
                name,
                setting,
            )
            for name in ONE_RUN
        ),
    ]


def caption(settings: Trimodal, trace: xr.Dataset) -> str:
    """What is shown, with every setting needed to repeat it."""
    seeds = trace.sizes["seed"]
    steps = round(float(trace["tau"][-1]) * settings.dim / (2.0 * settings.rate))
    return (
        "Three modes at (3, 0), (0, -3), (-3, 0) of equal weight and unit covariance, learned "
        f"by two tanh units in d = {settings.dim} dimensions from {steps} samples seen once "
        f"(t = {settings.t:g}, eta = {settings.rate:g}, lambda = {settings.decay:g}, kappa = "
        f"{settings.skip_ratio:g}, each unit started at {WARM:g} times a mean). Solid lines: "
        f"theory; faint lines: {seeds} networks; points: mean of {seeds * settings.chains} "
        "exact chains of overlaps in the same dimension, with 95 % intervals. Last panel: "
        f"{shown(settings.samples)} samples of one network, {settings.euler - 1} of "
        f"{settings.euler} Euler steps in d dimensions, projected on two unit axes through "
        "the means; contours around 30, 60 and 90 % of the mass of the theory (blue) and of "
        f"the data (grey), both blurred by {BLUR:g}. Odd units without bias can only generate "
        "what is symmetric about the origin, so three modes are learned as four."
    )
