r"""ae5: the training time below which the bulk of a retrained model collapses, above explodes.

A model trained on data of bulk variance v generates :math:`F_\tau(v)`, increasing in v, so
:math:`F_\tau(1)` against 1 decides what retraining does to real data of variance 1:
:math:`\tau_c(t)` where the skip reaches 1 (derived). At noise levels t up to 1/2 it never
does, and the bulk always collapses.
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
from figures.autoencoder.generations import (
    conditions,
    plane_moments,
    recipe,
    simulate_generations,
)
from figures.autoencoder.presets.retraining import CriticalTime
from figures.autoencoder.problems import informed, two_modes
from figures.autoencoder.retraining_evidence import bulk_evidence, mean_and_error
from figures.replication import interval, over_seeds
from sim.learners.autoencoder.generation import sample_euler
from sim.store import Group, Run
from theory.autoencoder.bulk import (
    bulk_history,
    bulk_map,
    conditional_bulk_map,
    critical_at_noise_level,
)
from theory.claims import Evidence
from theory.denoiser import at_noise_level
from theory.processes import euler_grid

__all__ = ["caption", "draw", "judge", "predict", "simulate"]

DISTANCE = 2.0  # of the modes from the centre
PIECE = 0.05  # natural time to which training times are rounded
CONDITIONAL_TAU = 8.0  # of the theory with a skip for each noise level
LINE = 200  # points of the phase line
COLLAPSE, EXPLOSION = style.SERIES[0], style.SERIES[1]
SETTING = "two modes at +-2, one unit"


def _tried(settings: CriticalTime) -> list[tuple[float, float]]:
    """(noise level, training time) of the simulated points of the phase line."""
    found = []
    for t in settings.levels:
        critical = float(critical_at_noise_level(t, settings.skip_ratio)[0])
        exists = np.isfinite(critical)
        times = [f * critical for f in settings.factors] if exists else settings.always
        found += [(t, tau) for tau in times]
    return found


def simulate(settings: CriticalTime, run: Run, progress) -> xr.Dataset:
    """One generation along the phase line; several at the settings' noise level."""

    def part(name, generations, levels, taus, share=0.0):
        trainings = [_training(settings, t) for t in levels]
        what = recipe(
            two_modes(DISTANCE),
            trainings[0],
            informed(1, 2, settings.warm),
            settings.dim,
            generations,
            PIECE,
            measure=lambda key, after, data: _bulk(settings.keep, key, after),
        )
        at = conditions(what, trainings, taus, share)

        def one_group(group: Group) -> xr.Dataset:
            return simulate_generations(
                what, at, group.part(name), settings.seed, progress
            )

        trace = over_seeds(run, settings.seeds, one_group)
        return trace.assign_coords(t=("condition", np.array(levels)))

    levels, taus = zip(*_tried(settings), strict=True)
    line = part("line", 1, levels, taus)
    taus = (*settings.taus, settings.taus[0])
    share = (*(0.0 for _ in settings.taus), settings.real_fraction)
    history = part(
        "history", settings.generations + 1, [settings.t] * len(taus), taus, share
    )
    names = {name: f"line_{name}" for name in (*line.data_vars, "tau", "t")}
    line = line.isel(generation=0, drop=True).drop_vars("share")
    return history.merge(line.rename(names | {"condition": "point"}))


def _training(settings: CriticalTime, t: float):
    return at_noise_level(
        t, rate=settings.rate, skip_ratio=settings.skip_ratio, decay=settings.decay
    )


def _bulk(keep: int, key: Array, after) -> dict[str, Array]:
    """Energy along w and bulk variance of samples made step by step in d dimensions."""
    key_start, key_steps = jr.split(key)
    start = jr.normal(key_start, (keep, after.dim), jnp.float32)
    x = sample_euler(key_steps, after, start)
    signal, bulk = plane_moments(x, after.weights)
    return {"signal": signal, "bulk": bulk}


def predict(settings: CriticalTime, trace: xr.Dataset) -> xr.Dataset:
    """The phase line, and the bulk recursion of every history."""
    kappa, t, grid = settings.skip_ratio, settings.t, euler_grid()
    level = np.linspace(0.5, 1.0, LINE + 2)[1:-1]
    critical, _ = critical_at_noise_level(level, kappa, settings.rate)
    own = critical_at_noise_level(t, kappa, settings.rate)

    def generated(step, share=0.0):
        """s^2 of every generation: `step` of the variance that it is trained on."""
        return jax.vmap(step)(bulk_history(step, settings.generations, 1.0, share))

    def shared_skip(tau, share):
        step = lambda v: bulk_map(v, tau, 1.0 - t, t, kappa, grid)
        return np.asarray(generated(step, share))

    conditional = generated(lambda v: conditional_bulk_map(v, CONDITIONAL_TAU, kappa))
    tau, share = trace["tau"].values, trace["share"].values
    histories = [shared_skip(*pair) for pair in zip(tau, share, strict=True)]
    return xr.Dataset(
        {
            "critical": ("level", np.asarray(critical)),
            "own_critical": float(own[0]),
            "own_samples": float(own[1]),
            "s2": (("condition", "generation"), np.stack(histories)),
            "conditional": ("generation", np.asarray(conditional)),
        },
        coords={"level": level, "generation": trace["generation"]},
    )


def draw(settings: CriticalTime, trace: xr.Dataset, curves: xr.Dataset) -> Figure:
    """The phase line with simulated points; bulk variance over generations."""
    fig, axes = style.panels(1, 2, height=3.3)
    plane, history = axes[0]
    style.panel(
        plane, "What becomes of the bulk", "noise level $t$", r"training time $\tau$"
    )
    _phases(plane, trace, curves)
    style.panel(
        history, f"Retrained at $t={settings.t:g}$", "generation $g$",
        "generated bulk variance $s^2$", log="y", whole="x",
    )  # fmt: skip
    _histories(history, trace, curves)
    return fig


