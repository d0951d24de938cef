r"""ep8: drift regimes over fresh fraction and error energy.

Background: the drift after many generations, J/alpha^2 for aligned and J/(alpha(2-alpha))
for unbiased errors, with :math:`J=\eta\varepsilon_*^2`; right: what a target for the drift
divides the plane into. Contours of recursions on a grid, whose error is that of data moved
by a shift of that energy, lie over it.
"""

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.colors import LogNorm
from matplotlib.figure import Figure

from figures import style
from figures.contours import draw_contour
from figures.error_propagation.presets import RegimeMap
from figures.error_propagation.regime_evidence import KINDS, contours, evidence
from figures.phases import draw_phases, name_lines
from figures.replication import over_seeds, replica_keys, spread_over
from sim.grid import uniform_grid
from sim.learners.perturbed import Perturbed, Shift
from sim.recursion import Recursion
from sim.recursion import run as recurse
from sim.sampling import ReverseSDE
from sim.store import Group, Run
from sim.targets import Mixture
from theory.claims import Evidence
from theory.error_propagation.kernel_recursion import shift_energy
from theory.error_propagation.regimes import Outlook, memoryless_from, regime_map
from theory.mixtures import gaussian_mixture
from theory.processes import ou
from theory.symbolic import statement

__all__ = ["caption", "draw", "judge", "predict", "simulate"]

HALF_WIDTH = 7.0
NAMES = {
    Outlook.CONTAINED: "contained",
    Outlook.DEPENDS: "depends on\nalignment",
    Outlook.EXCEEDED: "exceeded",
}
COLOURS = dict(zip(KINDS, style.SERIES[1:3], strict=True))
MARKERS = dict(zip(KINDS, "os", strict=True))


def visible(settings: RegimeMap) -> float:
    r"""Observability of the shift's error (derived): :math:`\eta = 1-e^{-(T-t_0)}`.

    A shift s of N(0, 1) data has the score error :math:`e = e^{-t/2}s`, of the energy
    `shift_energy`; what it moves the endpoint by is
    :math:`\int e^{-(t-t_0)/2}e\,dt = e^{t_0/2}\varepsilon_*^2/s`.
    """
    return float(-np.expm1(settings.t0 - settings.T))


def simulate(settings: RegimeMap, run: Run, progress) -> xr.Dataset:
    """Drift of every (seed, kind, alpha, energy) over the generations.

    Aligned errors draw nothing: each group of seeds runs them once, for all of it.
    """
    step = (settings.T - settings.t0) / settings.steps
    recursion = Recursion(
        target=Mixture(gaussian_mixture([1.0], [0.0], 1.0)),
        learner=lambda at: Perturbed(Shift(at["shift"][None])),
        sampler=ReverseSDE(settings.steps),
        process=ou(settings.T, settings.t0),
        n=0,
        generations=settings.generations,
        grid=uniform_grid(HALF_WIDTH, settings.nodes, 1, step),
    )
    axes = {"alpha": np.array(settings.alphas), "energy": np.array(settings.energies)}
    alpha, energy = (v.ravel() for v in np.meshgrid(*axes.values(), indexing="ij"))
    size = np.sqrt(energy / float(shift_energy(1.0, recursion.process)))
    cells = (len(size), settings.generations)

    def signs(seed: int) -> np.ndarray:
        rng = np.random.default_rng([settings.seed, seed])
        return rng.choice([-1.0, 1.0], cells)

    def one_group(group: Group) -> xr.Dataset:
        random = [signs(seed) for seed in group.seeds]
        shift = np.concatenate([of * size[:, None] for of in (*random, np.ones(cells))])
        runs = len(random) + 1
        trace = recurse(
            recursion,
            replica_keys(settings.seed, range(runs), len(size)),  # nothing is drawn
            {"alpha": spread_over(np.repeat(alpha[:, None], cells[1], 1), runs),
             "shift": shift},
            {"run": np.arange(runs), **axes},
            group,
            progress,
        )  # fmt: skip
        seeds = xr.DataArray(list(group.seeds), dims="seed", name="seed")
        aligned = trace.isel(run=-1, drop=True).expand_dims(seed=seeds)
        unbiased = (
            trace.isel(run=slice(-1)).rename(run="seed").assign_coords(seed=seeds)
        )
        kind = xr.DataArray(list(KINDS), dims="kind", name="kind")
        return xr.concat([aligned, unbiased], kind, join="exact")

    return over_seeds(run, settings.seeds, one_group)


