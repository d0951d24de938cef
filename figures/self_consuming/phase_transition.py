r"""sc2: total variation rises and falls with the synthetic amount; whose threshold is whose.

Every stage draws N = n + m points of :math:`\alpha p_0+\beta\hat p` independently (V1, iid)
and smooths them with :math:`h = cN^{-1/5}`, p_0 = N(0, 1). The bias of a kernel density is of
one sign, so the errors of the stages add up as in the bound: TV itself has the bound's
shape, with a threshold of its own that is predicted without a free parameter.
"""

from collections.abc import Sequence

import jax
import numpy as np
import xarray as xr
from matplotlib.figure import Figure

from figures import style
from figures.replication import interval, over_seeds
from figures.self_consuming import transition_evidence
from figures.self_consuming.loops import Loop, covering_grid, kernel_loop, simulate_loop
from figures.self_consuming.presets.transition import Transition
from figures.self_consuming.transition_evidence import RATES, far_of, schedules_of
from sim.store import Group, Run
from theory.claims import Evidence
from theory.self_consuming.kernel_density.closed_form import (
    second_moment,
    standard_normal_tv,
    tv_threshold,
)
from theory.self_consuming.phase_transition import shape_v1, threshold_v1
from theory.self_consuming.weights import stage_weights

__all__ = ["caption", "draw", "judge", "predict", "simulate"]

FINE = 40  # amounts at which curves are drawn, beside the simulated ones
MARKS = {
    "moment": ("second moment = bound's shape, $r=2/5$", style.SERIES[2]),
    "prediction": ("TV, prediction", style.SERIES[0]),
    "lower": ("TV of the mean law", style.SERIES[5]),
    "quarter": ("bound's shape, $r=1/4$", style.SERIES[3]),
}
"""Thresholds: name and colour."""


def _bandwidths(settings: Transition, lams) -> np.ndarray:
    size = settings.n * (1.0 + np.asarray(lams, dtype=float))
    return settings.constant * size**-0.2


def _loop(settings: Transition, lams: Sequence[float]) -> Loop:
    schedules, h = schedules_of(settings, lams), _bandwidths(settings, lams)[:, None]
    grid, _ = covering_grid(settings.half_width, schedules, h)
    return kernel_loop(schedules, "iid", h, grid)


def simulate(settings: Transition, run: Run, progress) -> xr.Dataset:
    """Every seed at every amount; the far ones, with fewer seeds, as `far_...`."""

    def amounts(lams, most: int, name: str = "") -> xr.Dataset:
        loop = _loop(settings, lams)

        def one_group(group: Group) -> xr.Dataset:
            at = group.part(name) if name else group
            seeds = range(at.seeds.start, min(at.seeds.stop, most))
            part = Group(at.path, seeds, at.hold)
            return simulate_loop(loop, part, settings.seed, {"lam": lams}, progress)

        return over_seeds(run, most, one_group)

    near = amounts(settings.lams, settings.seeds)
    far = amounts(settings.far_lams, min(settings.seeds, settings.far_seeds), "far")
    return near.merge(far.rename({name: f"far_{name}" for name in (*far, *AXES)}))


AXES = ("seed", "lam")


