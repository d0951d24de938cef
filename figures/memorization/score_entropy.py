r"""gm3: score against entropy, and against variance, over all sizes and generations.

With G_n and D_n independent draws of one law, log GS grows by 1/d for every nat of H(G_n);
where samples are copies with a little noise, by :math:`1/((1-1/e)d)`. Both slopes are
geometry: that spacing inside G_n tracks distance to D_n does not show that entropy acts.
"""

import numpy as np
import xarray as xr
from matplotlib.figure import Figure

from figures import style
from figures.memorization.marks import jackknife, size_colour, trained
from figures.memorization.presets.sizes import OFF_FLOOR, Sizes
from figures.memorization.score import simulate
from theory.claims import Evidence
from theory.symbolic import statement

__all__ = ["caption", "draw", "judge", "predict", "simulate"]

CORRELATED = 0.9  # Pearson's r that "nearly linear" asks for
FLOOR = 0.5  # part of the smallest size's first score below which noise is suspected


def predict(settings: Sizes, trace: xr.Dataset) -> xr.Dataset:
    """Correlations and slopes over all runs, and the slopes that theory bounds them by."""
    d = trace.sizes["coordinate"]
    H, tr, log_score = _by_run(trace)
    bounds = {
        name: float(statement(f"memorization.{name}")(d))
        for name in ("slope_generalising", "slope_copying")
    }
    found = {
        "entropy_log": _r(H, log_score),
        "entropy_raw": _r(H, [np.exp(y) for y in log_score]),
        "trace_log": _r(tr, log_score),
        "trace_raw": _r(tr, [np.exp(y) for y in log_score]),
        "slope": _slope(np.concatenate(H), np.concatenate(log_score)),
    }
    return xr.Dataset(found | bounds, attrs={"dim": d})


def _by_run(trace: xr.Dataset) -> tuple[list, list, list]:
    """Entropy, trace and log GS of each run and size, over its generations."""
    stacked = trace.stack(run=("size", "seed"))
    of = lambda name: list(stacked[name].transpose("run", "generation").values)
    return (
        of("generated_entropy"), of("generated_trace"),
        [np.log(score) for score in of("score")],
    )  # fmt: skip


def _r(x: list, y: list) -> float:
    return float(np.corrcoef(np.concatenate(x), np.concatenate(y))[0, 1])


def _slope(x: np.ndarray, y: np.ndarray) -> float:
    return float(np.polyfit(x, y, 1)[0])


def draw(settings: Sizes, trace: xr.Dataset, curves: xr.Dataset) -> Figure:
    """Two scatters with the score's axis in common."""
    fig, (axes,) = style.panels(1, 2, height=3.0, sharey=True)
    titles = (
        f"entropy: $r = {float(curves['entropy_log']):.3f}$ (log), "
        f"{float(curves['entropy_raw']):.3f} (raw)",
        f"variance: $r = {float(curves['trace_log']):.3f}$ (log), "
        f"{float(curves['trace_raw']):.3f} (raw)",
    )
    x_labels = (r"$H(G_n)$ (nats)", r"trace of the covariance of $G_n$")
    names = ("generated_entropy", "generated_trace")
    for ax, title, label, name in zip(axes, titles, x_labels, names, strict=True):
        style.panel(ax, title, label, "", log="y")
        for k, n in enumerate(settings.sizes):
            of = trace.sel(size=n)
            style.simulation(
                ax, of[name].values.ravel(), of["score"].values.ravel(), f"$N = {n}$",
                colour=size_colour(k, len(settings.sizes)),
            )  # fmt: skip
    axes[0].set_ylabel("GS (data units)")
    H, score = trace["generated_entropy"].values, trace["score"].values
    middle = float(H.mean()), float(np.log(score).mean())
    line = np.linspace(H.min(), H.max(), 50)
    for name, label, dash in (
        ("slope_generalising", r"slope $1/d$: independent draws", "-"),
        ("slope_copying", r"slope $1/((1-1/e)d)$: copies", "--"),
    ):
        y = np.exp(middle[1] + float(curves[name]) * (line - middle[0]))
        axes[0].plot(line, y, dash, color=style.THEORY, label=label)
    style.legend(axes[0], loc="upper left", fontsize="x-small")
    return fig


def judge(settings: Sizes, trace: xr.Dataset, curves: xr.Dataset) -> list[Evidence]:
    """Slopes and correlations, their errors by leaving out one run at a time."""
    d = curves.attrs["dim"]
    H, tr, log_score = _by_run(trace)
    setting = f"{settings.data}, replace, N = {', '.join(map(str, settings.sizes))}, L2"
    shared = {"relation": "<=", "seeds": trace.sizes["seed"], "setting": setting}

    def evidence(claim: str, statistic, *runs, sign=1.0, level=0.0, **more) -> Evidence:
        value, error, dof = jackknife(statistic, *runs)
        return Evidence(
            claim, slack=sign * (value - level), standard_error=error, dof=dof,
            **shared, **more,
        )  # fmt: skip

    scaled = lambda x, y: d * _slope(x, y)
    r = lambda x, y: np.corrcoef(x, y)[0, 1]
    copying, generalising = (
        d * float(curves[name]) for name in ("slope_copying", "slope_generalising")
    )
    lowest = float(trace["score"].min() / trace["score"].isel(generation=0).min())
    floor = ((OFF_FLOOR, lowest > FLOOR, f"lowest score {lowest:.2f} of the first"),)
    return [
        evidence("gm-line-upper", scaled, H, log_score, sign=-1.0, level=copying),
        evidence(
            "gm-line-lower", scaled, H, log_score, level=generalising, hypotheses=floor
        ),
        evidence("gm-entropy-line", r, H, log_score, level=CORRELATED),
        evidence(
            "gm-trace-weaker", lambda h, t, y: r(h, y) - r(t, y), H, tr, log_score
        ),
    ]


def caption(settings: Sizes, trace: xr.Dataset) -> str:
    """What is shown, with every setting needed to repeat it."""
    return (
        "Every point is one generation of one run. Left: score against the entropy of the "
        "samples, with lines of both theoretical slopes through the middle of the points. "
        "Right: against the trace of their covariance. Pearson's r over all points, with the "
        "logarithm of the score and with the score itself. The paper prints r = 0.91; our "
        "reading of its figure gives 0.92 raw and 0.993 with the logarithm. "
        + trained(settings, trace)
    )
