r"""ep5: what the last generation remembers.

The 1-D network of ep3. An error made by model i counts :math:`(1-\alpha)^{2(N-i)}
\varepsilon_{\star,i}^2` in the discounted energy of model N. Its weight is exact for the
drift of conditionally unbiased errors and too small for aligned ones (ep7). What holds
for any errors, the mixing lemma and the one-step identity, is judged on the same runs.
"""

import jax.numpy as jnp
import numpy as np
import xarray as xr
from matplotlib.colors import LogNorm
from matplotlib.figure import Figure
from matplotlib.patheffects import Normal, Stroke
from matplotlib.ticker import MaxNLocator

from figures import style
from figures.error_propagation.evidence import one_step_evidence
from figures.error_propagation.presets import OneGeneration
from figures.error_propagation.shared_run import (
    LEARNERS,
    NETWORKS,
    of_networks,
    simulate,
)
from theory.claims import Evidence
from theory.error_propagation.accumulation import contributions
from theory.symbolic import statement

__all__ = ["caption", "draw", "judge", "predict", "simulate"]

SHOWN = "network1d"
DECADES = 2  # of contributions that are told apart; smaller ones share a colour


def predict(settings: OneGeneration, trace: xr.Dataset) -> xr.Dataset:
    """Contribution of every error to every later law, and the effective memory."""
    energy = trace["eps_star2"].sel(learner=SHOWN).mean("seed")
    memory = statement("error_propagation.memory")
    table = [
        contributions(alpha, energy.sel(alpha=alpha).values)
        for alpha in settings.alphas
    ]
    return xr.Dataset(
        {
            "contribution": (("alpha", "law", "error"), np.stack(table)),
            "memory": ("alpha", np.asarray(memory(jnp.asarray(settings.alphas)))),
        },
        coords={"alpha": trace["alpha"]},
    )


def draw(settings: OneGeneration, trace: xr.Dataset, curves: xr.Dataset) -> Figure:
    """One heat map per fresh fraction."""
    alphas = settings.alphas
    fig, axes = style.panels(1, len(alphas), height=2.4, sharey=True)
    models = np.arange(1, trace.sizes["generation"] + 1)
    largest = float(curves["contribution"].max())
    norm = LogNorm(10.0**-DECADES * largest, largest, clip=True)
    label = r"$(1-\alpha)^{2(N-i)}\,\varepsilon_{\star,i}^2$"
    outline = [Stroke(linewidth=2.6, foreground="white"), Normal()]
    for ax, alpha in zip(axes[0], alphas, strict=True):
        at = curves.sel(alpha=alpha)
        memory = float(at["memory"])
        title = f"$\\alpha$ = {alpha:g}, memory {memory:.2g}"
        style.panel(ax, title, "error of model $i$", "")
        past = np.tril(np.ones((len(models),) * 2, bool))
        shown = np.where(past, at["contribution"], np.nan)
        mesh = ax.pcolormesh(models, models, shown, norm=norm, shading="nearest")
        mesh.set_label(label)
        ends = np.array([0.5, len(models) + 0.5])
        (line,) = ax.plot(
            ends,
            ends + memory - 0.5,  # cells reach half an age below 0
            "--",
            color=style.THEORY,
            label="effective memory",
            path_effects=outline,
        )
        ax.set(xlim=(0.5, len(models) + 0.5), ylim=(0.5, len(models) + 0.5))
        ax.grid(visible=False)
        ax.xaxis.set_major_locator(MaxNLocator(6, integer=True))
    axes[0, 0].yaxis.set_major_locator(MaxNLocator(6, integer=True))
    axes[0, 0].set_ylabel("seen in model $N$")
    ax.legend(handles=[line], loc="lower right")
    fig.colorbar(mesh, ax=list(axes[0]), label=label, extend="min")
    return fig


def judge(
    settings: OneGeneration, trace: xr.Dataset, curves: xr.Dataset
) -> list[Evidence]:
    """What one generation does to the accumulated divergence, on every network."""
    return [
        evidence
        for learner in NETWORKS
        for alpha in settings.alphas
        for evidence in one_step_evidence(
            trace.sel(learner=learner, alpha=alpha),
            f"{LEARNERS[learner]}, alpha = {alpha:g}",
        )
    ]


def caption(settings: OneGeneration, trace: xr.Dataset) -> str:
    """What is shown, with every setting needed to repeat it."""
    return (
        "What the error of model i still counts in the law of model N: its measured energy "
        f"(mean over {settings.seeds} seeds, network in 1-D) times (1-alpha)^(2(N-i)). The "
        f"colour scale ends {DECADES} decades below the largest. Between diagonal and "
        "dashed line: as many errors as the weights sum to, 1/(alpha (2-alpha)). "
        + of_networks(settings, trace)
    )
