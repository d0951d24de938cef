r"""ae8: how far a network in d dimensions is from the theory, which is exact as d grows.

The exact chain of overlaps costs the same in any dimension, so many seeds can be run. A
single run fluctuates by :math:`d^{-1/2}`; the mean over seeds is off by a bias of order 1/d.
"""

import jax
import jax.numpy as jnp
import jax.random as jr
import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from figures import style
from figures.autoencoder.chains import overlap_record, run_chains
from figures.autoencoder.evidence import exact
from figures.autoencoder.presets.learning import FiniteSize
from figures.autoencoder.problems import informed, training_of, trimodal
from figures.replication import over_seeds, replica_keys
from sim.store import Group, Run, resumable
from theory.autoencoder.averages import midpoint
from theory.autoencoder.learning import learning_curve
from theory.claims import Evidence
from theory.denoiser import Overlaps, initial_overlaps

__all__ = ["caption", "draw", "judge", "predict", "simulate"]

WIDTH = 2
WARM = 0.1  # of the informed start, official
OFFICIAL = (
    3.9,
    1.45,
)  # largest |dM|, |dQ| of a run times sqrt(d), from the specification
LARGE_DIM, LARGE_TOLERANCE = 200_000, 0.02
HALF_MARGIN, ONE_MARGIN = 0.08, 0.25
RESAMPLES = 200
SETTING = "trimodal mixture, exact chain"
ENTRIES = ("M", "Q")


def simulate(settings: FiniteSize, run: Run, progress) -> xr.Dataset:
    """Overlaps at a few times, for every dimension and seed; one run at a large d."""
    tau = np.linspace(0.0, settings.tau, settings.records + 1)
    labels = {"tau": tau, "dim": list(settings.dims)}

    def one_group(group: Group) -> xr.Dataset:
        keys = replica_keys(settings.seed, group.seeds)

        def one_dim(index: int, state: None) -> tuple[None, xr.Dataset]:
            history = _chains(settings, settings.dims[index], keys)
            return None, overlap_record(history, "seed", "tau")

        with progress.stage("dimensions", len(settings.dims)) as bar:
            trace = resumable(
                group, len(settings.dims), lambda: None, one_dim, bar.tick
            )
        trace = trace.rename(generation="dim")
        return trace.assign_coords(seed=list(group.seeds), **labels)

    small = over_seeds(run, settings.seeds, one_group)
    with progress.stage(f"d = {settings.large_dim}"):
        key = jr.fold_in(jr.key(settings.seed), 2**31 - 1)[None]
        history = _chains(settings, settings.large_dim, key)
    large = overlap_record(jax.tree.map(lambda a: a[0], history), "tau")
    return small.merge(large.rename({name: f"large_{name}" for name in large}))


def _chains(settings: FiniteSize, dim: int, keys: jax.Array) -> Overlaps:
    training, C = training_of(settings), informed(WIDTH, 3, WARM)
    return run_chains(
        trimodal(), training, C, dim, settings.tau, settings.records, keys
    )


def predict(settings: FiniteSize, trace: xr.Dataset) -> xr.Dataset:
    """The learning curve at the recorded times."""
    data, training = trimodal(), training_of(settings)
    start = initial_overlaps(data, informed(WIDTH, 3, WARM))
    substeps = max(1, round(200 / settings.records))
    curve = jax.jit(
        lambda tau: learning_curve(
            data, training, start, tau, midpoint(WIDTH, 40), settings.records, substeps
        )
    )(jnp.asarray(settings.tau))
    return overlap_record(curve, "tau").assign_coords(tau=trace["tau"])


def _deviations(trace: xr.Dataset, curves: xr.Dataset, name: str) -> np.ndarray:
    """Simulation minus theory, (dim, seed, everything recorded)."""
    gap = (trace[name] - curves[name]).transpose("dim", "seed", ...)
    return gap.values.reshape(*gap.shape[:2], -1)


