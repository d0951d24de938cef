"""One file format for every stored array: an npz with a JSON header and a checksum.

Nothing is pickled. Equal contents give equal bytes, on any day and any machine: members
are sorted, uncompressed, C-ordered, little-endian and undated.
"""

import hashlib
import io
import json
import os
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

from theory.validation import InputError

__all__ = [
    "FORMAT",
    "pack",
    "read_dataset",
    "read_json",
    "require_writable",
    "unpack",
    "write_atomic",
    "write_dataset",
    "write_json",
]

FORMAT = 1
"""Version of the files on disk; part of every run's fingerprint."""

_HEADER = "header.json"
_EPOCH = (1980, 1, 1, 0, 0, 0)  # the earliest date a zip member can carry
_REPAIR = "restore it, or remove its run (driftlab runs remove) and compute it again"


def write_atomic(path: Path, content: bytes) -> None:
    """Write `content` so that a reader sees the old file or the new one, never a part.

    Raises:
        InputError: the place cannot be written (no permission, no space, not a folder).
    """
    part = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            with part.open("wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            part.replace(path)
        finally:
            part.unlink(missing_ok=True)
        _sync_folder(path.parent)  # makes the rename itself survive a power cut
    except OSError as e:
        raise InputError(
            f"{path} cannot be written ({e.strerror}); choose another --out folder."
        ) from e


def require_writable(folder: Path) -> None:
    """Refuse an output folder that cannot be written before working for it."""
    probe = Path(folder) / ".writable"
    write_atomic(probe, b"")
    probe.unlink()


def write_json(path: Path, value: Any) -> None:
    """Write `value` as sorted, indented JSON, atomically."""
    write_atomic(path, (json.dumps(value, indent=1, sort_keys=True) + "\n").encode())


def read_json(path: Path, *keys: str) -> dict:
    """The object in a JSON file; `InputError` unless it is one and has `keys`."""
    try:
        value = json.loads(path.read_bytes())
    except (ValueError, OSError) as e:
        raise InputError(f"{path} is not readable as JSON; {_REPAIR}.") from e
    if not (isinstance(value, dict) and set(keys) <= value.keys()):
        raise InputError(f"{path} was not written by driftlab; move it away.")
    return value


def pack(kind: str, arrays: dict[str, np.ndarray], **fields: Any) -> bytes:
    """The bytes of a file holding `arrays` and a header with the JSON-able `fields`."""
    members = {f"{name}.npy": _npy(arrays[name]) for name in sorted(arrays)}
    header = {"driftlab": FORMAT, "kind": kind, **fields}
    header["sha256"] = _digest(header, members)
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_STORED) as archive:
        for name, content in {_HEADER: _json(header), **members}.items():
            info = zipfile.ZipInfo(name, date_time=_EPOCH)
            info.create_system = 3  # else the bytes would depend on the platform
            archive.writestr(info, content)
    return out.getvalue()


def unpack(path: Path, kind: str) -> tuple[dict, dict[str, np.ndarray]]:
    """Header and arrays of a file written by `pack`, after checking its SHA-256.

    Raises:
        InputError: missing, truncated, damaged, foreign, of another format version or
            of another kind; one line naming the file and what to do.
    """
    header, members = _members(path)
    version = header.get("driftlab")
    if version != FORMAT:
        raise InputError(
            f"{path} has format version {version}, this driftlab reads {FORMAT}; "
            "use another --out folder or the driftlab that wrote it."
        )
    expected = header.pop("sha256", None)
    if expected != _digest(header, members):
        raise InputError(f"{path} is damaged (its SHA-256 differs); {_REPAIR}.")
    if header.get("kind") != kind:
        raise InputError(f"{path} must hold a {kind}, got a {header.get('kind')}.")
    arrays = {
        name.removesuffix(".npy"): np.lib.format.read_array(
            io.BytesIO(content), allow_pickle=False
        )
        for name, content in members.items()
    }
    return header, arrays


def write_dataset(path: Path, dataset: xr.Dataset) -> None:
    """Store a labelled dataset (numbers, booleans, strings), atomically.

    Raises:
        InputError: the file cannot be written.
        TypeError: a variable or an attribute that would need pickling.
    """
    arrays = {str(name): dataset[name].values for name in dataset.variables}
    content = pack(
        "dataset",
        arrays,
        coords=sorted(map(str, dataset.coords)),
        variables={
            str(name): {"dims": list(v.dims), "attrs": _plain(v.attrs)}
            for name, v in dataset.variables.items()
        },
        attrs=_plain(dataset.attrs),
    )
    write_atomic(Path(path), content)


def read_dataset(path: Path) -> xr.Dataset:
    """The dataset stored by `write_dataset`; `InputError` as for `unpack`."""
    header, arrays = unpack(Path(path), "dataset")
    variables = {
        name: (tuple(described["dims"]), arrays[name], described["attrs"])
        for name, described in header["variables"].items()
    }
    coords = {name: variables.pop(name) for name in header["coords"]}
    return xr.Dataset(variables, coords, header["attrs"])


def _members(path: Path) -> tuple[dict, dict[str, bytes]]:
    try:
        with zipfile.ZipFile(path) as archive:
            members = {name: archive.read(name) for name in archive.namelist()}
    except FileNotFoundError as e:
        raise InputError(f"{path} is missing; {_REPAIR}.") from e
    except (zipfile.BadZipFile, EOFError, OSError, NotImplementedError) as e:
        raise InputError(f"{path} is truncated or no npz file; {_REPAIR}.") from e
    try:
        header = json.loads(members.pop(_HEADER))
    except (KeyError, ValueError) as e:
        raise InputError(f"{path} was not written by driftlab; move it away.") from e
    return header, members


def _npy(values: np.ndarray) -> bytes:
    a = np.asarray(values, order="C")
    if a.dtype.kind in "OTU":  # strings: the narrowest width, whatever they came in
        if not all(isinstance(value, str) for value in a.flat):
            raise TypeError(f"only numbers, booleans and strings are stored, got {a!r}")
        a = np.array(a.ravel().tolist(), dtype=str).reshape(a.shape)
    out = io.BytesIO()
    little = a.astype(a.dtype.newbyteorder("<"), copy=False)
    np.lib.format.write_array(out, little, version=(1, 0), allow_pickle=False)
    return out.getvalue()


def _digest(header: dict, members: dict[str, bytes]) -> str:
    digest = hashlib.sha256(_json(header))
    for name in sorted(members):
        digest.update(name.encode() + b"\0" + members[name])
    return digest.hexdigest()


def _json(value: Any) -> bytes:
    return json.dumps(value, sort_keys=True).encode()


def _plain(value: Any) -> Any:
    """Attributes as JSON holds them: numpy scalars and arrays become numbers, lists."""
    if isinstance(value, dict):
        return {str(k): _plain(v) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(v) for v in value]
    return value.tolist() if isinstance(value, (np.ndarray, np.generic)) else value


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
