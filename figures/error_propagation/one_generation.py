r"""ep3: what one generation adds, between its bounds.

Three recursions: a kernel score on five modes in 10-D, whose laws are known exactly, and
networks in 1-D and 2-D, whose laws are carried on a grid. Energies, divergences and
observability are measured at every generation; the bounds take what was measured, so
nothing is fitted. ep4 and ep5 look at the same runs.

On a grid everything is exact for the Euler-Maruyama chain, and the reference endpoint is
that of the chain with the true score, not q_{t0}. In 10-D everything is a Monte Carlo
estimate with its error. There chi-square is out of reach of sampling: a few draws carry its
mean, so it is bounded from below by KL, and shown itself only where no draw dominates.
"""

import jax
import jax.random as jr
import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.ticker import NullFormatter

from figures import style
from figures.error_propagation.evidence import RESOLUTION
from figures.error_propagation.presets import OneGeneration
from figures.replication import interval, over_seeds, replica_keys, spread_over
from sim.grid import uniform_grid
from sim.learners.kernel import Kernel
from sim.learners.network import Network
from sim.measures.exact_laws import ConsistentEnergies, EndpointDivergences
from sim.measures.observability import Branches
from sim.measures.samples import Moments
from sim.recursion import Recursion
from sim.recursion import run as recurse
from sim.sampling import EndpointDraw, ReverseSDE
from sim.store import Group, Run
from sim.targets import Mixture, bimodal, five_modes
from theory.claims import Evidence
from theory.mixtures import gaussian_mixture
from theory.processes import ou
from theory.symbolic import statement
from theory.validation import require

LEARNERS = {
    "kernel": "Kernel score, 10-D",
    "network1d": "Network, 1-D",
    "network2d": "Network, 2-D",
}
NETWORKS = ("network1d", "network2d")
STRATA = 32  # of the path energies in 10-D
DOF = STRATA // 2  # of their standard errors, which come from one pair per stratum
SEGMENTS = 10  # of a network's training: how often progress ticks
VARIANCE = 0.5  # of each mode in 1-D and 2-D, to be resolved by few reverse steps
HALF_WIDTH = {1: 8.0, 2: 6.0}  # of the grid; what leaves it is measured
LARGEST_SHARE = 0.3  # of one draw in a chi-square that is still taken for a number
MARGIN = 0.05  # relative difference up to which two sides of an identity are equal

SMALL = "eps*^2 <= 1"
CLEAN = "eps*^2 small: sqrt(eta) eps* > 2 r, so C is not needed"


def simulate(settings: OneGeneration, run: Run, progress) -> xr.Dataset:
    """Every measured quantity of every (learner, seed, alpha) at each generation."""
    recursions = _recursions(settings)
    alphas = np.array(settings.alphas)

    def one_group(group: Group) -> xr.Dataset:
        keys = replica_keys(settings.seed, group.seeds, len(alphas))
        alpha = spread_over(alphas[:, None], len(group.seeds))
        traces = []
        for k, (learner, recursion) in enumerate(recursions.items()):
            with progress.stage(LEARNERS[learner]):
                trace = recurse(
                    recursion,
                    jax.vmap(jr.fold_in, in_axes=(0, None))(keys, k),
                    {"alpha": np.tile(alpha, (1, settings.generations))},
                    {"seed": np.array(group.seeds), "alpha": alphas},
                    group.part(learner),
                    progress,
                )
            traces.append(trace)
        learner = xr.DataArray(list(recursions), dims="learner", name="learner")
        return xr.concat(traces, learner, join="outer", combine_attrs="drop")

    return over_seeds(run, settings.seeds, one_group)


def _recursions(settings: OneGeneration) -> dict[str, Recursion]:
    of_strata = settings.n_eval // STRATA
    even = of_strata >= 2 and settings.n_eval % (2 * STRATA) == 0
    require(even, "n_eval", f"a multiple of {2 * STRATA}", settings.n_eval)
    process = ou(settings.T, settings.t0)
    kernel = Recursion(
        target=five_modes(),
        learner=lambda at: Kernel(settings.bandwidth),
        sampler=EndpointDraw(),
        process=process,
        n=settings.n_kernel,
        generations=settings.generations,
        convention="re-noise",
        measures=(
            EndpointDivergences(settings.n_eval),
            ConsistentEnergies(of_strata, STRATA),
            Branches(settings.n_branch, settings.branch_steps),
            Moments(),
        ),
    )
    network = Network(
        width=settings.width,
        steps=settings.training_steps,
        batch=settings.batch,
        segments=SEGMENTS,
    )

    def on_grid(target: Mixture, steps: int, nodes: int) -> Recursion:
        step = (settings.T - settings.t0) / steps
        return Recursion(
            target=target,
            learner=lambda at: network,
            sampler=ReverseSDE(steps),
            process=process,
            n=settings.n_network,
            generations=settings.generations,
            grid=uniform_grid(HALF_WIDTH[target.dim], nodes, target.dim, step),
        )

    return {
        "kernel": kernel,
        "network1d": on_grid(
            bimodal(variance=VARIANCE), settings.steps_1d, settings.nodes_1d
        ),
        "network2d": on_grid(_triangle(), settings.steps_2d, settings.nodes_2d),
    }


