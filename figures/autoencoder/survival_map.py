r"""ae7: which modes survive retraining, over training time and generation.

Two strong and two weak modes on two axes, one unit for each. An axis keeps its two modes in
generation g iff its bimodality index is positive (derived), which the closed recursion
predicts. Survival is not monotone in the training time: trained too briefly a mode is never
learned or fades with the bulk, trained too long it drowns in the exploding bulk.

The recursion starts, and so stays, symmetric: Q diagonal. That solution is unstable: the
noise of finitely many dimensions, or a tilt of the start, turns the weak unit towards the
strong modes within a generation or two at some training times. A start tilted by
:math:`\eta\,d^{-1/2}` shows where.
"""

import jax.numpy as jnp
import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from figures import style
from figures.autoencoder.generations import conditions, recipe, simulate_generations
from figures.autoencoder.presets.retraining import SurvivalMap
from figures.autoencoder.problems import four_modes, informed, training_of
from figures.autoencoder.retraining_evidence import mean_and_error
from figures.replication import over_seeds
from sim.replicas import replicated
from sim.store import Group, Run
from theory.autoencoder.modes import splitting_index, survival, survival_edges
from theory.autoencoder.retraining import joint_rules, retrain
from theory.claims import Evidence
from theory.processes import euler_grid

__all__ = ["caption", "draw", "judge", "predict", "simulate"]

AXES = ("strong", "weak")
NODES = 24  # of the averages over real data, an axis
# Runge-Kutta steps a generation: with 60, those of an exploded bulk (variance 30) are
# unstable beyond tau = 4.7 and show thresholds that are not there.
STEPS = 80
TOLERANCE = 0.02  # of the thresholds in tau
TURNED = 0.5  # |Q_12| / sqrt(Q_11 Q_22) from which units share an axis
CLEAR = np.log(2.0)  # |ln(1 + I)| from which a predicted fate is not close to an edge
ASSUMED = (
    "away from a threshold",
    "units on their axes: |Q_12|^2 < Q_11 Q_22 / 4",
)
REACH = 4.0  # of the colours, in decades of 1 + I
FATES = {
    "o": "simulated: kept",
    "X": "simulated: lost",
    "^": "simulated: lost, both units on the strong axis",
}
THRESHOLD = "threshold, symmetric theory"
TURNING = r"the same in theory, start tilted by $\eta\,d^{-1/2}$"
SETTING = "four modes, two units"


def _law(settings: SurvivalMap):
    return four_modes(settings.strong, settings.weak)


def _start(settings: SurvivalMap):
    """A unit along a strong mode and one along a weak one."""
    return informed(2, 4, settings.warm, (0, 2))


def simulate(settings: SurvivalMap, run: Run, progress) -> xr.Dataset:
    """Every (seed, training time) through the generations, in d dimensions."""
    training = training_of(settings)
    what = recipe(
        _law(settings), training, _start(settings), settings.dim,
        settings.generations + 1,
    )  # fmt: skip
    at = conditions(what, [training] * len(settings.taus), settings.taus)

    def one_group(group: Group) -> xr.Dataset:
        return simulate_generations(what, at, group, settings.seed, progress)

    return over_seeds(run, settings.seeds, one_group)


def predict(settings: SurvivalMap, trace: xr.Dataset) -> xr.Dataset:
    """Index of both axes over the map and at the simulated times; thresholds; of runs."""
    training, grid = training_of(settings), euler_grid()
    rules = joint_rules(2, 2**settings.points, NODES)

    def fate(tau, start):
        generations = retrain(
            _law(settings), training, grid, start, tau, settings.generations, rules,
            steps=STEPS,
        )  # fmt: skip
        index = survival(generations, grid, training.activation)
        return index, alignment(generations.Q)

    compiled = replicated(fate)

    def fates(tau, start):
        starts = jnp.broadcast_to(start, (len(tau), *start.shape))
        return [np.asarray(v) for v in compiled(jnp.asarray(tau), starts)]

    map_tau = np.linspace(settings.lowest, settings.highest, settings.columns)
    symmetric = _start(settings)
    both, _ = fates(np.concatenate([map_tau, trace["tau"].values]), symmetric)
    tilt = settings.rate / (settings.strong * settings.dim**0.5)
    _, turned = fates(map_tau, symmetric.at[1, 0].set(tilt))
    q = np.stack([trace["Q"].isel(unit=k, other=k) for k in range(2)], axis=-1)
    b = np.broadcast_to(trace["b"].values[..., None], q.shape)
    index = splitting_index(jnp.asarray(q), jnp.asarray(b), grid, training.activation)
    dims = ("generation", "axis")
    found = xr.Dataset(
        {
            "map": (("map_tau", *dims), both[: len(map_tau)]),
            "theory": (("condition", *dims), both[len(map_tau) :]),
            "turned": (("map_tau", "generation"), turned),
            "index": ((*trace["b"].dims, "axis"), np.asarray(index)),
            "alignment": (trace["b"].dims, alignment(trace["Q"].values)),
        },
        coords={
            "map_tau": map_tau, "generation": trace["generation"], "axis": list(AXES),
        },
    )  # fmt: skip
    return found.merge(
        _thresholds(found["map"], lambda tau: fates(np.array([tau]), symmetric)[0][0])
    )