def predict(settings: Transition, trace: xr.Dataset) -> xr.Dataset:
    """TV with its companions, second moment and bounds in the amount; thresholds."""
    simulated = (*settings.lams, *settings.far_lams)
    fine = np.append(np.linspace(0, 1, 4), np.geomspace(1, simulated[-1], FINE))
    lam = np.unique(np.append(fine, simulated))
    N, h, G = settings.n * (1.0 + lam), _bandwidths(settings, lam), settings.models
    tv = jax.jit(jax.vmap(lambda *at: standard_normal_tv(*at, G)))(
        lam / (1 + lam), h, N
    )
    curves = xr.Dataset(coords={"lam": lam})
    for name in ("lower", "prediction", "upper"):
        curves[name] = ("lam", np.asarray(getattr(tv, name)))
    for name, rate in RATES.items():
        curves[f"shape_{name}"] = ("lam", np.asarray(shape_v1(lam, G, rate)))
        curves[f"threshold_{name}"] = threshold_v1(G, rate)
    # h^2 is a rate-2/5 error, so the bound of that rate is an identity here
    excess = settings.constant**2 * settings.n**-0.4
    curves["moment"] = 1.0 + excess * curves["shape_moment"]
    for curve in ("lower", "prediction"):
        peak = tv_threshold(settings.n, G, settings.constant, curve)
        curves[f"threshold_{curve}"], curves[f"peak_{curve}"] = peak
    step = trace["tv_step"].isel(lam=0, generation=0)
    curves["first_error"] = float(step.mean("seed"))
    schedules = schedules_of(settings, simulated)
    steps = xr.concat(
        [trace["tv_step"].mean("seed"), far_of(trace)["tv_step"].mean("seed")], "lam"
    )
    h = _bandwidths(settings, simulated)
    bound = [
        float(stage_weights(s) @ e)
        for s, e in zip(
            schedules, steps.transpose("lam", "generation").values, strict=True
        )
    ]
    identity = [float(second_moment(s, k)) for s, k in zip(schedules, h, strict=True)]
    curves["bound"] = ("simulated", np.array(bound))
    curves["identity"] = ("simulated", np.array(identity))
    return curves.assign_coords(simulated=np.array(simulated))


def draw(settings: Transition, trace: xr.Dataset, curves: xr.Dataset) -> Figure:
    """TV against the amount; the bound and its looseness; the second moment."""
    fig = Figure(figsize=(style.PAGE, 5.6), layout="constrained")
    axes = fig.subplot_mosaic([["tv", "tv"], ["bound", "moment"]])
    amount = r"synthetic over real points $\lambda=m/n$"
    G = settings.models
    style.panel(
        axes["tv"], f"Model {G}: kernel density, iid mixture, V1 ($N=n+m$), $r=2/5$",
        amount, r"$\mathbb{E}\,\mathrm{TV}(\hat p,\,p_0)$",
    )  # fmt: skip
    style.panel(axes["bound"], "Bound and truth", amount, "TV and bounds on it")
    style.panel(
        axes["moment"], "Second moment: the bound is an identity", amount,
        r"$\mathbb{E}\int x^2\,\hat p$",
    )  # fmt: skip
    last = {"generation": -1}
    parts = [trace.isel(last), far_of(trace).isel(last)]
    _tv(axes["tv"], parts, curves)
    _bound(axes["bound"], parts, curves)
    style.theory(axes["moment"], curves["lam"], curves["moment"], r"$1+\sum_sA_sh_s^2$")
    _simulated(axes["moment"], parts, "law_second_moment")
    _threshold(axes["moment"], curves, "moment")
    low, high = axes["moment"].get_ylim()
    axes["moment"].set_ylim(low, high + 0.35 * (high - low))
    for ax in axes.values():
        ax.set_xscale("symlog", linthresh=1.0, linscale=0.5)
        ax.set_xticks([0, 1, 10, 100, 1000], ["0", "1", "10", "100", "1000"])
        ax.set_xlim(-0.06, 1.15 * float(curves["lam"][-1]))
    style.legend(axes["bound"], loc="upper left", fontsize="x-small")
    style.legend(
        axes["moment"], loc="upper left", fontsize="x-small", frameon=True,
        framealpha=0.9, edgecolor="none",
    )  # fmt: skip
    _two_legends(axes["tv"])
    return fig


def _two_legends(ax) -> None:
    """Curves above, thresholds below."""
    labels = ax.get_legend_handles_labels()[1]
    marks = [label for label in labels if "ast" in label]
    style.legend(ax, marks, loc="lower left", fontsize="small", labelspacing=0.3)
    ax.add_artist(ax.get_legend())
    rest = [label for label in labels if label not in marks]
    style.legend(ax, rest, loc="upper left", fontsize="small")


