"""Labelled arrays as NetCDF-4: numbers, truth values and text as they are, with groups."""

import json
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

from sim.store.archive import write_atomic

__all__ = ["write_netcdf"]


def write_netcdf(path: Path, tree: xr.DataTree) -> None:
    """Write a tree so that ``xarray.open_datatree(path)`` gives equal arrays back.

    Attributes that NetCDF has no type for (truth values, mappings, lists) become JSON.

    Raises:
        InputError: the file cannot be written.
    """
    plain = xr.DataTree.from_dict(
        {node.path: _described(node.to_dataset(inherit=False)) for node in tree.subtree}
    )
    with tempfile.TemporaryDirectory() as folder:
        whole = Path(folder) / "tree.nc"
        plain.to_netcdf(whole, engine="h5netcdf")
        write_atomic(path, whole.read_bytes())


def _described(dataset: xr.Dataset) -> xr.Dataset:
    plain = dataset.assign_attrs(_plain(dataset.attrs))
    for variable in plain.variables.values():
        variable.attrs = _plain(variable.attrs)
    return plain


def _plain(attributes: Mapping[Any, Any]) -> dict[str, str | int | float]:
    return {str(name): _value(value) for name, value in attributes.items()}


def _value(value: Any) -> str | int | float:
    if isinstance(value, (np.generic, np.ndarray)):
        value = value.tolist()
    return value if type(value) in (str, int, float) else json.dumps(value)
