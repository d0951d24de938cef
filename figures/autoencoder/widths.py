r"""ae9: what networks of several widths and activations learn of the trimodal mixture.

The excess risk, what the units add to the skip connection's error, against training time:
the theory's learning curve, and the risk at the mean overlaps that online SGD reached in d
dimensions (the exact chain).
"""

import jax
import jax.numpy as jnp
import numpy as np
import xarray as xr
from jaxtyping import Array
from matplotlib.figure import Figure

from figures import style
from figures.autoencoder.chains import overlap_record, run_chains
from figures.autoencoder.presets.learning import Widths
from figures.autoencoder.problems import training_of, trimodal
from figures.replication import interval, over_seeds, replica_keys
from sim.store import Group, Run, resumable
from theory.autoencoder.averages import Nodes, midpoint, sobol
from theory.autoencoder.learning import learning_curve
from theory.autoencoder.risk import excess_risk
from theory.claims import Evidence
from theory.denoiser import Overlaps, Training, initial_overlaps

__all__ = ["caption", "draw", "judge", "predict", "simulate"]

MOST = 4  # units
WARM = 0.1  # of the informed start, official
OTHERS = ("erf", "relu")  # at two units
BIAS = (8.5, 6.0)  # of the means of M and Q times d, measured in the specification
SLACK = 2.5  # times which they are allowed
LABELS = {"erf": r"$\mathrm{erf}$", "relu": "ReLU"}


def cases(settings: Widths) -> dict[str, tuple[int, str]]:
    """Label to (width, activation); two tanh units are always among them."""
    tanh = {f"tanh, r = {r}": (r, "tanh") for r in sorted({2, *settings.widths})}
    return tanh | {f"{name}, r = 2": (2, name) for name in OTHERS}


def start_coefficients(width: int) -> Array:
    """Unit g starts at WARM times mean g; beyond the third at minus it."""
    rows = [(1.0 if g < 3 else -1.0) * np.eye(3)[g % 3] for g in range(width)]
    return WARM * jnp.asarray(np.stack(rows))


def nodes_for(width: int, activation: str) -> Nodes:
    """Averages to 1e-5 or better where smooth, 1e-3 at the kink of ReLU."""
    if activation == "relu":
        return midpoint(width, 64)
    return midpoint(width, 32) if width <= 2 else sobol(width, 2**12)


def simulate(settings: Widths, run: Run, progress) -> xr.Dataset:
    """Overlaps along online learning, for every case and seed."""
    chosen = cases(settings)

    def one_group(group: Group) -> xr.Dataset:
        keys = replica_keys(settings.seed, group.seeds)

        def one_case(index: int, state: None) -> tuple[None, xr.Dataset]:
            width, activation = list(chosen.values())[index]
            history = run_chains(
                trimodal(), training_of(settings, activation=activation),
                start_coefficients(width), settings.dim, settings.tau,
                settings.records, keys,
            )  # fmt: skip
            return None, overlap_record(history, "seed", "tau", units=MOST)

        with progress.stage("networks", len(chosen)) as bar:
            trace = resumable(group, len(chosen), lambda: None, one_case, bar.tick)
        return trace.rename(generation="case").assign_coords(
            case=list(chosen), seed=list(group.seeds), tau=_times(settings)
        )

    return over_seeds(run, settings.seeds, one_group)


def _times(settings: Widths) -> np.ndarray:
    return np.linspace(0.0, settings.tau, settings.records + 1)


def predict(settings: Widths, trace: xr.Dataset) -> xr.Dataset:
    """Learning curves, their excess risk, and that of the simulated overlaps."""
    parts = []
    for label, (width, activation) in cases(settings).items():
        training = training_of(settings, activation=activation)
        nodes = nodes_for(width, activation)
        start = initial_overlaps(trimodal(), start_coefficients(width))
        substeps = max(1, round(25 * settings.tau / settings.records))
        curve = _curve(training, start, settings.tau, nodes, settings.records, substeps)
        part = overlap_record(curve, "tau", units=MOST)
        part["risk"] = ("tau", np.asarray(_risk(training, nodes, curve)))
        seen = _mean_overlaps(trace.sel(case=label), width)
        part["simulated_risk"] = ("tau", np.asarray(_risk(training, nodes, seen)))
        parts.append(part)
    joined = xr.concat(parts, "case")
    return joined.assign_coords(case=trace["case"], tau=trace["tau"])


@jax.jit(static_argnames=("points", "substeps"))
def _curve(training, start, tau, nodes, points: int, substeps: int) -> Overlaps:
    return learning_curve(trimodal(), training, start, tau, nodes, points, substeps)


