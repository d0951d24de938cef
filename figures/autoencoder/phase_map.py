r"""ae10: what a unit has learnt and what it generates, over samples and noise level.

Data: two modes at :math:`\pm\mu`. The unit starts with random entries and a weak overlap. It
is aligned with the modes where the squared cosine :math:`M^2/(|\mu|^2Q)` is above 1/2, and
generates two modes where the bimodality index is positive (derived): four phases.
Simulation: the exact chain of overlaps in d dimensions, all noise levels and seeds at once.
"""

import jax.numpy as jnp
import numpy as np
import xarray as xr
from matplotlib.figure import Figure

from figures import style
from figures.autoencoder.chains import run_chains
from figures.autoencoder.phase_evidence import contours, evidence
from figures.autoencoder.presets.phases import LearningPhases
from figures.autoencoder.problems import informed, training_of, two_modes
from figures.contours import draw_contour
from figures.phases import draw_phases
from figures.replication import over_seeds, replica_keys
from sim.store import Group, Run
from theory.autoencoder.averages import midpoint
from theory.autoencoder.modes import splitting_index
from theory.autoencoder.phases import Phase, alignment, learning_phases
from theory.claims import Evidence
from theory.denoiser import Overlaps, initial_overlaps
from theory.processes import euler_grid
from theory.structured import structured_mixture

__all__ = ["caption", "draw", "judge", "predict", "simulate"]

NODES, HALF_WIDTH = 16, 5.0  # of the averages: cosines to 1e-5
EDGE = 0.02  # noise levels of the map beyond the simulated ones
REACH = 3.0  # of the colours, in decades of 1 + I
SIMULATED = {
    "aligns": (0, "simulated: cosine$^2$ = 1/2"),
    "splits": (1, "simulated: index 0"),
    "merges": (1, "_simulated: index 0 again"),
}
"""Contours: panel and label."""
NAMES = {
    Phase.NOTHING: "nothing",
    Phase.NOISE: "modes\nof noise",
    Phase.DIRECTION: "direction\nalone",
    Phase.MODES: "the data's\nmodes",
}


def simulate(settings: LearningPhases, run: Run, progress) -> xr.Dataset:
    """Overlaps along training at every (seed, noise level)."""
    levels, training = np.array(settings.levels), training_of(settings)

    def one_group(group: Group) -> xr.Dataset:
        keys = replica_keys(settings.seed, group.seeds, len(levels))
        with progress.stage("chains"):
            history = run_chains(
                two_modes(settings.distance), training, informed(1, 2, settings.warm),
                settings.dim, settings.until, settings.records, keys,
                jnp.asarray(np.tile(levels, len(group.seeds))), settings.spread,
            )  # fmt: skip
        shape = (len(group.seeds), len(levels), settings.records + 1)
        found = {
            "M": history.M[..., 0, 0],
            "Q": history.Q[..., 0, 0],
            "b": history.b[..., 0],
        }
        dims = ("seed", "level", "tau")
        return xr.Dataset(
            {name: (dims, np.asarray(v).reshape(shape)) for name, v in found.items()},
            coords={
                "seed": list(group.seeds), "level": levels,
                "tau": np.linspace(0.0, settings.until, settings.records + 1),
            },
        )  # fmt: skip

    return over_seeds(run, settings.seeds, one_group)


