"""Which points a sweep visits: a grid, or lists side by side, over fields of a preset.

A field is swept over values written as its option takes them, ``n=100,1000``, or over a
range ``start:stop:count``, ends included, equally spaced; ``start:stop:countlog`` is
spaced geometrically, to four digits. Ranges of a count are rounded to whole numbers.
Commas separate the values, but where a value is a tuple and has commas of its own,
slashes do: ``alphas=0.1,0.5/0.9`` are two values.
"""

import hashlib
import itertools
import json
import re
import typing
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from figures import catalogue
from figures.catalogue import Figure, lookup
from figures.overrides import as_text, override, typed
from theory.validation import InputError, require

__all__ = ["Axis", "Design", "Point", "Values", "design"]

Values = str | Iterable[Any]
"""The values of a field: as text, or one by one."""

_RANGE = re.compile(r"(?P<start>[^:]+):(?P<stop>[^:]+):(?P<count>\d+)(?P<log>log)?")


@dataclass(frozen=True)
class Axis:
    """A field of the settings and the values it takes, all different, in order."""

    field: str
    values: tuple[Any, ...]


@dataclass(frozen=True)
class Point:
    """One choice of the swept fields, and the settings that it makes."""

    at: Mapping[str, Any]
    settings: Any

    @property
    def label(self) -> str:
        """``n=100, alphas=0.1,0.5``."""
        return ", ".join(f"{field}={as_text(v)}" for field, v in self.at.items())


@dataclass(frozen=True)
class Design:
    """A figure, what is swept, and the points in order: the last axis runs fastest."""

    figure: Figure
    preset: str
    axes: tuple[Axis, ...]
    zipped: bool
    fixed: Mapping[str, str]
    """Fields that differ from the preset at every point, as text."""
    points: tuple[Point, ...]

    @property
    def fields(self) -> tuple[str, ...]:
        """The swept fields."""
        return tuple(axis.field for axis in self.axes)

    @property
    def sizes(self) -> dict[str, int]:
        """Dimensions of the results: a field each, or "point" for lists side by side."""
        if self.zipped:
            return {"point": len(self.points)}
        return {axis.field: len(axis.values) for axis in self.axes}

    @property
    def name(self) -> str:
        """Names the files of the sweep; more seeds keep it, anything else changes it."""
        fixed = {k: v for k, v in self.fixed.items() if k != "seeds"}
        asked = [self.preset, self.zipped, fixed, self.figure.version]
        asked += [[axis.field, as_text(v)] for axis in self.axes for v in axis.values]
        digest = hashlib.sha256(json.dumps(asked, sort_keys=True).encode()).hexdigest()
        return "-".join((self.figure.id, self.preset, *self.fields, digest[:8]))


def design(
    figure: str,
    over: Mapping[str, Values],
    *,
    preset: str = "quick",
    fixed: Mapping[str, Any] | None = None,
    zipped: bool = False,
) -> Design:
    """The points of a sweep, every setting checked.

    Args:
        figure: its id.
        over: values by field, as text (see the module) or one by one.
        preset: what every point starts from.
        fixed: other fields that differ from the preset, at every point.
        zipped: take the k-th value of every field together, not all combinations.

    Raises:
        InputError: unknown figure, preset or field; a field both swept and fixed; no
            values, or twice the same; lists of different length side by side; values
            that the settings refuse.
    """
    (chosen,) = catalogue.select([figure])
    held = {name: as_text(value) for name, value in (fixed or {}).items()}
    require(
        len(over) > 0, "over", "given: one field or more, with their values", "none"
    )
    for field in over:
        require(field not in held, field, "either swept or set", "both")
    axes = tuple(_axis(chosen, field, values) for field, values in over.items())
    lengths = {axis.field: len(axis.values) for axis in axes}
    if zipped:
        allowed = "given for fields with equally many values"
        require(len(set(lengths.values())) == 1, "zip", allowed, lengths)
    combine = zip if zipped else itertools.product
    points = []
    for values in combine(*(axis.values for axis in axes)):
        at = dict(zip(lengths, values, strict=True))
        swept = {field: as_text(value) for field, value in at.items()}
        settings = override([chosen], preset, held | swept)[chosen.id]
        points.append(Point(at, settings))
    return Design(chosen, preset, axes, zipped, held, tuple(points))


def _axis(figure: Figure, field: str, values: Values) -> Axis:
    annotations = typing.get_type_hints(figure.settings_type)
    lookup("setting", field, annotations)
    annotation = annotations[field]
    if isinstance(values, str):
        texts = list(_split(field, values, annotation))
    else:
        texts = [as_text(value) for value in values]
    require(len(texts) > 0, field, "swept over at least one value", "none")
    found = tuple(typed(field, text, annotation) for text in texts)
    for k, value in enumerate(found):
        allowed = "swept over values that differ"
        require(value not in found[:k], field, allowed, f"{as_text(value)} twice")
    return Axis(field, found)


def _split(field: str, text: str, annotation: Any) -> Iterator[str]:
    """The text of every value, ranges written out."""
    is_tuple = typing.get_origin(annotation) is tuple
    kinds = (annotation, *typing.get_args(annotation))
    if is_tuple and "," in text and "/" not in text:
        raise InputError(
            f"{field} must be swept over values separated by slashes, since a value has "
            f"commas of its own, got {text!r}."
        )
    for part in filter(None, map(str.strip, text.split("/" if is_tuple else ","))):
        if ":" in part and (int in kinds or float in kinds):
            yield from _range(field, part, whole=int in kinds)
        else:
            yield part


def _range(field: str, text: str, whole: bool) -> list[str]:
    match = _RANGE.fullmatch(text)
    if match is None:
        allowed = "a range start:stop:count or start:stop:countlog"
        raise InputError(f"{field} must be {allowed}, got {text!r}.")
    ends = [typed(field, match[end], float) for end in ("start", "stop")]
    count = int(match["count"])
    require(np.isfinite(ends).all(), field, "a range between finite ends", text)
    require(count >= 2, field, "a range of two values or more", text)
    if match["log"]:
        require(min(ends) > 0, field, "positive in a logarithmic range", text)
    space, digits = (np.geomspace, 4) if match["log"] else (np.linspace, 12)
    inner = space(*ends, count)[1:-1].tolist()
    # rounded: 0.3, not 0.30000000000000004, is what a list of values says, and a table
    values = [ends[0], *(float(f"{v:.{digits}g}") for v in inner), ends[1]]
    return [str(round(v) if whole else v) for v in values]
