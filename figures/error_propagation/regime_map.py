r"""ep8: drift regimes over fresh fraction and error energy.

Background: the drift predicted after many generations for aligned and for unbiased errors
of energy eps*^2 and observability near 1 (J = eta eps*^2), from the stationary values
J/alpha^2 and J/(alpha(2-alpha)). Points: recursions on a grid whose error is that of data
moved by a shift of that energy.
"""

import numpy as np
import xarray as xr
from matplotlib.figure import Figure

from figures import style
from figures.error_propagation.evidence import one_step_evidence
from figures.error_propagation.presets import RegimeMap
from figures.replication import over_seeds, replica_keys, spread_over
from sim.grid import uniform_grid
from sim.learners.perturbed import Perturbed, Shift
from sim.recursion import Recursion
from sim.recursion import run as recurse
from sim.sampling import ReverseSDE
from sim.store import Group, Run
from sim.targets import Mixture
from theory.claims import Evidence
from theory.mixtures import gaussian_mixture
from theory.processes import ou
from theory.symbolic import statement

__all__ = ["caption", "draw", "judge", "predict", "simulate"]

KINDS = ("aligned", "unbiased")
MARGIN = (
    0.10  # in log10 D: 26 % either way, for errors that are small but not infinitesimal
)
SMALL = 0.5  # drifts beyond this are outside the small-error prediction


def shift_of_energy(eps_star2: float, T: float) -> float:
    r"""Shift s of N(0, 1) data whose score error has energy eps*^2.

    Derived: :math:`e = e^{-t/2}s`, so :math:`\varepsilon_*^2 = s^2(1-e^{-T})`.
    """
    return float(np.sqrt(eps_star2 / -np.expm1(-T)))


def simulate(settings: RegimeMap, run: Run, progress) -> xr.Dataset:
    """Drift of every (seed, kind, alpha, energy) over the generations."""
    recursion = Recursion(
        target=Mixture(gaussian_mixture([1.0], [0.0], 1.0)),
        learner=lambda at: Perturbed(Shift(at["shift"][None])),
        sampler=ReverseSDE(settings.steps),
        process=ou(settings.T, settings.t0),
        n=0,
        generations=settings.generations,
        grid=uniform_grid(
            8.0, settings.nodes, 1, (settings.T - settings.t0) / settings.steps
        ),
    )
    axes = {
        "kind": np.array(KINDS),
        "alpha": np.array(settings.alphas),
        "energy": np.array(settings.energies),
    }
    cells = [
        (k, a, e) for k in KINDS for a in settings.alphas for e in settings.energies
    ]

    def one_group(group: Group) -> xr.Dataset:
        size = np.array([shift_of_energy(e, settings.T) for _, _, e in cells])
        signs = np.stack([_signs(settings, s, cells) for s in group.seeds])
        shift = (signs * size[:, None]).reshape(-1, settings.generations)
        alpha = spread_over(
            np.array([a for _, a, _ in cells])[:, None], len(group.seeds)
        )
        return recurse(
            recursion,
            replica_keys(settings.seed, group.seeds, len(cells)),
            {"alpha": np.tile(alpha, (1, settings.generations)), "shift": shift},
            {"seed": np.array(group.seeds), **axes},
            group,
            progress,
        )

    return over_seeds(run, settings.seeds, one_group)


def _signs(settings: RegimeMap, seed: int, cells: list) -> np.ndarray:
    rng = np.random.default_rng([settings.seed, seed])
    random = rng.choice([-1.0, 1.0], (len(cells), settings.generations))
    aligned = np.array([kind == "aligned" for kind, _, _ in cells])
    return np.where(aligned[:, None], 1.0, random)


