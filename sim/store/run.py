"""Runs on disk: a folder per figure and settings, a group per batch of seeds.

    ROOT/results/FIGURE/PRESET-FINGERPRINT/
        settings.json            what was asked, and with which versions, device, commit
        timing.json              dates, seconds, memory: the only file that is not
                                 determined by the settings
        seeds-00000-00008/       one group: seeds 0..7
            group.json
            gen-00000.npz ...    one record per step, in order
            state.npz            where to go on; gone once the last record is stored
        trace.npz                what `simulate` returned
        complete.json            written after it: how many seeds it holds
        curves-FIGURE.npz        what the `predict` of a figure made of it

Every file is written whole or not at all, so a run killed at any moment resumes.
"""

import contextlib
import dataclasses
import hashlib
import json
import shutil
import time
from pathlib import Path
from typing import Any

import xarray as xr

from sim.store.archive import (
    FORMAT,
    read_dataset,
    read_json,
    write_dataset,
    write_json,
)
from sim.store.group import Group
from sim.store.lock import Lock
from sim.store.provenance import peak_memory_bytes, provenance
from theory.validation import InputError, require

__all__ = ["Run"]


class Run:
    """The stored results of one figure under one choice of settings.

    Attributes:
        path: the run's folder.
        figure, preset, fingerprint: what names it.
        settings: every settings field except `seeds`, as stored.
    """

    def __init__(self, path: Path, described: dict) -> None:
        """Use `Run.open`, `Run.find` or `Run.at`."""
        self.path = path
        self.figure: str = described["figure"]
        self.preset: str = described["preset"]
        self.fingerprint: str = described["fingerprint"]
        self.settings: dict = described["settings"]
        self._lock = Lock(path)

    @classmethod
    def open(
        cls,
        root: Path,
        figure: str,
        preset: str,
        settings: Any,
        fingerprint_extra: dict | None = None,
    ) -> "Run":
        """The run of these settings under `root`, created when it is not there yet.

        Args:
            root: output folder; the run lies in ``root/results/figure/``.
            figure: figure id.
            preset: name of the preset that the settings started from.
            settings: a dataclass of ints, floats, strings, booleans and tuples. Its
                field `seeds` (a count) is no part of the fingerprint: a run can grow.
            fingerprint_extra: whatever else decides the numbers, JSON-able.

        Raises:
            InputError: the folder cannot be written, or holds other settings.
        """
        asked = _describe(figure, preset, settings, fingerprint_extra or {})
        path = _folder(root, asked)
        if not (path / "settings.json").exists():
            key = {"run_key": asked["settings"].get("seed")}
            write_json(
                path / "settings.json", {**asked, "provenance": provenance() | key}
            )
        return cls._verified(path, asked)

    @classmethod
    def find(
        cls,
        root: Path,
        figure: str,
        preset: str,
        settings: Any,
        fingerprint_extra: dict | None = None,
    ) -> "Run | None":
        """As `open`, but None when there is no such run; nothing is written."""
        asked = _describe(figure, preset, settings, fingerprint_extra or {})
        path = _folder(root, asked)
        stored = (path / "settings.json").exists()
        return cls._verified(path, asked) if stored else None

    @classmethod
    def at(cls, path: Path) -> "Run":
        """The run in a folder; `InputError` when it holds none."""
        known = ("format", "figure", "preset", "fingerprint", "settings")
        described = read_json(path / "settings.json", *known)
        if described["format"] != FORMAT:
            raise InputError(
                f"{path / 'settings.json'} has format version {described['format']}, "
                f"this driftlab reads {FORMAT}; use another --out folder."
            )
        return cls(path, described)

    @classmethod
    def _verified(cls, path: Path, asked: dict) -> "Run":
        run = cls.at(path)
        if any(getattr(run, k) != asked[k] for k in ("figure", "settings")):
            raise InputError(
                f"{path / 'settings.json'} does not hold the settings its folder is "
                "named after; move the folder away and run again."
            )
        return run

    @classmethod
    def all(cls, root: Path) -> "list[Run]":
        """Every run under `root`, by figure and name."""
        found = sorted(Path(root).glob("results/*/*/settings.json"))
        return [cls.at(file.parent) for file in found]

    @property
    def root(self) -> Path:
        """The output folder it lies in."""
        return self.path.parents[2]

    @property
    def id(self) -> str:
        """``figure/preset-fingerprint``, as the command line names a run."""
        return f"{self.figure}/{self.path.name}"

    def stored_groups(self) -> "list[Group]":
        """The groups on disk, by seed; nothing is written."""
        folders = sorted(self.path.glob("seeds-*/group.json"))
        groups = [Group.at(file.parent, self.locked) for file in folders]
        expected = 0
        for group in groups:
            if group.seeds.start != expected:
                raise InputError(
                    f"{self.path} lacks seeds {expected} to {group.seeds.start - 1}; "
                    "restore them, or remove the run (driftlab runs remove)."
                )
            expected = group.seeds.stop
        return groups

    def groups(self, seeds: int) -> "list[Group]":
        """Groups that together hold seeds ``0 .. seeds - 1``, in order.

        The stored ones come first, then one new group for the seeds not yet covered.
        With fewer seeds than stored, the last group may hold more than was asked for.
        """
        require(seeds >= 1, "seeds", ">= 1", seeds)
        groups = self.stored_groups()
        covered = groups[-1].seeds.stop if groups else 0
        if covered < seeds:
            with self.locked():
                groups.append(
                    Group.create(self.path, range(covered, seeds), self.locked)
                )
        return [group for group in groups if group.seeds.start < seeds]

    def load(self, seeds: int) -> xr.Dataset:
        """The records of seeds ``0 .. seeds - 1``, concatenated over "seed"."""
        parts = [group.load() for group in self.groups(seeds)]
        whole = xr.concat(
            parts, "seed", data_vars="minimal", compat="equals", join="exact"
        )
        return whole.isel(seed=slice(seeds))

    def complete(self, seeds: int, trace: xr.Dataset) -> None:
        """Store what `simulate` returned for `seeds` seeds; earlier curves go."""
        with self.locked():
            for outdated in ("complete.json", *self._curves):
                (self.path / outdated).unlink(missing_ok=True)
            write_dataset(self.path / "trace.npz", trace)
            write_json(self.path / "complete.json", {"seeds": seeds})

    def keep_curves(self, figure: str, curves: xr.Dataset) -> None:
        """Store what the `predict` of a figure made of the trace."""
        with self.locked():
            write_dataset(self.path / f"curves-{figure}.npz", curves)

    @property
    def completed_seeds(self) -> int:
        """How many seeds trace.npz holds; 0 while there is none."""
        file = self.path / "complete.json"
        return read_json(file, "seeds")["seeds"] if file.exists() else 0

    def trace(self) -> xr.Dataset:
        """What `simulate` returned."""
        return read_dataset(self.path / "trace.npz")

    def has_curves(self, figure: str) -> bool:
        """Whether the figure's prediction for the stored trace is there."""
        return self.completed_seeds > 0 and f"curves-{figure}.npz" in self._curves

    def curves(self, figure: str) -> xr.Dataset:
        """What the `predict` of a figure returned."""
        return read_dataset(self.path / f"curves-{figure}.npz")

    @property
    def _curves(self) -> list[str]:
        return [file.name for file in self.path.glob("curves-*.npz")]

    def timing(self) -> dict:
        """Dates, seconds and peak memory: one entry for each time it was worked on."""
        file = self.path / "timing.json"
        return read_json(file, "sessions") if file.exists() else {"sessions": []}

    def note_time(self, seconds: float, what: str) -> None:
        """Add an entry to timing.json: "simulated", "interrupted" or "reused"."""
        entry = {
            "ended": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
            "what": what,
            "seconds": round(seconds, 3),
            "peak_memory_bytes": peak_memory_bytes(),
        }
        sessions = [*self.timing()["sessions"], entry]
        write_json(self.path / "timing.json", {"sessions": sessions})

    def seconds(self) -> float:
        """Time spent on simulating it so far, interrupted attempts included."""
        sessions = self.timing()["sessions"]
        return sum(s["seconds"] for s in sessions if s["what"] != "reused")

    def last_used(self) -> str:
        """When it was last worked on or reused, in UTC; "" for never."""
        return max((s["ended"] for s in self.timing()["sessions"]), default="")

    def size_bytes(self) -> int:
        """Disk space the run takes."""
        return sum(f.stat().st_size for f in self.path.rglob("*") if f.is_file())

    def provenance(self) -> dict:
        """Versions, device, commit and run key of the session that created the run."""
        return read_json(self.path / "settings.json", "provenance")["provenance"]

    def remove(self) -> None:
        """Delete the run's folder."""
        with self.locked():
            shutil.rmtree(self.path)

    def locked(self) -> contextlib.AbstractContextManager[None]:
        """Hold the run for writing (re-entrant), see `Lock.held`."""
        return self._lock.held()


def _describe(figure: str, preset: str, settings: Any, extra: dict) -> dict:
    import jax

    fields = {
        f.name: getattr(settings, f.name)
        for f in dataclasses.fields(settings)
        if f.name != "seeds"
    }
    described = {
        "format": FORMAT,
        "figure": figure,
        "settings": fields,
        "extra": extra,
        "x64": bool(jax.config.jax_enable_x64),
    }
    text = json.dumps(described, sort_keys=True)
    fingerprint = hashlib.sha256(text.encode()).hexdigest()[:12]
    names = {"preset": preset, "fingerprint": fingerprint}
    return json.loads(text) | names  # tuples as lists, the way the file gives them back


def _folder(root: Path, described: dict) -> Path:
    name = f"{described['preset']}-{described['fingerprint']}"
    return Path(root) / "results" / described["figure"] / name
