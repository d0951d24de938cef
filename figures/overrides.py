"""Settings given on the command line as ``--field value``, typed by the dataclass."""

import ast
import dataclasses
import inspect
import textwrap
import types
import typing
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from figures.catalogue import Figure, lookup
from theory.validation import InputError, require

__all__ = ["as_text", "field_docs", "from_stored", "labels", "override", "typed"]

_WORDS = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}


def override(
    chosen: Sequence[Figure], preset: str, fields: Mapping[str, str | None]
) -> dict[str, Any]:
    """Settings of each figure id: its preset, with the fields that it has replaced.

    Raises:
        InputError: unknown preset, a field that no chosen figure has, a value that is
            not of the field's type.
    """
    known = dict.fromkeys(
        f.name for figure in chosen for f in dataclasses.fields(figure.settings_type)
    )
    for name, text in fields.items():
        lookup("setting", name, known)
        require(text is not None, name, "followed by a value", "none")
    settings = {}
    for figure in chosen:
        lookup(f"preset of {figure.id}", preset, figure.presets)
        annotations = typing.get_type_hints(figure.settings_type)
        changes = {
            name: typed(name, text, annotations[name])
            for name, text in fields.items()
            if name in annotations
        }
        settings[figure.id] = dataclasses.replace(figure.presets[preset], **changes)
    return settings


def from_stored(figure: Figure, stored: Mapping[str, Any], seeds: int) -> Any:
    """The settings a run was made with, from its JSON; `InputError` if outgrown."""
    names = {f.name for f in dataclasses.fields(figure.settings_type)}
    if set(stored) != names - {"seeds"}:
        different = ", ".join(sorted(set(stored) ^ (names - {"seeds"})))
        raise InputError(
            f"settings of {figure.id} were stored by another version of driftlab "
            f"({different}); run the figure again."
        )
    values = {name: _as_tuple(value) for name, value in stored.items()}
    if "seeds" in names:
        values["seeds"] = seeds
    return figure.settings_type(**values)


def as_text(value: Any) -> str:
    """A field's value as the command line takes it: the inverse of `typed`."""
    if isinstance(value, str):
        return value
    if isinstance(value, (tuple, list)):
        return ",".join(map(as_text, value))
    return str(value).lower()  # true, none


def labels(values: Iterable[Any]) -> list[int] | list[float] | list[str]:
    """Values of one field as labels: a number, also that of a tuple of one; else text."""
    values = list(values)
    held = [v[0] if isinstance(v, tuple) and len(v) == 1 else v for v in values]
    plain = all(type(v) in (int, float) for v in held)
    return held if plain else [as_text(v) for v in values]


def field_docs(settings_type: type) -> dict[str, str]:
    """The string under each field of a dataclass, by field; "" where there is none."""
    docs = {field.name: "" for field in dataclasses.fields(settings_type)}
    for base in reversed(settings_type.__mro__[:-1]):
        try:
            source = textwrap.dedent(inspect.getsource(base))
        except (OSError, TypeError):  # typed at a prompt: there is no source
            continue
        body = ast.parse(source).body[0].body
        for field, text in zip(body, body[1:], strict=False):
            if (
                isinstance(field, ast.AnnAssign)
                and isinstance(text, ast.Expr)
                and isinstance(text.value, ast.Constant)
            ):
                docs[field.target.id] = " ".join(str(text.value.value).split())
    return docs


def typed(name: str, text: str, annotation: Any) -> Any:
    """The value that ``--name text`` gives a field of this type.

    Raises:
        InputError: `text` is not of that type.
    """
    origin, inner = typing.get_origin(annotation), typing.get_args(annotation)
    if origin in (typing.Union, types.UnionType):
        if type(None) in inner and text == "none":
            return None
        return typed(name, text, next(a for a in inner if a is not type(None)))
    if origin is typing.Literal:
        lookup(name, text, map(str, inner))
        return next(choice for choice in inner if str(choice) == text)
    if origin is tuple:
        items = [item for item in text.split(",") if item.strip()]
        kinds = inner[:1] * len(items) if inner[1:] == (...,) else inner
        allowed = f"{len(kinds) or 'some'} values separated by commas"
        require(len(items) == len(kinds) > 0, name, allowed, text)
        return tuple(_scalar(name, i, k) for i, k in zip(items, kinds, strict=True))
    return _scalar(name, text, annotation)


def _scalar(name: str, text: str, kind: type) -> Any:
    text = text.strip()
    if kind is str:
        return text
    if kind is bool:
        require(text.lower() in _WORDS, name, "true or false", text)
        return _WORDS[text.lower()]
    require(kind in (int, float), name, "set in Python: it is no plain value", text)
    try:
        number = float(text)
    except ValueError as e:
        what = "a whole number" if kind is int else "a number"
        raise InputError(f"{name} must be {what}, got {text!r}.") from e
    if kind is float:
        return number
    require(number.is_integer(), name, "a whole number", text)  # 1e5 is one
    return int(text) if text.lstrip("+-").isdigit() else int(number)


def _as_tuple(value: Any) -> Any:
    return tuple(map(_as_tuple, value)) if isinstance(value, list) else value
