r"""ae4: what becomes of modes and bulk when a model is retrained on its own samples.

Two modes at +-2, one unit. Each generation learns from scratch, from the same informed
start, what its predecessor generates. Overlaps and bulk variance follow a closed
deterministic recursion (derived). Trained briefly, the bulk collapses; trained long, it
explodes and drowns the modes; either way the two modes end as one.
"""

import jax
import jax.numpy as jnp
import numpy as np
import xarray as xr
from jaxtyping import Array
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from figures import style
from figures.autoencoder.evidence import samples_follow, uniform_distance
from figures.autoencoder.generations import (
    Conditions,
    Recipe,
    conditions,
    plane_moments,
    recipe,
    simulate_generations,
)
from figures.autoencoder.presets.retraining import Retrained
from figures.autoencoder.problems import informed, training_of, two_modes
from figures.autoencoder.retraining_evidence import (
    bulk_evidence,
    mean_and_error,
)
from figures.replication import interval, over_seeds
from sim.replicas import replicated
from sim.store import Group, Run
from theory.autoencoder.retraining import product_rules, retrain
from theory.autoencoder.sampling import Projection, latent_law, projection, start_nodes
from theory.claims import Evidence
from theory.processes import euler_grid

__all__ = ["caption", "draw", "judge", "predict", "simulate"]

DISTANCE = 2.0  # of the modes from the centre
NODES = 400  # latents that the recursion learns from: Q to 1e-6
FINE_NODES = 2_000  # latents of a law that is drawn or compared with samples
STEPS = 120  # Runge-Kutta steps a generation
FLUCTUATION = 1.45  # of Q in one run, times sqrt(d), from the specification
MARGIN = 2.5
BINS = 48
PER_BIN = 4  # points of the theory in each of them
SHOWN = 4  # generations whose density is drawn
SETTING = "two modes at +-2, one unit"


def _setting(settings: Retrained) -> tuple[Recipe, Conditions]:
    training = training_of(settings)
    what = recipe(
        two_modes(DISTANCE),
        training,
        informed(1, 2, settings.warm),
        settings.dim,
        settings.generations + 1,
        measure=lambda key, after, data: _samples(settings.keep, key, after, data),
        dims={"x": ("sample",)},
    )
    tau = (*settings.taus, settings.mixed_tau)
    share = (*(0.0 for _ in settings.taus), settings.real_fraction)
    return what, conditions(what, [training] * len(tau), tau, share)


def _samples(keep: int, key: Array, after, data) -> dict[str, Array]:
    """Generated samples along the axis of the modes, and their energy along w."""
    x = after.draw(key, keep)
    along = data.project(x)[:, 0] / DISTANCE
    return {"x": along, "signal": plane_moments(x, after.weights)[0]}


def simulate(settings: Retrained, run: Run, progress) -> xr.Dataset:
    """Every (seed, training time) through the generations, in d dimensions."""
    what, at = _setting(settings)

    def one_group(group: Group) -> xr.Dataset:
        return simulate_generations(what, at, group, settings.seed, progress)

    trace = over_seeds(run, settings.seeds, one_group)
    return trace.assign_coords(t=settings.t)


