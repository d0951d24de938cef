r"""ae9: what networks of several widths and activations learn of the trimodal mixture.

The excess risk, what the units add to the skip connection's error, against training time:
the theory's learning curve, and the risk of the networks that online SGD made in d
dimensions, averaged with the overlaps they reached.
"""

import jax
import jax.numpy as jnp
import numpy as np
import xarray as xr
from jaxtyping import Array
from matplotlib.figure import Figure

from figures import style
from figures.autoencoder.presets.learning import Widths
from figures.autoencoder.problems import training_of, trimodal
from figures.replication import interval, over_seeds, replica_keys
from sim.learners.autoencoder.network import weights_of
from sim.learners.autoencoder.online import learn_online
from sim.learners.autoencoder.realisation import initial_weights, realise
from sim.replicas import replicated
from sim.store import Group, Run, resumable
from theory.autoencoder.averages import Nodes, midpoint, sobol
from theory.autoencoder.learning import learning_curve
from theory.autoencoder.risk import excess_risk
from theory.claims import Evidence
from theory.denoiser import Overlaps, Training, initial_overlaps, steps_for

__all__ = ["caption", "draw", "judge", "predict", "simulate"]

WARM = 0.1  # of the informed start, official
OTHERS = ("erf", "relu", "softplus")  # at two units
BIAS = (8.5, 6.0)  # of the means of M and Q times d, measured in the specification
SLACK = 2.5  # times which they are allowed
LABELS = {"erf": r"$\mathrm{erf}$", "relu": "ReLU", "softplus": "softplus"}


def cases(settings: Widths) -> dict[str, tuple[int, str]]:
    """Label to (width, activation)."""
    tanh = {f"tanh, r = {r}": (r, "tanh") for r in settings.widths}
    return tanh | {f"{name}, r = 2": (2, name) for name in OTHERS}


def start_coefficients(width: int) -> Array:
    """Unit g starts at WARM times mean g; beyond the third at minus it."""
    rows = [(1.0 if g < 3 else -1.0) * np.eye(3)[g % 3] for g in range(width)]
    return WARM * jnp.asarray(np.stack(rows))


def nodes_for(width: int, activation: str) -> Nodes:
    """Averages to 1e-5 or better where smooth, 1e-4 at the kink of ReLU."""
    if activation == "relu":
        return midpoint(width, 96)
    return midpoint(width, 32) if width <= 2 else sobol(width, 2**12)


def simulate(settings: Widths, run: Run, progress) -> xr.Dataset:
    """Overlaps along online learning, for every case and seed."""
    chosen = cases(settings)

    def one_group(group: Group) -> xr.Dataset:
        keys = replica_keys(settings.seed, group.seeds)

        def one_case(index: int, state: None) -> tuple[None, xr.Dataset]:
            width, activation = list(chosen.values())[index]
            return None, _record(_learn(settings, width, activation, keys), "seed")

        with progress.stage("networks", len(chosen)) as bar:
            trace = resumable(group, len(chosen), lambda: None, one_case, bar.tick)
        return trace.rename(generation="case").assign_coords(
            case=list(chosen), seed=list(group.seeds), tau=_times(settings)
        )

    return over_seeds(run, settings.seeds, one_group)


def _times(settings: Widths) -> np.ndarray:
    return np.linspace(0.0, settings.tau, settings.records + 1)


def _learn(settings: Widths, width: int, activation: str, keys: Array) -> Overlaps:
    training = training_of(settings, activation=activation)
    realised = realise(trimodal(), settings.dim)
    W = initial_weights(jax.random.key(0), realised, start_coefficients(width))
    weights = weights_of(W, training)
    total = steps_for(settings.tau, settings.rate, settings.dim)
    every = max(1, round(total / settings.records))
    steps = every * settings.records

    def one(key: Array) -> Overlaps:
        return learn_online(key, training, realised, realised, weights, steps, every)[1]

    return jax.block_until_ready(replicated(one)(keys))


def _record(history: Overlaps, *leading: str) -> xr.Dataset:
    """M and Q, padded to four units by NaN so that all cases share a shape."""
    dims = (*leading, "tau")
    r = history.Q.shape[-1]
    pad = lambda a, units: np.pad(
        np.asarray(a),
        [(0, 0)] * (a.ndim - units) + [(0, 4 - r)] * units,
        constant_values=np.nan,
    )
    return xr.Dataset(
        {
            "M": ((*dims, "direction", "unit"), pad(history.M, 1)),
            "Q": ((*dims, "unit", "other"), pad(history.Q, 2)),
            "b": (dims, np.asarray(history.b[..., 0])),
        }
    )


def predict(settings: Widths, trace: xr.Dataset) -> xr.Dataset:
    """Learning curves, their excess risk, and that of the simulated overlaps."""
    parts = []
    for label, (width, activation) in cases(settings).items():
        training = training_of(settings, activation=activation)
        nodes = nodes_for(width, activation)
        curve = _curve(settings, training, width, nodes)
        part = _record(curve)
        part["risk"] = ("tau", np.asarray(_risk(training, nodes, curve)))
        seen = _overlaps(trace.sel(case=label), width)
        part["simulated_risk"] = (("seed", "tau"), _risk(training, nodes, seen))
        parts.append(part)
    joined = xr.concat(parts, "case")
    return joined.assign_coords(
        case=trace["case"], seed=trace["seed"], tau=trace["tau"]
    )


def _curve(settings: Widths, training: Training, width: int, nodes: Nodes) -> Overlaps:
    start = initial_overlaps(trimodal(), start_coefficients(width))
    substeps = max(1, round(25 * settings.tau / settings.records))
    return jax.jit(
        lambda tau: learning_curve(
            trimodal(), training, start, tau, nodes, settings.records, substeps
        )
    )(jnp.asarray(settings.tau))


def _risk(training: Training, nodes: Nodes, at: Overlaps) -> np.ndarray:
    """Excess risk at every set of overlaps, leading axes kept."""
    shape = at.b.shape[:-1]
    flat = jax.tree.map(lambda a: a.reshape(-1, *a.shape[len(shape) :]), at)
    one = lambda o: excess_risk(trimodal(), training, o, nodes)
    return np.asarray(jax.jit(lambda o: jax.lax.map(one, o))(flat)).reshape(shape)


def _overlaps(trace: xr.Dataset, width: int) -> Overlaps:
    """The simulated overlaps of a case; the trimodal mixture has one block."""
    own = trace.isel(unit=slice(width), other=slice(width)).transpose(
        "seed", "tau", ...
    )
    return Overlaps(
        jnp.asarray(own["M"].values)[:, :, None],
        jnp.asarray(own["Q"].values)[:, :, None],
        jnp.asarray(own["b"].values)[..., None],
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
            mean, low, high = interval(at["simulated_risk"])
            style.simulation(
                ax, at["tau"], mean, label, low=low, high=high, colour=colour
            )
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
        tanh = "tanh, r = 2"
        if name == "relu" and tanh in trace["case"].values:
            wrong = curves.sel(case=tanh)
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
        f"t = {settings.t:g}. Lines: the theory's learning curves. Points: networks trained "
        "by online SGD; their risk is that of the overlaps they reached, bars are 95 % "
        "intervals over seeds. Units start at a tenth of the means, the fourth at minus a "
        "tenth of the first."
    )
