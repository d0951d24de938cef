r"""What each law says of the next generations, and what it would have said of the last ones.

With the distance of a loop from the data, :math:`d = \sqrt D`, and the fresh fraction
:math:`\alpha=1-\rho`:

guarantee
    :math:`|d_{G+k} - \rho^kd_G| \le \frac{1-\rho^k}{1-\rho}\sqrt{J_{\max}}`, the triangle
    inequality, as long as no step is longer than the longest so far.
unbiased, systematic
    :math:`E D_{g+1} = \rho^2D_g + J` and :math:`d_{g+1} = \rho d_g + \sqrt J`, exact if
    errors are, in the mean over runs; the interval is that of one run.
rate
    :math:`d_i \le C n^{-r} S_i`, with the constant of the steps that were measured.
power law, trend
    what was seen, continued.

Every law is also given all but the last generations and asked for those: it fails if fewer
than half of their measured values lie in its intervals.
"""

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from figures.audit.clouds import Clouds
from figures.audit.composition import Composition
from figures.audit.drift import Drift
from figures.audit.fitting import Fits, Z, above_noise, copied_pairs, rooted, sizes_of
from figures.audit.noisy_line import (
    LEAST_GENERATIONS,
    Interval,
    fit,
    power_law,
    recursion,
)
from figures.audit.records import Prediction, Series
from theory.claims import Kind
from theory.memorization.gaussian_refit import (
    refit_entropy_step,
    refit_entropy_variance,
)
from theory.self_consuming.sample_size import latest_factor

__all__ = ["forecasts", "held_back_of"]

Law = Callable[[int, int], Interval]
"""From the first G generations to the next ones."""


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
    listed = [
        prediction
        for drift in drifts.values()
        for prediction in _of_drift(drift, found, ahead)
    ]
    listed += _of_entropy(clouds, found, series["entropy"], ahead)
    listed += _of_copies(clouds, found, series["shared"], fitted, ahead)
    return listed


def _of_drift(drift: Drift, found: Composition, ahead: int) -> list[Prediction]:
    D, error = (np.asarray(x)[1:] for x in drift.distance)
    J, J_error = (np.asarray(x) for x in drift.step)
    alpha = found.alpha or 0.0
    rho = 1.0 - alpha
    mixed = "" if found.latest_only else "training sets mix older generations"
    share = f"fresh fraction {alpha:.3g}"
    share += "" if found.alpha_from else ", which is assumed"

    def triangle(G: int, k: int) -> Interval:
        longest = np.max(np.maximum(J + drift.hidden, 0.0)[1:G] + Z * J_error[1:G])
        kept = rho ** np.arange(1, k + 1)
        further = np.cumsum(rho ** np.arange(k)) * np.sqrt(longest)
        near, now, far = np.sqrt(
            np.maximum(D[G - 1] + np.outer([-Z, 0, Z], [error[G - 1]]), 0.0)
        )
        noise = Z * np.mean(error[:G])
        high = (kept * far + further) ** 2 + noise
        low = np.maximum(kept * near - further, 0.0) ** 2 - noise
        return Interval((kept * now + further) ** 2, low, high)

    def unbiased(G: int, k: int) -> Interval:
        line = recursion(rho**2, G + k, growing=True)
        return fit(D[:G], error[:G], [line]).predictions()

    def systematic(G: int, k: int) -> Interval:
        d = fit(*rooted(D[:G], error[:G]), [recursion(rho, G + k)]).predictions()
        return _squared(d, float(np.mean(error[:G])))

    def rate(G: int, k: int) -> Interval:
        step, spread = np.mean(J[1:G]), np.sqrt(np.sum(J_error[1:G] ** 2)) / (G - 1)
        S = np.array([latest_factor(G + i, alpha).value for i in range(1, k + 1)])
        ends = step + np.array([0.0, Z * spread + np.mean(drift.hidden[1:G])])
        value, high = (np.maximum(J_0, 0.0) * S**2 for J_0 in ends)
        return Interval(value, np.full(k, -np.inf), high + Z * np.mean(error[:G]))

    def power(G: int, k: int) -> Interval:
        g = above_noise(drift)
        g = g[g <= G]
        if len(g) < LEAST_GENERATIONS:
            raise _Lacking(f"needs {LEAST_GENERATIONS} generations beyond noise")
        at = np.concatenate([g, np.arange(G + 1, G + k + 1)])
        logs = fit(np.log(D[g - 1]), error[g - 1] / D[g - 1], [power_law(at)])
        return Interval(*(np.exp(x) for x in logs.predictions()))

    laws: list[tuple[str, Kind, str, Law, int, str]] = [
        (
            "triangle inequality",
            Kind.GUARANTEE,
            f"no later step is longer than the longest so far; {share}",
            triangle,
            2,
            mixed,
        ),
        (
            "unbiased errors",
            Kind.EXACT,
            f"steps are unbiased given the past and of one mean square; {share}",
            unbiased,
            LEAST_GENERATIONS,
            mixed,
        ),
        (
            "systematic errors",
            Kind.EXACT,
            f"all steps have one direction and length; {share}",
            systematic,
            LEAST_GENERATIONS,
            mixed,
        ),
        (
            "rate bound",
            Kind.RATE,
            f"steps are at most C n^-r, as they were in the mean; {share}",
            rate,
            2,
            mixed,
        ),
        (
            "power law",
            Kind.EXTRAPOLATION,
            "growth goes on as it was",
            power,
            LEAST_GENERATIONS,
            "",
        ),
    ]
    return [_asked(drift.geometry, D, *law, ahead) for law in laws]


