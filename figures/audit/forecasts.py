"""What each law says of the next generations, and what it would have said of the last ones.

Laws of drift are in `figures.audit.drift_laws`; here are those of entropy and of copies.
Every law is also given all but the last generations and asked for those: it fails if fewer
than half of their measured values lie in its intervals.
"""

from dataclasses import replace

import numpy as np

from figures.audit.clouds import Clouds
from figures.audit.composition import Composition
from figures.audit.drift import Drift
from figures.audit.drift_laws import Lacking, Law, laws_of_drift
from figures.audit.fitting import Fits, Z, copied_pairs
from figures.audit.noisy_line import LEAST_GENERATIONS, Interval, fit, recursion
from figures.audit.records import Prediction, Series
from theory.claims import Kind
from theory.memorization.gaussian_refit import (
    refit_entropy_step,
    refit_entropy_variance,
)

__all__ = ["forecasts", "held_back_of"]


def held_back_of(generations: int) -> int:
    """How many of the last generations are predicted for a check: a quarter, at least 2."""
    held = max(2, generations // 4)
    return held if generations - held >= LEAST_GENERATIONS else 0


def forecasts(
    clouds: Clouds,
    found: Composition,
    drifts: dict[str, Drift],
    series: dict[str, Series],
    fitted: Fits,
    ahead: int,
) -> list[Prediction]:
    """All predictions; those that cannot be made with the reason."""
    laws = {g: laws_of_drift(drift, found) for g, drift in drifts.items()}
    laws["entropy"] = _laws_of_entropy(clouds, found, series["entropy"])
    laws["shared"] = [_genealogy(clouds, found, series["shared"], fitted)]
    return [
        _asked(quantity, series[quantity].value[1:], law, ahead)
        for quantity, of_quantity in laws.items()
        for law in of_quantity
    ]


def _laws_of_entropy(clouds: Clouds, found: Composition, series: Series) -> list[Law]:
    H, error = series.value[1:], series.error[1:]
    dim, n = clouds.space.dim, found.size

    def refit(G: int, k: int) -> Interval:
        later = np.arange(1, k + 1)
        value = H[G - 1] + later * float(refit_entropy_step(dim, n))
        run = later * float(refit_entropy_variance(dim, n))
        reach = Z * np.sqrt(error[G - 1] ** 2 + np.mean(error[:G] ** 2) + run)
        return Interval(value, value - reach, value + reach)

    def trend(G: int, k: int) -> Interval:
        return fit(H[:G], error[:G], [recursion(1.0, G + k)]).predictions()

    few = "" if n > dim + 1 else f"needs more than {dim} training points"
    return [
        Law(
            "one Gaussian refitted",
            Kind.EXACT,
            f"models are Gaussians fitted to {n:.0f} points of the last one alone",
            refit,
            1,
            "there are fresh data" if found.alpha else few,
        ),
        Law(
            "steady trend",
            Kind.EXTRAPOLATION,
            "entropy goes on as it did",
            trend,
            LEAST_GENERATIONS,
        ),
    ]


def _genealogy(clouds: Clouds, found: Composition, series: Series, fitted: Fits) -> Law:
    """F -> 1/N + (1 - 1/N) q F, of samples before fresh points come between them."""
    F, error = copied_pairs(series, clouds.points)
    N, alpha = found.size, found.alpha or 0.0
    copying = fitted["copying"]

    def predict(G: int, k: int) -> Interval:
        keep = (1.0 - alpha) ** 2 * (1.0 - 1.0 / N)
        ages = np.arange(1, k + 1)
        value = keep**ages * F[G - 1] + np.cumsum(keep ** np.arange(k)) / N
        # one genealogy is random: 4/N (sum p^3 - F^2) a round, 2 F^2/N for shares p of
        # ancestors that are exponential, as they are after some rounds
        run = np.cumsum(2.0 * value**2 / N)
        known = (keep**ages * error[G - 1]) ** 2 + np.mean(error[:G] ** 2)
        reach, value = Z * np.sqrt(known + run), value + series.value[0]
        return Interval(value, value - reach, value + reach)

    seen = "" if copying.high > 0.5 else "no such copying is seen"
    return Law(
        "a loop that copies",
        Kind.EXACT,
        f"models copy {N:.0f} training points and nothing else; fresh fraction {alpha:.3g}",
        predict,
        1,
        copying.missing or seen,
    )


def _asked(quantity: str, measured: np.ndarray, law: Law, ahead: int) -> Prediction:
    """Ask a law for the next generations, and for the last ones from those before."""
    G = len(measured)
    at = tuple(range(G + 1, G + ahead + 1))
    nothing = np.full(ahead, np.nan)
    none = Prediction(
        quantity, law.name, law.kind, law.assumes, at, nothing, nothing, nothing
    )
    few = f"needs {law.least} generations" if law.least > G else ""
    if law.missing or few:
        return replace(none, missing=law.missing or few)
    try:
        asked = replace(none, **law.predict(G, ahead)._asdict())
    except Lacking as why:
        return replace(none, missing=str(why))
    held = held_back_of(G)
    if not held:
        return asked
    try:
        past = law.predict(G - held, held)
    except Lacking:
        return asked
    last = measured[-held:]
    inside = (past.low <= last) & (last <= past.high)
    which = tuple(range(G - held + 1, G + 1))
    return replace(asked, held_back=which, past=past, inside=tuple(map(bool, inside)))
