"""What a waiting user sees: bars on a terminal, else a line per stage, or nothing."""

import contextlib
import sys
import time
from collections.abc import Iterator
from typing import Protocol, TextIO

__all__ = [
    "SILENT",
    "Bars",
    "Lines",
    "Progress",
    "Silent",
    "Stage",
    "duration",
    "progress",
]


class Stage(Protocol):
    """A stage under way."""

    def tick(self, n: int = 1) -> None:
        """`n` more of its parts are done."""


class Progress(Protocol):
    """Stages may be opened inside one another."""

    def stage(
        self, label: str, total: int | None = None
    ) -> contextlib.AbstractContextManager[Stage]:
        """A stage of `total` parts (None: not known), open for the `with` block."""


class Silent:
    """Shows nothing."""

    @contextlib.contextmanager
    def stage(self, label: str, total: int | None = None) -> Iterator["Silent"]:
        """See `Progress`."""
        yield self

    def tick(self, n: int = 1) -> None:
        """See `Stage`."""


SILENT = Silent()


class Lines:
    """A line when a stage ends, indented by depth, with the time it took.

    Stages more than `depth` deep (the training of every generation) are left out.
    """

    def __init__(self, stream: TextIO | None = None, depth: int = 2) -> None:
        """Lines go to `stream`, by default the standard error."""
        self._stream = stream or sys.stderr
        self._depth = depth
        self._open = 0

    @contextlib.contextmanager
    def stage(self, label: str, total: int | None = None) -> Iterator[Silent]:
        """See `Progress`."""
        began = time.perf_counter()
        self._open += 1
        outcome = "stopped after"
        try:
            yield SILENT
            outcome = "done in"
        finally:
            self._open -= 1
            if self._open < self._depth:
                elapsed = duration(time.perf_counter() - began)
                indent = "  " * self._open
                print(
                    f"{indent}{label}: {outcome} {elapsed}",
                    file=self._stream,
                    flush=True,
                )


class Bars:
    """A bar per open stage; that of an inner stage goes when it ends."""

    def __init__(self, stream: TextIO | None = None) -> None:
        """Bars go to `stream`, by default the standard error."""
        self._stream = stream or sys.stderr
        self._open = 0

    @contextlib.contextmanager
    def stage(self, label: str, total: int | None = None) -> Iterator["_Bar"]:
        """See `Progress`."""
        from tqdm import tqdm

        inner = self._open > 0
        bar = tqdm(
            total=total,
            desc="  " * self._open + label,
            file=self._stream,
            leave=not inner,
            dynamic_ncols=True,
            bar_format=None if total else "{desc}: {elapsed}",
        )
        self._open += 1
        try:
            with bar:
                yield _Bar(bar)
        finally:
            self._open -= 1


class _Bar:
    def __init__(self, bar) -> None:
        self._bar = bar

    def tick(self, n: int = 1) -> None:
        self._bar.update(n)


def progress(stream: TextIO | None = None, quiet: bool = False) -> Progress:
    """The progress that suits `stream` (standard error): bars if it is a terminal."""
    if quiet:
        return SILENT
    stream = stream or sys.stderr
    return Bars(stream) if stream.isatty() else Lines(stream)


def duration(seconds: float) -> str:
    """``0.4 s``, ``12 s``, ``3 min 20 s``, ``2 h 05 min``."""
    if seconds < 10:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02d} s"
    return f"{whole // 3600} h {whole % 3600 // 60:02d} min"