def predict(settings: Retrained, trace: xr.Dataset) -> xr.Dataset:
    """The closed recursion; and each run's samples under the law its weights generate."""
    training, start = training_of(settings), informed(1, 2, settings.warm)
    data, grid, rules = two_modes(DISTANCE), euler_grid(), product_rules(1, NODES, 40)
    gram = data.total_gram[:1, :1] / DISTANCE**2
    nodes = start_nodes(1, FINE_NODES)

    def along(Q, M, b, s2) -> Projection:
        latents = latent_law(Q, b, grid, training.activation, nodes)
        return projection(Q, M[:1] / DISTANCE, gram, latents, s2)

    def recursion(tau, share, edges):
        out = retrain(
            data, training, grid, start, tau, settings.generations, rules,
            real_fraction=share, steps=STEPS,
        )  # fmt: skip
        b = out.b[:, 0]
        cdf = jax.vmap(lambda Q, M, b, s2, x: along(Q, M, b, s2).cdf(0, x))(
            out.Q, out.M, b, out.s2, edges
        )
        return {"Q": out.Q, "M": out.M, "b": b, "s2": out.s2, "cdf": cdf}

    edges = _edges(trace)
    found = replicated(recursion)(
        jnp.asarray(trace["tau"].values), jnp.asarray(trace["share"].values), edges
    )
    dims = {"Q": ("unit", "other"), "M": ("direction", "unit"), "cdf": ("corner",)}
    curves = xr.Dataset(
        {
            k: (("condition", "generation", *dims.get(k, ())), v)
            for k, v in found.items()
        }
    )
    runs = trace[["Q", "M", "b", "s2", "x"]].stack(
        replica=("seed", "condition", "generation")
    )
    arrays = (runs[k].transpose("replica", ...) for k in ("Q", "M", "b", "s2", "x"))
    ranks = replicated(lambda Q, M, b, s2, x: along(Q, M, b, s2).cdf(0, x))(
        *(jnp.asarray(a.values, jnp.float64) for a in arrays)
    )
    shape = [trace.sizes[k] for k in ("seed", "condition", "generation", "sample")]
    dims_of_ranks = ("seed", "condition", "generation", "sample")
    curves["rank"] = (dims_of_ranks, np.reshape(np.asarray(ranks), shape))
    curves["edges"] = ("condition", "generation", "corner"), edges
    return curves.assign_coords(generation=trace["generation"])


def _edges(trace: xr.Dataset) -> Array:
    """Bins that hold all samples, each in `PER_BIN` parts: (condition, generation, corner)."""
    reach = abs(trace["x"]).max(("seed", "sample")).transpose("condition", "generation")
    corners = np.linspace(-1.15, 1.15, PER_BIN * BINS + 1)
    return jnp.asarray(reach.values[..., None] * corners)


def _names(trace: xr.Dataset) -> list[str]:
    real = [f", {p:.0%} real" if p > 0 else "" for p in trace["share"].values]
    taus = trace["tau"].values
    return [rf"$\tau={tau:g}${p}" for tau, p in zip(taus, real, strict=True)]