def _phases(ax: Axes, trace: xr.Dataset, curves: xr.Dataset) -> None:
    level, critical = curves["level"].values, curves["critical"].values
    top = 1.25 * float(trace["line_tau"].max())
    ax.fill_between(level, critical, top, color=EXPLOSION, alpha=0.13, linewidth=0)
    ax.fill_between(level, 0.0, critical, color=COLLAPSE, alpha=0.13, linewidth=0)
    ax.axvspan(0.0, 0.5, color=COLLAPSE, alpha=0.13, linewidth=0)
    shown = critical < top
    style.theory(ax, level[shown], critical[shown], r"$\tau_c(t)$", "#222222")
    style.reference(ax, 0.5, axis="x")
    bulk = trace["line_bulk"].mean("seed")
    for grew, colour, label in (
        (False, COLLAPSE, "simulated: $s^2 < 1$"),
        (True, EXPLOSION, "simulated: $s^2 > 1$"),
    ):
        at = trace.isel(point=np.flatnonzero((bulk > 1.0).values == grew))
        style.simulation(ax, at["line_t"], at["line_tau"], label, colour=colour)
    ax.set_xlim(0.2, 1.0)
    ax.set_ylim(0.0, top)
    ax.grid(visible=False)
    ax.text(0.35, 0.86 * top, "always\ncollapses", ha="center", fontsize=9)
    ax.text(0.77, 0.18 * top, "collapses", ha="center", fontsize=9)
    ax.text(0.77, 0.8 * top, "explodes", ha="center", fontsize=9)
    style.legend(ax, fontsize="x-small", loc="lower left")


def _histories(ax: Axes, trace: xr.Dataset, curves: xr.Dataset) -> None:
    g = curves["generation"]
    for c in range(trace.sizes["condition"]):
        tau, share = float(trace["tau"][c]), float(trace["share"][c])
        label = rf"$\tau={tau:g}$" + (f", {share:.0%} real" if share > 0 else "")
        colour = style.SERIES[c % len(style.SERIES)]
        style.theory(ax, g, curves["s2"].isel(condition=c), label, colour)
        logs = np.log(trace["bulk"].isel(condition=c))
        mean, low, high = (np.exp(v) for v in interval(logs))
        style.simulation(ax, g, mean, f"{label} ", low=low, high=high, colour=colour)
    own = rf"$\tau={CONDITIONAL_TAU:g}$, skip per noise level"
    style.theory(ax, g, curves["conditional"], own, "#444444")
    style.reference(ax, 1.0)
    marks = [m for m in ax.get_legend_handles_labels()[1] if not m.endswith(" ")]
    style.legend(ax, marks, fontsize="x-small", loc="upper center", ncols=2)
    ax.set_ylim(4e-5, 5e3)


def judge(
    settings: CriticalTime, trace: xr.Dataset, curves: xr.Dataset
) -> list[Evidence]:
    """Which side of 1 the measured bulk lies on; every step of the recursion."""
    setting = f"{SETTING}, d = {settings.dim}"
    logs = np.log(trace["line_bulk"])
    critical = critical_at_noise_level(trace["line_t"].values, settings.skip_ratio)[0]
    above = trace["line_tau"].values > np.nan_to_num(np.asarray(critical), nan=np.inf)
    side = xr.DataArray(np.where(above, 1.0, -1.0), dims="point")
    longer = -logs.isel(point=np.flatnonzero(above))
    return [
        _sign("ae-critical-time", f"{setting}, samples in d dimensions", side * logs),
        bulk_evidence(
            f"{setting}, {settings.generations + 1} generations",
            trace,
            euler_grid(),
            settings.skip_ratio,
            DISTANCE**2,
            settings.dim,
        ),  # fmt: skip
        _sign("ae-longer-is-safe", f"{setting}, above the critical time", longer),
    ]


def _sign(claim: str, setting: str, slack: xr.DataArray) -> Evidence:
    mean, error = mean_and_error(slack)
    seeds = slack.sizes["seed"]
    return Evidence(
        claim, setting, "<=", mean, error, dof=max(seeds - 1, 1), seeds=seeds
    )


def caption(settings: CriticalTime, trace: xr.Dataset) -> str:
    """What is shown, with every setting needed to repeat it."""
    own, samples = critical_at_noise_level(
        settings.t, settings.skip_ratio, settings.rate
    )
    factors = " and ".join(f"{f:g}" for f in settings.factors)
    always = " and ".join(f"{tau:g}" for tau in settings.always)
    return (
        "Bulk variance of samples, orthogonal to the weights; derived here, the body of the "
        "paper could not be read. Data: equal modes at +-2, variance 1; one tanh unit, eta = "
        f"{settings.rate:g}, kappa = {settings.skip_ratio:g}. Left: a model trained at one "
        "noise level t for less than tau_c(t) (line) generates a bulk variance below 1, which "
        "retraining drives to 0; longer, one above 1, which explodes. Points: "
        f"{trace.sizes['seed']} networks in d = {settings.dim} dimensions, mean variance of "
        f"{settings.keep} samples each made in d dimensions, trained for {factors} tau_c, or "
        f"for {always} where t <= 1/2 (times rounded to {PIECE:g}). Right: over generations at "
        f"t = {settings.t:g}, where tau_c = {float(own):.4f} and n_c/d = "
        f"{float(samples):.4f}; points are geometric means with 95 % intervals, lines the "
        "recursion. At tau_c a deviation grows severalfold each generation, so the curve "
        f"nearest to it leaves the theory first. Last line: theory with a skip of its own at "
        "every noise level, whose bulk collapses slowly."
    )