def _triangle() -> Mixture:
    """Three equal modes in the plane, at distance 2 from the origin."""
    angle = np.pi / 2 + 2 * np.pi * np.arange(3) / 3
    means = 2.0 * np.stack([np.cos(angle), np.sin(angle)], axis=1)
    return Mixture(gaussian_mixture(np.full(3, 1 / 3), means, VARIANCE))


def predict(settings: OneGeneration, trace: xr.Dataset) -> xr.Dataset:
    """Both sides' bounds from the measured energies, and where their hypotheses hold."""
    eta, star, r = trace["observability"], trace["eps_star2"], trace["remainder"]
    visible = xr.where(
        trace["learner"] == "kernel", trace["visible_energy"], eta * star
    ).transpose(*star.dims)
    return xr.Dataset(
        {
            "kl_bound": evaluated(
                "kl_girsanov_start", trace["eps_hat2"], trace["start_kl"]
            ),
            "visible": visible,
            "floor": visible / star * evaluated("chi2_lower_clean", 1.0, star),
            "sandwich_low": evaluated("sandwich_lower", eta, star, r),
            "sandwich_high": evaluated("sandwich_upper", eta, star, r),
            "small": star <= 1.0,
            "clean": np.sqrt(np.maximum(visible, 0.0)) > 2.0 * r,
            "chi2": trace["chi2"].where(~(trace["chi2_largest_share"] > LARGEST_SHARE)),
            "chi2_least": np.expm1(trace["kl"]),  # KL <= log(1 + I)
        }
    )


def evaluated(key: str, *arguments) -> xr.DataArray:
    """Right-hand side of a statement of this paper, element by element."""
    of = statement(f"error_propagation.{key}")
    return xr.apply_ufunc(lambda *a: np.asarray(of(*a)), *arguments)


def draw(settings: OneGeneration, trace: xr.Dataset, curves: xr.Dataset) -> Figure:
    """KL below its bound, chi-square above its floor; one column per learner."""
    fig, axes = style.panels(2, len(LEARNERS), height=2.6, sharex=True)
    offsets = 0.16 * (np.arange(len(settings.alphas)) - (len(settings.alphas) - 1) / 2)
    for (above, below), (learner, name) in zip(axes.T, LEARNERS.items(), strict=True):
        log = "" if learner == "kernel" else "y"
        style.panel(above, f"{name}: KL", "", "", log=log)
        style.panel(below, f"{name}: $\\chi^2$", "model $i+1$", "", log="y")
        for alpha, offset in zip(settings.alphas, offsets, strict=True):
            of = trace.sel(learner=learner, alpha=alpha)
            at = curves.sel(learner=learner, alpha=alpha)
            x, colour = of["generation"] + 1 + offset, style.fresh_colour(alpha)
            case = f"$\\alpha$ = {alpha:g}"
            bound, floor = typical(at["kl_bound"]), typical(at["floor"])
            style.bound(
                above, x, bound, f"bound, {case}", forbids="above", colour=colour
            )
            points(above, x, of["kl"], at["kl_bound"], case, colour)
            style.bound(
                below, x, floor, f"floor, {case}", forbids="below", colour=colour
            )
            points(below, x, at["chi2"], at["floor"], case, colour)
            if learner in NETWORKS:
                _sandwich(below, x, of, f"sandwich, {case}", colour)
            else:
                least, name = at["chi2_least"], f"at least, {case}"
                points(below, x, least, at["floor"], name, colour, marker="^")
        above.yaxis.set_minor_formatter(NullFormatter())
        below.yaxis.set_minor_formatter(NullFormatter())
        below.set_xticks(trace["generation"] + 1)
    axes[0, 0].set_ylabel(r"KL$(\hat p^{i+1} \| q_i)$")
    axes[1, 0].set_ylabel(r"$\chi^2(\hat p^{i+1} \| q_i)$")
    cases = [f"$\\alpha$ = {alpha:g}" for alpha in settings.alphas]
    style.legend(axes[0, 0], cases, loc="upper left")
    _legend(fig)
    return fig


