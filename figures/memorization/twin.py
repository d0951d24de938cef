r"""gm5: sample-specific memory, against an untrained twin of the training set.

:math:`\rho_n=E\,d(x,D_n)/E\,d(x,D'_n)`, D'_n as many points drawn as D_n was but never
trained on: held-out real points for the first model, other samples of the model before for
later ones. It is 1 without memory of particular points, whatever the scale or the clumping.
"""

import xarray as xr
from matplotlib.figure import Figure

from figures import style
from figures.memorization.marks import (
    RUNS,
    in_every_run,
    over_runs,
    size_colour,
    trained,
)
from figures.memorization.presets.sizes import Sizes
from figures.memorization.score import relative_score, simulate
from theory.claims import Evidence

__all__ = ["caption", "draw", "judge", "predict", "simulate"]


def predict(settings: Sizes, trace: xr.Dataset) -> xr.Dataset:
    """Nothing: no theory of the ratio is known."""
    return xr.Dataset()


def draw(settings: Sizes, trace: xr.Dataset, curves: xr.Dataset) -> Figure:
    """Raw score, twin ratio, closer share, denoising losses."""
    fig, axes = style.panels(2, 2, height=2.5, sharex=True)
    ratio = trace["train_loss"] / trace["twin_loss"]
    panels = (
        ("raw score", r"GS / GS$_{\rm ref}$", relative_score(trace), 0.0, 1.0),
        ("twin ratio", r"$\rho_n$", trace["twin_ratio"], 0.0, 1.0),
        ("share closer to the training set", r"$P(d(x, D_n) < d(x, D'_n))$",
         trace["closer"], 0.4, 0.5),
        ("denoising loss, training set over twin", r"$L(D_n)\,/\,L(D'_n)$", ratio, 0.0,
         1.0),
    )  # fmt: skip
    for ax, (title, label, values, bottom, level) in zip(
        axes.ravel(), panels, strict=True
    ):
        style.panel(ax, title, "", label, whole="x")
        for k, n in enumerate(settings.sizes):
            colour = size_colour(k, len(settings.sizes))
            over_runs(ax, values.sel(size=n), f"$N = {n}$", colour=colour)
        style.reference(ax, level)
        ax.set_ylim(bottom=bottom)
    for ax in axes[1]:
        ax.set_xlabel("model $n$")
    style.legend(axes[0, 0], loc="lower left")
    return fig


def judge(settings: Sizes, trace: xr.Dataset, curves: xr.Dataset) -> list[Evidence]:
    """Whether the ratio falls or rises from the first model to the last, run by run."""
    rho, error = trace["twin_ratio"], trace["twin_ratio_se"]
    ends = [error.isel(generation=g) for g in (0, -1)]
    rise = rho.isel(generation=-1) - rho.isel(generation=0)
    found = []
    for n in settings.sizes:
        at = {"size": n}
        setting = (
            f"{settings.data}, replace, N = {n}, models 1 and {settings.generations}"
        )
        errors = [e.sel(at) for e in ends]
        below = 1.0 - rho.isel(generation=0).sel(at)
        found += [
            in_every_run("gm-memory-grows", setting, -rise.sel(at), *errors, n=n),
            in_every_run("gm-memory-fades", setting, rise.sel(at), *errors, n=n),
            in_every_run(
                "gm-memory-there", f"{settings.data}, N = {n}, model 1", below,
                errors[0], n=n,
            ),
        ]  # fmt: skip
    return found


def caption(settings: Sizes, trace: xr.Dataset) -> str:
    """What is shown, with every setting needed to repeat it."""
    return (
        "The raw score beside three measures that compare the training set with a twin of it: "
        "equally many points drawn alike and never trained on (held-out real points for the "
        "first model, other samples of the model before afterwards; where fewer are held "
        "out, both sets are cut to that number). A ratio of 1, and a share of 1/2, mean no "
        "memory of particular training points; lower ratios mean more. Losses: the training "
        "loss with fresh noise. The paper reports raw scores; these say what a falling raw "
        f"score can and cannot prove. {RUNS} {trace.sizes['seed']} runs. "
        + trained(settings, trace)
    )
