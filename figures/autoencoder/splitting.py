r"""ae6: when one generated mode becomes two, as training goes on.

The law of Z has two modes iff the bimodality index I is positive (derived). I follows from
(Q, b) along training: theory from the learning curve, simulation from the exact chain of
overlaps. From a weaker start the weights need longer to grow, by ln(1/overlap)/rate. The
condition Q + b = 1, where 0 stops attracting, comes later: it is that of a sampler that
goes on for ever from a vanishing start.
"""

import jax
import jax.numpy as jnp
import jax.random as jr
import numpy as np
import xarray as xr
from jaxtyping import Array
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from figures import style
from figures.autoencoder.generations import conditions, recipe, simulate_generations
from figures.autoencoder.presets.retraining import Splitting
from figures.autoencoder.problems import informed, training_of, two_modes
from figures.autoencoder.retraining_evidence import mean_and_error
from figures.autoencoder.splitting_theory import (
    DISTANCE,
    FINE,
    along_training,
    first_zero,
    laws_of_Z,
    start_of,
)
from figures.replication import interval, over_seeds, replica_keys
from sim.learners.autoencoder.chain import chain_state, learn_chain
from sim.learners.autoencoder.realisation import realise
from sim.replicas import replicated
from sim.store import Group, Run, resumable
from theory.autoencoder.modes import splitting_index
from theory.claims import Evidence
from theory.denoiser import steps_for
from theory.processes import euler_grid

__all__ = ["caption", "draw", "judge", "predict", "simulate"]

PIECE = 0.01  # natural time to which the training of the samples is rounded
BINS = 60
PER_BIN = 4  # points of the theory in each of them
REACH = 4.0  # of the histograms, in units of the spread of the samples
BIN = 0.4  # width of the three bins that give the curvature, in the same units
BIAS = (15.0, 5.0)  # d times 2.5 times the biases of Q and of b, from the specification
TIME = 0.02  # differences of the index up to what this much training makes are equal
SETTING = "two modes at +-2, one unit"


def simulate(settings: Splitting, run: Run, progress) -> xr.Dataset:
    """Overlaps along training from every start; samples before and after the splitting."""
    realised, training = (
        realise(two_modes(DISTANCE), settings.dim),
        training_of(settings),
    )
    every = max(1, round(_steps(settings, settings.until) / settings.records))
    times = 2.0 * settings.rate * every / settings.dim * np.arange(settings.records + 1)

    def chains(group: Group) -> xr.Dataset:
        keys = replica_keys(settings.seed, group.seeds)
        learn = replicated(
            lambda key, state: learn_chain(
                key, training, realised, state, settings.records * every, every
            )
        )

        def one_start(k: int, state: None) -> tuple[None, xr.Dataset]:
            start = chain_state(realised, start_of(settings.warms[k]))
            same = jax.tree.map(lambda v: jnp.stack([v] * len(keys)), start)
            end = learn(jax.vmap(lambda key: jr.fold_in(key, k))(keys), same)
            record = {
                "Q": (("seed", "tau"), np.asarray(end.Q[..., 0, 0])),
                "b": (("seed", "tau"), np.asarray(end.b[..., 0])),
            }
            return None, xr.Dataset(record)

        with progress.stage("chains", len(settings.warms)) as bar:
            found = resumable(
                group.part("chains"), len(settings.warms), lambda: None, one_start,
                bar.tick,
            )  # fmt: skip
        return found.rename(generation="warm").assign_coords(seed=list(group.seeds))

    curve = over_seeds(run, settings.seeds, chains)
    curve = curve.assign_coords(warm=list(settings.warms), tau=times)
    return curve.merge(_samples(settings, run, progress))


def _steps(settings: Splitting, tau: float) -> int:
    return steps_for(tau, settings.rate, settings.dim)


def _samples(settings: Splitting, run: Run, progress) -> xr.Dataset:
    """Z over its spread, of what networks generate before and after the splitting."""
    theory = along_training(settings)
    shown = np.log1p(theory["index"].isel(start=settings.warms.index(settings.shown)))
    split = float(first_zero(theory["time"], shown))
    training = training_of(settings)

    def measure(key: Array, after, data) -> dict[str, Array]:
        Z = after.draw(key, settings.samples) @ after.weights.W[0]
        return {"z": Z / jnp.std(Z)}

    what = recipe(
        two_modes(DISTANCE), training, informed(1, 2, settings.shown),
        settings.sampled_dim, 1, PIECE, measure=measure, dims={"z": ("sample",)},
    )  # fmt: skip
    at = conditions(what, [training] * 2, [f * split for f in settings.factors])
    trace = over_seeds(
        run,
        settings.seeds,
        lambda group: simulate_generations(
            what, at, group.part("samples"), settings.seed, progress
        ),
    )
    trace = trace[["z", "tau"]].isel(generation=0, drop=True).drop_vars("share")
    return trace.rename(condition="side", tau="sampled_tau")


