"""The page of `autoencoder`: order parameters, generated laws, and what retraining does."""

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from figures import style
from figures.autoencoder.planes import TARGET, density, draw_plane, grid_line
from figures.explore.autoencoder import DIM, MOST, RADIUS, Settings, Theory
from figures.explore.autoencoder_runs import RUNS, Simulated
from figures.explore.page import (
    Number,
    Shown,
    legend_below,
    numbers,
    panels,
    picture,
    sentence,
)
from figures.replication import interval

__all__ = ["order_picture", "order_table", "retraining_sentence"]

ENTRIES = {
    "M11": ("M", 0, 0), "M22": ("M", 1, 1), "Q11": ("Q", 0, 0), "Q22": ("Q", 1, 1),
    "Q12": ("Q", 0, 1), "Q33": ("Q", 2, 2), "b": ("b", 0),
}  # fmt: skip
"""Order parameters that are drawn, where there are so many units."""
BLUR = 0.3
"""Standard deviation by which drawn laws are smoothed."""
CELLS = 61
"""Of a drawn plane, along each side."""
REACH = 2.2 * RADIUS


def order_picture(
    settings: Settings, theory: Theory, simulated: Simulated | None
) -> Shown:
    """Order parameters along training, what is generated, and what retraining does."""
    end, bulk = theory.curve, theory.generations.s2
    return picture(
        lambda: _drawn(settings, theory, simulated),
        f"Left: order parameters against training time; at its end Q11 is "
        f"{end.Q[-1][0, 0]:.3g} and the skip {end.b[-1][0]:.3g}. Middle: law that generation "
        f"{settings.generations} generates in the plane of the {settings.modes} modes. Right: "
        f"variance of the bulk over generations, from {bulk[0]:.3g} to {bulk[-1]:.3g}.",
    )


def _drawn(settings: Settings, theory: Theory, simulated: Simulated | None) -> Figure:
    fig, (learned, plane, chain) = panels(3)
    time = "training time τ = 2ηn/d"
    style.panel(learned, "Order parameters", time, "overlaps M and Q, skip b")
    title = f"Generated, generation {settings.generations}"
    style.panel(plane, title, "first axis", "second axis")
    style.panel(chain, "Retraining", "generation g", "variance, size", log="y")
    _learned(learned, theory, simulated)
    _plane(plane, theory, simulated, settings.points)
    _retrained(chain, theory, simulated, settings.decay == 0)
    legend_below(learned, 3)
    legend_below(plane, 1)
    legend_below(chain, 2)
    return fig


def _learned(ax: Axes, theory: Theory, simulated: Simulated | None) -> None:
    """Entries of M, Q and b along training."""
    units = theory.curve.Q.shape[-1]
    shown = {label: e for label, e in ENTRIES.items() if e[-1] < units}
    for (label, (name, *at)), colour in zip(shown.items(), style.SERIES, strict=False):
        of = lambda curve, name=name, place=(..., *at): getattr(curve, name)[place]
        style.theory(ax, theory.tau, of(theory.curve), label, colour)
        if simulated is not None:
            _points(ax, simulated.tau, of(simulated.curve), colour)


def _points(ax: Axes, x, runs: np.ndarray, colour, marker: str = "o") -> None:
    """Mean over networks with its interval."""
    mean, low, high = interval(xr.DataArray(runs, dims=("seed", "x")))
    style.simulation(ax, x, mean, "", low=low, high=high, colour=colour, marker=marker)


def _plane(
    ax: Axes, theory: Theory, simulated: Simulated | None, modes: np.ndarray
) -> None:
    """Samples, and contours around shares of the law's mass."""
    line = grid_line(REACH, CELLS)
    table = density(theory.law, line, BLUR)
    samples = np.zeros((0, 2)) if simulated is None else simulated.samples
    draw_plane(ax, samples, xr.DataArray(table, coords={"y": line, "x": line}))
    style.theory(ax, [], [], "theory: 30, 60 and 90 % of the mass")
    ax.plot(*modes.T, "+", color=TARGET, markersize=9, label="modes of the data")


