"""Where the notebooks are, what each is about and imports. Imports nothing heavy."""

import ast
from pathlib import Path

from theory.validation import require

__all__ = ["FOLDER", "described", "imported", "notebook", "notebooks"]

FOLDER = Path(__file__).parents[2] / "notebooks"
"""Beside the packages, in the repository and where a wheel is installed."""


def notebooks() -> dict[str, Path]:
    """Every notebook by its name, in alphabetical order."""
    return {path.stem: path for path in sorted(FOLDER.glob("[!_]*.py"))}


def notebook(name: str) -> Path:
    """The notebook of that name.

    Raises:
        InputError: there is none.
    """
    known = notebooks()
    require(name in known, "NAME", f"one of {', '.join(known)}", name)
    return known[name]


def described(path: Path) -> str:
    """The first line of a notebook's docstring."""
    return (ast.get_docstring(_parsed(path)) or "").partition("\n")[0]


def imported(path: Path) -> list[str]:
    """The modules that a notebook imports names from, in its order."""
    nodes = ast.walk(_parsed(path))
    return [node.module for node in nodes if isinstance(node, ast.ImportFrom)]


def _parsed(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))
