"""One writer per folder."""

import contextlib
import fcntl
import os
from collections.abc import Iterator
from pathlib import Path

from theory.validation import InputError

__all__ = ["Lock"]


class Lock:
    """A re-entrant hold on a folder that ends with the process, however it ends."""

    def __init__(self, folder: Path) -> None:
        """The lock of `folder`, not yet held."""
        self.folder = folder
        self._handle: int | None = None

    @contextlib.contextmanager
    def held(self) -> Iterator[None]:
        """Hold the folder for writing; clear what a killed process left half-written.

        Raises:
            InputError: another process holds it; the line names the process.
        """
        if self._handle is not None:
            yield
            return
        self._handle = self._acquire()
        try:
            for leftover in self.folder.rglob(".*.tmp"):
                leftover.unlink(missing_ok=True)
            yield
        finally:
            os.close(self._handle)
            self._handle = None

    def _acquire(self) -> int:
        file = self.folder / "lock"
        try:
            handle = os.open(file, os.O_RDWR | os.O_CREAT, 0o644)
        except OSError as e:
            raise InputError(f"{file} cannot be written ({e.strerror}).") from e
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as e:
            holder = os.read(handle, 64).decode(errors="replace").strip()
            os.close(handle)
            raise InputError(
                f"{self.folder} is being written by process {holder or 'unknown'}; "
                "wait until it ends, or stop it."
            ) from e
        os.ftruncate(handle, 0)
        os.write(handle, f"{os.getpid()}\n".encode())
        return handle
