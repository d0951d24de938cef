r"""ep4: divergence and energy are equivalent, generation by generation.

The networks of ep3, at the fresh fractions below 0.9: chi-square and KL lie between
:math:`\eta\varepsilon_\star^2/4` and :math:`4\varepsilon_\star^2`, the leading terms of Prop
3.3 and Thm 3.4. The terms of order :math:`\varepsilon_\star^4`, whose constants are unknown,
are left out, so both are judged where the computable remainder r is small enough.
"""

import numpy as np
import xarray as xr
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from figures import style
from figures.error_propagation.presets import OneGeneration
from figures.error_propagation.shared_run import (
    CLEAN,
    LEARNERS,
    NETWORKS,
    SMALL,
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

LABELS = {"chi2": r"$\chi^2(\hat p^{i+1} \| q_i)$", "kl": r"KL$(\hat p^{i+1} \| q_i)$"}
UPPER, LOWER = r"$4\,\varepsilon_\star^2$", r"$\eta\,\varepsilon_\star^2/4$"
MOSTLY_FRESH = 0.9  # fresh fractions from here on are left to ep3
TAME = "eps*^2 small: r <= (2 - sqrt(eta)) eps*, so c is not needed"


def predict(settings: OneGeneration, trace: xr.Dataset) -> xr.Dataset:
    """Leading terms of both bounds from the measured energies, and where they apply."""
    of = trace.sel(learner=list(NETWORKS))
    eta, star = of["observability"], of["eps_star2"]
    return xr.Dataset(
        {
            "lower": evaluated("chi2_lower", eta, star, 0.0),
            "upper": evaluated("chi2_upper", star, 0.0),
            "small": star <= 1.0,
            "clean": np.sqrt(eta * star) > 2.0 * of["remainder"],
            "tame": of["remainder"] <= (2.0 - np.sqrt(eta)) * np.sqrt(star),
        }
    )


def draw(settings: OneGeneration, trace: xr.Dataset, curves: xr.Dataset) -> Figure:
    """One row per network, one column per fresh fraction."""
    alphas = _shown(settings)
    fig, axes = style.panels(
        len(NETWORKS), len(alphas), height=2.3, sharex=True, sharey="row"
    )
    models = trace["generation"] + 1
    for row, learner in zip(axes, NETWORKS, strict=True):
        for ax, alpha in zip(row, alphas, strict=True):
            of = trace.sel(learner=learner, alpha=alpha)
            at = curves.sel(learner=learner, alpha=alpha)
            title = f"{LEARNERS[learner]}, $\\alpha$ = {alpha:g}"
            style.panel(ax, title, "", "", log="y")
            upper, lower = typical(at["upper"]), typical(at["lower"])
            style.bound(ax, models, upper, UPPER, forbids="above")
            style.bound(ax, models, lower, LOWER, forbids="below")
            for name, offset, marker in (("chi2", -0.06, "o"), ("kl", 0.06, "D")):
                colour = style.SERIES[marker == "D"]
                label = LABELS[name]
                points(
                    ax, models + offset, of[name], at["lower"], label, colour, marker
                )
            for edge, value, side in ((UPPER, upper, 7), (LOWER, lower, -16)):
                where = (float(models[-1]), float(value[-1]))
                ax.annotate(
                    edge, where, (0, side), textcoords="offset points", ha="right"
                )
            ax.margins(y=0.3)
    for ax in axes[-1]:
        ax.set_xlabel("model $i+1$")
        ax.xaxis.set_major_locator(MaxNLocator(7, integer=True))
    for ax in axes[:, 0]:
        ax.set_ylabel(r"divergence of $\hat p^{i+1}$ from $q_i$")
    handles, labels = axes[0, 0].get_legend_handles_labels()
    shown = [k for k, label in enumerate(labels) if label in LABELS.values()]
    fig.legend(
        [handles[k] for k in shown],
        [labels[k] for k in shown],
        loc="outside lower center",
        ncols=2,
    )
    return fig


def judge(
    settings: OneGeneration, trace: xr.Dataset, curves: xr.Dataset
) -> list[Evidence]:
    """Thm 3.4's upper and Prop 3.3's lower leading term, on every network."""
    found = []
    for learner in NETWORKS:
        for alpha in _shown(settings):
            of = trace.sel(learner=learner, alpha=alpha)
            at = curves.sel(learner=learner, alpha=alpha)
            setting = f"{LEARNERS[learner]}, alpha = {alpha:g}"
            found += [
                where_it_applies(
                    "thm-3.4-upper",
                    at["upper"] - of["chi2"],
                    at["upper"],
                    {SMALL: at["small"], TAME: at["tame"]},
                    resolution=resolution(at["upper"], of),
                    setting=setting,
                    seeds=settings.seeds,
                ),
                where_it_applies(
                    "prop-3.3",
                    of["chi2"] - at["lower"],
                    at["lower"],
                    {SMALL: at["small"], CLEAN: at["clean"]},
                    resolution=resolution(at["lower"], of),
                    setting=f"{setting}, leading term 1/4",
                    seeds=settings.seeds,
                ),
            ]
    return found


def _shown(settings: OneGeneration) -> list[float]:
    return [a for a in settings.alphas if a < MOSTLY_FRESH] or list(settings.alphas)


def caption(settings: OneGeneration, trace: xr.Dataset) -> str:
    """What is shown, with every setting needed to repeat it."""
    return (
        "Chi-square and KL of a network's law from the law of its training data, between the "
        "leading terms of Prop 3.3 and Thm 3.4 with the measured energy and observability. "
        "To leading order chi-square is eta eps*^2 and KL half of it, so both keep off the "
        "upper edge by a factor of at least 4. "
        + of_means(settings)
        + of_networks(settings, trace)
    )