def _of_entropy(
    clouds: Clouds, found: Composition, series: Series, ahead: int
) -> list[Prediction]:
    H, error = series.value[1:], series.error[1:]
    dim, n = clouds.space.dim, sizes_of(found)

    def refit(G: int, k: int) -> Interval:
        ahead = np.arange(1, k + 1)
        value = H[G - 1] + ahead * float(refit_entropy_step(dim, n))
        run = ahead * float(refit_entropy_variance(dim, n))
        reach = Z * np.sqrt(error[G - 1] ** 2 + np.mean(error[:G] ** 2) + run)
        return Interval(value, value - reach, value + reach)

    def trend(G: int, k: int) -> Interval:
        return fit(H[:G], error[:G], [recursion(1.0, G + k)]).predictions()

    few = "" if n > dim + 1 else f"needs more than {dim} training points"
    fresh = "there are fresh data" if found.alpha else few
    return [
        _asked(
            "entropy",
            H,
            "one Gaussian refitted",
            Kind.EXACT,
            f"models are Gaussians fitted to {n:.0f} points of the last one alone",
            refit,
            1,
            fresh,
            ahead,
        ),
        _asked(
            "entropy",
            H,
            "steady trend",
            Kind.EXTRAPOLATION,
            "entropy goes on as it did",
            trend,
            LEAST_GENERATIONS,
            "",
            ahead,
        ),
    ]


def _of_copies(
    clouds: Clouds, found: Composition, series: Series, fitted: Fits, ahead: int
) -> list[Prediction]:
    F, error = copied_pairs(series, clouds.points)
    N, alpha = sizes_of(found), found.alpha or 0.0
    copying = fitted["copying"]

    def genealogy(G: int, k: int) -> Interval:
        """F -> 1/N + (1 - 1/N) q F, of samples before fresh points come between them."""
        keep = (1.0 - alpha) ** 2 * (1.0 - 1.0 / N)
        ages = np.arange(1, k + 1)
        came = np.cumsum(keep ** np.arange(k)) / N
        value = keep**ages * F[G - 1] + came
        # one genealogy is random: 4/N (sum p^3 - F^2) a round, 2 F^2/N for shares p of
        # ancestors that are exponential, as they are after some rounds
        run = np.cumsum(2.0 * value**2 / N)
        known = (keep**ages * error[G - 1]) ** 2 + np.mean(error[:G] ** 2)
        reach = Z * np.sqrt(known + run)
        return Interval(
            *(series.value[0] + x for x in (value, value - reach, value + reach))
        )

    return [
        _asked(
            "shared",
            series.value[1:],
            "a loop that copies",
            Kind.EXACT,
            f"models copy {N:.0f} training points and nothing else; fresh fraction "
            f"{alpha:.3g}",
            genealogy,
            1,
            copying.missing
            or ("" if copying.high > 0.5 else "no such copying is seen"),
            ahead,
        )
    ]


class _Lacking(ValueError):
    """A law has too little to go by; why."""


def _asked(
    quantity: str,
    measured: np.ndarray,
    law: str,
    kind: Kind,
    assumes: str,
    predict: Law,
    least: int,
    missing: str,
    ahead: int,
) -> Prediction:
    """Ask a law for the next generations, and for the last ones from those before."""
    G = len(measured)
    at = tuple(range(G + 1, G + ahead + 1))
    nothing = np.full(ahead, np.nan)
    none = Prediction(quantity, law, kind, assumes, at, nothing, nothing, nothing)
    if not missing and least > G:
        missing = f"needs {least} generations"
    if missing:
        return replace(none, missing=missing)
    try:
        asked = replace(none, **predict(G, ahead)._asdict())
    except _Lacking as why:
        return replace(none, missing=str(why))
    held = held_back_of(G)
    if not held:
        return asked
    try:
        past = predict(G - held, held)
    except _Lacking:
        return asked
    last = measured[-held:]
    inside = (past.low <= last) & (last <= past.high)
    which = tuple(range(G - held + 1, G + 1))
    return replace(asked, held_back=which, past=past, inside=tuple(map(bool, inside)))


def _squared(d: Interval, noise: float) -> Interval:
    """Squares of distances; one that may vanish is measured down to minus its noise."""
    low = np.where(d.low > 0, d.low**2, -Z * noise)
    return Interval(np.maximum(d.value, 0.0) ** 2, low, d.high**2)
