"""What the theories leave free, fitted to what was measured.

Growth (`figures.audit.growth`), size of a step and the constant of its rate, entropy lost in a
generation, share of a pure copier's genealogy; each with an interval at 95 % and with what it is
to be compared with.
"""

from dataclasses import dataclass

import numpy as np
from scipy import stats

from figures.audit.clouds import Clouds
from figures.audit.composition import Composition
from figures.audit.drift import Drift
from figures.audit.growth import FEW, Growth, growth
from figures.audit.noisy_line import (
    LEAST_GENERATIONS,
    LEVEL,
    Interval,
    fit,
    recursion,
)
from figures.audit.records import Fit, Series
from theory.error_propagation.statements import stationary_aligned, stationary_unbiased
from theory.memorization.gaussian_refit import refit_entropy_step
from theory.memorization.genealogy import fresh_shared_ancestor

__all__ = ["Fits", "Z", "copied_pairs", "fits"]

Z = float(stats.norm.ppf(0.5 + 0.5 * LEVEL))
"""Standard errors from a value to the ends of its interval."""


@dataclass(frozen=True)
class Fits:
    """All of them."""

    fits: tuple[Fit, ...]
    growth: Growth
    """the first of them, with their tests"""

    def __getitem__(self, name: str) -> Fit:
        """By name."""
        return next(f for f in self.fits if f.name == name)


def fits(
    clouds: Clouds,
    found: Composition,
    drifts: dict[str, Drift],
    series: dict[str, Series],
    rate: float,
) -> Fits:
    """Every fit, those that are not measurable with the reason."""
    grown = growth(drifts, found)
    listed = [
        *grown.fits,
        *(_step(drift) for drift in drifts.values()),
        *(f for drift in drifts.values() for f in _levels(drift, found)),
        *_rates(clouds, found, drifts["energy"], series, rate),
        _entropy_gap(series["entropy"]),
        _entropy(clouds, found, series),
        _copying(clouds, found, series),
        _dimension(series),
    ]
    return Fits(tuple(listed), grown)


def copied_pairs(series: Series, points: int) -> tuple[np.ndarray, np.ndarray]:
    """Share of pairs with one ancestor beyond that of real points, generations 1, ..., G."""
    pairs = 0.5 * points * (points - 1)
    counted = np.sqrt(series.value * pairs + 1.0) / pairs  # an error even for none
    error = np.maximum(series.error, counted)
    return series.value[1:] - series.value[0], np.hypot(error[1:], error[0])


def _mean_step(drift: Drift) -> Interval | None:
    """J over generations 2, ..., G; its upper end counts what may be hidden."""
    if len(drift.step.value) < 2:
        return None
    J, error = (float(x[1]) for x in drift.means)
    hidden = float(np.mean(drift.hidden[1:]))
    return Interval(J, J - Z * error, J + Z * error + hidden)


def _step(drift: Drift) -> Fit:
    name = f"step_{drift.geometry}"
    says = (
        f"squared length of a step J, mean over generations 2, ... ({drift.geometry})"
    )
    J = _mean_step(drift)
    if J is None:
        return Fit.none(name, says, "needs two generations")
    hidden = float(np.mean(drift.hidden[1:]))
    note = f"upper end holds up to {hidden:.2g} hidden by reuse" if hidden else ""
    return Fit.of(name, says, J, assumes=note)


def _levels(drift: Drift, found: Composition) -> list[Fit]:
    """Where a known fresh fraction lets drift settle."""
    J, alpha = _mean_step(drift), found.alpha
    if J is None or not alpha:
        return []
    settled = {"unbiased": stationary_unbiased, "aligned": stationary_aligned}
    now = f"now {float(drift.distance.value[-1]):.3g}"
    return [
        Fit.of(
            f"level_{reading}_{drift.geometry}",
            f"squared distance that it tends to, {reading} errors ({drift.geometry})",
            Interval(*(float(law(alpha, max(float(j), 0.0))) for j in J)),
            assumes=f"steps stay as they are, fresh fraction {alpha:.3g}",
            against=now,
        )
        for reading, law in settled.items()
    ]


