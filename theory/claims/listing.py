"""Verdicts as plain text."""

from collections.abc import Sequence

from theory.claims.records import Outcome, Verdict

__all__ = ["table"]


def table(verdicts: Sequence[Verdict]) -> str:
    """Verdicts as a plain-text table, then the reasons of those that did not hold."""
    head = ("claim", "setting", "verdict", "expected", "slack", "interval")
    head += ("slack/scale", "detectable", "seeds", "n")
    rows = [head] + [_row(v) for v in verdicts]
    widths = [max(len(row[k]) for row in rows) for k in range(len(head))]
    lines = [
        "  ".join(c.ljust(w) for c, w in zip(row, widths, strict=True)) for row in rows
    ]
    lines.insert(1, "  ".join("-" * w for w in widths))
    notable = [
        v for v in verdicts if v.outcome is not Outcome.HOLDS or not v.as_expected
    ]
    lines += [
        f"{v.claim} ({v.setting}): {v.outcome.value}: {v.reason}" for v in notable
    ]
    unexpected = sum(not v.as_expected for v in verdicts)
    lines.append(f"{len(verdicts)} verdicts, {unexpected} against expectation.")
    return "\n".join(line.rstrip() for line in lines)


def _row(v: Verdict) -> tuple[str, ...]:
    low, high = v.interval
    expected = " or ".join(o.value for o in v.expected)
    return (
        v.claim,
        v.setting,
        v.outcome.value if v.as_expected else f"{v.outcome.value} (!)",
        expected,
        f"{v.slack:.3g}",
        f"[{low:.3g}, {high:.3g}]",
        f"{v.relative_slack:.3g}",
        f"{v.detectable:.3g}",
        str(v.seeds),
        "-" if v.n is None else str(v.n),
    )
