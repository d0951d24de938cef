"""One self-contained page: questions, verdicts, figures, formulas, and where from."""

import base64
import dataclasses
import math
import multiprocessing
import os
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jinja2
from markupsafe import Markup

from figures import catalogue, style
from figures.export import save
from figures.mathml import mathml, with_formulas
from figures.pipeline import LEVEL, Judged, Result
from figures.progress import duration
from sim.store.archive import write_atomic, write_json
from theory.claims import Claim, Outcome, Verdict
from theory.precision import enable_x64
from theory.symbolic import Statement, statement

__all__ = ["drawing", "environment", "number", "picture", "write_report"]

SIDE_BY_SIDE = 4
"""From this many figures on, starting processes to draw them pays."""


@dataclass(frozen=True)
class Entry:
    """A figure as the page shows it."""

    result: Result
    picture: Markup
    caption: Markup
    formulas: tuple[Statement, ...]
    verdicts: tuple[Verdict, ...]
    files: dict[str, str]
    """Links relative to the page, by kind."""
    seconds: float
    memory: int


@dataclass(frozen=True)
class ClaimRows:
    """A claim and all verdicts on it, each with its figure."""

    claim: Claim
    formula: Statement | None
    rows: tuple[Judged, ...]

    @property
    def counts(self) -> dict[Outcome, int]:
        """How many verdicts of each kind."""
        return Counter(j.verdict.outcome for j in self.rows)

    @property
    def expected_to_fail(self) -> bool:
        """Whether only a violation would surprise nobody."""
        return self.claim.expected == (Outcome.VIOLATED,)


def write_report(
    root: Path,
    results: Sequence[Result],
    judged: Sequence[Judged],
    tick: Callable[[int], Any] = lambda n: None,
    drawn: Mapping[str, dict[str, Path]] | None = None,
) -> Path:
    """Draw every figure, write its files, then the page that shows them all.

    Args:
        root: the page is ``root/report.html``; ``root/figures`` holds what it links to.
        results: in the order in which the page shows them.
        judged: the verdicts on all of them.
        tick: called after each figure.
        drawn: files of figures that need no drawing any more, by figure id.

    Returns:
        Path of the page.
    """
    entries = []
    files = _drawings(root, results, drawn or {})
    for result, paths in zip(results, files, strict=True):
        mine = [j.verdict for j in judged if j.figure == result.figure.id]
        entries.append(_entry(result, paths, mine))
        tick(1)
    page = root / "report.html"
    write_atomic(page, _render(entries, judged).encode())
    return page


def drawing(root: Path, result: Result) -> dict[str, Path]:
    """Draw one figure; its files by kind, under ``root/figures``."""
    r = result
    return _draw(r.figure, r.settings, r.trace, r.curves, root / "figures")


def _drawings(
    root: Path, results: Sequence[Result], drawn: Mapping[str, dict[str, Path]]
) -> Iterator[dict[str, Path]]:
    """The files of every figure in order, drawn side by side if there are many to draw."""
    jobs = [
        (r.figure, r.settings, r.trace, r.curves, root / "figures")
        for r in results
        if r.figure.id not in drawn
    ]
    workers = min(os.cpu_count() or 1, len(jobs))
    if workers <= 1 or len(jobs) < SIDE_BY_SIDE:
        new = (_draw(*job) for job in jobs)
        yield from (drawn.get(r.figure.id) or next(new) for r in results)
        return
    # fresh interpreters: forking one that runs JAX's threads is not safe
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(workers, context, enable_x64) as pool:
        new = pool.map(_draw, *zip(*jobs, strict=True))
        yield from (drawn.get(r.figure.id) or next(new) for r in results)


def _draw(figure, settings, trace, curves, folder: Path) -> dict[str, Path]:
    with style.applied():
        return save(figure.load().draw(settings, trace, curves), folder / figure.id)


def _entry(
    result: Result, drawn: dict[str, Path], verdicts: Sequence[Verdict]
) -> Entry:
    figure, module = result.figure, result.module
    paths = drawn | {"json": drawn["png"].with_name(f"{figure.id}.json")}
    write_json(
        paths["json"],
        {
            "figure": figure.id,
            "preset": result.run.preset,
            "fingerprint": result.run.fingerprint,
            "settings": dataclasses.asdict(result.settings),
            "provenance": result.run.provenance(),
        },
    )
    sessions = result.run.timing()["sessions"]
    return Entry(
        result=result,
        picture=picture(paths["png"], figure.title),
        caption=Markup(with_formulas(module.caption(result.settings, result.trace))),
        formulas=tuple(statement(key) for key in figure.formulas),
        verdicts=tuple(verdicts),
        files={kind: f"figures/{path.name}" for kind, path in paths.items()},
        seconds=result.run.seconds(),
        memory=max((s["peak_memory_bytes"] for s in sessions), default=0),
    )


def picture(png: Path, title: str) -> Markup:
    """A picture inside a page, in twice as many pixels as a screen shows."""
    pixels = base64.b64encode(png.read_bytes()).decode()
    return Markup('<img alt="{}" src="data:image/png;base64,{}">').format(title, pixels)


def environment() -> jinja2.Environment:
    """The templates of pages, and how they write numbers and formulas."""
    found = jinja2.Environment(
        loader=jinja2.FileSystemLoader(Path(__file__).with_name("templates")),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    found.filters |= {
        "number": number,
        "percent": percent,
        "duration": duration,
        "math": lambda s: Markup(mathml(s.latex)),
        "formulas": lambda text: Markup(with_formulas(text)),
        "mark": lambda outcome: style.OUTCOMES[outcome].sign,
        "slug": lambda outcome: outcome.replace(" ", "-"),
    }
    return found


def _render(entries: Sequence[Entry], judged: Sequence[Judged]) -> str:
    papers = catalogue.papers()
    used = dict.fromkeys(entry.result.figure.paper for entry in entries)
    return (
        environment()
        .get_template("report.html")
        .render(
            papers=[papers[id] for id in used],
            entries=entries,
            claims=_by_claim(judged),
            judged=judged,
            outcomes=list(Outcome),
            level=LEVEL,
            made=max((e.result.run.last_used() for e in entries), default=""),
        )
    )


def _by_claim(judged: Sequence[Judged]) -> list[ClaimRows]:
    claims = catalogue.claims()
    grouped: dict[str, list[Judged]] = {}
    for j in judged:
        grouped.setdefault(j.verdict.claim, []).append(j)
    return [
        ClaimRows(
            claim,
            statement(claim.formula) if claim.formula else None,
            tuple(grouped[id]),
        )
        for id, claim in claims.items()
        if id in grouped
    ]


def number(value: float | None) -> Markup:
    """Three digits and a true minus sign; a dash for what is no number."""
    if value is None or math.isnan(value):
        return Markup("–")
    if math.isinf(value):
        return Markup("∞" if value > 0 else "−∞")
    mantissa, _, exponent = f"{value:.3g}".partition("e")
    text = mantissa.replace("-", "−")
    if exponent:
        text += f"&hairsp;×&hairsp;10<sup>{int(exponent)}</sup>".replace("-", "−")
    return Markup(text)


def percent(value: float | None) -> Markup:
    """A ratio in per cent, with two digits."""
    if value is None or not math.isfinite(value):
        return number(value)
    scaled = number(float(f"{100 * value:.2g}"))
    return scaled + Markup("&nbsp;%")