def _retrained(
    ax: Axes, theory: Theory, simulated: Simulated | None, flat: bool
) -> None:
    g = np.arange(len(theory.generations.s2))
    Q = theory.generations.Q[:, 0, 0]
    for label, line, name, colour, marker in (
        ("bulk variance s²", theory.generations.s2, "s2", style.SERIES[0], "o"),
        ("size Q11", Q, "Q", style.SERIES[1], "s"),
    ):
        style.theory(ax, g, line, label, colour)
        if simulated is not None:
            runs = simulated.s2 if name == "s2" else simulated.ends.Q[..., 0, 0]
            _points(ax, g, runs, colour, marker)
    style.reference(ax, 1.0, "bulk of the data" if flat else "")
    if simulated is not None:
        style.simulation(ax, [], [], f"{RUNS} networks, 95 %", colour=TARGET)
    ax.yaxis.set_major_formatter("{x:g}")
    ax.set_xlim(-0.3, MOST + 0.3)
    ax.set_xticks(range(MOST + 1))


def order_table(
    settings: Settings, theory: Theory, simulated: Simulated | None
) -> Shown:
    """Order parameters at the end of training, bulk variances, training times."""
    end, chain = theory.curve, theory.generations
    tau = theory.tau[-1]
    rows = [
        Number("tau", "training time τ, whole pieces", tau),
        Number(
            "samples", "training samples per dimension n/d", tau / (2 * settings.rate)
        ),
        Number("critical", "critical training time", _or(theory.critical, "none")),
        Number("M", "overlap M11 of the first unit", end.M[-1][0, 0]),
        Number("Q", "its size Q11", end.Q[-1][0, 0]),
        Number("b", "skip b", end.b[-1][0]),
        Number("mse", "denoising error per coordinate", theory.mse),
        Number("excess", "what the units add to d times that", theory.excess),
        Number("bulk", "generated bulk variance, generation 0", chain.s2[0]),
        Number(
            "bulk-last", f"the same, generation {settings.generations}", chain.s2[-1]
        ),
    ]
    if simulated is not None:
        Q, s2 = simulated.ends.Q[:, 0, 0, 0], simulated.s2
        rows += [
            Number("Q-simulated", "size Q11, simulated", Q.mean()),
            Number("bulk-simulated", "bulk variance, 0, simulated", s2[:, 0].mean()),
            Number(
                "bulk-last-simulated", "the same, last, simulated", s2[:, -1].mean()
            ),
            Number(
                "diverged", "networks that diverged", f"{simulated.diverged} of {RUNS}"
            ),
        ]
    caption = f"K = {settings.modes} modes, r = {settings.width} units, d = {DIM}"
    return numbers(rows, caption)


def _or(value: float, otherwise: str) -> float | str:
    return value if np.isfinite(value) else otherwise


def retraining_sentence(settings: Settings, theory: Theory) -> Shown:
    """What retraining does to the bulk and to the modes."""
    return sentence("retraining", _said(settings, theory))


def _said(settings: Settings, theory: Theory) -> str:
    s2, tau = theory.generations.s2, theory.tau[-1]
    lost = ~np.isfinite(theory.generations.Q).all(axis=(1, 2))
    if lost.any():
        return (
            f"Training diverges in generation {np.argmax(lost)}, or is too fast to be "
            "followed, on what the one before it generates."
        )
    said = f"The first network generates a bulk of variance {s2[0]:.3g}"
    if settings.generations > 0:
        word = "shrinks" if s2[-1] < s2[0] else "grows"
        said += f"; over {settings.generations} generations it {word} to {s2[-1]:.3g}"
    if np.isfinite(theory.critical):
        side, fate = (
            ("below", "collapses") if tau < theory.critical else ("above", "explodes")
        )
        said += (
            f": training for τ = {tau:.3g} is {side} the critical {theory.critical:.3g}, "
            f"where without real data the bulk {fate}"
        )
    return f"{said}. {_modes(theory)}"


def _modes(theory: Theory) -> str:
    if theory.index is None:
        return "ReLU is not odd: no index says how many modes are generated."
    two = [np.flatnonzero(row > 0) + 1 for row in (theory.index[0], theory.index[-1])]
    first, last = (", ".join(map(str, units)) or "none" for units in two)
    kept = "" if len(theory.index) == 1 else f", and {last} in the last generation"
    return f"Units along which two modes are generated: {first} at first{kept}."