def typical(values: xr.DataArray) -> xr.DataArray:
    """Geometric mean over seeds, where all of them have a positive value."""
    return np.exp(np.log(values.where(values > 0)).mean("seed", skipna=False))


def points(
    ax: Axes,
    x,
    values: xr.DataArray,
    bound: xr.DataArray,
    label: str,
    colour,
    marker: str = "o",
) -> None:
    """Simulated values at their geometric mean over seeds.

    The bound differs from seed to seed as the value does, so the interval is that of
    their ratio, applied at the mean bound: it shows how sure the gap between them is.
    """
    ratio = values / bound
    whole = (ratio > 0).all("seed")
    _, low, high = interval(np.log(ratio.where(ratio > 0)))
    low, high = (np.exp(end).where(whole) * typical(bound) for end in (low, high))
    style.simulation(
        ax, x, typical(values), label, low=low, high=high, colour=colour, marker=marker
    )


def _sandwich(ax: Axes, x, of: xr.Dataset, label: str, colour) -> None:
    """Where the sandwich allows chi-square to be, at the mean energy and remainder."""
    star, r = typical(of["eps_star2"]), typical(of["remainder"])
    eta = typical(of["observability"] * of["eps_star2"]) / star
    low, high = (
        evaluated(f"sandwich_{side}", eta, star, r) for side in ("lower", "upper")
    )
    limits = ax.get_ylim()
    ax.bar(
        x,
        high - low,
        0.12,
        bottom=low,
        color=colour,
        alpha=0.25,
        linewidth=0,
        label=label,
    )
    ax.set_ylim(limits)  # a lower side of 0 lies infinitely far down


def _legend(fig: Figure) -> None:
    """What the marks mean, in whatever colour."""
    grey = {"color": style.BOUND}
    marks = {
        r"Prop 3.1 (top), $\eta\,\varepsilon_\star^2/8$ (bottom)": Line2D(
            [], [], linewidth=0.9, **grey
        ),
        "simulated": Line2D([], [], marker="o", ls="", **grey),
        r"at least $e^{\mathrm{KL}}-1$": Line2D([], [], marker="^", ls="", **grey),
        r"$|\chi-\sqrt{\eta}\,\varepsilon_\star|\leq r$": Patch(
            alpha=0.25, linewidth=0, **grey
        ),
    }
    fig.legend(
        [*marks.values()],
        [*marks],
        loc="outside lower center",
        ncols=len(marks),
        columnspacing=1.5,
    )


def judge(
    settings: OneGeneration, trace: xr.Dataset, curves: xr.Dataset
) -> list[Evidence]:
    """Prop 3.1 and 3.3 for every learner; what is known beyond them for each kind."""
    found = []
    for learner, name in LEARNERS.items():
        for alpha in settings.alphas:
            of = trace.sel(learner=learner, alpha=alpha)
            at = curves.sel(learner=learner, alpha=alpha)
            more = {"setting": f"{name}, alpha = {alpha:g}", "seeds": settings.seeds}
            if learner == "kernel":
                found += _of_kernel(of, at, more | {"n": settings.n_eval})
            else:
                found += _of_network(of, at, more)
    return found


def _of_kernel(of: xr.Dataset, at: xr.Dataset, more: dict) -> list[Evidence]:
    """Estimates, each with its error; the equality is judged over all of them together.

    Chi-square is stood in for by what KL makes certain of it, which only shortens slacks.
    """
    slack = at["kl_bound"] - of["kl"]
    error = np.sqrt(
        of["kl_se"] ** 2 + of["start_kl_se"] ** 2 + of["eps_hat2_se"] ** 2 / 4
    )
    relative, count = slack / at["kl_bound"], slack.size
    pooled = np.sqrt(((error / at["kl_bound"]) ** 2).sum()) / count
    return [
        Evidence(
            claim="prop-3.1",
            relation="<=",
            slack=slack,
            standard_error=error,
            dof=DOF,
            scale=at["kl_bound"],
            **more,
        ),
        Evidence(
            claim="kl-equality",
            relation="==",
            slack=relative.mean(),
            standard_error=pooled,
            dof=DOF * count,
            margin=MARGIN,
            **more,
        ),
        where_it_applies(
            "prop-3.3",
            at["chi2_least"] - at["floor"],
            at["floor"],
            {SMALL: at["small"], CLEAN: at["clean"]},
            standard_error=np.sqrt(
                ((1.0 + at["chi2_least"]) * of["kl_se"]) ** 2
                + (of["visible_energy_se"] / 8) ** 2
            ),
            **more,
        ),
    ]


