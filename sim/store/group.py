"""Records of one batch of seeds, stored step by step, and the loop that fills them."""

import itertools
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import jax
import xarray as xr

from sim.store.archive import (
    FORMAT,
    read_dataset,
    read_json,
    write_dataset,
    write_json,
)
from sim.store.checkpoint import canonical, read_state, write_state
from sim.store.provenance import provenance
from theory.validation import InputError

__all__ = ["Group", "resumable"]

PyTree = Any
Hold = Callable[[], AbstractContextManager]

SAVE_EVERY = 5.0
"""Seconds of work that a kill may cost: states can be large, steps can be quick."""


class Group:
    """A contiguous range of seeds, simulated together and stored step by step.

    Attributes:
        path: the group's folder.
        seeds: the seed indices it covers.
        hold: context manager that keeps other processes from writing the run.
    """

    def __init__(self, path: Path, seeds: range, hold: Hold) -> None:
        """Use `Run.groups`."""
        self.path, self.seeds, self.hold = path, seeds, hold

    @classmethod
    def create(cls, run_path: Path, seeds: range, hold: Hold) -> "Group":
        """A new, empty group."""
        path = run_path / f"seeds-{seeds.start:05d}-{seeds.stop:05d}"
        described = {"format": FORMAT, "seeds": [seeds.start, seeds.stop]}
        write_json(path / "group.json", described | {"provenance": provenance()})
        return cls(path, seeds, hold)

    @classmethod
    def at(cls, path: Path, hold: Hold) -> "Group":
        """The group in a folder."""
        described = read_json(path / "group.json", "format", "seeds")
        return cls(path, range(*described["seeds"]), hold)

    def part(self, name: str) -> "Group":
        """A second sequence of records over the same seeds, in a subfolder `name`."""
        return Group(self.path / name, self.seeds, self.hold)

    @property
    def done(self) -> int:
        """Number of records stored, without gaps, from step 0."""
        return next(k for k in itertools.count() if not self._record(k).exists())

    def append(self, step: int, record: xr.Dataset, state: PyTree = None) -> None:
        """Store the record of one step, then the state that the next one starts from.

        A kill between the two repeats the step on resuming, with the same bytes.
        """
        if step > self.done:
            raise ValueError(f"step {step} comes before step {self.done} is stored")
        with self.hold():
            write_dataset(self._record(step), record)
            if state is not None:
                write_state(self._state, step, state)

    def load(self) -> xr.Dataset:
        """The stored records, concatenated over "generation" (the step where absent).

        Variables without that dimension must agree in all records if one carries it.
        """
        records = [
            _with_generation(read_dataset(self._record(k)), k) for k in range(self.done)
        ]
        if not records:
            raise InputError(f"{self.path} holds no record yet; run its figure first.")
        return xr.concat(
            records, "generation", data_vars="minimal", compat="equals", join="exact"
        )

    def load_state(self, like: PyTree) -> tuple[int, PyTree] | None:
        """The last stored (step, state), shaped as `like`; None when there is none."""
        return read_state(self._state, like) if self._state.exists() else None

    def drop_state(self) -> None:
        """Delete the state: the last record is stored, nothing will go on from it."""
        self._state.unlink(missing_ok=True)

    @property
    def _state(self) -> Path:
        return self.path / "state.npz"

    def _record(self, step: int) -> Path:
        return self.path / f"gen-{step:05d}.npz"


def resumable(
    group: Group,
    steps: int,
    start_state: Callable[[], PyTree],
    body: Callable[[int, PyTree], tuple[PyTree, xr.Dataset]],
    tick: Callable[[int], Any] = lambda n: None,
) -> xr.Dataset:
    """Run ``state, record = body(step, state)`` for each step not stored yet.

    Killed anywhere, the same call goes on from the last stored state, which is no older
    than `SAVE_EVERY` and a step, and ends with the same bytes on disk, provided `body`
    depends on its arguments alone.

    Args:
        group: where the records go.
        steps: how many there shall be.
        start_state: builds the state before step 0: a pytree of arrays, or None (or an
            empty tree) when the steps do not depend on one another.
        body: one step. Its record need not carry a "generation" dimension.
        tick: called with the number of steps just done, first with those found stored.

    Returns:
        All records, concatenated over "generation".
    """
    with group.hold():
        first, state = _resume_point(group, steps, start_state)
        tick(first)
        saved = time.monotonic()
        for step in range(first, steps):
            state, record = body(step, state)
            state = canonical(state)
            due = (
                bool(jax.tree.leaves(state)) and time.monotonic() >= saved + SAVE_EVERY
            )
            group.append(step, record, state if due else None)
            if due:
                saved = time.monotonic()
            tick(1)
        group.drop_state()
    return group.load()


def _resume_point(
    group: Group, steps: int, start_state: Callable[[], PyTree]
) -> tuple[int, PyTree]:
    """The first step still to do, and the state it starts from."""
    done = group.done
    if done >= steps:
        return steps, None
    state = start_state()
    if not jax.tree.leaves(state):  # the steps do not depend on one another
        return done, state
    stored = group.load_state(like=state)
    if stored is None:
        return 0, state
    if stored[0] >= done:
        raise InputError(
            f"{group.path} lacks the record of step {done}, its state is from step "
            f"{stored[0]}; remove the run (driftlab runs remove)."
        )
    return stored[0] + 1, stored[1]


def _with_generation(record: xr.Dataset, step: int) -> xr.Dataset:
    if "generation" in record.dims:
        return record
    if "generation" not in record.coords:
        record = record.assign_coords(generation=step)
    return record.expand_dims("generation")
