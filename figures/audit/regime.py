r"""Which regime a loop is in: whether it drifts, how its errors add up, what it remembers.

Errors are classified as error propagation does (`theory.error_propagation.regimes`), with D
what a generation inherits, J its step and C their overlap, averaged over generations. An
answer counts if it is the same at both ends of the cosine's interval, 5 % beyond either, and if
the steps were larger by all that reuse of samples may hide. Growth is a witness of its own where
the fresh fraction is known: it counts if one reading of the errors grows like that and
the other does not. Witnesses that disagree leave it undecided.
"""

from dataclasses import dataclass

import numpy as np
from scipy import stats

from figures.audit.drift import Drift
from figures.audit.fitting import Fits
from figures.audit.records import Fit, Series
from theory.error_propagation.regimes import Regime, classify

__all__ = ["Finding", "Named", "errors_of", "name"]

SIGNIFICANT = 0.05
SURE = 0.9
"""Level of the cosine's interval."""
SLIGHT = 0.05
"""Share of a copier's common ancestors that a change of shape may bring about."""
STRONG = 10.0
"""Bayes factor from which evidence is called strong."""


@dataclass(frozen=True)
class Finding:
    """One answer and what it rests on."""

    answer: str
    because: str


@dataclass(frozen=True)
class Named:
    """The regime of a loop."""

    drift: Finding
    """still or drifting"""
    errors: Finding
    """a `Regime` in small letters, or undecided"""
    growth: Finding
    """growing, levels off, or undecided"""
    memory: Finding
    """copying, some copying, none seen, or not measurable"""
    diversity: Finding
    """of entropy: below, above or like that of real points"""

    @property
    def title(self) -> str:
        """The regime in a line."""
        if self.drift.answer == "still":
            return "still: no drift beyond the noise of these samples"
        errors = self.errors.answer
        what = errors if errors == "undecided" else f"{errors} errors"
        parts = [
            f"drifting, {what if what != 'undecided' else 'how errors add is undecided'}"
        ]
        parts.append(self.growth.answer)
        if self.memory.answer in ("copying", "some copying"):
            parts.append(self.memory.answer)
        return ", ".join(parts)


def name(
    drifts: dict[str, Drift],
    series: dict[str, Series],
    fitted: Fits,
    fresh_known: bool,
) -> Named:
    """All answers.

    Args:
        drifts: steps, by geometry.
        series: measures, by name.
        fitted: the fits.
        fresh_known: whether the fresh fraction is: else data that were mixed in unseen look
            like errors that cancel.
    """
    drift = _drift(series["p"])
    errors = errors_of(drifts, fitted) if drift.answer != "still" else _nothing()
    if not fresh_known and errors.answer != "undecided":
        why = f"the fresh fraction is not known; if it is 0, {errors.answer}"
        errors = Finding("undecided", f"{why} ({errors.because})")
    growth = _growth(errors, drifts, fitted) if drift.answer != "still" else _nothing()
    return Named(drift, errors, growth, _memory(fitted), _diversity(fitted))


def _nothing() -> Finding:
    return Finding("undecided", "no drift to speak of")


def _drift(p: Series) -> Finding:
    """Holm's correction over generations."""
    values = p.value[1:]
    order = np.argsort(values)
    limits = SIGNIFICANT / (len(values) - np.arange(len(values)))
    passes = np.cumprod(values[order] <= limits).astype(bool)
    rejected = np.sort(order[passes]) + 1
    if not len(rejected):
        return Finding(
            "still",
            f"no generation differs from real data, smallest p {values.min():.2g}",
        )
    which = ", ".join(map(str, rejected))
    return Finding(
        "drifting", f"generations {which} differ from real data at 5 % together"
    )


def errors_of(drifts: dict[str, Drift], fitted: Fits) -> Finding:
    """The answer of all witnesses that give one."""
    found = {geometry: _classified(drift) for geometry, drift in drifts.items()}
    found["growth"] = _grown(fitted)
    decided = {f.answer for f in found.values()} - {"undecided"}
    because = "; ".join(f"{geometry}: {f.because}" for geometry, f in found.items())
    if len(decided) == 1:
        return Finding(decided.pop(), because)
    return Finding("undecided", because)


def _grown(fitted: Fits) -> Finding:
    """Which reading of the errors has the known fresh fraction among its likely ones."""
    if not fitted.growth.agrees:
        return Finding("undecided", "says nothing without a known fresh fraction")
    fitting = [reading for reading, fits in fitted.growth.agrees.items() if fits]
    if len(fitting) == 1:
        return Finding(fitting[0], f"like that of {fitting[0]} errors alone")
    which = "either" if fitting else "neither"
    return Finding("undecided", f"like that of {which} unbiased or aligned errors")


