r"""sc3: what synthetic data do to other learners, with the real data fresh or reused.

For an unbiased learner at the parametric rate, :math:`nE\mu^2 = 1-X` with fresh and
:math:`1+X` with reused real data: the sign of the effect is the protocol's. A kernel density
and a minimax binomial are biased, and rise and fall under either.
"""

import numpy as np
import xarray as xr
from matplotlib.figure import Figure

from figures import style
from figures.replication import interval, over_seeds
from figures.self_consuming.evidence import mean_is, pathwise, skewed_sandwich
from figures.self_consuming.loops import simulate_loop
from figures.self_consuming.peak import curve_of, higher_at
from figures.self_consuming.presets.transition import Learners
from figures.self_consuming.protocols import CASES, Case, case_theory
from sim.store import Group, Run
from theory.claims import Evidence
from theory.self_consuming.phase_transition import shape_v2

__all__ = ["caption", "draw", "judge", "predict", "simulate"]

FINE = 40
KEPT = ("tv", "tv_step", "law_mean")
SQUARE_TOLERANCE = 0.1
COLOURS = {"fresh": style.SERIES[0], "reused": style.SERIES[1], "iid": style.SERIES[2]}
MARKERS = {"fresh": "o", "reused": "s", "iid": "D"}
RATES = (0.25, 0.4, 0.5)
ROUNDING = 1e-14


def simulate(settings: Learners, run: Run, progress) -> xr.Dataset:
    """The loops of all cases; each has its own amounts and generations, so its own names."""

    def one_group(group: Group) -> xr.Dataset:
        parts = []
        for case in CASES:
            labels = {
                "copy": range(case.copies(settings)),
                "lam": case.lams(settings),
            }
            part = simulate_loop(
                case.loop(settings, case), group.part(case.name), settings.seed,
                labels, progress, case.batching,
            )  # fmt: skip
            part = part[[name for name in KEPT if name in part]]
            own = (*part, "copy", "lam", "generation")
            parts.append(part.rename({name: f"{case.name}_{name}" for name in own}))
        return xr.merge(parts)

    return over_seeds(run, settings.seeds, one_group)


def of_case(trace: xr.Dataset, case: Case) -> xr.Dataset:
    """A case's results under their common names; copies are seeds of their own."""
    part = _named(trace, case)
    part = part.stack(run=("seed", "copy"), create_index=False)
    return part.drop_vars(("seed", "copy")).rename(run="seed")


def predict(settings: Learners, trace: xr.Dataset) -> xr.Dataset:
    """`case_theory` of every case, under its name."""
    parts = []
    for case in CASES:
        part = case_theory(settings, case, FINE)
        parts.append(
            part.rename({name: f"{case.name}_{name}" for name in (*part, "lam")})
        )
    return xr.merge(parts)


def _named(whole: xr.Dataset, case: Case) -> xr.Dataset:
    """The part of a case, under common names."""
    own = {
        name: str(name).removeprefix(f"{case.name}_")
        for name in whole.variables
        if str(name).startswith(f"{case.name}_")
    }
    return whole[[name for name in own if name in whole.data_vars]].rename(own)


def draw(settings: Learners, trace: xr.Dataset, curves: xr.Dataset) -> Figure:
    """TV of the three learners, and E mu^2 of the Gaussian."""
    fig, axes = style.panels(2, 2, height=2.9)
    amount, tv = (
        r"synthetic over real points $\lambda=m/n$",
        r"$\mathbb{E}\,\mathrm{TV}$",
    )
    (kernel, gaussian), (binomial, square) = axes
    K, G = settings.models, settings.cheap_models
    style.panel(kernel, f"Kernel density ($r=2/5$), V2, model {K}", amount, tv)
    style.panel(gaussian, f"Gaussian ($r=1/2$), V2, model {G}", amount, tv)
    style.panel(binomial, f"Minimax binomial ($r=1/2$), V1, model {G}", amount, tv)
    style.panel(
        square, f"Mirror: Gaussian, V2, model {G}", amount, r"$n\,\mathbb{E}\,\mu^2$"
    )
    of = {"kernel": kernel, "gaussian": gaussian, "binomial": binomial}
    for case in CASES:
        part = of_case(trace, case).isel(generation=-1)
        said = _named(curves, case)
        _case(of[case.learner], case, part, said)
        if case.learner == "gaussian":
            n = settings.n
            found = n * part["law_mean"].isel(coordinate=0) ** 2
            _series(square, case, n * said["mean_square"], found)
            if case.protocol == "reused":
                _thresholds(square, said, ("threshold",))
    style.reference(square, 1.0)
    for ax in axes.flat:
        ax.set_xscale("symlog", linthresh=1.0, linscale=0.5)
        right = float(max(line.get_xdata()[-1] for line in ax.lines[:1]))
        ticks = [0, *(10**k for k in range(int(np.log10(right)) + 1))]
        ax.set_xticks(ticks, [str(t) for t in ticks])
        ax.set_xlim(-0.06, 1.15 * right)
        low, high = ax.get_ylim()
        ax.set_ylim(low, high + 0.75 * (high - low))
        labels = ax.get_legend_handles_labels()[1]  # thresholds last
        style.legend(
            ax, sorted(labels, key=lambda text: "ast" in text), loc="upper left",
            fontsize="x-small", frameon=True, framealpha=0.9, edgecolor="none",
        )  # fmt: skip
    return fig


