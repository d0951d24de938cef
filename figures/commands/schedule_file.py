"""A mixing schedule of the user's own, read from a file."""

import zipfile
from pathlib import Path

import numpy as np

from theory.mixing import Schedule, schedule
from theory.validation import InputError, require

__all__ = ["MOST_STAGES", "read_schedule"]

MOST_STAGES = 4096
"""A schedule keeps the square of that."""


def read_schedule(path: Path, size: float) -> Schedule:
    """The schedule in a file, `size` points at every stage.

    Args:
        path: ``.npy``, ``.npz`` with ``schedule`` (or one array), or ``.csv`` without a
            heading: a matrix (S, S + 1), one row a stage; its first number is alpha, the
            real share, the others are beta, the shares of models 1, 2, ...
        size: training points, positive.

    Raises:
        InputError: in one line, naming the file: it is missing, cut short, of another
            shape, not numeric or not finite; shares are negative, do not sum to 1 within
            1e-9, or are those of models that do not exist yet.
    """
    table = _numbers(path, _array(path))
    S = len(table)
    shape = "a matrix (S, S + 1), one row a stage: alpha, then beta"
    fits = table.ndim == 2 and table.shape == (S, S + 1) and S >= 1
    require(fits, f"{path}", shape, table.shape)
    require(S <= MOST_STAGES, f"stages of {path}", f"at most {MOST_STAGES}", S)
    try:
        return schedule(table[:, 0], table[:, 1:], size)
    except InputError as error:
        raise InputError(f"{path}: {error}") from None


def _array(path: Path) -> np.ndarray:
    kinds = (".npy", ".npz", ".csv")
    require(path.suffix in kinds, f"{path}", f"one of {', '.join(kinds)}", path.suffix)
    if not path.is_file():
        raise InputError(f"{path} must be a file with a schedule, got nothing there.")
    try:
        if path.suffix == ".csv":
            return np.loadtxt(path, delimiter=",", ndmin=2, encoding="utf-8")
        found = np.load(path, allow_pickle=False)
        if path.suffix == ".npy":
            return found
        with found as arrays:
            named = {name: arrays[name] for name in arrays.files}
    except (OSError, EOFError, ValueError, zipfile.BadZipFile) as error:
        reason = " ".join(str(error).split())
        allowed = "a whole file of numbers (.npy, .npz or .csv)"
        raise InputError(f"{path} must be {allowed}, got {reason}.") from None
    one = len(named) == 1 or "schedule" in named
    require(one, f"{path}", "one array, or one named 'schedule'", sorted(named))
    return named.get("schedule", next(iter(named.values())))


def _numbers(path: Path, array: np.ndarray) -> np.ndarray:
    numeric = array.dtype.kind in "iuf"
    require(numeric, f"{path}", "real numbers", array.dtype.name)
    return array.astype(np.float64)