def _sizes(gap: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    r"""Root mean squares over the record: of a run, and of the mean over seeds.

    The second without the share of sampling noise, :math:`|\bar\delta|^2 - s^2/n`.
    """
    n = gap.shape[1]
    single = np.mean(gap**2, axis=(1, 2))
    noise = np.mean(gap.var(axis=1, ddof=1), axis=1) / n
    bias = np.mean(gap.mean(axis=1) ** 2, axis=1) - noise
    return np.sqrt(single), np.sqrt(np.maximum(bias, 1e-300))


def _slopes(dims: np.ndarray, gap: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Log-log slopes of both sizes, and their bootstrap standard errors over seeds."""
    x = np.log(dims) - np.log(dims).mean()
    fit = lambda g: np.array([x @ np.log(v) / (x @ x) for v in _sizes(g)])
    rng = np.random.default_rng(0)
    n = gap.shape[1]
    again = [fit(gap[:, rng.integers(n, size=n)]) for _ in range(RESAMPLES)]
    return fit(gap), np.std(again, axis=0, ddof=1)


def draw(settings: FiniteSize, trace: xr.Dataset, curves: xr.Dataset) -> Figure:
    """Deviation of a run and of the mean against d; the bias, scaled, against time."""
    fig, axes = style.panels(1, 3, height=2.8)
    run, mean, scaled = axes[0]
    d = r"dimension $d$"
    style.panel(run, "A single run", d, "RMS deviation", log="xy")
    style.panel(mean, "Mean over seeds", d, "RMS deviation", log="xy")
    style.panel(
        scaled,
        r"Bias times $d$",
        r"training time $\tau$",
        r"$d\,(\overline{Q}_{11} - Q_{11}^{\mathrm{theory}})$",
    )
    dims = trace["dim"].values
    for name, colour in zip(ENTRIES, style.SERIES, strict=False):
        gap = _deviations(trace, curves, name)
        single, bias = _sizes(gap)
        style.simulation(run, dims, single, f"${name}$", colour=colour)
        style.simulation(mean, dims, bias, f"${name}$", colour=colour)
        large = float(np.sqrt(np.mean((trace[f"large_{name}"] - curves[name]) ** 2)))
        style.simulation(run, [settings.large_dim], [large], "", colour=colour)
        ends = np.array([dims[0], settings.large_dim])
        style.theory(run, ends, _guide(dims, single, ends, 0.5), "", colour)
        style.theory(mean, dims, _guide(dims, bias, dims, 1.0), "", colour)
    _note(run, r"slope $-1/2$")
    _note(mean, r"slope $-1$")
    for k, dim in enumerate(dims):
        bias = trace["Q"].sel(dim=dim, unit=0, other=0) - curves["Q"].sel(
            unit=0, other=0
        )
        error = float(dim) * bias.std("seed", ddof=1) / np.sqrt(bias.sizes["seed"])
        y = float(dim) * bias.mean("seed")
        style.simulation(
            scaled, trace["tau"], y, f"$d = {dim}$", low=y - 2 * error,
            high=y + 2 * error, colour=style.SERIES[2 + k % 4],
        )  # fmt: skip
    style.reference(scaled, 0.0)
    style.legend(run, ["$M$", "$Q$"])
    style.legend(scaled, fontsize="x-small")
    return fig


def _guide(dims, values, at, power: float) -> np.ndarray:
    """The power law through the values' logarithmic mean."""
    level = np.exp(np.mean(np.log(values) + power * np.log(dims)))
    return level * np.asarray(at, float) ** -power


def _note(ax: Axes, text: str) -> None:
    ax.text(0.06, 0.08, text, transform=ax.transAxes, fontsize=8)


def judge(
    settings: FiniteSize, trace: xr.Dataset, curves: xr.Dataset
) -> list[Evidence]:
    """Both slopes, the run at a large d, and a slope that is false by design."""
    found, seeds = [], trace.sizes["seed"]
    dims = trace["dim"].values.astype(float)
    at = f"{SETTING}, d = {settings.dims[0]} to {settings.dims[-1]}"
    for name in ENTRIES:
        (half, one), (half_se, one_se) = _slopes(dims, _deviations(trace, curves, name))
        for claim, slack, error, margin in (
            ("ae-run-slope", half + 0.5, half_se, HALF_MARGIN),
            ("ae-mean-slope", one + 1.0, one_se, ONE_MARGIN),
            ("ae-run-slope-one", half + 1.0, half_se, HALF_MARGIN),
        ):
            found.append(
                Evidence(
                    claim,
                    f"{at}, {name}",
                    "==",
                    slack,
                    standard_error=error,
                    margin=margin,
                    seeds=seeds,
                )  # fmt: skip
            )
    worst = [
        float(abs(trace[f"large_{name}"] - curves[name]).max()) for name in ENTRIES
    ]
    slack = LARGE_TOLERANCE - np.array(worst)
    large = f"{SETTING}, d = {settings.large_dim}"
    met = settings.large_dim >= LARGE_DIM
    stated = (("d >= 200 000", met, f"d = {settings.large_dim}"),)
    found.append(exact("ae-large-d", large, slack, LARGE_TOLERANCE, hypotheses=stated))
    return found


def caption(settings: FiniteSize, trace: xr.Dataset) -> str:
    """What was run."""
    return (
        f"Official trimodal setting, the exact chain of overlaps at "
        f"{trace.sizes['seed']} seeds each for d = {', '.join(map(str, settings.dims))} "
        f"and once at d = {settings.large_dim}. Left: root mean square over "
        f"{settings.records} times and all entries of simulation minus theory in a single "
        f"run. Middle: the same of the mean over seeds, without the share of sampling "
        f"noise. Lines: power laws of the stated slope through the points. Right: the bias "
        f"of the overlap of the first unit, times d; bars are two standard errors."
    )