def _classified(drift: Drift) -> Finding:
    if len(drift.step.value) < 3:
        return Finding("undecided", "needs three generations")
    (D, J, C), (_, J_error, _) = (np.asarray(x) for x in drift.means)
    if -2.0 * J_error > J:
        small = (
            f"mean step {J:.2g} below 0 beyond its noise, {J_error:.2g}: models were "
        )
        return Finding("undecided", f"{small}trained on these points")
    if not (D > 0 and 2.0 * J_error < J):
        small = f"mean step {J:.2g} within its noise, {J_error:.2g}"
        return Finding("undecided", small)
    cosine, error = (float(x) for x in drift.cosine)
    reach = float(stats.t.ppf(0.5 + 0.5 * SURE, len(drift.step.value) - 2)) * error
    if not np.isfinite(reach):
        return Finding("undecided", f"cosine {cosine:.2f}, its error not measurable")
    ends = [np.clip(cosine + side * reach, -1.0, 1.0) for side in (-1, 0, 1)]
    cases = [(D, J, c * np.sqrt(D * J)) for c in ends]
    answers = {_regime(*case) for case in cases}
    hidden = {_regime(*drift.means_hidden)}
    text = f"cosine {cosine:.2f} [{ends[0]:.2f}, {ends[2]:.2f}]"
    if len(answers) > 1:
        return Finding("undecided", f"{text}, {_either(answers)}")
    if answers != hidden:
        why = f"{text}, but {hidden.pop()} if samples were trained on"
        return Finding("undecided", why)
    return Finding(answers.pop(), text)


def _either(answers: set[str]) -> str:
    return " or ".join(sorted(answers))


def _regime(D: float, J: float, C: float) -> str:
    """Inherited drift comes in already diluted, hence alpha = 0."""
    return Regime(int(classify(0.0, D, J, C))).name.lower().replace("_", "-")


def _growth(errors: Finding, drifts: dict[str, Drift], fitted: Fits) -> Finding:
    """Levels off, if the reading that fits the errors says so; both where they are open."""
    if not fitted.growth.levels_off:
        return Finding("growth undecided", fitted["fresh_unbiased"].missing)
    reading = {"unbiased": ["unbiased"], "aligned": ["aligned"]}.get(
        errors.answer, ["unbiased", "aligned"]
    )
    evidence = min(fitted.growth.levels_off[r] for r in reading)
    exponent = _sharpest([f for f in fitted.fits if f.name.startswith("exponent")])
    grows = "exponent not measurable"
    if not exponent.missing:
        grows = (
            f"exponent {exponent.value:.2f} [{exponent.low:.2f}, {exponent.high:.2f}]"
        )
    text = f"{grows}, evidence for levelling off {evidence:.2g} to 1"
    if evidence > STRONG:
        shares = (_share(fitted, r, alone=len(reading) == 1) for r in reading)
        return Finding("levelling off", f"{text}, {', '.join(shares)}")
    if not exponent.missing and exponent.low > 0:
        return Finding("growing", text)
    return Finding("growth undecided", text)


def _sharpest(exponents: list[Fit]) -> Fit:
    """The one with the narrowest interval."""
    measured = [f for f in exponents if not f.missing]
    return min(measured or exponents, key=lambda f: f.high - f.low if measured else 0)


def _share(fitted: Fits, reading: str, alone: bool) -> str:
    f = fitted[f"fresh_{reading}"]
    text = f"fresh fraction {f.value:.2g} [{f.low:.2g}, {f.high:.2g}]"
    return text if alone else f"{text} if errors are {reading}"


def _memory(fitted: Fits) -> Finding:
    f = fitted["copying"]
    if f.missing:
        return Finding("not measurable", f.missing)
    text = (
        f"{f.value:.3g} [{f.low:.3g}, {f.high:.3g}] of a pure copier's common ancestors"
    )
    if f.low > 0.5:
        return Finding("copying", text)
    if f.low > SLIGHT:
        return Finding("some copying", text)
    return Finding("no copying seen", text)


def _diversity(fitted: Fits) -> Finding:
    gap, slope = fitted["entropy_gap"], fitted["entropy_slope"]
    text = f"{gap.value:.3g} [{gap.low:.3g}, {gap.high:.3g}] nats from real points' in the last"
    if not slope.missing:
        text += (
            f", {slope.value:.3g} [{slope.low:.3g}, {slope.high:.3g}] more a generation"
        )
        text += f" (against {slope.against})"
    if gap.high < 0:
        return Finding("entropy below that of real data", text)
    above = gap.low > 0
    return Finding(
        f"entropy {'above that' if above else 'like that'} of real data", text
    )