def _rates(
    clouds: Clouds,
    found: Composition,
    drift: Drift,
    series: dict[str, Series],
    rate: float,
) -> list[Fit]:
    """C of sqrt(J) = C n^-r: for the rate asked for, and a kernel density's."""
    J, n = _mean_step(drift), found.size
    m = float(series["dimension"].value[0])
    rates = {"rate": (rate, f"r = {rate:g}")}
    if np.isfinite(m):
        kernel = 2.0 / (4.0 + m)
        rates["kernel_rate"] = (kernel, f"r = 2/(4 + {m:.1f}) = {kernel:.3g}")
    listed = []
    for name, (r, text) in rates.items():
        says = f"constant C of one step's energy distance, C n^-r, {text}"
        if J is None:
            listed.append(Fit.none(name, says, "needs two generations"))
            continue
        C = Interval(*(float(np.sqrt(max(j, 0.0)) * n**r) for j in J))
        listed.append(
            Fit.of(
                name,
                says,
                C,
                assumes=f"n = {n:.0f}",
                against=f"half the step takes {2 ** (1 / r):.3g} times the points",
            )
        )
    return listed


def _entropy_gap(H: Series) -> Fit:
    gap, error = H.value[-1] - H.value[0], np.hypot(H.error[-1], H.error[0])
    ends = Interval(gap, gap - Z * error, gap + Z * error)
    return Fit.of(
        "entropy_gap", "entropy of the last generation less real points'", ends
    )


def _entropy(clouds: Clouds, found: Composition, series: dict[str, Series]) -> Fit:
    says = "entropy gained in a generation, nats"
    H = series["entropy"]
    if clouds.generations < LEAST_GENERATIONS:
        return Fit.none("entropy_slope", says, FEW)
    G, k, n = clouds.generations, clouds.space.dim, found.size
    gains = fit(H.value[1:], H.error[1:], [recursion(1.0, G)]).gains()
    against = f"a Gaussian refitted needs more than {k} points"
    if n > k + 1:
        step = float(refit_entropy_step(k, n))
        against = f"{step:.3g}: one Gaussian refitted to {n:.0f} points, no fresh data"
    return Fit.of("entropy_slope", says, gains, against=against)


def _copying(clouds: Clouds, found: Composition, series: dict[str, Series]) -> Fit:
    """Pairs with one ancestor over those of a loop that copies: 1 is a copier, 0 none."""
    says = "pairs of points with one ancestor, over those of a loop that only copies"
    F, error = copied_pairs(series["shared"], clouds.points)
    N = round(found.size)
    alpha = found.alpha or 0.0
    if alpha > 0.99:
        return Fit.none("copying", says, "nothing is copied where all data are fresh")
    # of samples, before fresh points come between them
    copier = np.asarray(fresh_shared_ancestor(N, alpha, len(F))) / (1.0 - alpha) ** 2
    weight = copier**2 / error**2
    share = float(np.sum(weight * F / copier) / np.sum(weight))
    chi2 = float(np.sum(((F - share * copier) / error) ** 2))
    dof = len(F) - 1
    wider = np.sqrt(max(1.0, chi2 / dof)) if dof else 1.0
    reach = stats.t.ppf(0.5 + 0.5 * LEVEL, max(dof, 1)) * wider / np.sqrt(weight.sum())
    return Fit(
        "copying",
        says,
        share,
        share - float(reach),
        share + float(reach),
        assumes=f"training sets of {N}, fresh fraction {alpha:.3g}; copies lie within a "
        "third of the real points' spacing",
        against="1: a pure copier's genealogy; 0: none",
    )


def _dimension(series: dict[str, Series]) -> Fit:
    m = series["dimension"]
    value, error = float(m.value[0]), float(m.error[0])
    return Fit(
        "dimension",
        "intrinsic dimension of the real data",
        value,
        value - Z * error,
        value + Z * error,
        against=f"last generation {m.value[-1]:.3g} ({m.error[-1]:.1g})",
    )
