"""``driftlab list``: what there is to see."""

import argparse
import dataclasses
import json
import shutil
import textwrap

from figures.commands.arguments import add_command, add_ids

__all__ = ["add_to", "run"]


def add_to(commands: argparse._SubParsersAction) -> None:
    """Declare the subcommand."""
    command = add_command(
        commands, "list", run, "figures and claims, with presets", needs_jax=False
    )
    add_ids(command, "figures to describe in full, with every field of their settings")
    command.add_argument("--json", action="store_true", help="as JSON")


def run(options: argparse.Namespace) -> None:
    """Print the catalogue, or the chosen figures in full."""
    from figures import catalogue

    chosen = catalogue.select(options.ids)
    if options.json:
        print(json.dumps(_as_json(chosen), indent=1))
    elif options.ids:
        for figure in chosen:
            _describe(figure)
    else:
        _overview(chosen)


def _overview(chosen) -> None:
    from figures import catalogue

    for paper in dict.fromkeys(figure.paper for figure in chosen):
        described = catalogue.papers()[paper]
        print(described.title)
        print(textwrap.fill(described.question, _width()) + "\n")
        for figure in (f for f in chosen if f.paper == paper):
            print(_wrapped(figure.id, figure.title, 12))
            print(_wrapped("", figure.shows, 12))
            print(_wrapped("", _times(figure), 12) + "\n")
    print("Claims")
    for claim in catalogue.claims().values():
        expected = " or ".join(claim.expected)
        print(_wrapped(claim.id, f"{claim.reference}; expected: {expected}", 24))
        print(_wrapped("", claim.statement, 24))


def _describe(figure) -> None:
    from figures import catalogue
    from figures.overrides import as_text, field_docs

    print(f"{figure.id}: {figure.title}\n{figure.shows}\n")
    known = catalogue.claims()
    for id in figure.claims:
        expected = " or ".join(known[id].expected)
        print(f"  claim {id} ({known[id].reference}), expected: {expected}")
        print(f"        {known[id].statement}")
    print(f"\n  {_times(figure)}\n")
    docs = field_docs(figure.settings_type)
    for name, doc in docs.items():
        values = {p: getattr(s, name) for p, s in figure.presets.items()}
        text = "  ".join(f"{p}: {as_text(v)}" for p, v in values.items())
        print(f"  --{name.replace('_', '-'):20} {doc}\n  {'':22} {text}")
    print()


def _as_json(chosen) -> dict:
    from figures import catalogue

    figures = [
        {
            "id": f.id,
            "paper": f.paper,
            "title": f.title,
            "shows": f.shows,
            "claims": list(f.claims),
            "formulas": list(f.formulas),
            "seconds": dict(f.seconds),
            "presets": {name: dataclasses.asdict(s) for name, s in f.presets.items()},
        }
        for f in chosen
    ]
    shown = {id for f in chosen for id in f.claims}
    claims = [
        {
            "id": c.id,
            "paper": c.paper,
            "reference": c.reference,
            "provenance": c.provenance,
            "statement": c.statement,
            "hypotheses": list(c.hypotheses),
            "expected": [o.value for o in c.expected],
            "formula": c.formula,
        }
        for c in catalogue.claims().values()
        if c.id in shown
    ]
    return {"figures": figures, "claims": claims}


def _wrapped(name: str, text: str, indent: int) -> str:
    """`text` in a column of its own, `name` to the left of it."""
    margin = " " * (indent + 3)
    return textwrap.fill(
        text,
        _width(),
        initial_indent=f"  {name:{indent}} ",
        subsequent_indent=margin,
    )


def _width() -> int:
    return min(shutil.get_terminal_size().columns, 100)


def _times(figure) -> str:
    from figures.progress import duration

    return ", ".join(
        f"{name} {duration(figure.seconds[name])}" if name in figure.seconds else name
        for name in figure.presets
    )
