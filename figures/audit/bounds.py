"""Which statements of the four theories samples can speak about, and what they say."""

import numpy as np

from figures.audit.clouds import Clouds
from figures.audit.composition import Composition
from figures.audit.drift import Drift
from figures.audit.fitting import Fits
from figures.audit.records import Bound, Series, Standing
from theory.claims import Kind
from theory.self_consuming.weights import accumulated_bound, stage_weights

__all__ = ["bounds"]

NO_SCORE = "needs the models' scores along the noising path, not their samples"


def bounds(
    clouds: Clouds,
    found: Composition,
    drifts: dict[str, Drift],
    series: dict[str, Series],
    fitted: Fits,
) -> list[Bound]:
    """One entry a statement, the ones that apply first."""
    listed = [
        _accumulated(drifts["energy"], found),
        _rate(drifts["energy"], found),
        _chi2(series),
        _refit(clouds, found),
        _genealogy(fitted),
        Bound(
            "Prop 3.1, Thm 3.4",
            "KL and chi-square of one generation between multiples of its score-error energy",
            "Khelifa, Turner, Venkataramanan",
            Kind.GUARANTEE,
            Standing.NOT_MEASURABLE,
            NO_SCORE,
        ),
        Bound(
            "learning curve",
            "what a two-layer denoiser learns, generates and keeps after retraining",
            "derived, after Cui, Pehlevan, Lu",
            Kind.EXACT,
            Standing.NOT_MEASURABLE,
            "needs the network's overlaps with the data's structure, and that network",
        ),
    ]
    order = list(Standing)
    return sorted(listed, key=lambda bound: order.index(bound.standing))


def _accumulated(drift: Drift, found: Composition) -> Bound:
    """sqrt(D_G) <= sum_s A_s sqrt(J_s), for any schedule, in energy distance."""
    J = np.maximum(np.asarray(drift.step.value) + drift.hidden, 0.0)
    ceiling = float(np.asarray(accumulated_bound(found.schedule, np.sqrt(J)))[-1])
    D = max(float(drift.distance.value[-1]), 0.0)
    weights = np.asarray(stage_weights(found.schedule))
    used = f"{np.sqrt(D) / ceiling:.0%}" if ceiling > 0 else "-"
    return Bound(
        "accumulated steps (U1)",
        "the distance is at most the sum of all steps, each weighted by the chance A_s that "
        "a sample's lineage visits it",
        "derived, after Khelifa et al. and Fu et al.; triangle inequality of energy distance",
        Kind.GUARANTEE,
        Standing.APPLIES,
        f"distance {np.sqrt(D):.3g}, bound {ceiling:.3g} ({used} of it used; all of it "
        f"by systematic errors), lineage {np.sum(weights):.3g} generations",
    )


def _rate(drift: Drift, found: Composition) -> Bound:
    weights = np.asarray(stage_weights(found.schedule))
    later = drift.means.value[1] if len(drift.step.value) > 1 else np.nan
    known = bool(np.isfinite(later) and later > 0)
    return Bound(
        "rate bound",
        "the distance is at most C n^-r times the expected lineage S_i",
        "after Fu et al., who bound total variation; energy distance stands in for it",
        Kind.RATE,
        Standing.APPLIES if known else Standing.NOT_MEASURABLE,
        f"S = {np.sum(weights):.3g} at the last generation"
        if known
        else "no step exceeds its noise, so that C cannot be fitted",
    )


def _chi2(series: dict[str, Series]) -> Bound:
    """Whether the accumulated chi-square can be finite, as far as Gaussian fits tell."""
    widest = series["widest"]
    name, says = (
        "accumulated chi-square",
        "drift in chi-square obeys the one-step identity",
    )
    who = "Khelifa, Turner, Venkataramanan (Lemma F.1)"
    if widest.missing:
        found = Standing.NOT_MEASURABLE, widest.missing
    else:
        low = widest.value[1:] - 2.0 * widest.error[1:]
        beyond = np.flatnonzero(low > 2.0)
        found = Standing.APPLIES, "variances stay below twice the real ones everywhere"
        if len(beyond):
            why = f"from generation {beyond[0] + 1} on some variance is over twice the real one"
            found = Standing.NOT_MET, f"{why}: chi-square of Gaussian fits is infinite"
    return Bound(name, says, who, Kind.GUARANTEE, *found)


def _refit(clouds: Clouds, found: Composition) -> Bound:
    enough = found.size > clouds.space.dim + 1
    return Bound(
        "Gaussian refit",
        "entropy lost by sampling error alone, whatever the covariance",
        "derived (theory.memorization.gaussian_refit)",
        Kind.EXACT,
        Standing.APPLIES if enough and not found.alpha else Standing.NOT_MET,
        "the baseline for any model without fresh data"
        if enough
        else "fewer training points than coordinates",
    )


def _genealogy(fitted: Fits) -> Bound:
    copying = fitted["copying"]
    met = not copying.missing and copying.high > 0.5
    return Bound(
        "genealogy of copies",
        "chance that two samples descend from one training point",
        "derived (theory.memorization.genealogy)",
        Kind.EXACT,
        Standing.APPLIES if met else Standing.NOT_MET,
        copying.missing
        or f"{copying.value:.2g} of a pure copier's pairs "
        f"[{copying.low:.2g}, {copying.high:.2g}]",
    )