def predict(settings: LearningPhases, trace: xr.Dataset) -> xr.Dataset:
    """The map, boundaries at the simulated levels, and alignment and index of the runs."""
    low, high = settings.levels[0], settings.levels[-1]
    levels = np.linspace(
        max(low - EDGE, 0.01), min(high + EDGE, 0.99), settings.resolution
    )
    columns = -(-settings.resolution // settings.records)  # in a recorded interval
    whole = learning_phases(
        structured_mixture([1.0], [[settings.distance]]), training_of(settings),
        _start(settings), euler_grid(), np.append(levels, settings.levels),
        settings.until, midpoint(1, NODES, HALF_WIDTH), columns * settings.records,
    )  # fmt: skip
    on_map = whole.isel(level=slice(len(levels)))
    at = whole.isel(
        level=slice(len(levels), None), tau=slice(columns - 1, None, columns)
    ).assign_coords(tau=trace["tau"][1:])
    named = {name: f"map_{name}" for name in (*on_map.data_vars, "level", "tau")}
    curves = at.merge(on_map.rename(named))
    runs = trace.isel(tau=slice(1, None))
    Q, b = (jnp.asarray(runs[name].values) for name in ("Q", "b"))
    index = splitting_index(Q, b, euler_grid(), training_of(settings).activation)
    curves["run_index"] = runs["Q"].dims, np.asarray(index)
    distance2 = 1.0 * settings.distance**2
    curves["run_alignment"] = alignment(runs["M"], runs["Q"], distance2)
    return curves


def _start(settings: LearningPhases) -> Overlaps:
    """Of a unit that learns of one of the two modes what it learns of both."""
    one = structured_mixture([1.0], [[settings.distance]])
    return initial_overlaps(one, [[settings.warm]], settings.spread)


def draw(settings: LearningPhases, trace: xr.Dataset, curves: xr.Dataset) -> Figure:
    """Alignment and index with their boundaries; the four phases."""
    fig, (axes,) = style.panels(1, 3, height=3.0, sharex=True, sharey=True)
    found = contours(settings, curves)
    x, y = curves["map_level"].values, _samples(settings, curves["map_tau"].values)
    style.panel(axes[2], "", "noise level $t$", "")
    grows = _samples(settings, curves["map_grows"].values)
    phase = curves["map_phase"].transpose("map_tau", "map_level").values
    contoured = ((settings.levels, 10.0 ** of["place"]) for of in found.values())
    draw_phases(axes[2], x, y, phase, NAMES, [(x, grows), *contoured])
    shown = {
        "alignment": ("squared cosine with the modes", "cividis", (0.0, 1.0)),
        "index": (r"bimodality $\log_{10}(1+I)$", "RdBu", (-REACH, REACH)),
    }
    for ax, (name, (label, cmap, ends)) in zip(axes, shown.items(), strict=False):
        style.panel(ax, "", "noise level $t$", "")
        values = curves[f"map_{name}"].transpose("map_tau", "map_level").values
        values = np.log10(1.0 + values) if name == "index" else values
        mesh = ax.pcolormesh(
            x, y, values, shading="nearest", rasterized=True, cmap=cmap, vmin=ends[0],
            vmax=ends[1],
        )  # fmt: skip
        mesh.set_label(label)
        bar = fig.colorbar(mesh, ax=ax, location="top", aspect=30, label=label)
        bar.ax.tick_params(labelsize=7)
        level = 0.5 if name == "alignment" else 0.0
        for own in (ax, axes[2]):
            own.contour(x, y, values, levels=[level], colors="black", linewidths=1.1)
    for name, (panel, label) in SIMULATED.items():
        colour = style.SERIES[1 + panel]
        for ax in (axes[panel], axes[2]):
            draw_contour(ax, settings.levels, found[name], label, colour)
    there = np.isfinite(grows)
    label = "critical time of the bulk"
    axes[2].plot(x[there], grows[there], ":", color="#555555", label=label)
    style.theory(axes[2], [], [], "predicted", "black", linewidth=1.1)
    axes[0].set_ylabel("samples per dimension $n/d$")
    for ax in axes:
        ax.grid(visible=False)
        ax.set_xlim(x[0], x[-1])
        ax.set_ylim(0.0, y[-1])
    style.legend_below(fig, axes[2])
    return fig


def _samples(settings: LearningPhases, tau):
    return tau / (2.0 * settings.rate)


def judge(
    settings: LearningPhases, trace: xr.Dataset, curves: xr.Dataset
) -> list[Evidence]:
    """Contours of runs against boundaries; cells against phases."""
    return evidence(settings, curves)


def caption(settings: LearningPhases, trace: xr.Dataset) -> str:
    """What is shown, with every setting needed to repeat it."""
    return (
        "What one tanh unit has learnt and generates, over samples and noise level; derived "
        "here, the body of the paper could not be read. Equal modes at "
        f"+-{settings.distance:g}, variance 1; eta = {settings.rate:g}, kappa = "
        f"{settings.skip_ratio:g}, weight decay {settings.decay:g}/d; start: {settings.warm:g} "
        f"times a mode and random entries of standard deviation {settings.spread:g}. Left: "
        "squared cosine of the unit with the modes; middle: bimodality index, two modes are "
        "generated iff it is positive; right: the four phases these make, and the critical "
        "time beyond which the bulk of samples grows. Black: theory; points, dashed: contours "
        f"of the exact chain in d = {settings.dim}, mean over {trace.sizes['seed']} runs with "
        "95 % intervals."
    )