@jax.jit
def _risk(training: Training, nodes: Nodes, curve: Overlaps) -> Array:
    """Excess risk at every time of a curve."""
    return jax.lax.map(lambda o: excess_risk(trimodal(), training, o, nodes), curve)


def _mean_overlaps(trace: xr.Dataset, width: int) -> Overlaps:
    """Means over seeds of a case; the trimodal mixture has one block."""
    own = trace.isel(unit=slice(width), other=slice(width)).mean("seed")
    return Overlaps(
        jnp.asarray(own["M"].transpose("tau", ...).values)[:, None],
        jnp.asarray(own["Q"].transpose("tau", ...).values)[:, None],
        jnp.asarray(own["b"].values)[:, None],
    )


def draw(settings: Widths, trace: xr.Dataset, curves: xr.Dataset) -> Figure:
    """Risk against time by width and by activation; overlaps of the first unit."""
    fig, axes = style.panels(1, 3, height=2.8)
    widths, others, overlap = axes[0]
    time, risk = r"training time $\tau$", "excess risk $R$"
    style.panel(widths, "Widths, tanh", time, risk)
    style.panel(others, "Activations, two units", time, risk)
    style.panel(overlap, "Overlap of the first unit", time, r"$Q_{11}$")
    labels = cases(settings)
    by_width = [c for c, (_, name) in labels.items() if name == "tanh"]
    by_name = [c for c, (r, _) in labels.items() if r == 2]
    for ax, chosen in ((widths, by_width), (others, by_name)):
        for case, colour in zip(chosen, style.SERIES, strict=False):
            r, name = labels[case]
            label = f"$r = {r}$" if ax is widths else LABELS.get(name, name)
            at = curves.sel(case=case)
            style.theory(ax, at["tau"], at["risk"], "", colour)
            style.simulation(ax, at["tau"], at["simulated_risk"], label, colour=colour)
        style.reference(ax, 0.0)
    for case, colour in zip(by_name, style.SERIES, strict=False):
        at = curves.sel(case=case)
        style.theory(overlap, at["tau"], at["Q"].isel(unit=0, other=0), "", colour)
        mean, low, high = interval(trace["Q"].sel(case=case).isel(unit=0, other=0))
        name = labels[case][1]
        style.simulation(
            overlap, trace["tau"], mean, LABELS.get(name, name), low=low, high=high,
            colour=colour,
        )  # fmt: skip
    style.legend(widths, fontsize="small")
    style.legend(others, fontsize="small")
    return fig


def judge(settings: Widths, trace: xr.Dataset, curves: xr.Dataset) -> list[Evidence]:
    """Means over seeds against the curve of their own case, and of another one."""
    found = []
    for case, (_, name) in cases(settings).items():
        setting = f"trimodal mixture, {case}, d = {settings.dim}"
        at = curves.sel(case=case)
        found.append(_means("ae-width", setting, trace.sel(case=case), at, settings))
        if name == "relu":
            wrong = curves.sel(case="tanh, r = 2")
            seen = trace.sel(case=case)
            found.append(_means("ae-other-activation", setting, seen, wrong, settings))
    return found


def _means(
    claim: str, setting: str, trace: xr.Dataset, at: xr.Dataset, settings: Widths
) -> Evidence:
    """Largest deviation over time of the mean of each M and Q, one entry each."""
    slack, error, margin = [], [], []
    for name, bias in zip(("M", "Q"), BIAS, strict=True):
        gap = (trace[name] - at[name]).transpose("seed", ...).values
        gap = gap.reshape(gap.shape[0], -1)
        gap = gap[:, np.isfinite(gap).any(axis=0)]
        mean = gap.mean(axis=0)
        worst = int(np.argmax(np.abs(mean)))
        slack.append(mean[worst])
        error.append(gap[:, worst].std(ddof=1) / np.sqrt(len(gap)))
        margin.append(SLACK * bias / settings.dim)
    return Evidence(
        claim,
        setting,
        "==",
        np.array(slack),
        standard_error=np.array(error),
        dof=trace.sizes["seed"] - 1,
        margin=np.array(margin),
        seeds=trace.sizes["seed"],
    )


def caption(settings: Widths, trace: xr.Dataset) -> str:
    """What was run."""
    return (
        f"Trimodal mixture in d = {settings.dim}, {trace.sizes['seed']} seeds, noise level "
        f"t = {settings.t:g}. Lines: the theory's learning curves. Points: online SGD (the "
        "exact chain of overlaps); the risk is that of the mean overlaps, bars are 95 % "
        "intervals over seeds. Units start at a tenth of the means, the fourth at minus a "
        "tenth of the first."
    )