def draw(settings: Retrained, trace: xr.Dataset, curves: xr.Dataset) -> Figure:
    """Overlaps and bulk over generations; densities for the shortest and longest time."""
    shown = min(SHOWN, trace.sizes["generation"])
    fig = Figure(figsize=(style.PAGE, 5.6), layout="constrained")
    top, below = fig.subfigures(2, 1, height_ratios=(1.0, 1.25))
    panels = top.subplots(1, 3)
    for ax, name, symbol in zip(
        panels, ("M", "Q", "s2"), ("$|M|$", "$Q$", "$s^2$"), strict=True
    ):
        title = {"M": "Overlap with a mode", "Q": "Size of the weights"}
        log = "" if name == "M" else "y"
        style.panel(
            ax, title.get(name, "Generated bulk variance"), "generation $g$", symbol,
            log=log, whole="x",
        )  # fmt: skip
        _history(ax, trace, curves, name)
    style.reference(panels[2], 1.0)
    names = _names(trace)
    handles = panels[0].get_lines()[:: len(panels[0].get_lines()) // len(names)]
    top.legend(handles, names, loc="outside upper center", ncols=len(names))
    pure = np.flatnonzero(trace["share"].values == 0)
    by_time = pure[np.argsort(trace["tau"].values[pure])]
    rows = below.subplots(2, shown, squeeze=False)
    for axes, c in zip(rows, (by_time[0], by_time[-1]), strict=True):
        colour = style.SERIES[c % len(style.SERIES)]
        for g, ax in enumerate(axes):
            style.panel(ax, f"{names[c]}, $g={g}$", "", "")
            _density(ax, trace, curves, c, g, colour)
        axes[0].set_ylabel("density")
    style.legend(rows[0, 0], fontsize="x-small", loc="upper center")
    for ax in rows[-1]:
        ax.set_xlabel(r"$\mu\cdot x/|\mu|$")
    return fig


def _history(ax: Axes, trace: xr.Dataset, curves: xr.Dataset, name: str) -> None:
    for c, label in enumerate(_names(trace)):
        at = {"condition": c}
        if name == "M":
            of, line = trace["M"].isel(direction=0, unit=0), curves["M"][..., 0, 0]
            of, line = abs(of), abs(line)
        else:
            of, line = trace[name], curves[name]
            if name == "Q":
                of, line = of.isel(unit=0, other=0), line.isel(unit=0, other=0)
        mean, low, high = interval(of.isel(at))
        colour = style.SERIES[c % len(style.SERIES)]
        style.theory(ax, line["generation"], line.isel(at), label, colour)
        style.simulation(
            ax, mean["generation"], mean, label + " ", low=low, high=high, colour=colour
        )


def _density(
    ax: Axes, trace: xr.Dataset, curves: xr.Dataset, c: int, g: int, colour: str
) -> None:
    at = {"condition": c, "generation": g}
    fine = curves["edges"].isel(at).values
    edges = fine[::PER_BIN]
    width = edges[1] - edges[0]
    counts, _ = np.histogram(trace["x"].isel(at).values.ravel(), edges)
    density = counts / counts.sum() / width
    middle = 0.5 * (edges[1:] + edges[:-1])
    ax.bar(middle, density, width, color=colour, alpha=0.35, label="simulated")
    line = np.diff(curves["cdf"].isel(at)) * PER_BIN / width
    style.theory(ax, 0.5 * (fine[1:] + fine[:-1]), line, "theory", colour)
    ax.set_yticks([])


def judge(settings: Retrained, trace: xr.Dataset, curves: xr.Dataset) -> list[Evidence]:
    """Overlaps against the recursion, bulk step by step, samples against their law."""
    setting = f"{SETTING}, d = {settings.dim}"
    first = {"unit": 0, "other": 0}
    Q, theory = trace["Q"].isel(first), curves["Q"].isel(first)
    later = {"generation": slice(1, None)}
    learnt = (Q - Q.isel(generation=0)).isel(later) / theory.clip(min=1.0)
    gap = (Q - theory) / theory.clip(min=1.0)
    n = trace.sizes["seed"] * settings.keep
    distance = uniform_distance(
        curves["rank"]
        .stack(draw=("seed", "sample"))
        .transpose("condition", "generation", "draw")
        .values
    )
    return [
        _overlaps("ae-retrained-overlaps", setting, gap, settings.dim),
        bulk_evidence(
            setting, trace, euler_grid(), settings.skip_ratio, DISTANCE**2, settings.dim
        ),
        samples_follow(
            "ae-retrained-law", setting, distance, n, seeds=trace.sizes["seed"]
        ),
        _overlaps("ae-nothing-lost", setting, learnt, settings.dim),
    ]


def _overlaps(claim: str, setting: str, slack: xr.DataArray, d: int) -> Evidence:
    mean, error = mean_and_error(slack)
    return Evidence(
        claim=claim,
        setting=setting,
        relation="==",
        slack=mean,
        standard_error=error,
        dof=max(slack.sizes["seed"] - 1, 1),
        margin=MARGIN * FLUCTUATION / d**0.5,
        seeds=slack.sizes["seed"],
    )


def caption(settings: Retrained, trace: xr.Dataset) -> str:
    """What is shown, with every setting needed to repeat it."""
    taus = ", ".join(f"{tau:g}" for tau in settings.taus)
    return (
        "A model retrained on its own samples; derived here, the body of the paper could not "
        f"be read. Equal modes at +-{DISTANCE:g}, unit variance, one tanh unit, noise level "
        f"{settings.t:g}, eta = {settings.rate:g}, weight decay {settings.decay:g}/d. Every "
        f"generation starts from w/sqrt(d) = {settings.warm:g} mu and b = 0, and is trained "
        f"for tau = {taus} on what the one before it generates (99 of 100 Euler steps), or for "
        f"tau = {settings.mixed_tau:g} on that and {settings.real_fraction:.0%} real data. "
        f"Lines: the closed recursion. Points: {trace.sizes['seed']} networks in "
        f"d = {settings.dim} dimensions with 95 % intervals. Below: generated density along "
        f"the axis of the modes, {settings.keep} samples a network and generation (bars), and "
        "the law of the recursion (lines); scales differ. Trained "
        "briefly the bulk collapses, trained long it explodes; both end with one mode."
    )