def _of_network(of: xr.Dataset, at: xr.Dataset, more: dict) -> list[Evidence]:
    """Exact up to what left the grid; the sandwich needs no hypothesis."""
    inside = np.minimum(
        at["chi2"] - at["sandwich_low"], at["sandwich_high"] - at["chi2"]
    )
    judged = {
        "prop-3.1": (at["kl_bound"] - of["kl"], at["kl_bound"]),
        "sandwich": (inside, at["sandwich_high"]),
    }
    return [
        *(
            Evidence(
                claim=claim,
                relation="<=",
                slack=slack,
                resolution=resolution(scale, of),
                scale=scale,
                **more,
            )
            for claim, (slack, scale) in judged.items()
        ),
        where_it_applies(
            "prop-3.3",
            at["chi2"] - at["floor"],
            at["floor"],
            {SMALL: at["small"], CLEAN: at["clean"]},
            resolution=resolution(at["floor"], of),
            **more,
        ),
    ]


def resolution(scale: xr.DataArray, of: xr.Dataset) -> xr.DataArray:
    """Accuracy of a slack on the grid: rounding, and the mass that left it."""
    return RESOLUTION * scale + abs(of["mass_lost"])


def where_it_applies(
    claim: str,
    slack: xr.DataArray,
    scale: xr.DataArray,
    hypotheses: dict[str, xr.DataArray],
    *,
    standard_error: xr.DataArray | float = 0.0,
    resolution: xr.DataArray | float = 0.0,
    **more,
) -> Evidence:
    """Evidence from those generations of those seeds at which all hypotheses hold.

    Where none does, all are given with the hypotheses that fail: the claim does not apply.
    """
    applies = xr.concat(list(hypotheses.values()), "hypothesis").all("hypothesis")
    chosen = applies if applies.any() else xr.ones_like(applies)

    def pick(values) -> np.ndarray:
        return (values + xr.zeros_like(slack)).values[chosen.values]

    return Evidence(
        claim=claim,
        relation="<=",
        slack=pick(slack),
        standard_error=pick(standard_error),
        resolution=pick(resolution),
        scale=pick(scale),
        hypotheses=tuple(
            (name, bool(applies.any() or holds.all()), _share(holds))
            for name, holds in hypotheses.items()
        ),
        **more,
    )


def _share(holds: xr.DataArray) -> str:
    return f"at {int(holds.sum())} of {holds.size} generations and seeds"


def caption(settings: OneGeneration, trace: xr.Dataset) -> str:
    """What is shown, with every setting needed to repeat it."""
    return (
        "What one model adds to the law q_i of its training data, at three fresh fractions. "
        "Top: KL (points) under half the energy of the score error on the learned path, plus "
        "the KL between start laws (edge). Bottom: chi-square over eta eps*^2/8 (edge), and "
        "for the networks within the sandwich |sqrt(I) - sqrt(eta) eps*| <= r (band). Left: "
        f"kernel score of bandwidth {settings.bandwidth:g} on {settings.n_kernel:,} points of "
        "five modes in 10-D, samples treated as clean data; laws known exactly, "
        f"{settings.n_eval:,} draws per divergence and per energy, {settings.n_branch:,} pairs "
        "of branches for eta. There the bound on KL is an identity and energies exceed 1, "
        "where Prop 3.3 claims nothing. Chi-square itself is shown only where no draw makes over "
        f"{LARGEST_SHARE:.0%} of its mean; triangles are the lower limit that KL implies. "
        + of_networks(settings, trace)
    )


def of_networks(settings: OneGeneration, trace: xr.Dataset) -> str:
    """The part of a caption that describes the networks and what is exact about them."""
    step_kl = float(trace["step_kl"].max())
    return (
        f"Networks: three layers of {settings.width}, {settings.training_steps:,} steps of "
        f"{settings.batch} on {settings.n_network:,} points of two modes in 1-D and three in "
        f"2-D, variance {VARIANCE:g}; the learned law is carried through {settings.steps_1d} "
        f"reverse steps on {settings.nodes_1d} nodes (1-D) and {settings.steps_2d} on "
        f"{settings.nodes_2d} x {settings.nodes_2d} (2-D). This is exact for the chain, and "
        "the reference endpoint is that of the same chain with the true score (its KL from "
        f"q_i is at most {step_kl:.1g}). Model 1 sees fresh data only. Geometric means over "
        f"{settings.seeds} seeds; intervals (95 %) are those of the ratio to the bound, which "
        f"differs from seed to seed too. T = {settings.T:g}, t0 = {settings.t0:g}."
    )
