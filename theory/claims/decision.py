r"""From slacks with standard errors to verdicts that control their own error rate.

Evidence is a set of slacks (bound minus bounded quantity, so slack >= 0 means the
inequality holds). All intervals of a report share one level by Bonferroni: with
probability >= 1 - level every interval covers its true slack, so the chance that a
report calls *any* true theorem violated is at most level.
"""

import math
from collections.abc import Mapping, Sequence

import numpy as np

from theory.claims.records import Claim, Evidence, Outcome, Verdict
from theory.validation import require

__all__ = ["decide"]


def decide(
    evidence: Sequence[Evidence], claims: Mapping[str, Claim], level: float = 0.05
) -> list[Verdict]:
    """Verdicts on a whole report, in the order of the evidence.

    With tolerance r = resolution (plus margin for "==") and simultaneous intervals
    [lo, hi], "<=" holds iff every lo >= -r and is violated iff some hi < -r; "==" holds
    iff every interval lies inside [-r, r] and is violated iff some lies outside.
    What precedes it, in this order: not measurable; hypotheses not met; vacuous, unless
    violated, since a violated theorem must not hide behind a vacuous setting. An entry
    without a number makes a claim not measurable, unless another already violates it.

    Args:
        evidence: everything the report judges; the level is shared over all of it.
        claims: by id; every `Evidence.claim` must be there.
        level: chance that any interval of the report misses its truth, in (0, 1).

    Raises:
        InputError: on a level outside (0, 1) or an unknown claim.
    """
    require(0.0 < level < 1.0, "level", "in (0, 1)", level)
    for e in evidence:
        require(e.claim in claims, "claim", f"one of {sorted(claims)}", e.claim)
    shared = sum(e.sampled for e in evidence)
    return [_verdict(e, claims[e.claim], shared, level) for e in evidence]


def _verdict(e: Evidence, claim: Claim, shared: int, level: float) -> Verdict:
    at = e.measured
    slack, tolerance = e.slack[at], (e.resolution + e.margin * (e.relation == "=="))[at]
    half = _half_widths(e.standard_error[at], e.dof[at], shared, level)
    # an infinite slack is infinitely far from zero, whatever its error
    low = np.where(np.isinf(slack), slack, slack - half)
    high = np.where(np.isinf(slack), slack, slack + half)
    # how far each interval keeps inside, and lies wholly outside, what the claim allows
    inside, outside = low + tolerance, -(high + tolerance)
    if e.relation == "==":
        inside = np.minimum(inside, tolerance - high)
        outside = np.maximum(outside, low - tolerance)
    outcome, reason = _outcome(e, claim, inside, outside)

    scale = np.abs(e.scale[at])
    unit = np.where(scale > 0, scale, 1.0)
    numbers = {"slack": math.nan, "interval": (math.nan, math.nan)}
    numbers |= {"relative_slack": math.nan, "detectable": math.nan}
    if len(slack):
        violated = (outside > 0).any()
        k = int(np.argmax(outside / unit) if violated else np.argmin(inside / unit))
        numbers = {
            "slack": float(slack[k]),
            "interval": (float(low[k]), float(high[k])),
            "relative_slack": float(slack[k] / scale[k]) if scale[k] > 0 else math.nan,
            "detectable": float(np.min(half + tolerance)),
        }
    return Verdict(
        claim=e.claim,
        setting=e.setting,
        outcome=outcome,
        expected=claim.expected,
        as_expected=outcome in claim.expected,
        intervals=shared,
        confidence=1.0 - level,
        seeds=e.seeds,
        n=e.n,
        reason=reason,
        **numbers,
    )


def _outcome(e: Evidence, claim: Claim, inside, outside) -> tuple[Outcome, str]:
    """The verdict and its reason, in the order of precedence of `decide`."""
    checked = {name for name, _, _ in e.hypotheses}
    assumed = [name for name in claim.hypotheses if name not in checked]
    failed = [f"{name} ({detail})" for name, met, detail in e.hypotheses if not met]
    count, missing = len(e.slack), len(e.slack) - len(inside)
    bad, good = int(np.sum(outside > 0)), int(np.sum(inside >= 0))
    note = f"; assumed: {', '.join(assumed)}" if assumed else ""
    if e.not_measurable is not None:
        return Outcome.NOT_MEASURABLE, e.not_measurable
    if count == 0:
        return Outcome.NOT_MEASURABLE, "no slack was measured"
    if failed and missing < count:
        return Outcome.HYPOTHESES_NOT_MET, "; ".join(failed)
    if bad:
        return Outcome.VIOLATED, f"{bad} of {count} beyond error and resolution{note}"
    if missing:
        first = int(np.flatnonzero(~e.measured)[0])
        return (
            Outcome.NOT_MEASURABLE,
            f"{missing} of {count} have no number, first at {first}",
        )
    if e.vacuous is not None:
        return Outcome.VACUOUS, e.vacuous
    if good == count:
        return Outcome.HOLDS, f"{good} of {count} within error and resolution{note}"
    return Outcome.INCONCLUSIVE, f"{count - good} of {count} could go either way{note}"


def _half_widths(
    se: np.ndarray, dof: np.ndarray, shared: int, level: float
) -> np.ndarray:
    """Half-widths of simultaneous intervals; infinite without degrees of freedom."""
    if not (se > 0).any():
        return np.zeros_like(se)
    from scipy.special import ndtri, stdtrit

    tail = level / (2 * shared)
    known = np.isfinite(dof)
    student = -stdtrit(np.where(known & (dof > 0), dof, 1.0), tail)
    critical = np.where(known, np.where(dof > 0, student, np.inf), -ndtri(tail))
    return np.where(se > 0, critical * np.where(se > 0, se, 1.0), 0.0)
