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

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.ticker import MaxNLocator, NullFormatter

from figures import style
from figures.error_propagation.presets import OneGeneration
from figures.error_propagation.shared_run import (
    CLEAN,
    LEARNERS,
    NETWORKS,
    SMALL,
    STRATA,
    evaluated,
    of_means,
    of_networks,
    points,
    resolution,
    simulate,
    typical,
    where_it_applies,
)
from theory.claims import Evidence

__all__ = ["caption", "draw", "judge", "predict", "simulate"]

DOF = STRATA // 2  # of an energy's standard error, which comes from a pair per stratum
LARGEST_SHARE = 0.3  # of one draw in a chi-square that is still taken for a number
MARGIN = 0.05  # relative difference up to which two sides of an identity are equal


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
            "floor": evaluated("chi2_lower_clean", visible / star, star),
            "sandwich_low": evaluated("sandwich_lower", eta, star, r),
            "sandwich_high": evaluated("sandwich_upper", eta, star, r),
            "small": star <= 1.0,
            "clean": np.sqrt(np.maximum(visible, 0.0)) > 2.0 * r,
            "chi2": trace["chi2"].where(~(trace["chi2_largest_share"] > LARGEST_SHARE)),
            "chi2_least": np.expm1(trace["kl"]),  # KL <= log(1 + I)
        }
    )


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
            if learner == "kernel":
                least, mark = at["chi2_least"], f"at least, {case}"
                points(below, x, least, at["floor"], mark, colour, marker="^")
        if learner in NETWORKS:
            _sandwiches(below, trace.sel(learner=learner), settings.alphas, offsets)
        above.yaxis.set_minor_formatter(NullFormatter())
        below.yaxis.set_minor_formatter(NullFormatter())
        below.xaxis.set_major_locator(MaxNLocator(7, integer=True))
    axes[0, 0].set_ylabel(r"KL$(\hat p^{i+1} \| q_i)$")
    axes[1, 0].set_ylabel(r"$\chi^2(\hat p^{i+1} \| q_i)$")
    cases = [f"$\\alpha$ = {alpha:g}" for alpha in settings.alphas]
    style.legend(axes[0, 0], cases, loc="upper left")
    _legend(fig)
    return fig


def _sandwiches(ax: Axes, of: xr.Dataset, alphas, offsets) -> None:
    """Where the sandwich allows chi-square to be, at the mean energy and remainder."""
    star, r = typical(of["eps_star2"]), typical(of["remainder"])
    eta = typical(of["observability"] * of["eps_star2"]) / star
    low, high = (
        evaluated(f"sandwich_{side}", eta, star, r) for side in ("lower", "upper")
    )
    bottom, top = ax.get_ylim()
    for alpha, offset in zip(alphas, offsets, strict=True):
        ax.bar(
            of["generation"] + 1 + offset,
            (high - low).sel(alpha=alpha),
            width=0.12,
            bottom=low.sel(alpha=alpha),
            color=style.fresh_colour(alpha),
            alpha=0.25,
            linewidth=0,
            label=f"sandwich, $\\alpha$ = {alpha:g}",
        )
    # a lower side of 0 lies infinitely far down; the upper sides are all to be seen
    ax.set_ylim(bottom, max(top, 1.2 * float(high.max())))


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


def caption(settings: OneGeneration, trace: xr.Dataset) -> str:
    """What is shown, with every setting needed to repeat it."""
    star = trace["eps_star2"].sel(learner="kernel")
    return (
        "What one model adds to the law q_i of its training data, by fresh fraction alpha. "
        "Top: KL (points) under half the energy of the score error on the learned path, plus "
        "the KL between start laws (edge). Bottom: chi-square over eta eps*^2/8 (edge), and "
        "for the networks within the sandwich |sqrt(I) - sqrt(eta) eps*| <= r (band). Left: "
        f"kernel score of bandwidth {settings.bandwidth:g} on {settings.n_kernel:,} points of "
        "five modes in 10-D, samples treated as clean data; laws known exactly, "
        f"{settings.n_eval:,} draws per divergence and per energy, {settings.n_branch:,} pairs "
        "of branches for eta. There the bound on KL is an identity; energies eps*^2 lie between "
        f"{float(star.min()):.2g} and {float(star.max()):.2g}, and above 1 Prop 3.3 claims "
        "nothing. Chi-square itself is shown only where no draw makes over "
        f"{LARGEST_SHARE:.0%} of its mean; triangles are the lower limit that KL implies. "
        + of_means(settings)
        + of_networks(settings, trace)
    )