def _case(ax, case: Case, part: xr.Dataset, said: xr.Dataset) -> None:
    if case.learner == "binomial":
        label = "iid: TV of the mean law, exact"
        colour = COLOURS[case.protocol]
        style.theory(ax, said["lam"], said["lower"], label, colour)
        _points(ax, case, part["tv"])
    else:
        _series(ax, case, said["prediction"], part["tv"])
    if case.protocol != "fresh":
        _thresholds(ax, said, ("threshold", "bounds_threshold"))


def _series(ax, case: Case, line: xr.DataArray, values: xr.DataArray) -> None:
    colour = COLOURS[case.protocol]
    style.theory(ax, line["lam"], line, f"{case.protocol}: predicted", colour)
    _points(ax, case, values)


def _points(ax, case: Case, values: xr.DataArray) -> None:
    mean, low, high = interval(values)
    style.simulation(
        ax, values["lam"], mean, f"{case.protocol}: simulated, 95 %", low=low, high=high,
        colour=COLOURS[case.protocol], marker=MARKERS[case.protocol],
    )  # fmt: skip


def _thresholds(ax, said: xr.Dataset, names) -> None:
    for name in names:
        at = float(said[name])
        whose, dash = {
            "threshold": ("model", (0, (4, 2))),
            "bounds_threshold": ("bound's shape", (0, (1, 1.5))),
        }[name]
        label = rf"$\lambda^\ast={at:.2f}$: {whose}"
        ax.axvline(at, color="#444444", linewidth=0.9, linestyle=dash, label=label)


def judge(settings: Learners, trace: xr.Dataset, curves: xr.Dataset) -> list[Evidence]:
    """Each case by itself: the protocol decides the verdict."""
    found = []
    for case in CASES:
        part, said = of_case(trace, case), _named(curves, case)
        found += _case_evidence(settings, case, part, said)
    models = {settings.models, settings.cheap_models}
    found += [never_beats(G, rate) for G in sorted(models) for rate in RATES]
    return found


def _case_evidence(
    settings: Learners, case: Case, part: xr.Dataset, said: xr.Dataset
) -> list[Evidence]:
    setting = case.setting(settings)
    found = pathwise(part, case.schedules(settings), "lam", setting)
    last, at = part.isel(generation=-1), said.sel(lam=list(case.lams(settings)))
    if case.learner == "kernel":
        found += skewed_sandwich(setting, last["tv"], at)
    else:
        found.append(mean_is("sc-prediction", setting, last["tv"], at["prediction"]))
    if case.learner == "gaussian":
        square = last["law_mean"].isel(coordinate=0) ** 2
        expected = at["mean_square"]
        found.append(
            mean_is("sc-mean-square", setting, square, expected, SQUARE_TOLERANCE)
        )
    curve = curve_of([last["tv"]])
    ends, own = curve["lam"].values[[0, -1]], float(said["threshold"])
    shared = {"seeds": last.sizes["seed"]}
    setting = f"{setting}, lambda* = {own:.2f}"
    if case.name != "gaussian_fresh":
        back = higher_at("sc-rise-and-back", setting, curve, own, ends, **shared)
        return [*found, back]
    for claim, sign in (("sc-dip-and-back", -1.0), ("sc-transition-unbiased", 1.0)):
        found.append(higher_at(claim, setting, curve, own, ends, sign, **shared))
    return found


def never_beats(models: int, rate: float) -> Evidence:
    """f_2 - 1 from lambda = 0 to a million."""
    lam = np.append(0.0, np.geomspace(1e-6, 1e6, 2_000))
    slack = np.asarray(shape_v2(lam, models, rate)) - 1.0
    where = f"G = {models}, r = {rate:g}, lambda up to 1e6"
    return Evidence("sc-v2-never-beats", where, "<=", slack, resolution=ROUNDING)


def caption(settings: Learners, trace: xr.Dataset) -> str:
    """What was run, and which curve is of which kind."""
    n, runs = settings.n, trace.sizes["seed"]
    return (
        f"n = {n} real and m = lambda n synthetic points. V2: model 1 sees the n real points, "
        "later models n + m in fixed counts, the real ones drawn anew (fresh) or the same "
        f"(reused). Top left: model {settings.models} of kernel densities, h = "
        f"{settings.constant:g} N^(-1/5), {runs} runs, prediction without free parameter. Top "
        f"right: model {settings.cheap_models} of Gaussians fitted by maximum likelihood, "
        f"{runs * settings.copies} runs, prediction C_G sqrt((1 -/+ X)/n) to first order in 1/n. "
        "Bottom right: E mu^2 of the same runs and its exact recursion. Bottom left: binomial "
        f"p = {settings.p:g} with sqrt(N)/2 pseudo-counts, N = n + m iid draws at every stage "
        "(V1), the TV of its mean law in closed form; the verdict takes the exact chain. "
        "Dashed: threshold of the model; dotted: that of the bound's shape at the learner's r, "
        "another number. Bars are 95 % intervals."
    )
