r"""gm14: what a loop that copies is left with, over the points and the rounds.

Half of the originals are lost within two rounds whatever N, half of all pairs share an
ancestor after :math:`N\log2` rounds, one line is left after some 1.74 N: four phases
(derived). Simulation: a kernel density of vanishing bandwidth, which is the sampler of a
diffusion model that has learnt its training set by heart.
"""

import numpy as np
import xarray as xr
from matplotlib.figure import Figure
from matplotlib.ticker import NullLocator

from figures import style
from figures.contours import contour, draw_contour, first_crossing, on_boundary
from figures.memorization.copies import EXACT, RADIUS, copier
from figures.memorization.presets.phases import CopyPhases
from figures.phases import draw_phases, name_lines
from figures.replication import over_seeds, replica_keys
from sim.recursion import run as recurse
from sim.replicas import folded
from sim.store import Group, Run
from theory.claims import Evidence
from theory.memorization.phases import Phase, ancestor_time, copying_phases

__all__ = ["caption", "draw", "judge", "predict", "simulate"]

CHANCES, SHARES = (0.1, 0.5, 0.9), (0.25, 0.1)
"""Contours: chance of a shared ancestor; lines left over N."""
MARGIN = 0.1
"""Decades of rounds."""
NAMES = {
    Phase.DISTINCT: "diverse",
    Phase.THINNED: "thinned out",
    Phase.RELATED: "related",
    Phase.ONE_LINE: "one line",
}
MARKS = {
    "shared_ancestor": (0, style.SERIES[1], "simulated: half of all pairs"),
    "lines": (1, style.SERIES[1], ""),
    "alone": (2, style.SERIES[3], "simulated: one line, chance 1/2"),
}
"""Contours of a kind: panel, colour, label among the phases."""
KINDS = {"shared_ancestor": CHANCES, "lines": SHARES, "alone": (0.5,)}


def simulate(settings: CopyPhases, run: Run, progress) -> xr.Dataset:
    """Lines and shared ancestors after every round, for every size and seed."""

    def one_group(group: Group) -> xr.Dataset:
        keys = replica_keys(settings.seed, group.seeds)
        traces = []
        for k, n in enumerate(settings.sizes):
            with progress.stage(f"N = {n}"):
                trace = recurse(
                    copier(n, settings.rounds + 1),
                    folded(keys, k),
                    {"alpha": np.zeros((len(group.seeds), settings.rounds + 1))},
                    {"seed": np.array(group.seeds)},
                    group.part(f"n{n}"),
                    progress,
                    "vmap",
                )
            traces.append(trace[["lines", "shared_ancestor"]])
        sizes = xr.DataArray(list(settings.sizes), dims="size", name="size")
        return xr.concat(traces, sizes, combine_attrs="drop")

    return over_seeds(run, settings.seeds, one_group)


def predict(settings: CopyPhases, trace: xr.Dataset) -> xr.Dataset:
    """The map, and the rounds at which each contour lies at the simulated sizes."""
    low, high = settings.sizes[0], settings.sizes[-1]
    points = np.geomspace(max(4.0, low / 1.5), 1.5 * high, settings.resolution)
    rounds = np.geomspace(1.0, settings.rounds, settings.resolution)
    on_map = copying_phases(points, rounds)
    sizes = np.array(settings.sizes, float)
    at = copying_phases(sizes, rounds)

    def where(kind: str, level: float) -> np.ndarray:
        if kind == "shared_ancestor":
            return np.asarray(ancestor_time(sizes, level))
        if kind == "alone":
            return at["merged"].values
        falling = at["lines"].transpose("points", "rounds").values[:, ::-1]
        return 10.0 ** first_crossing(np.log10(rounds[::-1]), falling, level)

    edges = [where(kind, level) for kind, levels in KINDS.items() for level in levels]
    return on_map.assign(
        edge=(("line", "size"), np.stack(edges)),
        kind=("line", [kind for kind, levels in KINDS.items() for _ in levels]),
        level=("line", [level for levels in KINDS.values() for level in levels]),
    ).assign_coords(size=list(settings.sizes))


def lines_of(trace: xr.Dataset, curves: xr.Dataset) -> list[xr.Dataset]:
    """The contours, in the order of "line": (size,) each."""
    later = trace.isel(generation=slice(1, None))
    alone = (later["lines"] * later["size"] < 1.5).astype(float)
    values = {**later[["shared_ancestor", "lines"]], "alone": alone}
    return [
        contour(values[str(kind)], "generation", float(level), last=kind == "lines")
        for kind, level in zip(curves["kind"].values, curves["level"].values, strict=True)
    ]  # fmt: skip