def predict(settings: RegimeMap, trace: xr.Dataset) -> xr.Dataset:
    """Stationary drift over the map, and at the simulated settings from measured J."""
    alpha = np.geomspace(min(settings.alphas) / 1.5, 1.0, settings.resolution)
    energy = np.geomspace(
        min(settings.energies) / 2, 2 * max(settings.energies), settings.resolution
    )
    A, E = np.meshgrid(alpha, energy)
    drift = {
        k: np.asarray(statement(f"error_propagation.stationary_{k}")(A, E))
        for k in KINDS
    }
    values = np.stack([drift[k] for k in KINDS])
    curves = xr.Dataset(
        {"map": (("kind", "map_energy", "map_alpha"), values)},
        coords={"kind": list(KINDS), "map_alpha": alpha, "map_energy": energy},
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
    return curves


def settled(trace: xr.Dataset) -> xr.Dataset:
    """Mean drift over the last half of the generations, and its standard error.

    The standard error is over seeds for unbiased errors, zero for aligned ones, whose runs
    are the same for every seed.
    """
    half = trace.sizes["generation"] // 2
    late = trace["D"].isel(generation=slice(half, None)).mean("generation")
    seeds = trace.sizes["seed"]
    error = (
        late.std("seed", ddof=1) / np.sqrt(seeds)
        if seeds > 1
        else 0.0 * late.mean("seed")
    )
    return xr.Dataset({"drift": late.mean("seed"), "error": error})


def draw(settings: RegimeMap, trace: xr.Dataset, curves: xr.Dataset) -> Figure:
    """A map for each kind of error, simulated cells as filled circles on the same scale."""
    fig, axes = style.panels(1, len(KINDS), height=3.0, sharey=True)
    reached = settled(trace)["drift"]
    for ax, kind in zip(axes[0], KINDS, strict=True):
        title = f"{kind} errors: drift $D$"
        style.panel(ax, title, r"fresh fraction $\alpha$", "", log="xy")
        at = curves["map"].sel(kind=kind)
        mesh = ax.pcolormesh(
            at["map_alpha"], at["map_energy"], at, shading="nearest", rasterized=True,
            norm=_log_norm(), cmap="cividis",
        )  # fmt: skip
        mesh.set_label("predicted drift")
        lines = ax.contour(
            at["map_alpha"], at["map_energy"], at, levels=[1e-3, 1e-2, 1e-1, 1.0],
            colors="white", linewidths=0.8,
        )  # fmt: skip
        ax.clabel(lines, fmt="%g", fontsize=7)
        points = reached.sel(kind=kind).stack(cell=("alpha", "energy"))
        ax.scatter(
            points["alpha"], points["energy"], c=points, norm=_log_norm(), cmap="cividis",
            edgecolors="white", linewidths=1.2, s=60, label="simulated", zorder=3,
        )  # fmt: skip
    axes[0, 0].set_ylabel(r"error energy per generation $\varepsilon_*^2$")
    fig.colorbar(
        mesh, ax=axes[0].tolist(), label=r"$D = \chi^2(\hat p \| p)$ when settled"
    )
    return fig


def _log_norm():
    from matplotlib.colors import LogNorm

    return LogNorm(1e-5, 1e1)


def judge(settings: RegimeMap, trace: xr.Dataset, curves: xr.Dataset) -> list[Evidence]:
    """Settled drift against the stationary prediction, where it is small and reached."""
    reached, predicted = settled(trace), curves["predicted"]
    # the slowest mode decays as (1-alpha)^n: settled once that is below 1 %
    half = settings.generations // 2
    in_time = (1.0 - trace["alpha"]) ** half < 0.01
    found = one_step_evidence(trace, "regime map, 1-D Gaussian")
    for kind in KINDS:
        small = (predicted.sel(kind=kind) < SMALL) & in_time
        ratio = np.log10(reached["drift"].sel(kind=kind) / predicted.sel(kind=kind))
        error = reached["error"] / reached["drift"] / np.log(10.0)
        kept = small.transpose(*ratio.dims).values
        found.append(
            Evidence(
                claim="stationary-drift",
                setting=f"{kind} errors, drift < {SMALL:g}, settled",
                relation="==",
                slack=ratio.values[kept],
                standard_error=error.sel(kind=kind).transpose(*ratio.dims).values[kept],
                dof=max(settings.seeds - 1, 1),
                margin=MARGIN if kind == "aligned" else 5 * MARGIN,
                seeds=settings.seeds,
            )
        )
    return found


def caption(settings: RegimeMap, trace: xr.Dataset) -> str:
    """What is shown, with every setting needed to repeat it."""
    return (
        "Drift of the generated law once it has settled, over fresh fraction and error energy. "
        "Background and contours: the stationary values J/alpha^2 (aligned errors) and "
        "J/(alpha(2-alpha)) (unbiased errors) with J = eps*^2, eta = 1. Circles: mean over the "
        f"last half of {settings.generations} simulated generations on N(0, 1) data, "
        f"{settings.seeds} seeds, law carried through {settings.steps} reverse steps on "
        f"{settings.nodes} grid nodes; on the same colour scale."
    )