def predict(settings: RegimeMap, trace: xr.Dataset) -> xr.Dataset:
    """The map, the boundaries of every target, and drift at the measured J."""
    eta, targets = visible(settings), settings.targets
    alpha = np.geomspace(min(settings.alphas) / 1.5, 1.0, settings.resolution)
    energy = np.geomspace(
        min(settings.energies) / 2, 2 * max(settings.energies), settings.resolution
    )
    on_map = regime_map(alpha, energy, [eta], targets[0]).isel(eta=0, drop=True)
    named = {"alpha": "map_alpha", "eps_star2": "map_energy"}
    curves = on_map[[*KINDS, "outlook", "contained_to", "exceeded_from"]].rename(named)
    edges = [
        regime_map(settings.alphas, [1.0], [eta], target).isel(eta=0, drop=True)
        for target in targets
    ]
    along = xr.DataArray(list(targets), dims="target", name="target")
    at_cells = xr.concat(edges, along, combine_attrs="drop")
    curves["edge"] = xr.concat(
        [at_cells["contained_to"], at_cells["exceeded_from"]],
        xr.DataArray(list(KINDS), dims="kind", name="kind"),
    )
    J = trace["J"].mean(("generation", "seed"))
    parts = [
        xr.apply_ufunc(
            statement(f"error_propagation.stationary_{k}"), trace["alpha"] + 0 * J.sel(kind=k),
            J.sel(kind=k),
        )
        for k in KINDS
    ]  # fmt: skip
    curves["predicted"] = xr.concat(parts, "kind")
    return curves.drop_attrs()


def draw(settings: RegimeMap, trace: xr.Dataset, curves: xr.Dataset) -> Figure:
    """A map for each kind of error; the regimes of the first target; contours over them."""
    fig, (axes,) = style.panels(1, 3, height=2.9, sharey=True)
    found = contours(settings, trace)
    x, y = curves["map_alpha"].values, curves["map_energy"].values
    for ax, kind in zip(axes, KINDS, strict=False):
        style.panel(ax, f"{kind} errors", r"fresh fraction $\alpha$", "", log="xy")
        values = curves[kind].transpose("map_energy", "map_alpha")
        mesh = ax.pcolormesh(
            x, y, values, shading="nearest", rasterized=True, norm=LogNorm(1e-4, 1e1),
            cmap="cividis",
        )  # fmt: skip
        mesh.set_label("predicted drift")
        lines = ax.contour(
            x, y, values, levels=sorted(settings.targets), colors="white"
        )
        lines.set_label("predicted contour")
        middle = float(
            np.sqrt(np.prod(settings.alphas[len(settings.alphas) // 2 - 1 :][:2]))
        )
        name_lines(ax, lines, middle, "$D=%g$")
        for target in settings.targets:
            at = found.sel(kind=kind, target=target)
            label = f"simulated contour D = {target:g}"
            draw_contour(
                ax, settings.alphas, at, label, COLOURS[kind], MARKERS[kind]
            )  # fmt: skip
    axes[0].set_ylabel(r"error energy per generation $\varepsilon_*^2$")
    _regimes(axes[2], settings, found, curves)
    for ax in axes:
        ax.grid(visible=False)
        ax.set_xlim(x[0], x[-1])
        ax.set_ylim(y[0], y[-1])
    style.legend_below(fig, axes[2])
    fig.colorbar(
        mesh, ax=axes[:2].tolist(), label=r"settled drift $D = \chi^2(\hat p \| p)$"
    )  # fmt: skip
    return fig


def _regimes(
    ax: Axes, settings: RegimeMap, found: xr.Dataset, curves: xr.Dataset
) -> None:
    """Where the first target is kept, lost, or depends on how errors combine."""
    target = settings.targets[0]
    style.panel(
        ax, f"target $D={target:g}$", r"fresh fraction $\alpha$", "", log="xy"
    )  # fmt: skip
    x, y = curves["map_alpha"].values, curves["map_energy"].values
    outlook = curves["outlook"].transpose("map_energy", "map_alpha").values
    draw_phases(ax, x, y, outlook, NAMES)
    low, high = curves["contained_to"], curves["exceeded_from"]
    for edge, kind in ((low, "aligned"), (high, "unbiased")):
        style.theory(ax, x, edge, f"predicted, {kind}", COLOURS[kind])
        at = found.sel(kind=kind, target=target)
        label = f"simulated, {kind}"
        draw_contour(ax, settings.alphas, at, label, COLOURS[kind], MARKERS[kind])
    for alpha, kind in zip(memoryless_from(), KINDS, strict=True):
        style.reference(
            ax, alpha, f"memoryless, {kind}", axis="x", colour=COLOURS[kind]
        )


def judge(settings: RegimeMap, trace: xr.Dataset, curves: xr.Dataset) -> list[Evidence]:
    """Settled drift and its contours against what is predicted of them."""
    return evidence(settings, trace, curves)


def caption(settings: RegimeMap, trace: xr.Dataset) -> str:
    """What is shown, with every setting needed to repeat it."""
    targets = " and ".join(f"{target:g}" for target in settings.targets)
    return (
        "Drift of the generated law once it has settled, over fresh fraction and error "
        "energy. Colour and solid lines: the stationary values J/alpha^2 (aligned errors) "
        "and J/(alpha(2-alpha)) (unbiased errors), J = eta eps*^2 with eta = "
        f"{visible(settings):.3f}, and their contours at D = {targets}. Points, dashed: "
        f"contours of {settings.generations} simulated generations on N(0, 1) data, mean over "
        "all that come after the start is forgotten to 1 %, 95 % intervals over "
        f"{settings.seeds} seeds of random signs (aligned errors draw nothing); law carried "
        f"through {settings.steps} reverse steps on {settings.nodes} grid nodes. Right: below "
        f"both lines the drift stays within {settings.targets[0]:g} even if errors are "
        "aligned, above both it does not even if they are unbiased. Dotted: from there on "
        "less than a tenth of a generation's drift is inherited."
    )