def draw(settings: CopyPhases, trace: xr.Dataset, curves: xr.Dataset) -> Figure:
    """Shared ancestors, lines left, and the phases; contours over them."""
    fig, (axes,) = style.panels(1, 3, height=3.0, sharex=True, sharey=True)
    found = lines_of(trace, curves)
    x, y = curves["points"].values, curves["rounds"].values
    for ax in axes:
        style.panel(ax, "", "points $N$", "", log="xy")
    labels = {
        "shared_ancestor": "two points share an ancestor: chance",
        "lines": "lines of copies left, over $N$",
    }
    for ax, (name, label) in zip(axes, labels.items(), strict=False):
        values = curves[name].transpose("rounds", "points").values
        mesh = ax.pcolormesh(
            x, y, values, shading="nearest", rasterized=True, vmin=0.0, vmax=1.0,
            cmap="cividis" if name == "shared_ancestor" else "cividis_r",
        )  # fmt: skip
        mesh.set_label(label)
        bar = fig.colorbar(mesh, ax=ax, location="top", aspect=30, label=label)
        bar.ax.tick_params(labelsize=7)
        lines = ax.contour(
            x, y, values, levels=sorted(KINDS[name]), colors="white", linewidths=1.1
        )
        lines.set_label("predicted contour")
        name_lines(ax, lines, np.sqrt(np.prod(settings.sizes[1:3])), "%g")
    phase = curves["phase"].transpose("rounds", "points").values
    draw_phases(axes[2], x, y, phase, NAMES)
    for name in ("halved", "related", "merged"):
        label = "predicted" if name == "halved" else "_predicted"
        edge = curves[name].values
        there = np.isfinite(edge)
        style.theory(axes[2], x[there], edge[there], label, "black", linewidth=1.1)
    lines = zip(curves["kind"].values, curves["level"].values, found, strict=True)
    for kind, level, at in lines:
        panel, colour, label = MARKS[str(kind)]
        if panel < 2:
            own = f"simulated, {level:g}"
            draw_contour(axes[panel], settings.sizes, at, own, colour)
        if label and level == 0.5:
            draw_contour(axes[2], settings.sizes, at, label, colour)
    axes[0].set_ylabel("rounds of copying $t$")
    for ax in axes:
        ax.grid(visible=False)
        ax.set_xlim(x[0], x[-1])
        ax.set_ylim(y[0], y[-1])
        ax.set_xticks(settings.sizes, [str(n) for n in settings.sizes])
        ax.xaxis.set_minor_locator(NullLocator())
    style.legend_below(fig, axes[2])
    return fig


def judge(
    settings: CopyPhases, trace: xr.Dataset, curves: xr.Dataset
) -> list[Evidence]:
    """Every contour against its boundary; and boundaries that are none."""
    claims = {
        "shared_ancestor": ("gm-phase-related", "chance of a shared ancestor"),
        "lines": ("gm-phase-lines", "lines left"),
        "alone": ("gm-phase-one-line", "chance of one line"),
    }
    sizes = f"N = {', '.join(str(n) for n in settings.sizes)}"
    evidence = []
    lines = zip(curves["kind"].values, curves["level"].values, strict=True)
    found = lines_of(trace, curves)
    for k, (kind, level) in enumerate(lines):
        claim, said = claims[str(kind)]
        edge, setting = curves["edge"].isel(line=k), f"{sizes}, {said} {level:g}"
        evidence.append(on_boundary(claim, setting, found[k], edge, MARGIN))
        if kind == "shared_ancestor" and level == 0.5:
            wrong = {
                "gm-phase-shifted": 2.0 * edge["size"],
                "gm-phase-any-size": edge.isel(size=0) + 0.0 * edge,
            }
            evidence += [
                on_boundary(claim, setting, found[k], other, MARGIN)
                for claim, other in wrong.items()
            ]
    return evidence


def caption(settings: CopyPhases, trace: xr.Dataset) -> str:
    """What is shown, with every setting needed to repeat it."""
    return (
        "A loop whose models copy: each resamples its training set of N points uniformly. Left: "
        "chance 1 - (1 - 1/N)^t that two points share an ancestor; middle: share of the "
        "originals that have descendants, by the coalescent in the time 2/s_t, s_t the share "
        "for infinitely many points (derived; right to order 1/N). Right: the phases: most "
        "originals left; thinned out, yet most pairs unrelated; most pairs related; one line "
        "alone with chance 1/2. Points, dashed: contours of simulated loops in the plane (a "
        f"kernel density with h = {EXACT:g}, lines told by distance below {RADIUS:g}), mean over "
        f"{trace.sizes['seed']} runs with 95 % intervals."
    )
