r"""sc8: where synthetic data hurt and where they help, over their amount and the models trained.

Everything is relative to no synthetic data. The bound has three phases: more hurts, more
helps yet none would be better, better than none. A biased learner (kernel densities: their
excess second moment is the bound's shape at r = 2/5, exactly) has them too, with boundaries
of its own; an unbiased one (Gaussian maximum likelihood) has the last alone with independent
draws, and the first two alone with reused real data.
"""

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.colors import LogNorm
from matplotlib.figure import Figure

from figures import style
from figures.contours import draw_contour
from figures.phases import write_name
from figures.replication import over_seeds
from figures.self_consuming.phase_evidence import LINES, contours, evidence
from figures.self_consuming.phase_loops import squared_errors
from figures.self_consuming.presets.phases import Phases
from sim.store import Group, Run
from theory.claims import Evidence
from theory.self_consuming.phases import Effect, synthetic_phases

__all__ = ["caption", "draw", "judge", "predict", "simulate"]

TICKS = (0.25, 0.5, 1.0, 2.0, 4.0)
"""Of the colours."""
LOWEST = 0.05
"""Smallest amount of the map."""
NAMES = {
    Effect.HURT: "more hurts",
    Effect.RECOVER: "more helps,\nnone is better",
    Effect.HELP: "better than none",
}
TITLES = {
    "bound": "Bound",
    "kernel": "Kernel density: excess 2nd moment",
    "gaussian-iid": r"Gaussian, independent draws: $E\mu^2$",
    "gaussian-reused": r"Gaussian, reused real data: $E\mu^2$",
}


def simulate(settings: Phases, run: Run, progress) -> xr.Dataset:
    """Squared errors of every learner: (seed, amount, generation) each."""

    def one_group(group: Group) -> xr.Dataset:
        return squared_errors(settings, group, progress)

    return over_seeds(run, settings.seeds, one_group)


def predict(settings: Phases, trace: xr.Dataset) -> xr.Dataset:
    """The map with its boundaries, and both at the numbers of models simulated."""
    most = 4.0 * max(settings.lams[-1], settings.gaussian_lams[-1])
    lam = np.geomspace(LOWEST, most, settings.resolution)
    models = np.linspace(1.0, settings.models, settings.resolution)
    on_map = synthetic_phases(lam, models, settings.rate, settings.n)
    at = synthetic_phases(lam, trace["generation"] + 1.0, settings.rate, settings.n)
    at = at.rename(models="generation").assign_coords(generation=trace["generation"])
    named = {name: f"map_{name}" for name in (*on_map.data_vars, "models")}
    return at.merge(on_map.rename(named))


def draw(settings: Phases, trace: xr.Dataset, curves: xr.Dataset) -> Figure:
    """A map for the bound and each learner, with simulated contours over it."""
    fig, axes = style.panels(2, 2, height=2.75, sharex=True, sharey=True)
    found = contours(trace)
    for ax, (name, title) in zip(axes.flat, TITLES.items(), strict=True):
        title += f", $r={settings.rate:g}$" if name == "bound" else ""
        style.panel(ax, title, "", "", log="y", whole="x")
        mesh = _map(ax, curves.sel(compared=name))
        # over the bound's map, too, the contour of kernel densities: it is elsewhere
        learner = "kernel" if name == "bound" else name
        said = "kernel densities" if name == "bound" else "simulated"
        colour = style.SERIES[2] if name == "bound" else style.SIMULATION
        for line, at in found.items():
            if line.learner == learner:
                label = f"{said}, ratio {line.level:g}"
                draw_contour(ax, at["generation"] + 1, at, label, colour)
    for ax in axes[:, 0]:
        ax.set_ylabel(r"synthetic over real points $\lambda = m/n$")
    for ax in axes[-1]:
        ax.set_xlabel("models trained $G$")
    axes[0, 0].set_ylim(LOWEST, float(curves["lam"].max()))
    axes[0, 0].set_xlim(1.0, settings.models + 0.1)
    label = "error over that without synthetic data"
    bar = fig.colorbar(
        mesh, ax=axes.ravel().tolist(), label=label, ticks=TICKS, format="%g"
    )
    bar.minorticks_off()
    style.legend_below(fig, *axes[0])
    return fig


def _map(ax: Axes, of: xr.Dataset):
    """Ratio to no synthetic data, contours, threshold (dotted) and break-even."""
    x, y = of["map_models"].values, of["lam"].values
    values = of["map_relative"].transpose("lam", "map_models").values
    mesh = ax.pcolormesh(
        x, y, values, shading="nearest", cmap="RdBu_r", rasterized=True,
        norm=LogNorm(TICKS[0], TICKS[-1]),
    )  # fmt: skip
    mesh.set_label("error over that without synthetic data")
    ax.grid(visible=False)
    levels = sorted({line.level for line in LINES if line.learner == of["compared"]})
    levels = [level for level in levels if level != 1.0]
    if levels:
        lines = ax.contour(x, y, values, levels=levels, colors="black", linewidths=0.8)
        lines.set_label("predicted contour")
        middle = int(np.argmin(abs(x - (x[-1] // 2 + 0.5))))  # between two models
        places = [
            (x[middle], y[k])
            for level in levels
            for k in np.flatnonzero(np.diff(np.sign(values[:, middle] - level)))
        ]
        ax.clabel(lines, fmt="%g", fontsize=7, manual=places)
    for name, label, dash in (
        ("turns", "threshold", ":"),
        ("evens", "break-even", "-"),
    ):
        edge = of[f"map_{name}"].values
        there = np.isfinite(edge) & (edge > y[0])
        if there.any():
            ax.plot(x[there], edge[there], dash, color="black", lw=1.4, label=label)
    _names(ax, of, y)
    return mesh


def _names(ax: Axes, of: xr.Dataset, y: np.ndarray) -> None:
    """What each phase is called, at one number of models, midway between its borders."""
    k = int(0.75 * of.sizes["map_models"])
    at, effects = float(of["map_models"][k]), of["map_effect"].isel(map_models=k).values
    for effect, name in NAMES.items():
        rows = np.flatnonzero(effects == effect)
        if len(rows) > len(y) // 8:
            write_name(ax, at, y[rows[len(rows) // 2]], name)


def judge(settings: Phases, trace: xr.Dataset, curves: xr.Dataset) -> list[Evidence]:
    """Contours and phases of every learner, and of the bound."""
    return evidence(settings, trace, curves)


def caption(settings: Phases, trace: xr.Dataset) -> str:
    """What was run, and what the lines are."""
    n, seeds = settings.n, trace.sizes["seed"]
    return (
        "Error of model G with m = lambda n points of the latest model beside n real ones, over "
        "its value without synthetic data; blue: better than none, red: worse. Dotted: the "
        "threshold, from which more synthetic data help; solid: the break-even, from which "
        "they are better than none. Upper left: the bound, n + m points at every stage (V1), "
        f"at r = {settings.rate:g}; green points: the break-even of kernel densities, which is "
        f"elsewhere. Upper right: kernel densities, h = {settings.constant:g} N^(-1/5), N = n + "
        "m, independent draws of N(0, 1) (V1): excess second moment, whose mean is the bound's "
        "shape at r = 2/5 exactly. Below: Gaussians fitted by maximum likelihood, left with "
        "independent draws (V1), right with the same n real points at every stage and model 1 "
        "from them alone (V2); lines: exact contours, threshold to leading order in 1/n. "
        f"Points, dashed: contours of n = {n}, {seeds} runs of kernel densities, "
        f"{seeds * settings.copies} of Gaussians, 95 % intervals."
    )