def alignment(Q):
    """How far two units share an axis, |Q_12| / sqrt(Q_11 Q_22)."""
    return abs(Q[..., 0, 1]) / (Q[..., 0, 0] * Q[..., 1, 1]) ** 0.5


def _thresholds(on_map: xr.DataArray, fate_at) -> xr.Dataset:
    """Training times at which each axis appears or is lost in each generation."""
    known: dict[float, np.ndarray] = dict(
        zip(on_map["map_tau"].values.tolist(), on_map.values, strict=True)
    )

    def fate(tau: float) -> np.ndarray:
        if float(tau) not in known:
            known[float(tau)] = fate_at(tau)
        return known[float(tau)]

    rows = []
    for g in range(on_map.sizes["generation"]):
        for k in range(len(AXES)):
            edges = survival_edges(
                lambda tau, g=g, k=k: fate(tau)[g, k], on_map["map_tau"], TOLERANCE
            )
            rows += [(g, k, edge.tau, edge.appears) for edge in edges]
    table = np.array(rows, dtype=float).reshape(-1, 4)
    return xr.Dataset(
        {
            "edge_generation": ("edge", table[:, 0].astype(int)),
            "edge_axis": ("edge", table[:, 1].astype(int)),
            "edge_tau": ("edge", table[:, 2]),
            "edge_appears": ("edge", table[:, 3] > 0),
        }
    )


def draw(settings: SurvivalMap, trace: xr.Dataset, curves: xr.Dataset) -> Figure:
    """A map for each axis, simulated fates as marks, thresholds as numbers."""
    fig, axes = style.panels(2, 1, height=2.5, sharex=True)
    distances = (settings.strong, settings.weak)
    for k, ax in enumerate(axes[:, 0]):
        title = rf"{AXES[k].capitalize()} modes at $\pm{distances[k]:g}$"
        style.panel(ax, title, "", "generation $g$", whole="y")
        mesh = _map(ax, curves["map"].isel(axis=k))
        _thresholds_of(ax, curves, k)
        lost = curves["alignment"] > TURNED if k else xr.zeros_like(trace["b"], bool)
        _fates(ax, trace, curves["index"].isel(axis=k), lost)
        ax.set_xlim(settings.lowest, settings.highest)
        ax.set_ylim(-0.5, settings.generations + 0.5)
    _turning(axes[1, 0], (curves["turned"] > TURNED) & (curves["map"].isel(axis=1) > 0))
    axes[1, 0].set_xlabel(r"training time $\tau$ of each generation")
    label = r"bimodality, $\log_{10}(1+I)$ (two modes iff $>0$)"
    fig.colorbar(mesh, ax=axes[:, 0].tolist(), label=label, extend="both")
    handles = {
        artist.get_label(): artist
        for ax in axes[:, 0]
        for artist in (*ax.get_lines(), *ax.collections)
    }
    names = [name for name in (*FATES.values(), THRESHOLD, TURNING) if name in handles]
    fig.legend(
        [handles[name] for name in names], names, loc="outside upper center", ncols=3,
        fontsize="small",
    )  # fmt: skip
    return fig


def _turning(ax: Axes, turned: xr.DataArray) -> None:
    """Hatched: kept in symmetric theory, but a tilted start ends with both units strong."""
    for n, g in enumerate(turned["generation"].values):
        ax.fill_between(
            turned["map_tau"], g - 0.5, g + 0.5, where=turned.isel(generation=n).values,
            step="mid", facecolor="none", edgecolor="#9a9a9a", hatch="////", linewidth=0,
            label=TURNING if n == 0 else "_turning",
        )  # fmt: skip


def _map(ax: Axes, index: xr.DataArray):
    values = np.log10(1.0 + index).transpose("generation", "map_tau")
    mesh = ax.pcolormesh(
        index["map_tau"], index["generation"], values, shading="nearest",
        cmap="RdBu", vmin=-REACH, vmax=REACH, rasterized=True,
    )  # fmt: skip
    mesh.set_label("predicted index")
    ax.grid(visible=False)
    return mesh


