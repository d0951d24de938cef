"""An audit as one self-contained page, its picture and numbers beside it."""

from pathlib import Path

from markupsafe import Markup

from figures import style
from figures.audit.audited import Audit
from figures.audit.drawing import caption, draw
from figures.audit.numbers import interval, short, with_error
from figures.audit.records import Series
from figures.export import save
from figures.report import environment, picture
from sim.store.archive import write_atomic, write_json
from sim.store.provenance import commit, version

__all__ = ["write_page"]


def write_page(root: Path, audit: Audit) -> Path:
    """Write ``root/audit.html``, and its picture (.png, .pdf), numbers (.csv) and .json.

    Returns:
        Path of the page.
    """
    with style.applied():
        files = save(draw(audit), root / "audit")
    files["json"] = root / "audit.json"
    write_json(files["json"], audit.to_json())
    page = root / "audit.html"
    templates = environment()
    templates.filters |= {"interval": _interval, "cell": _cell}
    html = templates.get_template("audit.html").render(
        audit=audit,
        generations=range(1, audit.clouds.generations + 1),
        measured=[s for s in audit.series.values() if not s.missing],
        lacking=[s for s in audit.series.values() if s.missing],
        questions=("drift", "errors", "growth", "memory", "diversity"),
        picture=picture(files["png"], "What was measured, and predictions"),
        caption=caption(audit),
        files={kind: path.name for kind, path in files.items()},
        origin=f"driftlab {version('driftlab')}, commit {commit()}",
    )
    write_atomic(page, html.encode())
    return page


def _interval(record, at: int | None = None) -> Markup:
    """Of a fit, or of a prediction at one of its generations."""
    ends = (record.value, record.low, record.high)
    values = ends if at is None else tuple(float(x[at]) for x in ends)
    return Markup("{}").format(interval(*values).replace("<=", "≤"))


def _cell(series: Series, row: int) -> str:
    value, error = float(series.value[row]), float(series.error[row])
    return short(value, 2) if series.name == "p" else with_error(value, error)