def _tv(ax, parts, curves: xr.Dataset) -> None:
    lam = curves["lam"]
    style.bound(ax, lam, curves["upper"], "rigorous upper and lower", forbids="above")
    style.bound(ax, lam, curves["lower"], "", forbids="below")
    style.theory(ax, lam, curves["prediction"], "prediction (no free parameter)")
    _simulated(ax, parts, "tv")
    style.reference(ax, float(curves["prediction"].sel(lam=0)))
    for name in MARKS:
        _threshold(ax, curves, name)
    top = float(curves["upper"].max())
    ax.set_ylim(-0.18 * top, 1.25 * top)
    ax.set_yticks([tick for tick in ax.get_yticks() if 0 <= tick < 1.25 * top])


def _bound(ax, parts, curves: xr.Dataset) -> None:
    at, bound = curves["simulated"], curves["bound"]
    shape_top = float(curves["first_error"] * curves["shape_quarter"].max())
    style.bound(ax, at, bound, "bound, measured one-step errors", forbids="above")
    for name, label in (("quarter", "1/4"), ("moment", "2/5")):
        shape = float(curves["first_error"]) * curves[f"shape_{name}"]
        colour = MARKS[name][1]
        ax.plot(
            curves["lam"], shape, "--", color=colour,
            label=f"rate shape, constant from stage 0: $r={label}$ (shape only)",
        )  # fmt: skip
    _simulated(ax, parts, "tv")
    truth = np.concatenate([part["tv"].mean("seed").values for part in parts])
    ratio = bound.values / truth
    for k in _spread(at.values):
        ax.annotate(
            rf"$\times${ratio[k]:.1f}", (at.values[k], truth[k]), (0, -13),
            textcoords="offset points", ha="center", fontsize=7.5, color=style.BOUND,
        )  # fmt: skip
    top = float(max(bound.max(), shape_top))
    ax.set_ylim(-0.1 * top, 1.75 * top)
    ax.set_yticks([tick for tick in ax.get_yticks() if 0 <= tick < 1.75 * top])


def _spread(lam: np.ndarray) -> list[int]:
    """Indices of amounts far enough from 0 and from each other for a label each."""
    chosen, last = [], 0.0
    for k, x in enumerate(np.log1p(lam)):
        if x - last > 0.9:
            chosen, last = [*chosen, k], x
    return chosen


def _simulated(ax, parts, name: str) -> None:
    for label, part in zip(("simulated, 95 %", ""), parts, strict=True):
        mean, low, high = interval(part[name])
        style.simulation(ax, part["lam"], mean, label, low=low, high=high)


def _threshold(ax, curves: xr.Dataset, name: str) -> None:
    said, colour = MARKS[name]
    at = float(curves[f"threshold_{name}"])
    label = rf"$\lambda^\ast={at:.2f}$: {said}"
    ax.axvline(at, color=colour, linewidth=1.0, linestyle=(0, (4, 2)), label=label)


def judge(
    settings: Transition, trace: xr.Dataset, curves: xr.Dataset
) -> list[Evidence]:
    """See `transition_evidence`."""
    return transition_evidence.judge(settings, trace, curves)


def caption(settings: Transition, trace: xr.Dataset) -> str:
    """What was run, and which curve is of which kind."""
    return (
        f"Loop of {settings.models} Gaussian kernel densities, p_0 = N(0, 1), n = "
        f"{settings.n} real and m = lambda n synthetic points: every stage draws N = n + m "
        f"points independently from the mixture (iid, V1), h = {settings.constant:g} "
        f"N^(-1/5); {trace.sizes['seed']} runs ({trace.sizes['far_seed']} beyond lambda = "
        f"{settings.lams[-1]:g}), points with 95 % intervals. Top: mean TV of the last model, "
        "its prediction without free parameter, rigorous companions as shaded edges, dotted "
        "the level at m = 0. Four thresholds: the model's own (prediction, and that of its "
        "mean law), the second moment's, and that of the bound's shape at r = 1/4, which is "
        "not the model's. Bottom left: the bound from measured one-step errors, numbers: how "
        "many times the truth it is; dashed: rate shapes, their constant from stage 0 alone. "
        "Bottom right: the second moment, for which the bound at r = 2/5 is an identity."
    )