def _thresholds_of(ax: Axes, curves: xr.Dataset, k: int) -> None:
    """A solid line across its generation's row at each threshold, with its value."""
    of_axis = np.flatnonzero(curves["edge_axis"].values == k)
    for n, e in enumerate(of_axis):
        g, tau = int(curves["edge_generation"][e]), float(curves["edge_tau"][e])
        label = THRESHOLD if n == 0 else "_threshold"
        style.theory(ax, [tau, tau], [g - 0.5, g + 0.5], label, "black")
        kept_right = bool(curves["edge_appears"][e])
        ax.annotate(
            f"{tau:.2f}", (tau, g + 0.26), xytext=(3 if kept_right else -3, 0),
            textcoords="offset points", ha="left" if kept_right else "right",
            fontsize=7.5,
            bbox={"facecolor": "white", "alpha": 0.75, "linewidth": 0, "pad": 0.8},
        )  # fmt: skip


def _fates(
    ax: Axes, trace: xr.Dataset, index: xr.DataArray, turned: xr.DataArray
) -> None:
    """A mark for what became of the two modes in most runs."""
    most = lambda of: (
        (of.mean("seed") > 0.5).transpose("condition", "generation").values
    )
    fate = np.where(most(turned), "^", np.where(most(index > 0), "o", "X"))
    tau, g = np.meshgrid(trace["tau"], index["generation"], indexing="ij")
    for marker, label in FATES.items():
        at = fate == marker
        if at.any():
            ax.plot(
                tau[at], g[at] - 0.1, marker, color="white", markersize=6,
                markeredgecolor="black", markeredgewidth=0.8, label=label,
            )  # fmt: skip


def judge(
    settings: SurvivalMap, trace: xr.Dataset, curves: xr.Dataset
) -> list[Evidence]:
    """Fate of every axis, time and generation that is not close to a threshold."""
    setting, seeds = f"{SETTING}, d = {settings.dim}", trace.sizes["seed"]
    logs = np.log1p(curves["index"])
    predicted = np.log1p(curves["theory"]).transpose("condition", "generation", "axis")
    away = abs(predicted.values) > CLEAR
    aligned = curves["alignment"].transpose("seed", "condition", "generation")
    so_far = np.maximum.accumulate(aligned.max("seed").values, axis=1)
    on_axes = np.broadcast_to(so_far[..., None] < TURNED, away.shape)
    clear = away & on_axes
    slack = logs.transpose("seed", *predicted.dims) * np.sign(predicted)
    mean, error = mean_and_error(slack)
    count = f"{clear.sum()} of {clear.size} are both"
    stable, stable_error = mean_and_error(TURNED**2 - aligned**2)
    best = logs.isel(axis=0, generation=-1)
    longest = int(np.argmax(trace["tau"].values))
    longer, longer_error = mean_and_error(best.isel(condition=longest))
    common = {"dof": max(seeds - 1, 1), "seeds": seeds}
    return [
        Evidence(
            "ae-survival", setting, "<=", mean.values[clear], error.values[clear],
            hypotheses=tuple((name, bool(clear.any()), count) for name in ASSUMED), **common,
        ),
        Evidence(
            "ae-axes-are-stable", setting, "<=", stable, stable_error, **common
        ),
        Evidence(
            "ae-more-training-keeps", f"{setting}, strong modes, longest training",
            "<=", longer, longer_error, **common,
        ),
    ]  # fmt: skip


def caption(settings: SurvivalMap, trace: xr.Dataset) -> str:
    """What is shown, with every setting needed to repeat it."""
    return (
        "Which modes are left after retraining; derived here, the body of the paper could not "
        f"be read. Four equal modes, (+-{settings.strong:g}, 0) and (0, +-{settings.weak:g}), "
        "variance 1, two tanh units, every generation started along a strong and a weak mode "
        f"({settings.warm:g} mu), noise level {settings.t:g}, eta = {settings.rate:g}, weight "
        f"decay {settings.decay:g}/d, trained for tau on samples of the generation before (99 "
        "of 100 Euler steps). Colour: index of the axis by the closed recursion (2^"
        f"{settings.points} points), blue where it keeps two modes; vertical lines with "
        f"numbers: thresholds in tau, solved to {TOLERANCE:g}. Marks: "
        f"{trace.sizes['seed']} networks in d = {settings.dim} dimensions, by what became of the "
        "modes in most. Too little training loses modes, and so does too much. The "
        "symmetric theory keeps each unit on its axis, but that is unstable: within a generation "
        "or two the weak unit may turn to the strong modes (triangles), and the weak ones are "
        "lost although it keeps them; hatched: where theory says so too, once that unit starts "
        "with an overlap eta/sqrt(d) with the strong axis."
    )