def predict(settings: Splitting, trace: xr.Dataset) -> xr.Dataset:
    """Index of runs and of theory, splitting times, and the laws of Z."""
    grid, activation = euler_grid(), training_of(settings).activation
    index = lambda q, b: np.asarray(
        splitting_index(jnp.asarray(q), jnp.asarray(b), grid, activation)
    )
    warms = np.array(settings.warms)
    theory = along_training(settings)
    own = theory.isel(start=slice(len(warms))).rename(start="warm")
    at_records = own.isel(time=slice(None, None, FINE))
    q, b = at_records["Q"].values, at_records["b"].values
    shift_q, shift_b = (c / settings.dim for c in BIAS)
    moved = np.log1p(index(q + shift_q, b + shift_b)) - np.log1p(index(q, b))
    rising = np.gradient(np.log1p(own["index"].values), own["time"].values, axis=1)
    late = TIME * np.abs(rising[:, ::FINE])
    runs = trace[["Q", "b"]].transpose("seed", "warm", "tau")
    measured = index(runs["Q"].values, runs["b"].values)
    split = first_zero(theory["time"], np.log1p(theory["index"]))
    naive = first_zero(own["time"], own["Q"] + own["b"] - 1.0)
    edges = np.linspace(-REACH, REACH, PER_BIN * BINS + 1)
    return xr.Dataset(
        {
            "line": (("warm", "time"), own["index"].values),
            "theory": (("warm", "tau"), at_records["index"].values),
            "allowed": (("warm", "tau"), np.abs(moved) + late),
            "index": (("seed", "warm", "tau"), measured),
            "crossing": (("seed", "warm"), first_zero(trace["tau"], np.log1p(measured))),
            "split": ("warm", split[: len(warms)]),
            "naive": ("warm", naive),
            "split_of": ("start", split[len(warms) :]),
            "density": (("side", "bin"), laws_of_Z(settings, trace["sampled_tau"].values, edges)),
        },
        coords={
            "warm": warms, "tau": trace["tau"], "time": own["time"].values,
            "start": theory["start"].values[len(warms) :], "edge": edges,
        },
    )  # fmt: skip


def draw(settings: Splitting, trace: xr.Dataset, curves: xr.Dataset) -> Figure:
    """Index along training; splitting time over the start; samples on both sides."""
    fig, axes = style.panels(2, 2, height=2.5)
    index, times = axes[0]
    title = "Bimodality index"
    style.panel(index, title, r"training time $\tau$", r"$1 + I$", log="y")
    style.panel(
        times, "Splitting time", r"start $w_0/\sqrt{d}$ over $\mu$",
        r"$\tau_{\mathrm{mode}}$", log="x",
    )  # fmt: skip
    for k, warm in enumerate(settings.warms):
        _index(index, trace, curves.isel(warm=k), warm, style.SERIES[k % 7])
    style.reference(index, 1.0)
    index.set_ylim(1e-3, None)
    starts = [f"start {warm:g}$\\mu$" for warm in settings.warms]
    marks = [*starts, *(f"{what}, {starts[0]}" for what in ("$I=0$", "$Q+b=1$"))]
    style.legend(index, marks, loc="lower right", fontsize="x-small")
    style.theory(times, curves["start"], curves["split_of"], "theory")
    mean, low, high = interval(curves["crossing"])
    style.simulation(times, curves["warm"], mean, "simulation", low=low, high=high)
    style.legend(times, fontsize="x-small")
    for side, ax in enumerate(axes[1]):
        _density(ax, settings, trace, curves, side)
    return fig


def _index(ax: Axes, trace, curves: xr.Dataset, warm: float, colour: str) -> None:
    label = f"start {warm:g}$\\mu$"
    style.theory(ax, curves["time"], 1.0 + curves["line"], label, colour)
    mean, low, high = (np.exp(v) for v in interval(np.log1p(curves["index"])))
    style.simulation(
        ax, curves["tau"], mean, label + " ", low=low, high=high, colour=colour
    )
    split, naive = float(curves["split"]), float(curves["naive"])
    ax.plot([split], [1.0], "v", color=colour, markersize=7, label=f"$I=0$, {label}")
    there = np.interp(naive, curves["time"], np.log1p(curves["line"]))
    ax.plot(
        [naive], [np.exp(there)], "d", color=colour, markersize=7,
        markerfacecolor="none", label=f"$Q+b=1$, {label}",
    )  # fmt: skip


def _density(
    ax: Axes, settings: Splitting, trace: xr.Dataset, curves: xr.Dataset, side: int
) -> None:
    tau, fine = float(trace["sampled_tau"][side]), curves["edge"].values
    edges = fine[::PER_BIN]
    where = "before" if side == 0 else "after"
    factor = settings.factors[side]
    style.panel(
        ax, rf"{where}: $\tau = {factor:g}\,\tau_{{\mathrm{{mode}}}} = {tau:.2f}$",
        r"$Z/\mathrm{sd}(Z)$", "density" if side == 0 else "",
    )  # fmt: skip
    width, middle = edges[1] - edges[0], 0.5 * (edges[1:] + edges[:-1])
    counts, _ = np.histogram(trace["z"].isel(side=side).values.ravel(), edges)
    colour = style.SERIES[settings.warms.index(settings.shown) % 7]
    ax.bar(
        middle, counts / counts.sum() / width, width, color=colour, alpha=0.35,
        label="simulated",
    )  # fmt: skip
    line = curves["density"].isel(side=side) * PER_BIN / width
    style.theory(ax, 0.5 * (fine[1:] + fine[:-1]), line, "theory", colour)
    style.legend(ax, fontsize="x-small")
    ax.set_yticks([])


def judge(settings: Splitting, trace: xr.Dataset, curves: xr.Dataset) -> list[Evidence]:
    """Index of runs against theory; curvature of the samples' density at 0."""
    chain = f"{SETTING}, chain in d = {settings.dim}"
    seeds = trace.sizes["seed"]
    gap = np.log1p(curves["index"]) - np.log1p(curves["theory"])
    trained = {"tau": slice(1, None)}
    mean, error = mean_and_error(gap.isel(trained))
    allowed = curves["allowed"].isel(trained)
    naive, naive_error = mean_and_error(_at_naive(curves))
    curvature, spread = _curvature(trace["z"])
    side = np.array([-1.0, 1.0])
    return [
        Evidence(
            "ae-splitting-index", chain, "==", mean, error, dof=max(seeds - 1, 1),
            margin=allowed.transpose(*mean.dims).values, seeds=seeds,
        ),
        Evidence(
            "ae-splits", f"{SETTING}, samples in d = {settings.sampled_dim}", "<=",
            side * curvature, spread, seeds=seeds, n=seeds * settings.samples,
        ),
        Evidence(
            "ae-naive-onset", chain, "==", naive, naive_error, dof=max(seeds - 1, 1),
            margin=allowed.max("tau").values, seeds=seeds,
        ),
    ]  # fmt: skip


def _at_naive(curves: xr.Dataset) -> xr.DataArray:
    """ln(1 + I) of the runs at the time at which Q + b = 1."""
    logs = np.log1p(curves["index"])
    rows = [
        logs.isel(warm=k).interp(tau=float(naive)).drop_vars("tau")
        for k, naive in enumerate(curves["naive"].values)
    ]
    return xr.concat(rows, "warm")


def _curvature(z: xr.DataArray) -> tuple[np.ndarray, np.ndarray]:
    """Second difference of the density at 0 from counts in three bins, and its error."""
    z = z.stack(draw=("seed", "sample")).transpose("side", "draw").values
    edges = BIN * np.array([-1.5, -0.5, 0.5, 1.5])
    left, middle, right = np.stack([np.histogram(row, edges)[0] for row in z]).T
    n = z.shape[1]
    return (left - 2 * middle + right) / n, np.sqrt(left + 4 * middle + right) / n


def caption(settings: Splitting, trace: xr.Dataset) -> str:
    """What is shown, with every setting needed to repeat it."""
    warms = ", ".join(f"{warm:g}" for warm in settings.warms)
    return (
        "When generated samples split into two modes; derived here, the body of the paper "
        "could not be read. Equal modes at +-2, variance 1, one tanh unit, noise level "
        f"{settings.t:g}, eta = {settings.rate:g}, weight decay {settings.decay:g}/d, start "
        f"w/sqrt(d) = {warms} times mu. Upper left: bimodality index, two modes iff 1 + I > 1. "
        f"Lines: theory; points: exact chain in d = {settings.dim}, {trace.sizes['seed']} "
        "seeds, geometric mean and 95 % interval. Triangles: I = 0; open diamonds: Q + b = 1, "
        "where 0 stops attracting, which is late for a sampler that stops at t = 0.99. Upper "
        "right: the time at which I = 0, against the start. Below: samples of networks in "
        f"d = {settings.sampled_dim} trained from {settings.shown:g} mu for less and for more "
        f"than that, {settings.samples} each (bars), against the reduced law (lines)."
    )
